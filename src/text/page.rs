//! What the server-rendered pages can say: one field for each sentence, the same in every language.

use crate::domain::catalogue::{AddProblem, Health, Looked, Usual, Wrong};
use crate::domain::schema::Violation;
use crate::domain::{
    AspectRatio, Completeness, DeliveryTrouble, Field, FileProblem, Medium, Model, PriceRule, Problem, Refusal, Shape,
    StatementFilter, StatementKind, Task, TrialProblem,
};

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
    (filter) => { fn(StatementFilter) -> &'static str };
    (trouble) => { fn(u16) -> Notice };
    (violation) => { fn(&Violation) -> String };
    (names) => { fn(&[String]) -> String };
    (task) => { fn(Task) -> &'static str };
    (rule) => { fn(PriceRule) -> &'static str };
    (price) => { fn(&Model) -> String };
    (usual) => { fn(Usual) -> String };
    (wrong) => { fn(&Wrong) -> String };
    (add) => { fn(AddProblem) -> &'static str };
    (health) => { fn(Health) -> &'static str };
    (looked) => { fn(&Looked) -> String };
    (action) => { fn(&str) -> &'static str };
    (aspect) => { fn(AspectRatio) -> &'static str };
    (shape) => { fn(Shape) -> &'static str };
    (medium) => { fn(Medium) -> &'static str };
    (status) => { fn(Completeness) -> &'static str };
    (delivery_trouble) => { fn(DeliveryTrouble) -> &'static str };
    (trial) => { fn(TrialProblem) -> &'static str };
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
    (filter, $value:expr) => {
        StatementFilter::ALL.map(|filter| $value(filter).to_owned()).to_vec()
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
    (health, $value:expr) => {
        Health::ALL.map(|health| $value(health).to_owned()).to_vec()
    };
    (looked, $value:expr) => {
        super::samples::LOOKED.iter().map($value).collect()
    };
    (action, $value:expr) => {
        ["model.added", "model.changed", "model.looked", "model.moved"].map(|action| $value(action).to_owned()).to_vec()
    };
    (shape, $value:expr) => {
        Shape::ALL.map(|shape| $value(shape).to_owned()).to_vec()
    };
    (aspect, $value:expr) => {
        AspectRatio::ALL.map(|aspect| $value(aspect).to_owned()).to_vec()
    };
    (medium, $value:expr) => {
        Medium::ALL.map(|medium| $value(medium).to_owned()).to_vec()
    };
    (status, $value:expr) => {
        Completeness::ALL.map(|status| $value(status).to_owned()).to_vec()
    };
    (delivery_trouble, $value:expr) => {
        DeliveryTrouble::ALL.map(|trouble| $value(trouble).to_owned()).to_vec()
    };
    (trial, $value:expr) => {
        [TrialProblem::Address, TrialProblem::NothingToTell, TrialProblem::TooMany]
            .map(|problem| $value(problem).to_owned())
            .to_vec()
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
        remove: text, failed: text, dropped: names, violation: violation, choose: text, yours: text, drop: text, too_large: text,
        too_wide: text, not_a_file: text,
    }

    /// The form that asks for pictures. Where a script puts a number into a sentence, `{}` stands for it.
    CreateText {
        prompt: text, placeholder: text, model: text, aspect: text, aspect_name: aspect, swap: text, count: text, per_second: text,
        advanced: text, changed: text, reset: text, reset_all: text, seed: text, seed_hint: text, generate: text, credit: text, credits: text, leaves: text,
        missing_one: text, missing: text, many: text, signed_out: text, sign_in: text, trouble: text,
        tools: text, history: text, history_search: text, history_empty: text, presets: text, presets_empty: text, preset_name: text, preset_save: text,
        preset_delete: text, preset_too_many: text, preset_unnamed: text, code: text, code_title: text, code_note: text, copy: text, copied: text, close: text, to_form: text,
        yours: text, yours_empty: text, confirm_one: text, confirm: text, confirm_yes: text, confirm_no: text, undo_one: text, undo: text,
        undo_it: text, session: notice, session_other: text, use_as_reference: text,
    }

    /// Keys, the menu and how they are set.
    KeysHelpText {
        title: text, enter: text, enter_generates: text, enter_breaks: text, single: text, notify: text, notify_denied: text, save: text,
        generate: text, break_line: text, search: text, go_create: text, go_gallery: text, go_credits: text, menu: text, sheet: text, close: text, models: text, swap: text,
        history: text, older: text, menu_find: text, menu_nothing: text, done: text, done_body: text,
    }

    /// The gallery.
    GalleryText {
        shelves: text, all: text, favourites: text, trash: text, trash_note: text, pictures: text, search: text, model: text,
        any_model: text, filters: text, shape: text, medium: text, status: text, from: text, to: text, any: text, show: text,
        clear: text, months: text, shape_name: shape, medium_name: medium, status_name: status, found: count, nothing: notice,
        trash_empty: notice, favourites_empty: notice, collection_empty: notice, choose: text, select: text, select_all: count,
        selection: text, selected: text, unselect: text, zip: text, favourite: text, unfavourite: text, is_favourite: text,
        collect: text, uncollect: text, delete: text, restore: text, purge: text, purge_sure: notice, keep: text, goes_in: count,
        edit_collection: text, collection_name: text, new_collection: text, make_collection: text, rename: text,
        remove_collection: text, remove_note: text, remix: text, download: text, new_ones: text, undo: text,
        done_trash: text, done_restore: text, done_favourite: text, done_unfavourite: text, done_collect: text,
        done_uncollect: text, done_purge: text, undone: text, failed: text, loading: text,
    }

    /// One generation.
    ViewerText {
        title: text, back: text, prompt: text, model: text, size: text, shape: text, seed: text, seed_free: text,
        made: text, took: text, times: text, time_queue: text, time_boot: text, time_run: text, time_save: text, length: text,
        file: text, quoted: text, held: text, charged: text, returned: text, price_path: text,
        hash: text, download: text, remix: text, keep_seed: text, others: text, waiting: text, reload: text,
        newer: text, older: text, zoom: text, fit: text, pan_left: text, pan_right: text, pan_up: text, pan_down: text, info: text,
        copy_prompt: text, copied_prompt: text, copy_seed: text, copied_seed: text,
        favourite: text, is_favourite: text, unfavourite: text, not_favourite: text, trash: text, trashed: text, restore: text,
        restored: text, in_trash: text, failed: text,
        changed: text, settings: text, references: text, receipt: text,
        lineage: text, repeats: text, remixed: text, led_to: text, compare: text,
        again: notice, again_for: count, not_offered: text, identical: notice, alike: notice, different: notice,
        save: text, save_as: text, as_kept: text, save_note: text, mark: text, mark_none: text, mark_machine: text, mark_all: text,
        save_it: text,
        keys: text, keys_on: text, key_move: text, key_zoom: text, key_info: text, key_copy: text, key_remix: text,
        key_favourite: text, key_download: text, key_share: text, key_trash: text,
        compare_title: text, compare_one: text, compare_other: text, compare_slider: text, compare_note: text,
    }

    /// What stays known of a generation for good.
    ReceiptText {
        title: text, lead: text, back: text, print: text, data: text, request: text, number: text, state: text, asked: text,
        ended: text, version: text, version_free: text, licence: text, upstream: text, settings: text, references: text,
        money: text, step: text, amount: text, book: text, at: text, quote: text, hold: text, capture: text, release: text,
        unit: text, times: text, total: text, outputs: text, output: text, bytes: text, entry: text,
        succeeded: text, failed: text, canceled: text, running: text, again_of: text, remix_of: text, verdict: text,
    }

    /// Links for others.
    ShareText {
        title: text, lead: text, share: text, off: text, make: text, term: text, day: text, week: text, month: text, never: text,
        with_prompt: text, with_settings: text, link: text, copy: text, copied: text, revoke: text, revoked: text, made: text,
        ends: text, never_ends: text, shows: text, picture_only: text, manage: text, empty: notice, gone: text, too_many: text,
        open: text, by: text, what_is_this: text,
    }

    /// The credits page.
    CreditsText {
        available: text, on_hold: text, spent: text, returned: text, statement: text, when: text, what: text, change: text,
        balance: text, holds: text, holds_note: text, kind: line, given_back: count, pictures: count, older: text, newest: text,
        empty: notice,
    }

    /// The statement on it, and the files it is saved as.
    StatementText {
        filter: text, filter_name: filter, none: notice, everything: text, reference: text, csv: text, json: text, verify: text,
        verify_note: text, checking: text, right: text, flawed: text, cut: text, away: text, column_time: text,
        column_kind: text, column_what: text, column_generation: text, column_count: text, column_returned: text,
        column_reason: text,
    }

    /// The account page.
    AccountText {
        title: text, email: text, to_credits: text, limits: notice, daily_cap: text, daily_cap_hint: count, ask_above: text,
        ask_above_hint: text, warn_below: text, warn_below_hint: text, not_a_number: text, save: text, saved: text, low: count,
        low_link: text, password: notice, old_password: text, new_password: text, change_password: text, password_changed: text,
        wrong_password: text, sessions: notice, this_browser: text, some_browser: text, since: text, end_session: text,
        end_sessions: text, session_ended: text, sessions_ended: text, looks: notice, export: notice, export_link: text,
        delete: notice, delete_credits: count, delete_pictures: count, delete_password: text, delete_it: text,
        delete_keeper: text, delete_keeper_address: text,
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

    /// The page of webhooks.
    WebhooksText {
        title: text, lead: text, secret: notice, show_secret: text, rotate: text, rotate_note: text, rotate_submit: text,
        both_until: text, trial: notice, url: text, url_hint: text, send: text, trial_problem: trial, off: notice, off_gone: text,
        off_failing: text, since: text, enable: text, log: text, refresh: text, empty: notice, waiting: text, taken: text,
        no_answer: delivery_trouble, is_trial: text, tries: count, took: count, next: text, about: text, again: text,
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

    /// Models on servers of the operator's own.
    OwnText {
        server: text, server_hint: text, own: text, address: text, health_label: text, health: health, read_again: text,
        reread: text, unread: add,
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
    pub create: CreateText,
    pub keys_help: KeysHelpText,
    pub control: ControlText,
    pub gallery: GalleryText,
    pub viewer: ViewerText,
    pub receipt: ReceiptText,
    pub share: ShareText,
    pub credits: CreditsText,
    pub statement: StatementText,
    pub account: AccountText,
    pub keys: KeysText,
    pub webhooks: WebhooksText,
    pub docs: DocsText,
    pub catalogue: CatalogueText,
    pub admin: AdminText,
    pub own: OwnText,
    pub help: HelpText,
    pub around: AroundText,
    pub trouble: TroubleText,
}

impl ControlText {
    /// What the script says beside a file, as a text of JSON.
    pub fn slot_words(&self) -> String {
        serde_json::json!({
            "uploading": self.uploading, "remove": self.remove, "failed": self.failed, "too_large": self.too_large,
            "too_wide": self.too_wide, "not_a_file": self.not_a_file,
        })
        .to_string()
    }
}

impl StatementText {
    /// What the script says that recomputes the chain, as a text of JSON.
    pub fn verify_words(&self) -> String {
        let Self { checking, right, flawed, cut, away, .. } = self;
        serde_json::json!({"checking": checking, "right": right, "flawed": flawed, "cut": cut, "away": away}).to_string()
    }
}

impl GalleryText {
    /// What the script says, as a text of JSON; `{n}` stands for a number.
    pub fn script_words(&self) -> String {
        serde_json::json!({
            "selected": self.selected, "new": self.new_ones, "undo": self.undo, "undone": self.undone, "failed": self.failed,
            "loading": self.loading, "favourite": self.favourite, "unfavourite": self.unfavourite, "isFavourite": self.is_favourite,
            "done": {
                "trash": self.done_trash, "restore": self.done_restore, "favourite": self.done_favourite,
                "unfavourite": self.done_unfavourite, "collect": self.done_collect, "uncollect": self.done_uncollect,
                "purge": self.done_purge,
            },
        })
        .to_string()
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
            self.create.said(),
            self.keys_help.said(),
            self.control.said(),
            self.gallery.said(),
            self.viewer.said(),
            self.receipt.said(),
            self.share.said(),
            self.credits.said(),
            self.statement.said(),
            self.account.said(),
            self.keys.said(),
            self.webhooks.said(),
            self.docs.said(),
            self.catalogue.said(),
            self.admin.said(),
            self.own.said(),
            self.help.said(),
            self.around.said(),
            self.trouble.said(),
        ]
        .concat()
    }
}
