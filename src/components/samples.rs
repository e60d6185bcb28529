//! Data for the rendering tests of components and pages.

use crate::domain::{
    AspectRatio, BalanceView, Credits, Failure, GenerationId, GenerationView, Lang, ModelName, OutputKind, OutputView, Phase,
    PriceRule, Receipt, RequestKey, Theme, Timestamp, Typing, Viewer,
};
use crate::islands::{LiveStart, Parcel};

/// 22 November 2026, 14:05:09 UTC.
pub const NOW: Timestamp = Timestamp(1_795_356_309_000);

pub fn viewer(lang: Lang) -> Viewer {
    Viewer {
        email: Some("mika@example.com".into()),
        balance: BalanceView { version: 1, posted: Credits(124), held: Credits(8) },
        pictures: 1_284,
        low: false,
        lang,
        theme: Theme::System,
        typing: Typing::default(),
        path: "/gallery".into(),
        sandbox: false,
        cursor: NOW,
    }
}

pub fn start(lang: Lang) -> LiveStart {
    LiveStart { session: "s".into(), cursor: NOW, lang }
}

pub fn parcel(lang: Lang) -> Parcel {
    Parcel::new(start(lang), viewer(lang).balance)
}

pub fn succeeded(count: i64) -> GenerationView {
    let output = |index: i64| OutputView {
        index,
        url: format!("/files/g/{index}.png"),
        small: format!("/files/g/{index}.small.webp"),
        large: format!("/files/g/{index}.large.webp"),
        width: 1216,
        height: 832,
        bytes: 1_400_000,
        content_type: "image/png".into(),
        sha256: "9f2c".repeat(16),
        color: "#3a5060".into(),
        thumbhash: String::new(),
        duration_ms: None,
    };
    GenerationView {
        id: GenerationId::trusted("0193b1e4-7c1f-7000-8000-000000000001"),
        request_key: RequestKey::trusted("k"),
        version: 3,
        phase: Phase::Succeeded,
        prompt: "A lighthouse on a basalt cliff at dusk".into(),
        model: ModelName::trusted("black-forest-labs/flux-schnell"),
        model_label: "FLUX schnell".into(),
        aspect: AspectRatio::Landscape,
        count,
        price_rule: PriceRule::Output,
        kind: OutputKind::Files,
        text: None,
        seed: Some(18_442_031),
        price: Credits(count),
        captured: Credits(count),
        progress: None,
        wait: None,
        created_at: NOW.plus_ms(-60_000),
        started_at: Some(NOW.plus_ms(-58_000)),
        finished_at: Some(NOW.plus_ms(-51_200)),
        outputs: (0..count).map(output).collect(),
    }
}

pub fn failed(failure: Failure) -> GenerationView {
    GenerationView { phase: Phase::Failed(failure), captured: Credits::ZERO, outputs: Vec::new(), ..succeeded(4) }
}

pub fn receipt(generation: GenerationView) -> Receipt {
    Receipt {
        generation,
        version: Some("7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc".into()),
        license_url: None,
        input: serde_json::Map::new(),
        references: Vec::new(),
        unit_price: Credits(1),
        steps: Vec::new(),
        times: None,
        parent: None,
        upstream: None,
    }
}
