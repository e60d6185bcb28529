//! The models the sandbox has: a file each in `models`, described as Replicate describes them.
//!
//! They have the names, types, defaults and ranges of the models they stand for; what they say about them are our words.
//! To add a model: a file there, and its name in [`FILES`]. Others can be taken from a folder when a sandbox starts.

mod collections;
mod saved;
mod search;

use crate::domain::schema::Schema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::LazyLock;

pub(super) use collections::{Collection, collection, collections};
pub use saved::take_models;
pub(super) use search::{Found, search};

/// The only version of `stability-ai/sdxl` here.
pub const SDXL_VERSION: &str = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc";

const FILES: [&str; 14] = [
    include_str!("models/black-forest-labs--flux-1.1-pro.json"),
    include_str!("models/black-forest-labs--flux-dev.json"),
    include_str!("models/black-forest-labs--flux-kontext-pro.json"),
    include_str!("models/black-forest-labs--flux-schnell.json"),
    include_str!("models/bytedance--seedream-4.json"),
    include_str!("models/google--nano-banana.json"),
    include_str!("models/ideogram-ai--ideogram-v2.json"),
    include_str!("models/jaaari--kokoro-82m.json"),
    include_str!("models/meta--meta-llama-3-8b-instruct.json"),
    include_str!("models/minimax--video-01.json"),
    include_str!("models/nightmareai--real-esrgan.json"),
    include_str!("models/openai--whisper.json"),
    include_str!("models/recraft-ai--recraft-v3.json"),
    include_str!("models/stability-ai--sdxl.json"),
];

/// What a run of a model makes.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Makes {
    /// A list of pictures.
    Pictures,
    /// One picture, not in a list.
    Picture,
    /// A film.
    Video,
    /// A text that is read aloud.
    Speech,
    /// A text, token by token while it runs.
    Text,
    /// An object: what is said in a recording.
    Transcript,
    /// Whatever has the shape of its output's description.
    Described,
}

impl Makes {
    /// How long that takes at speed 1.
    pub(super) const fn rendering_ms(self) -> f64 {
        match self {
            Self::Pictures | Self::Picture | Self::Described => 2_500.0,
            Self::Video => 8_000.0,
            Self::Speech | Self::Transcript => 1_500.0,
            Self::Text => 3_000.0,
        }
    }
}

/// A model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) version: String,
    /// Run by its name; others need their version.
    pub(super) official: bool,
    pub(super) makes: Makes,
    /// Of its files, where the input does not choose one. Empty when it makes none.
    #[serde(default)]
    pub(super) extension: String,
    description: String,
    /// RFC 3339, of the model and of its only version.
    created_at: String,
    /// Slugs of the collections it is in.
    collections: Vec<String>,
    /// `components.schemas` of its version.
    pub(super) schemas: Value,
    /// The same, read.
    #[serde(skip)]
    pub(super) schema: Schema,
}

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    // A file that cannot be read is left out; a test reads them all.
    let read = |file: &&str| {
        let entry: Entry = serde_json::from_str(file).ok()?;
        Some(Entry { schema: Schema::parse(&entry.schemas), ..entry })
    };
    let mut entries: Vec<Entry> = FILES.iter().filter_map(read).collect();
    for saved in saved::models() {
        if !entries.iter().any(|entry| entry.full_name() == saved.full_name()) {
            entries.push(saved.clone());
        }
    }
    entries.sort_by(|a, b| b.created_at.cmp(&a.created_at));
    entries
});

/// All models, newest first.
pub(super) fn all() -> &'static [Entry] {
    &ENTRIES
}

/// The model of that name.
pub(super) fn named(owner: &str, name: &str) -> Option<&'static Entry> {
    all().iter().find(|entry| entry.owner == owner && entry.name == name)
}

/// The model that `version` of a create means: an id, `owner/name:id`, or `owner/name` of an official model.
pub(super) fn versioned(version: &str) -> Option<&'static Entry> {
    all().iter().find(|entry| {
        let by_name = version == entry.full_name() && entry.official;
        by_name || version == entry.version || version == format!("{}:{}", entry.full_name(), entry.version)
    })
}

/// How a model of the set describes itself, for whoever offers it.
#[derive(Clone, Debug)]
pub struct Described {
    /// 64 hex digits.
    pub version: String,
    /// Run by its name.
    pub official: bool,
    /// `components.schemas`.
    pub schemas: Value,
}

/// The description of `owner/name`.
pub fn described(full_name: &str) -> Option<Described> {
    let (owner, name) = full_name.split_once('/')?;
    let Entry { version, official, schemas, .. } = named(owner, name)?.clone();
    Some(Described { version, official, schemas })
}

