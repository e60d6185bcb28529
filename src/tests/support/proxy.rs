//! A wire that a test can cut: a TCP proxy between the product and something it depends on. What the wire does can be
//! changed at any moment, for the connections that are open and for those to come.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

/// What a wire does. Bytes are counted per connection, of what the far side sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Everything passes.
    Whole,
    /// Connections are refused, and the open ones reset: the far machine is there, its service is not.
    Refusing,
    /// Nothing passes and nobody is told: the cable is out. What was sent meanwhile arrives when it is back.
    Silent,
    /// After so many bytes each connection ends in an orderly way.
    CutAfter(usize),
    /// After so many bytes each connection is reset.
    ResetAfter(usize),
}

/// A proxy on a port of its own; it is gone when dropped.
pub struct Proxy {
    addr: SocketAddr,
    wire: watch::Sender<Wire>,
    taken: Arc<AtomicUsize>,
    _stop: DropGuard,
}

impl Proxy {
    /// A whole wire to `upstream`.
    pub async fn to(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let (wire, told) = watch::channel(Wire::Whole);
        let (stop, taken) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&taken);
        let stopping = stop.clone();
        tokio::spawn(async move { stopping.run_until_cancelled(run(listener, upstream, told, counted)).await });
        Self { addr, wire, taken, _stop: stop.drop_guard() }
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// From now on the wire does this.
    pub fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }

    /// How many connections were ever taken.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }
}

async fn run(listener: TcpListener, upstream: SocketAddr, mut wire: watch::Receiver<Wire>, taken: Arc<AtomicUsize>) {
    let addr = listener.local_addr().expect("an address");
    let mut listener = Some(listener);
    let mut open = JoinSet::new();
    loop {
        if *wire.borrow_and_update() == Wire::Refusing {
            listener = None;
        } else if listener.is_none() {
            listener = Some(listen_again(addr));
        }
        let accept = async {
            match &listener {
                Some(listener) => listener.accept().await.expect("a connection").0,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = wire.changed() => if changed.is_err() { return },
            socket = accept => {
                taken.fetch_add(1, Ordering::SeqCst);
                open.spawn(carry(socket, upstream, wire.clone()));
            }
            Some(_) = open.join_next() => {}
        }
    }
}

/// The same port again, although connections of before may still be dying on it.
fn listen_again(addr: SocketAddr) -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("a socket option");
    socket.bind(addr).expect("the port of before");
    socket.listen(128).expect("a listener")
}

/// How a connection ended before its two sides wanted it to.
enum Broken {
    Cut,
    Reset,
}

async fn carry(mut near: TcpStream, upstream: SocketAddr, mut wire: watch::Receiver<Wire>) {
    let far = async {
        until(&mut wire, |wire| wire != Wire::Silent).await;
        TcpStream::connect(upstream).await.map_err(|_| Broken::Reset)
    };
    let ended = match far.await {
        Ok(mut far) => {
            let (mut near_read, mut near_write) = near.split();
            let (mut far_read, mut far_write) = far.split();
            let up = pump(&mut near_read, &mut far_write, wire.clone(), false);
            let down = pump(&mut far_read, &mut near_write, wire.clone(), true);
            let refused = async {
                until(&mut wire, |wire| wire == Wire::Refusing).await;
                Err::<(), Broken>(Broken::Reset)
            };
            tokio::select! {
                ended = async { tokio::try_join!(up, down) } => ended.map(drop),
                ended = refused => ended,
            }
        }
        Err(broken) => Err(broken),
    };
    if matches!(ended, Err(Broken::Reset)) {
        near.set_zero_linger().expect("a socket option");
    }
}

/// Carries one direction to its end.
async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut wire: watch::Receiver<Wire>,
    counts: bool,
) -> Result<(), Broken> {
    let mut carried = 0;
    let mut buffer = vec![0; 16 * 1_024];
    loop {
        let read = from.read(&mut buffer).await.map_err(|_| Broken::Reset)?;
        // What was read while the wire went silent stays here until it is back.
        until(&mut wire, |wire| wire != Wire::Silent).await;
        if read == 0 {
            return to.shutdown().await.map_err(|_| Broken::Cut);
        }
        let (most, broken) = match *wire.borrow() {
            Wire::CutAfter(most) if counts => (most, Some(Broken::Cut)),
            Wire::ResetAfter(most) if counts => (most, Some(Broken::Reset)),
            _ => (usize::MAX, None),
        };
        let passing = read.min(most.saturating_sub(carried));
        to.write_all(&buffer[..passing]).await.map_err(|_| Broken::Cut)?;
        carried += passing;
        if let Some(broken) = broken.filter(|_| carried >= most) {
            return Err(broken);
        }
    }
}

async fn until(wire: &mut watch::Receiver<Wire>, is_it: impl Fn(Wire) -> bool) {
    if wire.wait_for(|wire| is_it(*wire)).await.is_err() {
        // The proxy is being dropped, and this with it.
        std::future::pending::<()>().await;
    }
}
