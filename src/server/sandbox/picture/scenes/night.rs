//! Night: stars and the Milky Way or an aurora, over dark ridges and a still lake.

use super::{Disc, gradient, shine};
use crate::server::sandbox::picture::{
    canvas::Canvas,
    noise::{Field, Random, ridge, step},
    palette::{Palette, mix},
};

pub(super) fn paint(canvas: &mut Canvas, palette: &Palette, random: &mut Random, aurora: bool) {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let shore = height * random.between(0.72, 0.8);
    gradient(canvas, palette, (0.15, 1.9), shore * 1.05);
    if aurora {
        stars(canvas, random, 0.5);
        for _ in 0..3 {
            curtain(canvas, palette, random, shore);
        }
    } else {
        galaxy(canvas, palette, random);
        stars(canvas, random, 1.0);
        if random.unit() < 0.45 {
            let radius = canvas.unit() * random.between(0.035, 0.07);
            let disc = Disc { x: width * random.between(0.15, 0.85), y: height * random.between(0.14, 0.34), radius };
            shine(canvas, disc, palette.light(), 0.3, shore as usize);
        }
    }
    for layer in 0..3_u8 {
        let near = f32::from(layer) / 2.0;
        let line = ridge(random, canvas.width, (2.5 + 2.0 * near) * width / height, 7, 0.5, true);
        let tall = height * (0.24 - 0.12 * near);
        let body = palette.tone(0.85 - 0.8 * near);
        for x in 0..canvas.width {
            let crest = shore - line[x] * tall + height * 0.03 * near;
            for y in crest.max(0.0) as usize..(shore as usize).min(canvas.height) {
                let below = y as f32 - crest;
                let mist = mix(body, palette.tone(1.5), step(0.0, tall, below) * 0.5 * (1.0 - near));
                canvas.cover(x, y, mist, below.clamp(0.0, 1.0));
            }
        }
    }
    lake(canvas, palette, random, (shore as usize).max(1));
}

fn lake(canvas: &mut Canvas, palette: &Palette, random: &mut Random, shore: usize) {
    let size = canvas.size();
    let waves = Field::fractal(random, size, (5.0 * size.0 as f32 / size.1 as f32, 90.0), 3, 0.6);
    let deep = palette.tone(0.1);
    for y in shore..size.1 {
        let t = (y - shore) as f32 / (size.1 - shore) as f32;
        for x in 0..size.0 {
            let wave = (waves.pixel(x, y) - 0.5) * (4.0 + 22.0 * t);
            let from_y = (shore as f32 - 1.0 - (y - shore) as f32 * 1.5 + wave).clamp(0.0, shore as f32 - 1.0) as usize;
            let from_x = (x as f32 + wave * 0.4).clamp(0.0, size.0 as f32 - 1.0) as usize;
            canvas.set(x, y, mix(canvas.get(from_x, from_y), deep, 0.25 + 0.35 * t));
        }
    }
}

/// A slanting band of light with dark lanes in it.
fn galaxy(canvas: &mut Canvas, palette: &Palette, random: &mut Random) {
    let size = canvas.size();
    let cloud = Field::fractal(random, size, (4.0 * size.0 as f32 / size.1 as f32, 4.0), 7, 0.58);
    let lanes = Field::fractal(random, size, (6.0 * size.0 as f32 / size.1 as f32, 6.0), 6, 0.6);
    let lean = random.between(0.35, 1.0) * if random.unit() < 0.5 { 1.0 } else { -1.0 };
    let middle = random.between(0.35, 0.65) * size.0 as f32;
    let broad = canvas.unit() * random.between(0.2, 0.3);
    let (outer, inner) = (palette.tone(2.3), palette.tone(3.6));
    for y in 0..size.1 {
        let centre = middle + (y as f32 - size.1 as f32 * 0.4) * lean;
        for x in 0..size.0 {
            let off = (x as f32 - centre) / (broad * (1.0 + lean.abs()));
            let band = 1.0 / (1.0 + off * off * 5.0) - 0.18;
            if band <= 0.0 {
                continue;
            }
            let glow = band * step(0.25, 0.95, cloud.pixel(x, y) * 0.8 + band * 0.3);
            let dark = step(0.5, 0.68, lanes.pixel(x, y)) * step(0.3, 0.75, band);
            canvas.shine(x, y, mix(outer, inner, glow), (glow * 1.1 - dark * 0.5 * glow).max(0.0));
        }
    }
}

/// Many faint and few bright ones; the brightest have a halo.
fn stars(canvas: &mut Canvas, random: &mut Random, density: f32) {
    let count = (canvas.width * canvas.height) as f32 / 260.0 * density;
    for _ in 0..count as usize {
        let (x, y) = (random.below(canvas.width), random.below(canvas.height));
        let bright = random.unit().powi(5);
        let tint = random.unit();
        let light = [0.82 + 0.18 * tint, 0.88 + 0.08 * tint, 1.0 - 0.16 * tint];
        canvas.shine(x, y, light, 0.16 + 0.84 * bright);
        let reach: i32 = if bright > 0.86 { 3 } else { i32::from(bright > 0.45) };
        for dy in -reach..=reach {
            for dx in -reach..=reach {
                let (column, row) = (x.wrapping_add_signed(dx as isize), y.wrapping_add_signed(dy as isize));
                if column < canvas.width && row < canvas.height {
                    canvas.shine(column, row, light, bright * 0.34 / (1.0 + (dx * dx + dy * dy) as f32));
                }
            }
        }
    }
}

/// A ribbon that hangs from a wandering line and fades upwards in rays.
fn curtain(canvas: &mut Canvas, palette: &Palette, random: &mut Random, shore: f32) {
    let (bends, folds) = (random.between(1.2, 2.4), random.between(16.0, 26.0));
    let path = ridge(random, canvas.width, bends, 4, 0.45, false);
    let rays = ridge(random, canvas.width, folds, 4, 0.6, false);
    let power = ridge(random, canvas.width, 2.5, 3, 0.5, false);
    let foot = shore * random.between(0.5, 0.85);
    let tall = shore * random.between(0.45, 0.75);
    let (low, high) = (palette.tone(3.3), palette.tone(2.2));
    for x in 0..canvas.width {
        let bottom = foot - (path[x] - 0.5) * shore * 0.6;
        let length = tall * (0.5 + 0.8 * rays[x]);
        let strength = step(0.25, 0.8, power[x]) * (0.35 + 0.65 * rays[x]);
        for y in (bottom - length).max(0.0) as usize..((bottom + 12.0).max(0.0) as usize).min(canvas.height) {
            let up = (bottom - y as f32) / length;
            let fade = if up < 0.0 { step(-0.06, 0.0, up) } else { (1.0 - up) * (1.0 - up) };
            canvas.shine(x, y, mix(low, high, up.clamp(0.0, 1.0)), fade * strength * 0.85);
        }
    }
}
