//! What the islands say. Only this much text is compiled into the WASM; pages use the same words for the same things.
//!
//! A failure always says what happened, what became of the credits and what to do next.

use crate::domain::{Failure, Lang, Phase, Wait};

/// The words of one language. Functions take numbers where a language puts them in different places.
pub struct LiveText {
    /// What people see of a state.
    pub phase: fn(Phase) -> &'static str,
    /// A card whose press is on its way to the server.
    pub submitting: &'static str,
    /// A card whose press never arrived.
    pub unsent: &'static str,
    /// Why, and that sending it again is safe.
    pub unsent_hint: &'static str,
    /// The button that sends it again.
    pub send: &'static str,
    /// Why a queued one waits; stands after the word for queued.
    pub wait: fn(Wait) -> String,
    /// A duration in tenths of a second, short.
    pub seconds: fn(i64) -> String,
    /// Heading over what runs.
    pub now: &'static str,
    /// The button that stops a generation.
    pub cancel: &'static str,
    /// What stopping gives back; whether that is certain, or only unless it is finished first.
    pub cancel_returns: fn(i64, bool) -> String,
    /// The button that stops everything that still waits.
    pub cancel_waiting: fn(i64) -> String,
    /// Credits given back.
    pub returned: fn(i64) -> String,
    /// Of so many pictures so many were kept, and so many credits came back.
    pub kept_part: fn(i64, i64, i64) -> String,
    /// The class of a failure.
    pub failure: fn(Failure) -> FailureText,
    /// The link that fills the form with a failed request.
    pub edit_and_retry: &'static str,
    /// The button that asks for the same once more, at this price.
    pub retry: fn(i64) -> String,
    /// What `starting` means, beside it.
    pub waking: &'static str,
    /// The name of the link on finished pictures.
    pub open_pictures: fn(i64) -> String,
    /// Live region: a generation was started.
    pub said_started: &'static str,
    /// Live region: so many pictures are ready after so many tenths of a second.
    pub said_ready: fn(i64, i64) -> String,
    /// Live region: it failed and so many credits came back.
    pub said_failed: fn(i64) -> String,
    /// Live region: it was stopped and so many credits came back.
    pub said_canceled: fn(i64) -> String,
    /// Live updates have been missing for a while.
    pub reconnecting: &'static str,
    /// The balance: what can be spent.
    pub available: &'static str,
    /// The balance: set aside.
    pub on_hold: &'static str,
    /// The balance: both.
    pub balance: &'static str,
    /// The button that copies a prompt.
    pub copy: &'static str,
    /// It did.
    pub copied: &'static str,
}

/// A failure in words.
#[derive(Clone, Copy)]
pub struct FailureText {
    /// What happened, as a heading.
    pub what: &'static str,
    /// What became of the credits, and what to do.
    pub then: &'static str,
}

/// The words of a language.
pub const fn of(lang: Lang) -> &'static LiveText {
    match lang {
        Lang::En => &EN,
        Lang::Ja => &JA,
    }
}

