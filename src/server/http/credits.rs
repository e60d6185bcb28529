//! `/credits`: what a person has and how it came to be; and the same as files to keep. The files are written as they are
//! read, a page of rows at a time, however long a statement is.

use super::render::Page;
use super::trouble::Trouble;
use super::visitor::SignedIn;
use crate::components::time::{in_table, machine};
use crate::domain::{GenerationId, Lang, PersonId, StatementFilter, StatementLine, Timestamp};
use crate::pages::{Credits30, CreditsPage, Hold};
use crate::server::App;
use crate::server::db::Db;
use crate::server::ledger::{self, export};
use crate::text::{self, PageText};
use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use leptos::prelude::*;
use serde::Deserialize;
use serde_json::json;

/// What the page sums up, in milliseconds.
const MONTH_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// Lines of a file that are read at once.
const LINES: i64 = 500;
/// Excel takes a file without it for another encoding, and Japanese for noise.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The addresses of the statement.
pub(super) fn area() -> Router<App> {
    Router::new()
        .route("/credits", get(credits))
        .route("/credits/statement.csv", get(as_csv))
        .route("/credits/statement.json", get(as_json))
}

#[derive(Deserialize)]
pub(super) struct StatementQuery {
    before: Option<String>,
    #[serde(default)]
    kind: String,
}

async fn credits(State(app): State<App>, person: SignedIn, Query(query): Query<StatementQuery>) -> Result<Response, Trouble> {
    let now = app.clock.now();
    let start = person.visitor.start(now);
    let viewer = person.visitor.viewer(&app).await?;
    let filter = StatementFilter::parse(&query.kind);
    let before = query.before.as_deref().filter(|id| GenerationId::parse(id).is_some());
    let newest = before.is_none();
    let (lines, more) = ledger::statement(&app.db, &person.id, filter, before).await?;
    let older = lines.last().filter(|_| more).map(|line| line.id.clone());
    let (month, holds) = (month(&app, &person.id, now).await?, holds(&app, &person.id).await?);
    let title = text::pages(viewer.lang).frame.credits;
    let page = Page { modules: vec!["credits"], ..Page::new(viewer.clone(), title, true) };
    Ok(page
        .render(&app, move || {
            let (viewer, start, holds) = (viewer.clone(), start.clone(), holds.clone());
            let (lines, older) = (lines.clone(), older.clone());
            view! { <CreditsPage viewer start month holds filter lines older newest /> }
        })
        .await)
}

async fn month(app: &App, person: &PersonId, now: Timestamp) -> Result<Credits30, Trouble> {
    let summary = ledger::summary(&app.db, person, now.plus_ms(-MONTH_MS)).await?;
    Ok(Credits30 { spent: summary.spent, returned: summary.returned })
}

async fn holds(app: &App, person: &PersonId) -> Result<Vec<Hold>, Trouble> {
    let open = ledger::holds(&app.db, person).await?;
    Ok(open
        .into_iter()
        .map(|hold| Hold {
            generation: hold.generation_id,
            model_label: hold.label,
            count: hold.count,
            amount: hold.amount,
            at: hold.created_at,
        })
        .collect())
}

async fn as_csv(State(app): State<App>, person: SignedIn) -> Result<Response, Trouble> {
    let lines = csv(app.db.clone(), person.id, person.visitor.lang);
    Ok(saved(&app, "csv", HeaderValue::from_static("text/csv; charset=utf-8"), lines))
}

async fn as_json(State(app): State<App>, person: SignedIn) -> Result<Response, Trouble> {
    let head = export::head(&app.db, &person.id).await?;
    let chain = json_chain(app.db.clone(), person.id, head, app.clock.now());
    Ok(saved(&app, "json", HeaderValue::from_static("application/json"), chain))
}

/// A file to keep, under the day's name.
fn saved(
    app: &App,
    extension: &str,
    content_type: HeaderValue,
    parts: impl Stream<Item = Result<Bytes, sqlx::Error>> + Send + 'static,
) -> Response {
    let today = machine(app.clock.now());
    let day = today.split('T').next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, content_type);
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"atelier-statement-{day}.{extension}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    // Once it has begun, all that is left to do about a lost database is to end the answer short of its end.
    let parts = parts.inspect_err(|error| tracing::error!(%error, "a statement could not be written to its end"));
    (headers, Body::from_stream(parts)).into_response()
}

