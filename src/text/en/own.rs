//! Models on servers of the operator's own, English.

use super::super::page::OwnText;
use crate::domain::catalogue::{AddProblem, Health};

pub(super) const OWN: OwnText = OwnText {
    server: "Address of its Cog server",
    server_hint: "Only for a model of your own: it runs on your server instead of at Replicate, and the name is yours to choose.",
    own: "own server",
    address: "Server",
    health_label: "How it is",
    health,
    read_again: "Read again what it takes",
    reread: "Read again from its server.",
    unread,
};

const fn health(health: Health) -> &'static str {
    match health {
        Health::Ready => "ready",
        Health::Busy => "at work",
        Health::Starting => "loading its model",
        Health::Broken => "cannot work: look at its log",
        Health::Away => "does not answer",
    }
}

const fn unread(problem: AddProblem) -> &'static str {
    match problem {
        AddProblem::ServerUndescribed => "The server does not say what its model takes. Nothing was changed.",
        _ => "The server does not answer. Nothing was changed; see that it runs, then try again.",
    }
}
