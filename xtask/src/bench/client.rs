//! An HTTP/1.1 client that costs next to nothing, so that what is measured is the function: one
//! blocking connection, one write, one read.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use super::timing::ServerTiming;
use crate::Error;

/// Between two tries to reach a process that is starting.
const RETRY: Duration = Duration::from_micros(200);

/// Longer than any answer that is worth measuring.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request as it goes over the wire.
pub(super) struct Request(Vec<u8>);

impl Request {
    /// A body is JSON.
    pub(super) fn new(method: &str, path: &str, token: Option<&str>, body: &str) -> Self {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n");
        if let Some(token) = token {
            head.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        if !body.is_empty() {
            head.push_str("content-type: application/json\r\n");
        }
        Self(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes())
    }
}

/// What came back.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Where the time went.
    pub(super) timing: ServerTiming,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Itself, when its status is one of these.
    pub(super) fn expect(self, statuses: &[u16]) -> Result<Self, Error> {
        if statuses.contains(&self.status) {
            return Ok(self);
        }
        let body = String::from_utf8_lossy(&self.body);
        Err(format!("status {}: {body}", self.status).into())
    }
}

/// A connection that is kept.
pub(super) struct Connection(TcpStream);

impl Connection {
    /// Connects as soon as somebody listens on the port of 127.0.0.1.
    pub(super) fn open(port: u16) -> Result<Self, Error> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(PATIENCE))?;
                    return Ok(Self(stream));
                }
                Err(error) if Instant::now() > deadline => return Err(error.into()),
                Err(_) => std::thread::sleep(RETRY),
            }
        }
    }

    /// To the server of a URL `http://127.0.0.1:<port>`.
    pub(super) fn to(url: &str) -> Result<Self, Error> {
        let port = url.rsplit(':').next().unwrap_or_default();
        Self::open(port.parse()?)
    }

    pub(super) fn send(&mut self, request: &Request) -> Result<Answer, Error> {
        self.0.write_all(&request.0)?;
        let mut read = Vec::with_capacity(4096);
        let head = loop {
            if let Some(end) = find(&read, b"\r\n\r\n") {
                break end + 4;
            }
            self.more(&mut read)?;
        };
        let mut answer = Answer::default();
        let (mut length, mut chunked) = (0, false);
        let text = String::from_utf8_lossy(&read[..head]).into_owned();
        let mut lines = text.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        answer.status = status.unwrap_or_default().parse()?;
        for line in lines {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse()?,
                "transfer-encoding" => chunked = true,
                "server-timing" => answer.timing = ServerTiming::new(value),
                _ => {}
            }
        }
        if chunked {
            while !read.ends_with(b"0\r\n\r\n") {
                self.more(&mut read)?;
            }
            answer.body = unchunk(&read[head..]);
        } else {
            while read.len() < head + length {
                self.more(&mut read)?;
            }
            answer.body = read.split_off(head);
        }
        Ok(answer)
    }

    fn more(&mut self, read: &mut Vec<u8>) -> Result<(), Error> {
        let mut buffer = [0; 16 << 10];
        match self.0.read(&mut buffer)? {
            0 => Err("the connection was closed".into()),
            count => {
                read.extend_from_slice(&buffer[..count]);
                Ok(())
            }
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// The chunks' contents, put together.
fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = find(rest, b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..end]);
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or_default();
        let Some(chunk) = rest
            .get(end + 2..end + 2 + size)
            .filter(|chunk| !chunk.is_empty())
        else {
            break;
        };
        body.extend_from_slice(chunk);
        rest = rest.get(end + 4 + size..).unwrap_or_default();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::unchunk;

    #[test]
    fn chunks_are_put_together() {
        assert_eq!(
            unchunk(b"3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n"),
            b"abc0123456789"
        );
    }
}
