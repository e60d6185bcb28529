//! Webhooks out: what happened is told, signed, once by whoever comes first, and again for as long as it is worth it.

use crate::support::{Browser, TestApp, both_databases};
use atelier::domain::{GenerationId, PersonId, State};
use atelier::server::db::Db;
use atelier::server::outbox::{self, Sender, log, secret};
use atelier::server::replicate::WebhookEvent;
use atelier::server::replicate::webhook::{self, Message, Secret};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use secrecy::ExposeSecret;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// Somebody who listens: says what it was told to say, and keeps what it heard.
#[derive(Clone)]
struct Receiver {
    url: String,
    says: Arc<Mutex<StatusCode>>,
    heard: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook?mine=1", listener.local_addr().expect("an address"));
        let receiver = Self { url, says: Arc::new(Mutex::new(StatusCode::NO_CONTENT)), heard: Arc::default() };
        let (says, heard) = (Arc::clone(&receiver.says), Arc::clone(&receiver.heard));
        let hear = move |headers: HeaderMap, body: Bytes| {
            heard.lock().expect("what was heard").push((headers, body));
            let status = *says.lock().expect("what it says");
            async move { status }
        };
        let router = Router::new().route("/hook", post(hear));
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    fn say(&self, status: u16) {
        *self.says.lock().expect("what it says") = StatusCode::from_u16(status).expect("a status");
    }

    fn heard(&self) -> Vec<(HeaderMap, Bytes)> {
        self.heard.lock().expect("what was heard").clone()
    }

