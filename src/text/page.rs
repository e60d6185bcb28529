//! What the server-rendered pages can say: one field for each sentence, the same in every language.

use crate::domain::catalogue::{AddProblem, Looked, Usual, Wrong};
use crate::domain::schema::Violation;
use crate::domain::{Field, FileProblem, Model, PriceRule, Problem, Refusal, StatementKind, Task};

/// A heading and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The heading.
    pub title: &'static str,
    /// The sentences under it.
    pub body: &'static str,
}

/// The words of a kind of field: a sentence, or a sentence around a number.
macro_rules! kind {
    (text) => { &'static str };
    (notice) => { Notice };
    (count) => { fn(i64) -> String };
    (problem) => { fn(Field, Problem) -> String };
    (refusal) => { fn(&Refusal) -> String };
    (file) => { fn(FileProblem) -> String };
    (line) => { fn(StatementKind) -> &'static str };
    (trouble) => { fn(u16) -> Notice };
    (violation) => { fn(&Violation) -> String };
    (names) => { fn(&[String]) -> String };
    (task) => { fn(Task) -> &'static str };
    (rule) => { fn(PriceRule) -> &'static str };
    (price) => { fn(&Model) -> String };
    (usual) => { fn(Usual) -> String };
    (wrong) => { fn(&Wrong) -> String };
    (add) => { fn(AddProblem) -> &'static str };
    (looked) => { fn(&Looked) -> String };
    (action) => { fn(&str) -> &'static str };
}

/// What a test reads of such a field: all it can say, with a number where one is wanted.
#[cfg(test)]
macro_rules! said {
    (text, $value:expr) => {
        vec![$value.to_owned()]
    };
    (notice, $value:expr) => {
        vec![$value.title.to_owned(), $value.body.to_owned()]
    };
    (count, $value:expr) => {
        vec![$value(1), $value(2_345)]
    };
    (problem, $value:expr) => {
        super::samples::problems().into_iter().map(|(field, problem)| $value(field, problem)).collect()
    };
    (refusal, $value:expr) => {
        super::samples::refusals().iter().map($value).collect()
    };
    (file, $value:expr) => {
        FileProblem::SAMPLES.map($value).to_vec()
    };
    (line, $value:expr) => {
        super::samples::kinds().map(|kind| $value(kind).to_owned()).to_vec()
    };
    (violation, $value:expr) => {
        super::samples::violations().iter().map($value).collect()
    };
    (names, $value:expr) => {
        vec![$value(&["mask".to_owned(), "tiling".to_owned()])]
    };
    (task, $value:expr) => {
        Task::ALL.map(|task| $value(task).to_owned()).to_vec()
    };
    (rule, $value:expr) => {
        PriceRule::ALL.map(|rule| $value(rule).to_owned()).to_vec()
    };
    (price, $value:expr) => {
        super::samples::models().iter().map($value).collect()
    };
    (usual, $value:expr) => {
        super::samples::USUAL.map($value).to_vec()
    };
    (wrong, $value:expr) => {
        super::samples::wrongs().iter().map($value).collect()
    };
    (add, $value:expr) => {
        AddProblem::ALL.map(|problem| $value(problem).to_owned()).to_vec()
    };
    (looked, $value:expr) => {
        super::samples::LOOKED.iter().map($value).collect()
    };
    (action, $value:expr) => {
        ["model.added", "model.changed", "model.looked", "model.moved"].map(|action| $value(action).to_owned()).to_vec()
    };
    (trouble, $value:expr) => {
        super::samples::STATUSES
            .iter()
            .flat_map(|&status| [$value(status).title.to_owned(), $value(status).body.to_owned()])
            .collect()
    };
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ident,)* })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name { $(pub $field: kind!($kind),)* }

        impl $name {
            /// Every sentence with the name of its field.
            #[cfg(test)]
            pub(super) fn said(&self) -> Vec<(&'static str, Vec<String>)> {
                vec![$((concat!(stringify!($name), ".", stringify!($field)), said!($kind, (self.$field)))),*]
            }
        }
    )* };
}

texts! {
    /// The frame around the signed-in pages, and the document.
    FrameText {
        tagline: text, description: text, skip: text, home: text,
        create: text, gallery: text, models: text, credits: text, account: text, navigation: text,
        available: text, on_hold: text, sign_in: text, sign_up: text, sign_out: text,
        other_language: text, theme: text, theme_system: text, theme_light: text, theme_dark: text,
        sandbox: text, help: text, keys: text, motto: text, pictures: count,
    }

    /// The page before the door.
    LandingText {
        headline_first: text, headline_second: text, lead: text, start: count, demo: text,
        price: notice, failure: notice, server: notice,
        story: notice, quoted: count, held: count, charged: count, returned: count,
        quoted_note: text, held_note: text, charged_note: text, returned_note: text,
        api: notice, api_example: text, api_more: text, chain: text, source: text,
    }

    /// Signing in and up.
    DoorText {
        sign_in_title: text, sign_up_title: text, email: text, password: text, password_hint: count,
        sign_in: text, sign_up: text, no_account: text, have_account: text, gift: count,
        expired: text, wrong: text, wait: count, email_invalid: text, email_taken: text, password_short: count,
        password_long: count, password_weak: text, summary: text, caption: text,
    }

    /// Making pictures, and looking at them.
    PictureText {
        today: text, yesterday: text, older: text, newest: text,
        empty: notice, first: notice, first_examples: text, example_one: text, example_two: text, example_three: text,
        to_create: text, problem: problem, refusal: refusal, refused: text, file: file,
    }

    /// The controls of a model.
    ControlText {
        required: text, deprecated: text, model_decides: text, address: text, pick_file: text, pick_files: text, uploading: text,
        remove: text, failed: text, dropped: names, violation: violation, choose: text,
    }

    /// One generation.
    ViewerText {
        title: text, back: text, prompt: text, model: text, size: text, shape: text, seed: text, seed_free: text,
        made: text, took: text, times: text, time_queue: text, time_boot: text, time_run: text, time_save: text, length: text, file: text, held: text, charged: text, returned: text, price_path: text,
        hash: text, hash_note: text, download: text, remix: text, others: text, waiting: text, reload: text,
    }

    /// The credits page.
    CreditsText {
        available: text, on_hold: text, spent: text, returned: text, statement: text, when: text, what: text, change: text,
        balance: text, holds: text, holds_note: text, kind: line, given_back: count, pictures: count, older: text, newest: text,
        empty: notice,
    }

    /// The page of API keys.
    KeysText {
        title: text, lead: text, make_title: text, name: text, name_hint: text, scopes: text, read: text, write: text,
        cap: text, cap_hint: text, make: text, made: notice, list: text, created: text, last_used: text, never_used: text,
        spent: count, spent_of: count, may_read: text, may_write: text, ends: text, ended: text, replaced: text,
        rotate: text, rotate_note: text, overlap: text, overlap_none: text, overlap_hour: text, overlap_day: text,
        overlap_week: text, rotate_submit: text, revoke: text, revoke_note: text, revoke_submit: text, empty: notice,
        name_missing: text, name_long: count, scope_missing: text, cap_wrong: text, too_many: count,
    }

    /// The description of the API.
    DocsText {
        title: text, lead: text, start: notice, example: text, document: text, parameters: text, body: text, answers: text,
        objects: text, required: text, keys: text,
    }

    /// The models, for everybody.
    CatalogueText {
        search: text, task: text, any_task: text, most: text, any_price: text, up_to: count, show: text, everything: text,
        found: count, nothing: notice, task_name: task, price_of: price, usually: usual, pinned: text, pinned_note: text,
        newer: text, licence: text, choose: text, manage: text,
    }

    /// The models, for the one who keeps the catalogue.
    AdminText {
        title: text, shown: text, back: text, add: notice, name: text, add_it: text, look_all: text, look: text, move_on: text,
        model: text, price: text, version: text, newest: text, state: text, offered: text, not_offered: text, by_name: text,
        edit: text, label: text, label_ja: text, description: text, description_ja: text, task: text, rule: text, rule_name: rule,
        unit_price: text, max_count: text, max_seconds: text, max_seconds_note: text, place: text, enabled: text,
        license_url: text, endpoint: text, endpoint_note: text, maxima: notice, setting: text, takes: text, by_itself: text,
        house: text, save: text, saved: text, added: text, summary: text, wrong: wrong, add_problem: add, looked: looked,
        nothing_newer: text, moved: text, moved_same: text, appeared: names, disappeared: names, differ: names, dropped: names,
        other_output: text, undescribed: text, away: text, log: text, log_empty: text, when: text, who: text, what: text, operator: text,
        action: action,
    }

    /// How credits work.
    HelpText { title: text, price: notice, hold: notice, failure: notice, cancel: notice, twice: notice, keep: notice, }

    /// What stands around the pages, and the app that a telephone keeps.
    AroundText {
        offline: text, newer: text, renew: text, file_missing: text, file_away: text, copy: text, copied: text,
        wait: count, waited: text, no_line: notice, shared: notice, shared_gone: text,
    }

    /// When something did not work.
    TroubleText { trouble: trouble, request: text, home: text, again: text, }
}

/// Everything the server-rendered pages say in one language.
#[derive(Clone, Copy)]
pub struct PageText {
    pub frame: FrameText,
    pub landing: LandingText,
    pub door: DoorText,
    pub picture: PictureText,
    pub control: ControlText,
    pub viewer: ViewerText,
    pub credits: CreditsText,
    pub keys: KeysText,
    pub docs: DocsText,
    pub catalogue: CatalogueText,
    pub admin: AdminText,
    pub help: HelpText,
    pub around: AroundText,
    pub trouble: TroubleText,
}

impl ControlText {
    /// What the script says beside a file, as a text of JSON.
    pub fn slot_words(&self) -> String {
        serde_json::json!({"uploading": self.uploading, "remove": self.remove, "failed": self.failed}).to_string()
    }
}

impl PageText {
    /// Every sentence with the name of its field.
    #[cfg(test)]
    pub(super) fn said(&self) -> Vec<(&'static str, Vec<String>)> {
        [
            self.frame.said(),
            self.landing.said(),
            self.door.said(),
            self.picture.said(),
            self.control.said(),
            self.viewer.said(),
            self.credits.said(),
            self.keys.said(),
            self.docs.said(),
            self.catalogue.said(),
            self.admin.said(),
            self.help.said(),
            self.around.said(),
            self.trouble.said(),
        ]
        .concat()
    }
}
