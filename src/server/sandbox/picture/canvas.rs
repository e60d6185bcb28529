//! Where scenes are painted, and how the painting becomes a picture.

use super::{
    noise::Random,
    palette::{Colour, mix},
};
use image::RgbImage;

/// Pixels in floating point. Places are given in pixels from the upper left.
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    pixels: Vec<Colour>,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        Self { width, height, pixels: vec![[0.0; 3]; width * height] }
    }

    pub(super) fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The shorter side, the measure of things that keep their shape.
    pub(super) fn unit(&self) -> f32 {
        self.width.min(self.height) as f32
    }

    pub(super) fn get(&self, x: usize, y: usize) -> Colour {
        self.pixels[y * self.width + x]
    }

    pub(super) fn set(&mut self, x: usize, y: usize, colour: Colour) {
        self.pixels[y * self.width + x] = colour;
    }

    /// Lays `colour` over a pixel, covering `share` of it.
    pub(super) fn cover(&mut self, x: usize, y: usize, colour: Colour, share: f32) {
        let pixel = &mut self.pixels[y * self.width + x];
        *pixel = mix(*pixel, colour, share);
    }

    /// Adds light to a pixel, which burns out slowly like film.
    pub(super) fn shine(&mut self, x: usize, y: usize, light: Colour, strength: f32) {
        let pixel = &mut self.pixels[y * self.width + x];
        for part in 0..3 {
            pixel[part] += (1.0 - pixel[part]).max(0.0) * light[part] * strength;
        }
    }

    /// Doubles the painting, darkens the corners a little, adds grain.
    pub(super) fn develop(&self, width: u32, height: u32, random: &mut Random) -> RgbImage {
        let (wide, high) = (width as usize, height as usize);
        let mut bytes = vec![0_u8; wide * high * 3];
        let grain: Vec<f32> = (0..4096).map(|_| (random.unit() + random.unit() - 1.0) * 7.0).collect();
        let columns: Vec<(usize, usize, f32)> = (0..wide).map(|x| between(x, self.width)).collect();
        let mut line = vec![[0.0_f32; 3]; self.width];
        for y in 0..high {
            let (upper, lower, weight) = between(y, self.height);
            let shade = vignette(y, high);
            for x in 0..self.width {
                line[x] = mix(self.pixels[upper * self.width + x], self.pixels[lower * self.width + x], weight);
            }
            let mut place = random.next() as usize;
            let row = &mut bytes[y * wide * 3..(y + 1) * wide * 3];
            for x in 0..wide {
                let (left, right, weight) = columns[x];
                let (a, b) = (line[left], line[right]);
                let tone = 255.0 * (shade + vignette(x, wide) - 1.0);
                place = place.wrapping_mul(25_173).wrapping_add(13_849);
                let speck = grain[(place >> 16) & 4095] + 0.5;
                row[x * 3] = ((a[0] + (b[0] - a[0]) * weight) * tone + speck) as u8;
                row[x * 3 + 1] = ((a[1] + (b[1] - a[1]) * weight) * tone + speck) as u8;
                row[x * 3 + 2] = ((a[2] + (b[2] - a[2]) * weight) * tone + speck) as u8;
            }
        }
        RgbImage::from_raw(width, height, bytes).expect("there are three bytes for each pixel")
    }
}

/// The two pixels of the painting that a pixel of the picture lies between, and how near the second.
fn between(at: usize, length: usize) -> (usize, usize, f32) {
    let place = (at as f32 / 2.0 - 0.25).max(0.0);
    let first = (place as usize).min(length - 1);
    (first, (first + 1).min(length - 1), place - first as f32)
}

fn vignette(at: usize, length: usize) -> f32 {
    let off = at as f32 / length as f32 * 2.0 - 1.0;
    1.0 - off * off * off * off * 0.09
}
