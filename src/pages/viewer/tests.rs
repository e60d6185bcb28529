use super::facts::{language_of, price_path};
use super::*;
use crate::components::samples;
use crate::domain::{Failure, Parent, Phase};
use crate::text::live;

fn seen(generation: GenerationView, shown: usize) -> Seen {
    Seen {
        receipt: samples::receipt(generation),
        shown,
        document: None,
        settings: Vec::new(),
        standing: Standing::default(),
        parent: None,
        children: Vec::new(),
        verdict: None,
        again_key: "again".into(),
        again_price: Some(Credits(4)),
        refusal: None,
        shares: Vec::new(),
        share_id: "share".into(),
    }
}

fn drawn(seen: Seen, lang: Lang) -> String {
    let (viewer, start) = (samples::viewer(lang), samples::start(lang));
    Owner::new().with(|| view! { <ViewerPage viewer start seen /> }.to_html())
}

fn page(generation: GenerationView, shown: usize) -> String {
    drawn(seen(generation, shown), Lang::En)
}

#[test]
fn a_prompt_is_text_wherever_it_stands() {
    let mut generation = samples::succeeded(2);
    generation.prompt = "</p><script>alert(1)</script>\"'".into();
    assert!(!page(generation, 0).contains("<script>alert"));
}

#[test]
fn the_asked_for_picture_is_shown_and_a_wrong_number_shows_the_first() {
    let shown = |at| page(samples::succeeded(3), at);
    assert!(shown(2).contains(r#"href="/files/g/2.png" download"#), "{}", shown(2));
    assert!(shown(9).contains(r#"href="/files/g/0.png" download"#));
    assert_eq!(shown(2).matches(r#"class="strip""#).count(), 1);
    assert_eq!(page(samples::succeeded(1), 0).matches(r#"class="strip""#).count(), 0);
}

#[test]
fn every_failure_says_why_that_the_credits_are_back_and_offers_another_try() {
    for failure in Failure::ALL {
        let html = page(samples::failed(failure), 0);
        assert!(html.contains("4 credits returned"), "{html}");
        assert!(html.contains((live::of(Lang::En).failure)(failure).what), "{failure:?}");
        assert!(html.contains("/create?remix=") && html.contains(r#"data-state="failed""#));
    }
}

#[test]
fn the_way_of_the_credits_is_told_to_its_end() {
    let words = &text::pages(Lang::En).viewer;
    let part = GenerationView { captured: Credits(3), ..samples::succeeded(4) };
    assert_eq!(price_path(&part, words), "quoted 4 → held 4 → charged 3 → returned 1");
    assert_eq!(price_path(&samples::succeeded(4), words), "quoted 4 → held 4 → charged 4");
    assert_eq!(price_path(&samples::failed(Failure::Timeout), words), "quoted 4 → held 4 → returned 4");
    let running = GenerationView { phase: Phase::Queued, captured: Credits::ZERO, ..samples::succeeded(4) };
    assert_eq!(price_path(&running, words), "quoted 4 → held 4");
}

#[test]
fn of_what_was_asked_for_it_says_how_much_was_kept_and_what_came_back() {
    let part = || {
        let whole = samples::succeeded(4);
        let outputs = whole.outputs[1..3].to_vec();
        GenerationView { captured: Credits(2), outputs, ..whole }
    };
    assert!(page(part(), 0).contains("2 of 4 kept; 2 credits returned"));
    let html = drawn(seen(part(), 0), Lang::Ja);
    assert!(html.contains("4枚中2枚を保存、2クレジット返却済み"), "{html}");
    assert!(!page(samples::succeeded(4), 0).contains("kept;"));
}

#[test]
fn the_neighbours_and_the_way_back_stay_in_the_view_it_was_opened_from() {
    let standing = Standing { view: "q=sea".into(), ..Standing::default() };
    assert_eq!(standing.address("g", "0"), "/g/g?q=sea");
    assert_eq!(standing.address("g", "2"), "/g/g?i=2&q=sea");
    assert_eq!(Standing::default().address("g", "0"), "/g/g");
    let standing = Standing { older: Some("/g/next?q=sea".into()), ..standing };
    let html = drawn(Seen { standing, ..seen(samples::succeeded(1), 0) }, Lang::En);
    assert!(
        html.contains(r#"href="/gallery?q=sea""#) && html.contains(r#"rel="next""#) && !html.contains(r#"rel="prev""#),
        "{html}"
    );
}

#[test]
fn what_was_changed_comes_before_everything_else_and_the_verdict_is_said_in_words() {
    let setting = |name: &str, changed| Setting { name: name.into(), value: "9".into(), changed };
    let settings = vec![setting("steps", true), setting("tiling", false)];
    let receipt = Receipt { parent: Some(Parent::Again(samples::succeeded(1).id)), ..samples::receipt(samples::succeeded(1)) };
    let verdict = Some(Verdict::Alike);
    let html = drawn(
        Seen { settings, verdict, receipt, parent: Some(samples::succeeded(1)), ..seen(samples::succeeded(1), 0) },
        Lang::En,
    );
    assert!(html.find("steps") < html.find("tiling") && html.contains("Changed settings"), "{html}");
    assert!(html.contains("Visually the same") && html.contains("/compare?a="), "{html}");
}

#[test]
fn a_prompt_in_the_other_language_is_marked_as_such() {
    assert_eq!(language_of("夕焼けの海", Lang::En), Some("ja"));
    assert_eq!(language_of("a lighthouse", Lang::Ja), Some("en"));
    assert_eq!(language_of("a lighthouse", Lang::En), None);
}
