//! Where a prediction is: a pure function of the facts of its creation and the time.
//!
//! What it prints stands in `logs`, what it makes in `output`.

mod logs;
mod output;
mod shaped;

use super::{InvoiceEvent, InvoiceLine, catalogue::Entry, http::streams, journal::Facts, script::Script};
use crate::{
    domain::{PredictionId, Timestamp},
    server::{protocol::moment, replicate::Status},
};
use serde_json::{Value, json};

pub(super) use output::{extension, file_name, files, tokens, transcript};

/// How long input, output, logs and files are kept after the end.
const KEPT_MS: i64 = 3_600_000;

/// When a run starts, and when and how it ends if nothing else is done to it.
struct Course {
    started_at: Timestamp,
    end: Option<(Timestamp, Status)>,
}

fn course(facts: &Facts) -> Course {
    let script = Script::of(facts.prompt());
    let started_at = facts.created_at.plus_ms(facts.starting_ms);
    let finished = if script.failure(facts.interrupted).is_some() { Status::Failed } else { Status::Succeeded };
    let natural = (!script.stall).then(|| (started_at.plus_ms(facts.rendering_ms), finished));
    let stopped = facts.deadline.map(|at| (at, if at < started_at { Status::Aborted } else { Status::Canceled }));
    let end = match (facts.canceled_at, natural, stopped) {
        // Only what had not ended was cancelled.
        (Some(at), ..) => Some((at, Status::Canceled)),
        (None, Some(natural), Some(stopped)) if stopped.0 < natural.0 => Some(stopped),
        (None, natural, stopped) => natural.or(stopped),
    };
    Course { started_at, end }
}

/// The status at a moment.
pub(super) fn state(facts: &Facts, now: Timestamp) -> Status {
    let course = course(facts);
    match course.end {
        Some((at, status)) if at <= now => status,
        _ if course.started_at <= now => Status::Processing,
        _ => Status::Starting,
    }
}

/// When it starts, if it is not stopped before.
pub(super) fn starts_at(facts: &Facts) -> Timestamp {
    course(facts).started_at
}

/// When it ends by itself; `None` for a stalled run.
pub(super) fn ends_at(facts: &Facts) -> Option<Timestamp> {
    course(facts).end.map(|(at, _)| at)
}

/// What is wrong with it, if it failed by itself.
pub(super) fn failure(facts: &Facts, status: &Status) -> Option<&'static str> {
    (*status == Status::Failed).then(|| Script::of(facts.prompt()).failure(facts.interrupted)).flatten()
}

/// Whether its data were removed.
pub(super) fn is_removed(facts: &Facts, now: Timestamp) -> bool {
    ends_at(facts).is_some_and(|end| now.since(end) >= KEPT_MS)
}

/// Whether its files can be fetched now.
pub(super) fn serves_files(facts: &Facts, now: Timestamp) -> bool {
    let course = course(facts);
    let kept = matches!(course.end, Some((at, Status::Succeeded)) if at <= now && now.since(at) < KEPT_MS);
    kept && !Script::of(facts.prompt()).expired
}

/// What is written on the bill until now.
pub(super) fn invoice(facts: &Facts, now: Timestamp) -> Vec<InvoiceLine> {
    let line =
        |event, at, images| InvoiceLine { event, id: PredictionId::trusted(&facts.id), at, model: facts.model.clone(), images };
    let mut lines = vec![line(InvoiceEvent::Created, facts.created_at, 0)];
    lines.extend(facts.canceled_at.map(|at| line(InvoiceEvent::Canceled, at, 0)));
    if let (Some((at, Status::Succeeded)), Status::Succeeded) = (course(facts).end, state(facts, now)) {
        lines.push(line(InvoiceEvent::Billed, at, output::billed(facts)));
    }
    lines
}

/// The prediction as the API tells it, with URLs at `origin`. While it runs `output` is left out, as recorded,
/// unless it grows.
pub(super) fn prediction(facts: &Facts, now: Timestamp, origin: &str) -> Value {
    let (course, status) = (course(facts), state(facts, now));
    let ended = course.end.as_ref().filter(|(at, _)| *at <= now).map(|(at, _)| *at);
    let removed = is_removed(facts, now);
    let base = format!("{origin}/v1/predictions/{}", facts.id);
    let mut told = json!({
        "id": facts.id, "model": facts.model, "version": facts.version, "status": status.as_str(),
        "error": failure(facts, &status), "input": if removed { json!({}) } else { facts.input.clone() },
        "logs": if removed { Value::Null } else { json!(logs::of(facts, &course, now.min(ended.unwrap_or(now)))) },
        "created_at": moment::write(facts.created_at), "data_removed": removed, "source": "api",
        "urls": { "get": base, "cancel": format!("{base}/cancel") },
    });
    if facts.entry().is_some_and(Entry::streams) {
        told["urls"]["stream"] = json!(format!("{origin}{}", streams::path(&facts.id)));
    }
    if course.started_at <= ended.unwrap_or(now) {
        told["started_at"] = json!(moment::write(course.started_at));
    }
    let made = if removed { Value::Null } else { output::told(facts, now, origin) };
    if let Some(at) = ended {
        told["completed_at"] = json!(moment::write(at));
        told["metrics"] = output::metrics(facts, &course, at, &status);
        told["output"] = made;
    } else if !made.is_null() {
        told["output"] = made;
    }
    let optional = [("webhook", &facts.webhook), ("webhook_events_filter", &facts.webhook_events_filter)];
    for (key, value) in optional.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
        told[key] = value.clone();
    }
    if let Some(deadline) = facts.deadline {
        told["deadline"] = json!(moment::write(deadline));
    }
    told
}

/// The same as answered within `Prefer: wait`: recorded runs that finished in time still said `processing`, with the
/// output there and nothing else of the end.
pub(super) fn early(mut told: Value) -> Value {
    if let Some(fields) = told.as_object_mut().filter(|fields| fields["status"] == "succeeded") {
        fields.insert("status".to_owned(), json!("processing"));
        for key in ["started_at", "completed_at", "metrics"] {
            fields.remove(key);
        }
    }
    told
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 285,000 years")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds.max(0) as f64 / 1000.0
}
