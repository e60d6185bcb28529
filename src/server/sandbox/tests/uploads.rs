//! The files API.

use super::*;
use crate::server::sandbox::uploads::LARGEST;

const DAY_MS: i64 = 24 * HOUR_MS;

/// A part of a form: its head, and its content.
type Part<'a> = (&'a str, &'a [u8]);

/// A form as a browser would write it.
fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, content) in parts {
        body.extend_from_slice(format!("--edge\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    body
}

impl House {
    pub(super) async fn send(&self, parts: &[Part<'_>]) -> (StatusCode, Value) {
        let request = self.http.post(self.base.join("/v1/files").expect("a URL")).bearer_auth(TOKEN);
        let request = request.header("content-type", "multipart/form-data; boundary=edge").body(form(parts));
        let response = request.send().await.expect("an answer");
        (response.status(), response.json().await.expect("JSON"))
    }

    pub(super) async fn upload(&self, name: &str, content: &[u8]) -> Value {
        let head = format!("name=\"content\"; filename=\"{name}\"\r\nContent-Type: text/plain");
        let (status, told) = self.send(&[(&head, content)]).await;
        assert_eq!(status, StatusCode::CREATED, "{told}");
        told
    }
}

#[tokio::test]
async fn a_file_is_told_as_it_was_sent_and_found_again() {
    let house = House::new().await;
    let told = house.upload("some.txt", b"some").await;
    let id = told["id"].as_str().expect("an id");
    assert_eq!(id.len(), 48);
    let (md5, sha256) = ("03d59e663c1af9ac33a9949d1193505a", "a6b46dd0d1ae5e86cbc8f37e75ceeb6760230c1ca4ffbcb0c97b96dd7d9c464b");
    let expected = json!({
        "urls": { "get": house.base.join(&format!("/v1/files/{id}")).expect("a URL").as_str() },
        "created_at": "2023-11-14T22:13:20Z", "expires_at": "2023-11-15T22:13:20Z", "metadata": {},
        "checksums": { "md5": md5, "sha256": sha256 }, "etag": md5,
        "size": 4, "content_type": "text/plain", "name": "some.txt", "id": id,
    });
    assert_eq!(told, expected);
    assert_eq!(house.told(&format!("/v1/files/{id}")).await, (StatusCode::OK, expected));

    let content = ("name=\"content\"; filename=\"a.bin\"", &b""[..]);
    let said =
        [content, ("name=\"filename\"", b"b.zip"), ("name=\"type\"", b"application/zip"), ("name=\"metadata\"", b"{\"n\":1}")];
    let (_, second) = house.send(&said).await;
    assert_eq!((&second["name"], &second["content_type"]), (&json!("b.zip"), &json!("application/zip")));
    assert_eq!((&second["size"], &second["metadata"]), (&json!(0), &json!({ "n": 1 })));
    let (_, list) = house.told("/v1/files").await;
    let listed: Vec<_> = list["results"].as_array().expect("results").iter().map(|file| file["id"].clone()).collect();
    assert_eq!((listed, &list["next"]), (vec![second["id"].clone(), told["id"].clone()], &Value::Null), "newest first");
}

#[tokio::test]
async fn a_form_that_lacks_something_is_refused() {
    let house = House::new().await;
    let long = format!("name=\"content\"; filename=\"{}\"", "n".repeat(256));
    let content = ("name=\"content\"; filename=\"a\"", &b"some"[..]);
    let cases: [(&[Part<'_>], &str); 4] = [
        (&[("name=\"filename\"", b"a")], "content is required"),
        (&[("name=\"content\"", b"a")], "filename is required"),
        (&[(&long, b"a")], "filename must be 255 bytes or less"),
        (&[content, ("name=\"metadata\"", b"{")], "metadata must be valid JSON"),
    ];
    for (parts, detail) in cases {
        let (status, told) = house.send(parts).await;
        assert_eq!((status, &told["detail"]), (StatusCode::BAD_REQUEST, &json!(detail)));
    }
    assert_eq!(house.told("/v1/files").await.1["results"], json!([]));
}

#[tokio::test]
async fn a_file_above_a_hundred_megabytes_is_refused() {
    let house = House::new().await;
    let most = vec![0; LARGEST + 1];
    let head = "name=\"content\"; filename=\"large\"";
    let (status, told) = house.send(&[(head, &most)]).await;
    assert_eq!((status, &told["detail"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("Files must be less than 100MB in size")));
    assert_eq!(std::fs::read_dir(house.dir.path().join("uploads")).expect("a directory").count(), 0, "nothing is left of it");
    assert_eq!(house.send(&[(head, &most[1..])]).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_file_is_gone_when_it_is_deleted_and_after_a_day() {
    let house = House::new().await;
    let (first, second) = (house.upload("a", b"first").await, house.upload("b", b"second").await);
    let path = |file: &Value| format!("/v1/files/{}", file["id"].as_str().expect("an id"));
    let delete = async || {
        let request = house.http.delete(house.base.join(&path(&first)).expect("a URL")).bearer_auth(TOKEN);
        request.send().await.expect("an answer").status()
    };
    assert_eq!((delete().await, delete().await), (StatusCode::NO_CONTENT, StatusCode::NOT_FOUND));
    let (status, told) = house.told(&path(&first)).await;
    assert_eq!((status, &told["detail"]), (StatusCode::NOT_FOUND, &json!("File not found")));
    house.pass(DAY_MS - 1);
    assert_eq!(house.told(&path(&second)).await.0, StatusCode::OK);
    house.pass(1);
    assert_eq!(house.told(&path(&second)).await.0, StatusCode::NOT_FOUND);
    house.upload("c", b"third").await;
    let left = std::fs::read_dir(house.dir.path().join("uploads")).expect("a directory").count();
    assert_eq!(left, 2, "the third and what is known of it; the second was thrown away");
}

#[tokio::test]
async fn files_outlive_the_process_and_half_a_file_does_not() {
    let house = House::new().await;
    let told = house.upload("a", b"some").await;
    std::fs::write(house.dir.path().join("uploads/half"), "a file that nobody was told of").expect("a file");
    let (id, half) = (told["id"].as_str().expect("an id").to_owned(), house.dir.path().join("uploads/half"));
    let house = house.reopened().await;
    assert_eq!(house.told(&format!("/v1/files/{id}")).await.1["checksums"], told["checksums"]);
    assert!(!half.exists());
}

#[tokio::test]
async fn a_download_needs_a_signature_and_no_token() {
    let house = House::new().await;
    let told = house.upload("a", b"some").await;
    let id = told["id"].as_str().expect("an id");
    let get = async |owner: &str, expiry: i64, signature: &str| {
        let mut url = house.base.join(&format!("/v1/files/{id}/download")).expect("a URL");
        let expiry = expiry.to_string();
        url.query_pairs_mut().extend_pairs([("owner", owner), ("expiry", &expiry), ("signature", signature)]);
        house.http.get(url).send().await.expect("an answer")
    };
    let later = house.now().0 / 1_000 + 60;
    let signature = house.sandbox.0.uploads.sign(id, later);
    let whole = get("sandbox", later, &signature).await;
    assert_eq!(
        (whole.status(), &whole.headers()["content-type"]),
        (StatusCode::OK, &"application/octet-stream".parse().expect("a value"))
    );
    assert_eq!(whole.bytes().await.expect("a file"), &b"some"[..]);
    for (owner, expiry, signature) in
        [("mika", later, signature.as_str()), ("sandbox", later + 1, &signature), ("sandbox", later, "AAAA")]
    {
        assert_eq!(get(owner, expiry, signature).await.status(), StatusCode::NOT_FOUND, "{owner} {expiry} {signature}");
    }
    house.pass(60_000);
    assert_eq!(get("sandbox", later, &signature).await.status(), StatusCode::NOT_FOUND, "it has expired");
}
