//! Which key presses in the prompt mean *generate*.
//!
//! In English Enter generates and Shift+Enter breaks the line. In Japanese Enter confirms kanji and then breaks the line,
//! because a paid action must not hang on the key that ends a conversion. Ctrl or Command with Enter generates in both.

use crate::domain::Lang;

/// Safari ends a composition before it reports the Enter that ended it; this long after, in milliseconds, an Enter still
/// belongs to it.
const AFTER_COMPOSITION_MS: f64 = 50.0;

/// A key going down in the prompt.
#[derive(Clone, Debug)]
pub struct KeyPress {
    /// The key's name.
    pub key: String,
    /// The old number of the key; 229 while an input method has it.
    pub key_code: u32,
    /// Whether an input method is composing.
    pub composing: bool,
    /// Shift.
    pub shift: bool,
    /// Ctrl or Command.
    pub command: bool,
    /// Milliseconds since the last composition ended.
    pub since_composition: f64,
}

impl KeyPress {
    /// Whether it is an Enter of the person's own, not one that an input method used up.
    fn is_enter(&self) -> bool {
        self.key == "Enter" && !self.composing && self.key_code != 229 && self.since_composition >= AFTER_COMPOSITION_MS
    }

    /// Whether it asks to generate.
    pub fn generates(&self, lang: Lang) -> bool {
        self.is_enter() && (self.command || (lang == Lang::En && !self.shift))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter() -> KeyPress {
        KeyPress { key: "Enter".into(), key_code: 13, composing: false, shift: false, command: false, since_composition: 1e9 }
    }

    #[test]
    fn enter_generates_in_english_and_breaks_the_line_in_japanese() {
        assert!(enter().generates(Lang::En));
        assert!(!enter().generates(Lang::Ja));
        for lang in [Lang::En, Lang::Ja] {
            assert!(!KeyPress { shift: true, ..enter() }.generates(lang));
            assert!(KeyPress { command: true, ..enter() }.generates(lang));
            assert!(!KeyPress { key: "a".into(), command: true, ..enter() }.generates(lang));
        }
    }

    #[test]
    fn an_enter_that_the_input_method_used_never_generates() {
        for used in [
            KeyPress { composing: true, ..enter() },
            KeyPress { key_code: 229, ..enter() },
            KeyPress { key: "Process".into(), ..enter() },
            KeyPress { since_composition: 49.0, ..enter() },
        ] {
            assert!(!used.generates(Lang::En), "{used:?}");
            assert!(!KeyPress { command: true, ..used.clone() }.generates(Lang::Ja), "{used:?}");
        }
        assert!(KeyPress { since_composition: 50.0, ..enter() }.generates(Lang::En));
    }
}
