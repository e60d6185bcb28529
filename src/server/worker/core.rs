//! The worker's judgement, without a single `await`: from a row and what just happened to the next row and its effects.
//!
//! [`plan`] says what to do with a row that was taken; [`step`] says what its outcome means. The worker, the tests and
//! any model checker drive these same two functions, so what is proved about them holds for the product. The rules:
//!
//! - a paid call is made once per intent; when its answer is lost, the row waits until nothing can be under way any
//!   more, then *looks* for the prediction, twice, before another may be bought;
//! - an end carries its money: succeeded captures what was kept, everything else releases the whole hold;
//! - a finished result is delivered even if it was being cancelled: it was paid for;
//! - a run on a server of our own costs nothing and is simply asked for again; only how often is bounded;
//! - nothing waits for ever: past the deadline the prediction is stopped, and what cannot be stopped is given up.

use crate::domain::{Failure, OutputKind, PriceRule, State, Timestamp};
use crate::server::cog::{self, NotRun};
use crate::server::generation::{Effects, Job, KeptOutput, Lesson, Money, Submission};
use crate::server::replicate::made::{self, Made};
use crate::server::replicate::{Error, Prediction, RunFailure, Status};
use std::time::Duration;

/// Predictions that one generation may cost us.
const PAID_BUDGET: i64 = 2;
/// Paid calls in all, with those whose answer was lost for good. Calls that certainly bought nothing do not count.
const CALL_BUDGET: i64 = 3;
/// Looks for a lost prediction before it is taken for never created; the list may lag.
const LOOKS: i64 = 2;
/// Between two looks.
const LOOK_AGAIN_MS: i64 = 30_000;
/// Leases that may run out on one row in a row before it is taken for something that kills workers. A row that is lost in
/// the company of others is not that: a drill that kills the product every second parked one in a hundred at five in all.
pub const LOST_LEASES: i64 = 10;
/// Goes at a file that arrives, but damaged, before it is taken for lost.
const FETCH_TRIES: i64 = 8;
/// The most files of one run that are kept, where the run is paid for and not each file.
const MOST_FILES: usize = 64;
/// Between two looks at what is being written.
const READ_ALONG_MS: i64 = 500;
/// The most bytes of what a model printed that are kept: the end of it.
const MOST_LOGS: usize = 64 * 1_024;
/// How long output links live after the end; Replicate deletes files after an hour.
const LINKS_LIVE_MS: i64 = 55 * 60 * 1_000;
/// Past its deadline by this much, a generation is given up even when Replicate cannot be asked: `Cancel-After` has
/// ended the run, and whatever it made has been deleted.
const GIVE_UP_MS: i64 = 60 * 60 * 1_000;

/// How a row came into a worker's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Just admitted: the intent was committed a moment ago, by this worker.
    Admitted,
    /// Claimed, because it was due and nobody held it.
    Claimed,
}

/// What to do with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make the paid call.
    Submit,
    /// Look whether the unanswered paid call made a prediction.
    Look,
    /// Ask how the prediction is doing.
    Poll,
    /// Ask Replicate to stop it.
    Cancel,
    /// Copy the outputs into our store.
    Store,
    /// Give a run on a server of our own its name.
    Begin,
    /// Ask that server, and listen until it answers.
    Run,
    /// Leave it to an operator.
    Park,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The paid call was answered, or not.
    Submitted(Result<Prediction, Error>),
    /// The intent had grown too old to send safely: nothing was sent.
    SentTooLate,
    /// What it works from could not be had just now, for a reason of our own: nothing was sent.
    NotReady(String),
    /// Somebody looked for the prediction of an unanswered call.
    Looked(Result<Option<Prediction>, Error>),
    /// Replicate answered about a prediction, or not.
    Seen(Result<Prediction, Error>),
    /// A run on a server of our own has a name; nothing was sent yet.
    Begun,
    /// That server took the run, and is at it.
    Running,
    /// What came of that run.
    Ran(Result<Prediction, NotRun>),
    /// One go at keeping the outputs.
    Stored(Stored),
    /// It was left to an operator.
    Parked,
}

