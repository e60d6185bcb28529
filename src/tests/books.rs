//! The ledger under chance: random verbs, alone and several in one transaction, asked for again, and died in before and
//! after the commit. After every step the database holds what a model in memory holds, and every promise of the books.
//!
//! `ATELIER_SEEDS` and `ATELIER_SEED` choose the sequences, as for the simulator. Each of the mutants is the ledger of a
//! house that does one thing wrong, and has to be found.

mod model;

use crate::support::{Database, Memory, seeds};
use atelier::domain::{Credits, GenerationId, PersonId, Timestamp};
use atelier::server::db::{Db, Tx, mint};
use atelier::server::ledger::{self, Grant};
use model::{Account, Answer, Books, Hold, Verb};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::time::Instant;

/// Sequences when nobody says otherwise, and the steps in each.
const SEEDS: u64 = 200;
const STEPS: usize = 60;
/// A mutant is found within this many sequences.
const MUTANT_SEEDS: u64 = 20;
const PEOPLE: usize = 3;
/// Generations and grants there may be; few, so that much is asked for twice.
const THINGS: usize = 24;
/// What a hold may cost, per output.
const UNIT_PRICES: std::ops::RangeInclusive<i64> = 1..=3;

/// One thing that a ledger can do wrong, by the race of the common recipe that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutant {
    /// R2: a balance is written as it was read before the step.
    LostUpdate,
    /// R4, R5: the work is recorded and nothing is held for it.
    FreeWork,
    /// R10: the end is recorded and the hold forgotten.
    ForgottenHold,
    /// R11: what is released again is given again.
    ReleasedTwice,
    /// R6: a death in the middle leaves the first half.
    HalfCommitted,
    /// R15: all is taken, however little was delivered.
    TakesAll,
    /// R20: a grant that is told again is granted again.
    GrantedTwice,
}

impl Mutant {
    const ALL: [Self; 7] = [
        Self::LostUpdate,
        Self::FreeWork,
        Self::ForgottenHold,
        Self::ReleasedTwice,
        Self::HalfCommitted,
        Self::TakesAll,
        Self::GrantedTwice,
    ];
}

/// How a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Committed,
    /// Whoever did it died before the commit.
    DiedBefore,
    /// The commit went through and nobody heard: it will be asked for again.
    DiedAfter,
}

/// The ledger of one database, beside the model of it.
struct Bench {
    db: Db,
    seed: u64,
    chance: StdRng,
    now: Timestamp,
    mutant: Option<Mutant>,
    people: Vec<PersonId>,
    books: Books,
    answers: BTreeMap<&'static str, u64>,
    done: Vec<String>,
}

impl Bench {
    async fn new(db: &Db, seed: u64, mutant: Option<Mutant>) -> Self {
        let mut tx = db.begin().await.expect("a transaction");
        let mut people = Vec::new();
        for _ in 0..PEOPLE {
            let id = PersonId::trusted(mint());
            sqlx::query("insert into person (id, email, password_hash, role, created_at) values ($1, $1, '', 'creator', 0)")
                .bind(id.as_str())
                .execute(tx.connection())
                .await
                .expect("a person");
            ledger::open_account(&mut tx, &id, Timestamp(0)).await.expect("an account");
            people.push(id);
        }
        tx.commit().await.expect("a commit");
        let (chance, books) = (StdRng::seed_from_u64(seed), Books::new(PEOPLE));
        Self {
            db: db.clone(),
            seed,
            chance,
            now: Timestamp(1_790_000_000_000),
            mutant,
            people,
            books,
            answers: BTreeMap::new(),
            done: Vec::new(),
        }
    }

    /// Goes through a whole sequence; what is wrong, if anything is.
    async fn run(&mut self) -> Result<(), String> {
        let mut again: Option<Vec<Verb>> = None;
        for _ in 0..STEPS {
            let verbs = again.take().unwrap_or_else(|| (0..self.chance.random_range(1..=3)).map(|_| self.next_verb()).collect());
            let ending = match self.chance.random_range(0..10) {
                0 => Ending::DiedBefore,
                1 => Ending::DiedAfter,
                _ => Ending::Committed,
            };
            self.done.push(format!("{verbs:?}, {ending:?}"));
            self.now = self.now.plus_ms(self.chance.random_range(0..1_000));
            self.step(&verbs, ending).await?;
            self.compare().await?;
            again = (ending == Ending::DiedAfter).then_some(verbs);
        }
        Ok(())
    }

