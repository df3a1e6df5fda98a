//! One line of the doctor's.

use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Ok,
    /// It works without, or may be meant.
    Warn,
    Fail,
}

/// What a check found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// The part of the deployment, a word.
    area: &'static str,
    /// What was found and, unless all is well, what to do. Never a secret.
    text: String,
}

impl Finding {
    pub(crate) fn ok(area: &'static str, text: impl Into<String>) -> Self {
        Self::new(Level::Ok, area, text)
    }

    pub(crate) fn warn(area: &'static str, text: impl Into<String>) -> Self {
        Self::new(Level::Warn, area, text)
    }

    pub(crate) fn fail(area: &'static str, text: impl Into<String>) -> Self {
        Self::new(Level::Fail, area, text)
    }

    fn new(level: Level, area: &'static str, text: impl Into<String>) -> Self {
        Self {
            level,
            area,
            text: text.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        write!(f, "{level:<4}  {:<10}  {}", self.area, self.text)
    }
}