/// Tenths of a second as `6.8`, without the weight of floating-point printing.
fn tenths(tenths: i64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn plural(count: i64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

static EN: LiveText = LiveText {
    phase: |phase| match phase {
        Phase::Queued => "Queued",
        Phase::Starting => "Starting",
        Phase::Rendering => "Rendering",
        Phase::Saving => "Saving",
        Phase::Canceling => "Cancelling",
        Phase::Delayed => "Delayed",
        Phase::Succeeded => "Ready",
        Phase::Failed(_) => "Failed",
        Phase::Canceled => "Cancelled",
    },
    submitting: "Sending",
    unsent: "Not sent",
    unsent_hint: "No answer. Sending again never charges twice.",
    send: "Send",
    wait: |wait| match wait {
        Wait::Turn(0) => "next".to_owned(),
        Wait::Turn(ahead) => format!("{ahead} ahead"),
        Wait::OwnLimit(limit) => format!("after your {limit} that are running"),
        Wait::ModelLimit => "this model is busy".to_owned(),
        Wait::HouseLimit => "all places are taken".to_owned(),
        Wait::Throttled => "waiting for the provider’s pace".to_owned(),
        Wait::Retrying => "trying again in a moment".to_owned(),
        Wait::Paused => "paused for now".to_owned(),
        Wait::Trouble => "the provider is not answering".to_owned(),
    },
    seconds: |t| format!("{} s", tenths(t)),
    now: "Now",
    cancel: "Cancel",
    cancel_returns: |credits, certain| {
        format!("cancelling returns {credits}{}", if certain { "" } else { ", unless it finishes first" })
    },
    cancel_waiting: |count| if count == 1 { "Cancel the one that waits".to_owned() } else { format!("Cancel {count} that wait") },
    returned: |credits| format!("{credits} credit{} returned", plural(credits)),
    kept_part: |kept, count, credits| format!("{kept} of {count} kept; {credits} credit{} returned", plural(credits)),
    failure: |failure| match failure {
        Failure::Safety => FailureText {
            what: "Blocked by the model’s safety filter",
            then: "Your credits are back. Change the wording and try again.",
        },
        Failure::InvalidInput => FailureText {
            what: "The model did not accept these settings",
            then: "Your credits are back. Change the prompt or the settings and try again.",
        },
        Failure::ModelFailed => FailureText {
            what: "The model could not finish this one",
            then: "Your credits are back. Try again, or choose another model.",
        },
        Failure::ProviderBusy => {
            FailureText { what: "The provider is too busy right now", then: "Your credits are back. Try again in a few minutes." }
        }
        Failure::Timeout => FailureText {
            what: "It took too long, so we stopped it",
            then: "Your credits are back. Try again, or ask for fewer pictures.",
        },
        Failure::OutputLost => {
            FailureText { what: "The finished picture did not reach us whole", then: "Your credits are back. Try again." }
        }
        Failure::Internal => FailureText {
            what: "Something went wrong on our side",
            then: "Your credits are back. Try again; we are looking into it.",
        },
    },
    edit_and_retry: "Edit & retry",
    retry: |credits| format!("Retry ({credits})"),
    waking: "the model is waking up",
    open_pictures: |count| if count == 1 { "Open picture".to_owned() } else { format!("Open {count} pictures") },
    said_started: "Rendering started",
    said_ready: |count, t| match count {
        1 => format!("Picture ready, {} seconds", tenths(t)),
        _ => format!("{count} pictures ready, {} seconds", tenths(t)),
    },
    said_failed: |credits| format!("Failed, {credits} credit{} returned", plural(credits)),
    said_canceled: |credits| format!("Cancelled, {credits} credit{} returned", plural(credits)),
    reconnecting: "Reconnecting… what you started goes on without this page.",
    available: "available",
    on_hold: "on hold",
    balance: "balance",
    copy: "Copy",
    copied: "Copied",
};

static JA: LiveText = LiveText {
    phase: |phase| match phase {
        Phase::Queued => "順番待ち",
        Phase::Starting => "準備中",
        Phase::Rendering => "生成中",
        Phase::Saving => "保存中",
        Phase::Canceling => "取り消し中",
        Phase::Delayed => "遅れています",
        Phase::Succeeded => "完成",
        Phase::Failed(_) => "失敗",
        Phase::Canceled => "取り消し済み",
    },
    submitting: "送信中",
    unsent: "未送信",
    unsent_hint: "応答がありません。もう一度送っても請求は一度だけです。",
    send: "送信する",
    wait: |wait| match wait {
        Wait::Turn(0) => "次です".to_owned(),
        Wait::Turn(ahead) => format!("前に{ahead}件"),
        Wait::OwnLimit(limit) => format!("実行中の{limit}件のあと"),
        Wait::ModelLimit => "このモデルは混み合っています".to_owned(),
        Wait::HouseLimit => "空きを待っています".to_owned(),
        Wait::Throttled => "提供元の速度制限を待っています".to_owned(),
        Wait::Retrying => "まもなく再試行します".to_owned(),
        Wait::Paused => "一時停止中".to_owned(),
        Wait::Trouble => "提供元が応答していません".to_owned(),
    },
    seconds: |t| format!("{}秒", tenths(t)),
    now: "進行中",
    cancel: "取り消す",
    cancel_returns: |credits, certain| {
        format!("取り消すと{credits}クレジット戻ります{}", if certain { "" } else { "（先に完成した分を除く）" })
    },
    cancel_waiting: |count| format!("待っている{count}件を取り消す"),
    returned: |credits| format!("{credits}クレジット返却済み"),
    kept_part: |kept, count, credits| format!("{count}枚中{kept}枚を保存、{credits}クレジット返却済み"),
    failure: |failure| match failure {
        Failure::Safety => FailureText {
            what: "モデルの安全フィルターで止まりました",
            then: "クレジットは返却済みです。表現を変えてお試しください。",
        },
        Failure::InvalidInput => FailureText {
            what: "この設定はモデルに受け付けられませんでした",
            then: "クレジットは返却済みです。プロンプトか設定を変えてお試しください。",
        },
        Failure::ModelFailed => FailureText {
            what: "モデルが最後まで生成できませんでした",
            then: "クレジットは返却済みです。もう一度試すか、別のモデルをお選びください。",
        },
        Failure::ProviderBusy => FailureText {
            what: "生成サービスが混み合っています",
            then: "クレジットは返却済みです。数分後にもう一度お試しください。",
        },
        Failure::Timeout => FailureText {
            what: "時間内に終わらなかったため中止しました",
            then: "クレジットは返却済みです。もう一度試すか、枚数を減らしてお試しください。",
        },
        Failure::OutputLost => FailureText {
            what: "できあがった画像を正しく受け取れませんでした",
            then: "クレジットは返却済みです。もう一度お試しください。",
        },
        Failure::Internal => FailureText {
            what: "こちらの不具合で失敗しました",
            then: "クレジットは返却済みです。原因を調べています。もう一度お試しください。",
        },
    },
    edit_and_retry: "直してもう一度",
    retry: |credits| format!("もう一度（{credits}）"),
    waking: "モデルを起動しています",
    open_pictures: |count| if count == 1 { "画像を開く".to_owned() } else { format!("{count}枚の画像を開く") },
    said_started: "生成を始めました",
    said_ready: |count, t| format!("画像が{count}枚できました。{}秒かかりました", tenths(t)),
    said_failed: |credits| format!("失敗しました。{credits}クレジットを返却しました"),
    said_canceled: |credits| format!("取り消しました。{credits}クレジットを返却しました"),
    reconnecting: "再接続しています。始めた生成はこのまま進みます。",
    available: "利用可能",
    on_hold: "確保中",
    balance: "残高",
    copy: "コピーする",
    copied: "コピーしました",
};

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: [Phase; 9] = [
        Phase::Queued,
        Phase::Starting,
        Phase::Rendering,
        Phase::Saving,
        Phase::Canceling,
        Phase::Delayed,
        Phase::Succeeded,
        Phase::Failed(Failure::Safety),
        Phase::Canceled,
    ];

    fn distinct(words: impl IntoIterator<Item = &'static str>) -> usize {
        words.into_iter().collect::<std::collections::BTreeSet<_>>().len()
    }

    #[test]
    fn every_phase_and_every_failure_has_words_of_its_own_in_both_languages() {
        for lang in [Lang::En, Lang::Ja] {
            let text = of(lang);
            assert_eq!(distinct(PHASES.map(text.phase)), PHASES.len(), "{lang:?}");
            assert_eq!(distinct(Failure::ALL.map(|failure| (text.failure)(failure).what)), Failure::ALL.len(), "{lang:?}");
        }
        assert_eq!(distinct([EN.now, JA.now, EN.cancel, JA.cancel]), 4);
    }

    #[test]
    fn every_failure_says_that_the_credits_are_back() {
        for failure in Failure::ALL {
            assert!((EN.failure)(failure).then.starts_with("Your credits are back."), "{failure:?}");
            assert!((JA.failure)(failure).then.starts_with("クレジットは返却済みです。"), "{failure:?}");
        }
    }

    #[test]
    fn numbers_are_said_as_people_say_them() {
        assert_eq!((EN.said_ready)(1, 68), "Picture ready, 6.8 seconds");
        assert_eq!((EN.returned)(1), "1 credit returned");
        assert_eq!((EN.returned)(4), "4 credits returned");
        assert_eq!((EN.kept_part)(2, 4, 2), "2 of 4 kept; 2 credits returned");
        assert_eq!((EN.kept_part)(3, 4, 1), "3 of 4 kept; 1 credit returned");
        assert_eq!((JA.kept_part)(2, 4, 2), "4枚中2枚を保存、2クレジット返却済み");
        assert_eq!((EN.seconds)(102), "10.2 s");
        assert_eq!((JA.seconds)(5), "0.5秒");
    }
}
