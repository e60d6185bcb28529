//! `/webhooks`: what was told to a person's programs and how it went, the secret it is signed with, and addresses to try or
//! to use again.

use crate::components::{Frame, Icon, Moment, Place, icon};
use crate::domain::{DeliveryOutcome, DeliveryView, Lang, SwitchedOff, Timestamp, TrialProblem, Viewer};
use crate::islands::{CopyButton, LiveStart, Parcel};
use crate::text::{self, WebhooksText};
use leptos::prelude::*;

/// The form that tries an address, as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrialForm {
    /// What stands in its field.
    pub url: String,
    /// Why nothing was sent.
    pub problem: Option<TrialProblem>,
}

/// The page of webhooks.
#[component]
pub fn WebhooksPage(
    viewer: Viewer,
    start: LiveStart,
    /// What messages are signed with.
    secret: String,
    /// Until when the one before signs as well.
    both_until: Option<Timestamp>,
    form: TrialForm,
    /// Addresses that nothing more is sent to.
    off: Vec<SwitchedOff>,
    /// The last messages, newest first.
    deliveries: Vec<DeliveryView>,
) -> impl IntoView {
    let lang = viewer.lang;
    let said = &text::pages(lang).webhooks;
    let parcel = Parcel { copy: secret.clone(), ..Parcel::new(start, viewer.balance) };
    let list = if deliveries.is_empty() {
        view! {
            <div class="empty">
                <h3>{said.empty.title}</h3>
                <p>{said.empty.body}</p>
            </div>
        }
        .into_any()
    } else {
        view! { <ul class="keys">{deliveries.into_iter().map(|sent| line(sent, said, lang)).collect_view()}</ul> }.into_any()
    };
    view! {
        <Frame viewer parcel here=Place::Keys>
            <div class="page-head">
                <h1>{said.title}</h1>
                <a class="button" href="/keys"><Icon glyph=icon::KEY />{text::pages(lang).frame.keys}</a>
            </div>
            <p class="keys-lead">{said.lead} " " <a href="/docs/api">{text::pages(lang).docs.title}</a></p>
            <div class="webhook-cards">
                {trial(form, said)}
                {signing(secret, both_until, said, lang)}
            </div>
            {(!off.is_empty()).then(|| switched_off(off, said, lang))}
            <section class="card sheet" id="log">
                <div class="sheet-head">
                    <h2>{said.log}</h2>
                    <div class="sheet-tools"><a class="button" href="/webhooks">{said.refresh}</a></div>
                </div>
                {list}
            </section>
        </Frame>
    }
}

fn trial(form: TrialForm, said: &'static WebhooksText) -> impl IntoView {
    let wrong = form.problem.map(|problem| (said.trial_problem)(problem));
    let help = match wrong {
        Some(sentence) => view! { <p class="problem" role="alert"><Icon glyph=icon::ALERT />{sentence}</p> }.into_any(),
        None => view! { <p class="hint">{said.url_hint}</p> }.into_any(),
    };
    view! {
        <form class="card key-form" method="post" action="/webhooks/test">
            <h2>{said.trial.title}</h2>
            <p>{said.trial.body}</p>
            <div class="field">
                <label for="webhook-url">{said.url}</label>
                <input
                    id="webhook-url"
                    name="url"
                    inputmode="url"
                    value=form.url
                    placeholder="https://"
                    autocomplete="off"
                    required
                    aria-invalid=wrong.is_some().then_some("true")
                    aria-describedby="webhook-url-help"
                />
                <div id="webhook-url-help">{help}</div>
            </div>
            <button class="button primary">{said.send}</button>
        </form>
    }
}

fn signing(secret: String, both_until: Option<Timestamp>, said: &'static WebhooksText, lang: Lang) -> impl IntoView {
    let both = both_until.map(|at| view! { <p class="notice">{said.both_until} " " <Moment at lang /></p> });
    view! {
        <section class="card key-form">
            <h2>{said.secret.title}</h2>
            <p>{said.secret.body}</p>
            {both}
            <div class="key-actions">
                <details>
                    <summary class="button">{said.show_secret}</summary>
                    <p class="key-text">
                        <code>{secret}</code>
                        <CopyButton />
                    </p>
                </details>
                <details>
                    <summary class="button">{said.rotate}</summary>
                    <form method="post" action="/webhooks/secret">
                        <p>{said.rotate_note}</p>
                        <button class="button primary">{said.rotate_submit}</button>
                    </form>
                </details>
            </div>
        </section>
    }
}

