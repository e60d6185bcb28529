//! Every death: a worker is killed at each point it comes to, and at each pair of points, and whoever comes next makes up
//! for it. CR-17, RL-06.
//!
//! A script says what happens at Replicate and what the owner does. It is played once in peace, which tells how many
//! points its one process comes to; then once for each of them, with a process that dies there and another, of a new
//! identity, that goes on; then once for each pair. A process dies by being dropped where it stands: a transaction that
//! was open is rolled back, a call that was answered is forgotten, and a commit that was made stays made although nobody
//! was told. Time moves to whatever is due next, never further.
//!
//! To add a script: another test. To add a point: `crash::point` in the code; it is found by itself.

mod life;
mod stage;

use crate::support::{Engine, TestApp, both_databases};
use atelier::domain::State;
use atelier::server::crash::Point;
use stage::Stage;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Instant;

/// Of the pairs, PostgreSQL plays one in so many; its singles are all played, and SQLite plays every pair.
const PAIRS_ON_POSTGRES: usize = 10;

/// Where a life goes by that nobody interferes with.
const WAY: [Point; 13] = [
    Point::Requested,
    Point::Admitted,
    Point::Sending,
    Point::Answered,
    Point::Recording,
    Point::Recorded,
    Point::Claimed,
    Point::Fetching,
    Point::Fetched,
    Point::Put,
    Point::Stored,
    Point::Settling,
    Point::Settled,
];

/// What happens to a generation besides the deaths.
struct Script {
    /// With the words that script the run at the sandbox.
    prompt: &'static str,
    /// Pictures asked for.
    count: i64,
    /// What else happens.
    twist: Twist,
    /// How it ends.
    end: State,
    /// How else it may end when two processes died right before the paid call: for all that anybody can know they made it,
    /// and that counts against the budget.
    or: State,
    /// Outputs that are kept when it succeeds.
    kept: usize,
    /// Predictions bought, however many die.
    bought: RangeInclusive<usize>,
}

/// Something that happens once, between two turns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Twist {
    /// Nothing does.
    None,
    /// The owner cancels it when it is seen in this state.
    Cancel(State),
    /// Its deadline comes when it is seen in this state.
    Deadline(State),
    /// Our store is away when outputs are to be kept, for one turn.
    StoreAway,
    /// Wrong on purpose, and not once but after each death: what a dead worker had begun is simply begun again, as a queue
    /// does that knows of no intent.
    BeginAgain,
}

/// One picture that succeeds: what every script begins with.
const PLAIN: Script = Script {
    prompt: "a lighthouse",
    count: 1,
    twist: Twist::None,
    end: State::Succeeded,
    or: State::Succeeded,
    kept: 1,
    bought: 1..=1,
};

/// One that fails.
const FAILING: Script = Script { prompt: "#fail", end: State::Failed, or: State::Failed, kept: 0, ..PLAIN };

/// One that its owner stops.
const CANCELED: Script = Script { end: State::Canceled, or: State::Canceled, ..FAILING };

