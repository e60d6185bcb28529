//! Webhooks, and the paid call whose answer was lost: whatever is heard, in whatever order and however often, buys nothing
//! twice, moves no money, and is never needed.

use crate::support::{Answer, TestApp, both_databases};
use atelier::domain::{GenerationId, PersonId, PredictionId, State, Timestamp};
use atelier::server::generation::hooks::{self, Heard, Webhook};
use atelier::server::generation::{self, Job, strays};
use atelier::server::replicate::webhook::Secret;
use atelier::server::replicate::{Create, Prediction, WebhookEvent};
use atelier::server::sandbox::InvoiceEvent;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Longer than the sandbox takes for a picture, and shorter than any poll.
const RENDERED_MS: i64 = 10;

both_databases! {
    async fn rl_07_a_lost_answer_is_made_up_for_by_the_webhook_at_once(app: TestApp) {
        let (mika, worker) = (app.sign_up("mika").await, app.called_worker());
        let id = mika.trigger("#lag").await;
        worker.turn().await.expect("a turn");
        assert_eq!(app.state(&id).await, State::Submitting, "nobody knows yet");
        app.clock.advance_ms(RENDERED_MS);
        assert_eq!(app.sandbox.deliver_due().await, 2, "its start and its end");
        assert_eq!(app.state(&id).await, State::Waiting, "long before anybody may look");
        let before = app.clock.now();
        app.settle_all().await;
        assert_eq!((app.state(&id).await, app.bought()), (State::Succeeded, 1));
        assert_eq!(app.clock.now(), before, "its end was told, so nothing is waited for");
        assert_eq!(inbox(&app).await, ["adopted", "woken"]);
        assert_eq!(app.count("select count(*) from submission where outcome = 'found'").await, 1);
        assert_eq!(app.count("select paid_attempts from generation").await, 1);
        app.finish().await;
    }

    async fn rl_07_a_lost_answer_is_found_in_a_list_that_lags(app: TestApp) {
        let (mika, worker) = (app.sign_up("mika").await, app.called_worker());
        for (at, prompt) in ["#lag #hookless", "#502 #latelist #hookless", "#lost #hookless"].into_iter().enumerate() {
            let id = mika.trigger(prompt).await;
            worker.turn().await.expect("a turn");
            app.clock.advance_ms(generation::lease::SUBMIT_LEASE_MS - 1);
            worker.turn().await.expect("a turn");
            assert_eq!(app.state(&id).await, State::Submitting, "{prompt}: it may still be under way");
            app.settle_all().await;
            assert_eq!((app.state(&id).await, app.bought()), (State::Succeeded, at + 1), "{prompt}");
        }
        assert_eq!(strays::count(app.db()).await.expect("the database").found, 0);
        app.finish().await;
    }

    async fn rl_07_what_no_list_shows_is_bought_again_and_the_first_is_cancelled_when_it_is_heard_of(app: TestApp) {
        let (mika, worker) = (app.sign_up("mika").await, app.called_worker());
        let id = mika.trigger("#lost #hidden #stall").await;
        while app.bought() < 2 {
            worker.turn().await.expect("a turn");
            app.clock.advance_ms(10_000);
        }
        assert_eq!(app.state(&id).await, State::Submitting, "the second answer is lost as well");
        // Both have started, and only now it is told.
        assert_eq!(app.sandbox.deliver_due().await, 2);
        assert_eq!(app.state(&id).await, State::Waiting, "the second is adopted");
        let mut heard = inbox(&app).await;
        heard.sort();
        assert_eq!(heard, ["adopted", "stray"]);
        app.worker.turn().await.expect("a turn");
        let counted = strays::count(app.db()).await.expect("the database");
        assert_eq!((counted.found, counted.running, counted.finished), (1, 0, 0));
        assert_eq!(canceled(&app), 1, "the first, and not the second");
        app.sandbox.deliver_due().await;
        assert_eq!(app.state(&id).await, State::Waiting);
        mika.press(&format!("/g/{id}/cancel"), &[]).await;
        app.settle_all().await;
        assert_eq!((app.state(&id).await, canceled(&app), app.bought()), (State::Canceled, 2, 2));
        app.finish().await;
    }

    async fn rl_07_a_call_given_up_too_early_is_adopted_out_of_the_queue(app: TestApp) {
        let (mika, worker) = (app.sign_up("mika").await, app.called_worker());
        let id = mika.trigger("#lost #hidden").await;
        worker.turn().await.expect("a turn");
        // Nobody is let into flight meanwhile.
        app.meddle("insert into pause (scope, reason) values ('global', 'for a test')").await.expect("a pause");
        for _ in 0..20 {
            app.clock.advance_ms(10_000);
            worker.turn().await.expect("a turn");
        }
        assert_eq!((app.state(&id).await, app.count("select given_up from generation").await), (State::Queued, 1));
        let told = sold(&app, &id, 1);
        assert_eq!(post(&app, &id, 1, "late", &told).await.status, 204);
        assert_eq!((app.state(&id).await, app.count("select given_up from generation").await), (State::Waiting, 0));
        app.settle_all().await;
        assert_eq!((app.state(&id).await, app.bought()), (State::Succeeded, 1));
        app.finish().await;
    }

    async fn rl_07_one_call_that_made_two_predictions_keeps_one_and_cancels_the_other(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("#stall").await;
        let job = admit(&app).await;
        for _ in 0..3 {
            buy(&app, &job).await;
        }
        app.until(&id, State::Waiting).await;
        app.worker.turn().await.expect("a turn");
        let counted = strays::count(app.db()).await.expect("the database");
        assert_eq!((counted.found, counted.running, canceled(&app)), (2, 0, 2));
        // Their webhooks come too late to be of any use, and do no harm.
        for line in app.sandbox.invoice().iter().filter(|line| line.event == InvoiceEvent::Created) {
            let told = app.tools.replicate.get(&line.id).await.expect("a prediction");
            assert_eq!(post(&app, &id, 1, line.id.as_str(), &as_json(&told)).await.status, 204);
        }
        assert_eq!(strays::count(app.db()).await.expect("the database"), counted);
        mika.press(&format!("/g/{id}/cancel"), &[]).await;
        app.settle_all().await;
        assert_eq!((app.state(&id).await, app.bought()), (State::Canceled, 3));
        app.finish().await;
    }

    async fn rl_07_a_worker_that_hears_the_answer_after_the_webhook_writes_nothing(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        let job = admit(&app).await;
        let answer = buy(&app, &job).await;
        assert_eq!(post(&app, &id, 1, "start", &as_json(&answer)).await.status, 204);
        let (next, effects) = atelier::server::worker::core::step(
            &job,
            atelier::server::worker::core::Event::Submitted(Ok(answer)),
            app.clock.now(),
        );
        assert!(!generation::record(app.db(), &job, &next, &effects, app.clock.now()).await.expect("the database"));
        assert_eq!(app.count("select paid_attempts from generation").await, 1, "counted once");
        app.settle_all().await;
        assert_eq!((app.state(&id).await, app.bought()), (State::Succeeded, 1));
        app.finish().await;
    }

    async fn rl_14_without_its_webhooks_a_prediction_is_followed_all_the_same(app: TestApp) {
        let (mika, worker) = (app.sign_up("mika").await, app.called_worker());
        let id = mika.trigger("#hookless").await;
        worker.turn().await.expect("a turn");
        let begun = app.clock.now();
        app.settle_all().await;
        assert_eq!(app.state(&id).await, State::Succeeded);
        assert!(app.clock.now().since(begun) <= 5_000, "{} ms", app.clock.now().since(begun));
        // One that takes long is asked for rarely; but its end is never missed by two minutes.
        let long = mika.trigger("#stall #hookless").await;
        worker.turn().await.expect("a turn");
        let (mut looks, begun) = (0, app.clock.now());
        while app.clock.now().since(begun) < 10 * 60 * 1_000 {
            let (due,): (i64,) = sqlx::query_as("select run_at from generation where id = $1")
                .bind(long.as_str())
                .fetch_one(app.db().pool())
                .await
                .expect("the row");
            let wait = due - app.clock.now().0;
            assert!((1..=120_000).contains(&wait), "{wait} ms until it is asked for again");
            app.clock.advance_ms(wait);
            worker.turn().await.expect("a turn");
            looks += 1;
        }
        assert!(looks < 40, "{looks} looks in ten minutes");
        mika.press(&format!("/g/{long}/cancel"), &[]).await;
        app.settle_all().await;
        assert_eq!(inbox(&app).await, Vec::<String>::new());
        app.finish().await;
    }

    async fn rl_14_webhooks_doubled_and_in_the_wrong_order_have_one_effect(app: TestApp) {
        let (mika, worker) = (app.sign_up("mika").await, app.called_worker());
        for prompt in ["#hooktwice", "#hooktwice #lost", "#hooktwice #fail"] {
            let id = mika.trigger(prompt).await;
            worker.turn().await.expect("a turn");
            app.clock.advance_ms(RENDERED_MS);
            assert_eq!(app.sandbox.deliver_due().await, 4, "{prompt}");
            app.settle_all().await;
            let expected = if prompt.contains("#fail") { State::Failed } else { State::Succeeded };
            assert_eq!((app.state(&id).await, effects(&app, &id).await), (expected, 1), "{prompt}");
            // And once more, when all is over.
            for event in ["again", "again", "and again"] {
                let told = sold(&app, &id, 1);
                assert_eq!(post(&app, &id, 1, &format!("{prompt} {event}"), &told).await.status, 204);
            }
            assert_eq!((app.state(&id).await, effects(&app, &id).await), (expected, 1), "{prompt}");
        }
        assert_eq!(app.bought(), 3);
        assert_eq!(strays::count(app.db()).await.expect("the database").found, 0);
        app.finish().await;
    }

    async fn rl_14_a_webhook_that_comes_an_hour_late_changes_nothing(app: TestApp) {
        let (mika, worker) = (app.sign_up("mika").await, app.called_worker());
        let id = mika.trigger("a lighthouse").await;
        worker.turn().await.expect("a turn");
        app.settle_all().await;
        let before = row(&app, &id).await;
        app.clock.advance_ms(65 * 60 * 1_000);
        let told = sold(&app, &id, 1);
        assert_eq!(told["data_removed"], true);
        assert_eq!(post(&app, &id, 1, "late", &told).await.status, 204);
        app.settle_all().await;
        assert_eq!(row(&app, &id).await, before);
        app.finish().await;
    }

    async fn rl_14_what_is_forged_stale_or_from_the_future_is_not_let_in(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        let job = admit(&app).await;
        let told = as_json(&buy(&app, &job).await);
        let (ours, before) = (secret(&app).await, row(&app, &id).await);
        let forger: Secret = "whsec_Zm9yZ2Vk".parse().expect("a secret");
        let seconds = app.clock.now().0 / 1_000;
        for (who, at, status) in [
            (&forger, seconds, 401),
            (&ours, seconds - 301, 401),
            (&ours, seconds + 600, 401),
            (&ours, seconds - 300, 204),
        ] {
            let answer = post_as(&app, who, at, &id, 1, &format!("m{at}"), &told).await;
            assert_eq!((answer.status.as_u16(), answer.text()), (status, String::new()), "{at}");
            assert_eq!(row(&app, &id).await == before, status == 401);
        }
        let bare = app.visitor().bare(Method::POST, &format!("/hooks/replicate/{id}/1")).body(told.to_string());
        assert_eq!(app.visitor().send(bare).await.status, 401, "without any signature");
        assert_eq!(inbox(&app).await, ["adopted"]);
        app.settle_all().await;
        app.finish().await;
    }

    async fn rl_14_a_huge_webhook_is_refused_and_a_large_one_answered_within_a_second(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        let job = admit(&app).await;
        let mut told = as_json(&buy(&app, &job).await);
        told["logs"] = json!("x".repeat(2 * 1_024 * 1_024));
        assert_eq!(post(&app, &id, 1, "huge", &told).await.status, 413);
        assert_eq!(app.state(&id).await, State::Submitting);
        told["logs"] = json!("x".repeat(2 * 1_024 * 1_024 - 4_096));
        let (answer, took) = timed(&app, &id, "large", &told).await;
        assert_eq!(answer.status, 204);
        assert!(took < Duration::from_secs(1), "{took:?}");
        app.settle_all().await;
        assert_eq!((app.state(&id).await, app.bought()), (State::Succeeded, 1));
        app.finish().await;
    }

    async fn se_20_a_webhook_is_answered_within_a_second_even_when_the_database_is_busy(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        let job = admit(&app).await;
        let told = as_json(&buy(&app, &job).await);
        let mut busy = app.db().begin().await.expect("a transaction");
        sqlx::query("update generation set version = version").execute(busy.connection()).await.expect("every row");
        let (answer, took) = timed(&app, &id, "m", &told).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"));
        assert!(took < Duration::from_secs(1), "{took:?}");
        drop(busy);
        assert_eq!(post(&app, &id, 1, "m", &told).await.status, 204, "the same message again");
        assert_eq!(inbox(&app).await, ["adopted"], "the first time nothing was written");
        app.settle_all().await;
        app.finish().await;
    }

    async fn se_21_a_genuine_webhook_sent_to_anothers_address_adopts_and_cancels_nothing(app: TestApp) {
        let (mika, worker) = (app.sign_up("mika").await, app.called_worker());
        let (one, two) = (mika.trigger("#lost #stall one").await, mika.trigger("#lost #stall two").await);
        worker.turn().await.expect("a turn");
        let told = sold(&app, &one, 1);
        let before = row(&app, &two).await;
        assert_eq!(post(&app, &two, 1, "stolen", &told).await.status, 400);
        assert_eq!(post(&app, &two, 2, "stolen", &told).await.status, 404, "a call that was never made");
        let nobodys = GenerationId::trusted("0193b1e4-7c1f-7000-8000-000000000001");
        assert_eq!(post(&app, &nobodys, 1, "stolen", &told).await.status, 404);
        assert_eq!(row(&app, &two).await, before);
        assert_eq!(inbox(&app).await, Vec::<String>::new());
        assert_eq!(post(&app, &one, 1, "genuine", &told).await.status, 204);
        assert_eq!(app.state(&one).await, State::Waiting);
        assert_eq!(strays::count(app.db()).await.expect("the database").found, 0);
        for id in [&one, &two] {
            mika.press(&format!("/g/{id}/cancel"), &[]).await;
        }
        app.settle_all().await;
        app.finish().await;
    }

    async fn se_20_while_the_secret_is_being_changed_both_are_believed(app: TestApp) {
        let (old, new) = ("whsec_b2xk", "whsec_bmV3");
        let changing = app.beside_with(&[("REPLICATE_WEBHOOK_SECRET", "whsec_b2xk whsec_bmV3")]).await;
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        let job = admit(&app).await;
        let told = as_json(&buy(&app, &job).await).to_string();
        for (at, (text, status)) in [(old, 204), (new, 204), ("whsec_b3RoZXI=", 401)].into_iter().enumerate() {
            let (message, seconds) = (format!("m{at}"), app.clock.now().0 / 1_000);
            let signature = text.parse::<Secret>().expect("a secret").sign(&message, seconds, told.as_bytes());
            let request = changing.visitor().bare(Method::POST, &format!("/hooks/replicate/{id}/1")).body(told.clone());
            let request = request.header("webhook-id", message).header("webhook-timestamp", seconds);
            let answer = app.visitor().send(request.header("webhook-signature", signature)).await;
            assert_eq!(answer.status, status, "{text}");
        }
        app.settle_all().await;
        app.finish().await;
    }

    async fn cr_05_webhooks_poll_cancel_and_deadline_in_every_order_have_one_end_and_one_effect(app: TestApp) {
        app.allow(1_000, 1_000, 1_000_000).await;
        let mut runs = Vec::new();
        // Each truth that the webhooks may tell or belie, with the answer to the paid call heard or lost.
        for (name, prompt) in [("mika", "a lighthouse"), ("noor", "#fail"), ("ivo", "#lost #hookless #fail")] {
            let browser = app.sign_up(name).await;
            let person = app.person(&browser).await;
            app.grant(&person, 200).await;
            for order in orders() {
                let id = browser.trigger(&format!("{prompt} {order:?}")).await;
                runs.push(Run { id, person: person.clone(), prediction: PredictionId::trusted(""), order, ended: None });
            }
        }
        assert_eq!(runs.len(), 360);
        app.called_worker().turn().await.expect("a turn");
        let sold: HashMap<GenerationId, PredictionId> = app.sandbox.told().iter().map(made_for).collect();
        for run in &mut runs {
            run.prediction = sold[&run.id].clone();
        }
        app.clock.advance_ms(RENDERED_MS);
        for round in 0..10 {
            for run in &runs {
                happen(&app, run, round).await;
            }
            // Looks for deadlines, then asks Replicate wherever something is due.
            app.worker.turn().await.expect("a turn");
            note_ends(&app, &mut runs).await;
        }
        app.settle_all().await;
        note_ends(&app, &mut runs).await;
        for run in &runs {
            assert_eq!((run.ended.is_some(), effects(&app, &run.id).await), (true, 1), "{run:?}");
        }
        let kept = app.count("select count(*) from generation where state = 'succeeded'").await;
        assert!(kept > 100, "what had a picture kept it: {kept}");
        assert_eq!(app.bought(), 360);
        app.finish().await;
    }
}

