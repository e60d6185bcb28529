//! Stopping, and following a prediction as it goes on.

use super::{Program, path_of};
use crate::support::both_databases;
use atelier::server::model;
use futures::future::join;
use reqwest::Method;
use serde_json::{Value, json};

both_databases! {
    async fn cancelling_what_waits_gives_everything_back_and_what_is_over_stays_as_it_is(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let made = program.create("a boat").await;
        let answer = program.send(program.request(Method::POST, path_of(&app, &made["urls"]["cancel"]))).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (200, &json!("canceled")));
        assert_eq!(app.balance(&app.person(&mika).await).await, (20, 0));
        let done = program.create("a windmill").await;
        app.settle_all().await;
        let answer = program.send(program.request(Method::POST, path_of(&app, &done["urls"]["cancel"]))).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (200, &json!("succeeded")));
        app.finish().await;
    }

    async fn what_failed_says_so_in_a_sentence_of_ours(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let made = program.create("#fail").await;
        app.settle_all().await;
        let told = program.get(path_of(&app, &made["urls"]["get"])).await.json();
        let error = told["error"].as_str().expect("a sentence");
        assert_eq!((&told["status"], &told["output"]), (&json!("failed"), &Value::Null));
        assert!(error.len() > 20 && !error.contains("CUDA"), "{error}");
        app.finish().await;
    }

    async fn a_text_comes_down_the_stream_in_pieces_that_make_the_output(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        model::stock(app.db(), app.clock.now()).await.expect("the default set");
        let wanted = json!({"version": "meta/meta-llama-3-8b-instruct", "input": {"prompt": "Tell me of the sea"}});
        let made = program.post("/v1/predictions", &wanted).await.json();
        let stranger = app.visitor();
        let stream = stranger.send(stranger.bare(Method::GET, path_of(&app, &made["urls"]["stream"])));
        let (heard, ()) = join(stream, app.settle_all()).await;
        let text = heard.text();
        let pieces = text.split("event: output\n").skip(1).filter_map(|event| event.split("\n\n").next());
        let heard: String = pieces.map(|event| {
            let lines: Vec<_> = event.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
            lines.join("\n")
        }).collect();
        let told = program.get(path_of(&app, &made["urls"]["get"])).await.json();
        let output: String = told["output"].as_array().expect("pieces").iter().filter_map(Value::as_str).collect();
        assert!(output.len() > 40, "{told}");
        assert_eq!(heard, output);
        assert!(text.ends_with("event: done\ndata: {}\n\n"), "{text}");
        app.finish().await;
    }

    async fn a_stream_tells_each_output_and_then_that_it_is_done(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let program = Program::of(&app, &mika).await;
        let made = program.create("a boat").await;
        let stream = path_of(&app, &made["urls"]["stream"]);
        let stranger = app.visitor();
        let (heard, ()) = join(stranger.send(stranger.bare(Method::GET, stream).header("accept", "text/event-stream")), app.settle_all()).await;
        assert_eq!((heard.status.as_u16(), heard.header("content-type")), (200, "text/event-stream"));
        let text = heard.text();
        let output = program.get(path_of(&app, &made["urls"]["get"])).await.json()["output"][0].as_str().expect("an address").to_owned();
        let told = text.find(&format!("data: {output}\n\n")).expect("the output");
        let done = text.find("event: done\ndata: {}\n\n").expect("the end");
        assert!(text.starts_with(": hi\n\n") && told < done && text[..told].contains("event: output\nid: "), "{text}");
        let failed = program.create("#fail").await;
        app.settle_all().await;
        let text = stranger.get(path_of(&app, &failed["urls"]["stream"])).await.text();
        assert!(text.contains("event: error\ndata: {\"detail\":") && text.contains("event: done\ndata: {\"reason\": \"error\"}"), "{text}");
        let id = made["id"].as_str().expect("an id");
        for forged in [id.to_owned(), path_of(&app, &json!(output)).split('/').nth(2).expect("a seal").to_owned()] {
            assert_eq!(stranger.get(&format!("/v1/streams/{forged}")).await.status, 404, "{forged}");
        }
        app.finish().await;
    }
}
