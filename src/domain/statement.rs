//! Which lines of a statement are wanted, as its address says it.

/// The lines of one kind, or all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatementFilter {
    /// Every line.
    #[default]
    All,
    /// Credits that were given.
    Added,
    /// Generations that were paid for.
    Spent,
    /// Credits that were held and came back, whole or in part.
    Returned,
}

impl StatementFilter {
    /// All of them, as the page offers them.
    pub const ALL: [Self; 4] = [Self::All, Self::Added, Self::Spent, Self::Returned];

    /// The word in an address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Added => "added",
            Self::Spent => "spent",
            Self::Returned => "returned",
        }
    }

    /// Reads an address; what it does not know is every line.
    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|filter| filter.as_str() == text).unwrap_or_default()
    }
}
