//! What a run makes: files, tokens or an object, and what is counted of it.

use super::{Course, course, seconds, shaped::shaped, state};
use crate::{
    domain::Timestamp,
    server::{
        replicate::Status,
        sandbox::{
            catalogue::Makes,
            clips,
            journal::Facts,
            prose::{self, Transcript},
            script::Script,
        },
    },
};
use serde_json::{Map, Value, json};

/// How many files it makes.
pub(in crate::server::sandbox) fn files(facts: &Facts) -> i64 {
    let asked = match facts.makes() {
        Makes::Pictures => {
            let series = facts.word("sequential_image_generation") == Some("auto");
            facts.number(if series { "max_images" } else { "num_outputs" }).unwrap_or(1)
        }
        Makes::Picture | Makes::Video | Makes::Speech => 1,
        Makes::Transcript => i64::from(facts.word("transcription") == Some("srt")),
        Makes::Text => 0,
        Makes::Described => {
            let mut files = 0;
            described(facts, || {
                files += 1;
                Value::Null
            });
            files
        }
    };
    if Script::of(facts.prompt()).partial { (asked - 1).max(0) } else { asked }
}

/// How many outputs are paid: every picture, and one for anything else.
pub(super) fn billed(facts: &Facts) -> i64 {
    match facts.makes() {
        Makes::Text | Makes::Transcript | Makes::Described => 1,
        Makes::Pictures | Makes::Picture | Makes::Video | Makes::Speech => files(facts),
    }
}

/// The extension of its files.
pub(in crate::server::sandbox) fn extension(facts: &Facts) -> &str {
    let named = facts.word("output_format").or_else(|| facts.entry().map(|entry| entry.extension.as_str())).unwrap_or("png");
    let draws = matches!(facts.makes(), Makes::Pictures | Makes::Picture | Makes::Described);
    if draws && !["png", "webp", "jpg"].contains(&named) { "png" } else { named }
}

/// What has the shape of its output's description.
fn described(facts: &Facts, mut file: impl FnMut() -> Value) -> Value {
    let Some(entry) = facts.entry() else { return Value::Null };
    let sentence = prose::answer(facts.prompt(), Some(24)).concat();
    shaped(&entry.schemas["Output"], &entry.schemas, &sentence, &mut file)
}

/// The name of its file number `index`: a list is numbered.
pub(in crate::server::sandbox) fn file_name(facts: &Facts, index: i64) -> String {
    let extension = extension(facts);
    if matches!(facts.makes(), Makes::Pictures | Makes::Described) {
        format!("out-{index}.{extension}")
    } else {
        format!("output.{extension}")
    }
}

/// The tokens of a text until `now`. What was said stays said when a run fails, in the middle, or is cancelled.
pub(in crate::server::sandbox) fn tokens(facts: &Facts, now: Timestamp) -> Vec<String> {
    let (course, script) = (course(facts), Script::of(facts.prompt()));
    let at = course.end.as_ref().map_or(now, |(end, _)| now.min(*end));
    if facts.makes() != Makes::Text || at < course.started_at {
        return Vec::new();
    }
    let mut tokens = prose::answer(facts.prompt(), facts.number("max_tokens"));
    let whole = tokens.len();
    let most = if script.partial || script.failure(facts.interrupted).is_some() { whole / 2 } else { whole };
    let made = if state(facts, now) == Status::Succeeded {
        most
    } else {
        let passed = at.since(course.started_at).clamp(0, facts.rendering_ms);
        let made = i64::try_from(whole).unwrap_or(0) * passed / facts.rendering_ms.max(1);
        // The last token comes with the end.
        usize::try_from(made).unwrap_or(0).min(most).min(whole.saturating_sub(1))
    };
    tokens.truncate(made);
    tokens
}

/// What is said in the recording.
pub(in crate::server::sandbox) fn transcript(facts: &Facts) -> Transcript {
    prose::transcript(facts.source.as_ref().map_or(0, |source| source.hash))
}

/// What there is to show at `now`; null when there is nothing.
pub(super) fn told(facts: &Facts, now: Timestamp, origin: &str) -> Value {
    if facts.makes() == Makes::Text {
        let tokens = tokens(facts, now);
        return if tokens.is_empty() && state(facts, now) != Status::Succeeded { Value::Null } else { json!(tokens) };
    }
    if state(facts, now) != Status::Succeeded {
        return Value::Null;
    }
    let url = |index| json!(format!("{origin}/files/{}/{}", facts.id, file_name(facts, index)));
    let mut urls = (0..files(facts)).map(url);
    match facts.makes() {
        Makes::Pictures => urls.collect(),
        Makes::Transcript => written_down(facts, urls.next().as_ref()),
        Makes::Described => described(facts, || urls.next().unwrap_or(Value::Null)),
        Makes::Picture | Makes::Video | Makes::Speech | Makes::Text => urls.next().unwrap_or(Value::Null),
    }
}

fn written_down(facts: &Facts, srt_file: Option<&Value>) -> Value {
    let transcript = transcript(facts);
    let text = match facts.word("transcription") {
        Some("srt") => transcript.srt(),
        Some("vtt") => transcript.vtt(),
        _ => transcript.plain(),
    };
    let language = facts.word("language").filter(|language| *language != "auto").unwrap_or("english");
    let translation = (facts.input["translate"] == true).then(|| transcript.plain());
    json!({
        "segments": transcript.segments(), "transcription": text, "detected_language": language, "translation": translation,
        "txt_file": null, "srt_file": srt_file,
    })
}

pub(super) fn metrics(facts: &Facts, course: &Course, ended: Timestamp, status: &Status) -> Value {
    let mut metrics = Map::new();
    let mut tell = |key: &str, value: Value| metrics.insert(key.to_owned(), value);
    tell("total_time", json!(seconds(ended.since(facts.created_at))));
    if course.started_at <= ended {
        tell("predict_time", json!(seconds(ended.since(course.started_at))));
    }
    let succeeded = *status == Status::Succeeded;
    match facts.makes() {
        Makes::Pictures | Makes::Picture if succeeded => {
            tell("image_count", json!(files(facts)));
        }
        Makes::Video if succeeded => {
            tell("video_output_count", json!(files(facts)));
            tell("video_output_duration_seconds", json!(files(facts) * clips::SECONDS));
        }
        Makes::Speech if succeeded => {
            tell("character_input_count", json!(facts.prompt().chars().count()));
        }
        Makes::Text => {
            let made = tokens(facts, ended).len();
            tell("input_token_count", json!(prose::pieces(facts.prompt()).len()));
            tell("output_token_count", json!(made));
            if made > 0 {
                let whole = prose::answer(facts.prompt(), facts.number("max_tokens")).len();
                let first = facts.rendering_ms / i64::try_from(whole).unwrap_or(1).max(1);
                tell("time_to_first_token", json!(seconds(first)));
                tell("tokens_per_second", json!(1.0 / seconds(first).max(0.001)));
            }
        }
        _ => {}
    }
    Value::Object(metrics)
}
