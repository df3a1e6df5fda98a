//! Speaks PostgreSQL's TLS for a server that was built without it, as every PyPI build is.
//!
//! A client asks for TLS with an `SSLRequest` (8 bytes: length 8, code 80877103), is answered `S`, and
//! shakes hands; from there on bytes are copied. See "SSL Session Encryption" in PostgreSQL's chapter
//! "Message Flow".

use super::error::Error;
use crate::certificates::{Authority, PKCS12_PASSWORD};
use native_tls::{Identity, TlsAcceptor};
use std::{io, thread};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A listener that ends TLS and forwards to a plain server on 127.0.0.1; it stops when dropped.
pub(crate) struct TlsFront {
    port: u16,
    /// The thread ends when this does.
    _stop: oneshot::Sender<()>,
}

impl TlsFront {
    /// Starts it on a free port. It runs in a thread of its own, because the server in front of which
    /// it stands outlives the runtime of the test that started it.
    pub(crate) fn start(target: u16, authority: &Authority) -> Result<Self, Error> {
        let issued = authority.issue("localhost")?;
        let identity =
            Identity::from_pkcs12(&issued.pkcs12, PKCS12_PASSWORD).map_err(Error::Tls)?;
        let acceptor = TlsAcceptor::new(identity).map_err(Error::Tls)?;
        let failed = |e| Error::io("start the TLS front", e);
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        thread::Builder::new()
            .name("postgres-tls".into())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = stopped => {}
                        _ = accept(listener, acceptor.into(), target) => {}
                    }
                });
            })
            .map_err(failed)?;
        Ok(Self { port, _stop: stop })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

async fn accept(
    listener: std::net::TcpListener,
    acceptor: tokio_native_tls::TlsAcceptor,
    target: u16,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        // Accepting fails for a moment when files run out; a connection lost early is its owner's loss.
        if let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, acceptor.clone(), target));
        }
    }
}

async fn serve(
    mut client: TcpStream,
    acceptor: tokio_native_tls::TlsAcceptor,
    target: u16,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut request = [0; 8];
    client.read_exact(&mut request).await?;
    // Without encryption nothing passes: this port stands for a server that demands it.
    if request != SSL_REQUEST {
        return Ok(());
    }
    client.write_all(b"S").await?;
    let mut client = acceptor.accept(client).await.map_err(io::Error::other)?;
    let mut server = TcpStream::connect(("127.0.0.1", target)).await?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
