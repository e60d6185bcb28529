//! The engine alone: the verbs, the core and the books, with an outside world that answers at once and weighs nothing.
//! What is left is what a queue is: how many lives a second with every durable step and the money, and how long it takes
//! to say whose turn it is when a hundred thousand wait.

use crate::house::{House, press};
use crate::table::Spread;
use anyhow::{Context, ensure};
use atelier::domain::{GenerationId, PersonId, State};
use atelier::server::clock::Clock;
use atelier::server::db::{Db, mint};
use atelier::server::generation::lease::LEASE_MS;
use atelier::server::generation::{self, Desk, Job, KeptOutput, Outcome, Recorder};
use atelier::server::replicate::Prediction;
use atelier::server::worker::core::{Action, Event, Stored, Taken, plan, step};
use futures::future::try_join_all;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Workers at work, and people who press at the same time.
const WORKERS: usize = 4;
const CALLERS: usize = 8;
/// Rows a worker takes at once.
const AT_ONCE: i64 = 16;
/// Requests of one person who waits in the long queue, and how many people wait.
const QUEUED_EACH: i64 = 100;
const WAITING_PEOPLE: i64 = 1_000;

/// Whole lives a second, each with its hold, its intent, its prediction, its kept output and its capture; people press
/// while the workers work.
pub async fn lives(house: &House, how_many: usize) -> anyhow::Result<f64> {
    let people = house.people(how_many.div_ceil(usize::try_from(generation::MAX_QUEUED_PER_PERSON)? / 4).max(CALLERS)).await?;
    let began = Instant::now();
    let over = Arc::new(AtomicBool::new(false));
    let mut workers = JoinSet::new();
    let recorder = Recorder::new(house.db.clone());
    for number in 0..WORKERS {
        workers.spawn(work(house.db.clone(), recorder.clone(), format!("bench {number}"), Arc::clone(&over)));
    }
    let mut callers = JoinSet::new();
    for person in people.iter().cycle().take(how_many) {
        if callers.len() >= CALLERS {
            callers.join_next().await.transpose()?.transpose()?;
        }
        callers.spawn(call(house.desk.clone(), house.catalogue.clone(), person.clone()));
    }
    while let Some(called) = callers.join_next().await {
        called??;
    }
    let unfinished = "select count(*) from generation where state not in ('succeeded', 'failed', 'canceled')";
    while sqlx::query_as::<_, (i64,)>(unfinished).fetch_one(house.db.pool()).await?.0 > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = began.elapsed();
    over.store(true, Ordering::Relaxed);
    while let Some(worked) = workers.join_next().await {
        worked??;
    }
    #[expect(clippy::cast_precision_loss, reason = "thousands at most")]
    Ok(how_many as f64 / took.as_secs_f64())
}

async fn call(desk: Desk, catalogue: Vec<atelier::domain::Model>, person: PersonId) -> anyhow::Result<()> {
    generation::request(&desk, &person, &press("a boat"), &catalogue, Clock::System.now()).await?;
    Ok(())
}

/// The worker's loop, as the product has it, around an outside world that takes no time.
async fn work(db: Db, recorder: Recorder, name: String, over: Arc<AtomicBool>) -> anyhow::Result<()> {
    let mut news = db.news();
    while !over.load(Ordering::Relaxed) {
        let there_is = generation::takeable(&db, Clock::System.now()).await?;
        let (mut claimed, mut admitted) = (Vec::new(), Vec::new());
        if there_is.due {
            claimed = generation::claim(&db, &name, AT_ONCE, Clock::System.now()).await?;
        }
        if there_is.queued {
            admitted = generation::admit(&db, &name, AT_ONCE, Clock::System.now()).await?.jobs;
        }
        if claimed.is_empty() && admitted.is_empty() {
            let _ = tokio::time::timeout(Duration::from_millis(5), news.recv()).await;
            continue;
        }
        let taken =
            claimed.into_iter().map(|job| (job, Taken::Claimed)).chain(admitted.into_iter().map(|job| (job, Taken::Admitted)));
        // Side by side, as the product's steps are.
        try_join_all(taken.map(|(job, taken)| carry_out(&recorder, &name, job, taken))).await?;
    }
    Ok(())
}

/// One step, and the keeping of what it found finished, which the product does under the same lease.
async fn carry_out(recorder: &Recorder, name: &str, job: Job, taken: Taken) -> anyhow::Result<()> {
    let next = one_step(recorder, name, job, taken).await?;
    if next.state == State::Storing && next.lease_owner.is_some() {
        one_step(recorder, name, next, Taken::Claimed).await?;
    }
    Ok(())
}

