//! An entry of the catalogue, and how a request becomes the input a model reads.

use super::{AspectRatio, Credits, ModelName, Request};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A model people can choose. `version` is `None` for an official model, which Replicate runs by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// `owner/name`.
    pub name: ModelName,
    /// What people call it.
    pub label: String,
    /// One sentence about it, English.
    pub description: String,
    /// The pinned version, 64 hex digits.
    pub version: Option<String>,
    /// Credits for one picture.
    pub unit_price: Credits,
    /// The most pictures in one request.
    pub max_count: i64,
    /// JSON Schema of the model's input, as Replicate publishes it under `components.schemas.Input`.
    pub input_schema: Value,
}

impl Model {
    /// The price of `count` pictures; `None` when it does not fit.
    pub fn price(&self, count: i64) -> Option<Credits> {
        self.unit_price.checked_mul(count)
    }

    /// The input to send: only properties the model's schema has, in the form it has them.
    pub fn input(&self, request: &Request) -> Value {
        let mut input = Map::new();
        let mut put = |key: &str, value: Value| {
            if self.has(key) {
                input.insert(key.to_owned(), value);
            }
        };
        let (width, height) = request.aspect.pixels();
        put("prompt", json!(request.prompt));
        put("aspect_ratio", json!(request.aspect));
        put("width", json!(width));
        put("height", json!(height));
        put("num_outputs", json!(request.count));
        if let Some(seed) = request.seed {
            put("seed", json!(seed));
        }
        Value::Object(input)
    }

    /// The shapes this model can make.
    pub fn aspects(&self) -> Vec<AspectRatio> {
        match self.property("aspect_ratio").and_then(|property| property.get("enum")).and_then(Value::as_array) {
            Some(listed) => {
                AspectRatio::ALL.into_iter().filter(|ratio| listed.iter().any(|word| word == ratio.as_str())).collect()
            }
            None => AspectRatio::ALL.to_vec(),
        }
    }

    /// Whether the model's randomness can be fixed.
    pub fn takes_seed(&self) -> bool {
        self.has("seed")
    }

    fn has(&self, key: &str) -> bool {
        self.property(key).is_some()
    }

    fn property(&self, key: &str) -> Option<&Value> {
        self.input_schema.get("properties")?.get(key)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::{Prompt, RequestKey};

    pub(crate) fn model(properties: &[&str]) -> Model {
        let properties: Map<String, Value> = properties.iter().map(|key| ((*key).to_owned(), json!({}))).collect();
        Model {
            name: ModelName::trusted("owner/name"),
            label: "Name".into(),
            description: String::new(),
            version: None,
            unit_price: Credits(2),
            max_count: 4,
            input_schema: json!({ "properties": properties }),
        }
    }

    fn request() -> Request {
        Request {
            key: RequestKey::trusted("k"),
            model: ModelName::trusted("owner/name"),
            prompt: Prompt::parse("a lighthouse").expect("a prompt"),
            aspect: AspectRatio::Wide,
            count: 2,
            seed: Some(7),
            quoted: None,
        }
    }

    #[test]
    fn the_input_has_only_what_the_schema_has() {
        let by_ratio = model(&["prompt", "aspect_ratio", "num_outputs", "seed"]).input(&request());
        assert_eq!(by_ratio, json!({"prompt": "a lighthouse", "aspect_ratio": "16:9", "num_outputs": 2, "seed": 7}));
        let by_size = model(&["prompt", "width", "height"]).input(&request());
        assert_eq!(by_size, json!({"prompt": "a lighthouse", "width": 1344, "height": 768}));
    }
}
