//! What the browser knows of a person's generations: plain data and the rule about whom to believe.
//!
//! A state is believed only if its version is newer, and an end is never taken back, so repeats and reordering are
//! harmless. A card is found by its request key: the browser shows it before the server has given it an id, and it stays
//! the same card to the end.

use crate::domain::{
    AspectRatio, Credits, GenerationId, GenerationView, ModelName, OutputKind, Phase, PriceRule, RequestKey, Timestamp, Waiting,
};

/// How far the browser's own part has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// The press is on its way; the server has not answered.
    Submitting,
    /// No answer came. The fields as they were sent: sending them again under the same key is the same press.
    Unsent(String),
    /// The server has it; the view is its word.
    Known,
    /// The server has it, and was just asked to stop it.
    Stopping,
}

/// One generation on the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// The browser's part.
    pub stage: Stage,
    /// The server's part; until the first answer, what was asked for.
    pub view: GenerationView,
    /// The last phase that was said aloud, so that nothing is said twice.
    told: &'static str,
}

impl Card {
    /// A card for what the server said.
    pub fn known(view: GenerationView) -> Self {
        Self { stage: Stage::Known, told: view.phase.as_str(), view }
    }

    /// A card for a press, before any answer.
    pub fn pressed(
        request_key: RequestKey,
        prompt: String,
        aspect: AspectRatio,
        count: i64,
        price: Credits,
        at: Timestamp,
    ) -> Self {
        let view = GenerationView {
            id: GenerationId::trusted(""),
            request_key,
            version: -1,
            phase: Phase::Queued,
            prompt,
            model: ModelName::trusted(""),
            model_label: String::new(),
            aspect,
            count,
            price_rule: PriceRule::Output,
            kind: OutputKind::Files,
            text: None,
            seed: None,
            price,
            captured: Credits::ZERO,
            progress: None,
            wait: None,
            created_at: at,
            started_at: None,
            finished_at: None,
            outputs: Vec::new(),
        };
        Self { stage: Stage::Submitting, told: "", view }
    }

    /// The word for `data-state`, for styles and tests.
    pub fn state(&self) -> &'static str {
        match (&self.stage, self.view.phase) {
            (Stage::Submitting, _) => "submitting",
            (Stage::Unsent(_), _) => "unsent",
            (Stage::Stopping, phase) if !phase.is_terminal() => "canceling",
            _ if self.view.is_partial() => "partial",
            (_, phase) => phase.as_str(),
        }
    }

    /// What people see of it.
    pub fn phase(&self) -> Phase {
        match self.stage {
            Stage::Stopping if !self.view.phase.is_terminal() => Phase::Canceling,
            _ => self.view.phase,
        }
    }

    /// Whether it can still be stopped.
    pub fn can_stop(&self) -> bool {
        self.stage == Stage::Known
            && matches!(self.view.phase, Phase::Queued | Phase::Starting | Phase::Rendering | Phase::Delayed)
    }

    /// Whether the server is at work on it.
    pub fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Known | Stage::Stopping) && !self.view.phase.is_terminal()
    }

    /// Tenths of a second from the model's start (or the press) to the end, or to `now` while it lasts.
    pub fn tenths(&self, now: Timestamp) -> i64 {
        let from = self.view.started_at.unwrap_or(self.view.created_at);
        self.view.finished_at.unwrap_or(now).since(from).max(0) / 100
    }
}

/// All cards of a page, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cards {
    list: Vec<Card>,
}

impl Cards {
    /// The cards, newest first.
    pub fn list(&self) -> &[Card] {
        &self.list
    }

    /// The card of a press.
    pub fn find(&self, key: &RequestKey) -> Option<&Card> {
        self.list.iter().find(|card| card.view.request_key == *key)
    }

    /// How many the server is at work on.
    pub fn running(&self) -> usize {
        self.list.iter().filter(|card| card.is_running()).count()
    }

