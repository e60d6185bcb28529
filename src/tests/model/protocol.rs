//! What may happen next in a [`World`]: the workers' steps, Replicate's doings, people's wishes, and an adversary who
//! freezes and kills workers, loses and delays whatever is on its way, and lets time pass whenever it likes.
//!
//! The verbs that change the row are the statements of `server::generation` in small: the same guards, the same columns.

use super::world::{CALL_LIVES, Call, LEASE, LISTED_AT, Late, Made, Row, Run, SUBMIT_LEASE, Stage, Told, Worker, World};
use atelier::domain::State;
use atelier::server::generation::Money;
use atelier::server::worker::core::Action;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The product's protocol, or the product's with one thought left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// As it is.
    Whole,
    /// No intent: whoever takes up the row makes the call, and writes down afterwards that it did.
    MemoAfterTheCall,
    /// A row that may be in a paid call is taken up at any time.
    RescueAtAnyTime,
    /// The intent is written under the lease the row had: one that has run out.
    IntentKeepsTheOldLease,
    /// The lease ends with the call's timeout.
    TimeoutEndsTheLease,
    /// One look is believed.
    OneLook,
    /// A write names the state it leaves, but not the lease it was given.
    NoEpoch,
    /// A write names neither.
    NoFence,
}

/// One thing that happens. A number is a worker's, a call's or a prediction's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    Admit,
    Claim,
    Send(usize),
    SendFails(usize),
    SendTooLate(usize),
    Arrive(usize),
    Answer(usize),
    TimeOut(usize),
    Turn(usize, Refusal),
    /// Looks at a list that may not show what is new.
    Look(usize, Lag),
    Ask(usize),
    AskInVain(usize),
    AskAndLoseTheAnswer(usize),
    Keep(usize),
    Unkept(usize),
    Park(usize),
    Record(usize),
    Die(usize),
    End(usize, Run),
    Stop,
    Sweep,
    Tick,
    GrowLate,
    LinksDie,
}

/// How much of a life is walked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The paid call and its run; nobody stops it, it is never late, and no link dies.
    PaidCall,
    /// Everything.
    WholeLife,
}

/// How Replicate turns a paid call away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    Throttled,
    Invalid,
}

/// Whether the list shows what was made a moment ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lag {
    None,
    Some,
}

/// What may happen in this world.
pub fn deeds(protocol: Protocol, scope: Scope, world: &World, deeds: &mut Vec<Deed>) {
    let idle = world.workers.contains(&Worker::Idle);
    if idle && may_admit(world) {
        deeds.push(Deed::Admit);
    }
    if idle && may_claim(protocol, world) {
        deeds.push(Deed::Claim);
    }
    for (at, worker) in world.workers.iter().enumerate() {
        worker_deeds(world, at, worker, deeds);
    }
    deeds.extend(world.calls.iter().enumerate().filter(|(_, call)| call.is_some()).map(|(at, _)| Deed::Arrive(at)));
    for (at, made) in world.made.iter().enumerate() {
        if made.is_some_and(|made| made.run == Run::Running) {
            deeds.extend([Run::Succeeded, Run::Interrupted, Run::Broken].map(|run| Deed::End(at, run)));
            if world.when.late > Late::InTime {
                deeds.push(Deed::End(at, Run::Canceled));
            }
        }
    }
    deeds.push(Deed::Tick);
    if scope == Scope::WholeLife {
        deeds.extend([Deed::Stop, Deed::Sweep, Deed::GrowLate, Deed::LinksDie]);
    }
}

fn worker_deeds(world: &World, at: usize, worker: &Worker, deeds: &mut Vec<Deed>) {
    let Worker::Busy { job, admitted, age, stage, .. } = worker else { return };
    let faults = world.faults > 0;
    match stage {
        Stage::Told(_) => deeds.push(Deed::Record(at)),
        Stage::Calling(answer) => {
            deeds.push(Deed::TimeOut(at));
            if answer.is_some() {
                deeds.push(Deed::Answer(at));
            }
            if world.calls.iter().flatten().any(|call| call.seq == job.submit_seq) {
                deeds.push(Deed::Turn(at, Refusal::Invalid));
                deeds.extend(faults.then_some(Deed::Turn(at, Refusal::Throttled)));
            }
        }
        Stage::Begun => match job.plan(*admitted, world.when) {
            Action::Submit if *age > 0 => deeds.push(Deed::SendTooLate(at)),
            Action::Submit => {
                deeds.push(Deed::Send(at));
                deeds.extend(faults.then_some(Deed::SendFails(at)));
            }
            Action::Look => {
                deeds.extend([Deed::Look(at, Lag::None), Deed::Look(at, Lag::Some)]);
                deeds.extend(faults.then_some(Deed::AskInVain(at)));
            }
            Action::Poll => {
                deeds.push(Deed::Ask(at));
                deeds.extend(faults.then_some(Deed::AskInVain(at)));
            }
            Action::Cancel => {
                deeds.push(Deed::Ask(at));
                deeds.extend(faults.then_some(Deed::AskInVain(at)));
                deeds.extend(faults.then_some(Deed::AskAndLoseTheAnswer(at)));
            }
            // Nothing here has a server of our own; there is no paid call to be made twice.
            Action::Begin | Action::Run => {}
            Action::Store => {
                if world.kept || !world.when.links_dead {
                    deeds.push(Deed::Keep(at));
                }
                deeds.extend((faults || world.when.links_dead).then_some(Deed::Unkept(at)));
            }
            Action::Park => deeds.push(Deed::Park(at)),
        },
    }
    deeds.extend(faults.then_some(Deed::Die(at)));
}

