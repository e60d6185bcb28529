//! Chance that can be repeated, and smooth fields made of it.

/// A stream of numbers that depends on nothing but what it was made from (`SplitMix64`).
pub(in crate::server::sandbox) struct Random(u64);

impl Random {
    pub(in crate::server::sandbox) fn new(text: &str, seed: u64, index: u32) -> Self {
        // FNV-1a, then the numbers.
        let hash =
            text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut random = Self(hash ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (u64::from(index) << 40));
        random.next();
        random
    }

    pub(in crate::server::sandbox) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to 1.
    pub(in crate::server::sandbox) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 16_777_216.0
    }

    pub(in crate::server::sandbox) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    pub(in crate::server::sandbox) fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }
}

/// A smooth random height for every point of the canvas, about 0 to 1.
pub(super) struct Field {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Field {
    /// Octaves of value noise: the first has `across` by `down` cells, each next twice as many at `gain` of the strength.
    pub(super) fn fractal(random: &mut Random, size: (usize, usize), cells: (f32, f32), octaves: u32, gain: f32) -> Self {
        let mut field = Self { width: size.0, height: size.1, values: vec![0.0; size.0 * size.1] };
        let (mut across, mut down) = cells;
        let (mut strength, mut total) = (1.0, 0.0);
        for _ in 0..octaves {
            field.add(random, across, down, strength);
            total += strength;
            strength *= gain;
            across *= 2.0;
            down *= 2.0;
        }
        for value in &mut field.values {
            // Sums of octaves crowd around the middle; spread them out.
            *value = ((*value / total - 0.5) * 1.7 + 0.5).clamp(0.0, 1.0);
        }
        field
    }

    /// One octave: a row of the grid is blended downwards once, then spread across.
    fn add(&mut self, random: &mut Random, across: f32, down: f32, strength: f32) {
        let columns = across.ceil() as usize + 2;
        let rows = down.ceil() as usize + 2;
        let mut grid = vec![0.0_f32; columns * rows];
        for value in &mut grid {
            *value = random.unit() * strength;
        }
        let steps: Vec<(usize, f32)> = (0..self.width).map(|x| cell(x, self.width, across)).collect();
        let mut blended = vec![0.0_f32; columns];
        for y in 0..self.height {
            let (row, weight) = cell(y, self.height, down);
            let (upper, lower) = grid[row * columns..(row + 2) * columns].split_at(columns);
            for column in 0..columns {
                blended[column] = upper[column] + (lower[column] - upper[column]) * weight;
            }
            let line = &mut self.values[y * self.width..(y + 1) * self.width];
            for x in 0..line.len() {
                let (column, weight) = steps[x];
                let left = blended[column];
                line[x] += left + (blended[column + 1] - left) * weight;
            }
        }
    }

    /// The value at a pixel.
    pub(super) fn pixel(&self, x: usize, y: usize) -> f32 {
        self.values[y * self.width + x]
    }

    /// The value between pixels; what lies outside is the inside, reflected.
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (reflect(x, self.width), reflect(y, self.height));
        let (column, row) = (x as usize, y as usize);
        let (right, below) = ((column + 1).min(self.width - 1), (row + 1).min(self.height - 1));
        let (wx, wy) = (x - column as f32, y - row as f32);
        let upper = self.values[row * self.width + column];
        let upper = upper + (self.values[row * self.width + right] - upper) * wx;
        let lower = self.values[below * self.width + column];
        let lower = lower + (self.values[below * self.width + right] - lower) * wx;
        upper + (lower - upper) * wy
    }
}

fn reflect(place: f32, length: usize) -> f32 {
    let last = (length - 1) as f32;
    let inside = place.abs();
    if inside > last { (2.0 * last - inside).max(0.0) } else { inside }
}

fn cell(at: usize, length: usize, cells: f32) -> (usize, f32) {
    let place = at as f32 / length as f32 * cells;
    let cell = place as usize;
    (cell, smooth(place - cell as f32))
}

/// A line of heights across the canvas, about 0 to 1: `sharp` folds it into crests.
pub(super) fn ridge(random: &mut Random, width: usize, cells: f32, octaves: u32, gain: f32, sharp: bool) -> Vec<f32> {
    let field = Field::fractal(random, (width, 1), (cells, 1.0), octaves, gain);
    let fold = |value: f32| if sharp { 1.0 - (value * 2.0 - 1.0).abs() } else { value };
    field.values.into_iter().map(fold).collect()
}

fn smooth(t: f32) -> f32 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

/// 0 below `low`, 1 above `high`, a soft slope between.
pub(super) fn step(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
