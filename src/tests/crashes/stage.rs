//! One script, one house, one generation after the other: each schedule is played here, and looked at afterwards.

use super::life::Company;
use super::{Script, Twist};
use crate::support::TestApp;
use atelier::domain::{GenerationId, Model, PersonId, RawRequest, State};
use atelier::server::crash::Point;
use atelier::server::db::mint;
use atelier::server::generation::{self, DEADLINE_MS};
use atelier::server::model;
use atelier::server::worker::reach::Reach;
use atelier::server::worker::{Tools, Worker};

/// More turns than any schedule needs.
const TURNS: usize = 500;
/// How long after its deadline the last end may come: a worker died just then, and its lease had to run out.
const AFTER_DEADLINE_MS: i64 = 2 * 60 * 1_000;
/// Between two schedules: nothing of one is in the window where another looks for lost predictions.
const APART_MS: i64 = 10 * 60 * 1_000;
/// An original and its two thumbnails.
const FILES_OF_AN_OUTPUT: usize = 3;

/// Where all schedules of one script are played, one generation after the other.
pub struct Stage {
    pub app: TestApp,
    pub script: Script,
    owner: PersonId,
    catalogue: Vec<Model>,
}

/// What was there before a schedule.
struct Before {
    balance: (i64, i64),
    bought: usize,
}

/// What came of a schedule.
pub struct Played {
    /// What each process came to.
    pub lives: Vec<Vec<Point>>,
    /// Every promise that was broken.
    pub wrong: Vec<String>,
}

impl Stage {
    pub async fn open(app: TestApp, script: Script) -> Self {
        let browser = app.sign_up("mika").await;
        let owner = app.person(&browser).await;
        app.grant(&owner, 10_000).await;
        let catalogue = model::offered(app.db()).await.expect("the catalogue");
        Self { app, script, owner, catalogue }
    }

    /// Plays a schedule, after which every promise has to be kept. What each process came to.
    pub async fn play_right(&self, deaths: &[usize]) -> Vec<Vec<Point>> {
        let Played { lives, wrong } = self.play(deaths).await;
        let seen: Vec<_> = lives.iter().map(|seen| seen.last()).collect();
        assert!(wrong.is_empty(), "{} after deaths at visits {deaths:?}, {seen:?}: {wrong:#?}", self.script.prompt);
        lives
    }

    /// Plays the script once: the first process dies at its visit `deaths[0]`, the next at `deaths[1]`, the last one
    /// lives.
    pub async fn play(&self, deaths: &[usize]) -> Played {
        self.app.clock.advance_ms(APART_MS);
        let before = Before { balance: self.app.balance(&self.owner).await, bought: self.app.bought() };
        let mut company = Company::new(deaths);
        let id = self.press(&mut company).await;
        self.see_through(&id, &mut company).await;
        let wrong = self.check(&id, &before, &company.died_at()).await;
        Played { lives: company.end().await, wrong }
    }

    /// Presses the button, again with the same key when the process dies of it.
    async fn press(&self, company: &mut Company) -> GenerationId {
        let press = RawRequest {
            request_key: mint(),
            prompt: format!("{} {}", self.script.prompt, mint()),
            count: self.script.count.to_string(),
            ..RawRequest::default()
        };
        loop {
            let now = self.app.clock.now();
            let request = generation::request(&self.app.process.app.desk, &self.owner, &press, &self.catalogue, now);
            match company.life.live(request).await {
                Some(requested) => return requested.expect("it is taken").id().clone(),
                None => company.next(&self.app).await,
            }
        }
    }

