//! JSON with whole numbers, which is all that is ever told. Anything else, a fraction too, is no value at all.

use std::iter::Peekable;
use std::str::Chars;

/// Deeper than anything we write, and shallow enough for a small stack.
const DEEPEST: u8 = 32;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, and what is not there.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
    /// Values in order.
    List(Vec<Value>),
    /// Names and values.
    Fields(Vec<(String, Value)>),
}

impl Value {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The value of a name; `Null` when there is none.
    pub fn field(&self, name: &str) -> &Self {
        let Self::Fields(fields) = self else { return &Self::Null };
        fields.iter().find(|(other, _)| other == name).map_or(&Self::Null, |(_, value)| value)
    }

    /// One of several: its name, and what comes with it.
    pub fn variant(&self) -> Option<(&str, &Self)> {
        match self {
            Self::Text(name) => Some((name, &Self::Null)),
            Self::Fields(fields) => match fields.as_slice() {
                [(name, value)] => Some((name, value)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Reads a text that is one value and nothing else.
pub fn parse(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text.chars().peekable() };
    let value = reader.value(DEEPEST)?;
    reader.next_mark().is_none().then_some(value)
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Reader<'_> {
    /// The next character that is no space, without taking it.
    fn next_mark(&mut self) -> Option<char> {
        while self.rest.next_if(|c| matches!(c, ' ' | '\n' | '\r' | '\t')).is_some() {}
        self.rest.peek().copied()
    }

    /// Takes this mark, if it is the next.
    fn take(&mut self, mark: char) -> Option<()> {
        (self.next_mark()? == mark).then(|| self.rest.next()).flatten().map(|_| ())
    }

    fn value(&mut self, depth: u8) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        match self.next_mark()? {
            '"' => self.text().map(Value::Text),
            '[' => self.several('[', ']', |reader| reader.value(depth)).map(Value::List),
            '{' => self.several('{', '}', |reader| Some((reader.name()?, reader.value(depth)?))).map(Value::Fields),
            _ => self.word(),
        }
    }

    fn several<T>(&mut self, open: char, close: char, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut all = Vec::new();
        self.take(open)?;
        if self.take(close).is_some() {
            return Some(all);
        }
        loop {
            all.push(one(self)?);
            if self.take(close).is_some() {
                return Some(all);
            }
            self.take(',')?;
        }
    }

    fn name(&mut self) -> Option<String> {
        let name = self.text()?;
        self.take(':')?;
        Some(name)
    }

    fn word(&mut self) -> Option<Value> {
        let mut word = String::new();
        while let Some(c) = self.rest.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')) {
            word.push(c);
        }
        match word.as_str() {
            "null" => Some(Value::Null),
            "true" => Some(Value::Flag(true)),
            "false" => Some(Value::Flag(false)),
            number => number.parse().ok().map(Value::Number),
        }
    }

    fn text(&mut self) -> Option<String> {
        self.take('"')?;
        let mut text = String::new();
        loop {
            match self.rest.next()? {
                '"' => return Some(text),
                '\\' => text.push(self.escaped()?),
                c if c < ' ' => return None,
                c => text.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        Some(match self.rest.next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'u' => return self.by_number(),
            c @ ('"' | '\\' | '/') => c,
            _ => return None,
        })
    }

    /// A character by its number, or by the two halves of it that UTF-16 has.
    fn by_number(&mut self) -> Option<char> {
        let first = self.four()?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first);
        }
        (self.rest.next()? == '\\' && self.rest.next()? == 'u').then_some(())?;
        let second = self.four()?.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
        char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + second)
    }

    fn four(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |number, _| Some(number * 16 + self.rest.next()?.to_digit(16)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_is_read_with_and_without_spaces() {
        let spaced = " { \"a\" : [ 1 , -20 , null , true , false ] , \"b\" : { } , \"c\" : \"\" } \n";
        let dense = r#"{"a":[1,-20,null,true,false],"b":{},"c":""}"#;
        let list = vec![Value::Number(1), Value::Number(-20), Value::Null, Value::Flag(true), Value::Flag(false)];
        let fields = [("a", Value::List(list)), ("b", Value::Fields(vec![])), ("c", Value::Text(String::new()))];
        let expected = Value::Fields(fields.map(|(name, value)| (name.to_owned(), value)).into());
        assert_eq!(parse(spaced).as_ref(), Some(&expected));
        assert_eq!(parse(dense).as_ref(), Some(&expected));
    }

    #[test]
    fn what_serde_writes_of_a_text_is_read_back_exactly() {
        for text in ["", "\"\\/\u{8}\u{c}\n\r\t", "\u{0}\u{1f}\u{7f}", "霧の中の灯台 🗼", "</script>\u{2028}"] {
            let written = serde_json::to_string(text).unwrap();
            assert_eq!(parse(&written), Some(Value::Text(text.to_owned())), "{written}");
        }
        assert_eq!(parse(r#""\u003c\ud83d\uddfc\/""#), Some(Value::Text("<🗼/".to_owned())));
    }

    #[test]
    fn what_is_no_value_is_none_and_never_a_panic() {
        for text in [
            "",
            " ",
            "{",
            "[",
            "[1,]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "nul",
            "1.5",
            "1e3",
            "--1",
            "9223372036854775808",
            "\"",
            "\"\\",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud83d\"",
            "\"\\ud83d\\u0041\"",
            "\"\\udc00\"",
            "\"\n\"",
            "1 1",
            "[]]",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse(&"[".repeat(100_000)), None);
        assert_eq!(parse(&format!("{}{}", "[".repeat(40), "]".repeat(40))), None);
    }
}
