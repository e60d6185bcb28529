//! The reading end of an event stream.

use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// Longer than anything on a stream takes; reaching it is a failure, never a pause.
const PATIENCE: Duration = Duration::from_secs(20);

/// One event.
#[derive(Clone, Debug)]
pub struct Frame {
    pub id: String,
    pub data: Value,
}

/// An open stream.
pub struct Stream {
    pub response: Response,
    unread: String,
}

impl Stream {
    pub async fn open(request: RequestBuilder) -> Self {
        // The whole of an answer may take no longer than this, and a stream's has no end.
        let response = request.timeout(Duration::from_mins(2)).send().await.expect("an answer");
        Self { response, unread: String::new() }
    }

    /// The next event; `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<Frame> {
        timeout(PATIENCE, self.read()).await.expect("an event, or the end, in time")
    }

    /// Reads on to the first event that `is_it` accepts.
    pub async fn until(&mut self, is_it: impl Fn(&Frame) -> bool) -> Frame {
        timeout(PATIENCE, async {
            loop {
                let frame = self.read().await.expect("a stream that goes on");
                if is_it(&frame) {
                    return frame;
                }
            }
        })
        .await
        .expect("the event in time")
    }

    /// Reads to the end of the stream.
    pub async fn end(&mut self) {
        while self.next().await.is_some() {}
    }

    async fn read(&mut self) -> Option<Frame> {
        loop {
            while let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                // What has no data is a comment, or the pace at which to come back; `here` says only that the stream is there.
                if let Some(data) = field("data:").filter(|_| field("event:") != Some("here")) {
                    let id = field("id:").unwrap_or_default().to_owned();
                    return Some(Frame { id, data: serde_json::from_str(data).expect("JSON") });
                }
            }
            let chunk = self.response.chunk().await.ok()??;
            self.unread.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }
}

impl Frame {
    /// The generation it is about and its version.
    pub fn generation(&self) -> Option<(&str, i64)> {
        let view = self.data.get("generation")?;
        Some((view["id"].as_str()?, view["version"].as_i64()?))
    }

    /// The phase it tells of, as its first word.
    pub fn phase(&self) -> Option<String> {
        let phase = &self.data.get("generation")?["phase"];
        Some(phase.as_str().map_or_else(|| phase.to_string(), str::to_owned))
    }
}
