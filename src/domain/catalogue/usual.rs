//! How long a model usually takes, by what this house has seen of it. With too little seen nothing is said.

/// Fewer runs than this tell nothing.
const FEWEST: usize = 5;

/// Half of the runs were done after `from`, nine of ten after `to`; whole seconds, begun ones counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usual {
    /// The median.
    pub from: i64,
    /// The ninetieth percentile.
    pub to: i64,
}

impl Usual {
    /// Of how many milliseconds each run took; `None` when there were too few.
    pub fn of(mut took: Vec<i64>) -> Option<Self> {
        took.sort_unstable();
        // The nearest rank: a time that a run really took.
        let at = |percent: usize| took.get((took.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        let seconds = |milliseconds: i64| (milliseconds.max(1) + 999) / 1_000;
        let (half, most) = (at(50)?, at(90)?);
        (took.len() >= FEWEST).then_some(Self { from: seconds(half), to: seconds(most) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_runs_tell_nothing_and_five_do() {
        assert_eq!(Usual::of(Vec::new()), None);
        assert_eq!(Usual::of(vec![1_000; 4]), None);
        assert_eq!(Usual::of(vec![1_000; 5]), Some(Usual { from: 1, to: 1 }));
    }

    #[test]
    fn the_median_and_the_ninetieth_are_times_that_were_seen() {
        let took = (1..=10).rev().map(|n| n * 1_000 - 500).collect();
        assert_eq!(Usual::of(took), Some(Usual { from: 5, to: 9 }));
        assert_eq!(Usual::of(vec![0, 0, 0, 0, 90_001]), Some(Usual { from: 1, to: 91 }), "of five the ninetieth is the last");
    }
}
