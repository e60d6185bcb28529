//! The worker's side: how soon it has a request, how many it completes, how many the house accepts; and what the same
//! machine does with only the bare part of each.

use crate::house::{CONCURRENCY, House, press};
use crate::table::Spread;
use anyhow::{Context, ensure};
use atelier::domain::{GenerationId, ModelName, PersonId};
use atelier::server::clock::Clock;
use atelier::server::db::{Db, mint};
use atelier::server::generation::{self, Desk};
use atelier::server::replicate::{Client, Create, DownloadLimits};
use atelier::server::store::{Key, Store};
use atelier::server::{picture, replicate::Status};
use bytes::Bytes;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Faster than anybody looks: a prediction has ended when its creation is answered.
const AT_ONCE: f64 = 1e9;
/// A prediction of 3 s takes 30 ms, so that it still has to be waited for.
const ACCELERATED: f64 = 100.0;
/// Requests under way at once when it is counted how many are accepted, and whose they are.
const CALLERS: usize = 8;
/// Between two looks whether everything is over.
const LOOK: Duration = Duration::from_millis(5);

/// From the call of a request to the commit of the worker's intent, where the worker stands by in the same process; and from
/// the commit of a request to that of the intent, where the worker has to hear of it, as in another process. One at a time,
/// nothing else to do. The prompts fail at once, so that the worker is idle again soon.
pub async fn pickups(house: &House, how_many: usize) -> anyhow::Result<(Spread, Spread)> {
    let provider = house.provider(AT_ONCE).await?;
    let working = house.worker(&provider)?;
    let (mut from_call, mut from_commit) = (Vec::with_capacity(how_many), Vec::with_capacity(how_many));
    let elsewhere = Desk::new(house.db.clone());
    for _ in 0..how_many {
        from_call.push(pickup(house, &house.desk).await?.0);
        over(&house.db).await?;
        from_commit.push(pickup(house, &elsewhere).await?.1);
        over(&house.db).await?;
    }
    working.stop().await?;
    provider.stop().await?;
    Ok((Spread::new(from_call), Spread::new(from_commit)))
}

/// From the call of a request to its terminal state, one at a time, over real HTTP against a sandbox that has finished
/// when it answers and draws next to nothing: what is left is our own.
pub async fn own_time(house: &House, how_many: usize) -> anyhow::Result<Spread> {
    let provider = house.tiny_provider(AT_ONCE).await?;
    let working = house.worker(&provider)?;
    let mut measured = Vec::with_capacity(how_many);
    for number in 0..how_many {
        let mut news = house.db.news();
        let began = Instant::now();
        let prompt = format!("a pebble, number {number}");
        let requested =
            generation::request(&house.desk, &house.person, &press(&prompt), &house.catalogue, Clock::System.now()).await?;
        loop {
            news.recv().await?;
            let state = sqlx::query_as("select state from generation where id = $1").bind(requested.id());
            let (state,): (String,) = state.fetch_one(house.db.pool()).await?;
            if state == "succeeded" {
                break;
            }
            ensure!(state != "failed", "a pebble failed");
        }
        measured.push(began.elapsed());
    }
    working.stop().await?;
    provider.stop().await?;
    Ok(Spread::new(measured))
}

/// The first news is the commit of the request, the second that of the worker's intent, which may be the same commit. They
/// are heard on a thread of their own: the wake-up that is measured must not wait for the one that measures.
async fn pickup(house: &House, desk: &Desk) -> anyhow::Result<(Duration, Duration)> {
    let mut news = house.db.news();
    let (ready, is_ready) = oneshot::channel();
    let heard = tokio::task::spawn_blocking(move || {
        let _ = ready.send(());
        news.blocking_recv()?;
        let committed = Instant::now();
        news.blocking_recv()?;
        Ok::<_, tokio::sync::broadcast::error::RecvError>((committed, Instant::now()))
    });
    is_ready.await?;
    let called = Instant::now();
    generation::request(desk, &house.person, &press("nothing #fail"), &house.catalogue, Clock::System.now()).await?;
    let (committed, taken) = heard.await??;
    Ok((taken - called, taken - committed))
}

/// One row inserted in one transaction, alone: what a commit costs on this database and disk.
pub async fn bare_commits(house: &House, how_many: usize) -> anyhow::Result<Spread> {
    bare_tables(&house.db).await?;
    let mut measured = Vec::with_capacity(how_many);
    for _ in 0..how_many {
        let began = Instant::now();
        let mut tx = house.db.begin().await?;
        insert_bare(&mut tx, "nobody").await?;
        tx.commit().await?;
        measured.push(began.elapsed());
    }
    Ok(Spread::new(measured))
}

/// Whole lives a second: admit, submit, poll, fetch, inspect, keep, settle; from the first commit to the last picture.
pub async fn completed(house: &House, how_many: usize) -> anyhow::Result<f64> {
    let provider = house.provider(ACCELERATED).await?;
    let working = house.worker(&provider)?;
    let before = succeeded(&house.db).await?;
    let began = Instant::now();
    for number in 0..how_many {
        let prompt = format!("a lighthouse, number {number}");
        generation::request(&house.desk, &house.person, &press(&prompt), &house.catalogue, Clock::System.now()).await?;
    }
    over(&house.db).await?;
    let rate = per_second(how_many, began.elapsed());
    working.stop().await?;
    provider.stop().await?;
    let kept = succeeded(&house.db).await? - before;
    ensure!(usize::try_from(kept)? == how_many, "{kept} of {how_many} succeeded");
    Ok(rate)
}

async fn succeeded(db: &Db) -> anyhow::Result<i64> {
    let (succeeded,) = sqlx::query_as("select count(*) from generation where state = 'succeeded'").fetch_one(db.pool()).await?;
    Ok(succeeded)
}

