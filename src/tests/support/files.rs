//! A host of finished files that misbehaves: raw bytes over TCP, so that nothing between us and the fault mends it.
//!
//! It is also the Replicate that its files belong to: asked for a prediction, it names the link it was told to name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use url::Url;

/// What a path is answered with.
#[derive(Clone, Debug)]
pub enum Reply {
    /// These bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// These bytes, then nothing more, but the connection stays.
    Stuck(Vec<u8>),
    /// These bytes, then one more every few milliseconds for ever.
    Dribble(Vec<u8>),
}

/// The host. Everything not told is 404; a create is never answered until [`Files::release`].
#[derive(Clone)]
pub struct Files {
    origin: Url,
    replies: Arc<Mutex<BTreeMap<String, Reply>>>,
    /// The heads of all requests.
    asked: Arc<Mutex<Vec<String>>>,
    released: Arc<Notify>,
}

impl Files {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
        let files = Self { origin, replies: Arc::default(), asked: Arc::default(), released: Arc::default() };
        let host = files.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(host.clone().answer(socket));
            }
        });
        files
    }

    pub const fn origin(&self) -> &Url {
        &self.origin
    }

    /// Tells what a path is answered with; the link to it.
    pub fn tell(&self, path: &str, reply: Reply) -> String {
        self.replies.lock().expect("the replies").insert(path.to_owned(), reply);
        self.origin.join(path).expect("a link").into()
    }

    /// Tells what a prediction's output is; `null` when it has been removed.
    pub fn tell_output(&self, prediction: &str, output: &serde_json::Value) {
        let body = serde_json::json!({"id": prediction, "status": "succeeded", "output": output}).to_string();
        self.tell(&format!("/v1/predictions/{prediction}"), whole("application/json", body.as_bytes()));
    }

    /// How often something was asked for whose request line begins so.
    pub fn asked(&self, line: &str) -> usize {
        self.asked.lock().expect("the list").iter().filter(|asked| asked.starts_with(line)).count()
    }

    /// Whether any request had this in its head.
    pub fn was_told(&self, words: &str) -> bool {
        self.asked.lock().expect("the list").iter().any(|head| head.contains(words))
    }

    /// Hangs up on whoever waits for the answer to a create.
    pub fn release(&self) {
        self.released.notify_waiters();
    }

    async fn answer(self, mut socket: TcpStream) {
        let released = self.released.notified();
        let Some(head) = request_head(&mut socket).await else { return };
        let line = head.lines().next().unwrap_or_default().to_owned();
        self.asked.lock().expect("the list").push(head);
        let path = line.split(' ').nth(1).unwrap_or_default();
        if line.starts_with("POST") {
            return released.await;
        }
        let gone = || Reply::Raw(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec());
        let reply = self.replies.lock().expect("the replies").get(path).cloned().unwrap_or_else(gone);
        // Whoever is tired of us hangs up.
        let _ = send(&mut socket, reply).await;
    }
}

/// A whole and honest answer.
pub fn whole(content_type: &str, body: &[u8]) -> Reply {
    headed(&format!("200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}", body.len()), body)
}

/// A head of one's own making before a body.
pub fn headed(head: &str, body: &[u8]) -> Reply {
    Reply::Raw([format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n").as_bytes(), body].concat())
}

async fn send(socket: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    match reply {
        Reply::Raw(bytes) => {
            socket.write_all(&bytes).await?;
            socket.shutdown().await
        }
        Reply::Stuck(bytes) => {
            socket.write_all(&bytes).await?;
            // Until the other side has had enough.
            socket.read(&mut [0; 64]).await.map(drop)
        }
        Reply::Dribble(bytes) => {
            socket.write_all(&bytes).await?;
            loop {
                tokio::time::sleep(Duration::from_millis(10)).await;
                socket.write_all(b"x").await?;
            }
        }
    }
}

/// What has been read of a request: its whole head, at least.
async fn request_head(socket: &mut TcpStream) -> Option<String> {
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match socket.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => head.extend_from_slice(&buffer[..read]),
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}
