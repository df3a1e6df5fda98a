//! What a stand-in was sent, whole: for proving that something never was.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::{
    HeaderMap, Method, Uri,
    header::{AUTHORIZATION, HOST},
};

/// How many requests are kept; older ones are forgotten, so that a long session does not fill the memory.
const KEPT: usize = 10_000;

/// The latest requests, in order of arrival; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received(Arc<Mutex<VecDeque<String>>>);

impl Received {
    /// Notes a request as a text: `METHOD /path?query`, the headers but for the token and the host, and the body.
    pub(crate) fn note(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) {
        let mut text = format!("{method} {uri}\n");
        let known = |name: &http::HeaderName| *name == AUTHORIZATION || *name == HOST;
        for (name, value) in headers.iter().filter(|(name, _)| !known(name)) {
            text.push_str(&format!(
                "{name}: {}\n",
                String::from_utf8_lossy(value.as_bytes())
            ));
        }
        text.push_str(&String::from_utf8_lossy(body));
        let mut kept = self.lock();
        kept.push_back(text);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }

    /// Forgets them.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
