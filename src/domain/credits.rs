//! What people spend.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A whole number of credits. Arithmetic is checked: an amount that does not fit is an error, never a wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Credits(pub i64);

impl Credits {
    /// None at all.
    pub const ZERO: Self = Self(0);

    /// The sum, if it fits.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, if it fits.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// `count` times this price, if it fits.
    pub const fn checked_mul(self, count: i64) -> Option<Self> {
        match self.0.checked_mul(count) {
            Some(product) => Some(Self(product)),
            None => None,
        }
    }
}

impl fmt::Display for Credits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cr_13_every_sum_difference_and_product_is_exact_or_refused(one: i64, other: i64) {
            let (wide, others) = (i128::from(one), i128::from(other));
            let exact = |wide: i128| i64::try_from(wide).ok().map(Credits);
            prop_assert_eq!(Credits(one).checked_add(Credits(other)), exact(wide + others));
            prop_assert_eq!(Credits(one).checked_sub(Credits(other)), exact(wide - others));
            prop_assert_eq!(Credits(one).checked_mul(other), exact(wide * others));
        }
    }

    #[test]
    fn arithmetic_that_does_not_fit_is_refused() {
        assert_eq!(Credits(i64::MAX).checked_add(Credits(1)), None);
        assert_eq!(Credits(i64::MIN).checked_sub(Credits(1)), None);
        assert_eq!(Credits(i64::MAX).checked_mul(2), None);
        assert_eq!(Credits(3).checked_mul(4), Some(Credits(12)));
    }
}
