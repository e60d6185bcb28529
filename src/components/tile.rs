//! Pictures, and whatever else was made, in justified rows, by stylesheet alone: each tile grows in proportion to its own shape, so that a row is of one
//! height and the order in the document is the order on the page.
//!
//! A tile knows its shape and its average colour before the picture arrives, so nothing moves when it does.

use super::{Icon, icon, thumb, time};
use crate::domain::{GenerationId, GenerationView, Lang, Medium, OutputView, Timestamp};
use leptos::prelude::*;

/// How many tiles load at once and first; the others wait until they come near.
const EAGER: usize = 4;

/// The longer side of the small copy, in pixels (`domain::OutputView`).
const SMALL: i64 = 512;
/// The longer side of the large copy, in pixels.
pub const LARGE: i64 = 1_280;

/// Pictures of several days, newest first, each day under its own heading.
#[component]
pub fn Days(
    /// Newest first.
    generations: Vec<GenerationView>,
    /// The moment that "today" means.
    now: Timestamp,
    lang: Lang,
) -> impl IntoView {
    let mut eager = EAGER;
    days(generations, lang)
        .into_iter()
        .map(|day| {
            let name = day.first().map(|generation| time::day_name(generation.created_at, now, lang)).unwrap_or_default();
            let tiles: Vec<_> = day.into_iter().flat_map(|generation| tiles(&generation)).collect();
            view! {
                <section class="day">
                    <h2>{name}</h2>
                    <ul class="rows">{shelf(tiles, &mut eager)}</ul>
                </section>
            }
        })
        .collect_view()
}

/// The tiles of one day. Of all days, as many as `eager` says load at once; it is left with what the next ones may.
pub fn shelf(tiles: Vec<TileView>, eager: &mut usize) -> impl IntoView + use<> {
    let first = tiles.len().min(*eager);
    *eager -= first;
    tiles.into_iter().enumerate().map(move |(at, tile)| view! { <PictureTile tile eager=at < first /> }).collect_view()
}

/// A picture on its way into a row.
#[derive(Clone, Debug, PartialEq)]
pub struct TileView {
    /// Where it leads.
    pub href: String,
    /// What it shows.
    pub alt: String,
    /// The kept file.
    pub output: OutputView,
    /// What a model wrote, where it is one that writes.
    pub text: Option<String>,
    /// The language of `alt`, where it is not the page's.
    pub foreign: Option<&'static str>,
    /// What the gallery knows of it, where this is the gallery.
    pub marks: Option<TileMarks>,
}

/// What the gallery knows of a tile.
#[derive(Clone, Debug, PartialEq)]
pub struct TileMarks {
    /// Whose output it is; what is chosen with it.
    pub id: GenerationId,
    /// The word that it is a favourite, if it is.
    pub favourite: Option<&'static str>,
    /// When it goes for ever, if it is in the trash.
    pub note: Option<String>,
    /// The word for choosing it.
    pub pick: &'static str,
}

/// The language of a prompt, where it can be told and is not the page's.
pub fn is_foreign(prompt: &str, lang: Lang) -> Option<&'static str> {
    let japanese = prompt.chars().any(|c| matches!(c, 'ぁ'..='ヿ' | '一'..='龯'));
    match lang {
        Lang::En => japanese.then_some("ja"),
        Lang::Ja => (!japanese && prompt.is_ascii()).then_some("en"),
    }
}

/// The tiles of a generation: one for each kept picture.
pub fn tiles(generation: &GenerationView) -> Vec<TileView> {
    let alt = alt(&generation.prompt);
    let several = generation.outputs.len() > 1;
    let href = |index: i64| match index {
        0 => format!("/g/{}", generation.id),
        index => format!("/g/{}?i={index}", generation.id),
    };
    generation
        .outputs
        .iter()
        .map(|output| TileView {
            href: href(output.index),
            alt: if several { format!("{alt} ({}/{})", output.index + 1, generation.outputs.len()) } else { alt.clone() },
            output: output.clone(),
            text: generation.text.clone().filter(|_| output.medium() == Medium::Text),
            foreign: None,
            marks: None,
        })
        .collect()
}

/// One picture of a row, a link to its page.
#[component]
pub fn PictureTile(
    tile: TileView,
    /// Whether it loads at once, because it is seen first.
    eager: bool,
) -> impl IntoView {
    let TileView { href, alt, output, text, foreign, marks } = tile;
    let id = marks.as_ref().map(|marks| marks.id.to_string());
    let favourite = marks.as_ref().and_then(|marks| marks.favourite).map(|_| "");
    // The gallery says itself which list its tiles are in: a day is one list of many.
    let role = marks.as_ref().map(|_| "listitem");
    let (pick, marks) = marks.map(marked).unzip();
    if output.medium() != Medium::Picture {
        return view! {
            <li class="tile" role=role data-medium=output.medium().as_str() style=tile_style(&output) lang=foreign data-id=id data-file=output.url.clone() data-favourite=favourite>
                {pick}
                <a href=href aria-label=alt>{thumb::plate(&output, text.as_deref())}</a>
                {marks}
            </li>
        }
        .into_any();
    }
    let (width, height) = (output.width.max(1), output.height.max(1));
    view! {
        <li class="tile" role=role style=tile_style(&output) lang=foreign data-id=id data-file=output.url.clone() data-favourite=favourite>
            {pick}
            <a href=href>
                <img
                    src=output.small.clone()
                    srcset=format!(
                        "{} {}w, {} {}w",
                        output.small,
                        scaled(width, height, SMALL),
                        output.large,
                        scaled(width, height, LARGE),
                    )
                    sizes=format!("(max-width: 899px) {}px, {}px", width * 150 / height, width * 260 / height)
                    width=width
                    height=height
                    alt=alt
                    loading=if eager { "eager" } else { "lazy" }
                    fetchpriority=eager.then_some("high")
                    decoding="async"
                />
            </a>
            {marks}
        </li>
    }
    .into_any()
}

