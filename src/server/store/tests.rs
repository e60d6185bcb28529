//! One suite for every kind of store: a directory, s3s-fs inside this process, and `SeaweedFS` when there is one.

mod servers;

use super::*;
use crate::domain::GenerationId;
use servers::{S3Server, SeaweedFs, answering, silent};
use sha2::{Digest, Sha256};
use std::time::Instant;

/// Short enough for a test to see the end of it.
const SHORT: Limits = Limits {
    connect: Duration::from_millis(500),
    attempt: Duration::from_millis(500),
    operation: Duration::from_secs(2),
    stall: Duration::from_secs(1),
    attempts: 3,
};

fn key(generation: &str) -> Key {
    Key::output(&GenerationId::trusted(generation), 0, Extension::Png)
}

async fn read(store: &Store, key: &Key, range: Option<ByteRange>) -> Bytes {
    store.get(key, range).await.expect("an object").bytes().await.expect("its bytes")
}

async fn what_is_put_comes_back_byte_for_byte(store: &Store) {
    let key = key("round-trip");
    let every_byte: Bytes = (0..=u8::MAX).cycle().take(70_001).collect();
    store.put_bytes(&key, every_byte.clone()).await.expect("a put");
    let object = store.get(&key, None).await.expect("an object");
    assert_eq!((object.content_type, object.length, object.body_length()), ("image/png", 70_001, 70_001));
    assert_eq!(object.range, None);
    assert_eq!(object.bytes().await.expect("its bytes"), every_byte);
    let meta = store.head(&key).await.expect("an answer");
    assert_eq!(meta, Some(Meta { content_type: "image/png", length: 70_001 }));
}

async fn an_empty_object_is_an_object(store: &Store) {
    store.put_bytes(&key("empty"), Bytes::new()).await.expect("a put");
    assert_eq!(store.head(&key("empty")).await.expect("an answer").map(|meta| meta.length), Some(0));
    assert_eq!(read(store, &key("empty"), None).await, "");
}

async fn putting_again_replaces(store: &Store) {
    let key = key("again");
    for text in ["a longer text", "a longer text", "short"] {
        store.put_bytes(&key, Bytes::from_static(text.as_bytes())).await.expect("a put");
        assert_eq!(read(store, &key, None).await, text);
    }
}

async fn a_missing_object_is_not_found(store: &Store) {
    assert!(matches!(store.get(&key("missing"), None).await.err(), Some(Error::NotFound)));
    assert!(matches!(store.get(&key("missing"), Some(ByteRange::From(0))).await.err(), Some(Error::NotFound)));
    assert_eq!(store.head(&key("missing")).await.expect("an answer"), None);
}

async fn deleting_twice_is_fine(store: &Store) {
    let key = key("delete");
    store.put_bytes(&key, Bytes::from_static(b"x")).await.expect("a put");
    store.delete(&key).await.expect("a delete");
    assert_eq!(store.head(&key).await.expect("an answer"), None);
    store.delete(&key).await.expect("a second delete");
}

async fn a_range_is_that_part_and_says_so(store: &Store) {
    let key = key("range");
    store.put_bytes(&key, Bytes::from_static(b"0123456789")).await.expect("a put");
    for (asked, part, text) in [
        (ByteRange::FromTo(0, 0), 0..1, "0"),
        (ByteRange::FromTo(2, 4), 2..5, "234"),
        (ByteRange::FromTo(8, 99), 8..10, "89"),
        (ByteRange::From(7), 7..10, "789"),
        (ByteRange::Last(3), 7..10, "789"),
    ] {
        let object = store.get(&key, Some(asked)).await.expect("an object");
        assert_eq!((object.length, object.range.clone()), (10, Some(part)), "{asked}");
        assert_eq!(object.body_length(), text.len() as u64, "{asked}");
        assert_eq!(object.bytes().await.expect("its bytes"), text, "{asked}");
    }
    // Longer than the object: whether a server calls the whole a part is its own affair.
    assert_eq!(read(store, &key, Some(ByteRange::Last(99))).await, "0123456789");
    for outside in [ByteRange::From(10), ByteRange::FromTo(10, 12), ByteRange::Last(0)] {
        assert!(matches!(store.get(&key, Some(outside)).await.err(), Some(Error::OutOfRange)), "{outside}");
    }
}