/// What may happen to a generation that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happening {
    SaysSucceeded,
    SaysFailed,
    Poll,
    Cancel,
    Deadline,
}

/// One generation, and the order in which everything happens to it.
#[derive(Debug)]
struct Run {
    id: GenerationId,
    person: PersonId,
    prediction: PredictionId,
    order: Vec<Happening>,
    ended: Option<State>,
}

/// All orders in which the five can happen.
fn orders() -> Vec<Vec<Happening>> {
    fn arrange(chosen: &[Happening], left: &[Happening], all: &mut Vec<Vec<Happening>>) {
        if left.is_empty() {
            all.push(chosen.to_vec());
        }
        for (at, next) in left.iter().enumerate() {
            arrange(&[chosen, &[*next]].concat(), &[&left[..at], &left[at + 1..]].concat(), all);
        }
    }
    use Happening::{Cancel, Deadline, Poll, SaysFailed, SaysSucceeded};
    let mut all = Vec::new();
    arrange(&[], &[SaysSucceeded, SaysFailed, Poll, Cancel, Deadline], &mut all);
    assert_eq!(all.len(), 120);
    all
}

/// The next thing happens; in rounds 5 to 9, everything once more.
async fn happen(app: &TestApp, run: &Run, round: usize) {
    let (db, now, id) = (app.db(), app.clock.now(), &run.id);
    match run.order[round % run.order.len()] {
        Happening::SaysSucceeded => says(app, run, "succeeded", now).await,
        Happening::SaysFailed => says(app, run, "failed", now).await,
        Happening::Poll => change(app, "update generation set run_at = $2 where id = $1 and state = 'waiting'", id, now).await,
        Happening::Cancel => generation::cancel(db, &run.person, id, now).await.expect("it is theirs"),
        // Only this one's: the others are not to grow older by it.
        Happening::Deadline => change(app, "update generation set deadline_at = $2 where id = $1", id, now).await,
    }
}

