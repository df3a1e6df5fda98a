//! One line per long step, on stderr; a spinner where stderr is a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

/// A step that is under way.
pub(crate) struct Step {
    text: String,
    bar: ProgressBar,
    since: Instant,
}

impl Step {
    /// Announces a step.
    pub(crate) fn begin(text: impl Into<String>) -> Self {
        let text = text.into();
        let bar = if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.set_message(text.clone());
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        } else {
            ProgressBar::hidden()
        };
        let since = Instant::now();
        Self { text, bar, since }
    }

    /// Says that it is done, and how long it took.
    pub(crate) fn done(self) {
        self.bar.finish_and_clear();
        say(&format!(
            "{} ({:.1} s)",
            self.text,
            self.since.elapsed().as_secs_f64()
        ));
    }
}

/// A line on stderr, also from within a test, where `eprintln!` would be swallowed.
pub(crate) fn say(line: &str) {
    // A closed stderr is nothing to stop for.
    let _ = writeln!(std::io::stderr(), "{line}");
}
