//! The line to Postgres, which takes our filters out of the functions' own statements on the way.
//!
//! Only `Parse` is changed, by which every statement with parameters is sent.
//! Source: PostgreSQL's documentation, "Frontend/Backend Protocol, Message Formats".

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Buf as _, BufMut as _, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::filters::{self, Unfiltered};

/// The code of a request for TLS, which comes before the actual start.
const SSL_REQUEST: u32 = 80_877_103;

/// The statements that came by, and what became of them.
type Statements = Arc<Mutex<BTreeMap<String, Unfiltered>>>;

/// A line on 127.0.0.1; it ends, with its connections, when dropped.
pub(super) struct Line {
    pub(super) port: u16,
    statements: Statements,
    _accepting: JoinSet<()>,
}

impl Line {
    /// In front of the server, or its pooler, at this port.
    pub(super) async fn start(target: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let statements = Statements::default();
        let seen = Arc::clone(&statements);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                while open.try_join_next().is_some() {}
                let seen = Arc::clone(&seen);
                open.spawn(async move {
                    // A connection that breaks is the functions' to notice.
                    let _ = serve(client, target, &seen).await;
                });
            }
        });
        Ok(Self {
            port,
            statements,
            _accepting: accepting,
        })
    }

    /// Every statement that was sent so far.
    pub(super) fn statements(&self) -> BTreeMap<String, Unfiltered> {
        let statements = self.statements.lock();
        statements.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(mut client: TcpStream, target: u16, seen: &Statements) -> io::Result<()> {
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, target));
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let up = async {
        let (mut read, mut started) = (BytesMut::new(), false);
        while from_client.read_buf(&mut read).await? > 0 {
            let mut out = BytesMut::new();
            while let Some(message) = next(&mut read, &mut started) {
                out.extend_from_slice(&rewritten(message, seen));
            }
            to_server.write_all(&out).await?;
        }
        Ok::<_, io::Error>(())
    };
    let down = tokio::io::copy(&mut from_server, &mut to_client);
    tokio::select! {
        up = up => up,
        down = down => down.map(drop),
    }
}

/// The next whole message, if it has come. The first ones have no type.
fn next(read: &mut BytesMut, started: &mut bool) -> Option<BytesMut> {
    let head = usize::from(*started);
    let mut bytes = read.get(head..head + 4)?;
    let length = bytes.get_u32() as usize + head;
    if read.len() < length {
        return None;
    }
    let message = read.split_to(length);
    if !*started {
        *started = message
            .get(4..8)
            .is_some_and(|mut code| code.get_u32() != SSL_REQUEST);
    }
    Some(message)
}

fn rewritten(message: BytesMut, seen: &Statements) -> BytesMut {
    let Some((name, sql, rest)) = parse(&message) else {
        return message;
    };
    let unfiltered = filters::without(sql);
    let mut out = BytesMut::new();
    out.put_u8(b'P');
    let length = 4 + name.len() + 1 + unfiltered.sql.len() + 1 + rest.len();
    out.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    out.put_slice(name);
    out.put_u8(0);
    out.put_slice(unfiltered.sql.as_bytes());
    out.put_u8(0);
    out.put_slice(rest);
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.insert(sql.to_owned(), unfiltered);
    out
}

/// The statement's name, its text, and its parameters' types, of a `Parse`.
fn parse(message: &[u8]) -> Option<(&[u8], &str, &[u8])> {
    let body = message.strip_prefix(b"P")?.get(4..)?;
    let end = body.iter().position(|byte| *byte == 0)?;
    let (name, body) = (&body[..end], &body[end + 1..]);
    let end = body.iter().position(|byte| *byte == 0)?;
    Some((
        name,
        std::str::from_utf8(&body[..end]).ok()?,
        &body[end + 1..],
    ))
}
