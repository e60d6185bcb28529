//! What the create page can do beside one press: settings under a name, many prompts in one, and trying once more.

use crate::support::{Answer, Browser, TestApp, both_databases};
use atelier::domain::{GenerationId, MOST_VARIANTS, State};
use atelier::server::generation::MAX_QUEUED_PER_PERSON;
use atelier::server::preset::MAX_PRESETS;
use futures::future::join_all;
use serde_json::{Value, json};

const SDXL: &str = "stability-ai/sdxl";
const NOBODYS: &str = "0193b1e4-7c1f-7000-8000-000000000001";

fn status(answer: &Answer) -> u16 {
    answer.status.as_u16()
}

/// Saves settings that are told apart by how many are asked for.
async fn save(browser: &Browser, name: &str, count: &str) -> Answer {
    let fields = [("preset_name", name), ("model", SDXL), ("count", count), ("aspect_ratio", "16:9"), ("seed", "7")];
    browser.press("/create/presets", &[&fields[..], &[("prompt", "words that are no setting")]].concat()).await
}

/// The presets that an answer lists: their ids, in order.
fn listed(answer: &Answer) -> Vec<String> {
    let list = answer.json()["presets"].as_str().expect("a list").to_owned();
    let ids = list.split("/create/presets/").skip(1).filter_map(|rest| rest.split('"').next()?.strip_suffix("/delete"));
    ids.map(str::to_owned).collect()
}

async fn apply(browser: &Browser, id: &str) -> Answer {
    browser.press(&format!("/create/presets/{id}"), &[("prompt", "a heron"), ("count", "1")]).await
}

/// Presses the button of the create page.
async fn press(browser: &Browser, key: &str, prompt: &str, more: &[(&str, &str)]) -> Answer {
    browser.press("/generate", &[&[("request_key", key), ("prompt", prompt)], more].concat()).await
}

async fn written(app: &TestApp) -> (i64, i64, i64) {
    let rows = app.count("select count(*) from generation").await;
    let holds = app.count("select count(*) from hold").await;
    (rows, holds, app.count("select count(*) from generation_event").await)
}

async fn balance(app: &TestApp, browser: &Browser) -> (i64, i64) {
    app.balance(&app.person(browser).await).await
}

fn id(answer: &Answer) -> GenerationId {
    GenerationId::trusted(answer.json()["id"].as_str().expect("an id"))
}

async fn retry(browser: &Browser, id: &GenerationId, price: &str) -> Answer {
    browser.press(&format!("/g/{id}/retry"), &[("quoted_price", price)]).await
}

async fn receipt(browser: &Browser, id: &GenerationId) -> Value {
    browser.get_json(&format!("/g/{id}/receipt.json")).await.json()
}

/// Makes something fail that would not fail another time.
async fn failed(app: &TestApp, browser: &Browser, count: i64) -> GenerationId {
    let id = browser.trigger_with(&json!({"prompt": "#fail", "model": SDXL, "count": count})).await;
    app.settle_all().await;
    assert_eq!(app.state(&id).await, State::Failed);
    app.meddle("update generation set input = replace(input, '#fail', 'a fox'), prompt = 'a fox'").await.expect("an update");
    id
}

