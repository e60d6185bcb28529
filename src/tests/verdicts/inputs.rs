//! Thousands of inputs out of schemas: most of them nearly right.

use super::Input;
use crate::simulator::dice::Dice;
use atelier::domain::schema::{Format, Schema, Shape};
use serde_json::{Map, Value, json};
use std::path::Path;

fn one(dice: &mut Dice, of: &[Value]) -> Value {
    of[dice.below(of.len())].clone()
}

/// A value near the rules of a shape: most are within them, some at their edge, some just outside.
fn near(shape: &Shape, dice: &mut Dice) -> Value {
    match shape {
        Shape::Text(rules) if rules.format == Format::Uri => {
            // Addresses that the sandbox would fetch, and none that it would refuse for leading elsewhere.
            one(
                dice,
                &[
                    json!("https://example.com/a b.png?x=%zz"),
                    json!("data:text/plain;base64,YQ=="),
                    json!("http://127.0.0.1:9/ö.png"),
                    json!("cat.png"),
                ],
            )
        }
        Shape::Text(_) => one(dice, &[json!("a lighthouse"), json!("夜の海\n灯台"), json!("42"), json!("null"), json!("[\"x\"")]),
        Shape::Number(bounds) => {
            let edges: Vec<f64> = [&bounds.min, &bounds.max, &bounds.above, &bounds.below]
                .into_iter()
                .flatten()
                .filter_map(serde_json::Number::as_f64)
                // Beyond that, one more is the same number.
                .filter(|edge| edge.abs() < 1e12)
                .collect();
            if edges.is_empty() || dice.chance(300) {
                return one(dice, &[json!(1), json!(2), json!(0), json!(0.5), json!(7), json!(64)]);
            }
            let edge = edges[dice.below(edges.len())];
            let near = [edge, edge, edge - 1.0, edge + 1.0, edge + 0.5][dice.below(5)];
            number(near)
        }
        Shape::Switch => json!(dice.chance(500)),
        Shape::Choice { values, .. } => one(dice, values),
        Shape::List(rules) => {
            let most = usize::try_from(rules.most.unwrap_or(3).min(20)).expect("small") + 1;
            let length = dice.below(most + 1);
            (0..length).map(|_| near(&rules.item, dice)).collect()
        }
        Shape::Object(members) => members.iter().map(|member| (member.name.clone(), near(&member.shape, dice))).collect(),
        Shape::AnyOf(shapes) => near(&shapes[dice.below(shapes.len())], dice),
        Shape::OrNull(shape) => near(shape, dice),
        Shape::Any => one(dice, &[json!({ "a": [1.5, null] }), json!("x"), json!([])]),
    }
}

/// Without a point where there is no fraction, as most programs write it.
fn number(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and is small")]
    if number.fract() == 0.0 { json!(number as i64) } else { json!(number) }
}

/// A value of any kind. None of them is a file that the sandbox could not fetch.
fn any(dice: &mut Dice) -> Value {
    let all = [
        Value::Null,
        json!(false),
        json!(-1),
        json!(0),
        json!(2.0),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("x"),
        json!("12"),
        json!([]),
        json!([1, "a", null]),
        json!([""]),
        json!({}),
        json!({ "a": { "b": [] } }),
    ];
    one(dice, &all)
}

/// An input: all that must be there, most of what may be, and in every second one something that hardly fits.
pub fn input(schema: &Schema, dice: &mut Dice) -> Input {
    let mut input = Map::new();
    for property in &schema.properties {
        if property.required || dice.chance(350) {
            let null = property.nullable && dice.chance(150);
            input.insert(property.name.clone(), if null { Value::Null } else { near(&property.shape, dice) });
        }
    }
    if dice.chance(500) {
        for _ in 0..=dice.below(2) {
            let Some(property) = schema.properties.get(dice.below(schema.properties.len())) else { continue };
            match dice.below(5) {
                0 => drop(input.remove(&property.name)),
                1 => drop(input.insert("never_heard_of".into(), any(dice))),
                2 => drop(input.insert(property.name.clone(), json!("x"))),
                _ => drop(input.insert(property.name.clone(), any(dice))),
            }
        }
    }
    input
}

/// The models that were recorded, if this checkout has them beside it: their names and `components.schemas`.
pub fn recorded() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/replicate-fixtures/schemas");
    let Ok(listed) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: there is no {}", folder.display());
        return Vec::new();
    };
    let mut paths: Vec<_> = listed.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let json = paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let read = json.filter_map(|path| {
        let name = path.file_stem()?.to_string_lossy().strip_prefix("model_")?.replacen('_', "/", 1);
        let text = std::fs::read_to_string(&path).expect("a text");
        let mut model: Value = serde_json::from_str(&text).expect("a fixture is JSON");
        Some((name, model["latest_version"]["openapi_schema"]["components"]["schemas"].take()))
    });
    read.filter(|(_, schemas)| schemas.is_object()).collect()
}

pub fn dice_of(name: &str) -> Dice {
    Dice::new(name.bytes().fold(0x9e37_79b9, |seed: u64, byte| seed.rotate_left(7) ^ u64::from(byte)))
}
