//! How many tokens a text costs a model, at most: never fewer than the tokenisers of chat models count.
//!
//! The bound is proven for OpenAI's encodings `o200k_base` and `cl100k_base`, and tested against them
//! (`docs/decisions`, "Tokens are bounded, not counted"). It says nothing about other tokenisers.

mod budget;
mod class;
mod encoding;
mod piece;
mod split;
mod vocabulary;
mod walk;

#[cfg(test)]
mod generate;
#[cfg(test)]
mod tests;

pub use budget::Budget;
use walk::Walk;

/// At least as many tokens as `o200k_base` and `cl100k_base` make of `text`. Reads no table that has to be
/// built, allocates nothing.
///
/// Of lines that end in `\n` and begin with neither white space nor `/`, the bounds add up: all lines
/// together cost no more than their sum, so a budget may be spent line by line.
pub fn bound(text: &str) -> u32 {
    let mut walk = Walk::over(text);
    while walk.step() {}
    walk.tokens()
}

/// A beginning of `text` whose [`bound`] is at most `max`: all of it, or nearly as much as fits.
pub fn first(text: &str, max: u32) -> &str {
    // No token is shorter than a byte.
    if text.len() <= max as usize {
        return text;
    }
    let mut walk = Walk::over(text);
    let mut end = 0;
    while walk.step() && walk.tokens() <= max {
        end = walk.end();
    }
    // The cut makes other pieces of the last ones, which may cost more.
    loop {
        let beginning = &text[..end];
        let excess = bound(beginning).saturating_sub(max) as usize;
        if excess == 0 {
            return beginning;
        }
        end = text.floor_char_boundary(end - excess.min(end));
    }
}
