//! Many prompts in one: `a {red|blue} boat` stands for two.
//!
//! A group in braces with at least one `|` is a choice; several groups make every combination, the last one changing
//! fastest. Braces without a choice, braces in braces and a brace after a backslash are text.

/// The most prompts that one text may stand for.
pub const MOST: usize = 20;

/// All prompts a text stands for, in order; one, itself, when it holds no choice. `None` when they are more than [`MOST`].
pub fn variants(text: &str) -> Option<Vec<String>> {
    let mut all = vec![String::new()];
    let mut rest = text;
    while let Some((before, options, after)) = next_choice(rest) {
        let options: Vec<&str> = options.split('|').map(str::trim).collect();
        if all.len() * options.len() > MOST {
            return None;
        }
        let before = unescaped(before);
        all = all
            .iter()
            .flat_map(|start| options.iter().map(|option| [start.as_str(), before.as_str(), option].concat()).collect::<Vec<_>>())
            .collect();
        rest = after;
    }
    let end = if all.len() == 1 { rest.to_owned() } else { unescaped(rest) };
    for prompt in &mut all {
        prompt.push_str(&end);
    }
    Some(all)
}

/// The text before the first choice, the inside of it, and the text after it.
fn next_choice(text: &str) -> Option<(&str, &str, &str)> {
    let mut open = None;
    for (at, c) in text.char_indices() {
        match c {
            '{' if text[..at].ends_with('\\') => open = None,
            '{' => open = Some(at),
            '}' => {
                if let Some(from) = open.take() {
                    let inside = &text[from + 1..at];
                    if inside.contains('|') {
                        return Some((&text[..from], inside, &text[at + 1..]));
                    }
                }
            }
            _ => {}
        }
    }
    None
}

/// A backslash before a brace was there only to say that it is one.
fn unescaped(text: &str) -> String {
    text.replace("\\{", "{")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        variants(text).expect("not too many")
    }

    #[test]
    fn a_text_without_a_choice_is_itself_whatever_braces_it_holds() {
        for text in ["", "a boat", "{}", "{red}", "a } b { c | d", "{\"a\": 1}", "|", "海{青}", "\\{a"] {
            assert_eq!(of(text), [text]);
        }
    }

    #[test]
    fn choices_make_every_combination_in_order() {
        assert_eq!(of("a {red|blue} boat"), ["a red boat", "a blue boat"]);
        assert_eq!(of("{a|b}{1|2}"), ["a1", "a2", "b1", "b2"]);
        assert_eq!(of("{夕焼け | 朝焼け}の海"), ["夕焼けの海", "朝焼けの海"]);
        assert_eq!(of("a {|red} fox"), ["a  fox", "a red fox"]);
        assert_eq!(of("{x {a|b}}"), ["{x a}", "{x b}"]);
    }

    #[test]
    fn a_backslash_keeps_a_brace() {
        assert_eq!(of("\\{a|b} and {c|d}"), ["{a|b} and c", "{a|b} and d"]);
        assert_eq!(of("\\{a|b}"), ["\\{a|b}"], "with no choice in it the text is left alone");
    }

    #[test]
    fn twenty_is_the_most_and_is_known_before_any_is_made() {
        assert_eq!(of(&format!("{{{}}}", vec!["x"; 20].join("|"))).len(), 20);
        assert_eq!(variants(&format!("{{{}}}", vec!["x"; 21].join("|"))), None);
        assert_eq!(variants(&"{a|b}".repeat(5_000)), None);
    }
}
