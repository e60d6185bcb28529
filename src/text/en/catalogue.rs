//! The catalogue in English, for everybody and for its keeper.

use super::super::page::{AdminText, CatalogueText, Notice};
use super::{number, one_or};
use crate::domain::catalogue::{AddProblem, Looked, Usual, Wrong};
use crate::domain::{Model, PriceRule, Task};

pub(super) const CATALOGUE: CatalogueText = CatalogueText {
    search: "Search",
    task: "For",
    any_task: "anything",
    most: "Price",
    any_price: "any",
    up_to: |n| format!("up to {}", one_or(n, "credit", "credits")),
    show: "Show",
    everything: "Show all models",
    found: |n| one_or(n, "model", "models"),
    nothing: Notice {
        title: "No model fits",
        body: "Nothing in the catalogue matches all of that. Try fewer words, or leave out the price.",
    },
    task_name,
    price_of,
    usually,
    pinned: "pinned",
    pinned_note: "Always the same version, so that the same request makes the same thing.",
    newer: "newer version exists",
    licence: "Licence",
    choose: "Use this model",
    manage: "Manage the catalogue",
};

pub(super) const ADMIN: AdminText = AdminText {
    title: "Catalogue",
    shown: "As people see it",
    back: "All entries",
    add: Notice {
        title: "Add a model",
        body: "Type its owner and name as they stand in its address at Replicate. It is offered once you have set its price.",
    },
    name: "owner/name",
    add_it: "Add",
    look_all: "Look for newer versions",
    look: "Look for a newer version",
    move_on: "Move to the newer version",
    model: "Model",
    price: "Price",
    version: "Version",
    newest: "Newer version",
    state: "State",
    offered: "offered",
    not_offered: "not offered",
    by_name: "run by its name",
    edit: "Edit",
    label: "Name for people",
    label_ja: "Name for people, in Japanese",
    description: "One sentence",
    description_ja: "One sentence, in Japanese",
    task: "For",
    rule: "What is paid for",
    rule_name,
    unit_price: "Credits for one of these",
    max_count: "Most outputs in one request",
    max_seconds: "Most seconds in one request",
    max_seconds_note: "Only where seconds are paid for; so many are held.",
    place: "Place in the list",
    enabled: "Offer it",
    license_url: "Address of the licence",
    endpoint: "Address of a server of your own",
    endpoint_note: "Of a Cog server, such as http://10.0.0.7:5000. Leave it empty to run the model at Replicate.",
    maxima: Notice {
        title: "What may be asked for at most",
        body: "An empty field leaves the model’s own limit. A maximum can be no less than what the model uses by itself.",
    },
    setting: "Setting",
    takes: "The model takes",
    by_itself: "By itself",
    house: "At most here",
    save: "Save",
    saved: "Saved. What was asked for before keeps its price.",
    added: "Added. It is not offered yet: look at its price, then switch it on.",
    summary: "Nothing was saved. Look at what is marked below.",
    wrong,
    add_problem,
    looked,
    nothing_newer: "Replicate has no newer version that is not in use here.",
    moved: "Moved to the newer version.",
    moved_same: "It takes and gives the same as before.",
    appeared: |names| format!("New settings: {}.", names.join(", ")),
    disappeared: |names| format!("Settings that are gone: {}.", names.join(", ")),
    differ: |names| format!("Settings that changed: {}.", names.join(", ")),
    dropped: |names| format!("Limits of yours that have nothing to hold any more: {}.", names.join(", ")),
    other_output: "What comes out is of another kind. Check what it is for and what is paid for.",
    undescribed: "The newer version does not say what it takes. Nothing was changed.",
    away: "Replicate did not answer. Nothing was changed; try again.",
    log: "What was changed",
    log_empty: "Nothing was changed by hand yet.",
    when: "When",
    who: "Who",
    what: "What",
    operator: "a command on the server",
    action,
};

