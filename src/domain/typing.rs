//! How a person wants the keyboard: what Enter does in the prompt, and whether single keys do anything.

use super::Lang;

/// What Enter does in the prompt. Ctrl or Command with Enter always generates, Shift with Enter always breaks the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enter {
    /// It generates.
    Generates,
    /// It breaks the line.
    Breaks,
}

impl Enter {
    /// The word in the cookie and on the page.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generates => "generates",
            Self::Breaks => "breaks",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Generates, Self::Breaks].into_iter().find(|enter| enter.as_str() == word)
    }

    /// In Japanese Enter ends a conversion, and a paid action must not hang on the same key.
    pub const fn of(lang: Lang) -> Self {
        match lang {
            Lang::En => Self::Generates,
            Lang::Ja => Self::Breaks,
        }
    }
}

/// The keyboard as a person set it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Typing {
    /// What Enter does; `None` follows the language.
    pub enter: Option<Enter>,
    /// Whether keys pressed alone are left to the browser (WCAG 2.1.4).
    pub single_keys_off: bool,
}

impl Typing {
    /// What Enter does on a page of this language.
    pub fn enter(self, lang: Lang) -> Enter {
        self.enter.unwrap_or(Enter::of(lang))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_follows_the_language_until_somebody_chooses() {
        assert_eq!(Typing::default().enter(Lang::En), Enter::Generates);
        assert_eq!(Typing::default().enter(Lang::Ja), Enter::Breaks);
        for lang in [Lang::En, Lang::Ja] {
            for enter in [Enter::Generates, Enter::Breaks] {
                assert_eq!(Typing { enter: Enter::parse(enter.as_str()), ..Typing::default() }.enter(lang), enter);
            }
        }
    }
}
