//! English: what stands around the pages, and the app that a telephone keeps.

use crate::text::page::{AroundText, Notice};

pub(super) const AROUND: AroundText = AroundText {
    offline: "You are offline. What you started goes on without this page, and the page catches up by itself.",
    newer: "Atelier has been renewed since you opened this page.",
    renew: "Load the new one",
    file_missing: "This file is not here",
    file_away: "The store does not answer just now",
    copy: "Copy",
    copied: "Copied",
    wait: |n| format!("You can try again in {n} s."),
    waited: "You can try again now.",
    no_line: Notice {
        title: "No connection",
        body: "Atelier cannot be reached from here. What you started goes on without you, and waits in your gallery.",
    },
    shared: Notice { title: "That picture could not be taken over", body: "Nothing was kept of it and nothing was charged." },
    shared_gone: "It has waited too long for you to sign in. Share it once more.",
};