    /// Turns workers until it is over.
    async fn see_through(&self, id: &GenerationId, company: &mut Company) {
        let mut worker = self.worker();
        let (deadline, mut twist) = (self.app.clock.now().plus_ms(DEADLINE_MS), self.script.twist);
        for _ in 0..TURNS {
            let state = self.app.state(id).await;
            if state.is_terminal() {
                return;
            }
            let turned = match twist {
                Twist::Cancel(at) if at == state => {
                    twist = Twist::None;
                    generation::cancel(self.app.db(), &self.owner, id, self.app.clock.now()).await.expect("it is theirs");
                    continue;
                }
                Twist::Deadline(at) if at == state => {
                    twist = Twist::None;
                    self.app.clock.advance_ms(deadline.since(self.app.clock.now()));
                    continue;
                }
                Twist::StoreAway if state == State::Storing => {
                    twist = Twist::None;
                    self.app.take_store_away();
                    let turned = company.life.live(worker.turn()).await;
                    self.app.bring_store_back();
                    turned
                }
                _ => company.life.live(worker.turn()).await,
            };
            match turned {
                None => {
                    company.next(&self.app).await;
                    worker = self.worker();
                    if twist == Twist::BeginAgain {
                        let again = "update generation set state = 'queued', lease_owner = null, lease_until = 0 where state = 'submitting'";
                        self.app.meddle(again).await.expect("the row");
                    }
                }
                Some(turned) => {
                    let did_something = turned.expect("a turn") > 0;
                    assert!(did_something || self.app.move_on().await, "forgotten as {state:?} after {:?}", company.died_at());
                }
            }
        }
        panic!("{} never ends", self.script.prompt);
    }

    /// One of a new process, which remembers nothing.
    fn worker(&self) -> Worker {
        Worker::new(Tools { reach: Reach::default(), ..self.app.tools.clone() })
    }

    /// One end, one effect on the books, the files iff it succeeded, nothing bought that the script does not allow.
    async fn check(&self, id: &GenerationId, before: &Before, died_at: &[Point]) -> Vec<String> {
        let (app, script) = (&self.app, &self.script);
        let state = app.state(id).await;
        let in_the_dark = died_at.iter().filter(|point| matches!(point, Point::Admitted | Point::Sending)).count();
        let kept = if state == State::Succeeded { script.kept } else { 0 };
        let taken = i64::try_from(kept).expect("a few") * self.catalogue[0].price.unit.0;
        let (spendable, held) = before.balance;
        let row = Row::read(app, id).await;
        let late = row.finished_at - row.created_at - DEADLINE_MS;
        let bought = app.bought() - before.bought;
        let promises = [
            (state == script.end || (in_the_dark > 1 && state == script.or), format!("it ended as {state:?}")),
            (app.objects(id) == kept * FILES_OF_AN_OUTPUT, format!("{} objects", app.objects(id))),
            (app.balance(&self.owner).await == (spendable - taken, held), format!("the balance, after {:?}", before.balance)),
            (row.holds == 1 && row.captures + row.releases == 1, "effects on the books".to_owned()),
            (row.captures == i64::from(kept > 0) && row.captured == taken, format!("{} taken", row.captured)),
            (late <= AFTER_DEADLINE_MS, format!("{late} ms after its deadline")),
            (script.bought.contains(&bought), format!("{bought} bought")),
            (i64::try_from(bought) == Ok(row.known), format!("{bought} bought, {} written down", row.known)),
        ];
        promises.into_iter().filter(|(kept, _)| !kept).map(|(_, broken)| broken).collect()
    }

    /// Ends it. A process clears the spool when it starts: who dies after the last commit leaves a file that nobody needs.
    pub async fn close(self) {
        self.app.worker.clear_spool().await.expect("the spool");
        self.app.finish().await;
    }
}

/// What the database has of one generation.
#[derive(sqlx::FromRow)]
struct Row {
    captured: i64,
    created_at: i64,
    finished_at: i64,
    holds: i64,
    captures: i64,
    releases: i64,
    known: i64,
}

impl Row {
    async fn read(app: &TestApp, id: &GenerationId) -> Self {
        sqlx::query_as(
            "select captured, created_at, finished_at,
                    (select count(*) from txn where kind = 'hold' and ref = g.id) as holds,
                    (select count(*) from txn where kind = 'capture' and ref = g.id) as captures,
                    (select count(*) from txn where kind = 'release' and ref = g.id) as releases,
                    (select count(*) from submission s where s.generation_id = g.id and s.prediction_id is not null) as known
             from generation g where id = $1",
        )
        .bind(id.as_str())
        .fetch_one(app.db().pool())
        .await
        .expect("an end that was written down")
    }
}