/// What a go at keeping the outputs came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Outputs that are in the store, all goes together.
    pub kept: i64,
    /// Those of them that no row tells of yet.
    pub files: Vec<KeptOutput>,
    /// Outputs that are gone for certain.
    pub lost: i64,
    /// Outputs that did not arrive this time.
    pub unfetched: i64,
    /// Outputs that arrived and were not whole.
    pub damaged: i64,
    /// Outputs that are here, whole, and wait for our store. No link is needed for them any more.
    pub spooled: i64,
    /// Seconds of sound and film in what is kept, begun ones whole; `None` when no file tells.
    pub seconds: Option<i64>,
    /// Whether it was our own store that was away; that counts as nobody's failure.
    pub store_away: bool,
    /// Whether the store has been waited for as long as the operator wants to.
    pub out_of_patience: bool,
    /// The causes, for the operator.
    pub detail: Option<String>,
}

/// What to do with `job` now.
pub fn plan(job: &Job, taken: Taken, now: Timestamp) -> Action {
    if job.lost_leases >= LOST_LEASES {
        return Action::Park;
    }
    match (job.state, taken) {
        (State::Submitting, _) if job.endpoint.is_some() => Action::Begin,
        (State::Submitting, Taken::Admitted) => Action::Submit,
        (State::Submitting, Taken::Claimed) => Action::Look,
        (State::Waiting, _) if job.cancel_requested_at.is_some() || now >= job.deadline_at => Action::Cancel,
        (State::Waiting, _) if job.endpoint.is_some() => Action::Run,
        (State::Waiting, _) => Action::Poll,
        (State::Canceling, _) => Action::Cancel,
        (State::Storing, _) => Action::Store,
        _ => Action::Park,
    }
}

/// What `event` makes of the row as it was `before`: the row to write, and what goes with it.
pub fn step(before: &Job, event: Event, now: Timestamp) -> (Job, Effects) {
    // A step that was taken to its end has killed nobody.
    let job = Job { lease_owner: None, lease_until: Timestamp(0), lost_leases: 0, ..before.clone() };
    let mut next = Next { job, effects: Effects::default(), now };
    match event {
        Event::Submitted(Ok(prediction)) => {
            next.effects.lesson = Some(Lesson::Well);
            next.adopted(&prediction, Submission::Accepted);
        }
        Event::Submitted(Err(error)) => next.submit_failed(before, &error),
        Event::SentTooLate => next.not_sent("the intent was too old to send"),
        Event::NotReady(detail) => next.not_sent(&detail),
        Event::Looked(Ok(Some(prediction))) => next.adopted(&prediction, Submission::Found),
        Event::Looked(Ok(None)) => next.not_found(),
        Event::Looked(Err(error)) | Event::Seen(Err(error)) => next.unanswered(&error),
        Event::Seen(Ok(prediction)) => next.seen(&prediction),
        Event::Begun => next.begun(),
        Event::Running => next.running(),
        Event::Ran(Ok(prediction)) => next.ran(&prediction),
        Event::Ran(Err(why)) => next.not_run(&why),
        Event::Stored(stored) => next.stored(stored),
        Event::Parked => next.park("it was lost by its worker too often"),
    }
    // A file that came inside of the answer is kept by now, or given up; a row that nobody reads again need not carry it.
    if next.job.state.is_terminal() && next.job.prediction_output.as_ref().is_some_and(|links| links.contains("\"data:")) {
        next.job.prediction_output = None;
    }
    for text in [&mut next.job.failure_detail, &mut next.job.prediction_status, &mut next.effects.detail] {
        *text = text.as_deref().map(storable);
    }
    (next.job, next.effects)
}

/// The row being written.
struct Next {
    job: Job,
    effects: Effects,
    now: Timestamp,
}

impl Next {
    fn go(&mut self, state: State, in_ms: i64) {
        if state != self.job.state {
            self.job.step_try = 0;
        }
        self.job.state = state;
        self.job.run_at = self.now.plus_ms(in_ms);
    }

    /// Counts a failure of this step and comes back later.
    fn again(&mut self, first_ms: i64, longest_ms: i64) {
        let doubled = first_ms.saturating_mul(1 << self.job.step_try.clamp(0, 20));
        self.job.step_try += 1;
        let spread = jitter(self.job.id.as_str(), self.job.step_try);
        self.job.run_at = self.now.plus_ms(doubled.min(longest_ms) * spread / 100);
    }

