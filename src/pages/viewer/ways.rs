//! What can be done with a picture: remix it, save it, mark it, share it, make it again. All of it plain links and forms.

use super::Seen;
use crate::components::{Icon, Moment, icon};
use crate::domain::{GenerationView, Lang, Mark, Medium, OutputView, SaveAs, ShareView, Term, query_value};
use crate::text::{self, ShareText, ViewerText};
use leptos::prelude::*;

/// The row of buttons at the top.
pub(super) fn ways(seen: &Seen, output: &OutputView, lang: Lang) -> impl IntoView + use<> {
    let words = &text::pages(lang).viewer;
    let generation = &seen.receipt.generation;
    let id = generation.id.to_string();
    let here = seen.standing.address(&id, &output.index.to_string());
    let (favourite, trashed) = (seen.standing.favourite, seen.standing.trashed);
    let bin = if trashed { icon::UNDO } else { icon::TRASH };
    let seeded = generation.seed.is_some();
    let reference = (output.medium() == Medium::Picture).then(|| {
        let (href, said) = (format!("/create?reference={}", query_value(&output.url)), text::pages(lang).create.use_as_reference);
        view! { <p class="panel-link"><a href=href>{said}</a></p> }
    });
    view! {
        <div class="panel-top">
        <form class="panel-ways" method="get" action="/create" data-form="remix">
            <input type="hidden" name="remix" value=id.clone() />
            <button class="button primary" data-act="remix"><Icon glyph=icon::REPEAT />{words.remix}</button>
            <a class="button" href=output.url.clone() download=file_name(generation, output) data-act="download">
                <Icon glyph=icon::DOWNLOAD />
                {words.download}
            </a>
            {seeded.then(|| view! { <label class="panel-check"><input type="checkbox" name="seed" value="keep" />{words.keep_seed}</label> })}
        </form>
        <div class="panel-marks">
            {mark((&id, &here), favourite, [("favourite", words.favourite), ("unfavourite", words.unfavourite)], icon::HEART)}
            {mark((&id, &here), trashed, [("trash", words.trash), ("restore", words.restore)], bin)}
        </div>
        {reference}
        </div>
    }
}

/// The form of a mark that is there or is not; the script turns its button into the other one when it was pressed.
fn mark(
    here: (&str, &str),
    is: bool,
    [set, unset]: [(&'static str, &'static str); 2],
    glyph: icon::Glyph,
) -> impl IntoView + use<> {
    let (form, (id, next)) = (set.0, here);
    let ((act, name), (_, other)) = if is { (unset, set) } else { (set, unset) };
    view! {
        <form method="post" action="/gallery/marks" data-form=form>
            <input type="hidden" name="id" value=id.to_owned() />
            <input type="hidden" name="act" value=act />
            <input type="hidden" name="next" value=next.to_owned() />
            <button class="button" data-act=form data-on=is.to_string() data-other=other aria-label=name title=name>
                <Icon glyph />
            </button>
        </form>
    }
}

/// What is needed less often, each behind its word.
pub(super) fn more(seen: &Seen, output: &OutputView, lang: Lang) -> impl IntoView + use<> {
    let words = &text::pages(lang).viewer;
    view! {
        {share(seen, output, lang)}
        {(output.medium() == Medium::Picture).then(|| save(output, words))}
        {again(seen, lang)}
        {keys(words)}
    }
}

fn save(output: &OutputView, words: &'static ViewerText) -> impl IntoView + use<> {
    let kind = |kind: SaveAs| {
        let name = match kind {
            SaveAs::Original => words.as_kept,
            SaveAs::Png => "PNG",
            SaveAs::Jpeg => "JPEG",
            SaveAs::Webp => "WebP",
        };
        view! { <option value=kind.as_str()>{name}</option> }
    };
    let mark = |mark: Mark| {
        let name = match mark {
            Mark::None => words.mark_none,
            Mark::Machine => words.mark_machine,
            Mark::Everything => words.mark_all,
        };
        view! { <option value=mark.as_str() selected=mark == Mark::default()>{name}</option> }
    };
    view! {
        <details class="panel-more">
            <summary>{words.save}</summary>
            <form class="panel-form" method="get" action=output.url.clone() data-form="save">
                <input type="hidden" name="download" value="1" />
                <label for="save-as">{words.save_as}</label>
                <select id="save-as" name="as">{[SaveAs::Png, SaveAs::Jpeg, SaveAs::Webp].map(kind).collect_view()}</select>
                <label for="save-mark">{words.mark}</label>
                <select id="save-mark" name="mark">{Mark::ALL.map(mark).collect_view()}</select>
                <p class="hint">{words.save_note}</p>
                <button class="button">{words.save_it}</button>
            </form>
        </details>
    }
}

