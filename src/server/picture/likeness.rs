//! Whether two pictures look the same to a person, whatever their bytes: each is boiled down to where it grows brighter and
//! to its colours in the large, and these are compared.

use super::{Kind, decode};
use image::imageops::FilterType::Triangle;

/// Steps across and down: 16 by 16 comparisons of neighbours.
const GRID: u32 = 16;
/// Colours are compared in a grid this wide.
const COARSE: u32 = 8;
/// Of the 256 comparisons, how many may come out differently. A picture that was only packed anew loses a few in flat parts.
const MOST_FLIPPED: u32 = 20;
/// How far the colours may lie apart on the average, of 255.
const MOST_APART: u32 = 6;
/// A step of brightness below this, of 255, is noise and says nothing.
const FLAT: i32 = 3;

/// How a picture looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Likeness {
    /// From each point to the next: brighter, darker, or (about) the same.
    steps: Vec<i8>,
    /// Red, green and blue in the large.
    colors: Vec<u8>,
}

impl Likeness {
    /// Reads a picture; `None` when it is none. Blocks.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let picture = decode(Kind::sniff(bytes)?, bytes).ok()?;
        let grey = picture.resize_exact(GRID + 1, GRID, Triangle).into_luma8();
        let steps = grey.rows().flat_map(|row| {
            let row: Vec<i32> = row.map(|pixel| i32::from(pixel.0[0])).collect();
            row.windows(2).map(|pair| step(pair[1] - pair[0])).collect::<Vec<_>>()
        });
        let colors = picture.resize_exact(COARSE, COARSE, Triangle).into_rgb8().into_raw();
        Some(Self { steps: steps.collect(), colors })
    }
}

const fn step(rise: i32) -> i8 {
    match rise {
        rise if rise >= FLAT => 1,
        rise if rise <= -FLAT => -1,
        _ => 0,
    }
}

/// Whether nobody would see a difference.
pub fn alike(one: &Likeness, other: &Likeness) -> bool {
    // Only a step up that became a step down counts whole; one that became flat was near the border.
    let flipped: u32 = one.steps.iter().zip(&other.steps).map(|(one, other)| u32::from(one.abs_diff(*other))).sum();
    let apart: u32 = one.colors.iter().zip(&other.colors).map(|(one, other)| u32::from(one.abs_diff(*other))).sum();
    let points = u32::try_from(one.colors.len()).unwrap_or(u32::MAX).max(1);
    flipped <= 2 * MOST_FLIPPED && apart / points <= MOST_APART
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
    use std::io::Cursor;

    /// Hills under a sun that stands at `sun` percent of the width.
    fn scene(sun: u32) -> DynamicImage {
        let (width, height) = (320, 200);
        let paint = |x: u32, y: u32| {
            let (dx, dy) = (i64::from(x) - i64::from(width * sun / 100), i64::from(y) - 60);
            let hill = 130 + (x % 90).abs_diff(45);
            match (dx * dx + dy * dy < 900, y > hill) {
                (true, _) => Rgb([250, 220, 120]),
                (_, true) => Rgb([40, u8::try_from(60 + y / 4).unwrap_or(90), 50]),
                _ => Rgb([90, 120, u8::try_from(160 + y / 4).unwrap_or(200)]),
            }
        };
        RgbImage::from_fn(width, height, paint).into()
    }

    fn of(picture: &DynamicImage, format: ImageFormat) -> Likeness {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).expect("a picture");
        Likeness::of(bytes.get_ref()).expect("its likeness")
    }

    #[test]
    fn a_picture_that_was_packed_anew_or_shrunk_is_still_the_same_to_look_at() {
        let picture = scene(70);
        let plain = of(&picture, ImageFormat::Png);
        assert!(alike(&plain, &of(&picture, ImageFormat::Jpeg)));
        assert!(alike(&plain, &of(&picture.resize_exact(160, 100, Triangle), ImageFormat::Png)));
    }

    #[test]
    fn a_sun_that_moved_and_a_night_that_fell_are_seen() {
        let plain = of(&scene(70), ImageFormat::Png);
        assert!(!alike(&plain, &of(&scene(25), ImageFormat::Png)), "the sun moved");
        assert!(!alike(&plain, &of(&scene(70).brighten(-60), ImageFormat::Png)), "it is darker");
        assert!(Likeness::of(b"no picture").is_none());
    }
}