    fn fail(&mut self, failure: Failure, detail: Option<String>) {
        self.go(State::Failed, 0);
        self.job.failure = Some(failure);
        self.job.failure_detail.clone_from(&detail);
        self.effects.detail = detail;
        self.effects.money = Some(Money::Release);
    }

    fn canceled(&mut self) {
        self.go(State::Canceled, 0);
        self.effects.money = Some(Money::Release);
    }

    fn park(&mut self, why: &str) {
        self.go(State::Parked, 0);
        self.effects.detail = Some(why.to_owned());
    }

    /// It was asked to stop, or its time is up: whichever it was, it ended without a result.
    fn stopped(&mut self, detail: Option<String>) {
        if self.job.cancel_requested_at.is_some() {
            self.canceled();
        } else {
            self.fail(Failure::Timeout, detail);
        }
    }

    fn submit_failed(&mut self, before: &Job, error: &Error) {
        let detail = error.to_string();
        match error {
            Error::NotSent(_) | Error::Setup(_) => {
                self.effects.lesson = Some(Lesson::Unreachable);
                self.not_sent(&detail);
            }
            // It is due again at once: the shared bucket and the pause keep it, and everybody else, from going.
            Error::Throttled { retry_after, .. } => {
                self.effects.lesson = Some(Lesson::Throttled(self.now.plus_ms(milliseconds(*retry_after))));
                self.requeue(Submission::Throttled, detail, 0);
            }
            Error::Account { .. } => {
                self.effects.lesson = Some(Lesson::AccountRefused);
                self.requeue(Submission::Refused, detail, 0);
            }
            Error::Invalid { .. } | Error::NotFound { .. } => {
                self.effects.lesson = Some(Lesson::Well);
                self.effects.submission = Some(Submission::Refused);
                self.fail(Failure::InvalidInput, Some(detail));
            }
            Error::Ambiguous(_) | Error::Unavailable(_) => {
                // The lease stays: until it runs out, the call may still be under way, and looking would be too early.
                self.job.lease_until = before.lease_until;
                self.effects.lesson = Some(Lesson::Unreachable);
                self.effects.submission = Some(Submission::Ambiguous);
                self.effects.detail = Some(detail);
            }
        }
    }

    fn not_sent(&mut self, detail: &str) {
        let tries = self.job.step_try;
        self.requeue(Submission::NotSent, detail.to_owned(), 0);
        self.job.step_try = tries;
        self.again(1_000, 60_000);
    }

    fn requeue(&mut self, outcome: Submission, detail: String, in_ms: i64) {
        self.effects.submission = Some(outcome);
        if self.job.cancel_requested_at.is_some() {
            self.canceled();
        } else {
            self.go(State::Queued, in_ms);
        }
        self.effects.detail = Some(detail);
    }

    fn adopted(&mut self, prediction: &Prediction, outcome: Submission) {
        self.effects.submission = Some(outcome);
        self.effects.prediction = Some(prediction.id.clone());
        self.job.paid_attempts += 1;
        self.job.prediction_id = Some(prediction.id.clone());
        self.go(State::Waiting, 0);
        self.seen(prediction);
    }

    fn not_found(&mut self) {
        self.job.reconciles += 1;
        self.job.given_up += i64::from(self.job.reconciles == LOOKS);
        if self.job.reconciles < LOOKS {
            self.job.run_at = self.now.plus_ms(LOOK_AGAIN_MS);
            return;
        }
        if self.may_buy_another() {
            self.requeue(Submission::GivenUp, "no prediction was found; another may be bought".to_owned(), 0);
        } else {
            self.effects.submission = Some(Submission::GivenUp);
            self.park("the budget of paid calls is spent");
        }
    }

    /// The name of a run is written down before it is sent, so that whoever comes after us can stop it.
    fn begun(&mut self) {
        let (name, tries) = (cog::name_of(&self.job.id, self.job.submit_seq), self.job.step_try);
        self.effects.submission = Some(Submission::Accepted);
        self.effects.prediction = Some(name.clone());
        self.job.prediction_id = Some(name);
        self.job.prediction_status = Some(Status::Starting.as_str().to_owned());
        self.go(State::Waiting, 0);
        self.job.step_try = tries;
    }

    fn running(&mut self) {
        self.job.prediction_status = Some(Status::Processing.as_str().to_owned());
        self.job.started_at = self.job.started_at.or(Some(self.now));
    }

