//! `scripts/bench-search`: how long a search through fifty thousand prompts of one person takes, with the page it answers and the
//! count above it, on SQLite and, when `TEST_POSTGRES_URL` names a cluster, on PostgreSQL.

mod databases;

use anyhow::{Context, ensure};
use atelier::domain::{Credits, GalleryFilter, Lang, PersonId, Timestamp};
use atelier::server::account::{self, Credentials};
use atelier::server::clock::Clock;
use atelier::server::db::{Db, mint};
use atelier::server::gallery::{self, find, words};
use databases::{databases, new_database};
use secrecy::SecretString;
use std::io::{Write, stdout};
use std::time::{Duration, Instant};

const PROMPTS: i64 = 50_000;
const LIMIT: Duration = Duration::from_millis(300);
const ROUNDS: usize = 20;

/// What prompts are made of, in both languages.
const SUBJECTS: [&str; 8] = [
    "a lighthouse on a basalt cliff",
    "夕焼けの海に浮かぶ小さな舟",
    "an old cat asleep on a warm roof",
    "雪の降る路地と赤い提灯",
    "A GLASS GREENHOUSE AT NIGHT",
    "竹林の朝、霧の中の石段",
    "two astronauts playing chess",
    "ｶﾞﾗｽのビー玉を持つ手",
];
const MANNERS: [&str; 6] = [
    "long exposure, muted teal and rust, 35mm film, seen from a boat",
    "水彩画、淡い色、余白を多く",
    "studio light, macro, very sharp",
    "版画のように、太い線で",
    "isometric, paper craft, soft shadows",
    "逆光、望遠レンズ、浅い被写界深度",
];

/// From what nearly everything has to what nothing has.
const QUERIES: [&str; 8] = ["film", "海", "ガラス", "猫", "cat film", "夕焼け 水彩", "number 31337", "nothing like this"];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    for (name, cluster) in databases() {
        measure(name, &new_database(&cluster, folder.path()).await?).await?;
    }
    Ok(())
}

async fn measure(name: &str, url: &str) -> anyhow::Result<()> {
    let db = Db::connect(url).await.with_context(|| format!("opening {name}"))?;
    let now = Clock::System.now();
    let credentials =
        Credentials { email: "bench@example.com".to_owned(), password: SecretString::from("a lighthouse in the fog") };
    let person = account::sign_up(&db, &credentials, Credits(20), now).await?;
    fill(&db, &person, now).await?;
    for query in QUERIES {
        let filter = GalleryFilter { words: query.to_owned(), ..GalleryFilter::default() };
        let mut measured = Vec::with_capacity(ROUNDS);
        let mut found = 0;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let page = gallery::list(&db, &person, &filter, None, Lang::Ja).await?;
            (found, _) = find::count(&db, &person, &filter, Lang::Ja).await?;
            measured.push(began.elapsed());
            ensure!((found == 0) == page.items.is_empty(), "the count and the page agree");
        }
        measured.sort_unstable();
        let (half, most) = (measured[ROUNDS / 2], measured[ROUNDS * 95 / 100]);
        let verdict = if most <= LIMIT { "within" } else { "OVER" };
        writeln!(stdout().lock(), "{name:<11} “{query}”: {found} found, p50 {half:.1?}, p95 {most:.1?}, {verdict} {LIMIT:?}")?;
    }
    db.close().await;
    Ok(())
}

/// Fifty thousand pictures of one person, a minute apart. Nobody settles them.
async fn fill(db: &Db, person: &PersonId, now: Timestamp) -> anyhow::Result<()> {
    let mut tx = db.begin().await?;
    for n in 0..PROMPTS {
        let at = usize::try_from(n)?;
        let prompt = format!("{}, {}, number {n}", SUBJECTS[at % SUBJECTS.len()], MANNERS[at / 3 % MANNERS.len()]);
        let id = mint();
        sqlx::query(
            "insert into generation (id, owner_id, request_key, request_hash, model, prompt, aspect, count, input, unit_price, price,
                                     captured, state, run_at, deadline_at, created_at, updated_at)
             values ($1, $2, $1, '', 'black-forest-labs/flux-schnell', $3, '1:1', 1, '{}', 1, 1, 1, 'succeeded', 0, 0, $4, $4)",
        )
        .bind(&id)
        .bind(person)
        .bind(prompt)
        .bind(now.plus_ms(n * -60_000))
        .execute(tx.connection())
        .await?;
        sqlx::query(
            "insert into output (generation_id, place, object_key, content_type, bytes, sha256, width, height, color, thumbhash, created_at)
             values ($1, 0, $1, 'image/webp', 1, '', 64, 64, '#808080', '', 0)",
        )
        .bind(&id)
        .execute(tx.connection())
        .await?;
    }
    tx.commit().await?;
    ensure!(words::fill(db).await? == usize::try_from(PROMPTS)?, "every prompt is ready");
    // As the databases do by themselves after a while.
    sqlx::query("analyze").execute(db.pool()).await?;
    Ok(())
}
