//! What opens under *Advanced*: saved settings, the model's own controls, the seed, and the form as a program.

use super::elsewhere;
use crate::domain::Preset;
use crate::text::CreateText;
use leptos::prelude::*;

/// What the panel shows.
pub(super) struct Extras<'a> {
    pub presets: &'a [Preset],
    /// The model's own controls that need not be seen at once.
    pub rest: String,
    pub said: &'static CreateText,
}

impl Extras<'_> {
    pub fn view(self, seed: AnyView) -> impl IntoView + use<> {
        let Self { presets, rest, said } = self;
        let saved = preset_list(presets, said);
        view! {
            <div class="controls" data-controls="rest" inner_html=rest></div>
            {seed}
            <button type="button" class="button quiet" data-reset-all="" hidden>{said.reset_all}</button>
            <section class="presets" aria-labelledby="presets-title">
                <h2 id="presets-title">{said.presets}</h2>
                <ul class="preset-list" data-presets="" inner_html=saved></ul>
                <p class="problem" data-preset-problem="" role="alert" hidden></p>
                <div class="preset-new">
                    <input name="preset_name" type="text" autocomplete="off" maxlength="60" placeholder=said.preset_name aria-label=said.preset_name />
                    <span class="preset-save" inner_html=elsewhere("/create/presets", "button", said.preset_save)></span>
                </div>
                <p class="hint">{said.presets_empty}</p>
            </section>
            <div class="panel-code" inner_html=elsewhere("/create/request", "button quiet", said.code)></div>
        }
    }
}

/// The saved settings, each a button that sets the form to them and one that deletes them.
pub fn preset_list(presets: &[Preset], said: &CreateText) -> String {
    let one = |preset: &Preset| {
        let path = format!("/create/presets/{}", preset.id);
        let delete = format!("{}: {}", said.preset_delete, preset.name).replace('"', "&quot;");
        format!(
            "<li>{}<button class=\"button quiet\" formaction=\"{path}/delete\" formnovalidate aria-label=\"{}\">×</button></li>",
            elsewhere(&path, "button preset", &preset.name),
            delete.replace('<', "&lt;"),
        )
    };
    presets.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Lang, PresetId};
    use crate::text;

    #[test]
    fn a_name_stays_text_wherever_it_stands() {
        let hostile = Preset { id: PresetId::trusted("p"), name: "\"><script>x</script>".into() };
        let html = preset_list(&[hostile], &text::pages(Lang::En).create);
        assert!(!html.contains("<script") && !html.contains(": \""), "{html}");
    }
}
