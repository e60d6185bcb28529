//! One of everything the pages must have words for; the tests of `text` say them all in each language.

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
