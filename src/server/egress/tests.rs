//! The way out against addresses that lead in, and against hosts that fail in each way. Over real sockets.

use super::guard::Lookup;
use super::*;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const QUICK: Limits = Limits {
    bytes: 1_000,
    connect: Duration::from_millis(300),
    idle: Duration::from_millis(150),
    total: Duration::from_millis(600),
    redirects: 0,
};

fn internet() -> Egress {
    Egress::new(Reach::Internet).expect("a way out")
}

fn local() -> Egress {
    Egress::new(Reach::InternetAndThisMachine).expect("a way out")
}

/// A host that answers every request with these bytes, and counts who came; `after` says what it does then.
async fn host(answer: impl Into<Vec<u8>>, after: After) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/file", listener.local_addr().expect("an address"));
    let (answer, came) = (answer.into(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&came);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                let _ = socket.read(&mut [0; 4_096]).await;
                let _ = socket.write_all(&answer).await;
                match after {
                    After::HangUp => drop(socket.shutdown().await),
                    After::Silence => drop(socket.read(&mut [0; 1]).await),
                    After::Dribble => {
                        while socket.write_all(b"1\r\nx\r\n").await.is_ok() {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                    }
                }
            });
        }
    });
    (url, came)
}

#[derive(Clone, Copy)]
enum After {
    HangUp,
    Silence,
    Dribble,
}

fn ok(headers: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{headers}connection: close\r\n\r\n{body}")
}

/// A resolver that gives these answers one after the other, the last again and again, and counts the questions.
fn answering(answers: &[&[&str]]) -> (Lookup, Arc<AtomicUsize>) {
    let answers: VecDeque<Vec<IpAddr>> =
        answers.iter().map(|answer| answer.iter().map(|address| address.parse().expect("an address")).collect()).collect();
    let (answers, asked) = (Mutex::new(answers), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&asked);
    let lookup = move |_| -> futures::future::BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        counted.fetch_add(1, Ordering::SeqCst);
        let mut answers = answers.lock().expect("no panic holds it");
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { Ok(answer.unwrap_or_default()) })
    };
    (Arc::new(lookup), asked)
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list")]
fn se_22_no_way_of_writing_an_address_leads_in() {
    let private = [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://127.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://017700000001/",
        "https://127.0.0.1./",
        "https://0/",
        "https://0.0.0.0/",
        "https://10.0.0.1/",
        "https://10.1/",
        "https://172.16.0.1/",
        "https://172.31.255.255/",
        "https://192.168.0.1/",
        "https://0xc0a80001/",
        "https://169.254.169.254/latest/meta-data/",
        "https://2852039166/",
        "https://0xa9fea9fe/",
        "https://0251.0376.0251.0376/",
        "https://100.64.0.1/",
        "https://100.100.100.200/",
        "https://192.0.0.192/",
        "https://198.18.0.1/",
        "https://224.0.0.1/",
        "https://239.255.255.250/",
        "https://240.0.0.1/",
        "https://255.255.255.255/",
        "https://[::1]/",
        "https://[::]/",
        "https://[0:0:0:0:0:0:0:1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[::127.0.0.1]/",
        "https://[fc00::1]/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1]/",
        "https://[ff02::1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[64:ff9b::10.0.0.1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001::1]/",
        "https://１２７.０.０.１/",
        "https://①②⑦.⓪.⓪.①/",
        "https://localhost/",
        "https://LOCALHOST/",
        "https://lo%63alhost/",
        "https:127.0.0.1/",
        "https:\\\\127.0.0.1\\",
        "https:///127.0.0.1/",
        "https://127.0.0.1?@example.com/",
        "https://127.0.0.1#@example.com/",
    ];
    for url in private {
        assert_eq!(internet().check(url), Err(Closed::Private), "{url}");
        assert_eq!(local().check(url), Err(Closed::Private), "{url}: over https not even to this machine");
    }
    for (url, why) in [
        ("http://example.com/", Closed::Scheme),
        ("http://8.8.8.8/", Closed::Scheme),
        ("ftp://example.com/", Closed::Scheme),
        ("file:///etc/passwd", Closed::Malformed),
        ("gopher://example.com/", Closed::Scheme),
        ("data:,x", Closed::Malformed),
        ("javascript:alert(1)", Closed::Malformed),
        ("unix:/run/docker.sock", Closed::Malformed),
        ("https://", Closed::Malformed),
        ("https://example.com:8443/", Closed::Port),
        ("https://example.com:80/", Closed::Port),
        ("https://8.8.8.8:22/", Closed::Port),
        ("https://me@example.com/", Closed::Credentials),
        ("https://me:secret@example.com/", Closed::Credentials),
        ("https://example.com@127.0.0.1/", Closed::Credentials),
        ("//example.com/", Closed::Malformed),
        ("", Closed::Malformed),
        ("https://exa mple.com/", Closed::Malformed),
        ("https://[::1/", Closed::Malformed),
        ("https://256.1.1.1/", Closed::Malformed),
    ] {
        assert_eq!(internet().check(url), Err(why), "{url}");
    }
    assert_eq!(internet().check(&format!("https://example.com/{}", "a".repeat(LONGEST_URL))), Err(Closed::Malformed));
    for open in [
        "https://example.com/a?b#c",
        "https://example.com:443/",
        "https://8.8.8.8/",
        "https://[2001:4860:4860::8888]/",
        "https://日本.example/",
    ] {
        assert!(internet().check(open).is_ok(), "{open}");
    }
}

