//! The statement and the account in English.

use super::super::page::{AccountText, Notice, StatementText};
use super::{number, one_or};
use crate::domain::StatementFilter;

pub(super) const STATEMENT: StatementText = StatementText {
    filter: "Show",
    filter_name,
    none: Notice { title: "No such entries", body: "Your statement has no lines of this kind." },
    everything: "Show all entries",
    reference: "Reference",
    csv: "Save as CSV",
    json: "Save as JSON",
    verify: "Verify",
    verify_note: "Each entry carries the SHA-256 of itself and of the one before. “Verify” recomputes all of them in your \
                  browser; “atelier ledger verify FILE” does the same with a saved JSON file, without this server.",
    checking: "Recomputing…",
    right: "{n}/{n} ✓",
    flawed: "Entry {place} of {n} does not fit ({ref}).",
    cut: "The statement does not end where its head says.",
    away: "The statement could not be read. Try again.",
    column_time: "Time (UTC)",
    column_kind: "Kind",
    column_what: "Model",
    column_generation: "Generation",
    column_count: "Outputs",
    column_returned: "Returned",
    column_reason: "Reason",
};

const fn filter_name(filter: StatementFilter) -> &'static str {
    match filter {
        StatementFilter::All => "Everything",
        StatementFilter::Added => "Added",
        StatementFilter::Spent => "Spent",
        StatementFilter::Returned => "Returned",
    }
}

/// To whoever tried too many passwords: how long to wait, in a unit that can be waited in.
pub(super) fn too_many_tries(seconds: i64) -> String {
    let wait = if seconds > 90 { one_or((seconds + 59) / 60, "minute", "minutes") } else { one_or(seconds, "second", "seconds") };
    format!("Too many tries. Wait {wait} and try again.")
}

pub(super) const ACCOUNT: AccountText = AccountText {
    title: "Account",
    email: "Email",
    to_credits: "Credits and statement",
    limits: Notice {
        title: "Spending limits",
        body: "They are yours: set and lift them as you like. They hold from the next request on, for your programs too. \
               An empty field means no limit.",
    },
    daily_cap: "Credits in 24 hours, at most",
    daily_cap_hint: |n| format!("Counts what was taken and what is on hold: {} in the last 24 hours.", number(n)),
    ask_above: "Ask me above",
    ask_above_hint: "A press that costs more is asked about once. Programs cannot be asked.",
    warn_below: "Tell me below",
    warn_below_hint: "With less than this to spend, every page says so.",
    not_a_number: "Use a whole number, or leave it empty.",
    save: "Save the limits",
    saved: "Saved. The limits hold from the next request on.",
    low: |n| format!("You have {} left to spend.", one_or(n, "credit", "credits")),
    low_link: "Change when you are told",
    password: Notice { title: "Password", body: "After a change every other browser is signed out. This one stays." },
    old_password: "Present password",
    new_password: "New password",
    change_password: "Change the password",
    password_changed: "The password is changed, and every other browser is signed out.",
    wrong_password: "That is not your present password.",
    sessions: Notice { title: "Signed in", body: "Browsers that are signed in to this account now." },
    this_browser: "this browser",
    some_browser: "A browser",
    since: "since",
    end_session: "Sign out",
    end_sessions: "Sign out everywhere else",
    session_ended: "That browser is signed out.",
    sessions_ended: "Every other browser is signed out.",
    looks: Notice { title: "Language and colours", body: "Kept in this browser." },
    export: Notice {
        title: "Take everything along",
        body: "One ZIP with every original, what each was made from, your statement, your profile, and a gallery that opens \
               without a network.",
    },
    export_link: "Download everything",
    delete: Notice {
        title: "Delete the account",
        body: "At once you are signed out everywhere, your keys end, and what is being made is stopped. What it had on hold is \
               settled first. Within the hour every picture, file and prompt is removed, and cannot be brought back. Lines of \
               the books stay, without your name, so that they still add up.",
    },
    delete_credits: |n| format!("{} would be given up.", one_or(n, "credit", "credits")),
    delete_pictures: |n| format!("{} would be removed.", one_or(n, "picture", "pictures")),
    delete_password: "Password, to be sure",
    delete_it: "Delete it for good",
    delete_keeper: "Nobody but you runs this house, so this account cannot be deleted yet. First make somebody else an \
                    administrator, on the machine that serves it:",
    delete_keeper_address: "SOMEBODY@EXAMPLE.COM",
};
