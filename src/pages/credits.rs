//! `/credits`: what a person has, what is set aside, and every line of how it came to be.

use crate::components::{Frame, Icon, Moment, Place, icon};
use crate::domain::{Credits, GenerationId, StatementKind, StatementLine, Timestamp, Viewer};
use crate::islands::{LiveStart, Parcel};
use crate::text::{self, CreditsText};
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
#[expect(clippy::too_many_lines, reason = "one view")]
#[component]
pub fn CreditsPage(
    viewer: Viewer,
    start: LiveStart,
    month: Credits30,
    /// Open holds, newest first.
    holds: Vec<Hold>,
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
    let figure =
        |name: &'static str, value: String| view! { <div class="card"><dt>{name}</dt><dd class="number">{value}</dd></div> };
    let empty = lines.is_empty();
    view! {
        <Frame viewer parcel here=Place::Credits>
            <div class="page-head">
                <h1>{words.frame.credits}</h1>
                <a class="button" href="/keys"><Icon glyph=icon::KEY />{words.frame.keys}</a>
                {(!newest).then(|| view! { <a class="button" href="/credits"><Icon glyph=icon::ARROW_LEFT />{said.newest}</a> })}
            </div>
            <dl class="figures">
                {figure(said.available, text::number(balance.available().0))}
                {figure(said.on_hold, text::number(balance.held.0))}
                {figure(said.spent, text::number(month.spent.0))}
                {figure(said.returned, text::number(month.returned.0))}
            </dl>
            {(!holds.is_empty())
                .then(|| {
                    view! {
                        <section class="card sheet">
                            <h2>{said.holds}</h2>
                            <p class="hint">{said.holds_note}</p>
                            <ul class="holds">
                                {holds
                                    .into_iter()
                                    .map(|hold| {
                                        view! {
                                            <li>
                                                <a href=format!("/g/{}", hold.generation)>{hold.model_label}</a>
                                                <span class="number">{(said.pictures)(hold.count)}</span>
                                                <Moment at=hold.at lang />
                                                <strong class="number">{text::number(hold.amount.0)}</strong>
                                            </li>
                                        }
                                    })
                                    .collect_view()}
                            </ul>
                        </section>
                    }
                })}
            <section class="card sheet">
                <h2 id="statement">{said.statement}</h2>
                {if empty {
                    view! {
                        <div class="empty">
                            <h3>{said.empty.title}</h3>
                            <p>{said.empty.body}</p>
                            <a class="button primary" href="/create">{words.picture.to_create}</a>
                        </div>
                    }
                        .into_any()
                } else {
                    view! {
                        <table class="statement" aria-labelledby="statement">
                            <thead>
                                <tr>
                                    <th scope="col">{said.when}</th>
                                    <th scope="col">{said.what}</th>
                                    <th scope="col" class="amount">{said.change}</th>
                                    <th scope="col" class="amount">{said.balance}</th>
                                </tr>
                            </thead>
                            <tbody>
                                {lines
                                    .into_iter()
                                    .map(|line| {
                                        view! {
                                            <tr>
                                                <td class="when"><Moment at=line.at lang /></td>
                                                <td class="what">{what(&line, said)}</td>
                                                <td class=amount_class(line.amount)>
                                                    {text::signed(line.amount.0)}
                                                </td>
                                                <td class="amount">{text::number(line.balance.0)}</td>
                                            </tr>
                                        }
                                    })
                                    .collect_view()}
                            </tbody>
                        </table>
                    }
                        .into_any()
                }}
            </section>
            {older
                .map(|cursor| {
                    view! {
                        <p class="pager">
                            <a class="button" href=format!("/credits?before={cursor}") rel="next">
                                {said.older} <Icon glyph=icon::ARROW_RIGHT />
                            </a>
                        </p>
                    }
                })}
        </Frame>
    }
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
        Owner::new().with(|| view! { <CreditsPage viewer start month holds=vec![] lines older=None newest=true /> }.to_html())
    }

    #[test]
    fn available_and_held_stand_apart_and_a_return_is_visible_on_its_line() {
        let about = (GenerationId::trusted("g1"), "FLUX schnell".to_owned(), 4);
        let release = StatementLine { generation: Some(about), ..line(StatementKind::Release, 0, 4) };
        let html = page(vec![release, line(StatementKind::SignupGrant, 20, 0)]);
        assert!(html.contains(">116<") && html.contains(">8<"), "{html}");
        assert!(html.contains("4 returned") && html.contains("/g/g1") && html.contains("+20"), "{html}");
        assert!(html.contains("<tbody>"));
    }

    #[test]
    fn an_operators_reason_is_text_and_no_line_at_all_is_an_invitation() {
        let grant = StatementLine { reason: Some("<img src=x onerror=alert(1)>".into()), ..line(StatementKind::Grant, 5, 0) };
        assert!(page(vec![grant]).contains("&lt;img src=x"));
        let empty = page(Vec::new());
        assert!(empty.contains("No credits used yet") && !empty.contains("<table"), "{empty}");
    }
}
