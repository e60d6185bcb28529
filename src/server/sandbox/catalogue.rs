//! The models the sandbox has, described as Replicate describes them.

use serde_json::{Map, Value, json};

/// The only version of `stability-ai/sdxl` here.
pub const SDXL_VERSION: &str = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc";

/// The version behind the official `black-forest-labs/flux-schnell`, which answers `hidden`.
const SCHNELL_VERSION: &str = "5da1c0de0000000000000000000000000000000000000000000000000000f1a5";

/// A model.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) owner: &'static str,
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// Run by its name; others need their version.
    pub(super) official: bool,
    description: &'static str,
    schemas: fn() -> Value,
}

/// All models, newest first.
pub(super) const ALL: [Entry; 2] = [
    Entry {
        owner: "black-forest-labs",
        name: "flux-schnell",
        version: SCHNELL_VERSION,
        official: true,
        description: "Pictures in four steps (sandbox)",
        schemas: schnell,
    },
    Entry {
        owner: "stability-ai",
        name: "sdxl",
        version: SDXL_VERSION,
        official: false,
        description: "Pictures of any width and height (sandbox)",
        schemas: sdxl,
    },
];

/// The model of that name.
pub(super) fn named(owner: &str, name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.owner == owner && entry.name == name)
}

/// The model that `version` of a create means: an id, `owner/name:id`, or `owner/name` of an official model.
pub(super) fn versioned(version: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| {
        let by_name = version == entry.full_name() && entry.official;
        by_name || version == entry.version || version == format!("{}:{}", entry.full_name(), entry.version)
    })
}

impl Entry {
    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// `components.schemas` of its version.
    pub(super) fn schemas(&self) -> Value {
        (self.schemas)()
    }

    /// The model as `GET /v1/models/…` tells it.
    pub(super) fn model(&self) -> Value {
        json!({
            "url": format!("https://replicate.com/{}", self.full_name()), "owner": self.owner, "name": self.name,
            "description": self.description, "visibility": "public", "github_url": null, "paper_url": null, "license_url": null,
            "run_count": 0, "cover_image_url": null, "default_example": null, "latest_version": self.version(),
            "is_official": self.official, "created_at": "2024-07-30T00:32:11.473557Z",
        })
    }

    /// The version as `GET …/versions/…` tells it.
    pub(super) fn version(&self) -> Value {
        json!({
            "id": self.version, "created_at": "2024-07-30T00:32:11.473557Z", "cog_version": "0.16.12",
            "openapi_schema": {
                "openapi": "3.0.2", "info": { "title": "Cog", "version": "0.1.0" }, "components": { "schemas": self.schemas() },
            },
        })
    }
}

fn schnell() -> Value {
    let ratios = ["1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21"];
    let properties = ordered(vec![
        ("prompt", json!({ "type": "string", "title": "Prompt", "description": "What the picture shows" })),
        ("aspect_ratio", choice("aspect_ratio", "1:1", "Width to height")),
        ("num_outputs", number("integer", "Num Outputs", json!(1), 1, 4, "How many pictures")),
        ("num_inference_steps", number("integer", "Num Inference Steps", json!(4), 1, 4, "How many steps")),
        ("seed", seed()),
        ("output_format", choice("output_format", "webp", "How the files are encoded")),
        ("output_quality", number("integer", "Output Quality", json!(80), 0, 100, "Of webp and jpg files")),
        ("disable_safety_checker", switch("Disable Safety Checker", false)),
        ("go_fast", switch("Go Fast", true)),
        ("megapixels", choice("megapixels", "1", "About how large")),
    ]);
    json!({
        "Input": { "type": "object", "title": "Input", "required": ["prompt"], "properties": properties },
        "Output": output(),
        "aspect_ratio": members("aspect_ratio", &ratios),
        "output_format": members("output_format", &["webp", "jpg", "png"]),
        "megapixels": members("megapixels", &["1", "0.25"]),
    })
}

fn sdxl() -> Value {
    let schedulers = ["DDIM", "DPMSolverMultistep", "HeunDiscrete", "KarrasDPM", "K_EULER_ANCESTRAL", "K_EULER", "PNDM"];
    let prompt =
        json!({ "type": "string", "title": "Prompt", "default": "A lighthouse at dusk", "description": "What it shows" });
    let negative = json!({ "type": "string", "title": "Negative Prompt", "default": "", "description": "What it does not show" });
    let properties = ordered(vec![
        ("prompt", prompt),
        ("negative_prompt", negative),
        ("width", number("integer", "Width", json!(1024), 64, 2048, "Pixels across")),
        ("height", number("integer", "Height", json!(1024), 64, 2048, "Pixels down")),
        ("num_outputs", number("integer", "Num Outputs", json!(1), 1, 4, "How many pictures")),
        ("scheduler", choice("scheduler", "K_EULER", "Which scheduler")),
        ("num_inference_steps", number("integer", "Num Inference Steps", json!(50), 1, 500, "How many steps")),
        ("guidance_scale", number("number", "Guidance Scale", json!(7.5), 1, 50, "How closely to follow the prompt")),
        ("prompt_strength", number("number", "Prompt Strength", json!(0.8), 0, 1, "Used with an image")),
        ("seed", seed()),
        ("refine", choice("refine", "no_refiner", "Which refiner")),
        ("high_noise_frac", number("number", "High Noise Frac", json!(0.8), 0, 1, "Used with a refiner")),
        ("lora_scale", number("number", "Lora Scale", json!(0.6), 0, 1, "Used with trained weights")),
        ("apply_watermark", switch("Apply Watermark", true)),
        ("disable_safety_checker", switch("Disable Safety Checker", false)),
    ]);
    json!({
        "Input": { "type": "object", "title": "Input", "properties": properties },
        "Output": output(),
        "scheduler": members("scheduler", &schedulers),
        "refine": members("refine", &["no_refiner", "expert_ensemble_refiner", "base_image_refiner"]),
    })
}

fn output() -> Value {
    json!({ "type": "array", "items": { "type": "string", "format": "uri" }, "title": "Output" })
}

fn choice(target: &str, default: &str, description: &str) -> Value {
    let reference = format!("#/components/schemas/{target}");
    json!({ "allOf": [{ "$ref": reference }], "default": default, "description": description })
}

fn members(title: &str, words: &[&str]) -> Value {
    json!({ "type": "string", "title": title, "description": "An enumeration.", "enum": words })
}

fn number(kind: &str, title: &str, default: Value, minimum: i64, maximum: i64, description: &str) -> Value {
    let mut property =
        json!({ "type": kind, "title": title, "minimum": minimum, "maximum": maximum, "description": description });
    property["default"] = default;
    property
}

fn seed() -> Value {
    json!({ "type": "integer", "title": "Seed", "description": "The same seed and prompt give the same picture" })
}

fn switch(title: &str, default: bool) -> Value {
    json!({ "type": "boolean", "title": title, "default": default, "description": "Accepted; the sandbox has no use for it" })
}

/// Numbers the properties in the order people should see them.
fn ordered(properties: Vec<(&str, Value)>) -> Value {
    let numbered = properties.into_iter().enumerate().map(|(order, (key, mut property))| {
        property["x-order"] = json!(order);
        (key.to_owned(), property)
    });
    Value::Object(numbered.collect::<Map<_, _>>())
}
