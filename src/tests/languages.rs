//! That everything people read stands in `text`, read from the sources: what the types cannot see is a sentence written into
//! a view, a script that speaks by itself, and a sentence that nobody says any more.

use std::fs;
use std::path::{Path, PathBuf};

/// What is the same in every language: names, and words of machines.
const NAMES: &[&str] =
    &["Atelier", "API", "SHA-256", "Shift", "Ctrl", "Enter", "Esc", "CSV", "ZIP", "JSON", "cURL", "curl", "http", "https"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn files(dir: &Path, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(dir) else { return found };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|extension| extension == ending) {
            let name = path.strip_prefix(root()).expect("below the checkout").to_string_lossy().into_owned();
            found.push((name, fs::read_to_string(&path).expect("a text")));
        }
    }
    found
}

/// Without comments and without the unit tests at the end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The string literals of a source, each with the code before it on its way back to the last `{`, `;` or literal.
fn literals(code: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let (mut before, mut rest) = (String::new(), code);
    while let Some(at) = rest.find('"') {
        before.push_str(&rest[..at]);
        let raw = before.ends_with('#');
        let tail = &rest[at + 1..];
        let mut end = tail.len();
        let mut escaped = false;
        for (index, c) in tail.char_indices() {
            let ends = if raw { tail[index..].starts_with("\"#") } else { !escaped };
            if c == '"' && ends {
                end = index;
                break;
            }
            escaped = c == '\\' && !escaped;
        }
        found.push((before.clone(), tail[..end].to_owned()));
        before = "\"".into();
        rest = tail.get(end + 1..).unwrap_or_default();
    }
    found
}

fn is_sentence(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphabetic()).filter(|word| word.chars().count() > 1);
    words.any(|word| !NAMES.contains(&word))
}

#[test]
fn no_view_speaks_by_itself() {
    let mut spoken = Vec::new();
    let mut looked_at = 0;
    for folder in ["src/pages", "src/components", "src/islands"] {
        for (name, text) in files(&root().join(folder), "rs") {
            looked_at += 1;
            for (before, literal) in literals(&code(&text)) {
                let before = before.trim_end();
                // Between tags and blocks stands what is read; `=>` and `->` are code.
                let is_child =
                    (before.ends_with('>') && !before.ends_with("=>") && !before.ends_with("->")) && before.contains('<');
                let is_said = ["aria-label=", "title=", "placeholder=", "alt=", "aria-description="]
                    .iter()
                    .any(|name| before.ends_with(name));
                if (is_child || is_said) && is_sentence(&literal) {
                    spoken.push(format!("{name}: {literal:?}"));
                }
            }
        }
    }
    assert!(looked_at > 40, "the views were found");
    assert_eq!(spoken, Vec::<String>::new(), "these belong into src/text");
}

#[test]
fn no_script_speaks_by_itself() {
    let mut spoken = Vec::new();
    let scripts = [files(&root().join("public/js"), "js"), files(&root().join("src/islands"), "js")].concat();
    assert!(scripts.len() > 2, "the scripts were found");
    for (name, text) in scripts {
        for (before, literal) in literals(&code(&text)) {
            let before = before.trim_end();
            let said = [
                "textContent =",
                "textContent:",
                "innerText =",
                "ariaLabel =",
                "ariaLabel:",
                "title =",
                "title:",
                "placeholder =",
                "alert(",
            ];
            if said.iter().any(|end| before.ends_with(end)) && is_sentence(&literal) {
                spoken.push(format!("{name}: {literal:?}"));
            }
        }
    }
    assert_eq!(spoken, Vec::<String>::new(), "the page hands its words over in the language of its reader");
}

#[test]
fn every_sentence_is_said_somewhere() {
    let page = fs::read_to_string(root().join("src/text/page.rs")).expect("the list of sentences");
    let texts = page.split("\ntexts! {").nth(1).and_then(|rest| rest.split("\n}\n").next()).expect("the sentences");
    let lines = texts.lines().filter(|line| !line.trim_start().starts_with("///")).collect::<Vec<_>>().join(" ");
    let mut fields = Vec::new();
    for part in lines.split(['{', ',', '}']) {
        if let Some((name, kind)) = part.split_once(':')
            && name.trim().chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
            && !kind.trim().is_empty()
        {
            fields.push(name.trim().to_owned());
        }
    }
    assert!(fields.len() > 200, "the sentences were found: {}", fields.len());
    let used: String = ["src/pages", "src/components", "src/islands", "src/server", "src/text"]
        .iter()
        .flat_map(|folder| files(&root().join(folder), "rs"))
        .filter(|(name, _)| !name.ends_with("text/page.rs") && !name.contains("text/en") && !name.contains("text/ja"))
        .map(|(_, text)| text)
        .chain(files(&root().join("public/js"), "js").into_iter().map(|(_, text)| text))
        .chain([fs::read_to_string(root().join("src/app.rs")).expect("a text"), page])
        .collect();
    let silent: Vec<_> = fields.iter().filter(|field| !used.contains(&format!(".{field}"))).collect();
    assert_eq!(silent, Vec::<&String>::new(), "nobody says these");
}
