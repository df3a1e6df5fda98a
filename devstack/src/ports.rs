//! Free ports for processes that bind them a moment later.

use std::{
    hash::{BuildHasher, RandomState},
    io,
    net::{Ipv4Addr, TcpListener},
};

/// Below Linux's range for outgoing connections, so that no connection of a busy test takes a port
/// between our look and the process's bind.
const RANGE: std::ops::Range<u16> = 12_000..32_000;

/// A port on 127.0.0.1 that nobody listens on; random, so that parallel tests rarely pick the same.
///
/// # Errors
/// When 200 of them are taken.
pub fn free() -> io::Result<u16> {
    let span = u64::from(RANGE.end - RANGE.start);
    for attempt in 0..200_u32 {
        // Each RandomState hashes with keys of its own.
        let offset = RandomState::new().hash_one(attempt) % span;
        let port = RANGE.start + u16::try_from(offset).unwrap_or_default();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AddrInUse,
        "no free port on 127.0.0.1",
    ))
}
