//! One of everything the pages must have words for; the tests of `text` say them all in each language.

use crate::domain::catalogue::{Looked, Usual, Wrong};
use crate::domain::samples::model;
use crate::domain::schema::Violation;
use crate::domain::{Credits, Field, FieldProblem, Model, PriceRule, Problem, Refusal, StatementKind, Task};
use serde_json::json;

/// Statuses an error page is shown with, and one it has no words of its own for.
pub(super) const STATUSES: [u16; 14] = [400, 401, 403, 404, 405, 410, 413, 415, 416, 422, 429, 500, 503, 599];

pub(super) fn problems() -> Vec<(Field, Problem)> {
    let fields =
        [Field::Prompt, Field::Model, Field::AspectRatio, Field::Count, Field::Seed, Field::RequestKey, Field::QuotedPrice];
    let problems = [Problem::Required, Problem::TooLong(4_000), Problem::Invalid, Problem::NotInRange(4), Problem::TooMany(20)];
    fields.into_iter().flat_map(|field| problems.map(|problem| (field, problem))).collect()
}

pub(super) fn refusals() -> Vec<Refusal> {
    vec![
        Refusal::Fields(vec![FieldProblem { field: Field::Prompt, problem: Problem::Required }]),
        Refusal::Insufficient { available: Credits(0), price: Credits(4) },
        Refusal::Insufficient { available: Credits(3), price: Credits(4) },
        Refusal::PriceChanged { quoted: Credits(4), price: Credits(8) },
        Refusal::KeyReused,
        Refusal::KeyCapReached { cap: Credits(100), left: Credits(0) },
        Refusal::KeyCapReached { cap: Credits(1), left: Credits(1) },
        Refusal::KeyEnded,
        Refusal::AskFirst { above: Credits(5), price: Credits(8) },
        Refusal::DailyCapReached { cap: Credits(50), left: Credits(0) },
        Refusal::DailyCapReached { cap: Credits(1), left: Credits(1) },
        Refusal::TooManyQueued { limit: 20 },
    ]
}

pub(super) fn kinds() -> [StatementKind; 4] {
    [StatementKind::SignupGrant, StatementKind::Grant, StatementKind::Capture, StatementKind::Release]
}

pub fn violations() -> Vec<Violation> {
    let found = |kind: &'static str, description: &str| Violation {
        kind: kind.into(),
        field: "input.steps".into(),
        description: description.into(),
    };
    vec![
        found("required", "steps is required"),
        found("number_lte", "Must be less than or equal to 4"),
        found("number_gte", "Must be greater than or equal to 1"),
        found("enum", "steps must be one of the following: 1, 2"),
        found("invalid_type", "Invalid type. Expected: integer, given: string"),
        found("format", "Does not match format 'uri'"),
        found("unheard_of", "No"),
    ]
}

/// Seconds, one of them, minutes, one of them.
pub(super) const USUAL: [Usual; 4] =
    [Usual { from: 6, to: 9 }, Usual { from: 7, to: 7 }, Usual { from: 100, to: 200 }, Usual { from: 121, to: 179 }];

pub(super) const LOOKED: [Looked; 4] = [
    Looked { asked: 1, newer: 0, silent: 0 },
    Looked { asked: 14, newer: 1, silent: 1 },
    Looked { asked: 14, newer: 3, silent: 0 },
    Looked { asked: 14, newer: 0, silent: 14 },
];

pub(super) fn models() -> Vec<Model> {
    let priced = |rule, unit, task| {
        let mut model = model(&json!({}));
        (model.price.rule, model.price.unit, model.task, model.max_seconds) = (rule, Credits(unit), task, 15);
        model
    };
    let rules = PriceRule::ALL.into_iter().flat_map(|rule| [1, 170].map(|unit| (rule, unit)));
    rules.flat_map(|(rule, unit)| Task::ALL.map(|task| priced(rule, unit, task))).collect()
}

pub(super) fn wrongs() -> [Wrong; 7] {
    [
        Wrong::Missing,
        Wrong::TooLong(300),
        Wrong::NotWhole(1, 3_600),
        Wrong::NotNumber,
        Wrong::TooSmall("20".into()),
        Wrong::Unknown,
        Wrong::NotAnAddress,
    ]
}