    /// Shows a press at once. A second press under the same key is the first one, sent again.
    pub fn press(&mut self, card: Card) {
        match self.position(&card.view.request_key) {
            Some(at) if self.list[at].view.version < 0 => self.list[at] = card,
            Some(_) => {}
            None => self.list.insert(0, card),
        }
    }

    /// Changes the browser's part of a card, while the server's word is not final.
    pub fn set_stage(&mut self, key: &RequestKey, stage: Stage) {
        if let Some(at) = self.position(key) {
            // An answer may have come over the stream before the request itself was found lost.
            let known = self.list[at].view.version >= 0;
            let wants_known = matches!(stage, Stage::Known | Stage::Stopping);
            if known == wants_known {
                self.list[at].stage = stage;
            }
        }
    }

    /// Takes back a press that the server refused.
    pub fn take_back(&mut self, key: &RequestKey) {
        self.list.retain(|card| card.view.request_key != *key || card.view.version >= 0);
    }

    /// Believes a state if it is newer than what is shown. `rendered` is when the server read the page's data: what ended
    /// before it stands elsewhere on the page already. Answers the card when there is something to say aloud: it began to
    /// render, or it ended; each once.
    pub fn apply(&mut self, view: GenerationView, rendered: Timestamp) -> Option<&Card> {
        let Some(at) = self.position(&view.request_key) else {
            let ended_before = view.phase.is_terminal() && view.finished_at.is_none_or(|at| at <= rendered);
            if !ended_before {
                let place = self.list.partition_point(|card| card.view.created_at >= view.created_at);
                self.list.insert(place, Card::known(view));
            }
            return None;
        };
        let shown = &mut self.list[at];
        let final_word = shown.view.phase.is_terminal();
        if view.version <= shown.view.version || (final_word && !view.phase.is_terminal()) {
            return None;
        }
        if shown.stage != Stage::Stopping || view.phase.is_terminal() {
            shown.stage = Stage::Known;
        }
        let word = view.phase.as_str();
        let news = (view.phase == Phase::Rendering || view.phase.is_terminal()) && shown.told != word;
        shown.view = view;
        news.then(|| {
            shown.told = word;
            &*shown
        })
    }

    /// Takes over what the queued ones wait for.
    pub fn wait(&mut self, waiting: &[Waiting]) {
        for card in self.list.iter_mut().filter(|card| card.view.is_queued()) {
            if let Some(told) = waiting.iter().find(|told| told.id == card.view.id) {
                card.view.wait = Some(told.wait);
            }
        }
    }

