//! Ink in water: noise bent by noise, drawn like marbled paper.

use crate::server::sandbox::picture::{
    canvas::Canvas,
    noise::{Field, Random, step},
    palette::{Palette, mix},
};

pub(super) fn paint(canvas: &mut Canvas, palette: &Palette, random: &mut Random) {
    let size = canvas.size();
    let ratio = size.0 as f32 / size.1 as f32;
    let cells = random.between(1.6, 2.6);
    let first = Field::fractal(random, size, (cells * ratio, cells), 3, 0.45);
    let second = Field::fractal(random, size, (cells * ratio, cells), 3, 0.45);
    let body = Field::fractal(random, size, (cells * ratio, cells), 5, 0.5);
    let reach = canvas.unit() * random.between(0.7, 1.1);
    let table = palette.table();
    let light = palette.light();
    let bands = random.between(3.0, 5.0);
    let mut heights = vec![0.0_f32; size.0 * size.1];
    for y in 0..size.1 {
        for x in 0..size.0 {
            let (a, b) = (first.pixel(x, y) - 0.5, second.pixel(x, y) - 0.5);
            // Bent twice: the second bend reads the first one's place, which draws the long threads.
            let (px, py) = (x as f32 + a * reach, y as f32 + b * reach);
            let (c, d) = (second.at(px, py) - 0.5, first.at(py, px) - 0.5);
            heights[y * size.0 + x] = body.at(px + c * reach, py + d * reach);
        }
    }
    for y in 0..size.1 {
        for x in 0..size.0 {
            let here = heights[y * size.0 + x];
            let corner = heights[y.saturating_sub(2) * size.0 + x.saturating_sub(2)];
            let relief = (here - corner).clamp(-0.08, 0.08);
            let fold = (here * bands).fract();
            let tone = (here * 0.72 + 0.28 * fold).clamp(0.0, 0.999);
            let mut colour = table[(tone * 255.0) as usize];
            // The rim of each band catches the light.
            let rim = step(0.9, 0.985, fold);
            colour = mix(colour, light, rim * 0.55);
            let shade = relief * 4.0;
            colour = mix(colour, if shade > 0.0 { light } else { table[0] }, shade.abs() * 0.9);
            canvas.set(x, y, colour);
        }
    }
}
