//! Stopping what nobody has a use for: each stray is cancelled until Replicate says that it has ended.

use super::Tools;
use crate::server::generation::strays::{self, Stray};
use crate::server::replicate::{Error, Status};

/// Between two goes at one stray: at first, and at most.
const AGAIN_MS: i64 = 2_000;
const LONGEST_MS: i64 = 60_000;
/// Replicate's word that it knows no such prediction is believed after so many.
const UNKNOWN_TRIES: i64 = 3;

/// Cancels every stray that is due. Returns how many have ended.
pub(super) async fn cancel_due(tools: &Tools) -> Result<usize, sqlx::Error> {
    let mut stopped = 0;
    for stray in strays::due(&tools.db, tools.clock.now()).await? {
        stopped += usize::from(cancel(tools, &stray).await?);
    }
    Ok(stopped)
}

async fn cancel(tools: &Tools, stray: &Stray) -> Result<bool, sqlx::Error> {
    let end = match tools.replicate.cancel(&stray.prediction_id).await {
        Ok(prediction) => prediction.status.is_terminal().then_some(prediction.status),
        Err(Error::NotFound { .. }) if stray.tries >= UNKNOWN_TRIES => Some(Status::Unknown("gone".to_owned())),
        Err(error) => {
            tracing::warn!(prediction = %stray.prediction_id, %error, "a stray could not be cancelled yet");
            None
        }
    };
    let now = tools.clock.now();
    if let Some(status) = end {
        tracing::warn!(prediction = %stray.prediction_id, status = status.as_str(), "a stray has ended");
        strays::ended(&tools.db, stray, &status, now).await?;
        return Ok(true);
    }
    let wait = AGAIN_MS.saturating_mul(1 << stray.tries.clamp(0, 10)).min(LONGEST_MS);
    strays::again(&tools.db, stray, now.plus_ms(wait)).await?;
    Ok(false)
}