both_databases! {
    async fn settings_are_saved_under_a_name_listed_replaced_and_removed(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let saved = save(&mika, "  海の朝 ", "3").await;
        assert_eq!((status(&saved), &saved.json()["problem"]), (201, &json!(null)), "{}", saved.text());
        let ids = listed(&saved);
        assert_eq!(ids.len(), 1);
        assert!(mika.get("/create").await.text().contains("海の朝"), "and the page has it");
        let set = apply(&mika, &ids[0]).await.json();
        assert_eq!([&set["model"], &set["count"], &set["aspect_ratio"], &set["seed"]], [SDXL, "3", "16:9", "7"]);
        assert_eq!(app.count("select count(*) from preset where fields like '%no setting%'").await, 0);
        // Without a script the whole form comes back, with the words that were in it.
        let page = mika.post(&format!("/create/presets/{}", ids[0]), &[("prompt", "a heron")]).await;
        assert!(status(&page) == 200 && page.text().contains("a heron"), "{}", page.text());

        let replaced = save(&mika, "海の朝", "2").await;
        assert_eq!((status(&replaced), listed(&replaced)), (201, ids.clone()), "one name, one preset");
        assert_eq!(apply(&mika, &ids[0]).await.json()["count"], "2");
        let both = listed(&save(&mika, "an evening", "1").await);
        assert_eq!(both.len(), 2);

        let left = mika.press(&format!("/create/presets/{}/delete", ids[0]), &[]).await;
        assert_eq!((status(&left), listed(&left).len()), (200, 1));
        assert_eq!(status(&apply(&mika, &ids[0]).await), 404);
        assert!(!mika.get("/create").await.text().contains("海の朝"));
        app.finish().await;
    }

    async fn se_30_somebody_elses_preset_is_answered_like_one_that_never_was(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let hers = listed(&save(&mika, "a morning", "3").await).remove(0);
        for preset in [hers.as_str(), NOBODYS, "no id at all"] {
            assert_eq!(status(&apply(&noor, preset).await), 404, "{preset}");
        }
        let (foreign, random) = (format!("/create/presets/{hers}/delete"), format!("/create/presets/{NOBODYS}/delete"));
        let (foreign, random) = (noor.press(&foreign, &[]).await, noor.press(&random, &[]).await);
        assert_eq!((status(&foreign), foreign.json()), (status(&random), random.json()));
        assert!(!noor.get("/create").await.text().contains("a morning"));
        // Names are one's own: hers is neither taken nor replaced by another's.
        assert_eq!(status(&save(&noor, "a morning", "1").await), 201);
        assert_eq!(apply(&mika, &hers).await.json()["count"], "3");
        app.finish().await;
    }

    async fn a_name_that_is_none_is_refused_and_there_is_room_for_so_many(app: TestApp) {
        let mika = app.sign_up("mika").await;
        for name in ["", "   ", "a\nb", &"海".repeat(61)] {
            let refused = save(&mika, name, "1").await;
            assert_eq!(status(&refused), 422, "{name:?}");
            assert!(refused.json()["problem"].as_str().is_some_and(|said| said.contains("60 characters")), "{}", refused.text());
        }
        assert_eq!(app.count("select count(*) from preset").await, 0);
        assert_eq!(status(&save(&mika, &"海".repeat(60), "1").await), 201);
        for at in 1..MAX_PRESETS - 4 {
            assert_eq!(status(&save(&mika, &format!("preset {at}"), "1").await), 201);
        }
        // Ten at once for the last four places.
        let names: Vec<_> = (0..10).map(|at| format!("late {at}")).collect();
        let mut answers: Vec<_> = join_all(names.iter().map(|name| save(&mika, name, "1"))).await.iter().map(status).collect();
        answers.sort_unstable();
        assert_eq!(answers, [201, 201, 201, 201, 422, 422, 422, 422, 422, 422]);
        let full = save(&mika, "one more", "1").await;
        assert!(status(&full) == 422 && full.text().contains("Delete one first"), "{}", full.text());
        assert_eq!(status(&save(&mika, "preset 1", "4").await), 201, "replacing one takes no room");
        assert_eq!(app.count("select count(*) from preset").await, MAX_PRESETS);
        app.finish().await;
    }

    async fn many_prompts_in_one_are_one_press_with_one_price_and_the_same_key_answers_with_the_first(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let boats = "a {red|blue|green} boat";
        // What stood on the button is the price of all: of one, it is too little.
        for short in ["2", "5"] {
            let refused = press(&mika, "boats", boats, &[("count", "2"), ("quoted_price", short)]).await;
            assert_eq!((status(&refused), &refused.json()["price"]), (409, &json!(6)), "{}", refused.text());
        }
        assert_eq!(written(&app).await, (0, 0, 0));
        let asked = [("count", "2"), ("quoted_price", "6")];
        let mut answers = join_all((0..6).map(|_| press(&mika, "boats", boats, &asked))).await;
        answers.sort_by_key(|answer| std::cmp::Reverse(status(answer)));
        assert_eq!(answers.iter().map(status).collect::<Vec<_>>(), [201, 200, 200, 200, 200, 200]);
        assert!(answers.iter().all(|answer| id(answer) == id(&answers[0])), "always the first of them");
        assert_eq!((balance(&app, &mika).await, written(&app).await), ((14, 6), (3, 3, 3)));
        app.settle_all().await;
        let prompts: Vec<(String,)> = sqlx::query_as("select prompt from generation where state = 'succeeded' order by prompt")
            .fetch_all(app.db().pool()).await.expect("the rows");
        assert_eq!(prompts.iter().map(|(prompt,)| prompt.as_str()).collect::<Vec<_>>(), ["a blue boat", "a green boat", "a red boat"]);
        assert_eq!(balance(&app, &mika).await, (14, 0));
        // Afterwards as well; and another wish under that key is another press.
        assert_eq!(status(&press(&mika, "boats", boats, &asked).await), 200);
        for other in ["a {red|blue} ship", "a {red|blue|green|white} boat"] {
            assert_eq!(status(&press(&mika, "boats", other, &[("count", "2")]).await), 422, "{other}");
        }
        assert_eq!(app.count("select count(*) from generation").await, 3);
        app.finish().await;
    }

    async fn of_many_prompts_all_are_held_for_or_none_is_written(app: TestApp) {
        let mika = app.sign_up("mika").await;
        // Two of the three could be paid for.
        let four = [("count", "4"), ("model", SDXL)];
        let short = press(&mika, "k", "a {red|blue|green} boat", &four).await;
        assert_eq!((status(&short), &short.json()["available"], &short.json()["price"]), (402, &json!(20), &json!(24)));
        let many: Vec<_> = (0..=MOST_VARIANTS).map(|at| at.to_string()).collect();
        assert_eq!(status(&press(&mika, "k", &format!("{{{}}}", many.join("|")), &[]).await), 422);
        assert_eq!((written(&app).await, balance(&app, &mika).await), ((0, 0, 0), (20, 0)));

        // The limit that she set herself is for all of them together.
        assert_eq!(status(&mika.post("/account/limits", &[("daily_cap", "5")]).await), 303);
        let capped = press(&mika, "k", "a {red|blue|green} boat", &[("count", "2")]).await;
        assert_eq!(status(&capped), 402, "{}", capped.text());
        assert_eq!(status(&mika.post("/account/limits", &[("daily_cap", ""), ("ask_above", "5")]).await), 303);
        assert_eq!(status(&press(&mika, "k", "a {red|blue|green} boat", &[("count", "2")]).await), 409);
        assert_eq!((written(&app).await, balance(&app, &mika).await), ((0, 0, 0), (20, 0)));
        let meant = press(&mika, "k", "a {red|blue|green} boat", &[("count", "2"), ("confirmed", "6")]).await;
        assert_eq!(status(&meant), 201, "{}", meant.text());
        app.settle_all().await;
        assert_eq!(balance(&app, &mika).await, (14, 0));
        app.finish().await;
    }

    async fn of_many_prompts_none_is_written_when_not_all_of_them_may_wait(app: TestApp) {
        let mika = app.sign_up("mika").await;
        app.grant(&app.person(&mika).await, 1_000).await;
        let most: usize = MOST_VARIANTS;
        let mut left = usize::try_from(MAX_QUEUED_PER_PERSON - 1).expect("a number");
        while left > 0 {
            let now = left.min(most);
            let words: Vec<_> = (0..now).map(|at| at.to_string()).collect();
            let asked = press(&mika, &format!("press-{left}"), &format!("boat {{{}}}", words.join("|")), &[]).await;
            assert_eq!(status(&asked), 201, "{}", asked.text());
            left -= now;
        }
        let before = (written(&app).await, balance(&app, &mika).await);
        assert_eq!(before.0.0, MAX_QUEUED_PER_PERSON - 1, "there is room for one");
        assert_eq!(status(&press(&mika, "two", "a {red|blue} boat", &[]).await), 429);
        assert_eq!((written(&app).await, balance(&app, &mika).await), before);
        assert_eq!(status(&press(&mika, "one", "a red boat", &[]).await), 201);
        assert_eq!(status(&mika.press("/generations/cancel", &[]).await), 200);
        app.settle_all().await;
        app.finish().await;
    }

    async fn trying_again_is_one_press_that_remembers_what_it_repeats(app: TestApp) {
        let (mika, noor) = (app.sign_up("mika").await, app.sign_up("noor").await);
        let first = failed(&app, &mika, 2).await;
        assert_eq!(status(&retry(&noor, &first, "4").await), 404);
        let mut answers = join_all((0..5).map(|_| retry(&mika, &first, "4"))).await;
        answers.sort_by_key(|answer| std::cmp::Reverse(status(answer)));
        assert_eq!(answers.iter().map(status).collect::<Vec<_>>(), [201, 200, 200, 200, 200], "{}", answers[0].text());
        let second = id(&answers[0]);
        assert!(answers.iter().all(|answer| id(answer) == second));
        assert_eq!(balance(&app, &mika).await, (16, 4));
        app.settle_all().await;
        let (before, after) = (receipt(&mika, &first).await, receipt(&mika, &second).await);
        assert_eq!((&after["retry_of"], &after["credits"]["charged"], &after["input"]), (&json!(first.as_str()), &json!(4), &before["input"]));
        assert_eq!((&before["retry_of"], &before["credits"]["charged"]), (&json!(null), &json!(0)));
        assert!(mika.get(&format!("/g/{second}")).await.text().contains(&format!("/g/{first}")), "and its page leads there");
        assert_eq!(balance(&app, &mika).await, (16, 0));
        app.finish().await;
    }

    async fn trying_again_costs_what_it_costs_today_and_never_more_than_stood_on_the_button(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let (dear, cheap) = (failed(&app, &mika, 1).await, failed(&app, &mika, 1).await);
        app.meddle("update model set unit_price = 5").await.expect("an update");
        let risen = retry(&mika, &dear, "2").await;
        assert_eq!((status(&risen), &risen.json()["price"], balance(&app, &mika).await), (409, &json!(5), (20, 0)));
        // Who wants to be asked above some price was: the price is on this button.
        assert_eq!(status(&mika.post("/account/limits", &[("ask_above", "0")]).await), 303);
        assert_eq!(status(&retry(&mika, &dear, "5").await), 201);
        app.meddle("update model set unit_price = 1").await.expect("an update");
        assert_eq!(status(&retry(&mika, &cheap, "2").await), 201);
        assert_eq!(balance(&app, &mika).await, (14, 6));
        app.settle_all().await;
        assert_eq!(balance(&app, &mika).await, (14, 0));
        app.meddle("update model set enabled_at = null").await.expect("an update");
        let gone = mika.post(&format!("/g/{dear}/retry"), &[("quoted_price", "5")]).await;
        assert_eq!((status(&gone), gone.header("location")), (303, format!("/create?remix={dear}").as_str()), "what it was is in the form");
        app.finish().await;
    }
}
