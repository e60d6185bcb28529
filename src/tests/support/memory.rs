//! Databases by the hundred, for tests that live many lives: copies of one SQLite file that has its schema, where there is
//! no disk to wait for.

use super::variable;
use atelier::server::db::{Db, mint};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Where the copies are made.
pub struct Memory {
    dir: TempDir,
    template: PathBuf,
}

/// One copy.
pub struct Copied {
    pub db: Db,
    file: PathBuf,
}

impl Memory {
    pub async fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.expect("a directory");
        let template = dir.path().join("template.db");
        Db::connect(&url(&template)).await.expect("a database").close().await;
        Self { dir, template }
    }

    pub async fn database(&self) -> Copied {
        let file = self.dir.path().join(format!("{}.db", mint()));
        std::fs::copy(&self.template, &file).expect("a copy");
        Copied { db: Db::connect(&url(&file)).await.expect("a database"), file }
    }
}

impl Copied {
    pub async fn remove(self) {
        self.db.close().await;
        std::fs::remove_file(self.file).expect("its file");
    }
}

fn url(file: &Path) -> String {
    format!("sqlite://{}?mode=rwc", file.display())
}

/// Which seeds to live: `ATELIER_SEED` alone, or the first `ATELIER_SEEDS`, or as many as usual.
pub fn seeds(usual: u64) -> Vec<u64> {
    let number = |name| variable(name).map(|text| text.parse::<u64>().expect("a whole number"));
    match (number("ATELIER_SEED"), number("ATELIER_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, several) => (0..several.unwrap_or(usual)).collect(),
    }
}
