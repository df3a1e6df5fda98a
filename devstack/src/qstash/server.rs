//! The HTTP side: connections (plain or TLS), the token, the routes.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, DefaultBodyLimit, Request, State, connect_info::Connected},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpListener,
    sync::mpsc,
};
use tokio_native_tls::TlsAcceptor;

use super::{
    batch,
    core::{Core, lock},
    dlq, logs,
    message::Origin,
    messages, publish, queues,
    refusal::Refusal,
    schedules,
    sign::SigningKeys,
    topics,
};

/// A client that does not finish its TLS handshake by then is dropped.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Larger requests are refused unread; a batch is many messages, each with its own limit.
const LARGEST_REQUEST: usize = 64 << 20;

/// All routes, behind the token.
pub(super) fn router(core: Arc<Core>) -> Router {
    Router::new()
        .route("/v2/publish/{*destination}", post(publish::publish))
        .route("/v2/enqueue/{*destination}", post(publish::enqueue))
        .route("/v2/batch", post(batch::batch))
        .route("/v2/topics", get(topics::list))
        .route("/v2/topics/{name}", get(topics::get).delete(topics::delete))
        .route(
            "/v2/topics/{name}/endpoints",
            post(topics::add).delete(topics::remove),
        )
        .route("/v2/queues", get(queues::list).post(queues::upsert))
        .route("/v2/queues/{name}", get(queues::get).delete(queues::delete))
        .route("/v2/queues/{name}/pause", post(queues::pause))
        .route("/v2/queues/{name}/resume", post(queues::resume))
        .route("/v2/schedules", get(schedules::list))
        .route(
            "/v2/schedules/{*path}",
            post(schedules::create)
                .get(schedules::get)
                .delete(schedules::delete)
                .patch(schedules::pause_or_resume),
        )
        .route("/v2/messages", axum::routing::delete(messages::cancel_many))
        .route(
            "/v2/messages/{id}",
            get(messages::get).delete(messages::cancel),
        )
        .route("/v2/dlq", get(dlq::list).delete(dlq::delete_many))
        .route("/v2/dlq/retry", post(dlq::retry_many))
        .route("/v2/dlq/retry/{id}", post(dlq::retry))
        .route("/v2/dlq/{id}", get(dlq::get).delete(dlq::delete))
        .route("/v2/logs", get(logs::logs))
        .route("/v2/events", get(logs::events))
        .route("/v2/keys", get(keys))
        .route("/v2/keys/rotate", post(rotate_keys))
        .fallback(async || Refusal::new(StatusCode::NOT_FOUND, "not found"))
        .layer(DefaultBodyLimit::max(LARGEST_REQUEST))
        .layer(middleware::from_fn_with_state(Arc::clone(&core), admit))
        .with_state(core)
}

/// Lets a request in whose bearer token is ours, while QStash is there; handlers find the [`Peer`] in its extensions.
async fn admit(
    State(core): State<Arc<Core>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Refusal::new(StatusCode::BAD_REQUEST, "the body broke off").into_response();
    };
    core.received
        .note(&head.method, &head.uri, &head.headers, &body);
    let mut request = Request::from_parts(head, Body::from(body));
    if core.faults.gone() {
        peer.cut();
        return Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "gone").into_response();
    }
    let token = request.headers().get(header::AUTHORIZATION);
    let token = token.and_then(|value| value.to_str().ok());
    if token.and_then(|value| value.strip_prefix("Bearer ")) != Some(core.token.as_str()) {
        return Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized").into_response();
    }
    request.extensions_mut().insert(peer);
    next.run(request).await
}

/// `GET /v2/keys`.
async fn keys(State(core): State<Arc<Core>>) -> Json<SigningKeys> {
    Json(lock(&core.keys).clone())
}

/// `POST /v2/keys/rotate`.
async fn rotate_keys(State(core): State<Arc<Core>>) -> Json<SigningKeys> {
    let mut keys = lock(&core.keys);
    keys.rotate();
    Json(keys.clone())
}

/// The other end of a connection.
#[derive(Clone)]
pub(super) struct Peer {
    address: SocketAddr,
    cut: Arc<AtomicBool>,
}

impl Peer {
    /// Cuts the connection before the answer is written.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    /// What a message remembers of its publisher.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            caller_ip: self.address.ip().to_string(),
            ..Origin::default()
        }
    }
}

impl Connected<IncomingStream<'_, Connections>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        Self {
            address: *stream.remote_addr(),
            cut: Arc::clone(&stream.io().cut),
        }
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection that can be cut.
pub(super) struct Connection {
    stream: Box<dyn Duplex>,
    cut: Arc<AtomicBool>,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.cut.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Accepted connections, their handshake done; handshakes do not wait for each other.
pub(super) struct Connections {
    address: SocketAddr,
    ready: mpsc::Receiver<(Connection, SocketAddr)>,
}

impl Connections {
    /// Starts to accept; it ends when this is dropped.
    pub(super) fn new(listener: TcpListener, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, ready) = mpsc::channel(64);
        tokio::spawn(async move {
            loop {
                let (stream, peer) = tokio::select! {
                    () = sender.closed() => return,
                    accepted = listener.accept() => match accepted {
                        Ok(accepted) => accepted,
                        Err(_) => {
                            // Out of descriptors, most likely: let some close.
                            tokio::time::sleep(Duration::from_millis(100)).await;
                            continue;
                        }
                    },
                };
                let _ = stream.set_nodelay(true);
                let (sender, tls) = (sender.clone(), tls.clone());
                tokio::spawn(async move {
                    let stream: Box<dyn Duplex> = match tls {
                        None => Box::new(stream),
                        Some(tls) => {
                            match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                                Ok(Ok(stream)) => Box::new(stream),
                                _ => return,
                            }
                        }
                    };
                    let connection = Connection {
                        stream,
                        cut: Arc::default(),
                    };
                    let _ = sender.send((connection, peer)).await;
                });
            }
        });
        Ok(Self { address, ready })
    }
}

impl Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
