//! Asking Replicate about a prediction, or to stop it.

use super::Tools;
use crate::server::generation::Job;
use crate::server::replicate::{Error, Prediction};

pub(super) async fn poll(tools: &Tools, job: &Job) -> Result<Prediction, Error> {
    tools.replicate.get(id(job)?).await
}

/// The answer is the prediction as it is now: stopped, stopping, or finished before we asked.
pub(super) async fn cancel(tools: &Tools, job: &Job) -> Result<Prediction, Error> {
    tools.replicate.cancel(id(job)?).await
}

fn id(job: &Job) -> Result<&crate::domain::PredictionId, Error> {
    job.prediction_id.as_ref().ok_or_else(|| Error::NotFound { detail: "the row names no prediction".to_owned() })
}
