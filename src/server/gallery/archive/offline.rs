//! A gallery for a directory: one page that shows what lies beside it, without a script, a server or a network.

use super::{BATCH, Broken, file_name, name};
use crate::components::time;
use crate::domain::{GenerationId, GenerationView, Lang, Medium, PersonId, query_value};
use crate::server::db::Db;
use crate::server::generation::views;
use crate::text;
use async_zip::tokio::write::ZipFileWriter;
use async_zip::{Compression, ZipEntryBuilder};
use futures::AsyncWriteExt;
use html_escape::{encode_double_quoted_attribute, encode_text};
use tokio::io::DuplexStream;

/// The whole look of it.
const STYLE: &str = "
:root { color-scheme: light dark; font: 14px/1.5 sans-serif; }
body { margin: 0 auto; padding: 24px; max-width: 1680px; }
ul { display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); padding: 0; list-style: none; }
img, video { display: block; width: 100%; height: 240px; object-fit: contain; background: #8881; border-radius: 6px; }
audio { width: 100%; }
p { margin: 6px 0 0; overflow-wrap: anywhere; }
small { opacity: .8; }
";

/// Writes it as `index.html`, a batch of generations at a time.
pub(super) async fn gallery(
    archive: &mut ZipFileWriter<DuplexStream>,
    db: &Db,
    owner: &PersonId,
    ids: &[GenerationId],
    lang: Lang,
) -> Result<(), Broken> {
    let entry = ZipEntryBuilder::new("index.html".to_owned().into(), Compression::Stored);
    let mut page = archive.write_entry_stream(entry).await?;
    page.write_all(head(lang).as_bytes()).await?;
    for batch in ids.chunks(BATCH) {
        let views = views::of(db, owner, batch).await?;
        let items: String = batch.iter().filter_map(|id| views.get(id)).map(|view| item(view, lang)).collect();
        page.write_all(items.as_bytes()).await?;
    }
    page.write_all(b"</ul>\n</main>\n").await?;
    page.close().await?;
    Ok(())
}

fn head(lang: Lang) -> String {
    let title = encode_text(text::pages(lang).frame.gallery);
    format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · Atelier</title>\n<style>{STYLE}</style>\n<main>\n<h1>{title}</h1>\n<ul>\n",
        lang.as_str()
    )
}

/// The files of one generation, and what they were made from.
fn item(view: &GenerationView, lang: Lang) -> String {
    let name = name(view, lang);
    let prompt = encode_text(&view.prompt);
    let said = encode_double_quoted_attribute(&view.prompt);
    let mut html = String::new();
    for output in &view.outputs {
        let file = file_name(&name, output, view.outputs.len());
        let link = query_value(&file);
        let shown = match output.medium() {
            Medium::Picture => format!("<img src=\"{link}\" alt=\"{said}\" loading=\"lazy\">"),
            Medium::Video => format!("<video src=\"{link}\" controls preload=\"metadata\"></video>"),
            Medium::Audio => format!("<audio src=\"{link}\" controls preload=\"metadata\"></audio>"),
            _ => encode_text(&file).into_owned(),
        };
        let shown = if output.medium() == Medium::Picture { format!("<a href=\"{link}\">{shown}</a>") } else { shown };
        let label = encode_text(&view.model_label);
        let at = time::date_time(view.created_at, lang);
        html = format!(
            "{html}<li>{shown}<p>{prompt}</p><p><small>{label} · {at} · <a href=\"{link}\">{}</a></small></p></li>\n",
            encode_text(&file)
        );
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;

    #[test]
    fn a_prompt_is_text_in_the_gallery_and_a_file_is_found_by_its_name() {
        let mut view = samples::succeeded(2);
        view.prompt = "\"><script>alert(1)</script> 夕焼け".into();
        let html = item(&view, Lang::En);
        assert!(!html.contains("<script") && html.contains("&lt;script"), "{html}");
        assert_eq!(html.matches("<li>").count(), 2, "{html}");
        assert!(html.contains("%E5%A4%95") && html.contains("_2.png"), "{html}");
        assert!(!html.contains("http"), "nothing is asked of anybody: {html}");
    }
}
