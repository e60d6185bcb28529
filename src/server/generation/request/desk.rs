//! Where presses of the button are taken: those that come at the same moment are written in one transaction, since a commit
//! costs the same for one as for many. Each of them still is taken whole or refused by itself.

use super::press::Press;
use super::{Requested, write};
use crate::server::crash::{self, Point};
use crate::server::db::{Db, with_ids_of_here};
use crate::server::generation::Error;
use crate::server::generation::standby::Standby;
use crate::server::generation::together::{Batch, Together, Turn, stopped};

/// The most that go into one transaction: it keeps people's accounts locked.
const AT_ONCE: usize = 32;

/// Takes presses. Cheap to clone; the clones write together.
#[derive(Clone, Debug)]
pub struct Desk {
    db: Db,
    presses: Together<Press, Result<(), Error>>,
    standby: Standby,
}

impl Desk {
    /// One for this process.
    pub fn new(db: Db) -> Self {
        Self { db, presses: Together::new(AT_ONCE), standby: Standby::default() }
    }

    /// Where this process's worker is met, if it has one.
    pub const fn standby(&self) -> &Standby {
        &self.standby
    }

    /// Holds the price and queues what is wanted. What was pressed before answers with what it made then.
    ///
    /// # Errors
    /// [`Error::Refused`] with what stands in the way; nothing is charged or recorded then.
    pub(in crate::server::generation) async fn take(&self, press: Press) -> Result<Requested, Error> {
        match self.write(press.clone()).await {
            Ok(()) => {
                crash::point(Point::Requested).await;
                Ok(Requested::New(press.first().clone()))
            }
            // What stands in the way may be this very press: it took the last credit, or has the key.
            Err(error) if stands_in_the_way(&error) => write::known(&self.db, &press).await?.map(Requested::Again).ok_or(error),
            Err(error) => Err(error),
        }
    }

    async fn write(&self, press: Press) -> Result<(), Error> {
        let mut place = self.presses.hand_in(press);
        loop {
            match place.turn().await {
                Turn::Over(written) => return written.unwrap_or_else(|| Err(stopped().into())),
                // On a task of its own: whoever hangs up must not take the others' presses along.
                Turn::Mine(batch) => {
                    let written = Box::pin(write_batch(self.db.clone(), self.standby.clone(), batch));
                    if let Err(error) = tokio::spawn(crash::inherited(with_ids_of_here(written))).await {
                        tracing::error!(%error, "presses were not written");
                    }
                }
            }
        }
    }
}

async fn write_batch(db: Db, standby: Standby, batch: Batch<Press, Result<(), Error>>) {
    let written = write::write_each(&db, &standby, batch.items()).await;
    batch.answer(written);
}

fn stands_in_the_way(error: &Error) -> bool {
    match error {
        Error::Refused(_) => true,
        Error::Database(sqlx::Error::Database(error)) => error.is_unique_violation(),
        Error::Database(_) | Error::NotFound => false,
    }
}
