//! New ids: unique over all processes, and sorted after those made before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// Where counted ids begin: a time of day in milliseconds, as every `UUIDv7` has one.
const COUNTED_FROM: u64 = 1_790_000_000_000;

tokio::task_local! {
    static COUNTED: Arc<Counted>;
}

/// What follows from a seed: it, and how many were made.
struct Counted(u64, AtomicU64);

/// A new id: unique, and sorted after those made before.
pub fn mint() -> String {
    let counted = COUNTED.try_with(|ids| {
        let (seed, n) = (ids.0, ids.1.fetch_add(1, Ordering::Relaxed));
        // The layout of a UUIDv7: 48 bits of time, the version, and what nobody else has.
        let (high, low) = ((COUNTED_FROM + n) << 16 | 0x7000, 1 << 63 | (seed << 32 >> 2) | n & 0xffff_ffff);
        Uuid::from_u64_pair(high, low)
    });
    counted.unwrap_or_else(|_| Uuid::now_v7()).to_string()
}

/// Runs `work` with ids that follow from `seed` and nothing else, so that it can be run again exactly.
pub async fn with_ids_from<T>(seed: u64, work: impl Future<Output = T>) -> T {
    COUNTED.scope(Arc::new(Counted(seed, AtomicU64::new(0))), work).await
}

/// `work` with the ids of whoever starts it, for a task of its own.
pub(in crate::server) fn with_ids_of_here<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let ids = COUNTED.try_with(Arc::clone).ok();
    async move {
        match ids {
            Some(ids) => COUNTED.scope(ids, work).await,
            None => work.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::GenerationId;

    #[tokio::test]
    async fn ids_are_unique_and_sorted_whether_they_are_counted_or_not() {
        let make = async || (0..1_000).map(|_| mint()).collect::<Vec<_>>();
        let (real, counted, others) = (make().await, with_ids_from(7, make()).await, with_ids_from(8, make()).await);
        for ids in [&real, &counted, &others] {
            assert!(ids.is_sorted_by(|one, next| one < next));
            assert!(ids.iter().all(|id| GenerationId::parse(id).is_some()));
        }
        assert_eq!(with_ids_from(7, make()).await, counted);
        assert!(counted.iter().all(|id| !others.contains(id)));
    }
}