    fn ran(&mut self, prediction: &Prediction) {
        self.job.paid_attempts += 1;
        // Stopped by nobody of ours, or together with its server: that says nothing about what was asked for.
        let stopped = matches!(prediction.status, Status::Canceled | Status::Aborted) && !self.is_to_stop();
        if stopped || cog::has_crashed(prediction) {
            return self.run_failed(RunFailure::Interrupted, prediction.error.clone());
        }
        self.seen(prediction);
    }

    fn not_run(&mut self, why: &NotRun) {
        let detail = why.to_string();
        match why {
            NotRun::Later(_) => {
                let tries = self.job.step_try;
                self.job.prediction_id = None;
                self.job.prediction_status = None;
                self.requeue(Submission::NotSent, detail, 0);
                self.job.step_try = tries;
                self.again(1_000, 10_000);
            }
            NotRun::Stopped => self.stopped(Some(detail)),
            NotRun::Refused(_) => self.fail(Failure::InvalidInput, Some(detail)),
            NotRun::Unusable(_) => self.fail(Failure::ModelFailed, Some(detail)),
            NotRun::Lost(_) => {
                self.job.paid_attempts += 1;
                self.run_failed(RunFailure::Interrupted, Some(detail));
            }
        }
    }

    /// Replicate did not answer a question. Asking again does no harm; only much later is it given up.
    fn unanswered(&mut self, error: &Error) {
        let detail = error.to_string();
        let gone = matches!(error, Error::NotFound { .. }) && self.job.step_try >= 3;
        if gone || self.now >= self.job.deadline_at.plus_ms(GIVE_UP_MS) {
            self.stopped(Some(detail));
        } else if let Error::Throttled { retry_after, .. } = error {
            self.job.run_at = self.now.plus_ms(milliseconds(*retry_after));
        } else {
            self.again(1_000, 30_000);
        }
    }

    fn seen(&mut self, prediction: &Prediction) {
        self.job.prediction_status = Some(prediction.status.as_str().to_owned());
        self.job.progress = prediction.progress().or(self.job.progress);
        self.job.started_at = self.job.started_at.or(prediction.started_at);
        self.written(prediction);
        if let Some(logs) = prediction.logs.as_deref().filter(|logs| !logs.is_empty()) {
            self.job.logs = Some(storable(end_of(logs, MOST_LOGS)));
        }
        match (&prediction.status, prediction.failure()) {
            (Status::Succeeded, _) => self.finished(prediction),
            (Status::Canceled | Status::Aborted, _) => self.stopped(prediction.error.clone()),
            (_, Some(failure)) => self.run_failed(failure, prediction.error.clone()),
            (Status::Starting | Status::Processing | Status::Failed | Status::Unknown(_), None) => {
                self.still_running(prediction.webhook.is_some());
            }
        }
    }

    /// What a model that writes has written so far.
    fn written(&mut self, prediction: &Prediction) {
        if self.job.output_kind == OutputKind::Text
            && let Some(text) = prediction.output.as_ref().and_then(|output| made::text(output, OutputKind::Text))
        {
            self.job.output_text = Some(storable(&text));
        }
    }

    fn still_running(&mut self, called: bool) {
        if self.now >= self.job.deadline_at.plus_ms(GIVE_UP_MS) {
            self.stopped(Some("it never ended".to_owned()));
        } else if self.is_to_stop() {
            // From a look at a `waiting` row this is the step towards stopping; there, it is another look.
            let in_ms = if self.job.state == State::Canceling { 500 } else { 0 };
            self.go(State::Canceling, in_ms);
        } else {
            let age_ms = self.now.since(self.job.submit_at.unwrap_or(self.now));
            let in_ms = match self.job.output_kind {
                // Somebody is reading along.
                OutputKind::Text => poll_after_ms(age_ms, called).min(READ_ALONG_MS),
                OutputKind::Files | OutputKind::Data => poll_after_ms(age_ms, called),
            };
            self.go(State::Waiting, in_ms);
            self.job.step_try = 0;
        }
    }

