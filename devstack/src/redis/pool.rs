//! Connections to redis-server: as many as requests run at once.

use std::{
    io,
    net::Ipv4Addr,
    sync::{Mutex, PoisonError},
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::resp::{Reply, decode, encode};

/// Idle connections, all alike: nothing that goes through them changes their state.
pub(super) struct Pool {
    port: u16,
    password: Option<String>,
    idle: Mutex<Vec<TcpStream>>,
}

impl Pool {
    pub(super) fn new(port: u16) -> Self {
        Self {
            port,
            password: None,
            idle: Mutex::default(),
        }
    }

    /// The password of connections that are opened from now on.
    pub(super) fn authenticate(&mut self, password: String) {
        self.password = Some(password);
    }

    /// Sends commands together over one connection; answers a reply for each. A connection on which something went
    /// wrong, or whose caller left, is not used again.
    pub(super) async fn run(&self, commands: &[Vec<Vec<u8>>]) -> io::Result<Vec<Reply>> {
        let idle = self.lock().pop();
        let mut stream = match idle {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        let replies = exchange(&mut stream, commands).await?;
        self.lock().push(stream);
        Ok(replies)
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
        stream.set_nodelay(true)?;
        if let Some(password) = &self.password {
            let login = vec![b"AUTH".to_vec(), password.clone().into_bytes()];
            match exchange(&mut stream, &[login]).await?.as_slice() {
                [Reply::Status(_)] => {}
                _ => return Err(io::ErrorKind::PermissionDenied.into()),
            }
        }
        Ok(stream)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn exchange(stream: &mut TcpStream, commands: &[Vec<Vec<u8>>]) -> io::Result<Vec<Reply>> {
    let mut request = Vec::new();
    for command in commands {
        encode(command, &mut request);
    }
    stream.write_all(&request).await?;
    let mut replies = Vec::with_capacity(commands.len());
    let mut unread = BytesMut::new();
    while replies.len() < commands.len() {
        match decode(&unread)? {
            Some((reply, length)) => {
                replies.push(reply);
                let _ = unread.split_to(length);
            }
            None => {
                if stream.read_buf(&mut unread).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
    }
    Ok(replies)
}
