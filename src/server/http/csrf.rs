//! One rule against forged requests, for everything that changes something: it must come from our own pages.
//!
//! A browser says where a request comes from, in `Sec-Fetch-Site` or at least in `Origin`. Something that says neither is
//! no browser of this decade; it may still send JSON, which no foreign page can send without asking first, but no form
//! together with a session.

use crate::server::App;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

pub(super) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let origin = app.config.public_url.origin().ascii_serialization();
    if safe || is_ours(request.headers(), &origin) {
        return next.run(request).await;
    }
    tracing::warn!("a request from another site was refused");
    StatusCode::FORBIDDEN.into_response()
}

fn is_ours(headers: &HeaderMap, origin: &str) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    match (text("sec-fetch-site"), text("origin")) {
        (Some("same-origin" | "none"), _) => true,
        (Some(_), _) => false,
        (None, Some(said)) => said == origin || is_here(headers, said),
        (None, None) => !headers.contains_key(header::COOKIE) || is_json(headers),
    }
}

/// Whether the origin is the host that was asked: a laptop is reached by more names than the configured one.
fn is_here(headers: &HeaderMap, origin: &str) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) == Some(host))
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn ours(headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect();
        is_ours(&headers, "https://pictures.example.com")
    }

    #[test]
    fn se_15_only_our_own_pages_may_change_anything() {
        assert!(ours(&[("sec-fetch-site", "same-origin")]));
        assert!(ours(&[("sec-fetch-site", "none")]));
        assert!(ours(&[("origin", "https://pictures.example.com")]));
        assert!(ours(&[("origin", "http://127.0.0.1:3000"), ("host", "127.0.0.1:3000")]));
        assert!(!ours(&[("sec-fetch-site", "cross-site")]));
        assert!(!ours(&[("sec-fetch-site", "same-site"), ("origin", "https://pictures.example.com")]));
        assert!(!ours(&[("origin", "https://evil.example.com"), ("host", "pictures.example.com")]));
        assert!(!ours(&[("origin", "null"), ("host", "pictures.example.com")]));
    }

    #[test]
    fn se_15_what_is_no_browser_may_send_json_but_no_form_with_a_session() {
        assert!(ours(&[]));
        assert!(ours(&[("cookie", "sid=x"), ("content-type", "application/json; charset=utf-8")]));
        assert!(!ours(&[("cookie", "sid=x"), ("content-type", "application/x-www-form-urlencoded")]));
        assert!(!ours(&[("cookie", "sid=x")]));
        assert!(!ours(&[("cookie", "sid=x"), ("content-type", "text/plain")]));
    }
}
