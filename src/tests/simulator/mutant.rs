//! A house with one thought left out, to show that the simulator would notice.

/// What is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// A record names whatever lease the row has now, instead of the one its worker was given.
    StaleRecords,
    /// A call that timed out gives its row back at once.
    TimeoutEndsTheLease,
    /// A single look that finds nothing is believed.
    OneLook,
    /// Whoever takes over a row that was in its paid call makes the call again.
    CallsAgain,
    /// A step that stored nothing says that it stored everything.
    RowBeforeObject,
    /// Nobody ends what is past its deadline.
    NoSweep,
    /// Workers' clocks differ by minutes.
    ClocksApart,
}

impl Mutant {
    pub const ALL: [Self; 7] = [
        Self::StaleRecords,
        Self::TimeoutEndsTheLease,
        Self::OneLook,
        Self::CallsAgain,
        Self::RowBeforeObject,
        Self::NoSweep,
        Self::ClocksApart,
    ];
}