/// The box that chooses a tile, which stands before its link, and what there is to say of the tile, which stands behind.
/// Without a script the box is a form's like any other.
fn marked(marks: TileMarks) -> (impl IntoView, impl IntoView) {
    let TileMarks { id, favourite, note, pick } = marks;
    let pick = view! { <input class="pick" type="checkbox" name="id" value=id.to_string() r#form="marks" aria-label=pick /> };
    let said = view! {
        {favourite
            .map(|favourite| {
                view! {
                    <span class="tile-heart">
                        <Icon glyph=icon::HEART />
                        <span class="sr-only">{favourite}</span>
                    </span>
                }
            })}
        {note.map(|note| view! { <span class="tile-note">{note}</span> })}
    };
    (pick, said)
}

/// The two facts the stylesheet cannot know: the shape, and the colour until the picture is there.
pub fn tile_style(output: &OutputView) -> String {
    let (width, height) = output.shape();
    let thousandths = width * 1_000 / height;
    let color = if is_color(&output.color) { output.color.as_str() } else { "transparent" };
    format!("--ar:{}.{:03};--tile:{color}", thousandths / 1_000, thousandths % 1_000)
}

/// The width of a copy whose longer side is at most `longest`.
pub fn scaled(width: i64, height: i64, longest: i64) -> i64 {
    let longer = width.max(height);
    if longer <= longest { width } else { (width * longest + longer / 2) / longer }
}

/// A colour of six hexadecimal digits and nothing that could be more than a colour.
fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A prompt as the words for a picture: cut at 150 characters.
pub fn alt(prompt: &str) -> String {
    const LONGEST: usize = 150;
    if prompt.chars().count() <= LONGEST {
        prompt.to_owned()
    } else {
        let cut: String = prompt.chars().take(LONGEST - 1).collect();
        format!("{}…", cut.trim_end())
    }
}

/// Consecutive generations of the same day together.
fn days(generations: Vec<GenerationView>, lang: Lang) -> Vec<Vec<GenerationView>> {
    let mut days: Vec<Vec<GenerationView>> = Vec::new();
    for generation in generations {
        let day = time::day_number(generation.created_at, lang);
        match days.last_mut() {
            Some(last) if last.first().is_some_and(|first| time::day_number(first.created_at, lang) == day) => {
                last.push(generation);
            }
            _ => days.push(vec![generation]),
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;

    #[test]
    fn a_long_prompt_is_cut_at_150_characters_and_not_inside_one() {
        assert_eq!(alt("夕焼け"), "夕焼け");
        let cut = alt(&"海".repeat(200));
        assert_eq!(cut.chars().count(), 150);
        assert!(cut.ends_with('…'));
    }

    #[test]
    fn a_prompt_stays_words_in_the_alternative_text() {
        let mut generation = samples::succeeded(1);
        generation.prompt = r#""><script>alert(1)</script>"#.into();
        let tile = tiles(&generation).remove(0);
        let html = view! { <PictureTile tile eager=true /> }.to_html();
        assert!(!html.contains("<script>") && html.contains("&quot;&gt;"), "{html}");
    }

    #[test]
    fn a_tile_knows_its_shape_and_takes_only_a_colour_for_a_colour() {
        let mut output = samples::succeeded(1).outputs.remove(0);
        (output.width, output.height, output.color) = (1344, 768, "#a1b2c3".into());
        assert_eq!(tile_style(&output), "--ar:1.750;--tile:#a1b2c3");
        output.color = "red;background:url(//evil)".into();
        assert_eq!(tile_style(&output), "--ar:1.750;--tile:transparent");
    }

    #[test]
    fn smaller_copies_keep_the_shape_and_never_grow() {
        assert_eq!(scaled(1344, 768, SMALL), 512);
        assert_eq!(scaled(768, 1344, SMALL), 293);
        assert_eq!(scaled(400, 300, SMALL), 400);
    }

    #[test]
    fn generations_stand_under_the_day_they_were_asked_for() {
        let generations = [0, 1, 30].map(|hours| {
            let mut generation = samples::succeeded(2);
            generation.created_at = samples::NOW.plus_ms(-hours * 3_600_000);
            generation
        });
        let html = view! { <Days generations=generations.to_vec() now=samples::NOW lang=Lang::En /> }.to_html();
        assert_eq!(html.matches("<section").count(), 2, "{html}");
        assert!(html.contains("Today") && html.contains("Yesterday"), "{html}");
        assert_eq!(html.matches("fetchpriority").count(), 4);
        assert_eq!(html.matches("<img").count(), 6);
    }
}
