//! The page of fifty pictures: asked for over loopback by somebody who is signed in, session and rendering included.

use crate::house::{House, PASSWORD};
use crate::table::Spread;
use anyhow::{Context, ensure};
use atelier::domain::{GalleryFilter, Lang};
use atelier::server::config::Config;
use atelier::server::gallery;
use atelier::server::{Role, run};
use reqwest::header::{COOKIE, SET_COOKIE};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// `GET /gallery`, one after the other on one connection, from the request to the last byte.
pub async fn pages(house: &House, how_many: usize) -> anyhow::Result<Spread> {
    let folder = house.folder.display().to_string();
    let config = Config::read(|variable| match variable {
        "ATELIER_ADDR" => Some("127.0.0.1:0".to_owned()),
        "DATA_DIR" => Some(folder.clone()),
        "DATABASE_URL" => Some(house.url.clone()),
        _ => None,
    })?;
    let stop = CancellationToken::new();
    let running = run(config, Role::Web, stop.clone()).await?;
    let base = format!("http://{}", running.addr);
    let client =
        reqwest::Client::builder().timeout(Duration::from_secs(10)).redirect(reqwest::redirect::Policy::none()).build()?;
    let session = sign_in(&client, &base, &house.email).await?;
    let mut measured = Vec::with_capacity(how_many);
    for _ in 0..how_many {
        let began = Instant::now();
        let page =
            client.get(format!("{base}/gallery")).header(COOKIE, &session).send().await?.error_for_status()?.text().await?;
        measured.push(began.elapsed());
        let pictures = page.matches("/files/").count();
        ensure!(pictures >= 50, "the gallery shows {pictures} pictures");
    }
    stop.cancel();
    running.stopped().await?;
    Ok(Spread::new(measured))
}

/// What the database alone takes for the same fifty.
pub async fn statements(house: &House, how_many: usize) -> anyhow::Result<Spread> {
    let mut measured = Vec::with_capacity(how_many);
    for _ in 0..how_many {
        let began = Instant::now();
        let found = gallery::list(&house.db, &house.person, &GalleryFilter::default(), None, Lang::En).await?.items;
        measured.push(began.elapsed());
        ensure!(found.len() >= 50, "the gallery has {} pictures", found.len());
    }
    Ok(Spread::new(measured))
}

async fn sign_in(client: &reqwest::Client, base: &str, email: &str) -> anyhow::Result<String> {
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("email", email)
        .append_pair("password", PASSWORD)
        .finish();
    let answer = client
        .post(format!("{base}/sign-in"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await?;
    ensure!(answer.status().is_redirection(), "signing in answered {}", answer.status());
    let cookie = answer.headers().get(SET_COOKIE).context("no session")?.to_str()?;
    Ok(cookie.split(';').next().unwrap_or_default().to_owned())
}