    fn ids(&self) -> Vec<String> {
        self.heard().iter().map(|(headers, _)| text(headers, "webhook-id").to_owned()).collect()
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers[name].to_str().expect("text")
}

/// Names an address with a generation, as a program does with its request.
async fn name(app: &TestApp, id: &GenerationId, url: &str, events: &[WebhookEvent]) {
    let mut tx = app.db().begin().await.expect("a transaction");
    sqlx::query("update generation set webhook = $2, webhook_events = $3 where id = $1")
        .bind(id.as_str())
        .bind(url)
        .bind(outbox::stored(events))
        .execute(tx.connection())
        .await
        .expect("the generation");
    tx.commit().await.expect("a commit");
}

/// A generation that tells this address of itself.
async fn telling(app: &TestApp, browser: &Browser, prompt: &str, url: &str) -> GenerationId {
    let id = browser.trigger(prompt).await;
    name(app, &id, url, &[]).await;
    id
}

fn sender(app: &TestApp) -> Sender {
    app.process.app.sender()
}

async fn send(app: &TestApp) -> usize {
    sender(app).send_due().await.expect("the database")
}

async fn log_of(app: &TestApp, person: &PersonId) -> Vec<log::Delivery> {
    log::deliveries(app.db(), person, 100).await.expect("the database")
}

async fn secret_of(db: &Db, app: &TestApp, person: &PersonId) -> Secret {
    let secret = outbox::secret(db, person, app.clock.now()).await.expect("the database");
    secret.expose_secret().parse().expect("a secret")
}

/// Whether one of `secrets` proves what was heard.
fn proves(app: &TestApp, secrets: &[Secret], (headers, body): &(HeaderMap, Bytes)) -> bool {
    let (id, timestamp, signature) =
        (text(headers, "webhook-id"), text(headers, "webhook-timestamp"), text(headers, "webhook-signature"));
    webhook::verify(secrets, &Message { id, timestamp, signature, body }, app.clock.now()).is_ok()
}

both_databases! {
    async fn se_25_an_end_is_told_once_and_whoever_hears_it_can_prove_whose_it_is(app: TestApp) {
        let (mika, receiver) = (app.sign_up("mika").await, Receiver::start().await);
        let (person, noor) = (app.person(&mika).await, app.sign_up("noor").await);
        let id = telling(&app, &mika, "a lighthouse", &receiver.url).await;
        let silent = mika.trigger("a windmill").await;
        assert_eq!(send(&app).await, 0);
        app.settle_all().await;
        assert_eq!((send(&app).await, send(&app).await), (1, 0), "the other named no address");
        let heard = receiver.heard().pop().expect("a message");
        assert_eq!(text(&heard.0, "content-type"), "application/json");
        assert!(proves(&app, &[secret_of(app.db(), &app, &person).await], &heard));
        let noors = app.person(&noor).await;
        assert!(!proves(&app, &[secret_of(app.db(), &app, &noors).await], &heard), "everybody has a secret of their own");
        let told: Value = serde_json::from_slice(&heard.1).expect("JSON");
        assert_eq!((told["id"].as_str(), told["status"].as_str()), (Some(id.as_str()), Some("succeeded")));
        let file = told["output"][0].as_str().expect("an address");
        assert!(file.starts_with(&format!("{}/o/{id}-", app.process.url)), "{file}");
        assert!(!heard.1.windows(36).any(|part| part == silent.as_str().as_bytes()));
        let log = log_of(&app, &person).await;
        assert_eq!((log.len(), log[0].attempts, log[0].last_status, log[0].next_at), (1, 1, Some(204), None));
        assert!(log[0].delivered_at.is_some() && log[0].disabled_at.is_none());
        app.finish().await;
    }

    async fn every_way_to_end_is_told_and_only_what_was_asked_for_before_that(app: TestApp) {
        let (mika, receiver) = (app.sign_up("mika").await, Receiver::start().await);
        let person = app.person(&mika).await;
        let failed = telling(&app, &mika, "#fail", &receiver.url).await;
        let canceled = telling(&app, &mika, "a windmill", &receiver.url).await;
        mika.post(&format!("/g/{canceled}/cancel"), &[]).await;
        let all = mika.trigger("a lighthouse").await;
        name(&app, &all, &receiver.url, &WebhookEvent::ALL).await;
        app.settle_all().await;
        let late = telling(&app, &mika, "too late", &receiver.url).await;
        app.clock.advance_ms(20 * 60 * 1_000);
        app.settle_all().await;
        send(&app).await;
        let told: Vec<Value> = receiver.heard().iter().map(|(_, body)| serde_json::from_slice(body).expect("JSON")).collect();
        for (id, status) in [(failed, "failed"), (canceled, "canceled"), (late, "failed")] {
            let of_it: Vec<_> = told.iter().filter(|told| told["id"] == id.as_str()).collect();
            assert_eq!(of_it.len(), 1, "{of_it:?}");
            assert_eq!(of_it[0]["status"], status);
        }
        let events: BTreeSet<_> = log_of(&app, &person).await.into_iter().filter(|sent| sent.generation_id == all).map(|sent| sent.event).collect();
        assert!(events.contains("completed") && events.contains("start"), "{events:?}");
        app.finish().await;
    }

    async fn what_grows_is_told_twice_a_second_at_most_and_not_at_all_when_it_is_old(app: TestApp) {
        let (mika, receiver) = (app.sign_up("mika").await, Receiver::start().await);
        let person = app.person(&mika).await;
        let id = telling(&app, &mika, "a lighthouse", &receiver.url).await;
        let grow = async || {
            let mut tx = app.db().begin().await.expect("a transaction");
            outbox::post(&mut tx, &id, WebhookEvent::Output, app.clock.now());
            outbox::post(&mut tx, &id, WebhookEvent::Logs, app.clock.now());
            tx.commit().await.expect("a commit");
            app.clock.advance_ms(100);
        };
        for _ in 0..10 {
            grow().await;
            send(&app).await;
        }
        assert_eq!(log_of(&app, &person).await.len(), 2, "one at once and one half a second later, and no logs");
        assert_eq!(receiver.heard().len(), 2);
        for _ in 0..10 {
            grow().await;
        }
        assert_eq!(log_of(&app, &person).await.len(), 3, "what waits to be told will tell of all of it");
        app.clock.advance_ms(120_000);
        assert_eq!(send(&app).await, 1);
        assert_eq!(receiver.heard().len(), 2);
        let late = log_of(&app, &person).await.remove(0);
        assert_eq!((late.next_at, late.last_error.as_deref()), (None, Some("stale")));
        app.settle_all().await;
        app.finish().await;
    }

    async fn a_generation_is_told_in_the_order_it_went_and_never_after_its_end(app: TestApp) {
        let (mika, receiver) = (app.sign_up("mika").await, Receiver::start().await);
        let person = app.person(&mika).await;
        let id = mika.trigger("a lighthouse").await;
        name(&app, &id, &receiver.url, &WebhookEvent::ALL).await;
        app.settle_all().await;
        let sent = send(&app).await;
        let log: Vec<String> = log_of(&app, &person).await.into_iter().rev().map(|sent| sent.event).collect();
        assert_eq!((log.first().map(String::as_str), log.last().map(String::as_str)), (Some("start"), Some("completed")), "{log:?}");
        assert!(log.iter().any(|event| event == "logs"), "{log:?}");
        assert_eq!(sent, log.len());
        let told: Vec<Value> = receiver.heard().iter().map(|(_, body)| serde_json::from_slice(body).expect("JSON")).collect();
        let (end, before) = told.split_last().expect("messages");
        assert!(before.iter().all(|told| told["status"] == "processing" && told["completed_at"].is_null()), "{before:?}");
        assert_eq!(end["status"], "succeeded");
        assert!(end["logs"].as_str().is_some_and(|logs| !logs.is_empty()), "{end}");
        app.finish().await;
    }

    async fn an_end_waits_while_somebody_may_still_be_telling_what_came_before(app: TestApp) {
        let (mika, receiver) = (app.sign_up("mika").await, Receiver::start().await);
        let id = mika.trigger("a lighthouse").await;
        name(&app, &id, &receiver.url, &[WebhookEvent::Start, WebhookEvent::Completed]).await;
        app.settle_all().await;
        let mut tx = app.db().begin().await.expect("a transaction");
        let died = "update webhook_out set leased_until = $1, attempts = 1 where event = 'start'";
        sqlx::query(died).bind(app.clock.now().plus_ms(30_000).0).execute(tx.connection()).await.expect("a lease");
        tx.commit().await.expect("a commit");
        assert_eq!(send(&app).await, 0, "the node that leased it may be sending it");
        app.clock.advance_ms(30_000);
        assert_eq!(send(&app).await, 2);
        app.finish().await;
    }

    async fn an_address_is_tried_once_and_what_is_asked_for_again_is_never_too_old(app: TestApp) {
        let (mika, receiver) = (app.sign_up("mika").await, Receiver::start().await);
        let person = app.person(&mika).await;
        let tried = || log::try_out(app.db(), &person, &receiver.url, app.clock.now());
        assert_eq!(tried().await.expect("the database"), log::Trial::NothingToTell);
        telling(&app, &mika, "a lighthouse", "https://nobody.example.com/").await;
        app.settle_all().await;
        receiver.say(500);
        let log::Trial::Sent(id) = tried().await.expect("the database") else { panic!("nothing was sent") };
        assert!(log::is_due(app.db(), &person, &id, app.clock.now()).await.expect("the database"));
        send(&app).await;
        assert_eq!(receiver.ids().first(), Some(&id));
        let log = log_of(&app, &person).await;
        let trial = log.iter().find(|sent| sent.id == id).expect("the trial");
        assert_eq!((trial.last_status, trial.next_at, trial.took_ms.is_some()), (Some(500), None, true), "it is not tried again");
        app.clock.advance_ms(60 * 60 * 1_000);
        receiver.say(200);
        assert!(log::redeliver(app.db(), &person, &id, app.clock.now()).await.expect("the database"));
        send(&app).await;
        assert_eq!(receiver.ids(), [id.clone(), id]);
        for _ in 0..9 {
            tried().await.expect("the database");
        }
        assert!(matches!(tried().await.expect("the database"), log::Trial::Sent(_)), "an hour later there is room");
        assert_eq!(tried().await.expect("the database"), log::Trial::TooMany);
        app.finish().await;
    }

    async fn se_30_nobody_sees_or_moves_what_was_told_to_anothers_programs(app: TestApp) {
        let (mika, noor, receiver) = (app.sign_up("mika").await, app.sign_up("noor").await, Receiver::start().await);
        telling(&app, &mika, "a lighthouse", &receiver.url).await;
        app.settle_all().await;
        receiver.say(410);
        send(&app).await;
        let id = log_of(&app, &app.person(&mika).await).await[0].id.clone();
        let secret = outbox::secret(app.db(), &app.person(&mika).await, app.clock.now()).await.expect("the database");
        let (hers, others) = (mika.get("/webhooks").await.text(), noor.get("/webhooks").await.text());
        for part in [id.as_str(), receiver.url.as_str(), secret.expose_secret()] {
            assert!(hers.contains(part) && !others.contains(part), "{part}");
        }
        for nobodys in [id.as_str(), "msg_00000000000000000000000000000000"] {
            assert_eq!(noor.post(&format!("/webhooks/{nobodys}/redeliver"), &[]).await.status, 404, "{nobodys}");
        }
        assert_eq!(noor.post("/webhooks/enable", &[("url", &receiver.url)]).await.status, 303);
        assert_eq!(app.count("select count(*) from webhook_off").await, 1, "hers is still off");
        assert_eq!(mika.post("/webhooks/enable", &[("url", &receiver.url)]).await.status, 303);
        assert_eq!(app.count("select count(*) from webhook_off").await, 0);
        assert_eq!(noor.post("/webhooks/secret", &[]).await.status, 303);
        let after = outbox::secret(app.db(), &app.person(&mika).await, app.clock.now()).await.expect("the database");
        assert_eq!(after.expose_secret(), secret.expose_secret());
        app.finish().await;
    }

    async fn only_an_address_that_a_request_may_name_can_be_tried(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for url in ["", "ftp://a.example.com/", "http://a.example.com/", "https://", "not an address"] {
            let answer = mika.post("/webhooks/test", &[("url", url)]).await;
            assert_eq!(answer.status, 422, "{url}");
            assert!(answer.text().contains("aria-invalid=\"true\""), "{url}");
        }
        assert_eq!(app.count("select count(*) from webhook_out").await, 0);
        app.finish().await;
    }

    async fn se_25_an_end_that_nobody_takes_is_told_for_a_day_and_then_the_address_is_left_alone(app: TestApp) {
        let (mika, receiver) = (app.sign_up("mika").await, Receiver::start().await);
        let person = app.person(&mika).await;
        receiver.say(503);
        telling(&app, &mika, "a lighthouse", &receiver.url).await;
        app.settle_all().await;
        let began = app.clock.now();
        while let Some(next) = log_of(&app, &person).await[0].next_at {
            assert!(app.clock.now().since(began) < 36 * 60 * 60 * 1_000);
            app.clock.advance_ms(next.since(app.clock.now()).max(0));
            assert_eq!(send(&app).await, 1);
        }
        let hours = app.clock.now().since(began) / 3_600_000;
        assert!((17..=28).contains(&hours), "{hours}");
        let ids = receiver.ids();
        assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (12, 1), "the same message each time");
        let bodies: BTreeSet<_> = receiver.heard().into_iter().map(|(_, body)| body).collect();
        assert_eq!(bodies.len(), 1);
        assert_eq!(app.count("select count(*) from webhook_off where reason = 'failing'").await, 1);
        telling(&app, &mika, "a windmill", &receiver.url).await;
        app.settle_all().await;
        assert_eq!((send(&app).await, log_of(&app, &person).await.len()), (0, 1), "nothing more is written down for it");
        receiver.say(200);
        assert!(!log::redeliver(app.db(), &app.person(&app.sign_up("noor").await).await, &ids[0], app.clock.now()).await.expect("the database"));
        assert!(log::redeliver(app.db(), &person, &ids[0], app.clock.now()).await.expect("the database"));
        assert_eq!((send(&app).await, receiver.ids().last()), (1, Some(&ids[0])));
        assert!(log_of(&app, &person).await[0].delivered_at.is_some());
        assert_eq!(app.count("select count(*) from webhook_off").await, 0);
        app.clock.advance_ms(31 * 24 * 60 * 60 * 1_000);
        assert_eq!(log::forget_old(app.db(), app.clock.now()).await.expect("the database"), 1);
        app.finish().await;
    }

