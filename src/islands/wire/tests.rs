//! What serde writes on the server, the islands read.

use super::*;
use crate::components::samples;
use serde::Serialize;
use std::fmt::Debug;

fn is_read_back<T: Serialize + Read + PartialEq + Debug>(value: &T) {
    let written = serde_json::to_string(value).unwrap();
    assert_eq!(read::<T>(&written).as_ref(), Some(value), "{written}");
}

#[test]
fn every_phase_and_every_failure_arrives() {
    use Phase::{Canceled, Canceling, Delayed, Queued, Rendering, Saving, Starting, Succeeded};
    for phase in [Queued, Starting, Rendering, Saving, Canceling, Delayed, Succeeded, Canceled] {
        is_read_back(&phase);
    }
    for failure in Failure::ALL {
        is_read_back(&Phase::Failed(failure));
    }
}

#[test]
fn a_generation_and_a_balance_arrive_over_the_stream_whole() {
    is_read_back(&LiveState::Generation(Box::new(samples::succeeded(4))));
    let young = GenerationView { seed: None, started_at: None, finished_at: None, outputs: vec![], ..samples::succeeded(1) };
    is_read_back(&LiveState::Generation(Box::new(GenerationView { progress: Some(40), wait: Some(Wait::Turn(3)), ..young })));
    let reasons = [
        Wait::Turn(0),
        Wait::OwnLimit(10),
        Wait::ModelLimit,
        Wait::HouseLimit,
        Wait::Throttled,
        Wait::Retrying,
        Wait::Paused,
        Wait::Trouble,
    ];
    is_read_back(&LiveState::Queue(reasons.map(|wait| Waiting { id: GenerationId::trusted("g"), wait }).into()));
    is_read_back(&LiveState::Balance(samples::viewer(Lang::Ja).balance));
}

#[test]
fn a_parcel_arrives_whatever_was_typed() {
    let start = samples::start(Lang::Ja);
    let models = vec![ModelChoice {
        name: "a/b".into(),
        unit_price: Credits(3),
        rule: PriceRule::Second,
        max_count: 4,
        length: "input.duration".into(),
        seconds: 5,
        max_seconds: 10,
    }];
    let parcel = Parcel {
        composer: Some(ComposerStart { models, inside: String::new() }),
        usual: vec![UsualTime { model: ModelName::trusted("a/b"), says: "</script>\u{2028}\"霧\" 🗼\n&".into() }],
        generations: vec![samples::failed(Failure::Safety)],
        copy: "a prompt".into(),
        ..Parcel::new(start, samples::viewer(Lang::Ja).balance)
    };
    is_read_back(&parcel);
    assert_eq!(read::<Parcel>(&parcel.written()), Some(parcel.clone()));
    assert!(!parcel.written().contains('<'), "{}", parcel.written());
}

#[test]
fn a_word_of_another_version_is_not_guessed_at() {
    assert_eq!(read::<Phase>(r#""dreaming""#), None);
    assert_eq!(read::<LiveState>(r#"{"weather":1}"#), None);
    assert_eq!(read::<GenerationView>("{}"), None);
}