const fn may_admit(world: &World) -> bool {
    let row = &world.row;
    matches!(row.state, State::Queued) && row.due == 0 && !row.asked_to_stop && matches!(world.when.late, Late::InTime)
}

fn may_claim(protocol: Protocol, world: &World) -> bool {
    let row = &world.row;
    let free = row.lease == 0 || (protocol == Protocol::RescueAtAnyTime && row.state == State::Submitting);
    row.due == 0 && free && matches!(row.state, State::Submitting | State::Waiting | State::Storing | State::Canceling)
}

/// The world afterwards; `None` when nothing came of it.
pub fn happen(protocol: Protocol, before: &World, deed: Deed) -> Option<World> {
    let mut world = *before;
    match deed {
        Deed::Admit => admit(protocol, &mut world),
        Deed::Claim => claim(protocol, &mut world),
        Deed::Send(at) => send(&mut world, at)?,
        Deed::Arrive(at) => arrive(&mut world, at)?,
        Deed::Answer(at) => {
            let Worker::Busy { stage: Stage::Calling(Some(made)), .. } = world.workers[at] else { return None };
            tell(&mut world, at, Told::Accepted(made));
        }
        Deed::TimeOut(at) => tell(&mut world, at, Told::Ambiguous),
        Deed::Turn(at, refusal) => turn(&mut world, at, refusal),
        Deed::SendTooLate(at) => tell(&mut world, at, Told::TooLate),
        Deed::Look(at, lag) => {
            let found = look(&world, lag);
            tell(&mut world, at, found.map_or(Told::NotFound, |(made, run)| Told::Found(made, run)));
        }
        Deed::Ask(at) => {
            let (made, run) = ask(&mut world, at)?;
            tell(&mut world, at, Told::Seen(made, run));
        }
        Deed::Keep(at) => keep(protocol, &mut world, at),
        Deed::Unkept(at) => {
            world.faults -= u8::from(!world.when.links_dead);
            tell(&mut world, at, Told::Unfetched);
        }
        Deed::Park(at) => tell(&mut world, at, Told::Parked),
        Deed::Record(at) => record(protocol, &mut world, at),
        Deed::SendFails(at) => fault(&mut world, at, Told::NotSent),
        Deed::AskInVain(at) => {
            let looking = matches!(world.workers[at], Worker::Busy { job, .. } if job.state == State::Submitting);
            fault(&mut world, at, if looking { Told::Unlisted } else { Told::Unavailable });
        }
        Deed::AskAndLoseTheAnswer(at) => {
            ask(&mut world, at)?;
            fault(&mut world, at, Told::Unavailable);
        }
        Deed::Die(at) => {
            world.faults -= 1;
            world.workers[at] = Worker::Idle;
        }
        Deed::End(at, run) => world.made[at].as_mut()?.run = run,
        Deed::Stop => stop(&mut world),
        Deed::Sweep => sweep(&mut world),
        Deed::Tick => tick(&mut world)?,
        Deed::GrowLate => grow_late(&mut world),
        Deed::LinksDie => world.when.links_dead = world.made.iter().flatten().any(|made| made.run == Run::Succeeded),
    }
    forget_what_no_longer_matters(protocol, &mut world);
    // Two workers are as good as each other: what differs only in who is who is the same.
    if name_of(&world.workers[0]) > name_of(&world.workers[1]) {
        world.workers.swap(0, 1);
    }
    (world != *before).then_some(world)
}

/// What can have no effect any more is the same as nothing, so that fewer worlds are told apart. Of a worker that lost its
/// lease to a fenced protocol, all that is left is a call it may still make: it is as good as idle otherwise.
fn forget_what_no_longer_matters(protocol: Protocol, world: &mut World) {
    if !matches!(protocol, Protocol::NoEpoch | Protocol::NoFence) {
        for worker in &mut world.workers {
            let Worker::Busy { job, admitted, ours: false, age, stage } = worker else { continue };
            let may_call = *stage == Stage::Begun
                && match job.plan(*admitted, world.when) {
                    Action::Submit => *age == 0,
                    Action::Cancel => true,
                    Action::Look | Action::Poll | Action::Store | Action::Begin | Action::Run | Action::Park => false,
                };
            if !may_call {
                *worker = Worker::Idle;
            }
        }
    }
    // Only a prediction that nobody owns is ever looked for.
    for made in world.made.iter_mut().flatten().filter(|made| made.owned) {
        made.age = LISTED_AT;
    }
}

