//! The real verbs on a real database, with people and generations known by number.

use super::gates::{Gates, Pause, Scope};
use super::{Command, Outcome, PEOPLE, Seen, Sight, named, number};
use crate::support::TestApp;
use atelier::domain::{GenerationId, Model, ModelName, PersonId, RawRequest, Timestamp};
use atelier::server::generation::{self, Caps, Effects, Error, Job, KeptOutput, Requested, lease, limits};
use atelier::server::store::{Extension, Key};
use atelier::server::{ledger, model};
use bytes::Bytes;
use futures::future::join_all;
use sha2::{Digest, Sha256};
use sqlx::{FromRow, Row};

/// One database and what we call the people and generations in it.
pub struct House {
    /// The rest of it.
    pub app: TestApp,
    people: Vec<PersonId>,
    generations: Vec<GenerationId>,
    catalogue: Vec<Model>,
}

impl House {
    pub async fn open(app: TestApp) -> Self {
        let mut people = Vec::new();
        for name in PEOPLE {
            let browser = app.sign_up(name).await;
            people.push(app.person(&browser).await);
        }
        let catalogue = model::offered(app.db()).await.expect("the catalogue");
        Self { app, people, generations: Vec::new(), catalogue }
    }

    /// Of the model that everybody asks for.
    pub fn model_name(&self) -> ModelName {
        self.catalogue[0].name.clone()
    }

    pub async fn obey(&mut self, command: &Command) -> Outcome {
        let (db, now) = (self.app.db().clone(), self.app.clock.now());
        match command {
            Command::Request { .. } => self.request(command).await,
            Command::Cancel { person, generation } => {
                match generation::cancel(&db, &self.people[*person], &self.generations[*generation], now).await {
                    Ok(()) => Outcome::Done,
                    Err(Error::NotFound) => Outcome::NotFound,
                    Err(error) => panic!("{error}"),
                }
            }
            Command::Admit { worker, slots } => {
                let admitted = generation::admit(&db, worker, *slots, now).await.expect("the database");
                let jobs = admitted.jobs.into_iter().map(|job| self.as_modelled(job)).collect();
                Outcome::Admitted { jobs, troubled: admitted.troubled }
            }
            Command::Claim { worker } => {
                let jobs = generation::claim(&db, worker, 1_000, now).await.expect("the database");
                let mut jobs: Vec<_> = jobs.into_iter().map(|job| self.as_modelled(job)).collect();
                jobs.sort_by_key(|job| number(&job.id));
                Outcome::Taken(jobs)
            }
            Command::Record { before, after, effects } => {
                let (before, after) = (self.as_stored(before), self.as_stored(after));
                let files = join_all(effects.files.iter().map(|file| self.put(&before.id, file))).await;
                let effects = Effects { files, ..effects.clone() };
                Outcome::Written(generation::record(&db, &before, &after, &effects, now).await.expect("the database"))
            }
            Command::Heartbeat { worker, generations } => {
                let ids: Vec<_> = generations.iter().map(|at| self.generations[*at].clone()).collect();
                let held = generation::heartbeat(&db, worker, &ids, now).await.expect("the database");
                let mut held: Vec<_> = held.iter().map(|id| self.number(id)).collect();
                held.sort_unstable();
                Outcome::Held(held)
            }
            Command::Sweep => Outcome::Counted(generation::sweep(&db, now).await.expect("the database")),
            Command::Resume { scope } => Outcome::Resumed(limits::resume(&db, &self.text(*scope)).await.expect("the database")),
            quiet => self.obey_quietly(quiet).await,
        }
    }

    /// Commands that have nothing to answer.
    async fn obey_quietly(&mut self, command: &Command) -> Outcome {
        let (db, now) = (self.app.db(), self.app.clock.now());
        match command {
            Command::HandBack { worker } => lease::hand_back(db, worker, now).await.expect("the database"),
            Command::Grant { person, credits } => self.app.grant(&self.people[*person], *credits).await,
            Command::Allow { caps } => limits::allow(db, *caps).await.expect("the database"),
            Command::Pause { scope } => limits::pause(db, &self.text(*scope), "in a test").await.expect("the database"),
            Command::Pass { milliseconds } => self.app.clock.advance_ms(*milliseconds),
            other => panic!("somebody forgot {other:?}"),
        }
        Outcome::Done
    }