/// Where everything is; what had ended has not moved.
async fn note_ends(app: &TestApp, runs: &mut [Run]) {
    let rows: Vec<(String, String)> =
        sqlx::query_as("select id, state from generation").fetch_all(app.db().pool()).await.expect("the rows");
    let states: HashMap<_, _> = rows.into_iter().map(|(id, word)| (id, State::parse(&word).expect("a state"))).collect();
    for run in runs {
        let state = states[run.id.as_str()];
        assert!(run.ended.is_none_or(|ended| ended == state), "{:?} became {state:?} in {run:?}", run.ended);
        run.ended = state.is_terminal().then_some(state);
    }
}

/// A genuine webhook that may not be true. The second time, it is the same message.
async fn says(app: &TestApp, run: &Run, status: &str, now: Timestamp) {
    let Run { id, prediction, .. } = run;
    let told = json!({"id": prediction, "status": status, "webhook": hooks::path(id, 1), "error": "so it says"});
    let prediction: Prediction = serde_json::from_value(told).expect("a prediction");
    let message = format!("{id} {status}");
    let webhook = Webhook { message: &message, generation: id, seq: 1, prediction: &prediction };
    let heard = hooks::hear(app.db(), &webhook, now).await.expect("the database");
    assert!(!matches!(heard, Heard::Stray | Heard::Unknown | Heard::NotOurs), "{heard:?}");
}

