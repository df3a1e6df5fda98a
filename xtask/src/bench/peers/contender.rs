//! What each side can do.

use super::super::samples::Samples;
use super::talk::{Asked, Said};
use crate::Error;

/// Hits of a search.
pub(super) const LIMIT: usize = 10;

/// Milliseconds of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Took {
    pub(super) all: f64,
    /// What of it was the embedder's.
    pub(super) embedder: f64,
}

/// One side. A call is warm and alone: nothing else is under way.
pub(super) trait Contender {
    /// As a table calls it.
    fn name(&self) -> &'static str;

    /// Keeps a turn; when it returns, the turn is durable.
    fn record(&mut self, said: &Said<'_>) -> Result<Took, Error>;

    /// The ids of the [`LIMIT`] turns that fit a question best, best first.
    fn search(&mut self, asked: &Asked<'_>) -> Result<(Took, Vec<String>), Error>;

    /// Where the time of its calls went, as far as it tells: the call, the part, milliseconds.
    fn parts(&self) -> Vec<(&'static str, String, Samples)> {
        Vec::new()
    }

    /// Lets what a call left to be done end, and answers after how many milliseconds it had.
    fn settle(&mut self) -> Result<f64, Error> {
        Ok(0.0)
    }
}
