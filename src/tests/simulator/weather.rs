//! How bad a life is: how often each thing goes wrong, and when it storms. A function of the seed.

use super::dice::Dice;

/// Trouble that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storm {
    /// Replicate answers 429 to everything.
    Throttling,
    /// Replicate answers 5xx to everything; half of the paid calls have made their prediction by then.
    Errors,
    /// Replicate refuses our account.
    Account,
    /// The object store takes nothing.
    StoreAway,
}

/// How often things go wrong, in a thousand times, unless it says otherwise.
pub struct Weather {
    /// A connection is refused: nothing was sent.
    pub refused: i64,
    /// A call never arrives.
    pub lost_call: i64,
    /// A call arrives when nobody waits for it any more.
    pub late_call: i64,
    /// An answer never arrives.
    pub lost_answer: i64,
    /// 5xx after the work was done.
    pub failed_answer: i64,
    /// A prediction is in the list only a while after it was made.
    pub list_lag: i64,
    /// A worker dies at an await.
    pub death: i64,
    /// A worker freezes at an await.
    pub freeze: i64,
    /// A commit fails.
    pub failed_commit: i64,
    /// A commit succeeds and its caller hears that it failed.
    pub unheard_commit: i64,
    /// A download breaks off, or arrives cut.
    pub bad_fetch: i64,
    /// Nobody hears that a row has changed.
    pub lost_news: i64,
    /// A person stops what they asked for.
    pub stops: i64,
    /// What a worker's clock may be off by, in milliseconds. More is the business of whoever hands the worker its clock.
    pub skew_ms: i64,
    /// When each worker dies, freezes, restarts or has its clock set: moments, and how long a freeze lasts.
    pub calamities: Vec<(i64, usize, Calamity)>,
    storms: Vec<(Storm, i64, i64)>,
}

/// What befalls a worker.
#[derive(Clone, Copy, Debug)]
pub enum Calamity {
    /// It dies and is started again this much later.
    Death { back_in_ms: i64 },
    /// It does nothing for this long and does not know.
    Freeze { for_ms: i64 },
    /// It is told to stop, and started again this much later.
    Restart { back_in_ms: i64 },
    /// Its clock is set.
    Clock,
}

/// What weather there is where a house stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Climate {
    /// Each kind of trouble is absent, now and then, or frequent.
    Mixed,
    /// All of it, all the time.
    Rough,
}

impl Weather {
    /// Nothing goes wrong.
    pub const fn fair() -> Self {
        Self {
            refused: 0,
            lost_call: 0,
            late_call: 0,
            lost_answer: 0,
            failed_answer: 0,
            list_lag: 0,
            death: 0,
            freeze: 0,
            failed_commit: 0,
            unheard_commit: 0,
            bad_fetch: 0,
            lost_news: 0,
            stops: 0,
            skew_ms: 0,
            calamities: Vec::new(),
            storms: Vec::new(),
        }
    }

    /// What this seed's life is like, from a moment on over so long.
    pub fn of(dice: &mut Dice, climate: Climate, begin: i64, over_ms: i64) -> Self {
        // Each kind of trouble is absent, now and then, or frequent, so that no kind always hides another.
        let mut often = |most: i64| if climate == Climate::Rough { most } else { [0, most / 5, most][dice.below(3)] };
        let mut weather = Self {
            refused: often(100),
            lost_call: often(100),
            late_call: often(300),
            lost_answer: often(150),
            failed_answer: often(100),
            list_lag: often(600),
            death: often(8),
            freeze: often(8),
            failed_commit: often(20),
            unheard_commit: often(20),
            bad_fetch: often(250),
            lost_news: often(300),
            stops: often(300),
            skew_ms: often(2_000),
            calamities: Vec::new(),
            storms: Vec::new(),
        };
        for _ in 0..dice.below(4) {
            let kind = [Storm::Throttling, Storm::Errors, Storm::Account, Storm::StoreAway][dice.below(4)];
            let from = begin + dice.between(0, over_ms);
            weather.storms.push((kind, from, from + dice.between(2_000, 60_000)));
        }
        for _ in 0..dice.below(8) {
            let calamity = match dice.below(4) {
                0 => Calamity::Death { back_in_ms: dice.between(100, 20_000) },
                1 => Calamity::Freeze { for_ms: dice.between(1_000, 150_000) },
                2 => Calamity::Restart { back_in_ms: dice.between(100, 5_000) },
                _ => Calamity::Clock,
            };
            weather.calamities.push((begin + dice.between(0, over_ms), dice.below(6), calamity));
        }
        weather
    }

    /// Whether it storms now.
    pub fn storms(&self, kind: Storm, at: i64) -> bool {
        self.storms.iter().any(|(storm, from, to)| *storm == kind && (*from..*to).contains(&at))
    }
}
