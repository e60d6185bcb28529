//! The sandbox's pictures: a pure function of prompt, seed, index and size, and worth looking at.
//!
//! A scene is painted on a canvas of half the size in floating point, then developed: doubled, toned and given a grain,
//! which hides the doubling and the steps of eight bits alike. The loops are plain on purpose, because our own crate is
//! not optimised in development and a picture must not take longer than the model would.
//!
//! To add a scene: a variant of `scenes::Scene`, its words, and a function that paints it.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::needless_range_loop,
    clippy::similar_names,
    reason = "painting goes between pixels and fractions all the time, in plain loops over x and y; a slip is a wrong tone"
)]

mod canvas;
pub(super) mod noise;
mod palette;
mod scenes;
mod size;

use super::{journal::Facts, run};
use axum::body::Bytes;
use canvas::Canvas;
use image::{ExtendedColorType, ImageEncoder, RgbImage, codecs};
use noise::Random;
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// Files kept in memory: a page of the gallery, so that showing it twice draws it once.
const CACHED: usize = 24;

/// Draws the picture number `index` of a prompt and a seed.
pub fn render(prompt: &str, seed: u64, index: u32, width: u32, height: u32) -> RgbImage {
    paint(prompt, None, seed, index, (width, height))
}

/// The same after other pictures, whose number is `source`: it decides the colours, whatever the prompt says of them, and
/// the scene where the prompt names none.
fn paint(prompt: &str, source: Option<u64>, seed: u64, index: u32, size: (u32, u32)) -> RgbImage {
    let (width, height) = (size.0.max(2), size.1.max(2));
    let mut canvas = Canvas::new(width.div_ceil(2), height.div_ceil(2));
    let origin = source.unwrap_or(0);
    let scene = scenes::Scene::of(prompt, &mut Random::new(prompt, origin, 0));
    let palette = match source {
        Some(hash) => palette::Palette::after(hash),
        None => palette::Palette::of(prompt, &mut Random::new(prompt, seed, index)),
    };
    let mut random = Random::new(prompt, seed ^ origin, index.wrapping_add(1 << 16));
    scene.paint(&mut canvas, palette, &mut random);
    canvas.develop(width, height, &mut random)
}

/// Whether a lower-case prompt has the word, alone or in the plural. Japanese writes no spaces: there a part is enough.
fn mentions(prompt: &str, word: &str) -> bool {
    let same = |part: &str| part.strip_prefix(word).is_some_and(|rest| matches!(rest, "" | "s" | "y" | "scape"));
    if word.is_ascii() { prompt.split(|c: char| !c.is_alphanumeric()).any(same) } else { prompt.contains(word) }
}

/// A picture to be drawn and encoded; also its name in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    prompt: String,
    source: Option<u64>,
    seed: u64,
    index: u32,
    width: u32,
    height: u32,
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Webp(u8),
    Jpeg(u8),
    Png,
}

impl Order {
    /// The file number `index` of a prediction, no longer than `longest_edge` along either side.
    pub(super) fn of(facts: &Facts, index: u32, longest_edge: Option<u32>) -> Self {
        let quality = facts.number("output_quality").and_then(|quality| u8::try_from(quality).ok()).unwrap_or(80).clamp(1, 100);
        let format = match run::extension(facts) {
            "webp" => Format::Webp(quality),
            "jpg" => Format::Jpeg(quality),
            _ => Format::Png,
        };
        let (width, height) = size::within(longest_edge, size::of(facts));
        let (prompt, source) = (facts.prompt().to_owned(), facts.source.map(|source| source.hash));
        Self { prompt, source, seed: facts.seed, index, width, height, format }
    }

    pub(super) const fn content_type(&self) -> &'static str {
        match self.format {
            Format::Webp(_) => "image/webp",
            Format::Jpeg(_) => "image/jpeg",
            Format::Png => "image/png",
        }
    }

    fn draw(&self) -> Option<Bytes> {
        let picture = paint(&self.prompt, self.source, self.seed, self.index, (self.width, self.height));
        let (width, height) = picture.dimensions();
        let mut bytes = Vec::new();
        let written = match self.format {
            Format::Webp(quality) => {
                let encoder = webp::Encoder::from_rgb(picture.as_raw(), width, height);
                return Some(Bytes::copy_from_slice(&encoder.encode_simple(false, f32::from(quality)).ok()?));
            }
            Format::Jpeg(quality) => codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(&picture),
            Format::Png => {
                let encoder = codecs::png::PngEncoder::new(&mut bytes);
                encoder.write_image(picture.as_raw(), width, height, ExtendedColorType::Rgb8)
            }
        };
        written.ok().map(|()| Bytes::from(bytes))
    }
}

/// The files drawn last. They could all be drawn again: this only saves time.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<VecDeque<(Order, Bytes)>>);

impl Cache {
    /// The file, drawn if it is not at hand; `None` when it cannot be encoded. Takes some tenths of a second: not for an
    /// async thread.
    pub(super) fn get(&self, order: &Order) -> Option<Bytes> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = lock().iter().find(|(kept, _)| kept == order) {
            return Some(bytes.clone());
        }
        let bytes = order.draw()?;
        let mut kept = lock();
        kept.push_front((order.clone(), bytes.clone()));
        kept.truncate(CACHED);
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_and_seed_draw_the_same_picture_and_others_another() {
        let picture = render("a lighthouse", 7, 0, 96, 64);
        assert_eq!(picture.dimensions(), (96, 64));
        assert_eq!(picture, render("a lighthouse", 7, 0, 96, 64));
        for other in [render("a lighthouse", 8, 0, 96, 64), render("a lighthouse", 7, 1, 96, 64), render("a river", 7, 0, 96, 64)]
        {
            assert_ne!(picture, other);
        }
    }

    #[test]
    fn what_it_was_drawn_after_decides_the_colours_and_makes_another_picture() {
        let size = (48, 32);
        let drawn = |source| paint("the sea", source, 7, 0, size);
        assert_eq!(drawn(None), render("the sea", 7, 0, 48, 32));
        assert_eq!(drawn(Some(3)), drawn(Some(3)));
        let several: std::collections::BTreeSet<_> = (0..24).map(|hash| drawn(Some(hash)).into_raw()).collect();
        assert_eq!(several.len(), 24, "two sources with the same palette still make two pictures");
    }

    #[test]
    fn a_word_is_found_whole() {
        for prompt in ["ink on paper", "two inks", "inky", "an ink-wash", "墨の山"] {
            assert!(mentions(prompt, "ink") || mentions(prompt, "墨"), "{prompt}");
        }
        for prompt in ["a pink dress", "i think so", "drink"] {
            assert!(!mentions(prompt, "ink"), "{prompt}");
        }
    }

    #[test]
    fn every_scene_fills_any_size_with_more_than_one_tone() {
        for prompt in ["the sea", "a mountain", "a desert", "a night sky", "an aurora", "an abstract", "an ink drawing", ""] {
            for (width, height) in [(2, 2), (3, 200), (201, 5), (128, 96)] {
                let picture = render(prompt, 1, 0, width, height);
                assert_eq!(picture.dimensions(), (width, height), "{prompt}");
                if width == 128 {
                    let (least, most) =
                        picture.as_raw().iter().fold((255, 0), |(least, most), tone| (least.min(*tone), most.max(*tone)));
                    assert!(most - least > 60, "{prompt} has tones from {least} to {most}");
                }
            }
        }
    }
}