    /// The catalogue is handed in, so a changed price is another catalogue.
    async fn request(&mut self, command: &Command) -> Outcome {
        let Command::Request { source, person, key, wish, count, quoted, unit_price } = command else {
            panic!("{command:?} is no request")
        };
        let press = RawRequest {
            request_key: format!("key-{key}"),
            prompt: format!("wish {wish}"),
            count: count.to_string(),
            quoted_price: quoted.map(|quoted| quoted.to_string()).unwrap_or_default(),
            ..RawRequest::default()
        };
        self.catalogue[0].price.unit = *unit_price;
        let (owner, now) = (&self.people[*person], self.app.clock.now());
        match generation::request_from(source.clone(), &self.app.process.app.desk, owner, &press, &self.catalogue, now).await {
            Ok(Requested::New(id)) => {
                self.generations.push(id);
                Outcome::Requested { generation: self.generations.len() - 1, new: true }
            }
            Ok(Requested::Again(id)) => Outcome::Requested { generation: self.number(&id), new: false },
            Err(Error::Refused(refusal)) => Outcome::Refused(refusal),
            Err(error) => panic!("{error}"),
        }
    }

    /// Something is in the store before a row says so, as everywhere.
    async fn put(&self, id: &GenerationId, file: &KeptOutput) -> KeptOutput {
        let bytes = Bytes::from(format!("{id} {}", file.place));
        let key = Key::output(id, u32::try_from(file.place).expect("a place"), Extension::Webp);
        self.app.tools.store.put_bytes(&key, bytes.clone()).await.expect("the store");
        let length = i64::try_from(bytes.len()).expect("a length");
        let sha256 = hex::encode(Sha256::digest(&bytes));
        KeptOutput { object_key: key.to_string(), bytes: length, sha256, ..file.clone() }
    }

    pub async fn sight(&self) -> Sight {
        let rows = sqlx::query(
            "select g.*, h.state as hold_state, h.captured as hold_captured,
                    (select count(*) from output o where o.generation_id = g.id) as kept
             from generation g join hold h on h.generation_id = g.id order by g.created_at, g.id",
        );
        let rows = rows.fetch_all(self.app.db().pool()).await.expect("the rows");
        let rows = rows.iter().map(|row| Seen {
            job: self.as_modelled(Job::from_row(row).expect("a row")),
            version: row.get("version"),
            hold: (row.get("hold_state"), row.get("hold_captured")),
            kept: row.get("kept"),
        });
        let mut balances = Vec::new();
        for person in &self.people {
            let balance = ledger::balance(self.app.db(), person).await.expect("a balance");
            balances.push((balance.posted.0, balance.held.0));
        }
        Sight { rows: rows.collect(), balances, gates: self.gates().await }
    }

    async fn gates(&self) -> Gates {
        let db = self.app.db();
        let allowance = async |name: &'static str| {
            let amount = sqlx::query_as("select amount from allowance where name = $1").bind(name);
            let (amount,): (i64,) = amount.fetch_one(db.pool()).await.expect("an allowance");
            amount
        };
        let bucket = sqlx::query_as("select parts, refilled_at, blocked_until from bucket");
        let (parts, refilled_at, blocked_until): (i64, i64, i64) = bucket.fetch_one(db.pool()).await.expect("the bucket");
        let pauses = sqlx::query_as("select scope, until, failures from pause").fetch_all(db.pool()).await.expect("the pauses");
        let pause = |(scope, until, failures): (String, Option<i64>, i64)| {
            (self.scope(&scope), Pause { until: until.map(Timestamp), failures })
        };
        Gates {
            caps: Caps {
                in_flight: allowance("in_flight").await,
                per_person: allowance("per_person").await,
                creates_per_minute: allowance("creates_per_minute").await,
            },
            parts,
            refilled_at: Timestamp(refilled_at),
            blocked_until: Timestamp(blocked_until),
            pauses: pauses.into_iter().map(pause).collect(),
        }
    }

    /// As the database has it.
    fn text(&self, scope: Scope) -> String {
        match scope {
            Scope::Global => "global".to_owned(),
            Scope::Model => format!("model:{}", self.catalogue[0].name),
            Scope::Person(person) => format!("person:{}", self.people[person]),
            Scope::Account => "account".to_owned(),
            Scope::Provider => "provider".to_owned(),
        }
    }

    fn scope(&self, text: &str) -> Scope {
        let people = (0..self.people.len()).map(Scope::Person);
        let mut all = [Scope::Global, Scope::Model, Scope::Account, Scope::Provider].into_iter().chain(people);
        all.find(|scope| self.text(*scope) == text).expect("a scope of ours")
    }

    fn number(&self, id: &GenerationId) -> usize {
        self.generations.iter().position(|known| known == id).expect("a generation of ours")
    }

    /// With the model's ids. The input holds a seed made of the id, which is another in every house.
    fn as_modelled(&self, job: Job) -> Job {
        let owner = self.people.iter().position(|person| *person == job.owner_id).expect("one of our people");
        Job { id: named(self.number(&job.id)), owner_id: PersonId::trusted(owner.to_string()), input: String::new(), ..job }
    }

    /// With this database's ids.
    fn as_stored(&self, job: &Job) -> Job {
        let owner: usize = job.owner_id.as_str().parse().expect("a number");
        Job { id: self.generations[number(&job.id)].clone(), owner_id: self.people[owner].clone(), ..job.clone() }
    }
}
