//! Who may use whom, read from the sources: the rules that no type can hold.

use crate::routes::ROUTES;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every source file of the product but the tests', by its path below `src`, with what is code in it.
fn sources() -> Vec<(String, String)> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    let name = |path: &Path| path.strip_prefix(&root).expect("below src").to_string_lossy().into_owned();
    let files: Vec<_> = paths
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).expect("a text")))
        .filter(|(name, _)| !name.starts_with("bench/") && !name.contains("tests"))
        .map(|(name, text)| (name, code(&text)))
        .collect();
    assert!(files.len() > 60, "the sources were found");
    files
}

/// Without comments and without the unit tests at the end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The files below any of `folders` that hold any of `words`.
fn holding(words: &[&str], folders: &[&str]) -> BTreeSet<String> {
    let inside = |name: &str| folders.iter().any(|folder| name.starts_with(folder));
    sources()
        .into_iter()
        .filter(|(name, text)| inside(name) && words.iter().any(|word| text.contains(word)))
        .map(|(name, _)| name)
        .collect()
}

fn assert_only(found: &BTreeSet<String>, allowed: &[&str], rule: &str) {
    let strangers: Vec<_> = found.iter().filter(|name| !allowed.iter().any(|known| name.starts_with(known))).collect();
    assert!(strangers.is_empty(), "{rule}: {strangers:?}");
    assert!(!found.is_empty(), "the rule finds what it is about: {rule}");
}

#[test]
fn sql_is_spoken_only_where_a_concept_owns_its_rows() {
    let allowed = [
        "server/db",
        "server/ledger",
        "server/account",
        "server/model",
        "server/generation",
        "server/gallery/",
        "server/key",
        "server/seal.rs",
        "server/share.rs",
        "server/file/rows.rs",
        "server/outbox",
        "server/preset.rs",
        "server/auth/sessions.rs",
    ];
    assert_only(&holding(&["sqlx::query", "query_as("], &["server", "pages", "main.rs"]), &allowed, "SQL");
}

#[test]
fn cr_02_only_the_ledger_writes_to_the_books() {
    let writes =
        ["update account", "insert into account", "insert into txn", "insert into entry", "update hold", "insert into hold"];
    assert_only(&holding(&writes, &["server", "main.rs"]), &["server/ledger"], "writing to the books");
}

#[test]
fn only_the_clock_looks_at_the_time_of_day_and_only_the_configuration_at_the_environment() {
    assert_only(&holding(&["SystemTime::now", "now_utc("], &[""]), &["server/clock.rs"], "the time of day");
    assert_only(&holding(&["env::var"], &[""]), &["server/config.rs", "main.rs"], "the environment");
}

#[test]
fn the_two_builds_part_in_one_file() {
    assert_only(&holding(&["cfg(feature", "cfg_attr(feature"], &[""]), &["lib.rs"], "features");
    // `feature = "…"` twice: the server, and the waking of the islands.
    let (_, lib) = sources().into_iter().find(|(name, _)| name == "lib.rs").expect("lib.rs");
    assert_eq!(lib.matches("cfg(feature").count(), 2);
}

#[test]
fn the_domain_knows_nobody_and_the_pages_do_not_know_the_server() {
    let others =
        ["crate::server", "crate::text", "crate::pages", "crate::components", "crate::islands", "crate::app", "leptos", "sqlx"];
    assert_eq!(holding(&others, &["domain"]), BTreeSet::new(), "domain");
    assert_eq!(holding(&["crate::server", "crate::pages", "crate::components", "crate::islands"], &["text"]), BTreeSet::new());
    assert_eq!(holding(&["crate::server", "crate::pages", "sqlx", "axum"], &["islands"]), BTreeSet::new());
    // What is no picture is drawn by both.
    let both = ["islands/card.rs"];
    assert_only(&holding(&["crate::components"], &["islands"]), &both, "islands that use components");
    assert_eq!(holding(&["crate::server", "sqlx", "axum"], &["pages", "components", "app.rs"]), BTreeSet::new());
}

#[test]
fn the_verbs_do_not_know_http_and_the_core_waits_for_nobody() {
    let concepts = [
        "server/ledger",
        "server/generation",
        "server/gallery",
        "server/account.rs",
        "server/key",
        "server/model.rs",
        "server/worker",
        "server/db",
        "server/file",
        "server/outbox",
        "server/egress",
    ];
    assert_eq!(holding(&["axum", "super::http", "server::http", "leptos"], &concepts), BTreeSet::new());
    assert_eq!(holding(&["async ", ".await"], &["server/worker/core.rs"]), BTreeSet::new());
}

#[test]
fn every_route_stands_in_the_table_that_the_matrices_walk_through() {
    let text: String = sources()
        .into_iter()
        .filter(|(name, _)| name == "server/http.rs" || name.starts_with("server/http/"))
        .map(|(_, text)| text)
        .collect();
    let mut routed = BTreeSet::new();
    for part in text.split(".route(\"").skip(1) {
        let (path, rest) = part.split_once('"').expect("a path");
        let handlers = rest.split(".route(").next().unwrap_or_default().lines().next().unwrap_or_default();
        let has = |verb: &str| handlers.contains(&format!(" {verb}(")) || handlers.contains(&format!(".{verb}("));
        routed.insert((path.to_owned(), has("get"), has("post")));
    }
    let listed: BTreeSet<_> = ROUTES.iter().map(|route| (route.path.to_owned(), route.get, route.post)).collect();
    assert_eq!(listed, routed);
}

/// What was promised of the engine and the books before either was built, by number.
const MONEY: &[u8] = &[1, 2, 3, 4, 5, 6, 12, 13, 16, 17, 18];
const RELIABILITY: &[u8] =
    &[1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 33, 34];

#[test]
fn every_promise_of_the_engine_and_the_books_has_a_test_that_names_it() {
    fn texts(dir: &Path, found: &mut String) {
        for entry in fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                texts(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push_str(&fs::read_to_string(path).expect("a text"));
            }
        }
    }
    let mut all = String::new();
    texts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    let wanted = MONEY.iter().map(|n| format!("fn cr_{n:02}_")).chain(RELIABILITY.iter().map(|n| format!("fn rl_{n:02}_")));
    let missing: Vec<_> = wanted.filter(|name| !all.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
