//! What a webhook says: the generation as a prediction, in Replicate's words and with our addresses.

use crate::domain::{GenerationId, GenerationView, PersonId, Phase, Timestamp};
use crate::server::App;
use crate::server::generation::views;
use crate::server::outbox::Tell;
use crate::text;
use serde_json::{Value, json};
use std::sync::Arc;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Tells of generations as this product does.
pub(in crate::server) fn tell(app: App) -> Tell {
    Arc::new(move |owner, id| {
        let app = app.clone();
        Box::pin(async move { told(&app, &owner, &id).await })
    })
}

async fn told(app: &App, owner: &PersonId, id: &GenerationId) -> Result<Option<String>, sqlx::Error> {
    let Some(view) = views::find(&app.db, owner, id).await? else { return Ok(None) };
    let Some((model, input)) = views::input(&app.db, owner, id).await? else { return Ok(None) };
    let origin = app.config.public_url.as_str().trim_end_matches('/');
    let address = |place: i64| {
        let output = view.outputs.iter().find(|output| output.index == place)?;
        Some(format!("{origin}{}", output.url))
    };
    let output = match view.phase {
        Phase::Succeeded => views::shape(&app.db, owner, id, &address).await?.unwrap_or_default(),
        _ => view.text.as_ref().map_or(Value::Null, |text| json!([text])),
    };
    let (status, error) = status(&view);
    let prediction = json!({
        "id": id, "model": model, "input": input, "output": output, "logs": "", "error": error, "status": status,
        "created_at": moment(view.created_at), "completed_at": view.finished_at.map(moment), "metrics": {},
        "urls": {"web": format!("{origin}/g/{id}")},
    });
    Ok(Some(prediction.to_string()))
}

fn status(view: &GenerationView) -> (&'static str, Option<String>) {
    match view.phase {
        Phase::Succeeded => ("succeeded", None),
        Phase::Canceled => ("canceled", None),
        Phase::Failed(failure) => {
            let said = (text::live::of(crate::domain::Lang::En).failure)(failure);
            ("failed", Some(format!("{}. {}", said.what, said.then)))
        }
        Phase::Queued => ("starting", None),
        _ => ("processing", None),
    }
}

fn moment(at: Timestamp) -> Option<String> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000).ok()?.format(&Rfc3339).ok()
}