both_databases! {
    async fn cr_17_rl_06_nobody_interferes(app: TestApp) {
        let seen = Box::pin(play_all(app, PLAIN)).await;
        let missing: Vec<_> = WAY.into_iter().filter(|point| !seen.contains(point)).collect();
        assert!(missing.is_empty(), "nobody ever died at {missing:?}");
    }

    async fn cr_17_rl_06_two_of_three_pictures_come(app: TestApp) {
        Box::pin(play_all(app, Script { prompt: "#partial", count: 3, kept: 2, ..PLAIN })).await;
    }

    async fn cr_17_rl_06_the_model_fails(app: TestApp) {
        Box::pin(play_all(app, FAILING)).await;
    }

    async fn cr_17_rl_06_the_run_is_interrupted_and_bought_once_more(app: TestApp) {
        Box::pin(play_all(app, Script { prompt: "#interrupted", or: State::Failed, bought: 1..=2, ..PLAIN })).await;
    }

    async fn cr_17_rl_06_the_answer_is_lost(app: TestApp) {
        Box::pin(play_all(app, Script { prompt: "#lost", ..PLAIN })).await;
    }

    async fn cr_17_rl_06_the_gateway_fails_after_the_call_was_accepted(app: TestApp) {
        Box::pin(play_all(app, Script { prompt: "#502", ..PLAIN })).await;
    }

    async fn cr_17_rl_06_replicate_is_busy_once(app: TestApp) {
        Box::pin(play_all(app, Script { prompt: "#busy", ..PLAIN })).await;
    }

    async fn cr_17_rl_06_the_owner_cancels_in_the_queue(app: TestApp) {
        Box::pin(play_all(app, Script { prompt: "a lighthouse", twist: Twist::Cancel(State::Queued), bought: 0..=0, ..CANCELED })).await;
    }

    async fn cr_17_rl_06_the_owner_cancels_while_the_answer_is_lost(app: TestApp) {
        Box::pin(play_all(app, Script { prompt: "#lost #stall", twist: Twist::Cancel(State::Submitting), bought: 0..=1, ..CANCELED })).await;
    }

    async fn cr_17_rl_06_the_owner_cancels_the_run(app: TestApp) {
        Box::pin(play_all(app, Script { prompt: "#stall", twist: Twist::Cancel(State::Waiting), ..CANCELED })).await;
    }

    async fn cr_17_rl_06_the_run_never_ends(app: TestApp) {
        Box::pin(play_all(app, Script { prompt: "#stall", twist: Twist::Deadline(State::Waiting), ..FAILING })).await;
    }

    async fn cr_17_rl_06_the_outputs_are_gone(app: TestApp) {
        Box::pin(play_all(app, Script { prompt: "#expired", ..FAILING })).await;
    }

    async fn cr_17_rl_06_the_store_is_away_once(app: TestApp) {
        Box::pin(play_all(app, Script { twist: Twist::StoreAway, ..PLAIN })).await;
    }
}

both_databases! {
    async fn cr_17_a_queue_that_begins_again_what_died_is_caught_buying_twice(app: TestApp) {
        let stage = Stage::open(app, Script { twist: Twist::BeginAgain, ..PLAIN }).await;
        let points = stage.play_right(&[]).await.concat().len();
        let mut caught = BTreeSet::new();
        for death in 1..=points {
            let played = stage.play(&[death]).await;
            caught.extend((!played.wrong.is_empty()).then(|| played.lives[0][death - 1]));
        }
        // Whoever dies there has bought and written nothing down; everywhere else beginning again does no harm.
        assert_eq!(caught, BTreeSet::from([Point::Answered, Point::Recording]));
        Box::pin(stage.close()).await;
    }
}

/// Plays the script in peace, with every single death and with every pair; the points that somebody died at.
async fn play_all(app: TestApp, script: Script) -> BTreeSet<Point> {
    let begun = Instant::now();
    let stage = Stage::open(app, script).await;
    let points = stage.play_right(&[]).await.concat().len();
    let (mut schedules, mut died_at) = (1, BTreeSet::new());
    // Waits have jitter, so that one life may come to a point more or less than another.
    for first in 1.. {
        let lives = stage.play_right(&[first]).await;
        schedules += 1;
        let [dead, rest] = lives.as_slice() else {
            if first > points {
                break;
            }
            continue;
        };
        died_at.extend(dead.last().copied());
        for second in 1..=rest.len() {
            if stage.app.engine() == Engine::Sqlite || (first + second).is_multiple_of(PAIRS_ON_POSTGRES) {
                stage.play_right(&[first, second]).await;
                schedules += 1;
            }
        }
    }
    let took = begun.elapsed();
    eprintln!("{}, {:?}: {points} points, {schedules} schedules in {took:.1?}", stage.script.prompt, stage.app.engine());
    Box::pin(stage.close()).await;
    died_at
}