/// The whole statement, newest first, as a table: UTF-8 with a byte order mark, a comma between, CRLF after each line.
pub(super) fn csv(db: Db, person: PersonId, lang: Lang) -> impl Stream<Item = Result<Bytes, sqlx::Error>> + Send + 'static {
    let words = text::pages(lang);
    let first = stream::once(async move { Ok(Bytes::from(format!("{BYTE_ORDER_MARK}{}", heading(words)))) });
    first.chain(stream::try_unfold(Some(None::<String>), move |before| {
        let (db, person) = (db.clone(), person.clone());
        async move {
            let Some(before) = before else { return Ok(None) };
            let lines = ledger::lines(&db, &person, StatementFilter::All, before.as_deref(), LINES).await?;
            let Some(last) = lines.last() else { return Ok(None) };
            let next = Some(Some(last.id.clone()));
            let table: String = lines.iter().map(|line| row(line, words, lang)).collect();
            Ok(Some((Bytes::from(table), next)))
        }
    }))
}

fn heading(words: &PageText) -> String {
    let (said, file) = (&words.credits, &words.statement);
    let names = [
        file.column_time,
        file.column_kind,
        file.column_what,
        file.column_count,
        file.column_generation,
        said.change,
        file.column_returned,
        said.balance,
        file.column_reason,
    ];
    line(&names.map(cell))
}

fn row(entry: &StatementLine, words: &PageText, lang: Lang) -> String {
    let (id, model, count) = match &entry.generation {
        Some((id, model, count)) => (id.to_string(), model.as_str(), count.to_string()),
        None => (String::new(), "", String::new()),
    };
    // Numbers are ours and stay numbers; everything that somebody wrote is text and nothing else.
    line(&[
        in_table(entry.at, lang),
        cell((words.credits.kind)(entry.kind)),
        cell(model),
        count,
        id,
        entry.amount.to_string(),
        entry.returned.to_string(),
        entry.balance.to_string(),
        cell(entry.reason.as_deref().unwrap_or_default()),
    ])
}

fn line(cells: &[String]) -> String {
    format!("{}\r\n", cells.join(","))
}

/// Text in one cell. What a table would take for a formula is marked as text, by the apostrophe that tables know.
fn cell(text: &str) -> String {
    let is_formula =
        text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) || text.starts_with(['\t', '\r', '\n']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n', ';', '\'']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// The chain as a document: its head, every entry from the first, and what came back of holds, which moves no credits and
/// so has no entry.
pub(super) fn json_chain(
    db: Db,
    person: PersonId,
    head: export::Head,
    now: Timestamp,
) -> impl Stream<Item = Result<Bytes, sqlx::Error>> + Send + 'static {
    let export::Head { account, count, head: last } = head.clone();
    let mut begun = json!({
        "format": export::FORMAT, "account": account, "count": count, "head": last, "exported_at": machine(now),
        "covers": export::COVERS,
    })
    .to_string();
    begun.pop();
    begun.push_str(",\"entries\":[");
    let entries = {
        let db = db.clone();
        stream::try_unfold(0, move |after| {
            let (db, head) = (db.clone(), head.clone());
            async move {
                let entries = export::entries(&db, &head, after).await?;
                Ok(entries.last().map(|last| (listed(&entries, after == 0), last.place)))
            }
        })
    };
    let returned = stream::try_unfold(None::<String>, move |before| {
        let (db, person) = (db.clone(), person.clone());
        async move {
            let lines = ledger::lines(&db, &person, StatementFilter::Returned, before.as_deref(), LINES).await?;
            let Some(last) = lines.last() else { return Ok(None) };
            let next = Some(last.id.clone());
            let told = |line: &StatementLine| json!({"at": line.at, "generation": line.generation.as_ref().map(|(id, ..)| id), "credits": line.returned});
            let told: Vec<_> = lines.iter().map(told).collect();
            Ok(Some((listed(&told, before.is_none()), next)))
        }
    });
    let said = |text: String| stream::once(async move { Ok(Bytes::from(text)) });
    said(begun).chain(entries).chain(said("\n],\"returned\":[".to_owned())).chain(returned).chain(said("\n]}\n".to_owned()))
}

/// Some items of a JSON list, each on a line of its own.
fn listed<T: serde::Serialize>(items: &[T], first: bool) -> Bytes {
    let mut text = String::new();
    for (at, item) in items.iter().enumerate() {
        text.push_str(if first && at == 0 { "\n" } else { ",\n" });
        text.push_str(&json!(item).to_string());
    }
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_text_whatever_a_table_would_make_of_it() {
        for (text, written) in [
            ("FLUX schnell", "FLUX schnell"),
            ("a, b", "\"a, b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@sum", "\"'@sum\""),
            (" =1", "\"' =1\""),
            ("\t=1", "\"'\t=1\""),
            ("＝1", "\"'＝1\""),
            ("お祝い", "お祝い"),
        ] {
            assert_eq!(cell(text), written, "{text:?}");
        }
    }
}
