//! `/g/{id}/receipt`: everything that stays known of a generation, on one sheet of paper.

use super::viewer::file_kind;
use crate::components::{Frame, Icon, Place, icon, time};
use crate::domain::{Lang, MoneyKind, Parent, Phase, Receipt, Reference, Setting, Times, Timestamp, Verdict, Viewer};
use crate::islands::{LiveStart, Parcel};
use crate::text::{self, ReceiptText, live};
use leptos::prelude::*;

/// The receipt of one generation.
#[component]
pub fn ReceiptPage(
    viewer: Viewer,
    start: LiveStart,
    receipt: Receipt,
    /// What the model was told.
    settings: Vec<Setting>,
    /// How it compares with what it repeats.
    verdict: Option<Verdict>,
) -> impl IntoView {
    let lang = viewer.lang;
    let words = &text::pages(lang).receipt;
    let parcel = Parcel::new(start, viewer.balance);
    let id = receipt.generation.id.to_string();
    view! {
        <Frame viewer parcel here=Place::Gallery>
            <article class="receipt card">
                <header class="receipt-head">
                    <div>
                        <h1>{words.title}</h1>
                        <p class="hint">{words.lead}</p>
                    </div>
                    <nav class="receipt-ways">
                        <a class="button" href=format!("/g/{id}")><Icon glyph=icon::ARROW_LEFT />{words.back}</a>
                        <a class="button" href=format!("/g/{id}/receipt.json")>{words.data}</a>
                        <button type="button" class="button" data-act="print" hidden>{words.print}</button>
                    </nav>
                </header>
                {request(&receipt, verdict, lang)}
                <section>
                    <h2>{text::pages(lang).viewer.prompt}</h2>
                    <p class="prompt-text">{receipt.generation.prompt.clone()}</p>
                </section>
                {told(settings, words)}
                {references(&receipt.references, words)}
                {money(&receipt, lang)}
                {receipt.times.map(|times| time_line(times, lang))}
                {outputs(&receipt, words)}
            </article>
        </Frame>
    }
}

fn request(receipt: &Receipt, verdict: Option<Verdict>, lang: Lang) -> impl IntoView + use<> {
    let (words, viewer) = (&text::pages(lang).receipt, &text::pages(lang).viewer);
    let generation = &receipt.generation;
    let pair = |name: &'static str, value: AnyView| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    let moment = |at: Timestamp| view! { <time datetime=time::machine(at)>{time::machine(at)}</time> }.into_any();
    let state = match generation.phase {
        Phase::Succeeded => words.succeeded,
        Phase::Failed(_) => words.failed,
        Phase::Canceled => words.canceled,
        _ => words.running,
    };
    let version = receipt.version.clone().unwrap_or_else(|| words.version_free.to_owned());
    let seed = generation.seed.map_or_else(|| viewer.seed_free.to_owned(), |seed| seed.to_string());
    let parent = receipt.parent.as_ref().map(|parent| {
        let name = if matches!(parent, Parent::Again(_)) { words.again_of } else { words.remix_of };
        let id = parent.id().to_string();
        pair(name, view! { <a href=format!("/g/{id}/receipt")><code>{id.clone()}</code></a> }.into_any())
    });
    let verdict = verdict.map(|verdict| {
        let said = match verdict {
            Verdict::Identical => viewer.identical,
            Verdict::Alike => viewer.alike,
            Verdict::Changed => viewer.different,
        };
        pair(words.verdict, said.title.into_any())
    });
    view! {
        <section>
            <h2>{words.request}</h2>
            <dl class="receipt-facts">
                {pair(words.number, view! { <code>{generation.id.to_string()}</code> }.into_any())}
                {pair(words.state, state.into_any())}
                {pair(words.asked, moment(generation.created_at))}
                {generation.finished_at.map(|at| pair(words.ended, moment(at)))}
                {pair(viewer.model, format!("{} ({})", generation.model_label, generation.model).into_any())}
                {pair(words.version, view! { <code>{version}</code> }.into_any())}
                {receipt.license_url.clone().map(|url| pair(words.licence, view! { <a href=url.clone() rel="noreferrer">{url.clone()}</a> }.into_any()))}
                {pair(viewer.seed, seed.into_any())}
                {parent}
                {verdict}
                {receipt.upstream.clone().map(|id| pair(words.upstream, view! { <code data-part="upstream">{id}</code> }.into_any()))}
            </dl>
        </section>
    }
}

fn told(settings: Vec<Setting>, words: &'static ReceiptText) -> impl IntoView {
    (!settings.is_empty()).then(|| {
        let line = |setting: Setting| view! { <div><dt>{setting.name}</dt><dd>{setting.value}</dd></div> };
        view! {
            <section>
                <h2>{words.settings}</h2>
                <dl class="receipt-facts">{settings.into_iter().map(line).collect_view()}</dl>
            </section>
        }
    })
}

fn references(files: &[Reference], words: &'static ReceiptText) -> impl IntoView + use<> {
    let files = files.to_vec();
    (!files.is_empty()).then(|| {
        let line = |file: Reference| {
            let size = format!("{}, {} {}", file_kind(&file.content_type), text::number(file.bytes), words.bytes);
            view! { <tr><td>{file.name}</td><td>{size}</td><td><code>{file.sha256}</code></td></tr> }
        };
        view! {
            <section>
                <h2>{words.references}</h2>
                <table class="receipt-table"><tbody>{files.into_iter().map(line).collect_view()}</tbody></table>
            </section>
        }
    })
}

