//! What users said, before anything was replaced in it.

use std::fmt;

/// A text that may not leave as it is. It has no `Display`, its `Debug` shows a length, and no port to a
/// third party takes it; those who may see it are its user and our own database.
///
/// ```compile_fail,E0277
/// let said = memory_orchestrator::redact::RawText::new("what somebody said");
/// println!("{said}");
/// ```
///
/// ```compile_fail,E0308
/// # use memory_orchestrator::adapters::{Error, mem0::Mem0};
/// # use memory_orchestrator::domain::{deadline::Deadline, ids::UserId};
/// # use memory_orchestrator::redact::RawText;
/// async fn asked(mem0: &Mem0, user: UserId, said: &RawText, soon: Deadline) -> Result<(), Error> {
///     mem0.search(user, said, 5, soon).await.map(drop)
/// }
/// ```
///
/// ```
/// # use memory_orchestrator::adapters::{Error, mem0::Mem0};
/// # use memory_orchestrator::domain::{deadline::Deadline, ids::UserId};
/// # use memory_orchestrator::redact::{RawText, Redactor};
/// async fn asked(mem0: &Mem0, user: UserId, said: &RawText, soon: Deadline) -> Result<(), Error> {
///     let query = Redactor::default().redact(said.expose());
///     mem0.search(user, &query, 5, soon).await.map(drop)
/// }
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RawText(String);

impl RawText {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for the database, for its user, for a [`Redactor`](super::Redactor).
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RawText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawText({} bytes)", self.0.len())
    }
}
