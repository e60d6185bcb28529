//! Accounts: who may come in, what they are given, and how little is kept of their password.

use crate::support::{Browser, both_databases};
use atelier::server::account::{self, Role};
use futures::future::join_all;
use std::collections::BTreeMap;

both_databases! {
    async fn the_first_to_come_runs_the_house_and_nobody_after(app: TestApp) {
        for name in ["mika", "noor", "ivo"] {
            app.sign_up(name).await;
        }
        let roles: Vec<_> = account::list(app.db()).await.expect("the database").into_iter().map(|(person, _)| person.role).collect();
        assert_eq!(roles, [Role::Admin, Role::Creator, Role::Creator]);
        app.finish().await;
    }

    async fn of_ten_who_come_first_at_once_one_runs_the_house(app: TestApp) {
        let processes = [app.beside().await, app.beside().await];
        let browsers: Vec<Browser> = (0..10).map(|at| processes[at % 2].visitor()).collect();
        join_all(browsers.iter().enumerate().map(|(at, browser)| async move { browser.sign_up(&format!("person{at}")).await })).await;
        assert_eq!(app.count("select count(*) from person where role = 'admin'").await, 1);
        assert_eq!(app.count("select count(*) from person").await, 10);
        app.finish().await;
    }

    async fn the_sign_up_credits_are_given_once_and_stand_on_the_statement(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let person = app.person(&mika).await;
        assert_eq!(app.balance(&person).await, (20, 0));
        assert_eq!(mika.sign_in("mika").await.status, 303);
        assert_eq!(app.balance(&person).await, (20, 0));
        assert_eq!(app.count("select count(*) from txn where kind = 'signup_grant'").await, 1);
        assert!(mika.get("/credits").await.text().contains("20"));
        app.finish().await;
    }

    async fn one_address_signed_up_many_times_at_once_is_one_account(app: TestApp) {
        let fields = [("email", " Mika@Example.COM "), ("password", "a lantern above seven hills")];
        let visitors: Vec<_> = (0..12).map(|_| app.visitor()).collect();
        let mut counted = BTreeMap::new();
        for answer in join_all(visitors.iter().map(|visitor| visitor.post("/sign-up", &fields))).await {
            *counted.entry(answer.status.as_u16()).or_insert(0) += 1;
        }
        assert_eq!(counted, BTreeMap::from([(303, 1), (422, 11)]));
        assert_eq!(app.count("select count(*) from person where email = 'mika@example.com'").await, 1);
        assert_eq!(app.count("select count(*) from account where kind = 'person'").await, 1);
        app.finish().await;
    }

    async fn se_01_the_stored_password_is_argon2id_with_at_least_owasps_parameters(app: TestApp) {
        app.sign_up("mika").await;
        let (hash,): (String,) =
            sqlx::query_as("select password_hash from person").fetch_one(app.db().pool()).await.expect("the database");
        let parsed = argon2::PasswordHash::new(&hash).expect("a PHC string");
        let parameter = |name| parsed.params.get_decimal(name).expect(name);
        assert_eq!(parsed.algorithm.as_str(), "argon2id");
        assert!(parameter("m") >= 19_456 && parameter("t") >= 2 && parameter("p") >= 1, "{hash}");
        app.finish().await;
    }

    async fn se_03_what_cannot_be_a_password_or_an_address_is_said_at_its_field(app: TestApp) {
        let visitor = app.visitor();
        for (email, password) in [("mika@example.com", "short"), ("mika@example.com", "password"), ("mika", "a lantern above seven hills")] {
            let answer = visitor.post("/sign-up", &[("email", email), ("password", password)]).await;
            assert_eq!(answer.status, 422, "{email} {password}");
            assert!(answer.text().contains("aria-invalid"), "the field is marked");
            assert!(!answer.text().contains(&format!("value=\"{password}\"")), "and no password comes back");
        }
        assert_eq!(app.count("select count(*) from person").await, 0);
        app.finish().await;
    }
}