async fn change(app: &TestApp, statement: &'static str, id: &GenerationId, now: Timestamp) {
    let mut tx = app.db().begin().await.expect("a transaction");
    sqlx::query(statement).bind(id.as_str()).bind(now.0).execute(tx.connection()).await.expect("a change");
    tx.commit().await.expect("a commit");
}

/// Which generation a prediction was bought for, by the mark on it.
fn made_for(told: &Value) -> (GenerationId, PredictionId) {
    let url = told["webhook"].as_str().expect("a webhook");
    let id = url.rsplit('/').nth(1).expect("a generation");
    (GenerationId::trusted(id), PredictionId::trusted(told["id"].as_str().expect("an id")))
}

/// What the sandbox says of the prediction that this paid call made.
fn sold(app: &TestApp, id: &GenerationId, seq: i64) -> Value {
    let mark = hooks::path(id, seq);
    let told = app.sandbox.told().into_iter().find(|told| told["webhook"].as_str().is_some_and(|url| url.ends_with(&mark)));
    told.unwrap_or_else(|| panic!("nothing was sold under {mark}"))
}

/// Admits the one generation that waits, for a worker that will not be heard of again.
async fn admit(app: &TestApp) -> Job {
    let mut admitted = generation::admit(app.db(), "dead", 9, app.clock.now()).await.expect("the database").jobs;
    assert_eq!(admitted.len(), 1);
    admitted.remove(0)
}

