//! A TCP proxy that stands for distance and for trouble on the way.
//!
//! Each direction is a line of constant latency: every chunk arrives the same time after it was sent,
//! in order, however much is on the way. So a client that pipelines pays once, and one that waits for
//! each answer pays each time; [`DelayProxy::flights`] counts that.

use bytes::{Bytes, BytesMut};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// How many chunks of up to 64 KiB may be on the way in one direction.
const LINE_CAPACITY: usize = 1024;

/// What happens to what comes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything is delivered.
    #[default]
    Forward,
    /// New connections are accepted and closed at once; existing ones go on.
    Refuse,
    /// Connections stay open and nothing arrives, in either direction.
    Blackhole,
    /// What the client sends arrives, and what the server answers is lost.
    LoseReplies,
}

/// A running proxy on 127.0.0.1; it stops, and cuts its connections, when dropped.
pub struct DelayProxy {
    address: SocketAddr,
    state: Arc<State>,
    /// Aborted when dropped.
    _accepting: JoinSet<()>,
}

struct State {
    target: SocketAddr,
    /// Nanoseconds, one way.
    delay: AtomicU64,
    flights: AtomicU64,
    connections: AtomicU64,
    mode: Mutex<Mode>,
    open: Mutex<JoinSet<()>>,
}

impl DelayProxy {
    /// Starts on a free port; `delay` is one way, and is kept to about a millisecond.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(target: SocketAddr, delay: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            target,
            delay: AtomicU64::new(nanoseconds(delay)),
            flights: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            mode: Mutex::default(),
            open: Mutex::default(),
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&state)));
        Ok(Self {
            address,
            state,
            _accepting: accepting,
        })
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Changes the delay, one way, for what comes in from now on.
    pub fn set_delay(&self, delay: Duration) {
        self.state
            .delay
            .store(nanoseconds(delay), Ordering::Relaxed);
    }

    /// Changes what happens to what comes in.
    pub fn set_mode(&self, mode: Mode) {
        *guard(&self.state.mode) = mode;
    }

    /// Cuts all open connections, both sides at once; what is on the way is lost.
    pub fn cut(&self) {
        guard(&self.state.open).abort_all();
    }

    /// How often, over all connections, the client sent something after it had last heard from the
    /// server: the number of round trips that it waited for.
    ///
    /// Both are seen where the client is. Give the line a delay of some milliseconds: without it an
    /// answer to the first half of a burst can overtake the second half, which then counts again.
    #[must_use]
    pub fn flights(&self) -> u64 {
        self.state.flights.load(Ordering::Relaxed)
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// Sets both counts back to zero.
    pub fn reset_counts(&self) {
        self.state.flights.store(0, Ordering::Relaxed);
        self.state.connections.store(0, Ordering::Relaxed);
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        if *guard(&state.mode) == Mode::Refuse {
            continue;
        }
        state.connections.fetch_add(1, Ordering::Relaxed);
        let mut open = guard(&state.open);
        while open.try_join_next().is_some() {}
        open.spawn(serve(client, Arc::clone(&state)));
    }
}

