//! Proof that a webhook comes from Replicate: a Standard Webhooks signature over its very bytes.
//!
//! The message is `id.timestamp.body` and the signature its HMAC-SHA256 under the decoded secret. Only `v1` counts; a
//! version we do not know is passed over, because it may stand beside one that we do. A time more than five minutes from
//! ours is refused either way: an old message can be a recorded one. The address it was sent to is not signed, so whoever
//! believes a webhook must still find its own mark in the body.

use crate::domain::Timestamp;
use base64::{Engine, prelude::BASE64_STANDARD};
use ring::hmac;
use std::str::FromStr;

/// How far the time of a webhook may be from ours.
const TOLERANCE_MS: i64 = 300_000;

/// Signatures looked at; a secret that is being changed makes two.
const MOST_SIGNATURES: usize = 16;

/// A secret that Replicate signs with. It is never shown.
#[derive(Clone)]
pub struct Secret(hmac::Key);

/// Why a text is no secret. The text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a webhook secret is `whsec_` and base64")]
pub struct BadSecret;

/// A webhook as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// `webhook-id`: the same when it is sent again.
    pub id: &'a str,
    /// `webhook-timestamp`: seconds, of this delivery.
    pub timestamp: &'a str,
    /// `webhook-signature`: one or more, separated by spaces.
    pub signature: &'a str,
    /// The bytes as they came.
    pub body: &'a [u8],
}

/// Why a webhook is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// Something that is signed is missing.
    #[error("it has no id")]
    NoId,
    /// Its time is none, or too far from ours.
    #[error("its time is not the present")]
    WrongTime,
    /// No signature is of any secret we know.
    #[error("its signature is of no secret we know")]
    Unsigned,
}

impl Secret {
    /// The signature of a message, as its header has it.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        format!("v1,{}", BASE64_STANDARD.encode(hmac::sign(&self.0, &signed(id, &timestamp.to_string(), body))))
    }
}

impl FromStr for Secret {
    type Err = BadSecret;

    fn from_str(text: &str) -> Result<Self, BadSecret> {
        let key = text.strip_prefix("whsec_").and_then(|base64| BASE64_STANDARD.decode(base64).ok());
        let key = key.filter(|key| !key.is_empty()).ok_or(BadSecret)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// Whether one of `secrets` signed this message, about now.
///
/// # Errors
/// With the reason, which is for the log and not for the sender.
pub fn verify(secrets: &[Secret], message: &Message<'_>, now: Timestamp) -> Result<(), Forged> {
    if message.id.is_empty() {
        return Err(Forged::NoId);
    }
    let sent_at = message.timestamp.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1_000));
    let apart = sent_at.and_then(|at| at.checked_sub(now.0)).and_then(i64::checked_abs);
    if apart.is_none_or(|apart| apart > TOLERANCE_MS) {
        return Err(Forged::WrongTime);
    }
    let signed = signed(message.id, message.timestamp, message.body);
    let given = message.signature.split(' ').take(MOST_SIGNATURES).filter_map(|item| item.strip_prefix("v1,"));
    let mut decoded = given.filter_map(|base64| BASE64_STANDARD.decode(base64).ok());
    // Each comparison takes the same time wherever the bytes differ.
    let genuine = decoded.any(|tag| secrets.iter().any(|secret| hmac::verify(&secret.0, &signed, &tag).is_ok()));
    genuine.then_some(()).ok_or(Forged::Unsigned)
}

