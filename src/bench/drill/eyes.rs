//! Whether a drill can see: when all is judged, five wrongs are done to the finished house, and each must be found. A
//! drill that finds nothing there has found nothing before.

use crate::books::{self, Found};
use crate::people::Press;
use crate::processes::House;
use anyhow::{Context, bail, ensure};
use serde_json::json;

/// Does the wrongs, and fails unless the judgement finds exactly these. The product must not run, or it would put some of
/// them right.
pub async fn can_see(house: &House, presses: &[Press]) -> anyhow::Result<()> {
    let kept: Vec<_> = presses.iter().filter(|press| press.wanted == 1 && press.allowed == 1).collect();
    let [gone, unfinished, unpaid, twice, ..] = kept[..] else { bail!("too few presses to plant wrongs in") };
    remove_object(house, gone)?;
    books::meddle(house, "update generation set state = 'waiting' where id = $1", unfinished.id.as_str()).await?;
    books::meddle(house, "delete from output where generation_id = $1", unpaid.id.as_str()).await?;
    books::meddle(
        house,
        "update account set posted = posted + 1 where id = (select min(id) from account where kind = $1)",
        "person",
    )
    .await?;
    buy_another(house, twice).await?;

    let mut after = Found::default();
    for found in books::judge(house, presses, false).await? {
        after.add(&found);
    }
    after.adrift = books::adrift(house).await?;
    let seen = (after.lost, after.paid_twice, after.created_twice, after.adrift > 0);
    let planted = (3, 1, 1, true);
    ensure!(seen == planted, "the drill does not see what was planted: {planted:?}, but {seen:?}");
    Ok(())
}

fn remove_object(house: &House, press: &Press) -> anyhow::Result<()> {
    let folder = house.data().join("objects/generations").join(press.id.as_str());
    std::fs::remove_file(folder.join("0.webp")).context("an object to remove")
}

async fn buy_another(house: &House, press: &Press) -> anyhow::Result<()> {
    let url = format!("{}/v1/models/black-forest-labs/flux-schnell/predictions", house.sandbox_origin());
    let body = json!({"input": {"prompt": press.prompt}});
    let answer = house.http.post(url).bearer_auth("r8_somebody").json(&body).send().await;
    // `#lost` and its like answer nothing, and sell all the same.
    drop(answer);
    Ok(())
}