    async fn se_25_an_address_that_says_it_is_gone_hears_nothing_more(app: TestApp) {
        let (mika, receiver) = (app.sign_up("mika").await, Receiver::start().await);
        let person = app.person(&mika).await;
        receiver.say(500);
        for prompt in ["a", "b", "c"] {
            telling(&app, &mika, prompt, &receiver.url).await;
        }
        app.settle_all().await;
        assert_eq!(send(&app).await, 3);
        receiver.say(410);
        let next = log_of(&app, &person).await.iter().filter_map(|sent| sent.next_at).min().expect("another try");
        app.clock.advance_ms(next.since(app.clock.now()));
        send(&app).await;
        let log = log_of(&app, &person).await;
        assert!(log.iter().all(|sent| sent.next_at.is_none() && sent.disabled_at.is_some()), "{log:?}");
        assert_eq!(app.count("select count(*) from webhook_off where reason = 'gone'").await, 1);
        app.finish().await;
    }

    async fn se_25_an_address_that_leads_inside_or_elsewhere_is_never_followed(app: TestApp) {
        let (mika, receiver) = (app.sign_up("mika").await, Receiver::start().await);
        let person = app.person(&mika).await;
        for url in ["https://169.254.169.254/latest/meta-data", "http://192.168.0.1/", "https://localhost/", "not an address"] {
            telling(&app, &mika, "a lighthouse", url).await;
        }
        receiver.say(307);
        telling(&app, &mika, "a lighthouse", &receiver.url).await;
        app.settle_all().await;
        assert_eq!(send(&app).await, 5);
        let log = log_of(&app, &person).await;
        assert_eq!(log.iter().filter(|sent| sent.last_error.as_deref() == Some("address") && sent.next_at.is_none()).count(), 4);
        assert_eq!(log.iter().filter(|sent| sent.last_status == Some(307) && sent.next_at.is_some()).count(), 1);
        assert_eq!(receiver.heard().len(), 1);
        app.finish().await;
    }

