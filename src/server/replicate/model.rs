//! What Replicate says about a model and its versions. Everything but the names may be missing, and is for some models.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Where a schema's references begin.
const REFERENCE: &str = "#/components/schemas/";

/// A model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ModelTold {
    /// Whose it is.
    pub owner: String,
    /// Its name among those.
    pub name: String,
    /// A sentence of its author.
    #[serde(default)]
    pub description: Option<String>,
    /// `public` or `private`.
    #[serde(default)]
    pub visibility: Option<String>,
    /// Under what terms.
    #[serde(default)]
    pub license_url: Option<String>,
    /// Whether it is run by its name.
    #[serde(default)]
    is_official: Option<bool>,
    /// The newest version; `None` where there is none, or where it is not shown.
    #[serde(default, deserialize_with = "shown")]
    pub latest_version: Option<VersionTold>,
}

/// A version.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct VersionTold {
    /// 64 hex digits, or the word `hidden`.
    id: String,
    #[serde(default)]
    openapi_schema: Value,
}

impl ModelTold {
    /// `owner/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Whether it is run by its name: it says so, or there is no version to name.
    pub fn is_official(&self) -> bool {
        self.is_official == Some(true) || self.latest_version.as_ref().is_none_or(|version| version.id().is_none())
    }

    /// Whether only its owner sees it.
    pub fn is_private(&self) -> bool {
        self.visibility.as_deref() == Some("private")
    }
}

impl VersionTold {
    /// A version that is nowhere but in its own description.
    pub fn of_description(openapi_schema: Value) -> Self {
        Self { id: String::new(), openapi_schema }
    }

    /// The id, where it can be named in a request.
    pub fn id(&self) -> Option<&str> {
        Some(self.id.as_str()).filter(|id| id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }

    /// `components.schemas`, as far as they are about its input and output; `None` when it does not say what it takes.
    pub fn schemas(&self) -> Option<Value> {
        let all = self.openapi_schema["components"]["schemas"].as_object()?;
        all.get("Input").filter(|input| input.is_object())?;
        let mut kept = Map::new();
        let mut wanted = vec!["Input".to_owned(), "Output".to_owned()];
        while let Some(name) = wanted.pop() {
            if let Some(schema) = all.get(&name).filter(|_| !kept.contains_key(&name)) {
                refer(schema, &mut wanted);
                kept.insert(name, schema.clone());
            }
        }
        Some(Value::Object(kept))
    }
}

/// The names that a schema refers to.
fn refer(schema: &Value, names: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            let target = members.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix(REFERENCE));
            names.extend(target.map(str::to_owned));
            members.values().for_each(|member| refer(member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| refer(item, names)),
        _ => {}
    }
}

/// A version that is there and can be read.
fn shown<'de, D: Deserializer<'de>>(told: D) -> Result<Option<VersionTold>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(told)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::replicate::client::tests::fixture;
    use serde_json::json;

    fn told(more: &Value) -> ModelTold {
        let mut model = json!({"owner": "a", "name": "b"});
        model.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        serde_json::from_value(model).expect("a model")
    }

    #[test]
    fn what_has_no_version_to_name_is_run_by_its_name() {
        let id = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc";
        assert!(told(&json!({})).is_official());
        assert!(told(&json!({"latest_version": null})).is_official());
        assert!(told(&json!({"latest_version": "hidden"})).is_official());
        assert!(told(&json!({"latest_version": {"id": "hidden"}})).is_official());
        assert!(told(&json!({"latest_version": {"id": id}, "is_official": true})).is_official());
        assert!(!told(&json!({"latest_version": {"id": id}})).is_official());
        assert!(!told(&json!({"latest_version": {"id": id}, "is_official": null})).is_official());
    }

    #[test]
    fn of_the_schemas_only_what_is_about_the_model_is_kept() {
        let schemas = json!({
            "Input": {"properties": {"shape": {"allOf": [{"$ref": "#/components/schemas/shape"}]}}},
            "Output": {"$ref": "#/components/schemas/Made"}, "Made": {"items": {"$ref": "#/components/schemas/Made"}},
            "shape": {"enum": ["a"]}, "Status": {"enum": ["starting"]}, "PredictionRequest": {"$ref": "#/components/schemas/Input"},
        });
        let version =
            |schemas: &Value| VersionTold { id: "x".into(), openapi_schema: json!({"components": {"schemas": schemas}}) };
        let kept = version(&schemas).schemas().expect("schemas");
        let names: Vec<_> = kept.as_object().expect("an object").keys().cloned().collect();
        assert_eq!(names.len(), 4, "{names:?}");
        assert!(names.iter().all(|name| !matches!(name.as_str(), "Status" | "PredictionRequest")));
        assert_eq!(version(&json!({"Output": {}})).schemas(), None);
    }

    #[test]
    fn a_recorded_model_is_read() {
        let Some(recorded) = fixture("schemas/model_black-forest-labs_flux-schnell.json") else { return };
        let model: ModelTold = serde_json::from_value(recorded).expect("a model");
        assert_eq!((model.full_name().as_str(), model.is_private()), ("black-forest-labs/flux-schnell", false));
        let version = model.latest_version.expect("a version");
        assert!(version.id().is_some() && version.schemas().is_some_and(|schemas| schemas["aspect_ratio"].is_object()));
    }
}
