//! `/gallery`: every picture a person has, newest first, fifty generations at a time.

use crate::components::{Days, Frame, Icon, Place, icon};
use crate::domain::{GenerationView, Viewer};
use crate::islands::{LiveStart, Parcel};
use crate::text;
use leptos::prelude::*;

/// The gallery, or one page further back in it.
#[component]
pub fn Gallery(
    viewer: Viewer,
    start: LiveStart,
    /// Succeeded ones, newest first.
    generations: Vec<GenerationView>,
    /// The cursor of what is older, if anything is.
    older: Option<String>,
    /// Whether this is the first page.
    newest: bool,
) -> impl IntoView {
    let (lang, now) = (viewer.lang, viewer.cursor);
    let parcel = Parcel::new(start, viewer.balance);
    let words = text::pages(lang);
    let empty = generations.is_empty();
    let count = (viewer.pictures > 0).then(|| (words.frame.pictures)(viewer.pictures));
    view! {
        <Frame viewer parcel here=Place::Gallery>
            <div class="page-head">
                <h1>{words.frame.gallery}</h1>
                {count.map(|count| view! { <p class="count number">{count}</p> })}
                {(!newest)
                    .then(|| view! { <a class="button" href="/gallery"><Icon glyph=icon::ARROW_LEFT />{words.picture.newest}</a> })}
            </div>
            {if empty {
                view! {
                    <div class="empty">
                        <h2>{words.picture.empty.title}</h2>
                        <p>{words.picture.empty.body}</p>
                        <a class="button primary" href="/create">{words.picture.to_create}</a>
                    </div>
                }
                    .into_any()
            } else {
                view! { <Days generations now lang /> }.into_any()
            }}
            {older
                .map(|cursor| {
                    view! {
                        <p class="pager">
                            <a class="button" href=format!("/gallery?before={cursor}") rel="next">
                                {words.picture.older} <Icon glyph=icon::ARROW_RIGHT />
                            </a>
                        </p>
                    }
                })}
        </Frame>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::Lang;

    fn page(generations: Vec<GenerationView>, older: Option<&str>) -> String {
        let older = older.map(str::to_owned);
        let (viewer, start) = (samples::viewer(Lang::En), samples::start(Lang::En));
        Owner::new().with(|| view! { <Gallery viewer start generations older newest=true /> }.to_html())
    }

    #[test]
    fn an_empty_gallery_leads_to_the_first_picture_and_a_full_one_further_back() {
        let empty = page(Vec::new(), None);
        assert!(empty.contains(text::pages(Lang::En).picture.empty.title) && !empty.contains("rel=\"next\""), "{empty}");
        let full = page(vec![samples::succeeded(2)], Some("abc"));
        assert!(full.contains("/gallery?before=abc") && !full.contains("class=\"empty\""), "{full}");
        assert_eq!(full.matches("<h1").count(), 1);
    }
}