    fn next_verb(&mut self) -> Verb {
        let (person, thing) = (self.chance.random_range(0..PEOPLE), self.chance.random_range(0..THINGS));
        match self.chance.random_range(0..10) {
            0 | 1 => Verb::Grant { person, reference: thing, amount: self.chance.random_range(1..=20) },
            2..=5 => {
                let unit_price = self.chance.random_range(UNIT_PRICES);
                // Often exactly what is there, or one too many.
                let all = self.books.available(person) / unit_price;
                let count = if self.chance.random_bool(0.3) { (all + self.chance.random_range(0..=1)).max(1) } else { 2 };
                Verb::Hold { person, generation: thing, unit_price, count }
            }
            6..=8 => Verb::Capture { generation: thing, delivered: self.chance.random_range(0..=4) },
            _ => Verb::Release { generation: thing },
        }
    }

    /// Does all verbs in one transaction. One that is refused takes the others with it, as every caller lets it.
    async fn step(&mut self, verbs: &[Verb], ending: Ending) -> Result<(), String> {
        let mut books = self.books.clone();
        let before = self.accounts().await?;
        let mut tx = self.db.begin().await.map_err(wrong)?;
        for (at, verb) in verbs.iter().enumerate() {
            let promised = books.apply(*verb);
            let answered = self.ask(&mut tx, *verb, &books, promised).await?;
            *self.answers.entry(answered.name()).or_default() += 1;
            if promised != answered {
                return Err(format!("{verb:?} promises {promised:?} and answered {answered:?}"));
            }
            if !matches!(promised, Answer::Done | Answer::Taken(_)) {
                drop(tx);
                return self.refused(*verb, answered).await;
            }
            let half = self.mutant == Some(Mutant::HalfCommitted) && at + 1 < verbs.len();
            if half && ending == Ending::DiedBefore {
                return tx.commit().await.map_err(wrong);
            }
        }
        if self.mutant == Some(Mutant::LostUpdate) && self.chance.random_bool(0.1) {
            let query = sqlx::query("update account set posted = $2 where owner_id = $1");
            query.bind(&self.people[0]).bind(before[0].posted).execute(tx.connection()).await.map_err(wrong)?;
        }
        if ending == Ending::DiedBefore {
            return Ok(());
        }
        self.books = books;
        tx.commit().await.map_err(wrong)
    }

    /// The verb itself, with the change of the generation that it belongs to.
    async fn ask(&self, tx: &mut Tx, verb: Verb, books: &Books, promised: Answer) -> Result<Answer, String> {
        let now = self.now;
        match verb {
            Verb::Grant { person, reference, amount } => {
                let grant = Grant::Operator { reference: self.name(reference), reason: "chance".to_owned() };
                let granted = ledger::grant(tx, &self.people[person], Credits(amount), &grant, now).await;
                granted.map(|()| Answer::Done).or_else(|error| refusal(&error))
            }
            Verb::Hold { person, generation, unit_price, count } => {
                let (owner, id) = (&self.people[person], self.generation(generation));
                let (unit_price, amount) = (Credits(unit_price), Credits(unit_price * count));
                let free = self.mutant == Some(Mutant::FreeWork) && promised == Answer::Done;
                if !free {
                    let hold = ledger::Hold { person: owner, generation: &id, unit_price, amount, expires_at: now, at: now };
                    let holding = ledger::hold(tx, &[hold]).await.map_err(wrong)?;
                    let told = match tx.told().await {
                        Ok(told) => told,
                        Err(error) => return refusal(&error),
                    };
                    if !holding.short(&told).is_empty() {
                        return Ok(Answer::Insufficient(ledger::available(tx, owner).await.map_err(wrong)?.0));
                    }
                }
                record_request(tx, owner, &id, unit_price, amount, count).await.map_err(wrong)?;
                Ok(Answer::Done)
            }
            Verb::Capture { generation, delivered } => {
                let id = self.generation(generation);
                match ledger::capture(tx, &id, delivered, now).await {
                    Ok(taken) => {
                        self.record_success(tx, &id, books.holds.get(&generation), taken).await.map_err(wrong)?;
                        Ok(Answer::Taken(taken.0))
                    }
                    Err(ledger::Error::NotOpen(_)) => Ok(Answer::NotOpen),
                    Err(ledger::Error::Database(error)) => refusal(&error),
                }
            }
            Verb::Release { generation } => {
                let id = self.generation(generation);
                let forgets = self.mutant == Some(Mutant::ForgottenHold) && promised == Answer::Done;
                match if forgets { Ok(()) } else { ledger::release(tx, &id, now).await } {
                    Ok(()) => {
                        let ended = sqlx::query("update generation set state = 'failed', failure = 'timeout' where id = $1");
                        ended.bind(&id).execute(tx.connection()).await.map_err(wrong)?;
                        Ok(Answer::Done)
                    }
                    Err(ledger::Error::NotOpen(_)) => Ok(Answer::NotOpen),
                    Err(ledger::Error::Database(error)) => refusal(&error),
                }
            }
        }
    }

