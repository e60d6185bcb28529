//! What many do at the same moment, done once: they hand in their items, one of them carries out all that wait, and each is
//! told what came of its own. Nobody waits for company: whoever comes while nothing is under way starts at once, and what
//! comes meanwhile is the next batch.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedMutexGuard, oneshot};
use tokio::task::yield_now;

/// Where items wait. Cheap to clone; the clones share it.
#[derive(Debug)]
pub(super) struct Together<I, O> {
    waiting: Arc<Mutex<Vec<Waiting<I, O>>>>,
    turn: Arc<tokio::sync::Mutex<()>>,
    at_once: usize,
}

#[derive(Debug)]
struct Waiting<I, O> {
    item: I,
    tell: oneshot::Sender<O>,
}

/// Items to carry out now. While it is there no other batch is begun; dropped without an answer, it was not carried out as
/// far as anybody knows.
#[derive(Debug)]
pub(super) struct Batch<I, O> {
    items: Vec<I>,
    tells: Vec<oneshot::Sender<O>>,
    _turn: OwnedMutexGuard<()>,
}

/// Somebody's place, from handing in to being told.
#[derive(Debug)]
pub(super) struct Place<'a, I, O> {
    together: &'a Together<I, O>,
    told: oneshot::Receiver<O>,
}

/// What whoever waits comes to.
#[derive(Debug)]
pub(super) enum Turn<I, O> {
    /// It was carried out. `None`: whoever had it in hand was stopped, and nothing is known of it.
    Over(Option<O>),
    /// Nobody is at it: this batch is to be carried out, their own item in it or still behind it.
    Mine(Batch<I, O>),
}

impl<I, O> Together<I, O> {
    /// A place where at most so many are carried out at once.
    pub fn new(at_once: usize) -> Self {
        Self { waiting: Arc::default(), turn: Arc::default(), at_once }
    }

    /// Hands in an item.
    pub fn hand_in(&self, item: I) -> Place<'_, I, O> {
        let (tell, told) = oneshot::channel();
        self.waiting().push(Waiting { item, tell });
        Place { together: self, told }
    }

    fn batch(&self, turn: OwnedMutexGuard<()>) -> Batch<I, O> {
        let mut waiting = self.waiting();
        // Whoever has gone is not waited for, and nothing happens in their name that they would not hear of.
        waiting.retain(|waiting| !waiting.tell.is_closed());
        let many = waiting.len().min(self.at_once);
        let (items, tells) = waiting.drain(..many).map(|Waiting { item, tell }| (item, tell)).unzip();
        Batch { items, tells, _turn: turn }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting<I, O>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I, O> Place<'_, I, O> {
    /// Waits for what comes next; asked again until it is over.
    pub async fn turn(&mut self) -> Turn<I, O> {
        tokio::select! {
            biased;
            answer = &mut self.told => Turn::Over(answer.ok()),
            turn = Arc::clone(&self.together.turn).lock_owned() => {
                // Whoever is about to hand in at this very moment is let in.
                yield_now().await;
                Turn::Mine(self.together.batch(turn))
            }
        }
    }
}

impl<I, O> Clone for Together<I, O> {
    fn clone(&self) -> Self {
        Self { waiting: Arc::clone(&self.waiting), turn: Arc::clone(&self.turn), at_once: self.at_once }
    }
}

impl<I, O> Batch<I, O> {
    /// What is to be carried out, in the order in which it was handed in.
    pub fn items(&self) -> &[I] {
        &self.items
    }

    /// Tells each what came of its item; in the order of the items.
    pub fn answer(self, answers: impl IntoIterator<Item = O>) {
        for (answer, tell) in answers.into_iter().zip(self.tells) {
            // Whoever asked may have stopped waiting.
            let _ = tell.send(answer);
        }
    }
}

/// What whoever waited is told when nothing is known of its item.
pub(super) fn stopped() -> sqlx::Error {
    let cause = "whoever wrote this down together with what was theirs was stopped";
    sqlx::Error::Io(io::Error::new(io::ErrorKind::Interrupted, cause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::{join_all, poll_immediate};
    use std::pin::pin;
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn what_comes_at_one_moment_is_a_batch_and_the_rest_is_the_next_one() {
        let together = Together::<u32, (u32, usize)>::new(3);
        let gate = Semaphore::new(0);
        let hand_in = async |number: u32| {
            let mut place = together.hand_in(number);
            loop {
                match place.turn().await {
                    Turn::Over(answer) => return answer,
                    Turn::Mine(batch) => {
                        gate.acquire().await.expect("open").forget();
                        let answers: Vec<_> = batch.items().iter().map(|item| (item * 10, batch.items().len())).collect();
                        batch.answer(answers);
                    }
                }
            }
        };
        let mut all = pin!(join_all((1..=5).map(hand_in)));
        assert!(poll_immediate(&mut all).await.is_none(), "the first batch waits at the gate");
        gate.add_permits(2);
        let told: Vec<_> = all.await.into_iter().flatten().collect();
        assert_eq!(told, [(10, 3), (20, 3), (30, 3), (40, 2), (50, 2)], "each its own answer, and at most three at once");
    }

    #[tokio::test]
    async fn whoever_was_stopped_in_the_middle_keeps_nobody_waiting() {
        let together = Together::<u32, u32>::new(8);
        {
            let mut stopped = together.hand_in(1);
            let Turn::Mine(batch) = stopped.turn().await else { panic!("nobody else is at it") };
            let mut beside = together.hand_in(2);
            assert!(poll_immediate(pin!(beside.turn())).await.is_none(), "it is not its turn");
            drop(batch);
            assert!(matches!(stopped.turn().await, Turn::Over(None)), "nothing is known of it");
            assert!(matches!(beside.turn().await, Turn::Mine(_)), "and the next one goes on");
        }
        drop(together.hand_in(9));
        let mut later = together.hand_in(3);
        let Turn::Mine(batch) = later.turn().await else { panic!("the turn is free again") };
        assert_eq!(batch.items(), [3], "without the one who has gone");
        batch.answer([3]);
        assert!(matches!(later.turn().await, Turn::Over(Some(3))));
    }
}
