use super::*;
use crate::domain::{Credits, GenerationId, ModelName, PersonId, PredictionId};
use proptest::prelude::*;
use serde_json::json;

const NOW: Timestamp = Timestamp(1_000_000);

fn job(state: State) -> Job {
    Job {
        id: GenerationId::trusted("g"),
        owner_id: PersonId::trusted("p"),
        model: ModelName::trusted("owner/name"),
        model_version: None,
        endpoint: None,
        input: "{}".into(),
        count: 2,
        price_rule: PriceRule::Output,
        output_kind: OutputKind::Files,
        unit_price: Credits(3),
        price: Credits(6),
        captured: Credits::ZERO,
        state,
        run_at: NOW,
        deadline_at: NOW.plus_ms(900_000),
        lease_owner: Some("w".into()),
        lease_until: NOW.plus_ms(60_000),
        lease_epoch: 1,
        step_try: 0,
        lost_leases: 0,
        submit_seq: 1,
        submit_at: Some(NOW),
        reconciles: 0,
        paid_attempts: 0,
        given_up: 0,
        prediction_id: None,
        prediction_status: None,
        prediction_output: None,
        output_shape: None,
        output_text: None,
        logs: None,
        prediction_metrics: None,
        progress: None,
        output_until: None,
        cancel_requested_at: None,
        failure: None,
        failure_detail: None,
        created_at: NOW,
        started_at: None,
    }
}

fn prediction(value: serde_json::Value) -> Prediction {
    serde_json::from_value(value).expect("a prediction")
}

fn with_status(status: &str) -> Prediction {
    prediction(json!({"id": "abc", "status": status}))
}

fn succeeded() -> Prediction {
    prediction(
        json!({"id": "abc", "status": "succeeded", "output": ["https://replicate.delivery/a", "https://replicate.delivery/b"]}),
    )
}

fn canceled(job: Job) -> Job {
    Job { cancel_requested_at: Some(NOW), ..job }
}

#[test]
fn an_accepted_call_waits_without_a_lease() {
    let (next, effects) = step(&job(State::Submitting), Event::Submitted(Ok(with_status("starting"))), NOW);
    assert_eq!((next.state, next.lease_until, next.paid_attempts), (State::Waiting, Timestamp(0), 1));
    assert_eq!(next.prediction_id, Some(PredictionId::trusted("abc")));
    let prediction = Some(PredictionId::trusted("abc"));
    assert_eq!(
        effects,
        Effects { submission: Some(Submission::Accepted), prediction, lesson: Some(Lesson::Well), ..Effects::default() }
    );
}

#[test]
fn a_lost_answer_keeps_the_lease_and_is_looked_for_twice_before_another_is_bought() {
    let before = job(State::Submitting);
    let (lost, effects) = step(&before, Event::Submitted(Err(Error::Ambiguous("reset".into()))), NOW);
    assert_eq!((lost.state, lost.lease_until), (State::Submitting, before.lease_until));
    assert_eq!(effects.submission, Some(Submission::Ambiguous));
    assert_eq!(plan(&lost, Taken::Claimed, NOW), Action::Look);

    let (once, _) = step(&lost, Event::Looked(Ok(None)), NOW);
    assert_eq!((once.state, once.run_at), (State::Submitting, NOW.plus_ms(30_000)));
    let (twice, effects) = step(&once, Event::Looked(Ok(None)), NOW);
    assert_eq!((twice.state, effects.submission), (State::Queued, Some(Submission::GivenUp)));
    assert_eq!(effects.money, None);

    let (found, effects) = step(&once, Event::Looked(Ok(Some(with_status("processing")))), NOW);
    assert_eq!((found.state, found.paid_attempts, effects.submission), (State::Waiting, 1, Some(Submission::Found)));
}

#[test]
fn a_spent_budget_parks_instead_of_buying_a_third() {
    let before = Job { paid_attempts: 2, reconciles: 1, ..job(State::Submitting) };
    let (next, effects) = step(&before, Event::Looked(Ok(None)), NOW);
    assert_eq!((next.state, effects.money), (State::Parked, None));
}

