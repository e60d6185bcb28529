//! Land: mountains in haze, dunes, and mountains washed in ink on paper.

use super::{Disc, clouds, gradient, shine};
use crate::server::sandbox::picture::{
    canvas::Canvas,
    noise::{Field, Random, ridge, step},
    palette::{Palette, mix},
};

pub(super) fn mountains(canvas: &mut Canvas, palette: &Palette, random: &mut Random) {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let radius = canvas.unit() * random.between(0.05, 0.11);
    let disc = Disc { x: width * random.between(0.22, 0.78), y: height * random.between(0.13, 0.32), radius };
    let top = random.between(1.2, 2.2);
    gradient(canvas, palette, (top, 3.9), height * 0.62);
    shine(canvas, disc, palette.light(), 0.55, canvas.height);
    clouds(canvas, palette, random, disc, height * 0.45);
    let layers = 6;
    let texture = Field::fractal(random, canvas.size(), (14.0, 14.0), 4, 0.6);
    for layer in 0..layers {
        let near = layer as f32 / (layers - 1) as f32;
        let base = height * (0.4 + 0.5 * near.powf(1.2));
        let tall = height * (0.26 - 0.08 * near);
        let cells = 2.0 + 2.0 * near;
        let line = ridge(random, canvas.width, cells * width / height.max(1.0), 7, 0.47, true);
        let body = palette.tone(3.0 - 2.95 * near.powf(0.8));
        let mist = mix(palette.tone(3.7), palette.tone(2.2), near);
        for x in 0..canvas.width {
            let crest = base - (line[x] - 0.35) * tall;
            for y in crest.max(0.0) as usize..canvas.height {
                let below = y as f32 - crest;
                let grain = (texture.pixel(x, y) - 0.5) * (0.35 * near);
                let lifted = step(0.0, tall * 1.5, below + grain * 40.0) * (0.75 - 0.5 * near);
                let lit = mix(body, palette.light(), (grain * 0.35).max(0.0));
                canvas.cover(x, y, mix(lit, mist, lifted), below.clamp(0.0, 1.0));
            }
        }
    }
}

pub(super) fn dunes(canvas: &mut Canvas, palette: &Palette, random: &mut Random) {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let radius = canvas.unit() * random.between(0.05, 0.09);
    let left = random.unit() < 0.5;
    let side = if left { random.between(0.16, 0.36) } else { random.between(0.64, 0.84) };
    let disc = Disc { x: width * side, y: height * random.between(0.16, 0.3), radius };
    gradient(canvas, palette, (1.6, 3.9), height * 0.5);
    shine(canvas, disc, palette.light(), 0.5, canvas.height);
    let relief = Field::fractal(random, canvas.size(), (2.5 * width / height, 4.0), 4, 0.45);
    let layers = 5;
    for layer in 0..layers {
        let near = layer as f32 / (layers - 1) as f32;
        let base = height * (0.42 + 0.5 * near.powf(1.15));
        let tall = height * (0.1 + 0.2 * near);
        let line = ridge(random, canvas.width, (2.6 - 1.4 * near) * width / height, 2, 0.35, true);
        let haze = 1.0 - near;
        let (shadow, lit) = (palette.tone(0.5 + 1.8 * haze), palette.tone(2.7 + 0.9 * haze));
        let reach = (canvas.width / 40).max(1);
        for x in 0..canvas.width {
            let crest = base - (line[x] - 0.3) * tall;
            let ahead = line[(x + reach).min(canvas.width - 1)] - line[x.saturating_sub(reach)];
            let slope = if left { -ahead } else { ahead };
            for y in crest.max(0.0) as usize..canvas.height {
                let below = (y as f32 - crest) / tall;
                // The lee side starts sharp at the crest and its edge wanders as it comes down.
                let wander = relief.pixel(x, y) - 0.5;
                let light = step(-0.16, 0.2, -slope * 1.8 + wander * (0.25 + 0.6 * below.min(1.0)) + 0.05);
                let ripple =
                    (below * (34.0 - 14.0 * haze) + relief.pixel(x, y) * 30.0).sin() * 0.05 * near * step(0.05, 0.4, below);
                let fall = 0.22 * step(0.0, 1.6, below);
                let colour = mix(shadow, lit, (light * (1.0 - fall) + ripple).clamp(0.0, 1.0));
                canvas.cover(x, y, colour, (y as f32 - crest).clamp(0.0, 1.0));
            }
        }
    }
}

/// Dark at the crest, paper again at the foot: each layer is one stroke of a wet brush.
pub(super) fn ink_wash(canvas: &mut Canvas, palette: &Palette, random: &mut Random) {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let paper = palette.tone(3.95);
    let fibre = Field::fractal(random, canvas.size(), (70.0 * width / height, 90.0), 2, 0.6);
    let wash = Field::fractal(random, canvas.size(), (5.0 * width / height, 5.0), 6, 0.55);
    for y in 0..canvas.height {
        for x in 0..canvas.width {
            canvas.set(x, y, mix(paper, palette.tone(3.0), 0.1 * fibre.pixel(x, y) + 0.12 * wash.pixel(x, y)));
        }
    }
    let radius = canvas.unit() * random.between(0.07, 0.12);
    let disc = Disc { x: width * random.between(0.25, 0.75), y: height * random.between(0.2, 0.34), radius };
    for y in 0..canvas.height {
        for x in 0..canvas.width {
            let away = ((x as f32 - disc.x).powi(2) + (y as f32 - disc.y).powi(2)).sqrt() + (fibre.pixel(x, y) - 0.5) * 5.0;
            canvas.cover(x, y, palette.light(), step(1.5, -1.5, away - radius) * (0.78 + 0.2 * wash.pixel(x, y)));
        }
    }
    let layers = 5;
    for layer in 0..layers {
        let near = layer as f32 / (layers - 1) as f32;
        let base = height * (0.4 + 0.46 * near);
        let tall = height * random.between(0.22, 0.34);
        let cells = random.between(1.6, 3.2) * width / height;
        let line = ridge(random, canvas.width, cells, 7, 0.5, true);
        let ink = palette.tone(2.4 - 2.3 * near);
        for x in 0..canvas.width {
            let crest = base - (line[x] - 0.3) * tall;
            for y in crest.max(0.0) as usize..canvas.height {
                let below = y as f32 - crest;
                let wet = wash.pixel(x, y);
                let fade = 1.0 - step(0.0, tall * (0.45 + 0.5 * wet), below);
                let dry = 0.55 + 0.45 * step(0.3, 0.6, wet + 0.3 * (fibre.pixel(x, y) - 0.5));
                let strength = fade * dry * (0.42 + 0.5 * near) * (below * 0.7).clamp(0.0, 1.0);
                canvas.cover(x, y, ink, strength);
            }
        }
    }
}