async fn a_file_of_20_megabytes_arrives_whole(store: &Store) {
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let file = tempfile::NamedTempFile::new().expect("a file");
    tokio::fs::write(file.path(), &bytes).await.expect("a full file");
    store.put(&key("large"), file.path()).await.expect("a put");
    let back = read(store, &key("large"), None).await;
    assert_eq!(Sha256::digest(back), Sha256::digest(bytes));
}

async fn what_is_there_is_listed_in_order_and_from_any_place_on(store: &Store) {
    for generation in ["listed-b", "listed-a", "listed-c"] {
        store.put_bytes(&key(generation), Bytes::from_static(b"four")).await.expect("a put");
    }
    store.delete(&key("listed-c")).await.expect("a delete");
    let names = |listed: Vec<Listed>| listed.into_iter().filter(|listed| listed.key.contains("listed-")).collect::<Vec<_>>();
    let listed = names(store.list(None).await.expect("a list"));
    let (a, b) = (key("listed-a"), key("listed-b"));
    assert_eq!(listed.iter().map(|listed| listed.key.as_str()).collect::<Vec<_>>(), [a.as_str(), b.as_str()]);
    assert!(listed.iter().all(|listed| listed.length == 4 && listed.put_at > Timestamp(1_700_000_000_000)), "{listed:?}");
    assert_eq!(names(store.list(Some(a.as_str())).await.expect("a list")), listed[1..]);
    assert_eq!(names(store.list(Some(b.as_str())).await.expect("the end")), []);
}

async fn the_check_passes(store: &Store) {
    store.check().await.expect("a working store");
}

/// Writes each behaviour as a test of its own for the stores that are always there, and lists them all for `SeaweedFS`.
macro_rules! suite {
    ($($behaviour:ident),* $(,)?) => {
        mod on_disk { $(
            #[tokio::test]
            async fn $behaviour() {
                let dir = tempfile::tempdir().expect("a directory");
                let config = super::StoreConfig::Disk { dir: dir.path().join("objects") };
                super::$behaviour(&super::Store::open(&config).await.expect("a store")).await;
            }
        )* }

        mod on_s3s_fs { $(
            #[tokio::test]
            async fn $behaviour() {
                let server = super::S3Server::start().await;
                super::$behaviour(&super::Store::open(&server.config()).await.expect("a store")).await;
            }
        )* }

        async fn every_behaviour(store: &Store) {
            $( $behaviour(store).await; )*
        }
    };
}

suite! {
    what_is_put_comes_back_byte_for_byte,
    an_empty_object_is_an_object,
    putting_again_replaces,
    a_missing_object_is_not_found,
    deleting_twice_is_fine,
    a_range_is_that_part_and_says_so,
    a_file_of_20_megabytes_arrives_whole,
    what_is_there_is_listed_in_order_and_from_any_place_on,
    the_check_passes,
}

async fn wrong_credentials_are_refused(config: StoreConfig) {
    let StoreConfig::S3 { bucket, region, endpoint, credentials } = config else { unreachable!("a server's") };
    let Credentials::Fixed(Keys { access_key, .. }) = credentials else { unreachable!("the server's") };
    let credentials = Credentials::Fixed(Keys::lasting(access_key, "not the secret"));
    let config = StoreConfig::S3 { bucket, region, endpoint, credentials };
    let store = Store::open(&config).await.expect("a store");
    assert!(matches!(store.put_bytes(&key("no"), Bytes::from_static(b"x")).await, Err(Error::Refused(_))));
    assert!(matches!(store.get(&key("no"), None).await.err(), Some(Error::Refused(_))));
    assert!(matches!(store.head(&key("no")).await, Err(Error::Refused(_))));
    assert!(matches!(store.delete(&key("no")).await, Err(Error::Refused(_))));
    assert!(matches!(store.check().await, Err(Error::Refused(_))));
}

async fn an_upload_damaged_on_the_way_is_an_error_worth_a_retry(store: &Store) {
    let Store::S3(bucket) = store else { unreachable!("a server's") };
    let sent = bucket.send(&key("damaged"), Bytes::from_static(b"damagee").into(), 7, Sha256::digest(b"damaged").into()).await;
    assert!(matches!(sent, Err(Error::Unavailable(_))), "{sent:?}");
}

