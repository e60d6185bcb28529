//! Search among the models: every word that is asked for must be found somewhere.

use super::{Entry, all};

/// What a word is worth where it is found.
const IN_NAME: u32 = 3;
const IN_OWNER: u32 = 2;
const ELSEWHERE: u32 = 1;

/// A model that was found.
#[derive(Clone, Copy, Debug)]
pub(in crate::server::sandbox) struct Found {
    pub(in crate::server::sandbox) entry: &'static Entry,
    /// The higher, the better.
    pub(in crate::server::sandbox) score: u32,
}

/// The models that all words of `query` lead to, best first; without words, all of them.
pub(in crate::server::sandbox) fn search(query: &str) -> Vec<Found> {
    let query = query.to_lowercase();
    let words: Vec<&str> = query.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let score = |entry: &Entry| words.iter().map(|word| worth(entry, word)).sum::<Option<u32>>();
    let mut found: Vec<Found> = all().iter().filter_map(|entry| Some(Found { entry, score: score(entry)? })).collect();
    // The sort is stable: of equals, the newest comes first.
    found.sort_by_key(|found| std::cmp::Reverse(found.score));
    found
}

fn worth(entry: &Entry, word: &str) -> Option<u32> {
    let also = entry.collections.iter().any(|slug| slug.contains(word)) || entry.description.to_lowercase().contains(word);
    let places = [(entry.name.contains(word), IN_NAME), (entry.owner.contains(word), IN_OWNER), (also, ELSEWHERE)];
    let worth: u32 = places.iter().filter(|(found, _)| *found).map(|(_, worth)| worth).sum();
    (worth > 0).then_some(worth)
}

impl Entry {
    /// What it is found under besides its name.
    pub(in crate::server::sandbox) fn tags(&self) -> &[String] {
        &self.collections
    }

    /// In a sentence, what it is for.
    pub(in crate::server::sandbox) fn description(&self) -> &str {
        &self.description
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_must_be_found_and_the_name_counts_most() {
        let names = |query: &str| search(query).iter().map(|found| found.entry.name.clone()).collect::<Vec<_>>();
        assert_eq!(names("Nano Banana"), ["nano-banana"]);
        assert_eq!(names("flux kontext"), ["flux-kontext-pro"]);
        assert_eq!(names("speech")[0], "kokoro-82m");
        assert!(names("flux nothing-like-it").is_empty());
        assert_eq!(names("").len(), all().len());
        assert_eq!(names("ideogram picture"), ["ideogram-v2"]);
    }
}
