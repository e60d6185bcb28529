//! `make schemas`: reads every public model of one day (`models.json`, whose path is the one argument) and tells what became
//! of it: that every property has one control, which ones are only JSON and why, which stated defaults and recorded examples
//! break their own schema, and that a form gives every valid example back as it was.
//!
//! A panic is counted, and makes the program fail; so does a property without a control and an example that a form changes.

use atelier::domain::schema::{Control, OutputKind, Property, Schema, Shape, label, prefixed, same};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// One entry of the file; what is not named here is never built.
#[derive(Deserialize)]
struct Entry {
    owner: String,
    name: String,
    latest_version: Option<Version>,
    default_example: Option<Example>,
}

#[derive(Deserialize)]
struct Version {
    openapi_schema: Value,
}

#[derive(Deserialize)]
struct Example {
    #[serde(default)]
    input: Value,
}

/// What all models together came to.
#[derive(Default)]
struct Tally {
    models: usize,
    properties: usize,
    uncontrolled: usize,
    controls: BTreeMap<&'static str, usize>,
    outputs: BTreeMap<&'static str, usize>,
    json: Vec<String>,
    prompts: usize,
    seeds: usize,
    defaults: usize,
    bad_defaults: Vec<String>,
    examples: usize,
    valid_examples: usize,
    bad_examples: BTreeMap<String, usize>,
    mutations: usize,
    refused: usize,
    changed: Vec<String>,
    rewritten: Vec<String>,
    bytes_before: usize,
    bytes_after: usize,
    panics: Vec<String>,
    parsing: Duration,
    checking: Duration,
}

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let Some(path) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) else {
        return fail("which models.json?");
    };
    let entries: Vec<Entry> = match std::fs::read(&path).map(|bytes| serde_json::from_slice(&bytes)) {
        Ok(Ok(entries)) => entries,
        Ok(Err(error)) => return fail(&format!("{path}: {error}")),
        Err(error) => return fail(&format!("{path}: {error}")),
    };
    let mut tally = Tally::default();
    for entry in &entries {
        let name = format!("{}/{}", entry.owner, entry.name);
        if catch_unwind(AssertUnwindSafe(|| tally.add(&name, entry))).is_err() {
            tally.panics.push(name);
        }
    }
    let lost = tally.uncontrolled + tally.panics.len() + tally.changed.len() + tally.rewritten.len();
    match tally.print(&mut stdout().lock()) {
        Ok(()) if lost == 0 && tally.models > 0 => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(why: &str) -> ExitCode {
    eprintln!("schemas: {why}");
    ExitCode::FAILURE
}

impl Tally {
    fn add(&mut self, name: &str, entry: &Entry) {
        let Some(version) = &entry.latest_version else { return };
        let raw = &version.openapi_schema["components"]["schemas"];
        let begun = Instant::now();
        let schema = Schema::parse(raw);
        self.parsing += begun.elapsed();

        self.models += 1;
        self.properties += schema.properties.len();
        self.uncontrolled += raw["Input"]["properties"].as_object().map_or(0, Map::len).abs_diff(schema.properties.len());
        *self.outputs.entry(output(schema.output)).or_default() += 1;
        self.prompts += usize::from(schema.prompt().is_some());
        self.seeds += usize::from(schema.properties.iter().any(Property::is_seed));
        for property in &schema.properties {
            self.look_at(name, property);
        }
        let written = serde_json::to_string(&schema).unwrap_or_default();
        self.bytes_before += raw.to_string().len();
        self.bytes_after += written.len();
        if serde_json::from_str::<Schema>(&written).ok().as_ref() != Some(&schema) {
            self.rewritten.push(name.to_owned());
        }
        if let Some(input) = entry.default_example.as_ref().and_then(|example| example.input.as_object()) {
            let begun = Instant::now();
            self.try_out(name, &schema, input);
            self.checking += begun.elapsed();
        }
    }

    fn look_at(&mut self, name: &str, property: &Property) {
        *self.controls.entry(control(&property.control())).or_default() += 1;
        if let Control::Json { .. } = property.control() {
            self.json.push(format!("{name} {}: {}", property.name, why(&property.shape)));
        }
        if let Some(default) = &property.default {
            self.defaults += 1;
            if let Some(found) = property.violations(default).first() {
                self.bad_defaults.push(format!("{name} {}: {default}, {}", property.name, found.description));
            }
        }
    }

    /// The recorded example, and what it becomes when one value at a time is another.
    fn try_out(&mut self, name: &str, schema: &Schema, input: &Map<String, Value>) {
        self.examples += 1;
        let violations = schema.violations(input);
        for violation in &violations {
            *self.bad_examples.entry(violation.kind.clone().into_owned()).or_default() += 1;
        }
        self.valid_examples += usize::from(violations.is_empty());
        if violations.is_empty() && !comes_back(schema, input) {
            self.changed.push(name.to_owned());
        }
        for property in &schema.properties {
            for other in others(property) {
                let mut mutated = input.clone();
                mutated.insert(property.name.clone(), other);
                let found = schema.violations(&mutated);
                self.mutations += 1;
                self.refused += usize::from(!found.is_empty());
                if found.is_empty() && !comes_back(schema, &mutated) {
                    self.changed.push(format!("{name} {}", property.name));
                }
            }
        }
    }

    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let json = self.json.len();
        let proper = share(self.properties - json, self.properties);
        writeln!(out, "{} models, {} properties, {proper} proper controls, {json} JSON", self.models, self.properties)?;
        for (control, count) in &self.controls {
            writeln!(out, "  {count:>6}  {control}")?;
        }
        list(out, "JSON fields", &self.json)?;
        writeln!(out, "with a prompt: {}; with a random seed: {}", self.prompts, self.seeds)?;
        writeln!(out, "outputs")?;
        for (output, count) in &self.outputs {
            writeln!(out, "  {count:>6}  {output}")?;
        }
        writeln!(out, "{} defaults, of which {} break their own schema", self.defaults, self.bad_defaults.len())?;
        list(out, "such defaults", &self.bad_defaults)?;
        let (examples, valid) = (self.examples, self.valid_examples);
        writeln!(out, "{examples} recorded examples, of which {valid} are valid; rules broken: {:?}", self.bad_examples)?;
        writeln!(out, "{} mutations, of which {} refused", self.mutations, self.refused)?;
        list(out, "changed by a form", &self.changed)?;
        list(out, "changed by being written", &self.rewritten)?;
        list(out, "panics", &self.panics)?;
        let (before, after) = (self.bytes_before / self.models.max(1), self.bytes_after / self.models.max(1));
        writeln!(out, "as JSON, {after} bytes each on average (published: {before})")?;
        writeln!(out, "reading all: {:.0?}; checking all: {:.0?}", self.parsing, self.checking)
    }
}

