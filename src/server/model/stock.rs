//! The default set: what a new house offers. An entry is put in once; from then on it is the operator's, and no start of
//! the product changes it again.
//!
//! A credit is about a third of a cent of what Replicate asked for these models when the prices were set; whoever runs a
//! house sets their own. The schemas are those of the sandbox's models, which stand for the real ones.

use crate::domain::{PriceRule, Task, Timestamp};
use crate::server::db::Db;
use crate::server::sandbox;

/// An entry of the set.
struct Default {
    name: &'static str,
    /// English, Japanese.
    label: [&'static str; 2],
    description: [&'static str; 2],
    task: Task,
    rule: PriceRule,
    unit_price: i64,
    max_count: i64,
    license_url: Option<&'static str>,
}

const fn picture(
    name: &'static str,
    label: &'static str,
    unit_price: i64,
    max_count: i64,
    description: [&'static str; 2],
) -> Default {
    let (task, rule) = (Task::Image, PriceRule::Output);
    Default { name, label: [label, label], description, task, rule, unit_price, max_count, license_url: None }
}

/// In the order of the catalogue; the first is what the composer begins with.
const SET: [Default; 14] = [
    Default {
        license_url: Some("https://www.apache.org/licenses/LICENSE-2.0"),
        ..picture(
            "black-forest-labs/flux-schnell",
            "FLUX schnell",
            1,
            4,
            ["Fast and sharp; four steps to a picture.", "速くてくっきり。4ステップで1枚。"],
        )
    },
    picture(
        "stability-ai/sdxl",
        "Stable Diffusion XL",
        2,
        4,
        ["Painterly and patient; takes exact sizes.", "絵画のような仕上がり。大きさを細かく指定できます。"],
    ),
    picture("black-forest-labs/flux-dev", "FLUX dev", 9, 4, ["Follows long prompts closely.", "長い指示にも忠実です。"]),
    picture(
        "black-forest-labs/flux-1.1-pro",
        "FLUX 1.1 pro",
        14,
        1,
        ["The finest detail of its family.", "シリーズで最も細やかな描写。"],
    ),
    Default {
        task: Task::Edit,
        ..picture(
            "black-forest-labs/flux-kontext-pro",
            "FLUX Kontext pro",
            14,
            1,
            ["Changes a picture as you say, and leaves the rest alone.", "言葉のとおりに画像を直し、ほかはそのまま残します。"],
        )
    },
    Default {
        task: Task::Edit,
        ..picture(
            "google/nano-banana",
            "Nano Banana",
            13,
            1,
            ["Joins and edits pictures by conversation.", "画像の合成や編集が得意です。"],
        )
    },
    picture(
        "bytedance/seedream-4",
        "Seedream 4",
        10,
        4,
        ["Large pictures, and series that belong together.", "大きな画像や、統一感のある連作に。"],
    ),
    picture(
        "ideogram-ai/ideogram-v2",
        "Ideogram 2",
        27,
        1,
        ["Writes words into pictures without misspelling them.", "画像の中の文字を正しく描きます。"],
    ),
    picture(
        "recraft-ai/recraft-v3",
        "Recraft 3",
        14,
        1,
        ["Illustrations and graphics in a chosen style.", "スタイルを選んで、イラストやグラフィックを。"],
    ),
    Default {
        task: Task::Upscale,
        rule: PriceRule::Run,
        ..picture(
            "nightmareai/real-esrgan",
            "Real-ESRGAN",
            1,
            1,
            ["Makes a picture larger and keeps its edges.", "輪郭を保ったまま、画像を大きくします。"],
        )
    },
    Default {
        task: Task::Video,
        rule: PriceRule::Run,
        ..picture("minimax/video-01", "Video 01", 170, 1, ["Six seconds of film.", "6秒の動画を作ります。"])
    },
    Default {
        task: Task::Audio,
        rule: PriceRule::Run,
        ..picture("jaaari/kokoro-82m", "Kokoro", 1, 1, ["Reads a text aloud.", "文章を読み上げます。"])
    },
    Default {
        task: Task::Text,
        rule: PriceRule::Run,
        ..picture("meta/meta-llama-3-8b-instruct", "Llama 3 8B", 1, 1, ["Answers and writes.", "質問に答え、文章を書きます。"])
    },
    Default {
        task: Task::Data,
        rule: PriceRule::Run,
        ..picture("openai/whisper", "Whisper", 1, 1, ["Writes down what is said in a recording.", "録音の言葉を書き起こします。"])
    },
];

/// Puts in what was never there. What the operator has changed or switched off stays as it is.
///
/// # Errors
/// When the database fails.
pub async fn stock(db: &Db, now: Timestamp) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    for (place, entry) in (1_i64..).zip(&SET) {
        let Some(described) = sandbox::described(entry.name) else { continue };
        sqlx::query(
            "insert into model (name, label, label_ja, description, description_ja, version, official, task, price_rule, unit_price,
                                max_count, schemas, license_url, place, enabled_at, stocked_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)
             on conflict (name) do update set label = excluded.label, label_ja = excluded.label_ja, description = excluded.description,
               description_ja = excluded.description_ja, version = excluded.version, official = excluded.official, task = excluded.task,
               schemas = excluded.schemas, license_url = excluded.license_url, stocked_at = excluded.stocked_at
             where model.stocked_at is null",
        )
        .bind(entry.name)
        .bind(entry.label[0])
        .bind(entry.label[1])
        .bind(entry.description[0])
        .bind(entry.description[1])
        .bind(&described.version)
        .bind(i64::from(described.official))
        .bind(entry.task)
        .bind(entry.rule)
        .bind(entry.unit_price)
        .bind(entry.max_count)
        .bind(described.schemas.to_string())
        .bind(entry.license_url)
        .bind(place)
        .bind(now)
        .execute(tx.connection())
        .await?;
    }
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::OutputKind;
    use crate::domain::schema::Schema;

    #[test]
    fn every_entry_is_described_and_its_task_fits_what_it_makes() {
        for entry in &SET {
            let described = sandbox::described(entry.name).unwrap_or_else(|| panic!("{} is not described", entry.name));
            let schema = Schema::parse(&described.schemas);
            let kind = OutputKind::from(schema.output);
            let expected = match entry.task {
                Task::Text => OutputKind::Text,
                Task::Data => OutputKind::Data,
                _ => OutputKind::Files,
            };
            assert_eq!(kind, expected, "{}", entry.name);
            assert!(!schema.properties.is_empty() && entry.unit_price > 0, "{}", entry.name);
        }
    }
}
