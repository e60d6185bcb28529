//! Which models somebody wants to see. All of it stands in the address, so that a search can be kept and sent.

use crate::domain::{Credits, Model, Task};
use serde_json::Map;

/// More characters than anybody types to find a model.
const MOST_CHARS: usize = 100;

/// A search; the default finds everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Every word of it must be found somewhere in the entry, in either language.
    pub words: String,
    /// Only what is for this.
    pub task: Option<Task>,
    /// Only what costs no more than this when nothing but the default is asked for.
    pub most: Option<Credits>,
}

impl Search {
    /// Reads an address. What cannot be read there is as if it were not there.
    pub fn read(words: &str, task: &str, most: &str) -> Self {
        Self {
            words: words.trim().chars().take(MOST_CHARS).collect(),
            task: Task::parse(task),
            most: most.trim().parse().ok().filter(|most| *most > 0).map(Credits),
        }
    }

    /// Whether it finds everything.
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it finds this one.
    pub fn fits(&self, model: &Model) -> bool {
        let texts = [Some(model.name.as_str()), Some(&model.label), Some(&model.description), Some(model.task.as_str())];
        let in_japanese = [model.label_ja.as_deref(), model.description_ja.as_deref()];
        let text = texts.into_iter().chain(in_japanese).flatten().collect::<Vec<_>>().join("\n").to_lowercase();
        let price = model.price_of(model.units(&Map::new()));
        self.task.is_none_or(|task| task == model.task)
            && self.most.is_none_or(|most| price.is_some_and(|price| price <= most))
            && self.words.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PriceRule;
    use crate::domain::samples::model;
    use serde_json::json;

    #[test]
    fn every_word_counts_in_either_language_and_in_any_case() {
        let mut found = model(&json!({}));
        (found.label, found.label_ja) = ("FLUX Schnell".into(), Some("はやい FLUX".into()));
        for (words, fits) in [("", true), ("flux", true), ("schnell FLUX", true), ("はやい", true), ("flux sdxl", false)] {
            assert_eq!(Search::read(words, "", "").fits(&found), fits, "{words}");
        }
        assert!(Search::read("owner/NAME", "image", "").fits(&found));
        assert!(!Search::read("", "video", "").fits(&found));
    }

    #[test]
    fn the_price_that_is_compared_is_that_of_a_plain_press() {
        let mut film = model(&json!({"duration": {"type": "integer", "default": 5}}));
        (film.price.rule, film.max_seconds) = (PriceRule::Second, 10);
        assert!(Search::read("", "", "10").fits(&film), "five seconds at two credits");
        assert!(!Search::read("", "", "9").fits(&film));
    }

    #[test]
    fn what_cannot_be_read_in_an_address_is_not_there() {
        assert!(Search::read("  ", "everything", "cheap").is_any());
        assert!(Search::read("", "", "-1").is_any());
        assert_eq!(Search::read(&"x".repeat(500), "", "").words.len(), MOST_CHARS);
    }
}
