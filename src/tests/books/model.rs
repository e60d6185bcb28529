//! The books as they ought to be, in memory: what each verb promises, and nothing of how it keeps it.

use std::collections::{BTreeMap, BTreeSet};

/// A verb of the ledger with everything it is told. People, generations and grants go by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Grant { person: usize, reference: usize, amount: i64 },
    Hold { person: usize, generation: usize, unit_price: i64, count: i64 },
    Capture { generation: usize, delivered: i64 },
    Release { generation: usize },
}

/// What a verb answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Done,
    Taken(i64),
    Insufficient(i64),
    NotOpen,
    /// It was done before.
    Again,
    /// It makes no sense, and the database says so.
    Impossible,
}

impl Answer {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Taken(_) => "taken",
            Self::Insufficient(_) => "insufficient",
            Self::NotOpen => "not open",
            Self::Again => "again",
            Self::Impossible => "impossible",
        }
    }
}

/// What somebody has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub posted: i64,
    pub held: i64,
    pub entries: i64,
}

/// Credits set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    pub person: usize,
    pub unit_price: i64,
    pub amount: i64,
    pub end: Option<i64>,
}

/// Everything.
#[derive(Clone, Debug, Default)]
pub struct Books {
    pub accounts: Vec<Account>,
    pub holds: BTreeMap<usize, Hold>,
    grants: BTreeSet<usize>,
}

impl Books {
    pub fn new(people: usize) -> Self {
        Self { accounts: vec![Account::default(); people], ..Self::default() }
    }

    pub fn available(&self, person: usize) -> i64 {
        self.accounts[person].posted - self.accounts[person].held
    }

    /// Does what a verb says, or answers why not and changes nothing.
    pub fn apply(&mut self, verb: Verb) -> Answer {
        match verb {
            Verb::Grant { person, reference, amount } => {
                if !self.grants.insert(reference) {
                    return Answer::Again;
                }
                self.accounts[person].posted += amount;
                self.accounts[person].entries += 1;
                Answer::Done
            }
            Verb::Hold { person, generation, unit_price, count } => {
                if self.holds.contains_key(&generation) {
                    return Answer::Again;
                }
                let (amount, available) = (unit_price * count, self.available(person));
                if available < amount {
                    return Answer::Insufficient(available);
                }
                self.accounts[person].held += amount;
                self.holds.insert(generation, Hold { person, unit_price, amount, end: None });
                Answer::Done
            }
            Verb::Capture { generation, delivered } => {
                let Some(hold) = self.holds.get_mut(&generation).filter(|hold| hold.end.is_none()) else {
                    return Answer::NotOpen;
                };
                if delivered == 0 {
                    return Answer::Impossible;
                }
                let taken = (hold.unit_price * delivered).min(hold.amount);
                hold.end = Some(taken);
                let account = &mut self.accounts[hold.person];
                account.held -= hold.amount;
                account.posted -= taken;
                account.entries += 1;
                Answer::Taken(taken)
            }
            Verb::Release { generation } => {
                let Some(hold) = self.holds.get_mut(&generation).filter(|hold| hold.end.is_none()) else {
                    return Answer::NotOpen;
                };
                hold.end = Some(0);
                self.accounts[hold.person].held -= hold.amount;
                Answer::Done
            }
        }
    }
}
