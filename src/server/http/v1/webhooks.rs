//! What a webhook says: the prediction, exactly as a look at it would be answered. Only what comes before the
//! end is told as it was then, should it be over by the time it is told: a receiver that acts on ends would hear of two.

use super::origin;
use super::told::{House, Prediction};
use crate::domain::{GenerationId, PersonId};
use crate::server::App;
use crate::server::generation::predictions;
use crate::server::outbox::Tell;
use crate::server::replicate::WebhookEvent;
use crate::server::seal::Seals;
use std::sync::Arc;

/// Tells of generations as this product does.
pub(in crate::server) fn tell(app: App) -> Tell {
    let seals = Seals::new(app.db.clone());
    Arc::new(move |owner, id, event| {
        let (app, seals) = (app.clone(), seals.clone());
        Box::pin(async move { told(&app, &seals, &owner, &id, event).await })
    })
}

async fn told(
    app: &App,
    seals: &Seals,
    owner: &PersonId,
    id: &GenerationId,
    event: WebhookEvent,
) -> Result<Option<String>, sqlx::Error> {
    let Some(row) = predictions::find(&app.db, owner, id).await? else { return Ok(None) };
    let told = Prediction::of(&row, House { origin: origin(app), seal: seals.get().await? });
    let told = match event {
        WebhookEvent::Start => told.begun(),
        WebhookEvent::Output | WebhookEvent::Logs => told.under_way(),
        WebhookEvent::Completed => told,
    };
    serde_json::to_string(&told).map(Some).map_err(|error| sqlx::Error::Encode(error.into()))
}
