//! One generation as a card: the same node from the press to the picture, at the same size.

use super::cards::{Card, Stage};
use super::icon::{RETURNED, icon};
use super::parcel::UsualTime;
use super::part::{part, value, words};
use super::press;
use super::store::{LiveStart, Store};
use crate::components::thumb;
use crate::domain::{Medium, Phase, Timestamp};
use crate::text::live::LiveText;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task;

/// The card. `now` is server time, for what is counted while it lasts.
pub fn card_view(
    card: Memo<Card>,
    now: RwSignal<Timestamp>,
    usual: StoredValue<Vec<UsualTime>>,
    start: LiveStart,
) -> impl IntoView {
    let text = start.text();
    view! {
        <li class="card generation" data-gen-id=value(move || Some(card.with(|card| card.view.id.to_string())))
            data-request-key=card.with_untracked(|card| card.view.request_key.to_string())
            data-state=value(move || Some(card.with(Card::state).to_owned()))
            data-cost=card.with_untracked(|card| card.view.price.to_string())
            data-aspect=card.with_untracked(|card| card.view.aspect.as_str())>
            <div class="card-head">
                <span class="card-dot"></span>
                <strong class="card-phase">{words(move || card.with(|card| headline(card, text)))}</strong>
                <span class="card-time">{words(move || card.with(|card| elapsed(card, now, text)))}</span>
                {pace(card, usual, text)}
            </div>
            <p class="card-prompt">{card.with_untracked(|card| card.view.prompt.clone())}</p>
            {progress(card)}
            {writing(card)}
            {part(move || card.with(|card| foot(card, text, &start)))}
            {part(move || card.with(|card| pictures(card, text)))}
        </li>
    }
}

/// How far the model says it is; nothing when it does not say.
pub fn progress(card: Memo<Card>) -> impl IntoView {
    part(move || match card.with(|card| card.view.progress) {
        Some(percent) => view! { <progress max="100" value=percent.to_string()></progress> }.into_any(),
        None => ().into_any(),
    })
}

/// What a model that writes has written so far.
pub fn writing(card: Memo<Card>) -> impl IntoView {
    part(move || {
        let text = card.with(|card| card.view.text.clone().filter(|_| card.view.phase == Phase::Rendering));
        text.map_or_else(|| ().into_any(), |text| view! { <p class="card-text">{text}</p> }.into_any())
    })
}

/// The word of the state, or what went wrong.
pub fn headline(card: &Card, text: &LiveText) -> String {
    match (&card.stage, card.phase()) {
        (Stage::Submitting, _) => text.submitting.to_owned(),
        (Stage::Unsent(_), _) => text.unsent.to_owned(),
        (_, Phase::Failed(failure)) => (text.failure)(failure).what.to_owned(),
        (_, phase @ Phase::Queued) => {
            let word = (text.phase)(phase);
            card.view.wait.map_or(word.to_owned(), |wait| format!("{word} · {}", (text.wait)(wait)))
        }
        (_, phase) => (text.phase)(phase).to_owned(),
    }
}

/// Seconds the model has been at work, or was.
pub fn elapsed(card: &Card, now: RwSignal<Timestamp>, text: &LiveText) -> String {
    let counts = match card.phase() {
        Phase::Rendering | Phase::Saving => card.view.started_at.is_some(),
        phase => phase == Phase::Succeeded,
    };
    if counts { (text.seconds)(card.tenths(now.get())) } else { String::new() }
}

/// What may be expected of it: that a model wakes up, or how long it usually takes.
pub fn pace(card: Memo<Card>, usual: StoredValue<Vec<UsualTime>>, text: &'static LiveText) -> impl IntoView {
    let expected = move |card: &Card| match card.phase() {
        Phase::Starting => Some(text.waking.to_owned()),
        Phase::Rendering => {
            usual.with_value(|usual| usual.iter().find(|usual| usual.model == card.view.model).map(|usual| usual.says.clone()))
        }
        _ => None,
    };
    part(move || match card.with(expected) {
        Some(says) => view! { <span class="card-usual">{says}</span> }.into_any(),
        None => ().into_any(),
    })
}