fn name_of(worker: &Worker) -> u64 {
    let mut hasher = DefaultHasher::new();
    worker.hash(&mut hasher);
    hasher.finish()
}

fn tell(world: &mut World, at: usize, told: Told) {
    if let Worker::Busy { stage, .. } = &mut world.workers[at] {
        *stage = Stage::Told(told);
    }
}

fn fault(world: &mut World, at: usize, told: Told) {
    world.faults -= 1;
    tell(world, at, told);
}

/// Gives a new lease: every other one is void.
fn hand_to_somebody(world: &mut World, admitted: bool) {
    for worker in &mut world.workers {
        if let Worker::Busy { ours, .. } = worker {
            *ours = false;
        }
    }
    let job = world.row;
    if let Some(idle) = world.workers.iter_mut().find(|worker| **worker == Worker::Idle) {
        *idle = Worker::Busy { job, admitted, ours: true, age: 0, stage: Stage::Begun };
    }
}

fn admit(protocol: Protocol, world: &mut World) {
    world.row = Row {
        state: State::Submitting,
        submit_seq: world.row.submit_seq + 1,
        reconciles: 0,
        taken: true,
        lease: if protocol == Protocol::IntentKeepsTheOldLease { 0 } else { SUBMIT_LEASE },
        due: 0,
        ..world.row
    };
    hand_to_somebody(world, true);
}

fn claim(protocol: Protocol, world: &mut World) {
    let calls_again = protocol == Protocol::MemoAfterTheCall && world.row.state == State::Submitting;
    world.row = Row {
        lost_leases: world.row.lost_leases + u8::from(world.row.taken),
        submit_seq: world.row.submit_seq + u8::from(calls_again),
        taken: true,
        lease: if world.row.state == State::Submitting { SUBMIT_LEASE } else { LEASE },
        ..world.row
    };
    hand_to_somebody(world, calls_again);
}

fn send(world: &mut World, at: usize) -> Option<()> {
    let Worker::Busy { job, age, stage, .. } = &mut world.workers[at] else { return None };
    let free = world.calls.iter_mut().find(|call| call.is_none())?;
    *free = Some(Call { seq: job.submit_seq, left: CALL_LIVES - *age });
    *stage = Stage::Calling(None);
    Some(())
}

/// The call is at Replicate: a prediction is made and billed, whether or not anybody hears the answer.
fn arrive(world: &mut World, at: usize) -> Option<()> {
    let call = world.calls[at].take()?;
    let made = world.made.iter().position(Option::is_none)?;
    world.made[made] = Some(Made { run: Run::Running, age: 0, owned: false });
    for worker in &mut world.workers {
        if let Worker::Busy { job, stage: Stage::Calling(answer), .. } = worker
            && job.submit_seq == call.seq
        {
            *answer = u8::try_from(made).ok();
        }
    }
    Some(())
}

fn turn(world: &mut World, at: usize, refusal: Refusal) {
    let Worker::Busy { job, .. } = world.workers[at] else { return };
    for call in &mut world.calls {
        if call.is_some_and(|call| call.seq == job.submit_seq) {
            *call = None;
        }
    }
    match refusal {
        Refusal::Throttled => fault(world, at, Told::Throttled),
        Refusal::Invalid => tell(world, at, Told::Invalid),
    }
}

/// The oldest prediction that nobody owns; one that failed only when there is no other.
fn look(world: &World, lag: Lag) -> Option<(u8, Run)> {
    let listed = |made: &Made| !made.owned && (lag == Lag::None || made.age >= LISTED_AT);
    let failed = |run: Run| !matches!(run, Run::Running | Run::Succeeded);
    let mut alike: Vec<_> = world.made.iter().flatten().enumerate().filter(|(_, made)| listed(made)).collect();
    alike.sort_by_key(|(at, made)| (failed(made.run), *at));
    alike.first().and_then(|(at, made)| Some((u8::try_from(*at).ok()?, made.run)))
}

/// What Replicate says of the row's prediction, having stopped it if that was what it was asked.
fn ask(world: &mut World, at: usize) -> Option<(u8, Run)> {
    let Worker::Busy { job, admitted, .. } = world.workers[at] else { return None };
    let id = job.prediction?;
    let made = world.made[usize::from(id)].as_mut()?;
    if job.plan(admitted, world.when) == Action::Cancel && made.run == Run::Running {
        made.run = Run::Canceled;
    }
    Some((id, made.run))
}

