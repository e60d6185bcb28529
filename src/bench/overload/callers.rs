//! The crowd: many connections of many people, most of whom press and some of whom look. They speak HTTP/1.1 by hand, so
//! that calling costs this machine next to nothing beside answering.

use anyhow::ensure;
use reqwest::{Client, StatusCode, header};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;

/// Those who call, each with an account of their own.
const PEOPLE: usize = 256;
/// Those of them who have a page open.
const WITH_A_PAGE: usize = 8;
/// Of all requests one in so many looks at the page with the button; the others press it.
const LOOKS: usize = 4;
const PASSWORD: &str = "a lighthouse in the fog";
/// Who has no answer by then is not answered.
const GIVE_UP: Duration = Duration::from_secs(20);
/// Before a page whose stream has ended comes back.
const COME_BACK: Duration = Duration::from_secs(2);

/// How the requests follow each other.
#[derive(Clone, Copy)]
pub enum Pace {
    /// Everybody asks again when there is an answer.
    AsAnswered,
    /// So many a second, whatever becomes of those before.
    PerSecond(f64),
}

/// What the crowd was answered.
#[derive(Default)]
pub struct Answers {
    /// How often with what.
    pub statuses: BTreeMap<u16, usize>,
    /// How long each answer took that gave what was asked for.
    pub welcomed: Vec<Duration>,
    /// The same for those that did not.
    pub refused: Vec<Duration>,
    /// Presses that were accepted.
    presses: usize,
    /// Requests whose connection broke, or that were given up.
    pub unanswered: usize,
    /// How long all of it took.
    pub took: Duration,
}

/// Everybody.
pub struct Crowd {
    address: String,
    cookies: Arc<[String]>,
    /// The next request's number, of all that were ever sent.
    next: usize,
}

impl Crowd {
    /// Signs everybody up.
    pub async fn gather(address: &str) -> anyhow::Result<Self> {
        let redirects = reqwest::redirect::Policy::none();
        let client = Client::builder().no_proxy().redirect(redirects).timeout(GIVE_UP).build()?;
        let mut cookies = Vec::with_capacity(PEOPLE);
        for number in 0..PEOPLE {
            cookies.push(sign_up(&client, address, number).await?);
        }
        Ok(Self { address: address.to_owned(), cookies: cookies.into(), next: 0 })
    }

    /// Some have a page open, which hears what becomes of their presses, until this is dropped.
    pub fn open_pages(&self) -> Vec<AbortOnDropHandle<()>> {
        let open = |cookie: &String| AbortOnDropHandle::new(tokio::spawn(listen(self.address.clone(), cookie.clone())));
        self.cookies.iter().take(WITH_A_PAGE).map(open).collect()
    }

    /// Calls for a while, over so many connections.
    pub async fn call(&mut self, connections: usize, pace: Pace, time: Duration) -> anyhow::Result<Answers> {
        let (began, next) = (Instant::now(), Arc::new(AtomicUsize::new(self.next)));
        let schedule = Schedule { began, until: began + time, first: self.next, pace };
        let mut calling = JoinSet::new();
        for _ in 0..connections {
            let caller = Caller { address: self.address.clone(), cookies: Arc::clone(&self.cookies), connection: None };
            calling.spawn(caller.call(schedule, Arc::clone(&next)));
        }
        let mut answers = Answers::default();
        while let Some(called) = calling.join_next().await {
            answers.add(called?);
        }
        self.next = next.load(Ordering::Relaxed);
        answers.took = time;
        ensure!(answers.welcome() > 0, "nobody was answered as asked: {:?}", answers.statuses);
        Ok(answers)
    }
}

/// When each request is due.
#[derive(Clone, Copy)]
struct Schedule {
    began: Instant,
    until: Instant,
    first: usize,
    pace: Pace,
}

impl Schedule {
    /// Waits for the moment of a request; whether it is still within the time.
    async fn is_due(&self, number: usize) -> bool {
        if let Pace::PerSecond(rate) = self.pace {
            #[expect(clippy::cast_precision_loss, reason = "millions at most")]
            let due = self.began + Duration::from_secs_f64((number - self.first) as f64 / rate);
            sleep_until(due.min(self.until)).await;
        }
        Instant::now() < self.until
    }
}

struct Caller {
    address: String,
    cookies: Arc<[String]>,
    connection: Option<BufReader<TcpStream>>,
}

