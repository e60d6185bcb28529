//! The recorded models.

use super::super::{Control, OutputKind, Schema, Shape, prefixed};
use super::{models, recorded, sayable, sent};
use serde_json::{Map, Value, json};

#[test]
fn every_recorded_model_has_one_control_for_each_property() {
    for (name, raw, _) in models() {
        let schema = Schema::parse(&raw);
        let named = raw["Input"]["properties"].as_object().expect("properties");
        assert_eq!(schema.properties.len(), named.len(), "{name}");
        let mut orders: Vec<i64> = Vec::new();
        for property in &schema.properties {
            let raw = &named[&property.name];
            assert_ne!(property.shape, Shape::Any, "{name} {}", property.name);
            assert!(!property.title.is_empty(), "{name} {}", property.name);
            orders.push(raw["x-order"].as_i64().expect("an order"));
            let is_json = matches!(property.control(), Control::Json { .. });
            assert_eq!(is_json, raw["anyOf"].is_array(), "{name} {}", property.name);
        }
        assert!(orders.is_sorted(), "{name}: {orders:?}");
    }
}

#[test]
fn there_are_as_many_recorded_models_as_there_should_be() {
    let models = models();
    assert!(models.is_empty() || models.len() == 27, "{}", models.len());
}

#[test]
fn the_defaults_of_every_recorded_model_keep_its_own_rules_and_come_back_from_a_form() {
    for (name, raw, example) in models() {
        let schema = Schema::parse(&raw);
        let mut input: Map<String, Value> = Map::new();
        for property in &schema.properties {
            if let Some(default) = &property.default {
                assert_eq!(property.violations(default), [], "{name} {}", property.name);
                input.insert(property.name.clone(), default.clone());
            }
        }
        assert_eq!(schema.changed(&input), 0, "{name}");
        // What has no default and must be there is taken from the example.
        for property in schema.properties.iter().filter(|property| property.required) {
            input.insert(property.name.clone(), example[&property.name].clone());
        }
        assert_eq!(schema.violations(&input), [], "{name}");
        assert_eq!(schema.read(&sent(&schema, &input)).map(Value::Object), Ok(sayable(&schema, &input)), "{name}");
    }
}

#[test]
fn the_example_of_every_recorded_model_comes_back_from_a_form() {
    // Made before the version that is recorded with them: one with numbers in quotes, one with a choice that is gone.
    const OLDER: [&str; 2] = ["model_laion-ai_ongo", "model_mtg_music-classifiers"];
    for (name, raw, example) in models().into_iter().filter(|(name, ..)| name.starts_with("model_")) {
        let schema = Schema::parse(&raw);
        let violations = schema.violations(&example);
        assert_eq!(violations.is_empty(), !OLDER.contains(&name.as_str()), "{name}: {violations:?}");
        let read = schema.read(&sent(&schema, &example)).map(Value::Object);
        match violations.first() {
            None => assert_eq!(read, Ok(sayable(&schema, &example)), "{name}"),
            Some(first) if first.kind == "invalid_type" => assert!(read.is_ok(), "a form sends numbers: {read:?}"),
            Some(_) => assert_eq!(read, Err(violations), "{name}"),
        }
    }
}

#[test]
fn a_page_s_copy_of_every_recorded_model_means_the_same_and_is_smaller() {
    for (name, raw, _) in models() {
        let schema = Schema::parse(&raw);
        let written = serde_json::to_string(&schema).expect("JSON");
        assert_eq!(serde_json::from_str::<Schema>(&written).expect("a schema"), schema, "{name}");
        assert!(written.len() < raw.to_string().len(), "{name}");
        assert!(!written.contains("$ref") && !written.contains("allOf"), "{name}: {written}");
    }
}

#[test]
fn the_outputs_of_recorded_models_are_told_apart() {
    let (one, many) = (OutputKind::Files { many: false, grows: false }, OutputKind::Files { many: true, grows: false });
    let (files, values) = (OutputKind::Json { files: true, grows: false }, OutputKind::Json { files: false, grows: false });
    let expected = [
        ("flux-1.1-pro", one),
        ("flux-schnell", many),
        ("ongo", OutputKind::Files { many: true, grows: true }),
        ("meta-llama-3-8b-instruct", OutputKind::Text { grows: true }),
        ("whisper", files),
        ("trellis", files),
        ("sam-2", files),
        ("demucs", values),
        ("wd-image-tagger", values),
        ("jina-clip-v2", values),
        ("video-01", one),
    ];
    let models = models();
    for (name, kind) in expected {
        for (_, raw, _) in models.iter().filter(|(other, ..)| other.ends_with(&format!("_{name}"))) {
            assert_eq!(Schema::parse(raw).output, kind, "{name}");
        }
    }
}

#[test]
fn the_prompts_and_seeds_of_recorded_models_are_found() {
    let expected = [
        ("flux-schnell", Some("prompt"), true),
        ("kokoro-82m", Some("text"), false),
        ("jina-embeddings-v2-base-en", Some("text"), false),
        ("ongo", Some("prompt"), false),
        ("trellis", None, false),
        ("real-esrgan", None, false),
        ("stable-diffusion-rs", Some("prompt"), true),
    ];
    let models = models();
    for (name, prompt, seed) in expected {
        for (_, raw, _) in models.iter().filter(|(other, ..)| other.ends_with(&format!("_{name}"))) {
            let schema = Schema::parse(raw);
            assert_eq!(schema.prompt().map(|property| property.name.as_str()), prompt, "{name}");
            assert_eq!(schema.properties.iter().any(super::super::Property::is_seed), seed, "{name}");
        }
    }
}

#[test]
fn recorded_refusals_are_repeated_word_for_word() {
    let bodies = recorded("errors").into_iter().find(|(name, _)| name == "bodies").map(|(_, bodies)| bodies);
    let schnell = models().into_iter().find(|(name, ..)| name.ends_with("flux-schnell"));
    let (Some(bodies), Some((_, raw, _))) = (bodies, schnell) else { return };
    let kontext = super::schema(&json!({ "output_format": { "type": "string", "enum": ["jpg", "png"] } }));
    let cases = [
        (Schema::parse(&raw), json!({ "num_inference_steps": 5 }), "prompt is required"),
        (kontext, json!({ "output_format": "webp" }), "output_format must be"),
    ];
    for (schema, input, words) in cases {
        let recorded = bodies.as_array().into_iter().flatten().map(|entry| &entry["body"]);
        let body =
            recorded.filter(|body| body["invalid_fields"].is_array()).find(|body| body["detail"].to_string().contains(words));
        let body = body.expect("a recorded refusal");
        let violations = schema.violations(&super::object(input));
        assert_eq!(serde_json::to_value(&violations).expect("JSON"), body["invalid_fields"]);
        assert_eq!(body["detail"], super::super::detail(&violations));
    }
}

#[test]
fn an_empty_form_of_a_recorded_model_asks_for_what_is_required_and_for_nothing_else() {
    for (name, raw, _) in models() {
        let schema = Schema::parse(&raw);
        let empty: Vec<_> = schema.properties.iter().map(|property| (prefixed(&property.name), String::new())).collect();
        let wanted: Vec<_> = schema
            .properties
            .iter()
            .filter(|property| property.required)
            .map(|property| format!("{} is required", property.name))
            .collect();
        let told = schema.read(&empty).err().unwrap_or_default();
        assert_eq!(told.iter().map(|violation| violation.description.clone()).collect::<Vec<_>>(), wanted, "{name}");
    }
}
