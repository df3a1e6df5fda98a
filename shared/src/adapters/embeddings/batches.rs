//! Cutting texts into calls, by what a call may carry and by how long its answer may get.

use super::dialect::Dialect;
use crate::adapters::http::MOST_BYTES;
use crate::domain::tokens;

/// A number of a vector as JSON, indented as OpenAI does: no more than that.
const BYTES_PER_NUMBER: usize = 40;

/// What one call may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    items: usize,
    text_tokens: u32,
    call_tokens: u32,
}

impl Load {
    /// Of a provider whose vectors have this length.
    pub(super) fn new(dialect: &Dialect, dimensions: usize) -> Self {
        let readable = MOST_BYTES / (BYTES_PER_NUMBER * dimensions.max(1));
        Self {
            items: dialect.items.min(readable).max(1),
            text_tokens: dialect.text_tokens,
            call_tokens: dialect.call_tokens,
        }
    }

    /// The texts in runs of what fits into a call, in their order, none of them empty.
    pub(super) fn split<T>(self, texts: &[T], text: impl Fn(&T) -> &str) -> Vec<&[T]> {
        let mut runs = Vec::new();
        let (mut start, mut spent) = (0, 0_u32);
        for (place, item) in texts.iter().enumerate() {
            let cost = self.cost(text(item));
            let is_full =
                place - start == self.items || spent.saturating_add(cost) > self.call_tokens;
            if is_full && place > start {
                runs.push(&texts[start..place]);
                (start, spent) = (place, 0);
            }
            spent = spent.saturating_add(cost);
        }
        if start < texts.len() {
            runs.push(&texts[start..]);
        }
        runs
    }

    /// What is sent of a text.
    pub(super) fn cut(self, text: &str) -> &str {
        tokens::first(text, self.text_tokens)
    }

    /// The tokens of a text as it is sent. Never fewer than a quarter of its bytes, since that is how the Edge
    /// Function counts.
    fn cost(self, text: &str) -> u32 {
        let quarter = u32::try_from(text.len().div_ceil(4)).unwrap_or(u32::MAX);
        tokens::bound(text).max(quarter).min(self.text_tokens)
    }
}