    async fn many_nodes_send_each_message_once_and_what_one_died_with_is_sent_by_another(app: TestApp) {
        let (mika, noor, receiver) = (app.sign_up("mika").await, app.sign_up("noor").await, Receiver::start().await);
        for n in 0..12 {
            telling(&app, if n % 2 == 0 { &mika } else { &noor }, "a lighthouse", &receiver.url).await;
        }
        app.settle_all().await;
        let mut tx = app.db().begin().await.expect("a transaction");
        let died = "update webhook_out set leased_until = $1, attempts = 1 where id = (select min(id) from webhook_out)";
        sqlx::query(died).bind(app.clock.now().plus_ms(30_000).0).execute(tx.connection()).await.expect("a lease");
        tx.commit().await.expect("a commit");
        let others = [app.connect().await, app.connect().await, app.connect().await];
        let sending = others.map(|db| {
            let sender = Sender { db, ..sender(&app) };
            tokio::spawn(async move { sender.send_due().await.expect("the database") })
        });
        let mut sent = 0;
        for sending in sending {
            sent += sending.await.expect("no panic");
        }
        // Whoever looks while the others are at it finds nothing due, and leaves what they left.
        sent += send(&app).await;
        assert_eq!((sent, receiver.ids().len(), receiver.ids().iter().collect::<BTreeSet<_>>().len()), (11, 11, 11));
        app.clock.advance_ms(29_999);
        assert_eq!(send(&app).await, 0, "somebody may still be at it");
        app.clock.advance_ms(1);
        assert_eq!(send(&app).await, 1);
        assert_eq!(receiver.ids().iter().collect::<BTreeSet<_>>().len(), 12);
        app.finish().await;
    }