/// Makes the paid call of an intent, and tells nobody.
async fn buy(app: &TestApp, job: &Job) -> Prediction {
    let url = format!("{}{}", app.process.url, hooks::path(&job.id, job.submit_seq));
    let webhook = Some(atelier::server::replicate::Webhook { url, events: vec![WebhookEvent::Start] });
    let input = serde_json::from_str(&job.input).expect("the input");
    let create = Create { model: job.model.clone(), version: job.model_version.clone(), input, webhook };
    app.tools.replicate.create(&create, Duration::from_mins(10)).await.expect("a prediction")
}

/// As much of a prediction as webhooks are judged by.
fn as_json(prediction: &Prediction) -> Value {
    json!({"id": prediction.id, "status": prediction.status.as_str(), "webhook": prediction.webhook, "input": prediction.input})
}

async fn secret(app: &TestApp) -> Secret {
    app.tools.replicate.webhook_secret().await.expect("the sandbox's secret")
}

/// Posts a genuine webhook of now.
async fn post(app: &TestApp, id: &GenerationId, seq: i64, message: &str, told: &Value) -> Answer {
    post_as(app, &secret(app).await, app.clock.now().0 / 1_000, id, seq, message, told).await
}

async fn post_as(
    app: &TestApp,
    secret: &Secret,
    seconds: i64,
    id: &GenerationId,
    seq: i64,
    message: &str,
    told: &Value,
) -> Answer {
    app.visitor().send(signed(app, secret, seconds, id, seq, message, told)).await
}

