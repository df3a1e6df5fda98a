//! RESP2, the protocol of Redis: requests are arrays of bulk strings, replies are one of five kinds.
//!
//! Source: Redis, "Serialization protocol specification". Written here because it is this short; a client crate would
//! bring pools, cluster topology and a dozen dependencies to a development tool.

use std::io;

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// `+OK`
    Status(String),
    /// `-ERR …`
    Error(String),
    /// `:7`
    Integer(i64),
    /// `$3`, or nil.
    Bulk(Option<Vec<u8>>),
    /// `*2`, or nil.
    Array(Option<Vec<Reply>>),
}

/// Appends one command.
pub(super) fn encode(words: &[Vec<u8>], into: &mut Vec<u8>) {
    into.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        into.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        into.extend_from_slice(word);
        into.extend_from_slice(b"\r\n");
    }
}

/// Reads one reply and how many bytes it took; `None` while there is not all of it.
pub(super) fn decode(bytes: &[u8]) -> io::Result<Option<(Reply, usize)>> {
    let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else {
        return Ok(None);
    };
    let (line, after) = (&bytes[..end], end + 2);
    let Some((kind, rest)) = line.split_first() else {
        return Err(malformed());
    };
    let rest = std::str::from_utf8(rest).map_err(|_| malformed())?;
    let number = || rest.parse::<i64>().map_err(|_| malformed());
    let reply = match kind {
        b'+' => Reply::Status(rest.to_owned()),
        b'-' => Reply::Error(rest.to_owned()),
        b':' => Reply::Integer(number()?),
        b'$' => match usize::try_from(number()?) {
            Err(_) => Reply::Bulk(None),
            Ok(length) => {
                let end = after + length;
                // Two more: its own line break.
                return match bytes.get(after..end + 2) {
                    None => Ok(None),
                    Some(_) => Ok(Some((
                        Reply::Bulk(Some(bytes[after..end].to_vec())),
                        end + 2,
                    ))),
                };
            }
        },
        b'*' => match usize::try_from(number()?) {
            Err(_) => Reply::Array(None),
            Ok(count) => {
                let mut items = Vec::new();
                let mut at = after;
                for _ in 0..count {
                    let Some((item, length)) = decode(&bytes[at..])? else {
                        return Ok(None);
                    };
                    items.push(item);
                    at += length;
                }
                return Ok(Some((Reply::Array(Some(items)), at)));
            }
        },
        _ => return Err(malformed()),
    };
    Ok(Some((reply, after)))
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "this is not RESP")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_read_whole_or_not_at_all() {
        let bytes = b"*6\r\n+OK\r\n-ERR no\r\n:-7\r\n$4\r\n\r\n\xffx\r\n$-1\r\n*2\r\n*-1\r\n*0\r\n";
        let expected = Reply::Array(Some(vec![
            Reply::Status("OK".to_owned()),
            Reply::Error("ERR no".to_owned()),
            Reply::Integer(-7),
            Reply::Bulk(Some(b"\r\n\xffx".to_vec())),
            Reply::Bulk(None),
            Reply::Array(Some(vec![Reply::Array(None), Reply::Array(Some(vec![]))])),
        ]));
        for cut in 0..bytes.len() {
            assert_eq!(decode(&bytes[..cut]).unwrap(), None, "{cut}");
        }
        assert_eq!(decode(bytes).unwrap(), Some((expected, bytes.len())));
        assert!(decode(b"HTTP/1.1 400\r\n").is_err());
        assert!(decode(b"$x\r\n").is_err());
    }
}
