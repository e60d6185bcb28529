//! Outputs on hosts that are not Replicate's: fetched by the guarded way out, without a token, and never from where nobody
//! should be led.

use super::{failure_of, fetching_from, finished, picture, prediction_of};
use crate::support::both_databases;
use crate::support::files::{Files, headed, whole};
use atelier::domain::State;
use atelier::server::egress::{Egress, Reach};
use atelier::server::sandbox;
use atelier::server::worker::{Tools, Worker};
use serde_json::json;

both_databases! {
    async fn an_output_on_somebody_elses_host_is_kept_and_the_token_never_travels(app: TestApp) {
        let (replicate, elsewhere) = (Files::start().await, Files::start().await);
        let app = fetching_from(app, &replicate).await;
        let mika = app.sign_up("mika").await;
        let there = elsewhere.tell("/made.png", whole("image/png", &picture()));
        let moved = elsewhere.tell("/moved.png", headed(&format!("302 Found\r\nlocation: {there}\r\ncontent-length: 0"), b""));
        for link in [there, moved] {
            let id = finished(&app, &mika, std::slice::from_ref(&link)).await;
            replicate.tell_output(&prediction_of(&app, &id).await, &json!([link]));
            app.settle_all().await;
            assert_eq!(app.state(&id).await, State::Succeeded, "{link}");
        }
        assert!(replicate.was_told(sandbox::TOKEN), "whose token it is hears it");
        assert!(!elsewhere.was_told(sandbox::TOKEN) && !elsewhere.was_told("authorization"));
        assert_eq!(elsewhere.asked("GET /made.png"), 2);
        assert_eq!(app.balance(&app.person(&mika).await).await, (18, 0));
        app.finish().await;
    }

    async fn an_output_outlives_replicates_memory_of_it_where_it_is_somebody_elses(app: TestApp) {
        let (replicate, elsewhere) = (Files::start().await, Files::start().await);
        let app = fetching_from(app, &replicate).await;
        let mika = app.sign_up("mika").await;
        let id = finished(&app, &mika, &[elsewhere.tell("/made.png", whole("image/png", &picture()))]).await;
        replicate.tell_output(&prediction_of(&app, &id).await, &json!(null));
        app.settle_all().await;
        assert_eq!(app.state(&id).await, State::Succeeded);
        app.finish().await;
    }

    async fn se_22_an_output_at_a_private_address_is_not_asked_for_and_given_back(app: TestApp) {
        let (replicate, neighbour) = (Files::start().await, Files::start().await);
        let secret = neighbour.tell("/secret.png", whole("image/png", &picture()));
        let mut app = fetching_from(app, &replicate).await;
        let egress = Egress::new(Reach::Internet).expect("a way out");
        app.tools = Tools { egress, ..app.tools.clone() };
        app.worker = Worker::new(app.tools.clone());
        let mika = app.sign_up("mika").await;
        let port = neighbour.origin().port().expect("a port");
        for link in [
            secret.clone(),
            format!("https://127.0.0.1:{port}/secret.png"),
            "https://127.0.0.1/secret.png".to_owned(),
            "https://localhost/secret.png".to_owned(),
            "https://169.254.169.254/latest/meta-data".to_owned(),
            "https://[::1]/secret.png".to_owned(),
        ] {
            let id = finished(&app, &mika, std::slice::from_ref(&link)).await;
            replicate.tell_output(&prediction_of(&app, &id).await, &json!([link]));
            app.settle_all().await;
            assert_eq!(failure_of(&app, &id).await.as_deref(), Some("output_lost"), "{link}");
        }
        let told = "select count(*) from generation where failure_detail like '%its address is a private one and is not asked%'";
        assert_eq!((app.count(told).await, neighbour.asked("GET")), (4, 0));
        assert_eq!(app.balance(&app.person(&mika).await).await, (20, 0));
        app.finish().await;
    }

    async fn se_22_a_redirect_to_a_private_address_is_not_followed(app: TestApp) {
        let (replicate, elsewhere) = (Files::start().await, Files::start().await);
        let app = fetching_from(app, &replicate).await;
        let mika = app.sign_up("mika").await;
        let inward = "302 Found\r\nlocation: https://10.0.0.7/secret.png\r\ncontent-length: 0";
        let id = finished(&app, &mika, &[elsewhere.tell("/made.png", headed(inward, b""))]).await;
        replicate.tell_output(&prediction_of(&app, &id).await, &json!(null));
        app.settle_all().await;
        assert_eq!(failure_of(&app, &id).await.as_deref(), Some("output_lost"));
        app.finish().await;
    }
}