/// Posts a genuine webhook of now; how long its answer took, without what it took to write it.
async fn timed(app: &TestApp, id: &GenerationId, message: &str, told: &Value) -> (Answer, Duration) {
    let (visitor, secret) = (app.visitor(), secret(app).await);
    let request = signed(app, &secret, app.clock.now().0 / 1_000, id, 1, message, told);
    let begun = Instant::now();
    (visitor.send(request).await, begun.elapsed())
}

fn signed(
    app: &TestApp,
    secret: &Secret,
    seconds: i64,
    id: &GenerationId,
    seq: i64,
    message: &str,
    told: &Value,
) -> reqwest::RequestBuilder {
    let body = told.to_string();
    let signature = secret.sign(message, seconds, body.as_bytes());
    let request = app.visitor().bare(Method::POST, &hooks::path(id, seq)).body(body);
    let request = request.header("webhook-id", message).header("webhook-timestamp", seconds);
    request.header("webhook-signature", signature)
}

/// What came of every webhook, in the order in which they were heard.
async fn inbox(app: &TestApp) -> Vec<String> {
    let rows: Vec<(String,)> = sqlx::query_as("select outcome from inbox order by received_at, message_id desc")
        .fetch_all(app.db().pool())
        .await
        .expect("the inbox");
    rows.into_iter().map(|(outcome,)| outcome).collect()
}

fn canceled(app: &TestApp) -> usize {
    app.sandbox.invoice().iter().filter(|line| line.event == InvoiceEvent::Canceled).count()
}

/// What a webhook that does nothing must not change.
async fn row(app: &TestApp, id: &GenerationId) -> (String, i64, i64, Option<String>, i64) {
    sqlx::query_as("select state, version, lease_epoch, prediction_id, run_at from generation where id = $1")
        .bind(id.as_str())
        .fetch_one(app.db().pool())
        .await
        .expect("the row")
}

/// How many effects a generation's end had on the books.
async fn effects(app: &TestApp, id: &GenerationId) -> i64 {
    let (count,): (i64,) = sqlx::query_as("select count(*) from txn where ref = $1 and kind in ('capture', 'release')")
        .bind(id.as_str())
        .fetch_one(app.db().pool())
        .await
        .expect("the books");
    count
}
