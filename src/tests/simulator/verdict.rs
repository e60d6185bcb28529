//! What must be true when a life is over: asked of the books, of Replicate's own invoice and of the object store.

use super::house::{Broken, House};
use super::replicate::Made;
use atelier::server::ledger;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a generation came to.
#[derive(sqlx::FromRow)]
struct Life {
    id: String,
    owner_id: String,
    input: String,
    state: String,
    captured: i64,
    unit_price: i64,
    was_parked: i64,
    ends: i64,
    calls: i64,
}

/// An output row.
type Kept = (String, String, String);

impl House {
    /// Checks every promise; the first that is broken is told.
    pub async fn judge(&mut self) -> Result<(), Broken> {
        let drift = ledger::verify(&self.db).await?;
        demand(drift.is_empty(), || format!("the books are not right: {drift:?}"))?;
        let lives: Vec<Life> = sqlx::query_as(
            "select g.id, g.owner_id, g.input, g.state, g.captured, g.unit_price,
                    (select count(*) from generation_event e where e.generation_id = g.id and e.to_state = 'parked') as was_parked,
                    (select count(*) from generation_event e where e.generation_id = g.id
                       and e.to_state in ('succeeded', 'failed', 'canceled')) as ends,
                    g.submit_seq as calls
             from generation g order by g.id",
        )
        .fetch_all(self.db.pool())
        .await?;
        demand(lives.len() == self.requested.len(), || "what was pressed is not what is there".to_owned())?;
        for life in &lives {
            self.count(match life.state.as_str() {
                "succeeded" => "ended: succeeded",
                "failed" => "ended: failed",
                "canceled" => "ended: canceled",
                other => return Err(Broken(format!("{} is not over: {other}", life.id))),
            });
            if life.was_parked > 0 {
                self.count("parked");
            }
            demand(life.ends == 1, || format!("{} ended {} times", life.id, life.ends))?;
        }
        self.judge_invoice(&lives).await?;
        self.judge_outputs(&lives).await?;
        self.judge_balances(&lives).await
    }

    /// Nobody paid Replicate twice for one wish, and every prediction it billed is known here.
    async fn judge_invoice(&mut self, lives: &[Life]) -> Result<(), Broken> {
        let mut wishes: BTreeMap<String, Vec<&Life>> = BTreeMap::new();
        for life in lives {
            wishes.entry(serde_json::from_str::<Value>(&life.input)?.to_string()).or_default().push(life);
        }
        let known: Vec<(Option<String>,)> =
            sqlx::query_as("select prediction_id from submission").fetch_all(self.db.pool()).await?;
        let known: BTreeSet<_> = known.into_iter().filter_map(|(id,)| id).collect();
        let mut again = 0;
        for (wish, lives) in &wishes {
            let made: Vec<_> = self.replicate.made.iter().filter(|made| asks_for(made, wish)).collect();
            let interrupted = made.iter().filter(|made| made.was_interrupted(self.now)).count();
            let ids: Vec<_> = made.iter().map(|made| made.id.as_str()).collect();
            demand(made.len() <= lives.len() + interrupted, || {
                format!("{} wishes for {wish} cost {ids:?}, of which {interrupted} were interrupted", lives.len())
            })?;
            demand(made.len() <= 2 * lives.len(), || format!("{wish} cost {ids:?}"))?;
            // What an operator was to look at ended without anybody asking Replicate about it.
            if lives.iter().all(|life| life.was_parked == 0) {
                let stray = ids.iter().find(|id| !known.contains(**id));
                demand(stray.is_none(), || format!("nobody knows of prediction {stray:?}, which was billed"))?;
            }
            again += u64::try_from(made.len().saturating_sub(lives.len()))?;
        }
        *self.tally.entry("predictions").or_default() += u64::try_from(self.replicate.made.len())?;
        *self.tally.entry("bought again").or_default() += again;
        *self.tally.entry("calls").or_default() += u64::try_from(lives.iter().map(|life| life.calls).sum::<i64>())?;
        Ok(())
    }

    /// What succeeded has all its objects, and was captured for exactly those.
    async fn judge_outputs(&mut self, lives: &[Life]) -> Result<(), Broken> {
        let kept: Vec<Kept> =
            sqlx::query_as("select generation_id, object_key, sha256 from output").fetch_all(self.db.pool()).await?;
        for (id, object_key, sha256) in &kept {
            demand(self.objects.get(object_key) == Some(sha256), || format!("{id} has no object {object_key}"))?;
        }
        for life in lives {
            let outputs = i64::try_from(kept.iter().filter(|(id, ..)| *id == life.id).count())?;
            let paid_for = if life.state == "succeeded" { outputs } else { 0 };
            demand(life.captured == paid_for * life.unit_price && (life.state == "succeeded") <= (outputs > 0), || {
                format!("{} is {}: {outputs} outputs, {} captured", life.id, life.state, life.captured)
            })?;
        }
        Ok(())
    }

    async fn judge_balances(&self, lives: &[Life]) -> Result<(), Broken> {
        for person in &self.people {
            let balance = ledger::balance(&self.db, &person.id).await?;
            let spent: i64 = lives.iter().filter(|life| life.owner_id == person.id.as_str()).map(|life| life.captured).sum();
            demand(balance.held.0 == 0 && balance.available().0 == person.granted - spent, || {
                format!("{} was granted {} and spent {spent}, and has {balance:?}", person.id, person.granted)
            })?;
        }
        Ok(())
    }
}

/// Whether a prediction was made for this wish.
fn asks_for(made: &Made, wish: &str) -> bool {
    let input = made.input.to_string();
    input == wish
}

fn demand(holds: bool, promise: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken(promise())) }
}