impl Entry {
    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Whether its output can be followed while it runs.
    pub(super) fn streams(&self) -> bool {
        self.makes == Makes::Text && self.schemas["Output"]["x-cog-array-type"] == "iterator"
    }

    /// Whether it counts its steps, and so prints a progress bar.
    pub(super) fn counts_steps(&self) -> bool {
        self.schemas["Input"]["properties"].get("num_inference_steps").is_some()
    }

    /// The model as `GET /v1/models/…` tells it.
    pub(super) fn model(&self) -> Value {
        json!({
            "url": format!("https://replicate.com/{}", self.full_name()), "owner": self.owner, "name": self.name,
            "description": self.description, "visibility": "public", "github_url": null, "paper_url": null, "license_url": null,
            "run_count": 0, "cover_image_url": null, "default_example": null, "latest_version": self.version(),
            "is_official": self.official, "created_at": self.created_at,
        })
    }

    /// The version as `GET …/versions/…` tells it.
    pub(super) fn version(&self) -> Value {
        json!({
            "id": self.version, "created_at": self.created_at, "cog_version": "0.16.12",
            "openapi_schema": {
                "openapi": "3.0.2", "info": { "title": "Cog", "version": "0.1.0" }, "components": { "schemas": self.schemas },
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_can_be_read_and_stands_for_another_model() {
        for file in FILES {
            serde_json::from_str::<Entry>(file).expect("a model");
        }
        let unique = |key: fn(&Entry) -> String| all().iter().map(key).collect::<BTreeSet<_>>().len();
        assert_eq!((unique(Entry::full_name), unique(|entry| entry.version.clone())), (FILES.len(), FILES.len()));
        assert_eq!(named("stability-ai", "sdxl").map(|entry| entry.version.as_str()), Some(SDXL_VERSION));
    }

    #[test]
    fn every_schema_is_in_order_and_every_choice_leads_to_its_members() {
        for entry in all() {
            let (name, input) = (entry.full_name(), &entry.schemas["Input"]);
            let properties = input["properties"].as_object().expect("properties");
            let orders: BTreeSet<_> = properties.values().filter_map(|property| property["x-order"].as_u64()).collect();
            assert_eq!(orders, (0..properties.len() as u64).collect(), "{name}");
            for (key, property) in properties {
                assert!(property["description"].is_string(), "{name} {key}");
                let members =
                    property["allOf"][0]["$ref"].as_str().map(|path| &entry.schemas[path.rsplit('/').next().unwrap_or(path)]);
                if let Some(members) = members {
                    assert!(members["enum"].as_array().expect("members").contains(&property["default"]), "{name} {key}");
                }
            }
            for key in input["required"].as_array().into_iter().flatten() {
                assert!(properties.contains_key(key.as_str().expect("a key")), "{name} {key}");
            }
            let format = &properties.get("output_format").map_or(&Value::Null, |format| &format["default"]);
            assert!(format.is_null() || *format == &json!(entry.extension), "{name} makes {format}");
            assert_eq!((entry.streams(), entry.version.len()), (entry.makes == Makes::Text, 64), "{name}");
            assert!(entry.collections.iter().all(|slug| collection(slug).is_some()), "{name}");
        }
    }

    /// The originals stand beside the checkout where the product is written, and nowhere else.
    #[test]
    fn inputs_are_named_typed_and_bounded_as_those_of_the_models_they_stand_for() {
        let originals = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/replicate-fixtures/schemas");
        let mut compared = 0;
        for entry in all() {
            let file = format!("{}/model_{}_{}.json", originals.display(), entry.owner, entry.name);
            let Ok(text) = std::fs::read_to_string(file) else { continue };
            let original: Value = serde_json::from_str(&text).expect("JSON");
            let original = &original["latest_version"]["openapi_schema"]["components"]["schemas"];
            let rules = |schemas: &Value| {
                let plain = |(key, property): (&String, &Value)| {
                    let kept =
                        ["type", "format", "default", "minimum", "maximum", "x-order"].map(|rule| property[rule].to_string());
                    (key.clone(), kept)
                };
                schemas["Input"]["properties"].as_object().expect("properties").iter().map(plain).collect::<Vec<_>>()
            };
            assert_eq!(rules(&entry.schemas), rules(original), "{}", entry.full_name());
            assert_eq!(entry.schemas["Output"], original["Output"], "{}", entry.full_name());
            compared += 1;
        }
        if compared == 0 {
            println!("skipped: the originals are not here");
        } else {
            assert_eq!(compared, 11, "of three models only the names and ranges were written down");
        }
    }
}
