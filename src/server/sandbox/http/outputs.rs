//! The files of predictions, as a content delivery network serves them: without a token, and in parts to whoever asks for
//! a part.

use super::{
    Answered,
    ranges::{Asked, asked},
};
use crate::server::protocol::Problem;
use crate::server::sandbox::{
    Sandbox, catalogue::Makes, clips, journal::Facts, picture, run, run_blocking, script::Script, speech,
};
use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::IntoResponse,
};
use futures::{StreamExt, stream};
use sha2::{Digest, Sha256};
use std::io;

pub(super) async fn file(
    State(sandbox): State<Sandbox>,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answered {
    let facts = sandbox.facts(&id)?;
    let index = (0..run::files(&facts)).find(|index| name == run::file_name(&facts, *index));
    let index = index.filter(|_| run::serves_files(&facts, sandbox.now())).ok_or_else(Problem::not_found)?;
    let (script, last) = (Script::of(facts.prompt()), index + 1 == run::files(&facts));
    let truncated = script.truncated || script.one_bad && last;
    let (content_type, bytes) = content(sandbox, facts, index).await?;
    serve(&headers, content_type, bytes, truncated)
}

/// What is in the file number `index`, and what that is.
async fn content(sandbox: Sandbox, facts: Facts, index: i64) -> Result<(&'static str, Bytes), Problem> {
    match facts.makes() {
        Makes::Pictures | Makes::Picture | Makes::Described => {
            let index = u32::try_from(index).map_err(|_| Problem::internal())?;
            let order = picture::Order::of(&facts, index, sandbox.0.options.longest_edge);
            let content_type = order.content_type();
            let draw = move || sandbox.0.pictures.get(&order).ok_or_else(Problem::internal);
            Ok((content_type, run_blocking(draw).await?))
        }
        Makes::Video => Ok(("video/mp4", Bytes::from_static(clips::of(facts.prompt())))),
        Makes::Speech => {
            #[expect(clippy::cast_possible_truncation, reason = "it was checked to be between 0.1 and 5")]
            let speed = facts.fraction("speed").unwrap_or(1.0) as f32;
            let read = move || Ok(speech::read_aloud(facts.prompt(), facts.word("voice").unwrap_or("af"), speed));
            Ok(("audio/wav", Bytes::from(run_blocking(read).await?)))
        }
        Makes::Transcript => Ok(("application/x-subrip", Bytes::from(run::transcript(&facts).srt()))),
        Makes::Text => Err(Problem::not_found()),
    }
}

/// All of it, or the part that was asked for; broken off in the middle when it is to be `truncated`.
fn serve(headers: &HeaderMap, content_type: &'static str, bytes: Bytes, truncated: bool) -> Answered {
    let etag = format!("\"{}\"", hex::encode(&Sha256::digest(&bytes)[..16]));
    let always = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public,max-age=3600")),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    let tell = |text: String| HeaderValue::try_from(text).map_err(|_| Problem::internal());
    let whole = bytes.len();
    let (status, range, part) = match asked(headers, &etag, whole) {
        Asked::Whole => (StatusCode::OK, None, bytes),
        Asked::Part(part) => {
            let range = tell(format!("bytes {}-{}/{whole}", part.start, part.end - 1))?;
            (StatusCode::PARTIAL_CONTENT, Some(range), bytes.slice(part))
        }
        Asked::Nothing => (StatusCode::RANGE_NOT_SATISFIABLE, Some(tell(format!("bytes */{whole}"))?), Bytes::new()),
    };
    let length = [(header::CONTENT_LENGTH, HeaderValue::from(part.len())), (header::ETAG, tell(etag)?)];
    let body = if truncated { half(&part) } else { Body::from(part) };
    let mut answer = (status, always, length, body).into_response();
    if let Some(range) = range {
        answer.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    Ok(answer)
}

/// The first half, then the connection breaks. Between the two the server gets its turn to send what it has; otherwise
/// it would throw the half away and not even the head would leave.
fn half(bytes: &Bytes) -> Body {
    let first = bytes.slice(..bytes.len() / 2);
    let broken = async {
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    };
    Body::from_stream(stream::iter([Ok(first)]).chain(stream::once(broken)))
}