fn switched_off(off: Vec<SwitchedOff>, said: &'static WebhooksText, lang: Lang) -> impl IntoView {
    let one = |off: SwitchedOff| {
        let why = if off.gone { said.off_gone } else { said.off_failing };
        let label = format!("{}: {}", said.enable, off.url);
        view! {
            <li>
                <code class="webhook-url">{off.url.clone()}</code>
                <p class="hint"><span>{why}</span><span>{said.since} " " <Moment at=off.at lang /></span></p>
                <form method="post" action="/webhooks/enable">
                    <input type="hidden" name="url" value=off.url />
                    <button class="button" aria-label=label>{said.enable}</button>
                </form>
            </li>
        }
    };
    view! {
        <section class="card sheet">
            <h2>{said.off.title}</h2>
            <p class="hint">{said.off.body}</p>
            <ul class="keys">{off.into_iter().map(one).collect_view()}</ul>
        </section>
    }
}

/// One message: what it told, where to, how it went.
fn line(sent: DeliveryView, said: &'static WebhooksText, lang: Lang) -> impl IntoView {
    let (class, outcome) = match sent.outcome {
        DeliveryOutcome::Waiting => ("badge", said.waiting.to_owned()),
        DeliveryOutcome::Taken(status) => ("badge ok", format!("{} · {status}", said.taken)),
        DeliveryOutcome::Refused(status) => ("badge bad", format!("HTTP {status}")),
        DeliveryOutcome::Failed(trouble) => ("badge bad", (said.no_answer)(trouble).to_owned()),
    };
    let glyph = match sent.outcome {
        DeliveryOutcome::Waiting => icon::CLOCK,
        DeliveryOutcome::Taken(_) => icon::CHECK,
        DeliveryOutcome::Refused(_) | DeliveryOutcome::Failed(_) => icon::ALERT,
    };
    let trial = sent.trial.then(|| view! { <span class="badge">{said.is_trial}</span> });
    let tries = (sent.attempts > 0).then(|| view! { <span class="number">{(said.tries)(sent.attempts)}</span> });
    let took = sent.took_ms.map(|took| view! { <span class="number">{(said.took)(took)}</span> });
    let next = sent.next_at.filter(|_| sent.attempts > 0).map(|at| view! { <span>{said.next} " " <Moment at lang /></span> });
    let label = format!("{}: {}", said.again, sent.id);
    view! {
        <li>
            <div class="key-head">
                <strong><code>{sent.event}</code></strong>
                {trial}
                <span class=class><Icon glyph />{outcome}</span>
            </div>
            <code class="webhook-url">{sent.url}</code>
            <p class="hint">
                <Moment at=sent.at lang />
                {took}
                {tries}
                {next}
                <a href=format!("/g/{}", sent.generation)>{said.about}</a>
            </p>
            <form method="post" action=format!("/webhooks/{}/redeliver", sent.id)>
                <button class="button" aria-label=label>{said.again}</button>
            </form>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::{DeliveryTrouble, GenerationId};

    fn sent(outcome: DeliveryOutcome) -> DeliveryView {
        DeliveryView {
            id: "msg_0193b1e47c1f7000800000000000000a".into(),
            generation: GenerationId::trusted("0193b1e4-7c1f-7000-8000-000000000001"),
            url: "https://a.example.com/<hook>".into(),
            event: "completed".into(),
            trial: false,
            outcome,
            attempts: 3,
            took_ms: Some(1_234),
            at: samples::NOW,
            next_at: Some(samples::NOW.plus_ms(60_000)),
        }
    }

    fn page(deliveries: Vec<DeliveryView>, off: Vec<SwitchedOff>, problem: Option<TrialProblem>, lang: Lang) -> String {
        let (viewer, start) = (samples::viewer(lang), samples::start(lang));
        let form = TrialForm { url: "http://a".into(), problem };
        let (secret, both_until) = ("whsec_c2VjcmV0".to_owned(), Some(samples::NOW));
        Owner::new().with(|| view! { <WebhooksPage viewer start secret both_until form off deliveries /> }.to_html())
    }

    #[test]
    fn a_message_is_told_with_its_try_and_can_be_sent_again() {
        let html = page(vec![sent(DeliveryOutcome::Refused(503))], Vec::new(), None, Lang::En);
        for part in [
            "HTTP 503",
            "3 tries",
            "1,234 ms",
            "Next try",
            "&lt;hook",
            "/webhooks/msg_0193b1e47c1f7000800000000000000a/redeliver",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        let slow = page(vec![sent(DeliveryOutcome::Failed(DeliveryTrouble::Slow))], Vec::new(), None, Lang::Ja);
        assert!(slow.contains("10秒以内に答えがありませんでした"), "{slow}");
    }

    #[test]
    fn an_address_that_is_off_can_be_switched_on_and_one_that_cannot_be_tried_is_refused_at_its_field() {
        let off = SwitchedOff { url: "https://b.example.com/".into(), gone: true, at: samples::NOW };
        let html = page(Vec::new(), vec![off], Some(TrialProblem::Address), Lang::En);
        assert!(html.contains("/webhooks/enable") && html.contains("(410)"), "{html}");
        assert!(html.contains("aria-invalid=\"true\"") && html.contains("role=\"alert\""), "{html}");
    }
}
