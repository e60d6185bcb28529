//! A bucket that can be made to fail: s3s-fs in this process, and before it whatever an S3 server may do instead.

use atelier::server::store::{Credentials, Keys, Limits, Store, StoreConfig};
use http_body_util::BodyExt;
use hyper::{Method, Request, Response, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

const BUCKET: &str = "pictures";
const ACCESS_KEY: &str = "access";
const SECRET_KEY: &str = "a secret of the tests";
/// What takes their place when they have expired.
const RENEWED: (&str, &str) = ("renewed", "another secret of the tests");

/// Short enough for a test to see the end of it, long enough for a busy machine, and without tries that the test does not
/// know of.
const SHORT: Limits = Limits {
    connect: Duration::from_secs(2),
    attempt: Duration::from_secs(2),
    operation: Duration::from_secs(4),
    stall: Duration::from_secs(2),
    attempts: 1,
};

/// What happens to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// They are refused with this status and code.
    Answer(u16, &'static str),
    /// Nobody answers.
    Hang,
    /// The connection breaks before the request is read.
    Reset,
    /// The connection breaks when the first part of what is put has arrived.
    CutOff,
    /// The first keys have expired; those that took their place are good.
    Expired,
    /// So many puts go well; then it is away.
    After(usize),
}

/// The server. It stops when it is dropped.
pub struct Bucket {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: AbortHandle,
    _dir: TempDir,
}

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    /// Method, path and query of everything that came.
    log: Vec<(Method, String)>,
}

impl Bucket {
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join(BUCKET)).expect("a bucket");
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(dir.path()).expect("a file system"));
        let mut auth = SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY);
        auth.register(RENEWED.0.to_owned(), RENEWED.1.into());
        service.set_auth(auth);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::<Mutex<State>>::default();
        let task = tokio::spawn(serve(listener, service.build(), Arc::clone(&state))).abort_handle();
        Self { address, state, task, _dir: dir }
    }

    /// A store in it that gives up soon.
    pub async fn store(&self) -> Store {
        self.store_within(SHORT).await
    }

    /// A store in it.
    pub async fn store_within(&self, limits: Limits) -> Store {
        self.store_as(Credentials::Fixed(Keys::lasting(ACCESS_KEY, SECRET_KEY)), limits).await
    }

    /// A store in it whose keys stand in a file, which must be there.
    pub async fn store_with_keys_in(&self, file: &Path) -> Store {
        self.store_as(Credentials::File(file.to_owned()), SHORT).await
    }

    /// Writes the first keys to a file.
    pub fn write_keys(file: &Path) {
        write_keys(file, ACCESS_KEY, SECRET_KEY);
    }

    /// Writes those that take their place, as whoever renews them does.
    pub fn renew_keys(file: &Path) {
        write_keys(file, RENEWED.0, RENEWED.1);
    }

    async fn store_as(&self, credentials: Credentials, limits: Limits) -> Store {
        let config = StoreConfig::S3 {
            bucket: BUCKET.into(),
            region: "us-east-1".into(),
            endpoint: Some(format!("http://{}", self.address).parse().expect("a URL")),
            credentials,
        };
        Store::open_within(&config, limits).await.expect("a store")
    }

    pub fn fail(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    pub fn heal(&self) {
        self.state().fault = None;
    }

    /// Method, path and query of everything that came so far.
    pub fn log(&self) -> Vec<(Method, String)> {
        self.state().log.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the state")
    }
}

fn write_keys(file: &Path, access_key: &str, secret_key: &str) {
    let keys = format!("aws_access_key_id = {access_key}\naws_secret_access_key = {secret_key}\naws_session_token = token");
    std::fs::write(file, format!("[default]\n{keys}\n")).expect("the file");
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, service: S3Service, state: Arc<Mutex<State>>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let (service, state) = (service.clone(), Arc::clone(&state));
        let answer = hyper::service::service_fn(move |request| answer(service.clone(), Arc::clone(&state), request));
        connections.spawn(async move {
            // A client may leave when it likes, and some are thrown out.
            drop(Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), answer).await);
        });
    }
}

async fn answer(
    service: S3Service,
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<s3s::Body>, Box<dyn std::error::Error + Send + Sync>> {
    let fault = due(&mut state.lock().expect("the state"), &request);
    match fault {
        None | Some(Fault::After(_) | Fault::Expired) => {
            Ok(service.call(request.map(s3s::Body::from)).await.map_err(|error| format!("{error:?}"))?)
        }
        Some(Fault::CutOff) => {
            let part = request.into_body().frame().await.ok_or("nothing was put")??;
            assert!(part.data_ref().is_some_and(|bytes| !bytes.is_empty()), "some of it arrived");
            Err(io::Error::from(io::ErrorKind::ConnectionReset).into())
        }
        Some(Fault::Hang) => pending().await,
        Some(Fault::Reset) => Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
        Some(Fault::Answer(status, code)) => {
            let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
            Ok(Response::builder().status(status).header("content-type", "application/xml").body(body.into())?)
        }
    }
}

/// What is to happen to this request.
fn due(state: &mut State, request: &Request<Incoming>) -> Option<Fault> {
    state.log.push((request.method().clone(), request.uri().to_string()));
    match state.fault {
        Some(Fault::After(0)) => Some(Fault::Answer(503, "SlowDown")),
        Some(Fault::After(left)) if request.method() == Method::PUT => {
            state.fault = Some(Fault::After(left - 1));
            None
        }
        Some(Fault::Expired) if is_signed_by_the_first(request) => Some(Fault::Answer(400, "ExpiredToken")),
        fault => fault,
    }
}

fn is_signed_by_the_first(request: &Request<Incoming>) -> bool {
    let signature = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    signature.is_some_and(|signature| signature.contains(&format!("Credential={ACCESS_KEY}/")))
}
