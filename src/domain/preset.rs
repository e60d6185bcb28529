//! Settings under a name: a model and everything chosen for it, without what is wanted of it.

use super::schema;
use super::{Model, PresetId, RawRequest};

/// The longest name, in characters.
pub const NAME_CHARS: usize = 60;

/// Settings that a person saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Which.
    pub id: PresetId,
    /// The person's word for it.
    pub name: String,
}

/// Reads a name: trimmed, not empty, at most [`NAME_CHARS`] characters.
pub fn preset_name(text: &str) -> Option<String> {
    let name = text.trim();
    (!name.is_empty() && name.chars().count() <= NAME_CHARS && !name.chars().any(char::is_control)).then(|| name.to_owned())
}

impl RawRequest {
    /// What of a form is a setting: neither words, nor files, nor what belongs to one press.
    #[must_use]
    pub fn settings(self, model: &Model) -> Self {
        let files = model.file_names();
        let is_setting = |field: &str| field.strip_prefix("input.").is_some_and(|name| !files.contains(&name));
        let controls = self.controls.into_iter().filter(|(field, _)| is_setting(field)).collect();
        Self { prompt: String::new(), request_key: String::new(), quoted_price: String::new(), controls, ..self }
    }

    /// The same form with other settings; words stay, and so do the files that the other model takes too.
    #[must_use]
    pub fn set_to(self, settings: Self, model: &Model) -> Self {
        let files: Vec<String> = model.file_names().into_iter().map(schema::prefixed).collect();
        let mut controls: Vec<_> = self.controls.into_iter().filter(|(field, _)| files.contains(field)).collect();
        controls.extend(settings.controls);
        Self { prompt: self.prompt, request_key: self.request_key, quoted_price: String::new(), controls, ..settings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples::model;
    use serde_json::json;

    #[test]
    fn settings_are_neither_words_nor_files() {
        let model = model(
            &json!({"prompt": {"type": "string"}, "steps": {"type": "integer"}, "image": {"type": "string", "format": "uri"}}),
        );
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let typed = RawRequest {
            prompt: "a fox".into(),
            request_key: "k".into(),
            seed: "7".into(),
            controls: vec![field("input.steps", "4"), field("input.image", "https://a.example/x"), field("preset_name", "x")],
            ..RawRequest::default()
        };
        let settings = typed.clone().settings(&model);
        assert_eq!((settings.prompt.as_str(), settings.controls.clone()), ("", vec![field("input.steps", "4")]));
        let other = RawRequest { prompt: "a hen".into(), seed: "9".into(), ..typed };
        let set = other.set_to(settings, &model);
        assert_eq!((set.prompt.as_str(), set.seed.as_str(), set.controls.len()), ("a hen", "7", 2));
    }

    #[test]
    fn a_name_is_trimmed_and_bounded_in_characters() {
        assert_eq!(preset_name("  海の朝 "), Some("海の朝".to_owned()));
        assert_eq!(preset_name(&"海".repeat(60)).map(|name| name.chars().count()), Some(60));
        for bad in ["", "  ", "a\nb", &"x".repeat(61)] {
            assert_eq!(preset_name(bad), None, "{bad:?}");
        }
    }
}