/// The way of the credits: what was quoted, and what the books have of it, each under its number.
fn money(receipt: &Receipt, lang: Lang) -> impl IntoView + use<> {
    let words = &text::pages(lang).receipt;
    let generation = &receipt.generation;
    let lines = receipt.steps.iter().map(|step| {
        let name = match step.kind {
            MoneyKind::Hold => words.hold,
            MoneyKind::Capture => words.capture,
            MoneyKind::Release => words.release,
        };
        let entries = step.entries.iter().map(|entry| {
            view! { <br /><small>{words.entry} " " {text::number(entry.place)} " " <code>{entry.hash.clone()}</code></small> }
        });
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td class="number">{text::number(step.amount.0)}</td>
                <td><code>{step.id.clone()}</code>{entries.collect_view()}</td>
                <td class="number">{time::machine(step.at)}</td>
            </tr>
        }
    });
    let unit = format!("{} {}", text::number(receipt.unit_price.0), words.unit);
    let returned = generation.returned();
    // What a capture leaves of its hold goes back with it, as a part of the same step.
    let rest = (returned.0 > 0 && generation.captured.0 > 0).then(|| {
        view! { <tr><th scope="row">{words.release}</th><td class="number">{text::number(returned.0)}</td><td></td><td></td></tr> }
    });
    view! {
        <section>
            <h2>{words.money}</h2>
            <table class="receipt-table">
                <thead>
                    <tr>
                        <th scope="col">{words.step}</th>
                        <th scope="col">{words.amount}</th>
                        <th scope="col">{words.book}</th>
                        <th scope="col">{words.at}</th>
                    </tr>
                </thead>
                <tbody>
                    <tr>
                        <th scope="row">{words.quote}</th>
                        <td class="number">{text::number(generation.price.0)}</td>
                        <td><code>{generation.request_key.to_string()}</code><br /><small>{unit}</small></td>
                        <td class="number">{time::machine(generation.created_at)}</td>
                    </tr>
                    {lines.collect_view()}
                    {rest}
                </tbody>
            </table>
        </section>
    }
}

fn time_line(times: Times, lang: Lang) -> impl IntoView {
    let (words, viewer) = (&text::pages(lang).receipt, &text::pages(lang).viewer);
    let seconds = |ms: i64| (live::of(lang).seconds)(ms / 100);
    let whole = times.queue + times.boot + times.run + times.save;
    let parts = [
        (viewer.time_queue, times.queue),
        (viewer.time_boot, times.boot),
        (viewer.time_run, times.run),
        (viewer.time_save, times.save),
        (words.total, whole),
    ];
    let pair = |(name, ms): (&'static str, i64)| view! { <div><dt>{name}</dt><dd class="number">{seconds(ms)}</dd></div> };
    view! {
        <section>
            <h2>{words.times}</h2>
            <dl class="receipt-facts receipt-times">{parts.map(pair).collect_view()}</dl>
        </section>
    }
}

fn outputs(receipt: &Receipt, words: &'static ReceiptText) -> impl IntoView + use<> {
    let outputs = receipt.generation.outputs.clone();
    (!outputs.is_empty()).then(|| {
        let lines = outputs.into_iter().map(|output| {
            let shape = if output.width > 0 { format!(", {} × {}", output.width, output.height) } else { String::new() };
            let size = format!("{}, {} {}{shape}", file_kind(&output.content_type), text::number(output.bytes), words.bytes);
            view! {
                <tr>
                    <th scope="row"><a href=output.url.clone()>{words.output} " " {output.index + 1}</a></th>
                    <td>{size}</td>
                    <td><code data-part="sha256">{output.sha256}</code></td>
                </tr>
            }
        });
        view! {
            <section>
                <h2>{words.outputs}</h2>
                <table class="receipt-table"><tbody>{lines.collect_view()}</tbody></table>
            </section>
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::{BookEntry, Credits, GenerationView, MoneyStep};

    fn page(lang: Lang, upstream: Option<&str>) -> String {
        let generation = GenerationView { captured: Credits(3), ..samples::succeeded(4) };
        let step = |kind, id: &str, amount, entries| MoneyStep {
            kind,
            id: id.into(),
            amount: Credits(amount),
            at: samples::NOW,
            entries,
        };
        let entry = BookEntry { id: "e1".into(), place: 7, hash: "ab12".into() };
        let receipt = Receipt {
            steps: vec![step(MoneyKind::Hold, "t1", 4, vec![]), step(MoneyKind::Capture, "t2", 3, vec![entry])],
            upstream: upstream.map(str::to_owned),
            ..samples::receipt(generation)
        };
        let (viewer, start) = (samples::viewer(lang), samples::start(lang));
        let settings = vec![Setting { name: "steps".into(), value: "8".into(), changed: true }];
        Owner::new().with(|| view! { <ReceiptPage viewer start receipt settings verdict=None /> }.to_html())
    }

    #[test]
    fn the_way_of_the_credits_has_a_number_for_every_step() {
        let html = page(Lang::En, None);
        for part in ["Quoted", "Held", "Charged", "Returned", "<code>t1", "<code>t2", "<code>ab12", "9f2c9f2c"] {
            assert!(html.contains(part), "{part}: {html}");
        }
    }

    #[test]
    fn the_number_upstream_is_there_only_for_whom_it_is_given_to() {
        assert!(!page(Lang::Ja, None).contains("data-part=\"upstream\""));
        assert!(page(Lang::Ja, Some("xyz")).contains("xyz"));
    }
}
