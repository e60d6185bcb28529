//! What the pictures show.

mod flow;
mod land;
mod night;
mod sea;

use super::{
    canvas::Canvas,
    mentions,
    noise::{Field, Random, step},
    palette::{Colour, Palette, mix},
};

/// A composition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    /// A sun over water.
    Sea,
    /// Ridge behind ridge in the haze.
    Mountains,
    /// Dunes in a low light.
    Dunes,
    /// Stars over a dark ridge and its lake.
    Night,
    /// Curtains of light over the same.
    Aurora,
    /// Ink in water.
    Flow,
    /// Mountains washed on paper.
    InkWash,
}

impl Scene {
    /// Where a prompt names two, the earlier one wins.
    const ALL: [Self; 7] = [Self::InkWash, Self::Aurora, Self::Night, Self::Sea, Self::Mountains, Self::Dunes, Self::Flow];

    /// The one the prompt names, if it names one; otherwise any.
    pub(super) fn of(prompt: &str, random: &mut Random) -> Self {
        let prompt = prompt.to_lowercase();
        let named = Self::ALL.into_iter().find(|scene| scene.words().iter().any(|word| mentions(&prompt, word)));
        named.unwrap_or(Self::ALL[random.below(Self::ALL.len())])
    }

    const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Sea => &["sea", "ocean", "wave", "beach", "lighthouse", "harbour", "lake", "海", "波", "湖"],
            Self::Mountains => &["mountain", "valley", "forest", "hill", "fog", "mist", "山", "森", "霧"],
            Self::Dunes => &["desert", "dune", "sand", "砂"],
            Self::Night => &["night", "star", "moon", "galaxy", "space", "夜", "星", "月"],
            Self::Aurora => &["aurora", "northern", "オーロラ"],
            Self::Flow => &["abstract", "marble", "liquid", "pattern", "texture", "抽象"],
            Self::InkWash => &["ink", "sumi", "brush", "paper", "drawing", "墨", "水墨"],
        }
    }

    pub(super) fn paint(self, canvas: &mut Canvas, palette: &Palette, random: &mut Random) {
        match self {
            Self::Sea => sea::paint(canvas, palette, random),
            Self::Mountains => land::mountains(canvas, palette, random),
            Self::Dunes => land::dunes(canvas, palette, random),
            Self::Night => night::paint(canvas, palette, random, false),
            Self::Aurora => night::paint(canvas, palette, random, true),
            Self::Flow => flow::paint(canvas, palette, random),
            Self::InkWash => land::ink_wash(canvas, palette, random),
        }
    }
}

/// A sun or moon, in pixels.
#[derive(Clone, Copy)]
struct Disc {
    x: f32,
    y: f32,
    radius: f32,
}

/// Fills the canvas from `top` to `bottom` of the ramp, the change gathering towards the `horizon`.
fn gradient(canvas: &mut Canvas, palette: &Palette, (top, bottom): (f32, f32), horizon: f32) {
    for y in 0..canvas.height {
        let t = (y as f32 / horizon).min(1.0);
        let colour = palette.tone(top + (bottom - top) * (0.35 * t + 0.65 * t * t));
        for x in 0..canvas.width {
            canvas.set(x, y, colour);
        }
    }
}

/// The glow of a disc over everything above `until`, and the disc itself.
fn shine(canvas: &mut Canvas, disc: Disc, light: Colour, glow: f32, until: usize) {
    let reach = disc.radius * 2.4;
    for y in 0..until.min(canvas.height) {
        let dy = y as f32 - disc.y;
        for x in 0..canvas.width {
            let dx = x as f32 - disc.x;
            let square = dx * dx + dy * dy;
            canvas.shine(x, y, light, glow / (1.0 + square / (reach * reach)));
        }
    }
    let rows =
        (disc.y - disc.radius - 2.0).max(0.0) as usize..((disc.y + disc.radius + 2.0).max(0.0) as usize).min(canvas.height);
    for y in rows.take_while(|y| *y < until) {
        for x in
            (disc.x - disc.radius - 2.0).max(0.0) as usize..((disc.x + disc.radius + 2.0).max(0.0) as usize).min(canvas.width)
        {
            let away = ((x as f32 - disc.x).powi(2) + (y as f32 - disc.y).powi(2)).sqrt();
            canvas.cover(x, y, light, step(1.2, -1.2, away - disc.radius));
        }
    }
}

/// Clouds with a lit and a shaded side, thinning out towards `horizon`.
fn clouds(canvas: &mut Canvas, palette: &Palette, random: &mut Random, disc: Disc, horizon: f32) {
    let size = canvas.size();
    let ratio = size.0 as f32 / size.1 as f32;
    let shape = Field::fractal(random, size, (2.2 * ratio, 5.0), 6, 0.52);
    let warp = Field::fractal(random, size, (2.0 * ratio, 3.0), 3, 0.5);
    let amount = random.between(0.44, 0.58);
    let (reach, near) = (canvas.unit() * 0.16, canvas.unit() * 0.014);
    let (shade, lit, edge) = (palette.tone(1.5), palette.tone(3.3), mix(palette.tone(3.9), palette.light(), 0.5));
    for y in 0..(horizon as usize).min(size.1) {
        let t = y as f32 / horizon;
        // Clouds lie high and again low over the horizon, in flat bands.
        let cover = amount + 0.1 * (t - 0.3).abs() + 0.08 * step(0.85, 1.0, t);
        let down = ((disc.y - y as f32) / near / 6.0).clamp(-1.0, 1.0) * near;
        for x in 0..size.0 {
            let bend = (warp.pixel(x, y) - 0.5) * reach;
            let (px, py) = (x as f32 + bend, y as f32 + bend * 0.5);
            let here = shape.at(px, py);
            if here <= cover {
                continue;
            }
            let toward = ((disc.x - px) / near / 6.0).clamp(-1.0, 1.0) * near;
            let relief = ((here - shape.at(px + toward, py + down)) * 5.0 + 0.45).clamp(0.0, 1.0);
            let thick = step(cover, cover + 0.22, here);
            let away = ((px - disc.x).abs() + (py - disc.y).abs()) / (canvas.unit() * 0.9);
            let colour = mix(mix(shade, lit, relief), edge, (relief * (1.0 - away)).max(0.0));
            canvas.cover(x, y, colour, thick * 0.82);
        }
    }
}