fn keep(protocol: Protocol, world: &mut World, at: usize) {
    let Worker::Busy { ours, .. } = world.workers[at] else { return };
    let fenced = matches!(protocol, Protocol::NoEpoch | Protocol::NoFence) || ours;
    let kept = world.kept || (fenced && world.row.state == State::Storing);
    world.kept = kept;
    tell(world, at, if kept { Told::Kept } else { Told::Unfetched });
}

fn record(protocol: Protocol, world: &mut World, at: usize) {
    let Worker::Busy { job, ours, stage: Stage::Told(told), .. } = world.workers[at] else { return };
    world.workers[at] = Worker::Idle;
    let same_state = world.row.state == job.state;
    let written = match protocol {
        Protocol::NoFence => true,
        Protocol::NoEpoch => same_state,
        _ => same_state && ours,
    };
    if !written {
        return;
    }
    let before = if protocol == Protocol::OneLook && told == Told::NotFound { Row { reconciles: 1, ..job } } else { job };
    let (mut next, money, adopted) = before.step(told, world.when);
    if protocol == Protocol::TimeoutEndsTheLease && told == Told::Ambiguous {
        next.lease = 0;
    }
    world.illegal |= !job.state.may_become(next.state);
    if world.row.asked_to_stop && !job.asked_to_stop && next.state != State::Submitting {
        next.due = 0;
    }
    // A run that is found finished is kept under the same lease.
    let goes_on = next.state == State::Storing && job.state != State::Storing;
    if goes_on {
        (next.taken, next.lease) = (true, LEASE);
        let job = Row { submit_seq: job.submit_seq, ..next };
        world.workers[at] = Worker::Busy { job, admitted: false, ours, age: 0, stage: Stage::Begun };
    }
    world.row = Row { submit_seq: world.row.submit_seq, asked_to_stop: world.row.asked_to_stop, ..next };
    match money {
        Some(Money::Capture(_)) => world.captures += 1,
        Some(Money::Release) => world.releases += 1,
        None => {}
    }
    if let Some(made) = adopted.and_then(|made| world.made[usize::from(made)].as_mut()) {
        made.owned = true;
    }
    note_end(world);
}

fn note_end(world: &mut World) {
    if world.row.state.is_terminal() {
        world.end = world.end.or(Some(world.row.state));
    }
}

/// Its owner asks it to stop.
fn stop(world: &mut World) {
    let row = &mut world.row;
    match row.state {
        State::Queued => {
            row.state = State::Canceled;
            row.asked_to_stop = true;
            world.releases += 1;
        }
        State::Submitting | State::Waiting | State::Parked if !row.asked_to_stop => {
            row.asked_to_stop = true;
            if row.state != State::Submitting {
                row.due = 0;
            }
        }
        _ => {}
    }
    note_end(world);
}

fn sweep(world: &mut World) {
    let due = world.when.late > Late::InTime || world.row.asked_to_stop;
    if due && matches!(world.row.state, State::Queued | State::Parked) {
        world.row.state = if world.row.asked_to_stop { State::Canceled } else { State::Failed };
        world.releases += 1;
        for worker in &mut world.workers {
            if let Worker::Busy { ours, .. } = worker {
                *ours = false;
            }
        }
    }
    note_end(world);
}

/// Time passes. A worker that lets its lease run out meanwhile, or its moment to send, was frozen: that is a fault.
fn tick(world: &mut World) -> Option<()> {
    let ends_a_lease = world.row.lease == 1;
    for worker in &mut world.workers {
        if let Worker::Busy { job, age, stage, ours, admitted } = worker {
            let frozen = *ours && (ends_a_lease || (*stage == Stage::Begun && *admitted && *age == 0));
            world.faults = world.faults.checked_sub(u8::from(frozen))?;
            // Only whether the moment to send has passed is ever asked.
            *age = u8::from(*admitted);
            job.lease = job.lease.saturating_sub(1);
            job.due = job.due.saturating_sub(1);
        }
    }
    world.row.lease = world.row.lease.saturating_sub(1);
    world.row.due = world.row.due.saturating_sub(1);
    for call in &mut world.calls {
        *call = call.and_then(|call| Some(Call { left: call.left.checked_sub(1)?, ..call }));
    }
    for made in world.made.iter_mut().flatten() {
        made.age = (made.age + 1).min(LISTED_AT);
    }
    Some(())
}

fn grow_late(world: &mut World) {
    world.when.late = match world.when.late {
        Late::InTime => Late::PastDeadline,
        Late::PastDeadline | Late::LongPast => Late::LongPast,
    };
    if world.when.late == Late::LongPast {
        for made in world.made.iter_mut().flatten().filter(|made| made.run == Run::Running) {
            made.run = Run::Canceled;
        }
    }
}
