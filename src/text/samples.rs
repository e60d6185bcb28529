//! One of everything the pages must have words for; the tests of `text` say them all in each language.

use crate::domain::schema::Violation;
use crate::domain::{Credits, Field, FieldProblem, Problem, Refusal, StatementKind};

/// Statuses an error page is shown with, and one it has no words of its own for.
pub(super) const STATUSES: [u16; 14] = [400, 401, 403, 404, 405, 410, 413, 415, 416, 422, 429, 500, 503, 599];

pub(super) fn problems() -> Vec<(Field, Problem)> {
    let fields =
        [Field::Prompt, Field::Model, Field::AspectRatio, Field::Count, Field::Seed, Field::RequestKey, Field::QuotedPrice];
    let problems = [Problem::Required, Problem::TooLong(4_000), Problem::Invalid, Problem::NotInRange(4)];
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
