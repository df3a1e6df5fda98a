//! What Redis 7.0 does not take of a Lua script.
//!
//! The scripts of `@upstash/ratelimit` begin with `#!lua flags=allow-key-locking`. That flag is Upstash's own: Redis
//! knows the line, not the flag, and refuses the script. So the line goes. What is left hashes differently, and a client
//! that calls a script by the hash of its own text must find it all the same.

use std::collections::HashMap;

use super::command::Words;

const FLAG: &[u8] = b"allow-key-locking";

/// The hash that a client knows (hexadecimal, lower case), and the one that the server knows.
#[derive(Default)]
pub(super) struct Scripts(HashMap<Vec<u8>, Vec<u8>>);

impl Scripts {
    /// Makes a command one that the server takes. Any other command stays as it is.
    pub(super) fn translate(&mut self, command: &mut Words) {
        let upper = |place: usize| command.get(place).map(|word| word.to_ascii_uppercase());
        let (name, second) = (upper(0).unwrap_or_default(), upper(1).unwrap_or_default());
        match (name.as_slice(), second.as_slice()) {
            (b"EVAL" | b"EVAL_RO", _) => self.strip(command.get_mut(1)),
            (b"SCRIPT", b"LOAD") => self.strip(command.get_mut(2)),
            (b"EVALSHA" | b"EVALSHA_RO", _) => self.rename(command.get_mut(1)),
            (b"SCRIPT", b"EXISTS") => {
                for hash in command.iter_mut().skip(2) {
                    self.rename(Some(hash));
                }
            }
            _ => {}
        }
    }

    fn strip(&mut self, script: Option<&mut Vec<u8>>) {
        let Some(script) = script else { return };
        if !script.starts_with(b"#!") {
            return;
        }
        let first = script.iter().position(|byte| *byte == b'\n');
        let first = first.unwrap_or(script.len());
        if script[..first].windows(FLAG.len()).any(|part| part == FLAG) {
            // The line break stays, so that the lines of an error are right.
            let rest = script.split_off(first);
            let whole = [script.as_slice(), rest.as_slice()].concat();
            self.0.insert(hash(&whole), hash(&rest));
            *script = rest;
        }
    }

    fn rename(&self, hash: Option<&mut Vec<u8>>) {
        if let Some(hash) = hash
            && let Some(known) = self.0.get(&hash.to_ascii_lowercase())
        {
            hash.clone_from(known);
        }
    }
}

fn hash(script: &[u8]) -> Vec<u8> {
    let digest = openssl::sha::sha1(script);
    let text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    text.into_bytes()
}