#[test]
fn only_a_laptop_speaks_http_and_only_to_itself() {
    for url in ["http://127.0.0.1:3000/", "http://localhost:3000/", "http://[::1]:3000/"] {
        assert!(local().check(url).is_ok(), "{url}");
        assert_eq!(internet().check(url), Err(Closed::Scheme), "{url}");
    }
    for url in [
        "http://192.168.0.2/",
        "http://example.com/",
        "http://localhost.example.com/",
        "http://169.254.169.254/",
        "http://0.0.0.0:3000/",
    ] {
        assert_eq!(local().check(url), Err(Closed::Scheme), "{url}");
    }
}

#[tokio::test]
async fn se_22_a_name_with_one_closed_address_among_open_ones_is_closed() {
    let dir = TempDir::new().expect("a directory");
    for closed in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"] {
        let (lookup, asked) = answering(&[&["93.184.215.14", closed, "2606:2800:21f::1"]]);
        let guard = Guard::new(lookup, Reach::InternetAndThisMachine);
        let egress = Egress::with(guard, Reach::InternetAndThisMachine, PORT, QUICK.connect).expect("a way out");
        let refused = egress.fetch("https://pictures.example/a.png", &dir.path().join("a"), QUICK).await;
        assert!(matches!(refused, Err(Error::Closed(Closed::Private))), "{closed}: {refused:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{closed}");
        let refused = egress.post("https://pictures.example/a.png", HeaderMap::new(), Bytes::new(), QUICK.total).await;
        assert!(matches!(refused, Err(Error::Closed(Closed::Private))), "{closed}: {refused:?}");
    }
}

