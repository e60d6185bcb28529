//! What an operator types, with the real binary.

use crate::process::atelier;
use sqlx::{AnyConnection, Connection, Executor};
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

/// What a command says, and whether it did what it was told.
async fn said(dir: &Path, arguments: &[&str]) -> (bool, String) {
    let output = atelier(dir).args(arguments).output().await.expect("the binary starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

async fn create(dir: &Path, email: &str) {
    let mut command = atelier(dir);
    let mut child =
        command.args(["user", "create", email]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the binary starts");
    let mut password = child.stdin.take().expect("its input");
    password.write_all(b"a lantern above seven hills\n").await.expect("a password");
    drop(password);
    assert!(child.wait().await.expect("its end").success());
}

async fn meddle(dir: &Path, statements: &'static str) {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}", dir.join("atelier.db").display());
    let mut connection = AnyConnection::connect(&url).await.expect("the database");
    connection.execute(sqlx::raw_sql(statements)).await.expect("an update");
    connection.close().await.expect("an orderly end");
}

#[tokio::test]
async fn somebody_is_named_to_run_the_house_and_the_last_one_stays() {
    let dir = TempDir::new().expect("a directory");
    create(dir.path(), "ada@example.com").await;
    create(dir.path(), "ivo@example.com").await;
    let role = async |email: &'static str, role: &'static str| said(dir.path(), &["user", "role", email, role]).await;
    let (stays, why) = role("ada@example.com", "creator").await;
    assert!(!stays && why.contains("atelier user role SOMEBODY-ELSE admin"), "{why}");
    for (email, to, wanted) in [
        ("ivo@example.com", "admin", "ivo@example.com is admin now"),
        ("ivo@example.com", "admin", "ivo@example.com is admin already"),
        ("ada@example.com", "creator", "ada@example.com is creator now"),
    ] {
        let (done, words) = role(email, to).await;
        assert!(done && words.contains(wanted), "{words}");
    }
    let (done, words) = role("nobody@example.com", "admin").await;
    assert!(!done && words.contains("nobody has the address"), "{words}");
    let (_, list) = said(dir.path(), &["user", "list"]).await;
    assert!(list.contains("ada@example.com\tCreator") && list.contains("ivo@example.com\tAdmin"), "{list}");
}

#[tokio::test]
async fn an_operator_reads_what_is_parked_and_how_many_predictions_nobody_had_a_use_for() {
    let dir = TempDir::new().expect("a directory");
    let (_, queue) = said(dir.path(), &["queue", "show"]).await;
    assert!(
        queue.contains("parked       0") && queue.contains("Strays: 0 found, 0 not stopped yet, 0 finished and billed."),
        "{queue}"
    );
    meddle(
        dir.path(),
        "pragma foreign_keys = off;
         insert into stray (prediction_id, generation_id, seq, source, found_at, run_at, ended_at, status) values
           ('one', 'g', 1, 'webhook', 1, 1, null, null), ('two', 'g', 1, 'list', 1, 1, 2, 'canceled'),
           ('three', 'g', 2, 'list', 1, 1, 2, 'succeeded')",
    )
    .await;
    let (_, queue) = said(dir.path(), &["queue", "show"]).await;
    assert!(queue.contains("Strays: 3 found, 1 not stopped yet, 1 finished and billed."), "{queue}");

    assert_eq!(said(dir.path(), &["generation", "parked"]).await, (true, "nothing is parked\n".to_owned()));
    for (id, by, why) in [
        ("x", "ada", "x is no id of a generation"),
        ("0193b1e4-7c1f-7000-8000-000000000001", "ada", "is not parked"),
        ("0193b1e4-7c1f-7000-8000-000000000001", " ", "--by: must have"),
    ] {
        let (done, words) = said(dir.path(), &["generation", "unpark", id, "--by", by]).await;
        assert!(!done && words.contains(why), "{words}");
    }
}