    async fn a_secret_is_made_once_and_while_it_is_changed_both_sign(app: TestApp) {
        let (mika, receiver) = (app.sign_up("mika").await, Receiver::start().await);
        let person = app.person(&mika).await;
        let asking = (0..8).map(|_| outbox::secret(app.db(), &person, app.clock.now()));
        let told: BTreeSet<String> = futures::future::join_all(asking)
            .await
            .into_iter()
            .map(|secret| secret.expect("the database").expose_secret().to_owned())
            .collect();
        assert_eq!(told.len(), 1);
        let first = told.first().expect("a secret");
        assert!(first.starts_with("whsec_") && first.len() >= 6 + 32, "at least 24 bytes");
        let old = secret_of(app.db(), &app, &person).await;
        secret::rotate(app.db(), &person, app.clock.now()).await.expect("the database");
        let new = secret_of(app.db(), &app, &person).await;
        telling(&app, &mika, "a lighthouse", &receiver.url).await;
        app.settle_all().await;
        send(&app).await;
        let heard = receiver.heard().pop().expect("a message");
        assert!(proves(&app, std::slice::from_ref(&old), &heard) && proves(&app, std::slice::from_ref(&new), &heard));
        app.clock.advance_ms(secret::OVERLAP_MS);
        telling(&app, &mika, "a windmill", &receiver.url).await;
        app.settle_all().await;
        send(&app).await;
        let heard = receiver.heard().pop().expect("a message");
        assert!(!proves(&app, &[old], &heard) && proves(&app, &[new], &heard));
        assert_eq!(app.states().await, [State::Succeeded; 2]);
        app.finish().await;
    }
}