    fn position(&self, key: &RequestKey) -> Option<usize> {
        self.list.iter().position(|card| card.view.request_key == *key)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::Failure;

    const RENDERED: Timestamp = Timestamp(1_000);

    pub(crate) fn view(key: &str, version: i64, phase: Phase) -> GenerationView {
        let card = Card::pressed(
            RequestKey::trusted(key),
            "a lighthouse".into(),
            AspectRatio::Landscape,
            2,
            Credits(4),
            Timestamp(2_000),
        );
        let finished_at = phase.is_terminal().then_some(Timestamp(9_000));
        GenerationView { id: GenerationId::trusted(format!("id-{key}")), version, phase, finished_at, ..card.view }
    }

    fn pressed(key: &str) -> Card {
        Card::pressed(RequestKey::trusted(key), "a lighthouse".into(), AspectRatio::Landscape, 2, Credits(4), Timestamp(2_000))
    }

    /// Calls `each` with every order of the numbers below `n`.
    fn orders(n: usize, chosen: &mut Vec<usize>, each: &mut impl FnMut(&[usize])) {
        if chosen.len() == n {
            return each(chosen);
        }
        for next in 0..n {
            if !chosen.contains(&next) {
                chosen.push(next);
                orders(n, chosen, each);
                chosen.pop();
            }
        }
    }

    #[test]
    fn in_whatever_order_a_life_is_heard_its_end_is_shown_and_never_taken_back() {
        let life = [Phase::Queued, Phase::Starting, Phase::Rendering, Phase::Saving, Phase::Succeeded];
        let mut heard = 0;
        orders(life.len(), &mut Vec::new(), &mut |order| {
            let mut cards = Cards::default();
            cards.press(pressed("k"));
            let mut ended = false;
            for &at in order {
                cards.apply(view("k", i64::try_from(at).expect("small"), life[at]), RENDERED);
                let shown = &cards.list()[0];
                ended |= life[at].is_terminal();
                assert_eq!(shown.view.phase.is_terminal(), ended, "{order:?}");
            }
            assert_eq!(cards.list().len(), 1);
            assert_eq!(cards.list()[0].state(), "partial");
            heard += 1;
        });
        assert_eq!(heard, 120);
    }

    #[test]
    fn an_end_stands_even_against_a_higher_version() {
        let mut cards = Cards::default();
        cards.apply(view("k", 5, Phase::Failed(Failure::Timeout)), RENDERED);
        assert_eq!(cards.apply(view("k", 9, Phase::Rendering), RENDERED), None);
        assert_eq!(cards.list()[0].state(), "failed");
    }

    #[test]
    fn the_answer_to_a_press_is_the_same_card_and_a_repeat_changes_nothing() {
        let mut cards = Cards::default();
        cards.press(pressed("older"));
        cards.press(pressed("k"));
        assert_eq!(cards.list()[0].state(), "submitting");
        cards.apply(view("k", 1, Phase::Queued), RENDERED);
        assert_eq!(cards.list()[0].state(), "queued");
        cards.apply(view("k", 1, Phase::Starting), RENDERED);
        cards.press(pressed("k"));
        assert_eq!((cards.list().len(), cards.list()[0].state()), (2, "queued"));
    }

    #[test]
    fn what_ended_before_the_page_was_made_is_not_shown_twice() {
        let mut cards = Cards::default();
        cards.apply(view("old", 3, Phase::Succeeded), Timestamp(9_000));
        assert!(cards.list().is_empty());
        cards.apply(view("new", 3, Phase::Succeeded), Timestamp(8_999));
        assert_eq!(cards.list().len(), 1);
    }

    #[test]
    fn a_press_that_got_lost_can_be_sent_again_unless_the_stream_knows_better() {
        let mut cards = Cards::default();
        let key = RequestKey::trusted("k");
        cards.press(pressed("k"));
        cards.set_stage(&key, Stage::Unsent("prompt=x".into()));
        assert_eq!(cards.list()[0].state(), "unsent");
        cards.apply(view("k", 0, Phase::Starting), RENDERED);
        cards.set_stage(&key, Stage::Unsent("prompt=x".into()));
        assert_eq!(cards.list()[0].state(), "starting");
        cards.take_back(&key);
        assert_eq!(cards.list().len(), 1, "what the server has is not taken back");
    }

    #[test]
    fn rendering_and_the_end_are_said_once_each() {
        let mut cards = Cards::default();
        cards.press(pressed("k"));
        let life = [
            Phase::Queued,
            Phase::Rendering,
            Phase::Rendering,
            Phase::Starting,
            Phase::Rendering,
            Phase::Saving,
            Phase::Canceled,
        ];
        let said: Vec<bool> =
            (1..).zip(life).map(|(version, phase)| cards.apply(view("k", version, phase), RENDERED).is_some()).collect();
        assert_eq!(said, [false, true, false, false, false, false, true]);
    }

    #[test]
    fn asking_to_stop_shows_until_the_server_has_the_last_word() {
        let mut cards = Cards::default();
        cards.apply(view("k", 1, Phase::Rendering), RENDERED);
        assert!(cards.list()[0].can_stop());
        cards.set_stage(&RequestKey::trusted("k"), Stage::Stopping);
        cards.apply(view("k", 2, Phase::Rendering), RENDERED);
        assert_eq!((cards.list()[0].state(), cards.list()[0].can_stop()), ("canceling", false));
        cards.apply(view("k", 3, Phase::Canceled), RENDERED);
        assert_eq!(cards.list()[0].state(), "canceled");
    }
}
