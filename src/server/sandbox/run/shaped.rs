//! Something of the shape that a model's description promises, where nothing else is known of what it makes.

use serde_json::{Map, Value, json};

/// Deeper than any description goes that was seen; one that contains itself ends here.
const DEEPEST: usize = 8;

/// What has that shape, made with a sentence for words and with `file` for files; null where nothing is promised.
pub(super) fn shaped(shape: &Value, schemas: &Value, sentence: &str, file: &mut impl FnMut() -> Value) -> Value {
    at(DEEPEST, shape, schemas, sentence, file)
}

fn at(depth: usize, shape: &Value, schemas: &Value, sentence: &str, file: &mut impl FnMut() -> Value) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return Value::Null };
    if let Some(choice) = shape["enum"].get(0) {
        return choice.clone();
    }
    let named = shape["$ref"].as_str().and_then(|path| schemas.get(path.rsplit('/').next()?));
    let inner = named.or_else(|| ["allOf", "anyOf", "oneOf"].iter().find_map(|of| shape[of].get(0)));
    if let Some(inner) = inner {
        return at(depth, inner, schemas, sentence, file);
    }
    match shape["type"].as_str() {
        Some("string") if shape["format"] == "uri" => file(),
        Some("string") => json!(sentence),
        Some("integer") => json!(1),
        Some("number") => json!(0.5),
        Some("boolean") => json!(true),
        Some("array") => json!([at(depth, &shape["items"], schemas, sentence, file)]),
        Some("object") => {
            let properties = shape["properties"].as_object().into_iter().flatten();
            let made: Map<String, Value> =
                properties.map(|(name, shape)| (name.clone(), at(depth, shape, schemas, sentence, file))).collect();
            Value::Object(made)
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_promise_is_kept_and_files_are_numbered_as_they_come() {
        let schemas = json!({"Tag": {"type": "object", "properties": {"name": {"type": "string"}, "sure": {"type": "number"}}}});
        let shape = json!({"type": "object", "properties": {
            "masks": {"type": "array", "items": {"type": "string", "format": "uri"}}, "tags": {"type": "array", "items": {"$ref": "#/components/schemas/Tag"}},
            "mesh": {"allOf": [{"type": "string", "format": "uri"}]}, "kind": {"enum": ["a", "b"]}, "rest": {},
        }});
        let mut files = 0;
        let made = shaped(&shape, &schemas, "so", &mut || {
            files += 1;
            json!(files)
        });
        let tags = json!([{"name": "so", "sure": 0.5}]);
        assert_eq!((files, &made["tags"], &made["kind"], &made["rest"]), (2, &tags, &json!("a"), &Value::Null));
        assert_eq!(made["masks"].as_array().map(Vec::len), Some(1));
        assert!(made["mesh"].is_i64());
    }

    #[test]
    fn a_promise_that_contains_itself_ends() {
        let schemas = json!({"Tree": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}});
        let made = shaped(&schemas["Tree"], &schemas, "", &mut || Value::Null);
        assert!(made.to_string().starts_with("[["), "{made}");
    }
}