/// The same pictures by a script that keeps no rows and no books: create, poll, fetch, inspect, keep.
pub async fn bare_pictures(house: &House, how_many: usize) -> anyhow::Result<f64> {
    let provider = house.provider(ACCELERATED).await?;
    let model = house.catalogue.first().context("an empty catalogue")?;
    let began = Instant::now();
    let mut under_way = JoinSet::new();
    for number in 0..how_many {
        if under_way.len() >= CONCURRENCY {
            under_way.join_next().await.transpose()?.transpose()?;
        }
        let (request, _) = press(&format!("a harbour, number {number}"))
            .parse(&house.catalogue, |_, _| true)
            .map_err(|problems| anyhow::anyhow!("refused: {problems:?}"))?;
        let (name, input) = (model.name.clone(), serde_json::Value::Object(request.input));
        let create = create(name, model.pinned().map(str::to_owned), input);
        let file = house.folder.join("scratch").join(mint());
        under_way.spawn(bare_picture(provider.client.clone(), house.store.clone(), create, file));
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    let rate = per_second(how_many, began.elapsed());
    provider.stop().await?;
    Ok(rate)
}

fn create(model: ModelName, version: Option<String>, input: serde_json::Value) -> Create {
    Create { model, version, input, webhook: None }
}

async fn bare_picture(client: Client, store: Store, create: Create, file: PathBuf) -> anyhow::Result<()> {
    let mut prediction = client.create(&create, Duration::from_mins(1)).await?;
    while prediction.status != Status::Succeeded {
        tokio::time::sleep(LOOK).await;
        prediction = client.get(&prediction.id).await?;
    }
    let link = prediction.output_urls().into_iter().next().context("no output")?;
    client.download(&link, &file, DownloadLimits::default()).await?;
    let bytes = tokio::fs::read(&file).await?;
    let inspected = tokio::task::spawn_blocking(move || picture::inspect(&bytes)).await??;
    let id = GenerationId::trusted(mint());
    store.put(&Key::output(&id, 0, inspected.kind.extension()), &file).await?;
    store.put_bytes(&Key::small(&id, 0), Bytes::from(inspected.small)).await?;
    store.put_bytes(&Key::large(&id, 0), Bytes::from(inspected.large)).await?;
    Ok(tokio::fs::remove_file(&file).await?)
}

/// Requests accepted a second, each a hold and a row in one commit; several people at once, no worker.
pub async fn accepted(house: &House, how_many: usize) -> anyhow::Result<f64> {
    let rate = by_many(house, how_many, |desk, catalogue, person| async move {
        generation::request(&desk, &person, &press("a boat"), &catalogue, Clock::System.now()).await?;
        Ok(())
    });
    rate.await
}

/// The least that any design of this kind must do: guard the balance, write the job, in one commit.
pub async fn bare_requests(house: &House, how_many: usize) -> anyhow::Result<f64> {
    bare_tables(&house.db).await?;
    let db = house.db.clone();
    let rate = by_many(house, how_many, move |_, _, person| {
        let db = db.clone();
        async move {
            let mut tx = db.begin().await?;
            sqlx::query(
                "insert into bare_account (id, held) values ($1, 1) on conflict (id) do update set held = bare_account.held + 1
             where bare_account.held < 1000000",
            )
            .bind(person.to_string())
            .execute(tx.connection())
            .await?;
            insert_bare(&mut tx, person.as_str()).await?;
            Ok(tx.commit().await?)
        }
    });
    rate.await
}

/// Runs `how_many` calls, a few at a time, evenly for enough people that nobody has too many waiting.
async fn by_many<F, Fut>(house: &House, how_many: usize, call: F) -> anyhow::Result<f64>
where
    F: Fn(Desk, Vec<atelier::domain::Model>, PersonId) -> Fut,
    Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let most = usize::try_from(generation::MAX_QUEUED_PER_PERSON)?;
    let people = house.people(how_many.div_ceil(most).max(CALLERS)).await?;
    let began = Instant::now();
    let mut under_way = JoinSet::new();
    for person in people.iter().cycle().take(how_many) {
        if under_way.len() >= CALLERS {
            under_way.join_next().await.transpose()?.transpose()?;
        }
        under_way.spawn(call(house.desk.clone(), house.catalogue.clone(), person.clone()));
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    Ok(per_second(how_many, began.elapsed()))
}

async fn bare_tables(db: &Db) -> anyhow::Result<()> {
    let mut tx = db.begin().await?;
    for statement in [
        "create table if not exists bare_account (id text not null primary key, held bigint not null)",
        "create table if not exists bare_job (id text not null primary key, owner text not null, prompt text not null)",
    ] {
        sqlx::query(statement).execute(tx.connection()).await?;
    }
    Ok(tx.commit().await?)
}

async fn insert_bare(tx: &mut atelier::server::db::Tx, owner: &str) -> anyhow::Result<()> {
    sqlx::query("insert into bare_job (id, owner, prompt) values ($1, $2, 'a boat')")
        .bind(mint())
        .bind(owner)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Waits until nothing is under way any more.
async fn over(db: &Db) -> anyhow::Result<()> {
    loop {
        let under_way = sqlx::query(
            "select id from generation where state in ('queued', 'submitting', 'waiting', 'storing', 'canceling', 'parked') limit 1",
        );
        if under_way.fetch_optional(db.pool()).await?.is_none() {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[expect(clippy::cast_precision_loss, reason = "thousands at most")]
fn per_second(how_many: usize, took: Duration) -> f64 {
    how_many as f64 / took.as_secs_f64()
}
