//! A voice for the sandbox: it hums where a model would read, one vowel to a syllable or so, in a WAV of 16 bits, one
//! channel and 24,000 samples a second.
//!
//! A pulse train is the throat, and three resonances make a vowel of it. Words have a pause between them and sentences a
//! longer one, and the pitch falls towards a full stop, so that a listener hears where a text goes on.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "sound goes between samples and seconds all the time; a slip is a click"
)]

use super::picture::noise::Random;
use std::f32::consts::{PI, TAU};

/// Samples a second.
const RATE: u32 = 24_000;
/// The longest recording, in seconds, whatever the text.
const LONGEST: f32 = 12.0;
/// A syllable, and the pauses after a word and after a sentence, in seconds.
const SYLLABLE: f32 = 0.16;
const AFTER_WORD: f32 = 0.05;
const AFTER_SENTENCE: f32 = 0.3;

/// Where the throat resonates for a, e, i, o, u, in hertz.
const VOWELS: [[f32; 3]; 5] = [
    [800.0, 1_200.0, 2_500.0],
    [500.0, 1_800.0, 2_500.0],
    [300.0, 2_200.0, 3_000.0],
    [450.0, 850.0, 2_500.0],
    [325.0, 700.0, 2_500.0],
];

/// Reads `text` aloud in one of the model's voices, `speed` times as fast as usual.
pub(super) fn read_aloud(text: &str, voice: &str, speed: f32) -> Vec<u8> {
    let speed = speed.clamp(0.1, 5.0);
    let mut random = Random::new(text, 0, 0);
    // The second letter of a voice is f for a woman and m for a man; the rest makes it a little higher or lower.
    let pitch = if voice.as_bytes().get(1) == Some(&b'm') { 115.0 } else { 205.0 };
    let pitch = pitch * Random::new(voice, 0, 1).between(0.9, 1.1);
    let mut mouth = Mouth { samples: Vec::new(), phase: 0.0, most: (LONGEST * RATE as f32) as usize };
    for sentence in text.split_inclusive(['.', '!', '?', '\n', '。', '、']) {
        let words: Vec<&str> = sentence.split_whitespace().collect();
        for (at, word) in words.iter().enumerate() {
            // From a little above the voice's own pitch to a little below it.
            let fall = 1.12 - 0.25 * at as f32 / words.len() as f32;
            for _ in 0..word.chars().count().div_ceil(4).min(6) {
                let vowel = VOWELS[random.below(VOWELS.len())];
                mouth.hum(pitch * fall * random.between(0.96, 1.04), vowel, SYLLABLE * random.between(0.8, 1.2) / speed);
            }
            mouth.pause(AFTER_WORD / speed);
        }
        mouth.pause(AFTER_SENTENCE / speed);
    }
    wav(&mouth.samples)
}

struct Mouth {
    samples: Vec<i16>,
    /// Of the pulse train, 0 to 1: it goes on from vowel to vowel, or there would be clicks.
    phase: f32,
    most: usize,
}

impl Mouth {
    fn hum(&mut self, pitch: f32, vowel: [f32; 3], seconds: f32) {
        let length = (seconds * RATE as f32) as usize;
        let mut throat = vowel.map(Resonance::at);
        for at in 0..length.min(self.most.saturating_sub(self.samples.len())) {
            self.phase = (self.phase + pitch / RATE as f32).fract();
            let pulse = 1.0 - 2.0 * self.phase;
            let sound: f32 = throat.iter_mut().zip([1.0, 0.6, 0.3]).map(|(resonance, share)| resonance.next(pulse) * share).sum();
            // Soft at both ends.
            let swell = (PI * (at as f32 + 0.5) / length as f32).sin().sqrt();
            self.samples.push(((sound * swell * 0.35).tanh() * 24_000.0) as i16);
        }
    }

    fn pause(&mut self, seconds: f32) {
        let length = self.samples.len() + (seconds * RATE as f32) as usize;
        self.samples.resize(length.min(self.most.max(self.samples.len())), 0);
    }
}

/// A resonance of two poles.
struct Resonance {
    gain: f32,
    first: f32,
    second: f32,
    before: [f32; 2],
}

impl Resonance {
    fn at(hertz: f32) -> Self {
        let radius = (-PI * 90.0 / RATE as f32).exp();
        let turn = (TAU * hertz / RATE as f32).cos();
        Self { gain: 1.0 - radius * radius, first: 2.0 * radius * turn, second: -radius * radius, before: [0.0; 2] }
    }

    fn next(&mut self, sound: f32) -> f32 {
        let [last, before] = self.before;
        let heard = self.gain * sound + self.first * last + self.second * before;
        self.before = [heard, last];
        heard
    }
}

fn wav(samples: &[i16]) -> Vec<u8> {
    let data = samples.len() as u32 * 2;
    let mut file = Vec::with_capacity(44 + data as usize);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + data).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    // Plain samples, one channel, two bytes each.
    for (value, bytes) in [(16, 4), (1, 2), (1, 2), (RATE, 4), (RATE * 2, 4), (2, 2), (16, 2)] {
        file.extend_from_slice(&u32::to_le_bytes(value)[..bytes]);
    }
    file.extend_from_slice(b"data");
    file.extend_from_slice(&data.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "The boat leaves a little after seven. Bring a coat!";

    fn seconds(wav: &[u8]) -> f32 {
        (wav.len() - 44) as f32 / 2.0 / RATE as f32
    }

    #[test]
    fn a_recording_is_a_whole_wav_that_can_be_heard() {
        let wav = read_aloud(TEXT, "af_bella", 1.0);
        assert_eq!((&wav[..4], &wav[8..16], &wav[36..40]), (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..]));
        let length = |at: usize| u32::from_le_bytes([wav[at], wav[at + 1], wav[at + 2], wav[at + 3]]) as usize;
        assert_eq!((length(4), length(40)), (wav.len() - 8, wav.len() - 44));
        assert!((2.0..8.0).contains(&seconds(&wav)), "{} s", seconds(&wav));
        let samples: Vec<i16> = wav[44..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max();
        assert!(loudest.is_some_and(|loudest| (4_000..=24_000).contains(&loudest)), "{loudest:?}");
        let average = samples.iter().map(|sample| f64::from(*sample)).sum::<f64>() / samples.len() as f64;
        assert!(average.abs() < 500.0, "it leans to one side by {average}");
    }

    #[test]
    fn text_voice_and_speed_are_heard() {
        let plain = read_aloud(TEXT, "af_bella", 1.0);
        assert_eq!(plain, read_aloud(TEXT, "af_bella", 1.0));
        assert_ne!(plain, read_aloud("The boat has left. Never mind the coat!", "af_bella", 1.0));
        assert_ne!(plain, read_aloud(TEXT, "am_adam", 1.0));
        assert!(seconds(&read_aloud(TEXT, "af_bella", 2.0)) < seconds(&plain) * 0.6);
        assert!(seconds(&read_aloud(&TEXT.repeat(50), "af_bella", 1.0)) <= LONGEST);
        assert_eq!(read_aloud("", "", 1.0).len(), 44, "nothing but the head");
    }
}
