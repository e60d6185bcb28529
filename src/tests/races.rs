//! The races and losses of the usual way (check, insert, deduct, send, perhaps refund), R1 to R24: each is done wrong here
//! on purpose, against the real schema, and the net that catches it is shown to catch it; beside it the right verb meets
//! the same schedule.
//!
//! | race | what prevents it here | what would catch a verb that forgot it |
//! |---|---|---|
//! | R1 check, then act, by several at once | the guard is in the statement that holds | `check` on the account |
//! | R2 an absolute write of what was read | holds and captures only add and subtract | verify: held is the sum of the open holds |
//! | R3 a deduction without any guard | the guard, and below it the database | `check` on the account |
//! | R4 death between the row and its hold | one transaction | verify: a hold is open exactly while its generation lives |
//! | R5 a hold of zero rows taken for one | the verb returns what it held, or refuses | verify: held is the sum of the open holds |
//! | R6 death between the hold and the job | the row is the job | verify: a hold belongs to a generation |
//! | R7 the paid call sent again after a lost answer | looked for, never repeated | strays, written down by whoever looks |
//! | R8 told before the commit | `Tx` tells after it | who hears looks, and finds nothing |
//! | R9 pressed twice | one key, one generation | unique (owner, key) |
//! | R10 the end and its money in two commits | one transaction | verify: a hold is open exactly while its generation lives |
//! | R11 several who give back | a hold ends once | `check` on the account, unique (kind, ref) |
//! | R12 success after the release | every write names state and lease | verify: what succeeded was captured |
//! | R13 given back into another lot | | credits come in one kind here: there is no lot to mistake |
//! | R14 the price read again at the end | the hold remembers the price of the press | `check` on the hold; verify: paid for is kept |
//! | R15 all or nothing for some of n | captured by what is kept | verify: what was paid for was kept |
//! | R16 a remembered balance written back | nobody writes a balance | verify: posted is the sum of the entries |
//! | R17 a busy database between two steps | one transaction, begun as a writer | the database refuses; the first step is found by verify |
//! | R18 read, then write, in a transaction | the guard is in the statement that holds | verify: held is the sum of the open holds |
//! | R19 death with the answer in hand | the intent before the call, and looking | strays, written down by whoever looks |
//! | R20 credits for a payment that never came | | nothing is sold for money here: operators grant |
//! | R21 the client's own price or count | both are read from the catalogue | `check`s on hold and generation |
//! | R22 a power cut takes back what was promised | every connection syncs every commit | the connection says so |
//! | R23 somebody removed with work under way | | foreign keys |
//! | R24 a balance nobody can explain | an entry for every change, written once | triggers; verify: posted is the sum of the entries |

mod ends;
mod outside;
mod press;

use crate::support::TestApp;
use atelier::domain::{GenerationId, Model, PersonId, RawRequest};
use atelier::server::db::mint;
use atelier::server::generation::{self, Error, Requested};
use atelier::server::model;

/// What [`atelier::server::ledger::verify`] says of each promise that is broken here.
const HELD: &str = "an account's held credits are the sum of its open holds";
const POSTED: &str = "an account's posted credits are the sum of its entries";
const OPEN: &str = "a generation's hold is open exactly while it lives";
const BELONGS: &str = "a hold belongs to a generation";
const CAPTURED: &str = "what succeeded was captured, what did not was not";
const KEPT: &str = "what was paid for was kept";

/// A house with one person in it, who has twenty credits.
struct Scene {
    app: TestApp,
    owner: PersonId,
    catalogue: Vec<Model>,
}

impl Scene {
    async fn open(app: TestApp) -> Self {
        let browser = app.sign_up("mika").await;
        let owner = app.person(&browser).await;
        let catalogue = model::offered(app.db()).await.expect("the catalogue");
        Self { app, owner, catalogue }
    }

    /// Asks for pictures at one credit each.
    async fn ask(&self, prompt: &str, count: i64) -> Result<GenerationId, Error> {
        self.ask_with(&RawRequest { prompt: prompt.to_owned(), count: count.to_string(), ..raw() }).await
    }

    async fn ask_with(&self, raw: &RawRequest) -> Result<GenerationId, Error> {
        let now = self.app.clock.now();
        let asked = generation::request(&self.app.process.app.desk, &self.owner, raw, &self.catalogue, now).await;
        asked.map(|requested| match requested {
            Requested::New(id) | Requested::Again(id) => id,
        })
    }

    /// To spend, and on hold.
    async fn balance(&self) -> (i64, i64) {
        self.app.balance(&self.owner).await
    }
}

/// A press with a key of its own.
fn raw() -> RawRequest {
    RawRequest { request_key: mint(), prompt: "a lighthouse".to_owned(), ..RawRequest::default() }
}

/// The database itself said no, and why.
fn refused(done: Result<(), sqlx::Error>) -> sqlx::error::ErrorKind {
    match done {
        Err(sqlx::Error::Database(error)) => error.kind(),
        other => panic!("the database let it pass, or failed otherwise: {other:?}"),
    }
}
