//! Text as the inside of an element that holds nothing but text: `<title>` and `<textarea>`.
//!
//! A browser reads no elements and no comments there, and Leptos 0.8 knows neither: it writes the children of a `<textarea>`
//! unescaped, so that a prompt could close it and open a script, and ends an erased text with a marker, `<!>`, which
//! becomes part of the title. So the text is escaped here and given as inner HTML.

/// The text as HTML that reads back as exactly this text.
pub fn plain(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_it_opens_or_closes_an_element_and_ampersands_are_escaped_once() {
        assert_eq!(plain("</title><b> & &amp;"), "&lt;/title&gt;&lt;b&gt; &amp; &amp;amp;");
    }
}
