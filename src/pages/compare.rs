//! `/compare`: two pictures in one frame, and a line between them that can be moved by dragging and by keys. Without a
//! script they stand side by side.

use crate::components::{Frame, Icon, Place, icon, tile};
use crate::domain::{GenerationView, OutputView, Viewer};
use crate::islands::{LiveStart, Parcel};
use crate::text;
use leptos::prelude::*;

/// One of the two.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// What it is of.
    pub generation: GenerationView,
    /// The picture.
    pub output: OutputView,
}

/// Two pictures beside each other.
#[component]
pub fn ComparePage(viewer: Viewer, start: LiveStart, one: Compared, other: Compared) -> impl IntoView {
    let words = &text::pages(viewer.lang).viewer;
    let parcel = Parcel::new(start, viewer.balance);
    let style = tile::tile_style(&one.output);
    view! {
        <Frame viewer parcel here=Place::Gallery>
            <div class="page-head">
                <h1>{words.compare_title}</h1>
                <a class="button" href=address(&one)><Icon glyph=icon::ARROW_LEFT />{words.back}</a>
            </div>
            <div class="compare" style=style data-compare="">
                {figure(&one, words.compare_one, "one")}
                {figure(&other, words.compare_other, "other")}
                <input
                    class="compare-slider"
                    type="range"
                    min="0"
                    max="100"
                    step="1"
                    value="50"
                    aria-label=words.compare_slider
                    aria-describedby="compare-note"
                    hidden
                />
            </div>
            <p class="hint" id="compare-note" hidden>{words.compare_note}</p>
        </Frame>
    }
}

fn figure(compared: &Compared, name: &'static str, side: &'static str) -> impl IntoView + use<> {
    let Compared { generation, output } = compared;
    view! {
        <figure data-side=side>
            <img src=output.url.clone() alt=tile::alt(&generation.prompt) width=output.width height=output.height />
            <figcaption><a href=address(compared)>{name} ": " {tile::alt(&generation.prompt)}</a></figcaption>
        </figure>
    }
}

fn address(compared: &Compared) -> String {
    match compared.output.index {
        0 => format!("/g/{}", compared.generation.id),
        place => format!("/g/{}?i={place}", compared.generation.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::Lang;

    #[test]
    fn both_pictures_stand_in_the_page_and_the_slider_has_a_name() {
        let compared = |place: usize| {
            let generation = samples::succeeded(2);
            Compared { output: generation.outputs[place].clone(), generation }
        };
        let (viewer, start) = (samples::viewer(Lang::En), samples::start(Lang::En));
        let html = Owner::new().with(|| view! { <ComparePage viewer start one=compared(0) other=compared(1) /> }.to_html());
        assert!(html.contains("/files/g/0.png") && html.contains("/files/g/1.png"), "{html}");
        assert!(html.contains(r#"type="range""#) && html.contains("Where the left picture ends"), "{html}");
    }
}
