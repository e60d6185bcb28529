//! What the sandbox says when it is asked for words: a pure function of the prompt, or of the recording it listens to.

use super::picture::noise::Random;
use serde_json::{Value, json};

/// The most letters of a token.
const LONGEST_PIECE: usize = 8;
/// The most letters of a prompt that an answer repeats.
const LONGEST_TOPIC: usize = 60;
/// Sentences between the first and the last.
const MIDDLES: usize = 4;

const OPENINGS: [&str; 4] = [
    "You asked about “{topic}”, so let us go through it slowly.",
    "“{topic}” sounds simple, and most of it is.",
    "Here is one way to think about “{topic}”.",
    "There is more to “{topic}” than I first expected.",
];

const MIDDLE: [&str; 9] = [
    "The first thing to notice about {word} is how much of it goes unsaid.",
    "If you only remember one thing, remember that {word} rewards patience.",
    "A good test is to explain {word} to a friend before breakfast.",
    "Some people begin with {word} and work outwards; others do the opposite and arrive at the same place.",
    "None of this is certain, but it has held up well whenever somebody tried it.",
    "In practice, a small sketch on paper saves an afternoon.",
    "When {word} gives you trouble, halve the problem and look again.",
    "The details change from year to year, while the idea behind {word} stays where it was.",
    "It helps to write down what you expect before you look.",
];

const CLOSINGS: [&str; 3] = [
    "That is all the sandbox has to say: it made this up, piece by piece, so that you can watch an answer arrive.",
    "No model was asked for this. The sandbox strings such sentences together, and the same prompt always gives the same ones.",
    "Take it as a rehearsal: the words come from the sandbox, and only their order depends on you.",
];

const SAID: [&str; 10] = [
    "Good morning, and thank you for waiting.",
    "The boat leaves a little after seven, weather permitting.",
    "We counted the lanterns twice and found one more than last year.",
    "Somebody had left the garden gate open.",
    "My grandmother kept her letters in a blue tin.",
    "By noon the fog had lifted from the harbour.",
    "Please put the kettle on before the others come home.",
    "He tuned the old piano by ear, and nearly got it right.",
    "There are three ways down to the beach, and the steepest is the quickest.",
    "That is everything I remember about the storm.",
];

/// The tokens of an answer to `prompt`, no more than `most` if that is above zero. Joined without anything between them,
/// they are a text of a hundred tokens or so.
pub(super) fn answer(prompt: &str, most: Option<i64>) -> Vec<String> {
    let mut random = Random::new(prompt, 0, 0);
    let asked: Vec<&str> = prompt.split_whitespace().filter(|word| !word.starts_with('#')).collect();
    let topic: String = asked.join(" ").chars().take(LONGEST_TOPIC).collect();
    let topic = if topic.is_empty() { "nothing in particular" } else { topic.as_str() };
    let mut telling: Vec<&str> = topic.split(|letter: char| !letter.is_alphanumeric()).filter(|word| word.len() > 3).collect();
    if telling.is_empty() {
        telling.push("this");
    }
    let mut sentences = vec![OPENINGS[random.below(OPENINGS.len())].replace("{topic}", topic)];
    for sentence in drawn(&MIDDLE, MIDDLES, &mut random) {
        sentences.push(sentence.replace("{word}", telling[random.below(telling.len())]));
    }
    let text = format!("{}\n\n{}", sentences.join(" "), CLOSINGS[random.below(CLOSINGS.len())]);
    let mut pieces = pieces(&text);
    if let Some(most) = most.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0) {
        pieces.truncate(most);
    }
    pieces
}

/// `count` of the sentences, each once, in the order they are written down.
fn drawn(from: &[&'static str], count: usize, random: &mut Random) -> Vec<&'static str> {
    let mut left = from.to_vec();
    while left.len() > count {
        left.remove(random.below(left.len()));
    }
    left
}

/// A text in tokens: words with the space before them, long words in parts, marks for themselves.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for letter in text.chars() {
        let joins = |last: &&mut String| match letter {
            ' ' => false,
            '\n' => last.ends_with(|end: char| end == '\n' || end.is_ascii_punctuation()),
            letter if letter.is_alphanumeric() => {
                last.trim_start().chars().all(char::is_alphanumeric) && last.chars().count() <= LONGEST_PIECE
            }
            _ => last.as_str() == " ",
        };
        match pieces.last_mut().filter(joins) {
            Some(last) => last.push(letter),
            None => pieces.push(letter.to_string()),
        }
    }
    pieces
}

