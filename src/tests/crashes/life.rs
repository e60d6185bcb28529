//! Processes that die where they are told to, and what they came to until then.

use crate::support::TestApp;
use atelier::server::crash::{Doom, Point, doomed};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, mpsc};

/// One process: what it comes to, and where it dies.
pub struct Life {
    doom: Doom,
    seen: Arc<Mutex<Vec<Point>>>,
    died: Arc<Notify>,
    /// Ends when nothing of it is left.
    gone: mpsc::Receiver<Infallible>,
}

impl Life {
    /// Dies at its visit number `dies_at`, counted from one; `None` lives for ever.
    pub fn new(dies_at: Option<usize>) -> Self {
        let (alive, gone) = mpsc::channel(1);
        let (seen, died) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
        let (saw, knell) = (seen.clone(), died.clone());
        let doom = move |here| {
            let _alive = &alive;
            let mut saw = saw.lock().expect("nobody panics here");
            saw.push(here);
            let dead = dies_at.is_some_and(|at| saw.len() >= at);
            if dead {
                knell.notify_one();
            }
            dead
        };
        Self { doom: Arc::new(doom), seen, died, gone }
    }

    /// What `work` comes to; `None` when the process dies of it.
    pub async fn live<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = doomed(self.doom.clone(), work) => Some(done),
            () = self.died.notified() => None,
        }
    }

    /// Waits until every step of it is dropped; the points it came to.
    pub async fn end(self) -> Vec<Point> {
        let Self { doom, seen, mut gone, .. } = self;
        drop(doom);
        assert!(gone.recv().await.is_none());
        let seen = seen.lock().expect("nobody panics here");
        seen.clone()
    }
}

/// The processes of one schedule.
pub struct Company {
    deaths: Vec<usize>,
    lives: Vec<Vec<Point>>,
    /// The one that lives.
    pub life: Life,
}

impl Company {
    /// The first process dies at its visit `deaths[0]`, the next at `deaths[1]`, the last one lives.
    pub fn new(deaths: &[usize]) -> Self {
        Self { deaths: deaths.to_vec(), lives: Vec::new(), life: Life::new(deaths.first().copied()) }
    }

    /// Where each of the dead died.
    pub fn died_at(&self) -> Vec<Point> {
        self.lives.iter().filter_map(|seen| seen.last().copied()).collect()
    }

    /// Everything is over; what each of them came to.
    pub async fn end(self) -> Vec<Vec<Point>> {
        let Self { mut lives, life, .. } = self;
        lives.push(life.end().await);
        lives
    }

    /// Buries the one that died and starts the next.
    pub async fn next(&mut self, app: &TestApp) {
        let dies_at = self.deaths.get(self.lives.len() + 1).copied();
        let dead = std::mem::replace(&mut self.life, Life::new(dies_at));
        self.lives.push(dead.end().await);
        app.quiet().await;
    }
}
