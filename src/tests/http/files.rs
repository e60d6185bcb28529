//! Kept files: in part or whole, for ever, for one person.

use crate::support::both_databases;
use reqwest::Method;

both_databases! {
    async fn a_kept_file_is_served_whole_in_part_and_not_again_to_who_has_it(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        app.settle_all().await;
        let path = format!("/files/{id}/0.webp");
        let whole = mika.get(&path).await;
        assert_eq!((whole.status.as_u16(), whole.header("content-type")), (200, "image/webp"));
        assert_eq!(whole.header("content-length"), whole.body.len().to_string());
        assert_eq!(whole.header("cache-control"), "private, max-age=31536000, immutable");
        assert_eq!(whole.header("x-content-type-options"), "nosniff");
        assert!(whole.header("content-disposition").starts_with("inline"));
        assert!(mika.get(&format!("{path}?download=1")).await.header("content-disposition").starts_with("attachment"));
        let ask = |name: &'static str, value: String| mika.send(mika.bare(Method::GET, &path).header(name, value));
        let length = whole.body.len();
        for (range, expected) in [("bytes=0-9", 0..10), ("bytes=10-", 10..length), ("bytes=-10", length - 10..length)] {
            let part = ask("range", range.to_owned()).await;
            assert_eq!((part.status.as_u16(), &part.body), (206, &whole.body[expected.clone()].to_vec()), "{range}");
            assert_eq!(part.header("content-range"), format!("bytes {}-{}/{length}", expected.start, expected.end - 1));
        }
        assert_eq!(ask("range", format!("bytes={length}-")).await.status, 416);
        let unchanged = ask("if-none-match", whole.header("etag").to_owned()).await;
        assert_eq!((unchanged.status.as_u16(), unchanged.body.len()), (304, 0));
        assert_eq!(ask("if-none-match", "\"another\"".to_owned()).await.status, 200);
        app.finish().await;
    }

    async fn no_name_leads_anywhere_but_to_a_kept_file(app: TestApp) {
        let mika = app.sign_up("mika").await;
        let id = mika.trigger("a lighthouse").await;
        app.settle_all().await;
        for name in ["1.webp", "0.png", "0.small.png", "00.webp", "0", "0.webp.html", "..%2f..%2fatelier.db", "%2e%2e", "0.webp%00"] {
            assert_eq!(mika.get(&format!("/files/{id}/{name}")).await.status, 404, "{name}");
        }
        app.finish().await;
    }
}
