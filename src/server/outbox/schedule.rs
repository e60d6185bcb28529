//! When a message is tried again.

use crate::server::replicate::WebhookEvent;

/// How long after each failure the next try is, in milliseconds: soon at first, because most trouble passes; a day in all.
const AFTER_MS: [i64; 11] =
    [5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 18_000_000, 18_000_000, 18_000_000];

/// How long after its `attempts`-th failure a message is tried again; `None` when it is not. `chance` is any number: what
/// failed together is not all tried again at the same moment.
pub(super) fn again_in_ms(event: WebhookEvent, attempts: i64, chance: u64) -> Option<i64> {
    if event != WebhookEvent::Completed {
        return None;
    }
    let after = usize::try_from(attempts - 1).ok().and_then(|at| AFTER_MS.get(at))?;
    // 80 to 120 percent.
    Some(after * (80 + i64::try_from(chance % 41).unwrap_or(20)) / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_for_about_a_day_and_anything_else_once() {
        for event in WebhookEvent::ALL {
            let tries = (1..100).take_while(|attempts| again_in_ms(event, *attempts, 20).is_some()).count();
            assert_eq!(tries, if event == WebhookEvent::Completed { AFTER_MS.len() } else { 0 }, "{event:?}");
        }
        let hours = |chance: u64| {
            let waits = (1..).map_while(|attempts| again_in_ms(WebhookEvent::Completed, attempts, chance));
            waits.sum::<i64>() / 3_600_000
        };
        assert_eq!((hours(0), hours(20), hours(40)), (17, 22, 27));
        assert_eq!(again_in_ms(WebhookEvent::Completed, 0, 0), None, "what was never tried did not fail");
    }

    #[test]
    fn what_failed_together_is_spread() {
        let waits: std::collections::BTreeSet<_> =
            (0..100).filter_map(|chance| again_in_ms(WebhookEvent::Completed, 4, chance)).collect();
        assert_eq!((waits.first(), waits.last(), waits.len()), (Some(&480_000), Some(&720_000), 41));
    }
}