fn signed(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::replicate::client::tests::fixture;
    use serde_json::Value;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn secret(text: &str) -> Secret {
        text.parse().expect("a secret")
    }

    #[test]
    fn se_20_every_recorded_and_computed_vector_is_answered_as_it_says() {
        let Some(vectors) = fixture("webhooks/vectors.json") else { return };
        let vectors = vectors["vectors"].as_array().expect("a list");
        assert_eq!(vectors.len(), 14);
        for vector in vectors {
            let name = vector["name"].as_str().expect("a name");
            let header = |key: &str| vector["headers"][key].as_str().unwrap_or_default();
            let message = Message {
                id: header("webhook-id"),
                timestamp: header("webhook-timestamp"),
                signature: header("webhook-signature"),
                body: vector["body"].as_str().unwrap_or_default().as_bytes(),
            };
            let now = Timestamp(message.timestamp.parse().unwrap_or(0) * 1_000);
            let parsed = vector["secret"].as_str().unwrap_or(SECRET).parse::<Secret>();
            match vector["expect"].as_str() {
                Some("invalid_secret") => assert_eq!(parsed.err(), Some(BadSecret), "{name}"),
                Some("valid") => assert_eq!(verify(&[parsed.expect(name)], &message, now), Ok(()), "{name}"),
                Some("missing_header") => assert_eq!(verify(&[parsed.expect(name)], &message, now), Err(Forged::NoId), "{name}"),
                // Under a label that is not `v1`, whatever it is is not what that label promises.
                Some("invalid_signature" | "missing_body" | "implementation_choice") => {
                    assert_eq!(verify(&[parsed.expect(name)], &message, now), Err(Forged::Unsigned), "{name}");
                }
                Some(other) => panic!("an outcome without a rule: {other}"),
                None => the_rule_of_the_times(vector),
            }
        }
    }

    /// The vector's cases lie a second to either side of its own tolerance; ours is shorter, the rule is the same.
    fn the_rule_of_the_times(vector: &Value) {
        let theirs = vector["tolerance_s"].as_i64().expect("a tolerance");
        let cases = vector["cases"].as_array().expect("cases");
        assert_eq!(cases.len(), 4);
        let now = 1_700_000_000;
        for case in cases {
            let offset = case["offset_s"].as_i64().expect("an offset");
            let sent_at = now + offset.signum() * (offset.abs() - theirs + TOLERANCE_MS / 1_000);
            let (timestamp, signature) = (sent_at.to_string(), secret(SECRET).sign("m", sent_at, b"{}"));
            let message = Message { id: "m", timestamp: &timestamp, signature: &signature, body: b"{}" };
            let expected = if case["expect"] == "invalid_timestamp" { Err(Forged::WrongTime) } else { Ok(()) };
            assert_eq!(verify(&[secret(SECRET)], &message, Timestamp(now * 1_000)), expected, "{offset}");
        }
    }

    #[test]
    fn while_a_secret_is_being_changed_both_are_believed() {
        let (old, new) = (secret(SECRET), secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"));
        let now = Timestamp(1_700_000_000_000);
        for signer in [&old, &new] {
            let signature = format!("v2,eA== v1,not-base64 {}", signer.sign("m", 1_700_000_000, b"body"));
            let message = Message { id: "m", timestamp: "1700000000", signature: &signature, body: b"body" };
            assert_eq!(verify(&[old.clone(), new.clone()], &message, now), Ok(()));
            assert_eq!(verify(&[], &message, now), Err(Forged::Unsigned));
        }
    }

    #[test]
    fn se_20_a_message_that_differs_in_any_signed_part_is_refused() {
        let signature = secret(SECRET).sign("m", 1_700_000_000, b"body");
        let genuine = Message { id: "m", timestamp: "1700000000", signature: &signature, body: b"body" };
        let now = Timestamp(1_700_000_000_000);
        let check = |message: &Message<'_>| verify(&[secret(SECRET)], message, now);
        assert_eq!(check(&genuine), Ok(()));
        assert_eq!(check(&Message { id: "n", ..genuine }), Err(Forged::Unsigned));
        assert_eq!(check(&Message { timestamp: "1700000001", ..genuine }), Err(Forged::Unsigned));
        assert_eq!(check(&Message { timestamp: "+1700000000", ..genuine }), Err(Forged::Unsigned));
        assert_eq!(check(&Message { body: b"body ", ..genuine }), Err(Forged::Unsigned));
        for at in 3..signature.len() {
            let cut = &signature[..at];
            assert_eq!(check(&Message { signature: cut, ..genuine }), Err(Forged::Unsigned), "{cut}");
        }
        for time in ["", "now", "9223372036854775807", "-9223372036854775808", "1700000000.5"] {
            assert_eq!(check(&Message { timestamp: time, ..genuine }), Err(Forged::WrongTime), "{time}");
        }
    }
}
