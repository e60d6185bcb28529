//! Where a prediction is: a pure function of the facts of its creation and the time.

use super::{InvoiceEvent, InvoiceLine, journal::Facts, script::Script};
use crate::{
    domain::{PredictionId, Timestamp},
    server::replicate::Status,
};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// How long input, output, logs and files are kept after the end.
const KEPT_MS: i64 = 3_600_000;

/// Steps of the progress bar.
const STEPS: i64 = 50;

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

/// How many files it makes.
pub(super) fn files(facts: &Facts) -> i64 {
    let asked = facts.number("num_outputs").unwrap_or(1);
    if Script::of(facts.prompt()).partial { asked - 1 } else { asked }
}

/// Whether its files can be fetched now.
pub(super) fn serves_files(facts: &Facts, now: Timestamp) -> bool {
    let course = course(facts);
    let kept = matches!(course.end, Some((at, Status::Succeeded)) if at <= now && now.since(at) < KEPT_MS);
    kept && !Script::of(facts.prompt()).expired
}

/// The extension of its files.
pub(super) fn extension(facts: &Facts) -> &str {
    // sdxl has no choice and makes PNG.
    facts.word("output_format").unwrap_or(if facts.version == "hidden" { "webp" } else { "png" })
}

/// What is written on the bill until now.
pub(super) fn invoice(facts: &Facts, now: Timestamp) -> Vec<InvoiceLine> {
    let line =
        |event, at, images| InvoiceLine { event, id: PredictionId::trusted(&facts.id), at, model: facts.model.clone(), images };
    let mut lines = vec![line(InvoiceEvent::Created, facts.created_at, 0)];
    lines.extend(facts.canceled_at.map(|at| line(InvoiceEvent::Canceled, at, 0)));
    if let (Some((at, Status::Succeeded)), Status::Succeeded) = (course(facts).end, state(facts, now)) {
        lines.push(line(InvoiceEvent::Billed, at, files(facts)));
    }
    lines
}

/// The prediction as the API tells it, with URLs at `origin`. While it runs `output` is left out, as recorded.
pub(super) fn prediction(facts: &Facts, now: Timestamp, origin: &str) -> Value {
    let (course, status) = (course(facts), state(facts, now));
    let ended = course.end.as_ref().filter(|(at, _)| *at <= now).map(|(at, _)| *at);
    let removed = ended.is_some_and(|at| now.since(at) >= KEPT_MS);
    let failure = (status == Status::Failed).then(|| Script::of(facts.prompt()).failure(facts.interrupted)).flatten();
    let base = format!("{origin}/v1/predictions/{}", facts.id);
    let mut told = json!({
        "id": facts.id, "model": facts.model, "version": facts.version, "status": status.as_str(), "error": failure,
        "input": if removed { json!({}) } else { facts.input.clone() },
        "logs": if removed { Value::Null } else { json!(logs(facts, &course, now.min(ended.unwrap_or(now)))) },
        "created_at": rfc3339(facts.created_at), "data_removed": removed, "source": "api",
        "urls": { "get": base, "cancel": format!("{base}/cancel") },
    });
    if course.started_at <= ended.unwrap_or(now) {
        told["started_at"] = json!(rfc3339(course.started_at));
    }
    if let Some(at) = ended {
        told["completed_at"] = json!(rfc3339(at));
        told["metrics"] = metrics(facts, &course, at, &status);
        told["output"] = if status == Status::Succeeded && !removed { output(facts, origin) } else { Value::Null };
    }
    let optional = [("webhook", &facts.webhook), ("webhook_events_filter", &facts.webhook_events_filter)];
    for (key, value) in optional.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
        told[key] = value.clone();
    }
    if let Some(deadline) = facts.deadline {
        told["deadline"] = json!(rfc3339(deadline));
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

fn output(facts: &Facts, origin: &str) -> Value {
    let extension = extension(facts);
    (0..files(facts)).map(|index| json!(format!("{origin}/files/{}/out-{index}.{extension}", facts.id))).collect()
}

fn metrics(facts: &Facts, course: &Course, ended: Timestamp, status: &Status) -> Value {
    let mut metrics = Map::new();
    metrics.insert("total_time".to_owned(), json!(seconds(ended.since(facts.created_at))));
    if course.started_at <= ended {
        metrics.insert("predict_time".to_owned(), json!(seconds(ended.since(course.started_at))));
    }
    if *status == Status::Succeeded {
        metrics.insert("image_count".to_owned(), json!(files(facts)));
    }
    Value::Object(metrics)
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 285,000 years")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds.max(0) as f64 / 1000.0
}

/// What a model prints until `at`: its seed and a progress bar, a line for every second step.
fn logs(facts: &Facts, course: &Course, at: Timestamp) -> String {
    if at < course.started_at {
        return String::new();
    }
    let (passed, whole) = (at.since(course.started_at), facts.rendering_ms.max(1));
    let finished = matches!(course.end, Some((end, Status::Succeeded)) if end <= at);
    // The last step is done when the file is there: a real bar stands at 49/50 while it is uploaded.
    let done = if finished { STEPS } else { (passed * STEPS / whole).min(STEPS - 1) };
    let mut logs = format!("Using seed: {}\n", facts.seed);
    // Odd steps as well where the bar stops, so that 49/50 is told.
    for step in (0..=done).filter(|step| step % 2 == 0 || *step == done) {
        logs.push_str(&bar(step, whole));
    }
    logs
}

/// A line as tqdm draws it.
fn bar(step: i64, whole_ms: i64) -> String {
    const PARTS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = step * 80 / STEPS;
    let mut drawn = "█".repeat(usize::try_from(eighths / 8).unwrap_or(0));
    if eighths < 80 {
        drawn.push(PARTS[usize::try_from(eighths % 8).unwrap_or(0)]);
    }
    let clock = |milliseconds: i64| format!("{:02}:{:02}", milliseconds / 60_000, milliseconds / 1000 % 60);
    let passed = clock(whole_ms * step / STEPS);
    let percent = step * 100 / STEPS;
    let mut line = format!("{percent:3}%|{drawn:<10}| {step}/{STEPS} [{passed}<");
    let rate = seconds(STEPS * 1000) / seconds(whole_ms);
    let rest = match step {
        0 => write!(line, "?, ?it/s]"),
        _ => write!(line, "{}, {rate:5.2}it/s]", clock(whole_ms * (STEPS - step) / STEPS)),
    };
    rest.expect("writing to a String cannot fail");
    line.push('\n');
    line
}

fn rfc3339(moment: Timestamp) -> Option<String> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(moment.0) * 1_000_000).ok()?.format(&Rfc3339).ok()
}
