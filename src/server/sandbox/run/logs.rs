//! What a model prints while it runs.

use super::{Course, seconds};
use crate::{
    domain::Timestamp,
    server::{
        replicate::Status,
        sandbox::{
            catalogue::{Entry, Makes},
            journal::Facts,
        },
    },
};
use std::fmt::Write;

/// Steps of the progress bar.
const STEPS: i64 = 50;

/// Everything that is printed until `at`.
pub(super) fn of(facts: &Facts, course: &Course, at: Timestamp) -> String {
    if at < course.started_at {
        return String::new();
    }
    let finished = matches!(course.end, Some((end, Status::Succeeded)) if end <= at);
    if facts.entry().is_none_or(Entry::counts_steps) { bars(facts, course, at, finished) } else { words(facts, finished) }
}

/// Its seed and a progress bar, a line for every second step.
fn bars(facts: &Facts, course: &Course, at: Timestamp, finished: bool) -> String {
    let (passed, whole) = (at.since(course.started_at), facts.rendering_ms.max(1));
    // The last step is done when the file is there: a real bar stands at 49/50 while it is uploaded.
    let done = if finished { STEPS } else { (passed * STEPS / whole).min(STEPS - 1) };
    let mut logs = format!("Using seed: {}\n", facts.seed);
    // Odd steps as well where the bar stops, so that 49/50 is told.
    for step in (0..=done).filter(|step| step % 2 == 0 || *step == done) {
        logs.push_str(&bar(step, whole));
    }
    logs
}

/// Models that are run elsewhere say little more than that they do something.
fn words(facts: &Facts, finished: bool) -> String {
    let (doing, done) = match facts.makes() {
        Makes::Speech => ("Reading", "Read"),
        Makes::Transcript => ("Listening", "Written down"),
        Makes::Text => return String::new(),
        Makes::Pictures | Makes::Picture | Makes::Video | Makes::Described => ("Generating", "Generated"),
    };
    let mut logs = format!("{doing}...\n");
    if finished {
        let took = seconds(facts.rendering_ms);
        writeln!(logs, "{done} in {took:.1}sec").expect("writing to a String cannot fail");
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
