//! Deduplication: within ten minutes the same key is published once.

use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use sha2::{Digest, Sha256};

use super::{
    core::{Core, lock},
    headers::{self, Deduplication},
    publish::Publication,
};

/// The documented window; it is not scaled, so that a fast run does not forget repeats.
const WINDOW: Duration = Duration::from_secs(600);

/// What a publication is known by, if it asks for deduplication; an endpoint of a group has a key of its own.
pub(super) fn key(
    asked: &Deduplication,
    publication: &Publication,
    endpoint: Option<&String>,
    sent: &HeaderMap,
) -> Option<String> {
    let endpoint = endpoint.map_or("", String::as_str);
    match asked {
        Deduplication::Off => None,
        Deduplication::Id(id) => Some(format!("id {id} {endpoint}")),
        Deduplication::Content => {
            let hash = Sha256::new()
                .chain_update(&publication.destination)
                .chain_update([0])
                .chain_update(headers::to_json(sent).to_string())
                .chain_update([0])
                .chain_update(&publication.body)
                .finalize();
            Some(format!("content {hash:x} {endpoint}"))
        }
    }
}

/// The message that this key became within the window; if there is none, remembers `id` for it.
pub(super) fn earlier(core: &Core, key: String, id: &str) -> Option<String> {
    let mut seen = lock(&core.seen);
    let fresh = |when: &Instant| when.elapsed() < WINDOW;
    // Now and then, since it looks at every key.
    if seen.len() % 1024 == 1023 {
        seen.retain(|_, (when, _)| fresh(when));
    }
    if let Some((when, earlier)) = seen.get(&key)
        && fresh(when)
    {
        return Some(earlier.clone());
    }
    seen.insert(key, (Instant::now(), id.to_owned()));
    None
}