/// Whether a form that is filled with an input, and with its secrets by hand, says the same input again.
fn comes_back(schema: &Schema, input: &Map<String, Value>) -> bool {
    let mut fields = schema.fill(input);
    for secret in schema.properties.iter().filter(|property| property.is_secret()) {
        let blank = format!("blank.{}", secret.name);
        fields.extend(input.get(&secret.name).map(|value| match value {
            Value::Null => (blank, "null".to_owned()),
            value if value == "" => (blank, "text".to_owned()),
            value => (prefixed(&secret.name), label(value)),
        }));
    }
    let mut kept = schema.kept(input);
    for value in kept.values_mut() {
        if let Value::String(text) = value {
            *text = text.replace("\r\n", "\n").replace('\r', "\n");
        }
    }
    schema.read(&fields).is_ok_and(|read| same(&Value::Object(read), &Value::Object(kept)))
}

/// Values that a property may accept or not.
fn others(property: &Property) -> Vec<Value> {
    let mut others = vec![
        Value::Null,
        json!(true),
        json!(""),
        json!("海辺の灯台\n\"夜\""),
        json!("12"),
        json!(" "),
        json!(-1),
        json!(0),
        json!(1.0),
        json!(2.5),
        json!(u64::MAX),
        json!(1e300),
        json!([]),
        json!(["a", ""]),
        json!([1, 2.5]),
        json!({ "a": null }),
        json!("https://example.com/a.png"),
    ];
    others.extend(property.default.clone());
    match &property.shape {
        Shape::Number(bounds) => {
            for bound in [&bounds.min, &bounds.max].into_iter().flatten().filter_map(serde_json::Number::as_f64) {
                others.extend([json!(bound - 1.0), json!(bound), json!(bound + 1.0)]);
            }
        }
        Shape::Choice { values, .. } => others.extend(values.iter().cloned()),
        _ => {}
    }
    others
}

fn control(control: &Control) -> &'static str {
    match control {
        Control::Text { multiline: true } => "text, many lines",
        Control::Text { multiline: false } => "text, one line",
        Control::Segmented(_) => "segmented",
        Control::Select(_) => "select",
        Control::Range { .. } => "range",
        Control::Number { .. } => "number",
        Control::Switch => "switch",
        Control::File { .. } => "file",
        Control::Files { .. } => "files",
        Control::Secret => "secret",
        Control::Checks(_) => "checks",
        Control::Texts => "texts",
        Control::Numbers => "numbers",
        Control::Json { .. } => "json",
    }
}

fn output(kind: OutputKind) -> &'static str {
    match kind {
        OutputKind::Files { many: false, .. } => "a file",
        OutputKind::Files { grows: false, .. } => "files",
        OutputKind::Files { grows: true, .. } => "files, one after the other",
        OutputKind::Text { grows: false } => "a text",
        OutputKind::Text { grows: true } => "a text, piece by piece",
        OutputKind::Json { files: true, .. } => "values with files in them",
        OutputKind::Json { files: false, .. } => "values",
        OutputKind::Unknown => "not said",
    }
}

fn why(shape: &Shape) -> String {
    match shape {
        Shape::Any => "not understood".to_owned(),
        Shape::AnyOf(shapes) => format!("one of {} kinds", shapes.len()),
        Shape::Object(_) => "an object".to_owned(),
        Shape::List(rules) => format!("a list of: {}", why(&rules.item)),
        other => format!("{other:?}"),
    }
}

fn share(part: usize, whole: usize) -> String {
    let per_million = part * 1_000_000 / whole.max(1);
    format!("{}.{:04} %", per_million / 10_000, per_million % 10_000)
}

/// At most 20 of them, and how many there are.
fn list(out: &mut impl Write, what: &str, lines: &[String]) -> std::io::Result<()> {
    writeln!(out, "{what}: {}", lines.len())?;
    for line in lines.iter().take(20) {
        writeln!(out, "  {}", line.chars().take(120).collect::<String>())?;
    }
    Ok(())
}