async fn one_step(recorder: &Recorder, name: &str, job: Job, taken: Taken) -> anyhow::Result<Job> {
    let event = match plan(&job, taken, Clock::System.now()) {
        Action::Submit => Event::Submitted(Ok(prediction(&job, "starting")?)),
        Action::Poll => Event::Seen(Ok(prediction(&job, "succeeded")?)),
        Action::Store => Event::Stored(Stored { kept: 1, files: vec![nothing(&job.id)], ..Stored::default() }),
        other => anyhow::bail!("nothing here leads to {other:?}"),
    };
    let now = Clock::System.now();
    let (mut next, mut effects) = step(&job, event, now);
    // Nobody has anything to wait for here, and nothing went wrong before that would have to be put right.
    next.run_at = now;
    effects.lesson = None;
    if next.state == State::Storing {
        next.lease_owner = Some(name.to_owned());
        next.lease_until = now.plus_ms(LEASE_MS);
    }
    let outcome = Outcome { before: job, after: next.clone(), effects, at: now };
    ensure!(recorder.record(outcome).await?, "a lease was lost");
    Ok(next)
}

fn prediction(job: &Job, status: &str) -> anyhow::Result<Prediction> {
    let id = job.prediction_id.as_ref().map_or_else(mint, ToString::to_string);
    let told = json!({"id": id, "status": status, "input": {}, "output": ["https://example.com/0.webp"]});
    serde_json::from_value(told).context("a prediction")
}

fn nothing(id: &GenerationId) -> KeptOutput {
    KeptOutput {
        place: 0,
        object_key: format!("generations/{id}/0.webp"),
        content_type: "image/webp".to_owned(),
        bytes: 1,
        sha256: String::new(),
        width: 1,
        height: 1,
        color: "#000000".to_owned(),
        thumbhash: String::new(),
        duration_ms: None,
    }
}

/// How long it takes to decide whose turn it is, and to write the intents, when a thousand people have a hundred waiting
/// each. The queue is taken away again afterwards.
pub async fn admissions(house: &House, how_many: usize) -> anyhow::Result<Spread> {
    fill(&house.db).await?;
    let mut measured = Vec::with_capacity(how_many);
    for _ in 0..how_many {
        let began = Instant::now();
        let admitted = generation::admit(&house.db, "bench", 1, Clock::System.now()).await?;
        measured.push(began.elapsed());
        ensure!(admitted.jobs.len() == 1, "somebody's turn it is");
    }
    let mut tx = house.db.begin().await?;
    for statement in [
        "delete from generation_event where generation_id like 'queued %'",
        "delete from submission where generation_id like 'queued %'",
        "delete from generation where id like 'queued %'",
        "delete from person where id like 'waiting %'",
    ] {
        sqlx::query(statement).execute(tx.connection()).await?;
    }
    tx.commit().await?;
    Ok(Spread::new(measured))
}

/// A hundred thousand queued rows. They have no holds: nobody settles them.
async fn fill(db: &Db) -> anyhow::Result<()> {
    let now = Clock::System.now();
    let mut tx = db.begin().await?;
    sqlx::query(
        "insert into person (id, email, password_hash, role, created_at)
         with recursive n (n) as (select 1 union all select n + 1 from n where n < $1)
         select 'waiting ' || n, 'waiting' || n || '@example.com', '', 'creator', 0 from n",
    )
    .bind(WAITING_PEOPLE)
    .execute(tx.connection())
    .await?;
    sqlx::query(
        "insert into generation (id, owner_id, request_key, request_hash, model, prompt, aspect, count, input, unit_price, price, state,
                                 run_at, deadline_at, created_at, updated_at)
         with recursive n (n) as (select 1 union all select n + 1 from n where n < $1)
         select 'queued ' || p.id || ' ' || n, p.id, cast(n as text), '', 'black-forest-labs/flux-schnell', 'a boat', '1:1', 1, '{}', 1, 1,
                'queued', $2, $2 + 3600000, $2 - 1000 + n, $2
         from n cross join person p where p.id like 'waiting %'",
    )
    .bind(QUEUED_EACH)
    .bind(now)
    .execute(tx.connection())
    .await?;
    tx.commit().await?;
    // As the databases do by themselves after a while.
    sqlx::query("analyze").execute(db.pool()).await?;
    Ok(())
}