fn share(seen: &Seen, output: &OutputView, lang: Lang) -> impl IntoView + use<> {
    let words = &text::pages(lang).share;
    let shares: Vec<_> = seen
        .shares
        .iter()
        .filter(|share| share.output.as_ref().is_some_and(|shared| shared.index == output.index))
        .cloned()
        .collect();
    let links = shares.into_iter().map(|share| link(&share, words, lang)).collect_view();
    let (any, id) = (!seen.shares.is_empty(), seen.receipt.generation.id.to_string());
    view! {
        <details class="panel-more" id="share" data-part="share" open=any>
            <summary data-act="share">{words.share}</summary>
            {(!any).then(|| view! { <p class="hint">{words.off}</p> })}
            <ul class="share-links">{links}</ul>
            <form class="panel-form" method="post" action=format!("/g/{id}/share") data-form="share">
                <input type="hidden" name="id" value=seen.share_id.clone() />
                <input type="hidden" name="place" value=output.index />
                <input type="hidden" name="next" value=seen.standing.address(&id, &output.index.to_string()) />
                {share_options(lang)}
                <button class="button">{words.make}</button>
            </form>
            <p class="panel-link"><a href="/shares">{words.manage}</a></p>
        </details>
    }
}

/// How long a link lives and what it shows.
fn share_options(lang: Lang) -> impl IntoView {
    let words = &text::pages(lang).share;
    let term = |term: Term| {
        let name = match term {
            Term::Day => words.day,
            Term::Week => words.week,
            Term::Month => words.month,
            Term::Never => words.never,
        };
        view! { <option value=term.as_str() selected=term == Term::default()>{name}</option> }
    };
    view! {
        <label for="share-term">{words.term}</label>
        <select id="share-term" name="term">{Term::ALL.map(term).collect_view()}</select>
        <label class="panel-check"><input type="checkbox" name="prompt" />{words.with_prompt}</label>
        <label class="panel-check"><input type="checkbox" name="settings" />{words.with_settings}</label>
    }
}

fn link(share: &ShareView, words: &'static ShareText, lang: Lang) -> impl IntoView + use<> {
    let ends = match share.expires_at {
        Some(at) => view! { {words.ends} " " <Moment at lang /> }.into_any(),
        None => words.never_ends.into_any(),
    };
    view! {
        <li>
            <input readonly value=share.address.clone() aria-label=words.link />
            <button type="button" class="button" data-act="copy-link" data-value=share.address.clone() hidden>{words.copy}</button>
            <form method="post" action=format!("/shares/{}/revoke", share.id) data-form="revoke">
                <input type="hidden" name="next" value=format!("/g/{}", share.generation) />
                <button class="button">{words.revoke}</button>
            </form>
            <p class="hint">{ends}</p>
        </li>
    }
}

fn again(seen: &Seen, lang: Lang) -> impl IntoView + use<> {
    let words = &text::pages(lang).viewer;
    let id = seen.receipt.generation.id.to_string();
    let refusal = seen.refusal.as_ref().map(|refusal| {
        let said = (text::pages(lang).picture.refusal)(refusal);
        view! { <p class="notice bad" role="alert"><Icon glyph=icon::ALERT />{said}</p> }
    });
    let refused = seen.refusal.is_some();
    let form = match seen.again_price {
        Some(price) => view! {
            <form class="panel-form" method="post" action=format!("/g/{id}/again") data-form="again">
                <input type="hidden" name="request_key" value=seen.again_key.clone() />
                <input type="hidden" name="quoted_price" value=price.0 />
                <p class="hint">{words.again.body}</p>
                <button class="button">{(words.again_for)(price.0)}</button>
            </form>
        }
        .into_any(),
        None => view! { <p class="hint">{words.not_offered}</p> }.into_any(),
    };
    view! {
        <details class="panel-more" data-part="again" open=refused>
            <summary>{words.again.title}</summary>
            {refusal}
            {form}
        </details>
    }
}

fn keys(words: &'static ViewerText) -> impl IntoView {
    let pairs = [
        ("← → j k", words.key_move),
        ("z", words.key_zoom),
        ("i", words.key_info),
        ("c", words.key_copy),
        ("r", words.key_remix),
        ("f", words.key_favourite),
        ("d", words.key_download),
        ("s", words.key_share),
        ("Del", words.key_trash),
    ];
    let line = |(key, name): (&'static str, &'static str)| view! { <div><dt><kbd>{key}</kbd></dt><dd>{name}</dd></div> };
    view! {
        <details class="panel-more" data-part="keys" hidden>
            <summary>{words.keys}</summary>
            <label class="panel-check"><input type="checkbox" data-act="keys" checked />{words.keys_on}</label>
            <dl class="facts">{pairs.map(line).collect_view()}</dl>
        </details>
    }
}

/// The original's name on the person's own disk.
fn file_name(generation: &GenerationView, output: &OutputView) -> String {
    let extension = output.url.rsplit_once('.').map_or("", |(_, extension)| extension);
    let short: String = generation.id.as_str().chars().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect();
    format!("atelier-{short}-{}.{extension}", output.index + 1)
}
