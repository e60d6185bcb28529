//! Which webhook secrets are believed: those the operator gave, or else the account's own, fetched from Replicate.
//!
//! A fetched secret is kept, and fetched again when a signature is of none we know, since it may have been changed; once
//! a minute at most, so that forged webhooks cannot make us ask. A webhook is not kept waiting for a slow answer either:
//! the fetch goes on by itself, and Replicate sends the webhook again.

use super::webhook::{self, Forged, Message, Secret};
use super::{Client, Error};
use crate::domain::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Between two fetches.
const ASK_AGAIN_MS: i64 = 60_000;
/// How long a webhook waits for a fetch.
const PATIENCE: Duration = Duration::from_millis(400);

/// The secrets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Secrets(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    given: Vec<Secret>,
    client: Client,
    fetched: Mutex<Option<Secret>>,
    /// When Replicate was last asked; whoever holds it is asking.
    asked_at: Arc<tokio::sync::Mutex<Option<Timestamp>>>,
}

/// Why a webhook is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotBelieved {
    /// It is not Replicate's.
    #[error(transparent)]
    Forged(Forged),
    /// We have no secret to check it by, for now.
    #[error("no secret is known yet")]
    NoSecret,
}

impl Secrets {
    /// Those that were given; without any, the account's.
    pub fn new(given: Vec<Secret>, client: Client) -> Self {
        Self(Arc::new(Inner { given, client, fetched: Mutex::default(), asked_at: Arc::default() }))
    }

    /// Whether a message is Replicate's.
    ///
    /// # Errors
    /// With the reason, which is for the log.
    pub async fn verify(&self, message: &Message<'_>, now: Timestamp) -> Result<(), NotBelieved> {
        if !self.0.given.is_empty() {
            return webhook::verify(&self.0.given, message, now).map_err(NotBelieved::Forged);
        }
        let before = self.known();
        match webhook::verify(before.as_slice(), message, now) {
            // Only this can be mended by another secret.
            Err(Forged::Unsigned) => {}
            verified => return verified.map_err(NotBelieved::Forged),
        }
        // Whether somebody else learned it meanwhile or we did is the same.
        let _ = tokio::time::timeout(PATIENCE, self.learn(now)).await;
        let known = self.known().ok_or(NotBelieved::NoSecret)?;
        webhook::verify(&[known], message, now).map_err(NotBelieved::Forged)
    }

    fn known(&self) -> Option<Secret> {
        self.0.fetched.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the secret, unless that was done within the last minute.
    async fn learn(&self, now: Timestamp) {
        let mut asked_at = Arc::clone(&self.0.asked_at).lock_owned().await;
        if asked_at.is_some_and(|at| now.since(at).abs() < ASK_AGAIN_MS) {
            return;
        }
        *asked_at = Some(now);
        let inner = Arc::clone(&self.0);
        let asking = tokio::spawn(async move {
            let answered: Result<Secret, Error> = inner.client.webhook_secret().await;
            match answered {
                Ok(secret) => *inner.fetched.lock().unwrap_or_else(PoisonError::into_inner) = Some(secret),
                Err(error) => tracing::error!(%error, "the webhook secret could not be fetched; predictions are polled"),
            }
            drop(asked_at);
        });
        if let Err(error) = asking.await {
            tracing::error!(%error, "fetching the webhook secret panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::replicate::client::tests::canned;
    use secrecy::SecretString;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn signed(secret: &str) -> String {
        secret.parse::<Secret>().expect("a secret").sign("m", NOW.0 / 1_000, b"body")
    }

    const fn message(signature: &str) -> Message<'_> {
        Message { id: "m", timestamp: "1700000000", signature, body: b"body" }
    }

    async fn fetching(answer: String) -> (Secrets, crate::server::replicate::client::tests::Log) {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}", answer.len());
        let (base, log) = canned(answer).await;
        (Secrets::new(Vec::new(), Client::new(&base, SecretString::from("r8_x")).expect("a client")), log)
    }

    #[tokio::test]
    async fn a_secret_that_nobody_gave_is_fetched_once_and_again_at_most_once_a_minute() {
        let (secrets, log) = fetching(format!("{{\"key\":\"{SECRET}\"}}")).await;
        let asked = || log.lock().expect("no panic holds it").len();
        let (genuine, forged) = (signed(SECRET), signed("whsec_Zm9yZ2Vk"));
        for _ in 0..5 {
            assert_eq!(secrets.verify(&message(&genuine), NOW).await, Ok(()));
        }
        assert_eq!(asked(), 1);
        for _ in 0..50 {
            let told = secrets.verify(&message(&forged), NOW.plus_ms(ASK_AGAIN_MS - 1)).await;
            assert_eq!(told, Err(NotBelieved::Forged(Forged::Unsigned)));
        }
        assert_eq!(asked(), 1, "whoever forges does not make us ask");
        for later in [ASK_AGAIN_MS, ASK_AGAIN_MS + 1] {
            let told = secrets.verify(&message(&forged), NOW.plus_ms(later)).await;
            assert_eq!(told, Err(NotBelieved::Forged(Forged::Unsigned)));
        }
        assert_eq!(asked(), 2, "it may have been changed");
    }

    #[tokio::test]
    async fn without_any_secret_a_webhook_is_told_to_come_again_and_a_stale_one_is_not() {
        let (secrets, log) = fetching("{}".to_owned()).await;
        let signature = signed(SECRET);
        assert_eq!(secrets.verify(&message(&signature), NOW).await, Err(NotBelieved::NoSecret));
        let stale = secrets.verify(&message(&signature), NOW.plus_ms(600_000)).await;
        assert_eq!(stale, Err(NotBelieved::Forged(Forged::WrongTime)));
        assert_eq!(log.lock().expect("no panic holds it").len(), 1, "a stale one is not worth a question");
    }

    #[tokio::test]
    async fn a_secret_that_was_given_is_never_fetched() {
        let (fetching, log) = fetching(format!("{{\"key\":\"{SECRET}\"}}")).await;
        let given = Secrets::new(vec!["whsec_Zm9yZ2Vk".parse().expect("a secret")], fetching.0.client.clone());
        assert_eq!(given.verify(&message(&signed("whsec_Zm9yZ2Vk")), NOW).await, Ok(()));
        let told = given.verify(&message(&signed(SECRET)), NOW).await;
        assert_eq!(told, Err(NotBelieved::Forged(Forged::Unsigned)));
        assert!(log.lock().expect("no panic holds it").is_empty());
    }
}