/// One connection. Its four tasks end together when it is aborted, and with them both sockets.
async fn serve(client: TcpStream, state: Arc<State>) {
    let Ok(server) = TcpStream::connect(state.target).await else {
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Whether the next chunk of the client begins a flight.
    let heard = AtomicBool::new(true);
    let sent = || {
        if heard.swap(false, Ordering::Relaxed) {
            state.flights.fetch_add(1, Ordering::Relaxed);
        }
    };
    let delivered = || heard.store(true, Ordering::Relaxed);
    let (up, up_end) = mpsc::channel(LINE_CAPACITY);
    let (down, down_end) = mpsc::channel(LINE_CAPACITY);
    // An error of one direction is an end of the connection, as it would be on a real line.
    let _ = tokio::try_join!(
        take(from_client, up, &state, &[Mode::Blackhole], sent),
        deliver(up_end, to_server, || {}),
        take(
            from_server,
            down,
            &state,
            &[Mode::Blackhole, Mode::LoseReplies],
            || {}
        ),
        deliver(down_end, to_client, delivered),
    );
}

/// A chunk and when it is due at the other end.
type Chunk = (Instant, Bytes);

/// Reads one end and puts what comes on the line, except in the modes that lose it.
async fn take(
    mut end: OwnedReadHalf,
    line: mpsc::Sender<Chunk>,
    state: &State,
    losing: &[Mode],
    sent: impl Fn(),
) -> io::Result<()> {
    loop {
        let mut buffer = BytesMut::with_capacity(64 * 1024);
        if end.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        sent();
        if losing.contains(&*guard(&state.mode)) {
            continue;
        }
        let delay = Duration::from_nanos(state.delay.load(Ordering::Relaxed));
        let chunk = (Instant::now() + delay, buffer.freeze());
        if line.send(chunk).await.is_err() {
            return Ok(());
        }
    }
}

/// Writes what is on the line to the other end when it is due, and passes the end of the stream on.
async fn deliver(
    mut line: mpsc::Receiver<Chunk>,
    mut end: OwnedWriteHalf,
    delivered: impl Fn(),
) -> io::Result<()> {
    while let Some((due, chunk)) = line.recv().await {
        // Without a delay the timer's millisecond would be one.
        if due > Instant::now() {
            sleep_until(due).await;
        }
        delivered();
        end.write_all(&chunk).await?;
    }
    end.shutdown().await
}

fn nanoseconds(delay: Duration) -> u64 {
    u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX)
}

/// A panic elsewhere leaves these values whole, so a poisoned lock is used all the same.
fn guard<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{DelayProxy, Mode};
    use std::time::Duration;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        time::{Instant, timeout},
    };

    const DELAY: Duration = Duration::from_millis(20);

    /// A proxy in front of a server that sends everything back.
    async fn echo() -> DelayProxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        DelayProxy::start(address, DELAY).await.unwrap()
    }

    async fn join(proxy: &DelayProxy) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", proxy.port())).await;
        stream.unwrap()
    }

    #[tokio::test]
    async fn a_burst_pays_the_latency_once_and_keeps_its_order() {
        let proxy = echo().await;
        // Long enough that a busy machine does not blur one burst into two.
        let delay = 5 * DELAY;
        proxy.set_delay(delay);
        let mut stream = join(&proxy).await;
        let since = Instant::now();
        for byte in 0..5 {
            stream.write_all(&[byte]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, [0, 1, 2, 3, 4]);
        let took = since.elapsed();
        assert!(took >= 2 * delay && took < 5 * delay, "{took:?}");
        assert_eq!((proxy.flights(), proxy.connections()), (1, 1));

        stream.write_all(&[5]).await.unwrap();
        stream.read_exact(&mut answer[..1]).await.unwrap();
        assert_eq!(proxy.flights(), 2);
    }

    #[tokio::test]
    async fn many_bytes_arrive_whole() {
        let proxy = echo().await;
        let (mut from, mut to) = join(&proxy).await.into_split();
        let sent: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        let copy = sent.clone();
        tokio::spawn(async move {
            to.write_all(&copy).await.unwrap();
            to.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        from.read_to_end(&mut received).await.unwrap();
        assert!(received == sent);
    }

    #[tokio::test]
    async fn trouble_is_had_on_demand() {
        let proxy = echo().await;
        let mut answer = [0; 1];
        for mode in [Mode::Blackhole, Mode::LoseReplies] {
            proxy.set_mode(mode);
            let mut stream = join(&proxy).await;
            stream.write_all(b"x").await.unwrap();
            let read = timeout(4 * DELAY, stream.read(&mut answer)).await;
            assert!(read.is_err(), "{mode:?} answered");
        }
        proxy.set_mode(Mode::Refuse);
        let mut stream = join(&proxy).await;
        assert!(matches!(stream.read(&mut answer).await, Ok(0) | Err(_)));

        proxy.set_mode(Mode::Forward);
        let mut stream = join(&proxy).await;
        stream.write_all(b"x").await.unwrap();
        stream.read_exact(&mut answer).await.unwrap();
        proxy.cut();
        assert!(matches!(stream.read(&mut answer).await, Ok(0) | Err(_)));
    }
}
