//! Which control is chosen.

use super::super::{Accept, Control};
use super::{everything, of, schema};
use crate::domain::schema::Schema;
use serde_json::{Value, json};

fn shown(raw: &Value, check: impl Fn(&Control) -> bool) {
    let schema = of(raw);
    let control = schema.properties[0].control();
    assert!(check(&control), "{raw}: {control:?}");
}

#[test]
fn five_choices_are_segments_and_six_are_a_list() {
    shown(
        &json!({ "enum": ["a", "b", "c", "d", "e"] }),
        |control| matches!(control, Control::Segmented(values) if values.len() == 5),
    );
    shown(
        &json!({ "enum": ["a", "b", "c", "d", "e", "f"] }),
        |control| matches!(control, Control::Select(values) if values.len() == 6),
    );
    shown(
        &json!({ "anyOf": [{ "const": "a" }, { "const": "b" }, { "type": "null" }] }),
        |control| matches!(control, Control::Segmented(values) if values.len() == 2),
    );
    shown(&json!({ "enum": ["1", 1] }), |control| *control == Control::Json { text: false });
}

#[test]
fn a_slider_has_both_ends_and_a_step_that_people_read() {
    let range = |rules: Value, expected: (f64, f64, f64)| {
        shown(&rules, |control| matches!(control, Control::Range { min, max, step, .. } if (*min, *max, *step) == expected));
    };
    range(json!({ "type": "integer", "minimum": 1, "maximum": 4 }), (1.0, 4.0, 1.0));
    range(json!({ "type": "integer", "minimum": 64.0, "maximum": 2048.0, "multipleOf": 8 }), (64.0, 2048.0, 8.0));
    range(json!({ "type": "integer", "ge": 0.01, "le": 5 }), (1.0, 5.0, 1.0));
    range(json!({ "type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10 }), (1.0, 9.0, 1.0));
    range(json!({ "type": "number", "minimum": 0, "maximum": 1 }), (0.0, 1.0, 0.01));
    range(json!({ "type": "number", "minimum": 1, "maximum": 20 }), (1.0, 20.0, 0.1));
    range(json!({ "type": "number", "minimum": 0.9, "maximum": 0.98 }), (0.9, 0.98, 0.0001));
    range(json!({ "type": "number", "minimum": 0, "maximum": 5000 }), (0.0, 5000.0, 10.0));
    let number = |rules: Value| shown(&rules, |control| matches!(control, Control::Number { .. }));
    number(json!({ "type": "number", "minimum": 0 }));
    number(json!({ "type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32 }));
    number(json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 1 }));
}

#[test]
fn texts_files_and_secrets_are_told_apart() {
    let schema = Schema::parse(&everything());
    let expected = [
        ("prompt", Control::Text { multiline: true }),
        ("nullable_text", Control::Text { multiline: true }),
        ("many_files", Control::Files { accept: Accept::Any }),
        ("image", Control::File { accept: Accept::Image }),
        ("token", Control::Secret),
        ("texts", Control::Texts),
        ("numbers", Control::Numbers),
        ("whole_numbers", Control::Numbers),
        ("go_fast", Control::Switch),
        ("deep", Control::Json { text: false }),
        ("anything", Control::Json { text: false }),
        ("json_or_words", Control::Json { text: true }),
        ("checks", Control::Checks(&[json!("small"), json!("large")])),
        ("nullable", Control::Number { integer: true, min: Some(3.0), max: None }),
    ];
    for (name, control) in expected {
        assert_eq!(schema.property(name).expect("a property").control(), control, "{name}");
    }
    shown(&json!({ "type": "string", "format": "password" }), |control| *control == Control::Secret);
    shown(&json!({ "type": "string", "writeOnly": true }), |control| *control == Control::Secret);
    shown(&json!({ "type": "string" }), |control| *control == Control::Text { multiline: false });
    shown(&json!({ "type": "string", "default": "a\nb" }), |control| *control == Control::Text { multiline: true });
}

#[test]
fn what_a_file_is_likely_to_be_is_guessed_from_words() {
    let file = |description: &str| json!({ "type": "string", "format": "uri", "description": description });
    let schema = schema(&json!({
        "input_image": file("A video frame"), "init_mask": file(""), "driving_video": file(""), "song_input": file(""),
        "a": file("Input image"), "b": file("An image or a video"), "c": file("A zip file of images"), "d": file("Weights"),
        "image_zip": file(""),
    }));
    let of = |name: &str| match schema.property(name).expect("a property").control() {
        Control::File { accept } => accept.as_str(),
        other => panic!("{other:?}"),
    };
    let guesses: Vec<_> =
        ["input_image", "init_mask", "driving_video", "song_input", "a", "b", "c", "d", "image_zip"].map(of).into();
    assert_eq!(guesses, ["image/*", "image/*", "video/*", "audio/*", "image/*", "", "", "", ""]);
}
