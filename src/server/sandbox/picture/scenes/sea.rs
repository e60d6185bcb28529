//! A sun over water: sky, clouds, and their broken reflection.

use super::{Disc, clouds, gradient, shine};
use crate::server::sandbox::picture::{
    canvas::Canvas,
    noise::{Field, Random, step},
    palette::{Palette, mix},
};

pub(super) fn paint(canvas: &mut Canvas, palette: &Palette, random: &mut Random) {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let horizon = height * random.between(0.54, 0.66);
    let radius = canvas.unit() * random.between(0.07, 0.13);
    let disc = Disc { x: width * random.between(0.26, 0.74), y: horizon - radius * random.between(-0.1, 2.6), radius };
    let top = random.between(0.7, 1.5);
    gradient(canvas, palette, (top, 3.7), horizon);
    shine(canvas, disc, palette.light(), 0.5, horizon as usize);
    clouds(canvas, palette, random, disc, horizon);
    water(canvas, palette, random, disc, (horizon as usize).max(1));
}

/// Each row mirrors the sky above it, pushed about by waves that grow towards us.
fn water(canvas: &mut Canvas, palette: &Palette, random: &mut Random, disc: Disc, horizon: usize) {
    let size = canvas.size();
    let ratio = size.0 as f32 / size.1 as f32;
    let waves = Field::fractal(random, size, (8.0 * ratio, 56.0), 4, 0.6);
    let deep = palette.tone(0.35);
    let depth = (size.1 - horizon.min(size.1)) as f32;
    for y in horizon..size.1 {
        let t = (y - horizon) as f32 / depth;
        // Waves lie closer together far away: stretch the field's rows by distance.
        let row = (size.1 as f32 - 1.0) * t.sqrt();
        let squeeze = 0.25 + 0.75 * t;
        let mirror = horizon as f32 - 1.0 - (y - horizon) as f32 * (horizon as f32 / depth).min(1.0) * 0.9;
        for x in 0..size.0 {
            let column = size.0 as f32 * 0.5 + (x as f32 - size.0 as f32 * 0.5) * (1.0 - 0.55 * t);
            let wave = waves.at(column, row) - 0.5;
            let from_x = (x as f32 + wave * 26.0 * squeeze).clamp(0.0, size.0 as f32 - 1.0) as usize;
            let from_y = (mirror + wave * 60.0 * squeeze).clamp(0.0, horizon as f32 - 1.0) as usize;
            let sky = canvas.get(from_x, from_y);
            let dark = (0.22 + 0.5 * t + wave * 0.5).clamp(0.0, 0.9);
            canvas.set(x, y, mix(sky, deep, dark));
            let path = disc.radius * (0.75 + 1.5 * t);
            let off = (x as f32 - disc.x).abs() / path;
            if off < 1.6 {
                let glint = step(0.02 + 0.22 * off, 0.3 + 0.2 * off, wave + 0.12) * step(1.6, 0.4, off);
                canvas.shine(x, y, palette.light(), glint * (0.9 - 0.45 * t));
            }
        }
    }
    // A breath of haze where water meets sky.
    let haze = palette.tone(3.5);
    let band = (size.1 as f32 * 0.05) as usize;
    for y in horizon.saturating_sub(band)..(horizon + band / 2).min(size.1) {
        let off = (y as f32 - horizon as f32).abs() / band.max(1) as f32;
        for x in 0..size.0 {
            canvas.cover(x, y, haze, 0.4 * (1.0 - off).max(0.0));
        }
    }
}
