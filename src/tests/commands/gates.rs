//! What decides how many may go, in memory: allowances, one bucket of paid calls, pauses.

use atelier::domain::Timestamp;
use atelier::server::generation::{Caps, Lesson};
use std::collections::BTreeMap;

/// A call is so many parts of the bucket, and a millisecond refills as many parts as calls are allowed a minute.
const CALL: i64 = 60_000;
/// Failures in a row that break the circuit, the first wait then and the longest.
const BREAKS_AT: i64 = 5;
const FIRST_WAIT_MS: i64 = 2_000;
const LONGEST_WAIT_MS: i64 = 60_000;
/// Between two tries while the account is refused, and how long the one who tries has.
const ACCOUNT_MS: i64 = 60_000;
const PROBE_MS: i64 = 30_000;

/// Everything that keeps all processes from calling.
#[derive(Clone, Debug, PartialEq)]
pub struct Gates {
    pub caps: Caps,
    pub parts: i64,
    pub refilled_at: Timestamp,
    pub blocked_until: Timestamp,
    pub pauses: BTreeMap<Scope, Pause>,
}

/// What a pause stops. The last two are met by calls, the others made by an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Global,
    Model,
    Person(usize),
    Account,
    Provider,
}

/// `until` is `None` when somebody has to lift it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    pub until: Option<Timestamp>,
    pub failures: i64,
}

impl Gates {
    /// How many may go now, with so many in flight.
    pub fn free(&self, in_flight: i64, now: Timestamp) -> i64 {
        let everybody = [Scope::Global, Scope::Model, Scope::Account];
        let broken = self.breaks() && self.is_closed(Scope::Provider, now);
        if self.blocked_until > now || broken || everybody.iter().any(|scope| self.is_closed(*scope, now)) {
            return 0;
        }
        let free = (self.refilled(now) / CALL).min(self.caps.in_flight - in_flight);
        if self.is_probed() { free.min(1) } else { free }
    }

    pub fn is_closed(&self, scope: Scope, now: Timestamp) -> bool {
        self.pauses.get(&scope).is_some_and(|pause| pause.until.is_none_or(|until| until > now))
    }

    /// Whether a call that goes well has something to put right.
    pub fn is_troubled(&self) -> bool {
        self.pauses.contains_key(&Scope::Account) || self.pauses.contains_key(&Scope::Provider)
    }

    /// So many went.
    pub fn let_in(&mut self, calls: i64, now: Timestamp) {
        (self.parts, self.refilled_at) = (self.refilled(now) - calls * CALL, now);
        if self.is_probed() {
            for scope in [Scope::Account, Scope::Provider] {
                self.pauses.entry(scope).and_modify(|pause| pause.until = Some(now.plus_ms(PROBE_MS)));
            }
        }
    }

    pub fn learn(&mut self, lesson: Lesson, now: Timestamp) {
        match lesson {
            Lesson::Well => self.pauses.retain(|scope, _| !matches!(scope, Scope::Account | Scope::Provider)),
            Lesson::Throttled(until) => {
                (self.parts, self.refilled_at, self.blocked_until) = (0, now, self.blocked_until.max(until));
            }
            Lesson::AccountRefused => self.fail(Scope::Account).until = Some(now.plus_ms(ACCOUNT_MS)),
            Lesson::Unreachable => {
                let pause = self.fail(Scope::Provider);
                if pause.failures >= BREAKS_AT {
                    let doubled = FIRST_WAIT_MS << (pause.failures - BREAKS_AT).min(10);
                    pause.until = Some(now.plus_ms(doubled.min(LONGEST_WAIT_MS)));
                }
            }
        }
    }

    fn fail(&mut self, scope: Scope) -> &mut Pause {
        let pause = self.pauses.entry(scope).or_insert(Pause { until: Some(Timestamp(0)), failures: 0 });
        pause.failures += 1;
        pause
    }

    /// Whether the circuit to Replicate is broken.
    fn breaks(&self) -> bool {
        self.pauses.get(&Scope::Provider).is_some_and(|pause| pause.failures >= BREAKS_AT)
    }

    /// Whether one is let through to try before others follow.
    fn is_probed(&self) -> bool {
        self.pauses.contains_key(&Scope::Account) || self.breaks()
    }

    fn refilled(&self, now: Timestamp) -> i64 {
        let per_minute = self.caps.creates_per_minute;
        (self.parts + now.since(self.refilled_at).max(0) * per_minute).min(per_minute * CALL)
    }
}
