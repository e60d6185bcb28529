//! Chance that is the same for the same seed, on every machine and for ever: `SplitMix64`, written out.

/// A sequence of numbers that looks like chance.
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to one less than `end`.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).expect("a number of things");
        usize::try_from(self.next() % end).expect("below a usize")
    }

    /// From `least` to `most`.
    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        let span = u64::try_from(most - least).expect("least is not more than most") + 1;
        least + i64::try_from(self.next() % span).expect("within the span")
    }

    /// Whether something happens that happens so often in a thousand times.
    pub fn chance(&mut self, in_a_thousand: i64) -> bool {
        self.between(0, 999) < in_a_thousand
    }
}
