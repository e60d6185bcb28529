//! The words of a prompt that script its run. The table stands in the module above.

/// How much later than its creation `#latelist` shows a prediction.
const LISTED_AFTER_MS: i64 = 40_000;

/// What the prompt asks the sandbox to do.
#[expect(clippy::struct_excessive_bools, reason = "one independent switch per word")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) slow: bool,
    pub(super) fail: bool,
    pub(super) nsfw: bool,
    pub(super) stall: bool,
    pub(super) partial: bool,
    pub(super) expired: bool,
    pub(super) truncated: bool,
    pub(super) one_bad: bool,
    pub(super) interrupted: bool,
    pub(super) busy: bool,
    pub(super) lost: bool,
    pub(super) bad_gateway: bool,
    pub(super) late_list: bool,
    pub(super) hidden: bool,
    pub(super) hookless: bool,
    pub(super) hook_twice: bool,
}

impl Script {
    /// Reads the words of a prompt.
    pub(super) fn of(prompt: &str) -> Self {
        let has = |word: &str| prompt.contains(word);
        Self {
            slow: has("#slow"),
            fail: has("#fail"),
            nsfw: has("#nsfw"),
            stall: has("#stall"),
            partial: has("#partial"),
            expired: has("#expired"),
            truncated: has("#truncated"),
            one_bad: has("#onebad"),
            interrupted: has("#interrupted"),
            busy: has("#busy"),
            lost: has("#lost") || has("#lag"),
            bad_gateway: has("#502"),
            late_list: has("#latelist") || has("#lag"),
            hidden: has("#hidden"),
            hookless: has("#hookless"),
            hook_twice: has("#hooktwice"),
        }
    }

    /// Whether the list shows it when it is this old.
    pub(super) const fn is_listed(self, age_ms: i64) -> bool {
        !self.hidden && (!self.late_list || age_ms >= LISTED_AFTER_MS)
    }

    /// The text this run fails with, if it fails.
    pub(super) const fn failure(self, interrupted: bool) -> Option<&'static str> {
        if interrupted {
            Some("Prediction interrupted; please retry (code: PA)")
        } else if self.nsfw {
            Some("NSFW content detected. Try running it again, or try a different prompt.")
        } else if self.fail {
            Some("CUDA error: device-side assert triggered")
        } else {
            None
        }
    }
}