#[test]
fn what_was_certainly_not_sent_is_queued_again_and_a_refused_input_ends_at_once() {
    let not_sent = || Event::Submitted(Err(Error::NotSent("refused".into())));
    let (next, effects) = step(&job(State::Submitting), not_sent(), NOW);
    assert_eq!((next.state, effects.submission), (State::Queued, Some(Submission::NotSent)));
    assert!(next.run_at > NOW);
    let (next, _) = step(&canceled(job(State::Submitting)), not_sent(), NOW);
    assert_eq!(next.state, State::Canceled);

    let throttled = Error::Throttled { retry_after: Duration::from_secs(7), detail: String::new() };
    let (next, effects) = step(&job(State::Submitting), Event::Submitted(Err(throttled)), NOW);
    assert_eq!((next.state, next.run_at, next.step_try), (State::Queued, NOW, 0));
    assert_eq!(effects.lesson, Some(Lesson::Throttled(NOW.plus_ms(7_000))), "the bucket waits, for everybody");

    let invalid = Error::Invalid { detail: "- input: prompt is required".into(), fields: Vec::new() };
    let (next, effects) = step(&job(State::Submitting), Event::Submitted(Err(invalid)), NOW);
    assert_eq!((next.state, next.failure, effects.money), (State::Failed, Some(Failure::InvalidInput), Some(Money::Release)));
}

