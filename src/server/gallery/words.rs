//! Prompts as searches compare them, in narrow rows of their own.
//!
//! A search is a look through all of one person's rows for text that contains each word. That finds one character of Japanese as
//! well as ten of English, is the same on both databases, and costs the writing of a prompt one row; `make bench` has the figure
//! for fifty thousand.

use crate::domain::{GenerationId, PersonId, Timestamp};
use crate::server::db::{Db, Tx, with_rows};
use serde_json::json;
use unicode_normalization::UnicodeNormalization;

/// How many words of a search are looked at.
pub const MOST_WORDS: usize = 4;
/// How many older rows are filled in one transaction.
const BATCH: i64 = 500;

/// Text as it is compared: compatibility forms made one (`ﾈｺ` is `ネコ`, `Ａ` is `A`), without case, with single spaces.
pub fn fold(text: &str) -> String {
    let folded: String = text.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a search looks for: patterns for `like … escape '\'`, one for each word, the rest matching everything.
pub(super) fn patterns(words: &str) -> [String; MOST_WORDS] {
    let folded = fold(words);
    let mut words = folded.split(' ').filter(|word| !word.is_empty());
    std::array::from_fn(|_| match words.next() {
        Some(word) => format!("%{}%", word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")),
        None => "%".to_owned(),
    })
}

/// Writes down the words of new generations: whose they are, what they say and since when.
pub fn keep<'a>(tx: &mut Tx, prompts: impl IntoIterator<Item = (&'a GenerationId, &'a PersonId, &'a str, Timestamp)>) {
    let rows =
        prompts.into_iter().map(|(id, owner, prompt, at)| json!({"id": id, "owner": owner, "at": at, "folded": fold(prompt)}));
    let text = with_rows!(
        tx,
        "insert into prompt_words (generation_id, owner_id, created_at, folded) select id, owner, at, folded from ",
        (id text, owner text, at bigint, folded text),
        "where true on conflict (generation_id) do nothing"
    );
    tx.defer(text, rows.collect());
}

/// Fills in what has no words yet: from before there were any, or by a process of an older release. Returns how many.
///
/// # Errors
/// When the database fails; what was filled by then is.
pub async fn fill(db: &Db) -> Result<usize, sqlx::Error> {
    type Unfilled = (GenerationId, PersonId, Timestamp, String);
    let mut filled = 0;
    loop {
        let missing: Vec<Unfilled> = sqlx::query_as(
            "select g.id, g.owner_id, g.created_at, g.prompt from generation g
             where not exists (select 1 from prompt_words w where w.generation_id = g.id) limit $1",
        )
        .bind(BATCH)
        .fetch_all(db.pool())
        .await?;
        if missing.is_empty() {
            return Ok(filled);
        }
        let mut tx = db.begin().await?;
        // Another process may be at it too.
        keep(&mut tx, missing.iter().map(|(id, owner, at, prompt)| (id, owner, prompt.as_str(), *at)));
        tx.commit().await?;
        filled += missing.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_and_cases_and_spaces_are_one() {
        for (text, folded) in [
            ("ﾈｺ", "ネコ"),
            ("ｶﾞﾗｽ", "ガラス"),
            ("ＦＬＵＸ　Ｐｒｏ", "flux pro"),
            ("  A\n Lighthouse\t", "a lighthouse"),
            ("ÉTÉ", "été"),
            ("㍿", "株式会社"),
            ("夕焼けの海", "夕焼けの海"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
            assert_eq!(fold(&fold(text)), folded, "folding again changes nothing");
        }
    }

    #[test]
    fn a_pattern_means_its_own_characters_only() {
        assert_eq!(patterns("50% A_b\\"), ["%50\\%%", "%a\\_b\\\\%", "%", "%"]);
        assert_eq!(patterns("a b c d e")[3], "%d%");
        assert_eq!(patterns(" "), ["%", "%", "%", "%"]);
    }
}