    fn finished(&mut self, prediction: &Prediction) {
        let most = match self.job.price_rule {
            PriceRule::Output => usize::try_from(self.job.count).unwrap_or(usize::MAX),
            PriceRule::Run | PriceRule::Second => MOST_FILES,
        };
        let made = prediction.output.as_ref().map(|output| Made::of(output, most)).unwrap_or_default();
        self.job.prediction_metrics = Some(prediction.metrics.to_string());
        if made.is_empty(self.job.output_kind) {
            return self.fail(Failure::ModelFailed, Some("it succeeded without an output".to_owned()));
        }
        self.job.prediction_output = Some(serde_json::json!(made.links).to_string());
        self.job.output_shape = Some(storable(&made.shape.to_string()));
        self.job.output_until = Some(prediction.completed_at.unwrap_or(self.now).plus_ms(LINKS_LIVE_MS));
        self.go(State::Storing, 0);
    }

    /// Whether nothing more is to be bought: it was asked to stop, or its time is up, by whichever worker's clock said so.
    fn is_to_stop(&self) -> bool {
        self.job.state == State::Canceling || self.job.cancel_requested_at.is_some() || self.now >= self.job.deadline_at
    }

    const fn may_buy_another(&self) -> bool {
        self.job.paid_attempts < PAID_BUDGET && self.job.paid_attempts + self.job.given_up < CALL_BUDGET
    }

    fn run_failed(&mut self, failure: RunFailure, detail: Option<String>) {
        let another = self.may_buy_another();
        match failure {
            RunFailure::Interrupted if self.is_to_stop() => self.stopped(detail),
            RunFailure::Interrupted if another => {
                self.go(State::Queued, 1_000);
                self.job.prediction_id = None;
                self.job.prediction_status = None;
                self.job.progress = None;
                self.job.logs = None;
                self.job.started_at = None;
                self.effects.detail = detail;
            }
            RunFailure::Interrupted => self.fail(Failure::ProviderBusy, detail),
            RunFailure::Safety => self.fail(Failure::Safety, detail),
            RunFailure::InvalidInput => self.fail(Failure::InvalidInput, detail),
            RunFailure::TimedOut => self.fail(Failure::Timeout, detail),
            RunFailure::Failed => self.fail(Failure::ModelFailed, detail),
        }
    }

    fn stored(&mut self, stored: Stored) {
        self.effects.detail.clone_from(&stored.detail);
        self.effects.files = stored.files;
        let links_dead = self.job.output_until.is_some_and(|until| self.now >= until);
        let tries_spent = stored.damaged > 0 && self.job.step_try + 1 >= FETCH_TRIES;
        let may_come = stored.unfetched + stored.damaged > 0 && !links_dead && !tries_spent;
        // Past the deadline too: the picture exists, and whoever paid for it still wants it.
        let waits_here = stored.spooled > 0 && !stored.out_of_patience;
        if may_come || waits_here {
            // While our own store is away, trying again and again would only keep others from their turn.
            let first_ms = if stored.store_away { 2_000 } else { 500 };
            self.again(first_ms, 30_000);
        } else if stored.kept > 0 {
            self.go(State::Succeeded, 0);
            let units = self.job.price_rule.units(self.job.count, stored.kept, stored.seconds);
            let delivered = self.job.unit_price.checked_mul(units);
            self.job.captured = delivered.map_or(self.job.price, |delivered| delivered.min(self.job.price));
            self.effects.money = Some(Money::Capture(units));
        } else {
            let failure = if stored.store_away { Failure::Internal } else { Failure::OutputLost };
            self.fail(failure, stored.detail.clone());
        }
    }
}

/// When to ask again about a run that began `age_ms` ago: often at first, because most pictures take seconds. When a
/// webhook is to tell of its start and end, asking is for the progress between, and for a webhook that never comes.
fn poll_after_ms(age_ms: i64, called: bool) -> i64 {
    if called { (age_ms / 3).clamp(2_000, 30_000) } else { (age_ms / 6).clamp(300, 10_000) }
}

/// 1 to 100 percent, the same for the same row and try, so that a step stays a pure function.
fn jitter(id: &str, step_try: i64) -> i64 {
    let sum = id.bytes().fold(step_try.unsigned_abs(), |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    1 + i64::try_from(sum % 100).unwrap_or(0)
}

/// The end of a text, of at most so many bytes, from the beginning of a line where there is one.
fn end_of(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let from = (text.len() - most..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let end = &text[from..];
    end.split_once('\n').map_or(end, |(_, whole)| whole)
}

/// What upstream said, as a database can keep it: PostgreSQL refuses U+0000.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