/// What can be done about it now.
fn foot(card: &Card, text: &'static LiveText, start: &LiveStart) -> AnyView {
    match (&card.stage, card.phase()) {
        (Stage::Unsent(body), _) => {
            let (start, key, body) = (start.clone(), card.view.request_key.clone(), body.clone());
            let send = move |_| {
                let store = Store::open(&start);
                store.set_stage(&key, Stage::Submitting);
                let (key, body) = (key.clone(), body.clone());
                task::spawn_local(async move { press::send(store, &[key], body).await });
            };
            view! {
                <p class="card-then">{text.unsent_hint}</p>
                <div class="card-foot"><button type="button" class="button primary" on:click=send>{text.send}</button></div>
            }
            .into_any()
        }
        (_, phase @ (Phase::Failed(_) | Phase::Canceled)) => {
            let then = if let Phase::Failed(failure) = phase { (text.failure)(failure).then } else { "" };
            view! {
                <p class="card-then">{then}</p>
                <div class="card-foot">
                    <a class="badge ok" href="/credits">{icon(RETURNED)} {(text.returned)(card.view.returned().0)}</a>
                    <a class="button primary" href=format!("/create?remix={}", card.view.id)>{text.edit_and_retry}</a>
                    <form method="post" action=format!("/g/{}/retry", card.view.id) data-retry="">
                        <input type="hidden" name="quoted_price" value=card.view.price.to_string() />
                        <button class="button">{(text.retry)(card.view.price.0)}</button>
                    </form>
                </div>
            }
            .into_any()
        }
        _ if card.can_stop() => view! { <div class="card-foot">{cancel(card, text, start)}</div> }.into_any(),
        _ => ().into_any(),
    }
}

/// The button that stops it, with what that gives back.
pub fn cancel(card: &Card, text: &'static LiveText, start: &LiveStart) -> impl IntoView + use<> {
    let action = format!("/g/{}/cancel", card.view.id);
    let on_submit = {
        let (start, key, action) = (start.clone(), card.view.request_key.clone(), action.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            task::spawn_local(press::stop(Store::open(&start), key.clone(), action.clone()));
        }
    };
    view! {
        <span class="card-hint">{(text.cancel_returns)(card.view.price.0, card.view.is_queued())}</span>
        <form method="post" action=action on:submit=on_submit><button class="button">{text.cancel}</button></form>
    }
}

/// How many of its pictures were kept and what came back for the others; nothing when it is whole.
pub fn said_of_part(card: &Card, text: &LiveText) -> Option<String> {
    let (view, returned) = (&card.view, card.view.returned());
    let kept = i64::try_from(view.outputs.len()).unwrap_or_default();
    view.is_partial().then(|| (text.kept_part)(kept, view.count, returned.0))
}

/// The same, on the pictures.
fn partly(card: &Card, text: &LiveText) -> Option<impl IntoView + use<>> {
    let said = said_of_part(card, text)?;
    Some(view! { <p class="badge ok card-part">{icon(RETURNED)} {said}</p> })
}

/// What was made, over the whole card.
fn pictures(card: &Card, text: &LiveText) -> AnyView {
    let view = &card.view;
    if view.phase != Phase::Succeeded {
        return ().into_any();
    }
    let count = view.outputs.len();
    let shown = view.outputs.iter().map(|output| {
        if output.medium() != Medium::Picture {
            return thumb::plate(output, view.text.as_deref());
        }
        let (width, height) = (output.width.to_string(), output.height.to_string());
        // The link carries the name.
        view! { <img src=output.small.clone() alt="" width=width height=height decoding="async" /> }.into_any()
    });
    let name = (text.open_pictures)(i64::try_from(count).unwrap_or_default());
    view! {
        <a class="card-pictures" href=format!("/g/{}", view.id) data-count=count.to_string() aria-label=format!("{name}: {}", view.prompt)>
            {shown.collect::<Vec<_>>()}
        </a>
        {partly(card, text)}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::{Credits, GenerationView, Lang};
    use crate::text::live;

    fn shown(view: GenerationView, lang: Lang) -> String {
        let card = Card::known(view);
        Owner::new().with(|| pictures(&card, live::of(lang)).to_html())
    }

    #[test]
    fn a_card_says_how_much_was_kept_and_what_came_back_and_nothing_when_it_is_whole() {
        let part = || {
            let whole = samples::succeeded(4);
            GenerationView { captured: Credits(2), outputs: whole.outputs[..2].to_vec(), ..whole }
        };
        assert!(shown(part(), Lang::En).contains("2 of 4 kept; 2 credits returned"), "{}", shown(part(), Lang::En));
        assert!(shown(part(), Lang::Ja).contains("4枚中2枚を保存、2クレジット返却済み"));
        assert!(!shown(samples::succeeded(4), Lang::En).contains("card-part"));
    }
}