/// What is said in a recording: sentences, and when each begins and ends, in milliseconds.
#[derive(Clone, Debug)]
pub(super) struct Transcript(Vec<(u64, u64, &'static str)>);

/// What the sandbox hears in a recording whose content adds up to `hash`.
pub(super) fn transcript(hash: u64) -> Transcript {
    let mut random = Random::new("", hash, 0);
    let mut at = 0;
    let sentences = drawn(&SAID, 4, &mut random).into_iter().map(|sentence| {
        let start = at;
        // People say about fifteen letters a second.
        at += sentence.len() as u64 * 1_000 / 15;
        (start, at, sentence)
    });
    Transcript(sentences.collect())
}

impl Transcript {
    pub(super) fn plain(&self) -> String {
        self.0.iter().flat_map(|(_, _, sentence)| [" ", sentence]).collect()
    }

    pub(super) fn srt(&self) -> String {
        let cue = |(at, (start, end, sentence)): (usize, &(u64, u64, &str))| {
            format!("{}\n{} --> {}\n{sentence}\n\n", at + 1, clock(*start, ','), clock(*end, ','))
        };
        self.0.iter().enumerate().map(cue).collect()
    }

    pub(super) fn vtt(&self) -> String {
        let cue = |(start, end, sentence): &(u64, u64, &str)| {
            format!("{} --> {}\n{sentence}\n\n", clock(*start, '.'), clock(*end, '.'))
        };
        format!("WEBVTT\n\n{}", self.0.iter().map(cue).collect::<String>())
    }

    /// With what the model says of each.
    pub(super) fn segments(&self) -> Value {
        let segment = |(at, (start, end, sentence)): (usize, &(u64, u64, &str))| {
            let tokens: Vec<u64> = pieces(sentence).iter().map(|piece| 300 + piece.bytes().map(u64::from).sum::<u64>()).collect();
            json!({
                "id": at, "seek": start / 10, "start": seconds(*start), "end": seconds(*end), "text": format!(" {sentence}"),
                "tokens": tokens, "temperature": 0, "avg_logprob": -0.25, "compression_ratio": 1.25, "no_speech_prob": 0.05,
            })
        };
        self.0.iter().enumerate().map(segment).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 285,000 years")]
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1_000.0
}

fn clock(milliseconds: u64, point: char) -> String {
    let (seconds, rest) = (milliseconds / 1_000, milliseconds % 1_000);
    format!("{:02}:{:02}:{:02}{point}{rest:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_the_same_each_time_and_speaks_of_what_was_asked() {
        let tokens = answer("why is the sea salty? #slow", None);
        assert_eq!(tokens, answer("why is the sea salty? #slow", None));
        assert!((48..200).contains(&tokens.len()), "{} tokens", tokens.len());
        let text = tokens.concat();
        assert!(text.contains("why is the sea salty?") && !text.contains("#slow"), "{text}");
        assert!(!text.contains('{'), "{text}");
        assert_ne!(text, answer("why is the sky blue?", None).concat());
        assert_eq!(answer("why is the sea salty? #slow", Some(9)), tokens[..9]);
        assert_eq!(answer("", None).len(), answer("", Some(0)).len());
    }

    #[test]
    fn pieces_join_to_the_text_they_were_cut_from() {
        assert_eq!(
            pieces("The sea, extraordinarily: 3.\n\nOh"),
            ["The", " sea", ",", " extraord", "inarily", ":", " 3", ".\n\n", "Oh"]
        );
        for text in ["", "  two  spaces ", "no\nmark", "海は広いな大きいな", "“a” (b)"] {
            assert_eq!(pieces(text).concat(), text);
        }
    }

    #[test]
    fn a_recording_is_heard_the_same_each_time_in_every_form() {
        let heard = transcript(7);
        assert_eq!(heard.plain(), transcript(7).plain());
        assert!((0..20).any(|hash| transcript(hash).plain() != heard.plain()));
        assert!(heard.srt().starts_with("1\n00:00:00,000 --> 00:00:0"), "{}", heard.srt());
        assert!(heard.vtt().starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:0"), "{}", heard.vtt());
        let segments = heard.segments();
        assert_eq!(segments.as_array().map(Vec::len), Some(4));
        assert_eq!(segments[0]["end"], segments[1]["start"]);
    }
}