#[test]
fn a_finished_run_is_stored_even_when_it_was_being_cancelled() {
    for state in [State::Waiting, State::Canceling] {
        let (next, effects) = step(&canceled(job(state)), Event::Seen(Ok(succeeded())), NOW);
        assert_eq!((next.state, effects.money), (State::Storing, None));
        assert_eq!(next.prediction_output.as_deref(), Some(r#"["https://replicate.delivery/a","https://replicate.delivery/b"]"#));
    }
}

#[test]
fn a_cancelled_run_is_cancelled_when_asked_and_timed_out_when_not() {
    for status in ["canceled", "aborted"] {
        let (next, effects) = step(&canceled(job(State::Canceling)), Event::Seen(Ok(with_status(status))), NOW);
        assert_eq!((next.state, effects.money), (State::Canceled, Some(Money::Release)));
        let (next, effects) = step(&job(State::Waiting), Event::Seen(Ok(with_status(status))), NOW);
        assert_eq!((next.state, next.failure, effects.money), (State::Failed, Some(Failure::Timeout), Some(Money::Release)));
    }
}

#[test]
fn a_wish_to_stop_or_the_deadline_turns_a_wait_into_a_cancel() {
    assert_eq!(plan(&canceled(job(State::Waiting)), Taken::Claimed, NOW), Action::Cancel);
    assert_eq!(plan(&job(State::Waiting), Taken::Claimed, NOW.plus_ms(900_000)), Action::Cancel);
    assert_eq!(plan(&job(State::Waiting), Taken::Claimed, NOW), Action::Poll);
    let (next, _) = step(&canceled(job(State::Waiting)), Event::Seen(Ok(with_status("processing"))), NOW);
    assert_eq!(next.state, State::Canceling);
}

#[test]
fn an_interrupted_run_is_bought_once_more_and_then_given_back() {
    let interrupted =
        || prediction(json!({"id": "abc", "status": "failed", "error": "Prediction interrupted; please retry (code: PA)"}));
    let before = Job { paid_attempts: 1, prediction_id: Some(PredictionId::trusted("abc")), ..job(State::Waiting) };
    let (next, effects) = step(&before, Event::Seen(Ok(interrupted())), NOW);
    assert_eq!((next.state, next.prediction_id, effects.money), (State::Queued, None, None));
    let spent = Job { paid_attempts: 2, ..before };
    let (next, effects) = step(&spent, Event::Seen(Ok(interrupted())), NOW);
    assert_eq!((next.failure, effects.money), (Some(Failure::ProviderBusy), Some(Money::Release)));
}

#[test]
fn what_was_kept_is_captured_and_the_rest_released() {
    let storing = job(State::Storing);
    let (all, effects) = step(&storing, Event::Stored(Stored { kept: 2, ..Stored::default() }), NOW);
    assert_eq!((all.state, all.captured, effects.money), (State::Succeeded, Credits(6), Some(Money::Capture(2))));
    let (some, effects) = step(&storing, Event::Stored(Stored { kept: 1, lost: 1, ..Stored::default() }), NOW);
    assert_eq!((some.state, some.captured, effects.money), (State::Succeeded, Credits(3), Some(Money::Capture(1))));
    let (none, effects) = step(&storing, Event::Stored(Stored { lost: 2, ..Stored::default() }), NOW);
    assert_eq!((none.failure, effects.money), (Some(Failure::OutputLost), Some(Money::Release)));
}

#[test]
fn a_damaged_file_is_fetched_eight_times_and_one_that_does_not_come_until_its_link_is_dead() {
    let damaged = || Event::Stored(Stored { damaged: 2, ..Stored::default() });
    let mut row = job(State::Storing);
    for _ in 1..FETCH_TRIES {
        row = step(&row, damaged(), NOW).0;
        assert_eq!(row.state, State::Storing);
    }
    let (next, effects) = step(&row, damaged(), NOW);
    assert_eq!((next.failure, effects.money), (Some(Failure::OutputLost), Some(Money::Release)));

    for store_away in [false, true] {
        let away = || Event::Stored(Stored { kept: 1, unfetched: 1, store_away, ..Stored::default() });
        let mut row = Job { output_until: Some(NOW.plus_ms(LINKS_LIVE_MS)), ..job(State::Storing) };
        for _ in 0..100 {
            row = step(&row, away(), NOW).0;
            assert_eq!(row.state, State::Storing);
        }
        let (next, effects) = step(&row, away(), NOW.plus_ms(LINKS_LIVE_MS));
        assert_eq!((next.state, effects.money), (State::Succeeded, Some(Money::Capture(1))));
    }
}

#[test]
fn rl_18_what_is_spooled_waits_for_the_store_past_its_links_and_its_deadline_as_long_as_there_is_patience() {
    let long_after = NOW.plus_ms(LINKS_LIVE_MS * 20);
    let waits = |kept, out_of_patience| {
        Event::Stored(Stored { kept, spooled: 1, store_away: true, out_of_patience, ..Stored::default() })
    };
    let mut row = Job { output_until: Some(NOW.plus_ms(LINKS_LIVE_MS)), ..job(State::Storing) };
    for _ in 0..100 {
        let (next, effects) = step(&row, waits(0, false), long_after);
        assert_eq!((next.state, effects.money), (State::Storing, None));
        let pause = next.run_at.since(long_after);
        assert!((1..=30_000).contains(&pause), "{pause} ms");
        row = next;
    }
    let (next, effects) = step(&row, Event::Stored(Stored { kept: 2, ..Stored::default() }), long_after);
    assert_eq!((next.state, effects.money), (State::Succeeded, Some(Money::Capture(2))));
    let (next, effects) = step(&row, waits(0, true), long_after);
    assert_eq!((next.failure, effects.money), (Some(Failure::Internal), Some(Money::Release)));
    let (next, effects) = step(&row, waits(1, true), long_after);
    assert_eq!((next.state, effects.money), (State::Succeeded, Some(Money::Capture(1))));
}

#[test]
fn what_is_spooled_is_waited_for_although_another_file_is_lost_or_damaged_for_good() {
    let spent = Job { step_try: FETCH_TRIES, ..job(State::Storing) };
    let partly = Stored { spooled: 1, damaged: 1, store_away: true, ..Stored::default() };
    assert_eq!(step(&spent, Event::Stored(partly), NOW).0.state, State::Storing);
    let (next, effects) = step(&spent, Event::Stored(Stored { kept: 1, damaged: 1, ..Stored::default() }), NOW);
    assert_eq!((next.state, effects.money), (State::Succeeded, Some(Money::Capture(1))));
}

#[test]
fn calls_that_bought_nothing_spend_no_budget() {
    let often_throttled = Job { submit_seq: 50, reconciles: 1, ..job(State::Submitting) };
    let (next, _) = step(&often_throttled, Event::Looked(Ok(None)), NOW);
    assert_eq!((next.state, next.given_up), (State::Queued, 1));
    let given_up_twice = Job { given_up: 2, ..often_throttled };
    assert_eq!(step(&given_up_twice, Event::Looked(Ok(None)), NOW).0.state, State::Parked);
}

#[test]
fn what_kills_its_workers_is_parked() {
    let poison = Job { lost_leases: LOST_LEASES, ..job(State::Waiting) };
    assert_eq!(plan(&poison, Taken::Claimed, NOW), Action::Park);
    assert_eq!(step(&poison, Event::Parked, NOW).0.state, State::Parked);
}

#[test]
fn what_was_lost_in_the_company_of_others_is_not_held_against_a_row_that_was_seen_through_since() {
    let unlucky = Job { lost_leases: LOST_LEASES - 1, ..job(State::Waiting) };
    assert_eq!(plan(&unlucky, Taken::Claimed, NOW), Action::Poll);
    let (next, _) = step(&unlucky, Event::Seen(Ok(with_status("processing"))), NOW);
    assert_eq!((next.state, next.lost_leases), (State::Waiting, 0));
}

fn own(state: State) -> Job {
    let prediction_id = (state != State::Submitting).then(|| cog::name_of(&GenerationId::trusted("g"), 1));
    Job { endpoint: Some("http://10.0.0.7:5000".into()), prediction_id, ..job(state) }
}

#[test]
fn a_server_of_our_own_is_never_asked_the_way_replicate_is() {
    for taken in [Taken::Admitted, Taken::Claimed] {
        assert_eq!(plan(&own(State::Submitting), taken, NOW), Action::Begin, "nothing was sent, whoever has it");
        assert_eq!(plan(&own(State::Waiting), taken, NOW), Action::Run);
        assert_eq!(plan(&canceled(own(State::Waiting)), taken, NOW), Action::Cancel);
    }
    let (next, effects) = step(&own(State::Submitting), Event::Begun, NOW);
    assert_eq!(next.prediction_id.as_ref().map(PredictionId::as_str), Some("cog-g-1"));
    assert_eq!((next.state, effects.submission, effects.money), (State::Waiting, Some(Submission::Accepted), None));
    assert_eq!(effects.prediction, next.prediction_id);
}

#[test]
fn a_server_that_is_not_free_costs_no_attempt_and_is_asked_again_soon() {
    let row = Job { step_try: 9, ..own(State::Waiting) };
    let (next, effects) = step(&row, Event::Ran(Err(NotRun::Later("409".into()))), NOW);
    assert_eq!((next.state, next.paid_attempts, next.prediction_id, effects.money), (State::Queued, 0, None, None));
    assert!(next.run_at > NOW && next.run_at <= NOW.plus_ms(10_000) && next.step_try == 10);
    assert_eq!(effects.lesson, None, "it says nothing about Replicate");
    let (next, effects) = step(&canceled(row), Event::Ran(Err(NotRun::Later("409".into()))), NOW);
    assert_eq!((next.state, effects.money), (State::Canceled, Some(Money::Release)));
}

#[test]
fn a_run_that_breaks_off_is_tried_twice_and_given_back() {
    let crashed = prediction(json!({"id": "abc", "status": "failed", "error": "Worker crashed"}));
    for broken in [Err(NotRun::Lost("reset".into())), Ok(crashed), Ok(with_status("canceled"))] {
        let (next, effects) = step(&own(State::Waiting), Event::Ran(broken.as_ref().map_err(Clone::clone).cloned()), NOW);
        assert_eq!((next.state, next.paid_attempts, effects.money), (State::Queued, 1, None), "{broken:?}");
        let again = Job { paid_attempts: 1, ..own(State::Waiting) };
        let (next, effects) = step(&again, Event::Ran(broken.as_ref().map_err(Clone::clone).cloned()), NOW);
        assert_eq!((next.failure, effects.money), (Some(Failure::ProviderBusy), Some(Money::Release)), "{broken:?}");
    }
}

#[test]
fn a_run_that_was_stopped_gives_everything_back_and_one_that_was_faster_is_delivered() {
    let (next, effects) = step(&canceled(own(State::Waiting)), Event::Ran(Err(NotRun::Stopped)), NOW);
    assert_eq!((next.state, effects.money), (State::Canceled, Some(Money::Release)));
    let (next, effects) = step(&own(State::Waiting), Event::Ran(Err(NotRun::Stopped)), NOW);
    assert_eq!((next.failure, effects.money), (Some(Failure::Timeout), Some(Money::Release)));
    let (next, _) = step(&canceled(own(State::Waiting)), Event::Ran(Ok(succeeded())), NOW);
    assert_eq!(next.state, State::Storing);
}

#[test]
fn a_file_that_came_inside_of_an_answer_does_not_stay_in_the_row() {
    let inline = prediction(json!({"id": "abc", "status": "succeeded", "output": ["data:image/png;base64,AA=="]}));
    let (storing, _) = step(&own(State::Waiting), Event::Ran(Ok(inline)), NOW);
    assert!(storing.prediction_output.as_ref().is_some_and(|links| links.contains("base64")));
    let (done, _) = step(&storing, Event::Stored(Stored { kept: 1, ..Stored::default() }), NOW);
    assert_eq!((done.state, done.prediction_output), (State::Succeeded, None));
}

fn any_event() -> impl Strategy<Value = Event> {
    let statuses = ["starting", "processing", "succeeded", "failed", "canceled", "aborted", "successful"];
    let answer = || {
        prop_oneof![
            (0..statuses.len()).prop_map(move |at| Ok(with_status(statuses[at]))),
            Just(()).prop_map(|()| Ok(succeeded())),
            Just(()).prop_map(|()| Err(Error::Ambiguous(String::new()))),
            Just(()).prop_map(|()| Err(Error::NotSent(String::new()))),
            Just(()).prop_map(|()| Err(Error::Unavailable(String::new()))),
            Just(()).prop_map(|()| Err(Error::NotFound { detail: String::new() })),
            Just(()).prop_map(|()| Err(Error::Account { status: 402, detail: String::new() })),
        ]
    };
    prop_oneof![
        answer().prop_map(Event::Submitted),
        answer().prop_map(|answer| Event::Looked(answer.map(Some))),
        Just(()).prop_map(|()| Event::Looked(Ok(None))),
        answer().prop_map(Event::Seen),
        Just(()).prop_map(|()| Event::SentTooLate),
        Just(()).prop_map(|()| Event::Begun),
        Just(()).prop_map(|()| Event::Running),
        (0..ends().len()).prop_map(|at| Event::Ran(ends().swap_remove(at))),
        Just(()).prop_map(|()| Event::NotReady("the store is away".to_owned())),
        ([0_i64..3, 0..3, 0..3, 0..3, 0..3], any::<bool>(), any::<bool>()).prop_map(|(counts, store_away, out_of_patience)| {
            let [kept, lost, unfetched, damaged, spooled] = counts;
            Event::Stored(Stored {
                kept,
                files: Vec::new(),
                lost,
                unfetched,
                damaged,
                spooled,
                seconds: None,
                store_away,
                out_of_patience,
                detail: None,
            })
        }),
    ]
}

/// How a run on a server of our own can end.
fn ends() -> Vec<Result<Prediction, NotRun>> {
    let why = String::new;
    vec![
        Ok(succeeded()),
        Ok(with_status("failed")),
        Ok(with_status("canceled")),
        Ok(prediction(json!({"id": "abc", "status": "failed", "error": "Worker crashed"}))),
        Err(NotRun::Later(why())),
        Err(NotRun::Refused(why())),
        Err(NotRun::Lost(why())),
        Err(NotRun::Unusable(why())),
        Err(NotRun::Stopped),
    ]
}

/// The events that can happen in a state.
fn fits(state: State, event: &Event) -> bool {
    match event {
        Event::Submitted(_) | Event::SentTooLate | Event::NotReady(_) | Event::Looked(_) | Event::Begun => {
            state == State::Submitting
        }
        Event::Running | Event::Ran(_) => state == State::Waiting,
        Event::Seen(_) => matches!(state, State::Waiting | State::Canceling),
        Event::Stored(_) => state == State::Storing,
        Event::Parked => !state.is_terminal(),
    }
}

#[test]
fn what_a_model_prints_is_kept_to_its_end_and_forgotten_with_a_run_that_is_made_again() {
    let told = |value: serde_json::Value| Event::Seen(Ok(serde_json::from_value(value).expect("a prediction")));
    let running = Job { prediction_id: Some(PredictionId::trusted("p")), paid_attempts: 1, ..job(State::Waiting) };
    let line = "é".repeat(1_000);
    let logs = vec![line.as_str(); 100].join("\n");
    let (next, _) = step(&running, told(json!({"id": "p", "status": "processing", "logs": logs})), NOW);
    let kept = next.logs.clone().expect("logs");
    assert!(kept.len() <= MOST_LOGS && kept.len() > MOST_LOGS - 2_100 && logs.ends_with(&kept), "{}", kept.len());
    assert!(kept.split('\n').all(|kept| kept == line), "it begins with a whole line");
    let (silent, _) = step(&next, told(json!({"id": "p", "status": "processing", "logs": null})), NOW);
    assert_eq!(silent.logs, next.logs, "an answer that leaves them out says nothing about them");
    let interrupted = json!({"id": "p", "status": "failed", "error": "Prediction interrupted; please retry (code: PA)"});
    let (again, _) = step(&next, told(interrupted), NOW);
    assert_eq!((again.state, again.logs), (State::Queued, None));
}

proptest! {
    #[test]
    fn cr_13_what_is_captured_fits_and_is_never_more_than_was_held(
        unit_price in 1..=i64::MAX, kept in 1..=i64::MAX, price in 1..=i64::MAX,
    ) {
        let storing = Job { count: i64::MAX, unit_price: Credits(unit_price), price: Credits(price), ..job(State::Storing) };
        let (done, _) = step(&storing, Event::Stored(Stored { kept, ..Stored::default() }), NOW);
        let exact = (i128::from(unit_price) * i128::from(kept)).min(i128::from(price));
        prop_assert_eq!(i128::from(done.captured.0), exact);
    }

    #[test]
    fn every_step_is_a_legal_one_and_an_end_has_its_money_and_nothing_else_has(
        events in proptest::collection::vec(any_event(), 1..40), cancel in any::<bool>(), late in 0_i64..8_000_000,
    ) {
        let mut row = job(State::Submitting);
        if cancel { row = canceled(row); }
        for event in events {
            if row.state == State::Queued { row.state = State::Submitting; row.submit_seq += 1; }
            if !fits(row.state, &event) { continue; }
            let (next, effects) = step(&row, event, NOW.plus_ms(late));
            prop_assert!(row.state.may_become(next.state), "{:?} -> {:?}", row.state, next.state);
            prop_assert_eq!(next.state.is_terminal(), effects.money.is_some());
            prop_assert_eq!(next.state == State::Succeeded, matches!(effects.money, Some(Money::Capture(kept)) if kept > 0));
            prop_assert_eq!(next.state == State::Failed, next.failure.is_some());
            prop_assert!(next.captured <= next.price);
            if next.state.is_terminal() { break; }
            row = next;
        }
    }
}
