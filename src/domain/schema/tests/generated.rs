//! Thousands of inputs from a small generator: the same ones in every run.

use super::super::{Bounds, Control, Format, Property, Schema, Shape, TextRules, same};
use super::{everything, models, sayable, sent};
use serde_json::{Map, Number, Value, json};

/// Inputs made from each schema.
const EACH: usize = 300;
/// At least so many in all, also where there are no recorded models: then the one schema of everything gives them.
const ALL: usize = 5_000;

const WORDS: [&str; 14] = [
    "a lighthouse",
    "夜の海\n灯台",
    " ",
    "null",
    "true",
    "42",
    "1.0",
    "{\"a\"",
    "[",
    "\"quoted\"",
    "x=1&input.y=2",
    "\t\n",
    "<b>",
    "\u{10ffff}",
];
const FILES: [&str; 3] = ["https://example.com/a b.png?x=%zz", "data:text/plain;base64,YQ==", "http://127.0.0.1:9/ö.png"];

/// An xorshift generator.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(n.max(1)).expect("small")).expect("small")
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

/// A value that the shape accepts.
fn fitting(shape: &Shape, dice: &mut Dice) -> Value {
    match shape {
        Shape::Any => dice.one(&[json!("a"), json!(""), json!(" 1"), json!({ "a": [1.5, null] }), json!([[]]), Value::Null]),
        Shape::Text(rules) => json!(text(rules, dice)),
        Shape::Number(bounds) => number(bounds, dice),
        Shape::Switch => json!(dice.below(2) == 0),
        Shape::Choice { values, .. } => dice.one(values),
        Shape::List(rules) => {
            let least = usize::try_from(rules.least.unwrap_or(0)).expect("small");
            let most = usize::try_from(rules.most.unwrap_or(4)).expect("small");
            let mut items: Vec<Value> = Vec::new();
            for _ in 0..least + dice.below(most - least + 1) {
                let item = fitting(&rules.item, dice);
                if !rules.unique || items.iter().all(|other| !same(other, &item)) {
                    items.push(item);
                }
            }
            json!(items)
        }
        Shape::Object(members) => {
            let named = members.iter().filter(|member| member.required || dice.below(2) == 0).collect::<Vec<_>>();
            named.into_iter().map(|member| (member.name.clone(), fitting(&member.shape, dice))).collect()
        }
        Shape::AnyOf(shapes) => fitting(&dice.one(shapes), dice),
        Shape::OrNull(shape) => {
            if dice.below(3) == 0 {
                Value::Null
            } else {
                fitting(shape, dice)
            }
        }
    }
}

fn text(rules: &TextRules, dice: &mut Dice) -> String {
    match rules.format {
        Format::Uri => dice.one(&FILES).to_owned(),
        _ if rules.least.is_none() && dice.below(6) == 0 => String::new(),
        _ => dice.one(&WORDS).to_owned(),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "what a test makes may be off by a little within its bounds"
)]
fn number(bounds: &Bounds, dice: &mut Dice) -> Value {
    let float = |bound: &Option<Number>| bound.as_ref().and_then(Number::as_f64);
    let min = float(&bounds.min).or(float(&bounds.above).map(|above| above + 0.25)).unwrap_or(-10.0);
    let max = float(&bounds.max).or(float(&bounds.below).map(|below| below - 0.25)).unwrap_or(min + 100.0);
    if let Some(multiple) = float(&bounds.multiple) {
        let first = (min / multiple).ceil();
        let steps = ((max / multiple).floor() - first).clamp(0.0, 1000.0) as usize;
        return json!(((first + dice.below(steps + 1) as f64) * multiple) as i64);
    }
    if bounds.integer {
        let (min, max) = (min.ceil() as i64, max.floor().min(9e15) as i64);
        let whole = min + i64::try_from(dice.roll() % u64::try_from(max - min + 1).expect("ordered")).expect("small");
        // Written with a point it is whole all the same.
        return if dice.below(5) == 0 { json!(whole as f64) } else { json!(whole) };
    }
    match dice.below(4) {
        0 => json!(min.max(-1e9)),
        1 => json!(max),
        // No more digits than a form gives back exactly.
        _ => {
            let made = min + (max - min) * dice.below(101) as f64 / 100.0;
            json!(((made * 1e6).round() / 1e6).clamp(min, max))
        }
    }
}

/// A value of any kind.
fn any(dice: &mut Dice) -> Value {
    dice.one(&[
        Value::Null,
        json!(false),
        json!(-1),
        json!(0),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("12"),
        json!("a lighthouse"),
        json!("https://example.com/a.png"),
        json!([]),
        json!([1, "a", null]),
        json!([""]),
        json!({}),
        json!({ "a": { "b": [] } }),
    ])
}

fn valid(schema: &Schema, dice: &mut Dice) -> Map<String, Value> {
    let mut input = Map::new();
    for property in &schema.properties {
        if property.required || dice.below(3) > 0 {
            let null = property.nullable && dice.below(5) == 0;
            input.insert(property.name.clone(), if null { Value::Null } else { fitting(&property.shape, dice) });
        }
    }
    input
}

/// Up to three values replaced, removed or added.
fn mutated(schema: &Schema, mut input: Map<String, Value>, dice: &mut Dice) -> Map<String, Value> {
    for _ in 0..=dice.below(3) {
        let name = if schema.properties.is_empty() { "other".into() } else { dice.one(&schema.properties).name };
        match dice.below(4) {
            0 => drop(input.remove(&name)),
            1 => drop(input.insert("never_heard_of".into(), any(dice))),
            _ => drop(input.insert(name, any(dice))),
        }
    }
    input
}

