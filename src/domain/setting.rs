//! What a model was told, as people read it: one line for each property, those first that somebody changed.

use super::schema::{self, Property};
use super::{FileId, Model};
use serde_json::{Map, Value};

/// One property and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What the model calls it.
    pub name: String,
    /// Its value as text.
    pub value: String,
    /// Whether it is another than the model uses by itself.
    pub changed: bool,
}

/// The settings of an input: the changed ones first, each half in the order of the model's form. The prompt, the seed and
/// files have places of their own. A property that the model does not have any more counts as changed.
pub fn settings(model: &Model, input: &Map<String, Value>) -> Vec<Setting> {
    let apart = [model.prompt_name(), model.takes_seed().then_some("seed")];
    let files = model.file_names();
    let stands_apart = |name: &str| apart.contains(&Some(name)) || files.contains(&name);
    let of = |property: &Property| {
        let given = input.get(&property.name);
        let value = given.or(property.default.as_ref())?;
        let changed = given.is_some_and(|given| property.default.as_ref() != Some(given));
        Some(Setting { name: property.name.clone(), value: schema::label(value), changed })
    };
    let known = model.schema.properties.iter().filter(|property| !property.is_secret()).filter_map(of);
    let unknown = input.iter().filter(|(name, value)| model.schema.property(name).is_none() && !names_file(value));
    let unknown = unknown.map(|(name, value)| Setting { name: name.clone(), value: schema::label(value), changed: true });
    let mut all: Vec<_> = known.chain(unknown).filter(|setting| !stands_apart(&setting.name)).collect();
    all.sort_by_key(|setting| !setting.changed);
    all
}

/// An input without its secrets, which no page and no receipt repeats.
pub fn without_secrets(model: &Model, input: &Map<String, Value>) -> Map<String, Value> {
    let is_secret = |name: &str| model.schema.property(name).is_some_and(Property::is_secret);
    input.iter().filter(|(name, _)| !is_secret(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn names_file(value: &Value) -> bool {
    let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    items.iter().filter_map(Value::as_str).any(|text| FileId::marked(text).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples::model;
    use serde_json::json;

    #[test]
    fn changed_settings_come_first_and_prompt_seed_and_secrets_not_at_all() {
        let model = model(&json!({
            "prompt": {"type": "string"}, "seed": {"type": "integer"},
            "steps": {"type": "integer", "default": 4}, "strength": {"type": "number", "default": 0.5},
            "token": {"type": "string", "format": "password", "x-cog-secret": true},
        }));
        let input = json!({"prompt": "a", "seed": 7, "steps": 4, "strength": 0.9, "token": "hush", "gone": "x"});
        let input = input.as_object().cloned().unwrap_or_default();
        let told: Vec<_> = settings(&model, &input).into_iter().map(|s| (s.name, s.value, s.changed)).collect();
        let line = |name: &str, value: &str, changed| (name.to_owned(), value.to_owned(), changed);
        assert_eq!(told, [line("strength", "0.9", true), line("gone", "x", true), line("steps", "4", false)]);
        assert!(!without_secrets(&model, &input).contains_key("token"));
    }
}
