//! Every sentence a person reads, in English and Japanese.
//!
//! A language is a value of [`PageText`]: a sentence missing in one of them does not compile. What the islands say stands
//! apart in [`live`], so that the browser downloads only that.
//! To add a sentence: a field in `page.rs`, its words in `en.rs` and `ja.rs`.

mod en;
mod ja;
pub mod live;
mod page;
#[cfg(test)]
mod samples;

pub use page::{
    AccountText, AdminText, AroundText, CatalogueText, ControlText, CreateText, CreditsText, DocsText, DoorText, FrameText,
    GalleryText, HelpText, KeysHelpText, KeysText, LandingText, Notice, OwnText, PageText, PictureText, ReceiptText, ShareText,
    StatementText, TroubleText, ViewerText, WebhooksText,
};

use crate::domain::Lang;

/// What the server-rendered pages say in this language.
pub fn pages(lang: Lang) -> &'static PageText {
    match lang {
        Lang::En => &en::TEXT,
        Lang::Ja => &ja::TEXT,
    }
}

/// A whole number with its thousands set apart, as both languages write it: `1,284`; a negative one with a true minus.
pub fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3 + 3);
    if value < 0 {
        grouped.push('−');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A change of a balance: `+20`, `−4`, `0`.
pub fn signed(value: i64) -> String {
    if value > 0 { format!("+{}", number(value)) } else { number(value) }
}

/// `1 credit`, `2 credits`.
fn one_or(count: i64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields whose words are no Japanese on purpose.
    const NAMES: [&str; 1] = ["FrameText.other_language"];

    fn is_japanese(text: &str) -> bool {
        text.chars().any(|c| matches!(c, 'ぁ'..='ヿ' | '一'..='龯'))
    }

    #[test]
    fn no_english_sentence_is_left_in_japanese_and_none_is_empty() {
        for (name, said) in ja::TEXT.said() {
            for sentence in said {
                assert!(is_japanese(&sentence) || NAMES.contains(&name), "{name}: {sentence:?}");
            }
        }
    }

    #[test]
    fn english_is_written_without_japanese_but_for_the_name_of_that_language() {
        for (name, said) in en::TEXT.said() {
            for sentence in said {
                assert!(!sentence.trim().is_empty(), "{name}");
                assert!(!is_japanese(&sentence) || name == "FrameText.other_language", "{name}: {sentence:?}");
            }
        }
    }

    #[test]
    fn sentences_hold_no_double_spaces_from_broken_lines() {
        for (name, said) in en::TEXT.said().into_iter().chain(ja::TEXT.said()) {
            for sentence in said {
                assert!(!sentence.contains("  ") && sentence.trim() == sentence, "{name}: {sentence:?}");
            }
        }
    }

    #[test]
    fn numbers_are_grouped_and_signed_with_a_true_minus() {
        for (value, text) in [(0, "0"), (999, "999"), (1_284, "1,284"), (-1_000_000, "−1,000,000")] {
            assert_eq!(number(value), text);
        }
        assert_eq!(signed(20), "+20");
        assert_eq!(signed(-4), "−4");
        assert_eq!(signed(0), "0");
        assert!(number(i64::MIN).starts_with("−9,223"));
    }

    #[test]
    fn a_wait_is_said_in_a_unit_that_can_be_waited_in() {
        let wait = |lang, seconds| (pages(lang).door.wait)(seconds);
        for (seconds, said) in
            [(1, "Wait 1 second "), (90, "Wait 90 seconds "), (91, "Wait 2 minutes "), (900, "Wait 15 minutes ")]
        {
            assert!(wait(Lang::En, seconds).contains(said), "{}", wait(Lang::En, seconds));
        }
        assert!(wait(Lang::Ja, 30).contains("30秒") && wait(Lang::Ja, 900).contains("15分"));
    }

    #[test]
    fn one_is_singular_in_english() {
        assert_eq!((en::TEXT.frame.pictures)(1), "1 picture");
        assert_eq!((en::TEXT.frame.pictures)(1_284), "1,284 pictures");
    }
}