const fn task_name(task: Task) -> &'static str {
    match task {
        Task::Image => "pictures",
        Task::Edit => "editing pictures",
        Task::Upscale => "enlarging pictures",
        Task::Video => "film",
        Task::Audio => "sound",
        Task::Text => "text",
        Task::Data => "data",
    }
}

fn price_of(model: &Model) -> String {
    let unit = model.price.unit.0;
    let one = one_or(unit, "credit", "credits");
    match (model.price.rule, model.task) {
        (PriceRule::Run, _) => format!("{one} a run"),
        (PriceRule::Output, Task::Image | Task::Edit | Task::Upscale) => format!("{one} a picture"),
        (PriceRule::Output, _) => format!("{one} an output"),
        (PriceRule::Second, _) => format!("{one} a second, at most {}", number(unit.saturating_mul(model.max_seconds.max(1)))),
    }
}

fn usually(usual: Usual) -> String {
    let minutes = |seconds: i64| (seconds + 59) / 60;
    match usual {
        Usual { from, to } if from == to && to < 120 => format!("usually {to} s"),
        Usual { from, to } if to < 120 => format!("usually {from}–{to} s"),
        Usual { from, to } if minutes(from) == minutes(to) => format!("usually {} min", minutes(to)),
        Usual { from, to } => format!("usually {}–{} min", minutes(from), minutes(to)),
    }
}

const fn rule_name(rule: PriceRule) -> &'static str {
    match rule {
        PriceRule::Run => "the run, whatever it makes",
        PriceRule::Output => "each output that is kept",
        PriceRule::Second => "each second that is kept",
    }
}

fn wrong(wrong: &Wrong) -> String {
    match wrong {
        Wrong::Missing => "This is missing.".into(),
        Wrong::TooLong(most) => format!("Too long: at most {} characters.", number(*most)),
        Wrong::NotWhole(least, most) => format!("Use a whole number from {} to {}.", number(*least), number(*most)),
        Wrong::NotNumber => "This is no number the setting could take.".into(),
        Wrong::TooSmall(least) => format!("The model needs at least {least}."),
        Wrong::Unknown => "Choose one of those that are offered.".into(),
        Wrong::NotAnAddress => "This is no address. It begins with https://.".into(),
    }
}

const fn add_problem(problem: AddProblem) -> &'static str {
    match problem {
        AddProblem::Name => "This is no owner/name. It looks like black-forest-labs/flux-schnell.",
        AddProblem::Known => "This model is in the catalogue already.",
        AddProblem::Unknown => {
            "Replicate shows no such model. Check both names; somebody else’s private model is not shown either."
        }
        AddProblem::Private => "This model is private: it could be gone tomorrow. Make it public, or choose another.",
        AddProblem::Undescribed => "This model does not say what it takes, so no form can be drawn for it.",
        AddProblem::Away => "Replicate did not answer. Nothing was added; try again in a moment.",
        AddProblem::Endpoint => "This is no address of a server. It looks like http://10.0.0.7:5000.",
        AddProblem::ServerAway => "No Cog server answers at this address. Check it, and see that the server runs.",
        AddProblem::ServerUndescribed => {
            "This server does not say what its model takes. Build the model with cog build, which writes that down."
        }
    }
}

fn looked(looked: &Looked) -> String {
    let newer = match looked.newer {
        0 => "None has a newer version.".to_owned(),
        1 => "One has a newer version.".to_owned(),
        several => format!("{} have newer versions.", number(several)),
    };
    let silent = match looked.silent {
        0 => String::new(),
        silent => format!(" About {} nothing was said.", one_or(silent, "model", "models")),
    };
    format!("Asked about {}. {newer}{silent}", one_or(looked.asked, "model", "models"))
}

fn action(action: &str) -> &'static str {
    match action {
        "model.added" => "added",
        "model.looked" => "newer version",
        "model.moved" => "moved",
        _ => "changed",
    }
}