#[tokio::test]
async fn se_22_a_name_that_changes_its_meaning_between_two_questions_leads_nowhere() {
    let dir = TempDir::new().expect("a directory");
    let (url, came) = host(ok("content-length: 2\r\n", "in"), After::HangUp).await;
    let port = Url::parse(&url).expect("a URL").port().expect("a port");
    // The first address is looked at and open; nobody of ours is there. The second is this machine.
    let (lookup, asked) = answering(&[&["93.184.215.14"], &["127.0.0.1"]]);
    let egress = Egress::with(Guard::new(lookup, Reach::Internet), Reach::Internet, port, QUICK.connect).expect("a way out");
    let url = format!("https://rebinding.example:{port}/file");
    let first = egress.fetch(&url, &dir.path().join("a"), QUICK).await;
    assert!(matches!(first, Err(Error::Unreachable(_) | Error::TooSlow(_))), "{first:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "what was looked at is what is spoken to");
    let second = egress.fetch(&url, &dir.path().join("a"), QUICK).await;
    assert!(matches!(second, Err(Error::Closed(Closed::Private))), "{second:?}");
    assert_eq!(came.load(Ordering::SeqCst), 0, "nobody came in");
}

#[tokio::test]
async fn what_is_whole_arrives_with_its_length_and_its_hash() {
    let dir = TempDir::new().expect("a directory");
    let to = dir.path().join("a");
    for answer in [ok("content-length: 5\r\n", "hello"), ok("transfer-encoding: chunked\r\n", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")]
    {
        let (url, _) = host(answer, After::HangUp).await;
        let arrived = local().fetch(&url, &to, QUICK).await.expect("a file");
        let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        assert_eq!((arrived.bytes, arrived.sha256.as_str()), (5, sha256));
        assert_eq!(std::fs::read(&to).expect("a file"), b"hello");
    }
    let (named, _) = host(ok("content-length: 5\r\n", "hello"), After::HangUp).await;
    let named = named.replace("127.0.0.1", "localhost");
    assert_eq!(local().fetch(&named, &to, QUICK).await.expect("a file").bytes, 5);
}

#[tokio::test]
async fn se_23_every_way_to_fail_is_told_apart_and_leaves_no_file() {
    type Told = fn(&Error) -> bool;
    let dir = TempDir::new().expect("a directory");
    let to = dir.path().join("a");
    let much = format!("{:x}\r\n{}\r\n0\r\n\r\n", 1_001, "x".repeat(1_001));
    let cases: [(&str, String, After, Told); 11] = [
        (
            "redirect",
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".into(),
            After::HangUp,
            |e| matches!(e, Error::Redirected(302)),
        ),
        ("not there", "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".into(), After::HangUp, |e| {
            matches!(e, Error::Refused(404))
        }),
        ("never answers", String::new(), After::Silence, |e| matches!(e, Error::TooSlow(_))),
        ("falls silent", ok("content-length: 5\r\n", "he"), After::Silence, |e| matches!(e, Error::Broken(Broken::Silent(_)))),
        ("dribbles", ok("transfer-encoding: chunked\r\n", ""), After::Dribble, |e| matches!(e, Error::TooSlow(_))),
        ("announces too much", ok("content-length: 1001\r\n", ""), After::Silence, |e| {
            matches!(e, Error::Broken(Broken::TooLarge { limit: 1_000 }))
        }),
        ("sends too much", ok("transfer-encoding: chunked\r\n", &much), After::HangUp, |e| {
            matches!(e, Error::Broken(Broken::TooLarge { limit: 1_000 }))
        }),
        ("sends less than it says", ok("content-length: 9\r\n", "hello"), After::HangUp, |e| {
            matches!(e, Error::Broken(Broken::Truncated { bytes: 5 }))
        }),
        ("breaks off", ok("transfer-encoding: chunked\r\n", "9\r\nhello"), After::HangUp, |e| {
            matches!(e, Error::Broken(Broken::Truncated { .. }))
        }),
        ("packs", ok("content-encoding: gzip\r\ncontent-length: 5\r\n", "hello"), After::HangUp, |e| {
            matches!(e, Error::Broken(Broken::Packed(_)))
        }),
        ("sends nothing", ok("content-length: 0\r\n", ""), After::HangUp, |e| matches!(e, Error::Broken(Broken::Empty))),
    ];
    for (name, answer, after, told) in cases {
        let (url, came) = host(answer, after).await;
        let error = local().fetch(&url, &to, QUICK).await.expect_err(name);
        assert!(told(&error), "{name}: {error:?}");
        assert!(!to.exists(), "{name}");
        assert_eq!(came.load(Ordering::SeqCst), 1, "{name}: asked once");
    }
    // More than it said is not read, so that it cannot be more than allowed.
    let (url, _) = host(ok("content-length: 5\r\n", &"hello".repeat(1_000)), After::HangUp).await;
    assert_eq!(local().fetch(&url, &to, QUICK).await.expect("what was announced").bytes, 5);
}

#[tokio::test]
async fn se_25_a_post_is_answered_with_a_status_and_neither_follows_nor_waits_nor_hoards() {
    let post = async |url: &str| local().post(url, HeaderMap::new(), Bytes::from_static(b"{}"), QUICK.total).await;
    for status in [200, 204, 400, 410, 500] {
        let (url, _) = host(format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\n\r\n"), After::HangUp).await;
        assert_eq!(post(&url).await.expect("a status").as_u16(), status);
    }
    let (url, came) =
        host("HTTP/1.1 307 Elsewhere\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", After::HangUp).await;
    assert!(matches!(post(&url).await, Err(Error::Redirected(307))));
    assert_eq!(came.load(Ordering::SeqCst), 1);
    let (url, _) = host(ok("content-length: 10000000\r\n", &"x".repeat(200_000)), After::Silence).await;
    assert_eq!(post(&url).await.expect("what is more than that is not waited for").as_u16(), 200);
    let (url, _) = host("", After::Silence).await;
    assert!(matches!(post(&url).await, Err(Error::TooSlow(_))));
    assert!(matches!(post("http://127.0.0.1:1/").await, Err(Error::Unreachable(_))));
    let (url, _) = host(ok("", ""), After::HangUp).await;
    let refused = internet().post(&url, HeaderMap::new(), Bytes::new(), QUICK.total).await;
    assert!(matches!(refused, Err(Error::Closed(Closed::Scheme))), "{refused:?}");
}
