//! Whether a text is an absolute address, by the rules of the checker at Replicate: a scheme, and nothing in it that its URL
//! parser refuses. Not whether anything is there.

/// Whether `text` has the form of an absolute URI. White space at either end counts against it, as a form cuts it off.
pub(super) fn is_uri(text: &str) -> bool {
    let plain = |c: char| !c.is_ascii_control() && c != '\\';
    let Some((scheme, rest)) = text.split_once(':').filter(|_| text.chars().all(plain) && text.trim() == text) else {
        return false;
    };
    let mut letters = scheme.chars();
    let named = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    named && is_rest(rest)
}

/// What follows the scheme. Without a leading slash it is opaque, as in `data:…`.
fn is_rest(rest: &str) -> bool {
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let path = rest.split_once('?').map_or(rest, |(path, _)| path);
    let hierarchical = match path.strip_prefix("//") {
        Some(path) => {
            let (host, path) = path.split_at(path.find('/').unwrap_or(path.len()));
            is_host(host) && is_escaped(path)
        }
        None => !path.starts_with('/') || is_escaped(path),
    };
    hierarchical && is_escaped(fragment)
}

fn is_host(host: &str) -> bool {
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let port = match host.rsplit_once(']') {
        Some((_, port)) => port.strip_prefix(':').or(port.is_empty().then_some("")),
        None => Some(host.split_once(':').map_or("", |(_, port)| port)),
    };
    port.is_some_and(|port| port.bytes().all(|digit| digit.is_ascii_digit()))
        && !host.contains([' ', '<', '>', '"', '^', '`', '{', '|', '}', '%'])
}

/// Whether every `%` begins two hexadecimal digits.
fn is_escaped(text: &str) -> bool {
    text.split('%').skip(1).all(|after| after.len() >= 2 && after.bytes().take(2).all(|digit| digit.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::is_uri;

    #[test]
    fn addresses_of_files_are_told_from_words() {
        for good in [
            "https://replicate.delivery/pbxt/a b/out-0.png",
            "http://127.0.0.1:8080/x?q=%zz#f",
            "data:image/png;base64,iVBORw0KGgo=",
            "s3://bucket/key",
            "http://[::1]:80/",
            "https://user:pw@example.com/a%20b",
            "file:///etc/hosts",
        ] {
            assert!(is_uri(good), "{good}");
        }
        for bad in [
            "",
            "cat.png",
            "/cat.png",
            "//example.com/cat.png",
            "://x",
            "1a:b",
            "https://exa mple.com/",
            "https://a:port/",
            "https://a/%zz",
            "https://a/#%1",
            "https://a\\b",
            "https://a/\n",
            " https://a",
            "https://a ",
            "絵:x",
            "http://[::1]x/",
        ] {
            assert!(!is_uri(bad), "{bad}");
        }
    }
}
