//! A run on a server of our own, listened to until it ends; see [`cog`](crate::server::cog) for why so.
//!
//! It is the one step that may take minutes. It holds a connection and its row's lease, and no slot.

use super::Tools;
use super::core::Event;
use super::submit;
use crate::domain::PredictionId;
use crate::server::cog::NotRun;
use crate::server::generation::{Job, work};
use crate::server::replicate::Prediction;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Who is busy or away says so at once; who says nothing for this long is at it.
const TAKEN_AFTER: Duration = Duration::from_secs(1);
/// Between two looks whether it is still wanted.
const WANTED: Duration = Duration::from_millis(500);
/// How long a run that was told to stop may take to say so.
const STOPPING: Duration = Duration::from_secs(5);

/// A run that was asked for. Dropped, its connection ends, and with it the run.
pub(super) struct Run {
    answer: BoxFuture<'static, Result<Prediction, NotRun>>,
    endpoint: String,
    name: PredictionId,
}

impl Run {
    /// Asks for it.
    pub(super) async fn begin(tools: &Tools, job: &Job) -> Result<Self, NotRun> {
        let (Some(endpoint), Some(name)) = (job.endpoint.clone(), job.prediction_id.clone()) else {
            return Err(NotRun::Later("the row names no run".to_owned()));
        };
        let input = submit::input(tools, job).await.map_err(|event| match event {
            Event::Submitted(Err(error)) => NotRun::Refused(error.to_string()),
            other => NotRun::Later(format!("{other:?}")),
        })?;
        let (cog, at, under) = (tools.cog.clone(), endpoint.clone(), name.clone());
        let answer = async move { cog.run(&at, &under, &input).await }.boxed();
        Ok(Self { answer, endpoint, name })
    }

    /// The end of it, if that comes so soon that nobody need be told that it began.
    pub(super) async fn at_once(&mut self) -> Option<Result<Prediction, NotRun>> {
        tokio::time::timeout(TAKEN_AFTER, &mut self.answer).await.ok()
    }

    /// The end of it; brought about when nobody wants it any more, or when its time is up.
    pub(super) async fn until_its_end(mut self, tools: &Tools, job: &mut Job) -> Result<Prediction, NotRun> {
        loop {
            if let Ok(ended) = tokio::time::timeout(WANTED, &mut self.answer).await {
                return ended;
            }
            // A database that does not answer is no reason to stop: the lease says when this row is somebody else's.
            let canceled = work::cancel_requested(&tools.db, &job.id).await.unwrap_or_default();
            job.cancel_requested_at = job.cancel_requested_at.or(canceled);
            if job.cancel_requested_at.is_some() || tools.clock.now() >= job.deadline_at {
                break;
            }
        }
        tools.cog.cancel(&self.endpoint, &self.name).await;
        // What was done before it heard of us is delivered.
        tokio::time::timeout(STOPPING, &mut self.answer).await.unwrap_or(Err(NotRun::Stopped))
    }
}

/// How many steps only listen. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Listeners(Arc<AtomicUsize>);

/// A step that only listens, until it is dropped.
pub(super) struct Listening(Listeners);

impl Listeners {
    pub(super) fn begin(&self) -> Listening {
        self.0.fetch_add(1, Ordering::Relaxed);
        Listening(self.clone())
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Stops a run that nobody listens to.
pub(super) async fn stop(tools: &Tools, job: &Job) -> NotRun {
    if let (Some(endpoint), Some(name)) = (&job.endpoint, &job.prediction_id) {
        tools.cog.cancel(endpoint, name).await;
    }
    NotRun::Stopped
}
