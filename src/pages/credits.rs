//! `/credits`: what a person has, what is set aside, and every line of how it came to be.

use crate::components::{Frame, Icon, Moment, Place, icon};
use crate::domain::{BalanceView, Credits, GenerationId, Lang, StatementFilter, StatementKind, StatementLine, Timestamp, Viewer};
use crate::islands::{LiveStart, Parcel};
use crate::text::{self, CreditsText, PageText, StatementText};
use leptos::prelude::*;

/// The last thirty days in two sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credits30 {
    /// Taken for pictures.
    pub spent: Credits,
    /// Held and given back.
    pub returned: Credits,
}

/// Credits set aside for one generation.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// For which.
    pub generation: GenerationId,
    /// What people call its model.
    pub model_label: String,
    /// How many pictures were asked for.
    pub count: i64,
    /// How much.
    pub amount: Credits,
    /// Since when.
    pub at: Timestamp,
}

/// The credits page, or one page further back in the statement.
#[component]
pub fn CreditsPage(
    viewer: Viewer,
    start: LiveStart,
    month: Credits30,
    /// Open holds, newest first.
    holds: Vec<Hold>,
    /// Which lines are shown.
    filter: StatementFilter,
    /// Newest first.
    lines: Vec<StatementLine>,
    /// The cursor of what is older, if anything is.
    older: Option<String>,
    /// Whether this is the first page.
    newest: bool,
) -> impl IntoView {
    let (lang, balance) = (viewer.lang, viewer.balance);
    let parcel = Parcel::new(start, balance);
    let words = text::pages(lang);
    let said = &words.credits;
    let empty = lines.is_empty() && newest && filter == StatementFilter::All;
    let lead_back = (!newest).then(|| {
        view! { <a class="button" href=address(filter, None)><Icon glyph=icon::ARROW_LEFT />{said.newest}</a> }
    });
    let older = older.map(|cursor| {
        view! {
            <p class="pager">
                <a class="button" href=address(filter, Some(&cursor)) rel="next">
                    {said.older} <Icon glyph=icon::ARROW_RIGHT />
                </a>
            </p>
        }
    });
    view! {
        <Frame viewer parcel here=Place::Credits>
            <div class="page-head">
                <h1>{words.frame.credits}</h1>
                {lead_back}
            </div>
            {figures(balance, month, said)}
            {open_holds(holds, said, lang)}
            <section class="card sheet">
                <div class="sheet-head">
                    <h2 id="statement">{said.statement}</h2>
                    {(!empty).then(|| tools(&words.statement))}
                </div>
                {(!empty).then(|| filters(filter, &words.statement))}
                {if empty {
                    view! {
                        <div class="empty">
                            <h3>{said.empty.title}</h3>
                            <p>{said.empty.body}</p>
                            <a class="button primary" href="/create">{words.picture.to_create}</a>
                        </div>
                    }
                        .into_any()
                } else if lines.is_empty() {
                    view! {
                        <div class="empty">
                            <h3>{words.statement.none.title}</h3>
                            <p>{words.statement.none.body}</p>
                            <a class="button" href="/credits">{words.statement.everything}</a>
                        </div>
                    }
                        .into_any()
                } else {
                    table(lines, words, lang).into_any()
                }}
            </section>
            {older}
            {(!empty).then(|| view! { <p class="hint verify-note">{words.statement.verify_note}</p> })}
        </Frame>
    }
}

/// What there is now, and what the last thirty days took and gave back.
fn figures(balance: BalanceView, month: Credits30, said: &'static CreditsText) -> impl IntoView {
    let figure =
        |name: &'static str, value: String| view! { <div class="card"><dt>{name}</dt><dd class="number">{value}</dd></div> };
    view! {
        <dl class="figures">
            {figure(said.available, text::number(balance.available().0))}
            {figure(said.on_hold, text::number(balance.held.0))}
            {figure(said.spent, text::signed(-month.spent.0))}
            {figure(said.returned, text::signed(month.returned.0))}
        </dl>
    }
}

/// The address of these lines; `before` is the last line of the page that leads there.
fn address(filter: StatementFilter, before: Option<&str>) -> String {
    let kind = (filter != StatementFilter::All).then(|| format!("kind={}", filter.as_str()));
    let asked: Vec<_> = kind.into_iter().chain(before.map(|id| format!("before={id}"))).collect();
    if asked.is_empty() { "/credits".into() } else { format!("/credits?{}", asked.join("&")) }
}

/// Recomputing the chain, which needs a script and stays hidden without one; and saving it, which does not.
fn tools(said: &'static StatementText) -> impl IntoView {
    view! {
        <div class="sheet-tools">
            <output class="badge verdict" data-verdict="" for="verify" hidden></output>
            <button class="button" type="button" id="verify" data-verify="/credits/statement.json" data-words=said.verify_words() hidden>
                <Icon glyph=icon::CHECK />{said.verify}
            </button>
            <a class="button" href="/credits/statement.csv" download=""><Icon glyph=icon::DOWNLOAD />{said.csv}</a>
            <a class="button" href="/credits/statement.json" download=""><Icon glyph=icon::DOWNLOAD />{said.json}</a>
        </div>
    }
}

fn filters(chosen: StatementFilter, said: &'static StatementText) -> impl IntoView {
    let choice = |filter: StatementFilter| {
        view! {
            <a class="chip" href=address(filter, None) aria-current=(filter == chosen).then_some("true")>
                {(said.filter_name)(filter)}
            </a>
        }
    };
    view! { <nav class="statement-filter" aria-label=said.filter>{StatementFilter::ALL.map(choice).collect_view()}</nav> }
}

