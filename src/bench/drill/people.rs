//! The people of a drill: they press the button the whole time, whether somebody is there or not. A press that is not
//! answered is pressed again under the same key until it is, as the page does it.

use crate::Place;
use anyhow::{Context, bail, ensure};
use atelier::domain::GenerationId;
use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const PEOPLE: usize = 4;
/// Between two presses of one person.
const REST: Duration = Duration::from_millis(700);
/// Between two tries of a press that nobody answered.
const AGAIN: Duration = Duration::from_millis(40);
const PASSWORD: &str = "a lighthouse in the fog";

/// What they ask for, in turn: the sandbox's words make trouble of its own. With how many pictures, how many of them must
/// be kept, and how many predictions may be bought for it.
const WISHES: [(&str, i64, i64, usize); 8] = [
    ("a lighthouse", 1, 1, 1),
    ("a windmill", 2, 2, 1),
    ("a harbour #lost", 1, 1, 1),
    ("a river #partial", 3, 2, 1),
    ("a meadow", 1, 1, 1),
    ("a tower #interrupted", 1, 1, 2),
    ("a bridge #502", 1, 1, 1),
    ("a storm #fail", 1, 0, 1),
];

/// A press that was acknowledged.
#[derive(Clone, Debug)]
pub struct Press {
    /// The generation that it was told of.
    pub id: GenerationId,
    /// The prompt, which no other press has.
    pub prompt: String,
    /// Pictures that must be kept of it.
    pub wanted: i64,
    /// Predictions that may be bought for it.
    pub allowed: usize,
    /// The kill that was being waited for when it was answered.
    pub during: Place,
}

/// Everybody.
pub struct People {
    shared: Arc<Shared>,
    pressing: JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
}

struct Shared {
    presses: Mutex<Vec<Press>>,
    during: Mutex<Place>,
}

impl People {
    /// Signs them up and lets them press.
    pub async fn sign_up(origin: String) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared { presses: Mutex::default(), during: Mutex::new(Place::OutOfTheBlue) });
        let (stop, mut pressing) = (CancellationToken::new(), JoinSet::new());
        for number in 0..PEOPLE {
            let person = Person::sign_up(&origin, number).await?;
            pressing.spawn(person.press_on(Arc::clone(&shared), stop.clone()));
        }
        Ok(Self { shared, pressing, stop })
    }

    /// From now on this is what they press during.
    pub fn now_at(&self, place: Place) {
        *lock(&self.shared.during) = place;
    }

    /// What was acknowledged so far.
    pub fn presses(&self) -> Vec<Press> {
        lock(&self.shared.presses).clone()
    }

    /// Lets everybody finish the press they are at, and answers with all of them.
    pub async fn stop(mut self) -> anyhow::Result<Vec<Press>> {
        self.stop.cancel();
        while let Some(ended) = self.pressing.join_next().await {
            ended??;
        }
        Ok(self.presses())
    }
}

struct Person {
    number: usize,
    origin: String,
    client: Client,
    cookie: String,
}

impl Person {
    async fn sign_up(origin: &str, number: usize) -> anyhow::Result<Self> {
        let redirects = reqwest::redirect::Policy::none();
        let client = Client::builder().no_proxy().redirect(redirects).timeout(Duration::from_secs(20)).build()?;
        let email = format!("person-{number}@example.com");
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("email", email.as_str()), ("password", PASSWORD)])
            .finish();
        let request = client.post(format!("{origin}/sign-up")).header("origin", origin).body(body);
        let answer = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").send().await?;
        ensure!(answer.status() == StatusCode::SEE_OTHER, "nobody can sign up: {}", answer.status());
        Ok(Self { number, origin: origin.to_owned(), client, cookie: cookies(&answer)? })
    }

    async fn press_on(self, shared: Arc<Shared>, stop: CancellationToken) -> anyhow::Result<()> {
        for turn in 0.. {
            let (words, count, wanted, allowed) = WISHES[(turn + self.number) % WISHES.len()];
            let prompt = format!("{words}, press {turn} of person {}", self.number);
            let id = self.press(&prompt, count).await?;
            let during = *lock(&shared.during);
            lock(&shared.presses).push(Press { id, prompt, wanted, allowed, during });
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(REST) => {}
            }
        }
        Ok(())
    }

    /// One press, until it is acknowledged.
    async fn press(&self, prompt: &str, count: i64) -> anyhow::Result<GenerationId> {
        let (key, wish) = (uuid::Uuid::now_v7().to_string(), json!({"prompt": prompt, "count": count}));
        loop {
            let request = self.client.post(format!("{}/api/app/generate", self.origin)).json(&wish);
            let request = request.header("idempotency-key", &key).header(header::COOKIE, &self.cookie);
            match acknowledged(request.send().await).await? {
                Some(id) => return Ok(id),
                None => tokio::time::sleep(AGAIN).await,
            }
        }
    }
}

/// The generation an answer names; nothing when there is none, or when it is to be asked for again.
async fn acknowledged(answer: reqwest::Result<Response>) -> anyhow::Result<Option<GenerationId>> {
    let Ok(answer) = answer else { return Ok(None) };
    let status = answer.status();
    let Ok(body) = answer.bytes().await else { return Ok(None) };
    match status {
        StatusCode::OK => {
            let told: Value = serde_json::from_slice(&body).context("an answer that is no JSON")?;
            Ok(Some(GenerationId::trusted(told["id"].as_str().context("an answer without an id")?)))
        }
        StatusCode::TOO_MANY_REQUESTS => Ok(None),
        status if status.is_server_error() => Ok(None),
        status => bail!("a press was refused: {status}: {}", String::from_utf8_lossy(&body)),
    }
}

fn cookies(answer: &Response) -> anyhow::Result<String> {
    let set = answer.headers().get_all(header::SET_COOKIE).iter();
    let pairs: Vec<_> = set.filter_map(|line| line.to_str().ok()?.split(';').next().map(str::to_owned)).collect();
    ensure!(!pairs.is_empty(), "signing up gave no cookie");
    Ok(pairs.join("; "))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