impl Caller {
    async fn call(mut self, schedule: Schedule, next: Arc<AtomicUsize>) -> Answers {
        let mut answers = Answers::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if !schedule.is_due(number).await {
                return answers;
            }
            let (is_look, cookie) = (number.is_multiple_of(LOOKS), &self.cookies[number % self.cookies.len()]);
            let request = if is_look { look(&self.address, cookie) } else { press(&self.address, cookie, number) };
            let asked = Instant::now();
            if let Ok(Ok(status)) = timeout(GIVE_UP, self.ask(&request)).await {
                *answers.statuses.entry(status).or_default() += 1;
                let is_welcome = status == 200;
                answers.presses += usize::from(is_welcome && !is_look);
                if is_welcome { &mut answers.welcomed } else { &mut answers.refused }.push(asked.elapsed());
            } else {
                answers.unanswered += 1;
                self.connection = None;
            }
        }
    }

    /// One request and its whole answer; its status.
    async fn ask(&mut self, request: &str) -> io::Result<u16> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => BufReader::new(TcpStream::connect(&self.address).await?),
        };
        connection.write_all(request.as_bytes()).await?;
        let head = head(&mut connection).await?;
        let lacks = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(|| lacks("a status"))?;
        let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        match value("content-length:").map(str::parse) {
            Some(length) => skip(&mut connection, length.map_err(|_| lacks("a length"))?).await?,
            None => loop {
                let mut line = String::new();
                connection.read_line(&mut line).await?;
                let length = usize::from_str_radix(line.trim(), 16).map_err(|_| lacks("the length of a part"))?;
                skip(&mut connection, length + "\r\n".len()).await?;
                if length == 0 {
                    break;
                }
            },
        }
        if value("connection:") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(status)
    }
}

async fn skip(connection: &mut BufReader<TcpStream>, length: usize) -> io::Result<()> {
    connection.read_exact(&mut vec![0; length]).await.map(drop)
}

async fn head(connection: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut head = Vec::with_capacity(1_024);
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await?);
    }
    String::from_utf8(head).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn press(address: &str, cookie: &str, number: usize) -> String {
    let body = format!(r#"{{"prompt": "a pebble, number {number}"}}"#);
    let length = body.len();
    format!(
        "POST /api/app/generate HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\nidempotency-key: press-{number}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

fn look(address: &str, cookie: &str) -> String {
    format!("GET /create HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\naccept: text/html\r\n\r\n")
}

/// Hears whatever a page is told, and comes back when it is told no more.
async fn listen(address: String, cookie: String) {
    let request = format!("GET /events HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\naccept: text/event-stream\r\n\r\n");
    loop {
        if let Ok(mut connection) = TcpStream::connect(&address).await
            && connection.write_all(request.as_bytes()).await.is_ok()
        {
            // It ends when the stream does, well or not.
            let _ = tokio::io::copy(&mut connection, &mut tokio::io::sink()).await;
        }
        sleep(COME_BACK).await;
    }
}

async fn sign_up(client: &Client, address: &str, number: usize) -> anyhow::Result<String> {
    let origin = format!("http://{address}");
    let email = format!("person-{number}@example.com");
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("email", email.as_str()), ("password", PASSWORD)])
        .finish();
    let request = client.post(format!("{origin}/sign-up")).header("origin", &origin).body(body);
    let answer = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").send().await?;
    ensure!(answer.status() == StatusCode::SEE_OTHER, "nobody can sign up: {}", answer.status());
    let set = answer.headers().get_all(header::SET_COOKIE).iter();
    let cookies: Vec<_> = set.filter_map(|line| line.to_str().ok()?.split(';').next()).collect();
    ensure!(!cookies.is_empty(), "signing up gave no cookie");
    Ok(cookies.join("; "))
}

impl Answers {
    /// Requests that were sent.
    pub fn asked(&self) -> usize {
        self.statuses.values().sum::<usize>() + self.unanswered
    }

    /// Requests that got what they asked for.
    pub fn welcome(&self) -> usize {
        self.welcomed.len()
    }

    /// Presses that were accepted.
    pub const fn accepted(&self) -> usize {
        self.presses
    }

    /// Requests that were answered with this status.
    pub fn with(&self, status: u16) -> usize {
        self.statuses.get(&status).copied().unwrap_or(0)
    }

    fn add(&mut self, other: Self) {
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.welcomed.extend(other.welcomed);
        self.refused.extend(other.refused);
        self.presses += other.presses;
        self.unanswered += other.unanswered;
    }
}
