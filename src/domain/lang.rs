//! How a person wants the page: language and theme.

use serde::{Deserialize, Serialize};

/// A language the house speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Japanese.
    Ja,
}

impl Lang {
    /// The BCP 47 tag, for `<html lang>` and the cookie.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ja => "ja",
        }
    }

    /// How far the clocks of its readers are ahead of UTC, in milliseconds: UTC itself, and Japan's time.
    pub const fn zone_ms(self) -> i64 {
        match self {
            Self::En => 0,
            Self::Ja => 9 * 60 * 60 * 1_000,
        }
    }

    /// Reads a tag exactly.
    pub fn parse(tag: &str) -> Option<Self> {
        match tag {
            "en" => Some(Self::En),
            "ja" => Some(Self::Ja),
            _ => None,
        }
    }

    /// The first language of an `Accept-Language` header that we speak, by its weight; English when there is none.
    pub fn negotiate(accept_language: &str) -> Self {
        let mut best = (Self::En, 0.0_f32);
        for part in accept_language.split(',') {
            let (tag, parameters) = part.split_once(';').unwrap_or((part, ""));
            let weight = parameters.trim().strip_prefix("q=").map_or(1.0, |q| q.parse().unwrap_or(0.0));
            let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            if let Some(lang) = Self::parse(&primary).filter(|_| weight > best.1) {
                best = (lang, weight);
            }
        }
        best.0
    }
}

/// The colours of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the system is set.
    #[default]
    System,
    /// Ink on paper.
    Light,
    /// Paper on ink.
    Dark,
}

impl Theme {
    /// The word in the cookie and on `<html data-theme>`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|theme| theme.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_heaviest_one_we_speak() {
        for (header, lang) in [
            ("", Lang::En),
            ("ja", Lang::Ja),
            ("ja-JP,ja;q=0.9,en;q=0.8", Lang::Ja),
            ("fr-FR, en;q=0.7, ja;q=0.3", Lang::En),
            ("fr, ja;q=0.3", Lang::Ja),
            ("en;q=0.2, ja;q=0.9", Lang::Ja),
            ("*;q=x", Lang::En),
        ] {
            assert_eq!(Lang::negotiate(header), lang, "{header}");
        }
    }
}