/// The schemas that inputs are made from, and how many of each.
fn schemas() -> Vec<(String, Schema, usize)> {
    let mut schemas: Vec<_> = models().into_iter().map(|(name, raw, _)| (name, Schema::parse(&raw), EACH)).collect();
    let rest = ALL.saturating_sub(schemas.len() * EACH).max(EACH);
    schemas.push(("everything".into(), Schema::parse(&everything()), rest));
    schemas
}

fn dice(name: &str) -> Dice {
    Dice(name.bytes().fold(0x9e37_79b9_7f4a_7c15, |seed: u64, byte| seed.rotate_left(7) ^ u64::from(byte)) | 1)
}

#[test]
fn generated_inputs_are_accepted_and_come_back_from_a_form() {
    let mut made = 0;
    for (name, schema, count) in schemas() {
        let mut dice = dice(&name);
        for _ in 0..count {
            let input = valid(&schema, &mut dice);
            assert_eq!(schema.violations(&input), [], "{name} {input:?}");
            let sent = sent(&schema, &input);
            let read = schema.read(&sent).map(Value::Object);
            assert!(
                read.as_ref().is_ok_and(|read| same(read, &sayable(&schema, &input))),
                "{name} {input:?}\n{sent:?}\n{read:?}"
            );
            let (kept, dropped) = schema.carry(&input);
            assert_eq!(kept.len() + dropped.len(), input.len(), "{name}");
            assert!(dropped.iter().all(|name| schema.property(name).is_some_and(Property::is_secret)), "{name} {dropped:?}");
            assert!(schema.changed(&input) <= input.len());
            made += 1;
        }
    }
    assert!(made >= ALL, "{made}");
}

#[test]
fn every_mutated_input_has_one_verdict_which_the_page_s_copy_shares() {
    let (mut made, mut refused) = (0, 0);
    for (name, schema, count) in schemas() {
        let written = serde_json::to_string(&schema).expect("JSON");
        let copy: Schema = serde_json::from_str(&written).expect("a schema");
        let mut dice = dice(&name);
        for _ in 0..count {
            let input = valid(&schema, &mut dice);
            let input = mutated(&schema, input, &mut dice);
            let found = schema.violations(&input);
            assert_eq!(found, schema.violations(&input), "{name} {input:?}");
            assert_eq!(found, copy.violations(&input), "{name} {input:?}");
            for violation in &found {
                let at = schema.properties.iter().filter(|property| violation.is_at(&property.name)).count();
                assert_eq!(at, 1, "{name} {violation:?}");
            }
            // Each property for itself says the same, but for what is missing.
            let each = schema.properties.iter().filter_map(|property| Some(property.violations(input.get(&property.name)?)));
            assert_eq!(each.flatten().count(), found.iter().filter(|violation| violation.field != "input").count(), "{name}");
            let (kept, dropped) = schema.carry(&input);
            assert_eq!(kept.len() + dropped.len(), input.len(), "{name}");
            if found.is_empty() {
                let read = schema.read(&sent(&schema, &input)).map(Value::Object);
                assert!(read.is_ok_and(|read| same(&read, &sayable(&schema, &input))), "{name} {input:?}");
            }
            made += 1;
            refused += usize::from(!found.is_empty());
        }
    }
    assert!(made >= ALL && refused * 4 > made && refused < made, "{refused} of {made}");
}

#[test]
fn whatever_a_form_sends_is_either_an_input_that_is_accepted_or_a_reason() {
    let mut taken = 0;
    for (name, schema, count) in schemas() {
        let mut dice = dice(&name);
        for _ in 0..count {
            let mut fields = schema.fill(&valid(&schema, &mut dice));
            for _ in 0..dice.below(4) {
                let property = dice.one(&schema.properties).name;
                let prefix = dice.one(&["input.", "input.", "blank.", ""]);
                fields.push((format!("{prefix}{property}"), dice.one(&WORDS).to_owned()));
                fields.push((format!("{prefix}{property}"), dice.one(&["", "list", "text", "null", "-1", "０"]).to_owned()));
            }
            match schema.read(&fields) {
                Ok(input) => {
                    assert_eq!(schema.violations(&input), [], "{name} {fields:?}");
                    taken += 1;
                }
                Err(reasons) => assert!(!reasons.is_empty(), "{name}"),
            }
        }
    }
    assert!(taken > 100, "{taken}");
}

#[test]
fn the_schema_of_everything_has_every_control() {
    let schema = Schema::parse(&everything());
    let mut kinds: Vec<_> = schema.properties.iter().map(|property| std::mem::discriminant(&property.control())).collect();
    kinds.dedup();
    let all = [
        Control::Text { multiline: true },
        Control::Segmented(&[]),
        Control::Select(&[]),
        Control::Range { min: 0.0, max: 1.0, step: 1.0, integer: true },
        Control::Number { integer: true, min: None, max: None },
        Control::Switch,
        Control::File { accept: super::super::Accept::Any },
        Control::Files { accept: super::super::Accept::Any },
        Control::Secret,
        Control::Checks(&[]),
        Control::Texts,
        Control::Numbers,
        Control::Json { text: true },
    ];
    for control in all {
        assert!(kinds.contains(&std::mem::discriminant(&control)), "{control:?}");
    }
}