    /// What was captured was delivered.
    async fn record_success(
        &self,
        tx: &mut Tx,
        id: &GenerationId,
        hold: Option<&Hold>,
        taken: Credits,
    ) -> Result<(), sqlx::Error> {
        let ended = sqlx::query("update generation set state = 'succeeded', captured = $2 where id = $1");
        ended.bind(id).bind(taken).execute(tx.connection()).await?;
        let unit_price = hold.map_or(1, |hold| hold.unit_price);
        for place in 0..taken.0 / unit_price {
            let output = sqlx::query(
                "insert into output (generation_id, place, object_key, content_type, bytes, sha256, width, height, color, thumbhash, created_at)
                 values ($1, $2, '', '', 1, '', 1, 1, '', '', 0)",
            );
            output.bind(id).bind(place).execute(tx.connection()).await?;
        }
        if self.mutant == Some(Mutant::TakesAll) {
            let rest = hold.map_or(0, |hold| hold.amount) - taken.0;
            let take = sqlx::query(
                "update account set posted = posted - $2 where id = (select account_id from hold where generation_id = $1)",
            );
            take.bind(id).bind(rest).execute(tx.connection()).await?;
        }
        Ok(())
    }

    /// A refused verb changes nothing, but in a house that does not believe it.
    async fn refused(&self, verb: Verb, answer: Answer) -> Result<(), String> {
        let mut tx = self.db.begin().await.map_err(wrong)?;
        match (self.mutant, verb, answer) {
            (Some(Mutant::ReleasedTwice), Verb::Release { generation }, Answer::NotOpen) => {
                let again = sqlx::query(
                    "update account set held = held - (select amount from hold where generation_id = $1)
                     where id = (select account_id from hold where generation_id = $1)",
                );
                // The database itself refuses when nothing else is held.
                drop(again.bind(self.generation(generation)).execute(tx.connection()).await);
            }
            (Some(Mutant::GrantedTwice), Verb::Grant { person, amount, .. }, Answer::Again) => {
                let grant = Grant::Operator { reference: mint(), reason: "again".to_owned() };
                ledger::grant(&mut tx, &self.people[person], Credits(amount), &grant, self.now).await.map_err(wrong)?;
            }
            _ => return Ok(()),
        }
        tx.commit().await.map_err(wrong)
    }

    /// The database holds what the model holds, and every promise of the books.
    async fn compare(&self) -> Result<(), String> {
        let accounts = self.accounts().await?;
        if accounts != self.books.accounts {
            return Err(format!("there is {accounts:?}, and there should be {:?}", self.books.accounts));
        }
        let drift = ledger::verify(&self.db).await.map_err(wrong)?;
        if drift.is_empty() { Ok(()) } else { Err(format!("{drift:?}")) }
    }

    async fn accounts(&self) -> Result<Vec<Account>, String> {
        let mut accounts = Vec::new();
        for person in &self.people {
            let query = sqlx::query_as("select posted, held, entries from account where owner_id = $1").bind(person);
            let (posted, held, entries) = query.fetch_one(self.db.pool()).await.map_err(wrong)?;
            accounts.push(Account { posted, held, entries });
        }
        Ok(accounts)
    }