#[tokio::test]
async fn s3s_fs_refuses_wrong_credentials() {
    wrong_credentials_are_refused(S3Server::start().await.config()).await;
}

#[tokio::test]
async fn rl_20_s3s_fs_refuses_a_damaged_upload() {
    let server = S3Server::start().await;
    an_upload_damaged_on_the_way_is_an_error_worth_a_retry(&Store::open(&server.config()).await.expect("a store")).await;
}

#[tokio::test]
async fn a_server_that_is_down_is_unavailable() {
    let server = S3Server::start().await;
    let config = server.config();
    drop(server);
    let store = Store::open_within(&config, SHORT).await.expect("a store");
    let began = Instant::now();
    assert!(matches!(store.check().await, Err(Error::Unavailable(_))));
    assert!(matches!(store.head(&key("down")).await, Err(Error::Unavailable(_))));
    assert!(began.elapsed() < 2 * (SHORT.operation + SHORT.attempt), "{:?}", began.elapsed());
}

#[tokio::test]
async fn rl_18_a_server_that_never_answers_is_unavailable_within_the_time_limit() {
    let store = Store::open_within(&silent().await, SHORT).await.expect("a store");
    let began = Instant::now();
    assert!(matches!(store.put_bytes(&key("hang"), Bytes::from_static(b"x")).await, Err(Error::Unavailable(_))));
    assert!(began.elapsed() < SHORT.operation + SHORT.attempt, "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_answer_means_what_its_code_says() {
    for (status, code, retryable) in [
        (500, "InternalError", true),
        (503, "SlowDown", true),
        (400, "RequestTimeout", true),
        (400, "IncompleteBody", true),
        (403, "AccessDenied", false),
        (403, "InvalidAccessKeyId", false),
        (403, "RequestTimeTooSkewed", false),
        (400, "ExpiredToken", false),
        (404, "NoSuchBucket", false),
        (301, "PermanentRedirect", false),
        (501, "NotImplemented", false),
    ] {
        let once = Limits { attempts: 1, ..SHORT };
        let store = Store::open_within(&answering(status, code).await, once).await.expect("a store");
        let put = store.put_bytes(&key("code"), Bytes::from_static(b"x")).await.expect_err("no put");
        assert_eq!(put.is_retryable(), retryable, "{put:?}");
        assert!(put.to_string().contains(code), "the operator is told the code: {put}");
        let get = store.get(&key("code"), None).await.err().expect("no object");
        assert_eq!(get.is_retryable(), retryable, "{get:?}");
        assert!(!matches!(get, Error::NotFound), "{get:?}");
    }
}

#[tokio::test]
async fn a_download_that_breaks_off_is_an_error_and_not_a_short_object() {
    let server = S3Server::start().await;
    let store = Store::open(&server.config()).await.expect("a store");
    store.put_bytes(&key("cut"), Bytes::from(vec![7; 20_000_000])).await.expect("a put");
    let object = store.get(&key("cut"), None).await.expect("an object");
    drop(server);
    assert!(matches!(object.bytes().await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let opened = Store::open(&StoreConfig::Disk { dir: file.path().join("objects") }).await;
    assert!(matches!(opened, Err(Error::Refused(_))), "{opened:?}");
}

#[test]
fn a_secret_is_never_printed() {
    let config = StoreConfig::S3 {
        bucket: "b".into(),
        region: "r".into(),
        endpoint: None,
        credentials: Credentials::Fixed(Keys::lasting("AKIA", "hunter2")),
    };
    let printed = format!("{config:?}");
    assert!(!printed.contains("hunter2") && !printed.contains("AKIA"), "{printed}");
}

#[tokio::test]
async fn rl_21_seaweedfs_passes_the_same_suite() {
    let Some(server) = SeaweedFs::start().await else {
        println!("skipped: TEST_SEAWEEDFS does not name the weed program");
        return;
    };
    let store = Store::open(&server.config()).await.expect("a store");
    every_behaviour(&store).await;
    an_upload_damaged_on_the_way_is_an_error_worth_a_retry(&store).await;
    wrong_credentials_are_refused(server.config()).await;
}
