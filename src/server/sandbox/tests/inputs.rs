//! Inputs that are files.

use super::*;
use base64::{Engine, prelude::BASE64_STANDARD};

const KONTEXT: &str = "black-forest-labs/flux-kontext-pro";

fn png(width: u32, height: u32, tone: u8) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(width, height, image::Rgb([tone; 3]))
        .write_to(&mut bytes, image::ImageFormat::Png)
        .expect("a picture");
    bytes.into_inner()
}

fn data_url(bytes: &[u8]) -> String {
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes))
}

impl House {
    /// The picture that a model with one output draws.
    async fn drawn(&self, model: &str, mut input: Value) -> image::DynamicImage {
        input["seed"] = json!(7);
        let ran = self.ran(model, input).await;
        let url = ran["output"].as_str().or_else(|| ran["output"][0].as_str()).expect("a picture").to_owned();
        let bytes = self.http.get(url).send().await.expect("an answer").bytes().await.expect("a picture");
        image::load_from_memory(&bytes).expect("a picture")
    }
}

#[tokio::test]
async fn a_picture_that_is_given_changes_the_one_that_is_drawn() {
    let house = House::with(|options| options.longest_edge = Some(64)).await;
    let with = async |url: &str| house.drawn(KONTEXT, json!({ "prompt": "at night", "input_image": url })).await.to_rgb8();
    let (first, second) = (data_url(&png(8, 8, 10)), data_url(&png(8, 8, 200)));
    let drawn = with(&first).await;
    assert_eq!(drawn, with(&first).await);
    assert_ne!(drawn, with(&second).await);
    assert_ne!(drawn, with("https://example.com/a.png").await);
    assert_ne!(with("https://example.com/a.png").await, with("https://example.com/b.png").await);
    assert_ne!(drawn, house.drawn(KONTEXT, json!({ "prompt": "at night" })).await.to_rgb8());
    let several = |urls: [&str; 2]| json!({ "prompt": "at night", "image_input": urls, "output_format": "png" });
    let there = house.drawn("google/nano-banana", several([&first, &second])).await;
    assert_ne!(there, house.drawn("google/nano-banana", several([&second, &first])).await, "the order counts");
}

#[tokio::test]
async fn the_shape_and_the_size_follow_the_picture_that_is_given() {
    let house = House::new().await;
    let wide = data_url(&png(64, 32, 99));
    let size = |picture: image::DynamicImage| (picture.width(), picture.height());
    assert_eq!(size(house.drawn(KONTEXT, json!({ "prompt": "wide", "input_image": wide })).await), (1440, 736));
    assert_eq!(
        size(house.drawn(KONTEXT, json!({ "prompt": "tall", "input_image": wide, "aspect_ratio": "9:16" })).await),
        (768, 1344)
    );
    assert_eq!(size(house.drawn("nightmareai/real-esrgan", json!({ "image": wide, "scale": 2.5 })).await), (160, 80));
    assert_eq!(size(house.drawn("recraft-ai/recraft-v3", json!({ "prompt": "a", "size": "1365x1024" })).await), (1365, 1024));
    let custom = json!({ "prompt": "a", "aspect_ratio": "custom", "width": 320, "height": 256 });
    assert_eq!(size(house.drawn("black-forest-labs/flux-1.1-pro", custom).await), (320, 256));
    assert_eq!(size(house.drawn("bytedance/seedream-4", json!({ "prompt": "a", "size": "1K" })).await), (1024, 1024));
}

#[tokio::test]
async fn an_upload_is_as_good_as_the_picture_itself() {
    let house = House::with(|options| options.longest_edge = Some(64)).await;
    let picture = png(90, 30, 50);
    let (one, same, other) = (
        house.upload("a.png", &picture).await,
        house.upload("b.png", &picture).await,
        house.upload("c.png", &png(90, 30, 51)).await,
    );
    let with = async |file: &Value| house.drawn(KONTEXT, json!({ "prompt": "a", "input_image": file["urls"]["get"] })).await;
    let drawn = with(&one).await;
    assert_eq!((drawn.width(), drawn.height()), (64, 20), "three times as wide as high, shrunk");
    assert_eq!(drawn, with(&same).await, "the content counts, not the name");
    assert_ne!(drawn, with(&other).await);
}

#[tokio::test]
async fn what_no_model_could_fetch_is_refused() {
    let house = House::new().await;
    let gone = house.base.join("/v1/files/NGZiNmY2").expect("a URL").to_string();
    for bad in ["a.png", "http://example.com/a.png", "ftp://127.0.0.1/a.png", "data:image/png;base64,!!", "data:", gone.as_str()]
    {
        let input = json!({ "prompt": "a", "image_input": ["https://example.com/a.png", bad] });
        let version = catalogue::named("google", "nano-banana").expect("a model").version.clone();
        let (status, told) = house.post("/v1/predictions", json!({ "version": version, "input": input })).await;
        let expected =
            json!([{ "type": "format", "field": "input.image_input.1", "description": "Does not match format 'uri'" }]);
        assert_eq!((status, &told["invalid_fields"]), (StatusCode::UNPROCESSABLE_ENTITY, &expected), "{bad}");
    }
    assert!(house.sandbox.invoice().is_empty());
    let near = house.base.join("/some/picture.png").expect("a URL");
    house.run(KONTEXT, json!({ "prompt": "a", "input_image": near.as_str() })).await;
}

#[tokio::test]
async fn what_was_given_is_remembered_when_the_upload_is_gone() {
    let house = House::with(|options| options.longest_edge = Some(64)).await;
    let file = house.upload("a.png", &png(90, 30, 50)).await;
    let created = house.run(KONTEXT, json!({ "prompt": "a", "input_image": file["urls"]["get"] })).await;
    let request = house.http.delete(file["urls"]["get"].as_str().expect("a URL")).bearer_auth(TOKEN);
    assert_eq!(request.send().await.expect("an answer").status(), StatusCode::NO_CONTENT);
    let house = house.reopened().await;
    house.pass(WHOLE_MS);
    let ended = house
        .look(&Prediction { id: PredictionId::trusted(created["id"].as_str().expect("an id")), ..house.create("b").await })
        .await;
    let path = Url::parse(&ended.output_urls()[0]).expect("a URL").path().to_owned();
    let picture = image::load_from_memory(&house.fetch(house.base.join(&path).expect("a URL").as_str()).await.expect("a file"));
    assert_eq!(picture.map(|picture| (picture.width(), picture.height())).expect("a picture"), (1760, 576));
}