    fn name(&self, thing: usize) -> String {
        format!("{}-{thing}", self.seed)
    }

    fn generation(&self, thing: usize) -> GenerationId {
        GenerationId::trusted(self.name(thing))
    }
}

async fn record_request(
    tx: &mut Tx,
    owner: &PersonId,
    id: &GenerationId,
    unit_price: Credits,
    price: Credits,
    count: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into generation (id, owner_id, request_key, request_hash, model, prompt, aspect, count, input, unit_price, price, state,
                                 run_at, deadline_at, created_at, updated_at)
         values ($1, $2, $1, '', 'stability-ai/sdxl', '', '1:1', $3, '', $4, $5, 'queued', 0, 0, 0, 0)",
    )
    .bind(id)
    .bind(owner)
    .bind(count)
    .bind(unit_price)
    .bind(price)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// SQLite's word for a trigger's refusal: there, the one that keeps the books from being rewritten is asked before the
/// unique index is.
const REFUSED_BY_TRIGGER: &str = "1811";

/// What the database's refusal means.
fn refusal(error: &sqlx::Error) -> Result<Answer, String> {
    match error {
        sqlx::Error::Database(refused) if refused.is_unique_violation() => Ok(Answer::Again),
        sqlx::Error::Database(refused) if refused.code().is_some_and(|code| code == REFUSED_BY_TRIGGER) => Ok(Answer::Again),
        sqlx::Error::Database(refused) if refused.is_check_violation() => Ok(Answer::Impossible),
        _ => Err(error.to_string()),
    }
}

fn wrong(error: impl std::fmt::Display) -> String {
    format!("the database failed: {error}")
}

async fn run(db: &Db, seed: u64, mutant: Option<Mutant>) -> Result<BTreeMap<&'static str, u64>, String> {
    let mut bench = Bench::new(db, seed, mutant).await;
    match bench.run().await {
        Ok(()) => Ok(bench.answers),
        Err(wrong) => Err(format!("{wrong}\nATELIER_SEED={seed}, after:\n{}", bench.done.join("\n"))),
    }
}

#[tokio::test]
async fn cr_16_two_hundred_random_sequences_of_the_ledger_agree_with_a_model_of_it_after_every_step() {
    let (memory, begun, seeds) = (Memory::new().await, Instant::now(), seeds(SEEDS));
    let mut answers = BTreeMap::<_, u64>::new();
    for seed in &seeds {
        let database = memory.database().await;
        for (answer, n) in run(&database.db, *seed, None).await.unwrap_or_else(|wrong| panic!("{wrong}")) {
            *answers.entry(answer).or_default() += n;
        }
        database.remove().await;
    }
    println!("{} sequences of {STEPS} steps in {:?}: {answers:?}", seeds.len(), begun.elapsed());
    assert!(seeds.len() < 10 || answers.len() == 6, "every kind of answer was given");
}

#[tokio::test]
async fn cr_16_and_so_they_do_on_postgres() {
    let Some(database) = Database::postgres().await else { return };
    let Database::Postgres { url, .. } = &database else { panic!("it is PostgreSQL") };
    let db = Db::connect(url).await.expect("the database");
    for seed in 0..5 {
        if let Err(wrong) = run(&db, seed, None).await {
            panic!("{wrong}");
        }
    }
    db.close().await;
    database.remove().await;
}

#[tokio::test]
async fn cr_16_a_ledger_that_does_one_thing_wrong_is_found_out() {
    let memory = Memory::new().await;
    for mutant in Mutant::ALL {
        let mut found = None;
        for seed in 0..MUTANT_SEEDS {
            let database = memory.database().await;
            found = run(&database.db, seed, Some(mutant)).await.err().map(|wrong| (seed, wrong));
            database.remove().await;
            if found.is_some() {
                break;
            }
        }
        let (seed, wrong) = found.unwrap_or_else(|| panic!("{mutant:?} was not found in {MUTANT_SEEDS} sequences"));
        println!("{mutant:?}: found by seed {seed}: {}", wrong.lines().next().unwrap_or_default());
    }
}
