//! Webhooks in English.

use super::super::page::{Notice, WebhooksText};
use super::{number, one_or};
use crate::domain::{DeliveryTrouble, TrialProblem};

pub(super) const WEBHOOKS: WebhooksText = WebhooksText {
    title: "Webhooks",
    lead: "A program that names a webhook with its request is told here and now what becomes of it. This is what was told in the \
           last 30 days, and how it went.",
    secret: Notice {
        title: "Signing secret",
        body: "Every message is signed with it, as Standard Webhooks describes. Whoever has it can write messages that look like \
               ours, so keep it where only your programs read.",
    },
    show_secret: "Show the secret",
    rotate: "Replace it",
    rotate_note: "Makes a new secret. For 24 hours the present one signs beside it, so that your receivers can change over without \
                  missing a message.",
    rotate_submit: "Replace the secret",
    both_until: "The secret before this one signs as well until",
    trial: Notice {
        title: "Try an address",
        body: "Tells it of the newest thing you made that has ended, once, signed like any other message.",
    },
    url: "Address",
    url_hint: "An https address that answers a POST with a status from 200 to 299 within 10 seconds.",
    send: "Send a test",
    trial_problem: |problem| match problem {
        TrialProblem::Address => "Use an address that begins with https:// and has no more than 2,048 characters.",
        TrialProblem::NothingToTell => "There is nothing to tell of yet. Make something first, then try again.",
        TrialProblem::TooMany => "That was a lot of tests at once. Try again in a minute.",
    },
    off: Notice { title: "Switched off", body: "Nothing more is sent to these addresses until you switch them on again." },
    off_gone: "It answered that it is gone (410)",
    off_failing: "It took nothing for a whole day",
    since: "since",
    enable: "Switch on",
    log: "The last 50 messages",
    refresh: "Refresh",
    empty: Notice {
        title: "No messages yet",
        body: "Name a webhook with a request to the API, or try an address above, and what was told stands here.",
    },
    waiting: "On its way",
    taken: "Delivered",
    no_answer: |trouble| match trouble {
        DeliveryTrouble::Slow => "No answer within 10 seconds",
        DeliveryTrouble::Unreachable => "Not reachable",
        DeliveryTrouble::Address => "Nothing is sent to such an address",
        DeliveryTrouble::Stale => "Too late to be worth telling",
        DeliveryTrouble::Nothing => "Nothing left to tell",
    },
    is_trial: "Test",
    tries: |n| one_or(n, "try", "tries"),
    took: |n| format!("{} ms", number(n)),
    next: "Next try",
    about: "What it is about",
    again: "Send again",
};
