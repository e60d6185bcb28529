//! What pictures look like from outside.

use super::*;

#[tokio::test]
async fn pictures_have_the_size_and_the_format_asked_for_and_the_same_bytes_each_time() {
    let house = House::new().await;
    let cases = [
        (json!({ "aspect_ratio": "1:1", "output_format": "png" }), (1024, 1024), image::ImageFormat::Png),
        (json!({ "aspect_ratio": "16:9", "output_format": "jpg" }), (1344, 768), image::ImageFormat::Jpeg),
        (json!({ "aspect_ratio": "2:3" }), (832, 1216), image::ImageFormat::WebP),
        (json!({ "aspect_ratio": "9:16", "megapixels": "0.25" }), (384, 672), image::ImageFormat::WebP),
    ];
    for (mut input, size, format) in cases {
        input["prompt"] = json!("a river");
        input["seed"] = json!(7);
        let mut twins = Vec::new();
        for _ in 0..2 {
            let prediction = house.order(input.clone()).await.expect("a prediction");
            house.pass(WHOLE_MS);
            twins.push(house.fetch(&house.look(&prediction).await.output_urls()[0]).await.expect("a file"));
        }
        assert_eq!(twins[0], twins[1], "{input}");
        assert_eq!(image::guess_format(&twins[0]).expect("a picture"), format);
        let picture = image::load_from_memory(&twins[0]).expect("a whole picture");
        assert_eq!((picture.width(), picture.height()), size, "{input}");
    }
    let (_, told) =
        house.post("/v1/predictions", json!({ "version": SDXL_VERSION, "input": { "width": 320, "height": 192 } })).await;
    house.pass(WHOLE_MS);
    let ended = house.client.get(&PredictionId::trusted(told["id"].as_str().expect("an id"))).await.expect("a prediction");
    let picture = image::load_from_memory(&house.fetch(&ended.output_urls()[0]).await.expect("a file")).expect("a picture");
    assert_eq!((picture.width(), picture.height()), (320, 192));
}