fn open_holds(holds: Vec<Hold>, said: &'static CreditsText, lang: Lang) -> impl IntoView {
    let line = move |hold: Hold| {
        view! {
            <li>
                <a href=format!("/g/{}", hold.generation)>{hold.model_label}</a>
                <span class="number">{(said.pictures)(hold.count)}</span>
                <Moment at=hold.at lang />
                <strong class="number">{text::number(hold.amount.0)}</strong>
            </li>
        }
    };
    (!holds.is_empty()).then(|| {
        view! {
            <section class="card sheet">
                <h2>{said.holds}</h2>
                <p class="hint">{said.holds_note}</p>
                <ul class="holds">{holds.into_iter().map(line).collect_view()}</ul>
            </section>
        }
    })
}

fn table(lines: Vec<StatementLine>, words: &'static PageText, lang: Lang) -> impl IntoView {
    let said = &words.credits;
    let row = move |line: StatementLine| {
        view! {
            <tr>
                <td class="when"><Moment at=line.at lang /></td>
                <td class="what">{what(&line, said)}</td>
                <td class="reference">{reference(&line)}</td>
                <td class=amount_class(line.amount)>{text::signed(line.amount.0)}</td>
                <td class="amount">{text::number(line.balance.0)}</td>
            </tr>
        }
    };
    view! {
        <table class="statement" aria-labelledby="statement">
            <thead>
                <tr>
                    <th scope="col">{said.when}</th>
                    <th scope="col">{said.what}</th>
                    <th scope="col" class="reference">{words.statement.reference}</th>
                    <th scope="col" class="amount">{said.change}</th>
                    <th scope="col" class="amount">{said.balance}</th>
                </tr>
            </thead>
            <tbody>{lines.into_iter().map(row).collect_view()}</tbody>
        </table>
    }
}

/// The end of the generation's id, by which people tell it from others; the whole of it stands in the saved files.
fn reference(line: &StatementLine) -> Option<String> {
    let (id, ..) = line.generation.as_ref()?;
    let id = id.as_str();
    Some(format!("#{}", id.get(id.len().saturating_sub(6)..).unwrap_or(id)))
}

const fn amount_class(amount: Credits) -> &'static str {
    if amount.0 > 0 { "amount plus" } else { "amount" }
}

/// What a line is about: the generation it leads to or the kind of it, the operator's reason, what was given back.
fn what(line: &StatementLine, said: &'static CreditsText) -> impl IntoView + use<> {
    let kind = (said.kind)(line.kind);
    let about = match &line.generation {
        Some((id, model, count)) => {
            let count = (said.pictures)(*count);
            view! { <a href=format!("/g/{id}")>{model.clone()}</a> " " <span class="number">{count}</span> }.into_any()
        }
        None => kind.into_any(),
    };
    let uncharged = (line.kind == StatementKind::Release).then(|| view! { <span class="line-note">{kind}</span> });
    let reason = line.reason.clone().map(|reason| view! { <span class="line-note">{reason}</span> });
    let returned = (line.returned.0 > 0).then(|| {
        view! { <span class="badge ok"><Icon glyph=icon::UNDO />{(said.given_back)(line.returned.0)}</span> }
    });
    view! { {about} {uncharged} {reason} {returned} }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::Lang;

    fn line(kind: StatementKind, amount: i64, returned: i64) -> StatementLine {
        StatementLine {
            id: "1".into(),
            kind,
            amount: Credits(amount),
            returned: Credits(returned),
            balance: Credits(124),
            at: samples::NOW,
            generation: None,
            reason: None,
        }
    }

    fn page(lines: Vec<StatementLine>) -> String {
        let (viewer, start) = (samples::viewer(Lang::En), samples::start(Lang::En));
        let month = Credits30 { spent: Credits(312), returned: Credits(20) };
        Owner::new().with(|| {
            view! { <CreditsPage viewer start month holds=vec![] filter=StatementFilter::All lines older=None newest=true /> }
                .to_html()
        })
    }

    #[test]
    fn available_and_held_stand_apart_and_a_return_is_visible_on_its_line() {
        let about = (GenerationId::trusted("g1"), "FLUX schnell".to_owned(), 4);
        let release = StatementLine { generation: Some(about), ..line(StatementKind::Release, 0, 4) };
        let html = page(vec![release, line(StatementKind::SignupGrant, 20, 0)]);
        assert!(html.contains(">116<") && html.contains(">8<"), "{html}");
        assert!(html.contains("4 returned") && html.contains("/g/g1") && html.contains("+20"), "{html}");
        assert!(html.contains("<tbody>") && html.contains("−312") && html.contains("statement.csv"), "{html}");
    }

    #[test]
    fn a_filter_stands_in_every_address_that_leads_on() {
        let id = "0193b1e4-7c1f-7000-8000-000000000001";
        assert_eq!(address(StatementFilter::Returned, Some(id)), format!("/credits?kind=returned&before={id}"));
        assert_eq!(
            [address(StatementFilter::All, None), address(StatementFilter::Spent, None)],
            ["/credits", "/credits?kind=spent"]
        );
    }

    #[test]
    fn an_operators_reason_is_text_and_no_line_at_all_is_an_invitation() {
        let grant = StatementLine { reason: Some("<img src=x onerror=alert(1)>".into()), ..line(StatementKind::Grant, 5, 0) };
        assert!(page(vec![grant]).contains("&lt;img src=x"));
        let empty = page(Vec::new());
        assert!(empty.contains("No credits used yet") && !empty.contains("<table"), "{empty}");
    }
}
