//! Places where a debug build can be made to die: the boundaries of every durable step. A release build has none of it.
//!
//! Two kinds of death, for two kinds of proof. A process that was started with `ATELIER_CRASH=answered:3` kills itself
//! the third time it comes to [`Point::Answered`], by a signal that nothing can catch. A test that runs a worker inside
//! [`doomed`] decides at every point whether the worker goes on; when it does not, it stays there for ever, and whoever
//! drops it has killed it.

use std::future::pending;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

/// Between two effects that outlive a process. Named after what has just been done, or is about to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// A press of the button is committed: its hold, its row.
    Requested,
    /// Due rows are claimed; nobody works on them yet.
    Claimed,
    /// The intent of a paid call is committed; the call is not made.
    Admitted,
    /// Right before the paid call.
    Sending,
    /// Replicate has answered the paid call; nobody here has written it down.
    Answered,
    /// Right before the commit of a step.
    Recording,
    /// Right after it.
    Recorded,
    /// A webhook has arrived and proved genuine; nothing is written.
    Heard,
    /// What it says is committed; Replicate is not answered.
    Noted,
    /// Right before an output is fetched.
    Fetching,
    /// Half of an output is on the disk.
    HalfFetched,
    /// An output is on the disk, whole.
    Fetched,
    /// The original is in the store; its thumbnails may not be.
    Put,
    /// Everything of one output is in the store; no row says so.
    Stored,
    /// Right before the commit that ends a generation and moves its money.
    Settling,
    /// Right after it; no page has been told.
    Settled,
    /// Right before open pages, or on PostgreSQL other processes, are told of changes.
    Telling,
}

impl Point {
    /// Every point, in the order in which a generation comes to them.
    pub const ALL: [Self; 17] = [
        Self::Requested,
        Self::Claimed,
        Self::Admitted,
        Self::Sending,
        Self::Answered,
        Self::Recording,
        Self::Recorded,
        Self::Heard,
        Self::Noted,
        Self::Fetching,
        Self::HalfFetched,
        Self::Fetched,
        Self::Put,
        Self::Stored,
        Self::Settling,
        Self::Settled,
        Self::Telling,
    ];

    /// As it stands in `ATELIER_CRASH`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Claimed => "claimed",
            Self::Admitted => "admitted",
            Self::Sending => "sending",
            Self::Answered => "answered",
            Self::Recording => "recording",
            Self::Recorded => "recorded",
            Self::Heard => "heard",
            Self::Noted => "noted",
            Self::Fetching => "fetching",
            Self::HalfFetched => "half_fetched",
            Self::Fetched => "fetched",
            Self::Put => "put",
            Self::Stored => "stored",
            Self::Settling => "settling",
            Self::Settled => "settled",
            Self::Telling => "telling",
        }
    }
}

/// Where a process is to die, and on which visit there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    point: Point,
    visit: u32,
}

impl FromStr for Plan {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (name, visit) = text.split_once(':').unwrap_or((text, "1"));
        let point = Point::ALL.into_iter().find(|point| point.as_str() == name).ok_or(())?;
        Ok(Self { point, visit: visit.parse().ok().filter(|visit| *visit > 0).ok_or(())? })
    }
}

static PLAN: OnceLock<Plan> = OnceLock::new();
static VISITS: AtomicU32 = AtomicU32::new(0);

/// Makes this process die where `plan` says. The first plan stays.
pub fn arm(plan: Plan) {
    // A second plan is a mistake of nobody but a test's.
    let _ = PLAN.set(plan);
}

/// Whether whoever comes to a point is to die there.
pub type Doom = Arc<dyn Fn(Point) -> bool + Send + Sync>;

tokio::task_local! {
    static DOOM: Doom;
}

/// Runs `work` so that it, and every step it starts, never leaves a point for which `doom` says so.
pub async fn doomed<T>(doom: Doom, work: impl Future<Output = T>) -> T {
    DOOM.scope(doom, work).await
}

/// `work` with the fate of whoever starts it, for a task of its own.
pub fn inherited<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let doom = DOOM.try_with(Arc::clone).ok();
    async move {
        match doom {
            Some(doom) => doomed(doom, work).await,
            None => work.await,
        }
    }
}

/// Comes to a point: usually, goes on.
pub async fn point(here: Point) {
    if !cfg!(debug_assertions) {
        return;
    }
    if let Some(plan) = PLAN.get().filter(|plan| plan.point == here)
        && VISITS.fetch_add(1, Ordering::SeqCst) + 1 == plan.visit
    {
        kill_this_process();
        pending::<()>().await;
    }
    if DOOM.try_with(|doom| doom(here)).unwrap_or(false) {
        pending::<()>().await;
    }
}

fn kill_this_process() {
    let this = rustix::process::getpid();
    if let Err(error) = rustix::process::kill_process(this, rustix::process::Signal::KILL) {
        tracing::error!(%error, "this process could not kill itself");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_a_point_and_a_visit() {
        assert_eq!("answered:3".parse(), Ok(Plan { point: Point::Answered, visit: 3 }));
        assert_eq!("stored".parse(), Ok(Plan { point: Point::Stored, visit: 1 }));
        for bad in ["", "nowhere", "kept:0", "kept:", "kept:x", ":1"] {
            assert_eq!(bad.parse::<Plan>(), Err(()), "{bad:?}");
        }
        for point in Point::ALL {
            assert_eq!(point.as_str().parse(), Ok(Plan { point, visit: 1 }));
        }
    }

    #[tokio::test]
    async fn whoever_is_doomed_stays_where_it_happened_and_takes_its_steps_along() {
        let doom: Doom = Arc::new(|here| here == Point::Answered);
        let mut steps = tokio::task::JoinSet::new();
        doomed(doom, async {
            point(Point::Sending).await;
            steps.spawn(inherited(point(Point::Answered)));
            tokio::task::yield_now().await;
        })
        .await;
        assert!(steps.try_join_next().is_none(), "it never leaves the point");
        steps.shutdown().await;
        point(Point::Answered).await;
    }
}
