//! Numbers as JSON has them, whole or not, compared by what they mean: `1` and `1.0` are the same.

use serde_json::{Number, Value};
use std::cmp::Ordering;

/// Whether it has no fraction, however it is written.
pub(super) fn is_whole(number: &Number) -> bool {
    !number.is_f64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// Exact between whole numbers that are written as such, else as precise as a double.
pub(super) fn compare(a: &Number, b: &Number) -> Ordering {
    match (exact(a), exact(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => float(a).total_cmp(&float(b)),
    }
}

/// Whether `number` is a multiple of `of`, which is not 0, within a billionth of a step: `0.3` is one of `0.1`.
pub(super) fn is_multiple(number: &Number, of: &Number) -> bool {
    let steps = float(number) / float(of);
    (steps - steps.round()).abs() <= 1e-9 * steps.abs().max(1.0)
}

/// Whether two values mean the same: as `==`, but `1` is `1.0`.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b) == Ordering::Equal,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Reads what a person typed, full-width digits and signs too; `5.0` is the whole number 5. A fraction is read by the JSON
/// reader, which is exact for up to 15 digits; the standard library's, exact for all, would bring its tables into the browser.
pub fn parse(typed: &str) -> Option<Number> {
    let typed: String = typed.trim().chars().map(narrow).collect();
    let json = as_json(&typed)?;
    whole(&json).or_else(|| match serde_json::from_str(&json) {
        Ok(Value::Number(number)) => whole(&text(&number)).or(Some(number)),
        _ => None,
    })
}

/// `+.50` as JSON writes it, and as short as it can be: `0.5`.
fn as_json(typed: &str) -> Option<String> {
    let (sign, digits) = match typed.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", typed.strip_prefix('+').unwrap_or(typed)),
    };
    let zero = if digits.starts_with('.') { "0" } else { "" };
    let is_decimal = digits.contains('.') && !digits.contains(['e', 'E']);
    let short = if is_decimal { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    let begins_well = digits.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit());
    begins_well.then(|| format!("{sign}{zero}{short}"))
}

fn whole(text: &str) -> Option<Number> {
    text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from)).ok()
}

/// A number as people write it: `1024`, also when the schema says `1024.0`.
pub(super) fn text(number: &Number) -> String {
    let text = number.to_string();
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

pub(super) fn float(number: &Number) -> f64 {
    // Always there: without `arbitrary_precision` every number is an i64, a u64 or an f64.
    number.as_f64().unwrap_or_default() + 0.0
}

fn exact(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// The ASCII form of what Japanese keyboards type.
fn narrow(c: char) -> char {
    match c {
        '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')).unwrap_or(c),
        '．' => '.',
        '－' | '−' => '-',
        '＋' => '+',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_japanese_keyboards_type_is_a_number() {
        let cases = [
            ("１０２４", json!(1024)),
            (" －１２ ", json!(-12)),
            ("７．５", json!(7.5)),
            ("−1e3", json!(-1000)),
            ("+.50", json!(0.5)),
            ("-.5", json!(-0.5)),
            (".0", json!(0)),
            ("5.", json!(5)),
            ("100", json!(100)),
            ("3779277878705514.00", json!(3_779_277_878_705_514_u64)),
            ("007", json!(7)),
            ("＋３", json!(3)),
            ("1e20", json!(1e20)),
        ];
        for (typed, meant) in cases {
            assert_eq!(parse(typed).map(Value::Number), Some(meant), "{typed}");
        }
        assert_eq!(parse("18446744073709551615"), Some(Number::from(u64::MAX)));
        for words in [
            "", ".", "-", "+-1", "--1", "1 2", "1..2", ".e5", "..5", "\"1\"", "seven", "1,5", "0x10", "inf", "NaN", "1e999", "一",
        ] {
            assert_eq!(parse(words), None, "{words}");
        }
    }

    #[test]
    fn numbers_are_compared_by_what_they_mean() {
        assert!(same(&json!([1, { "a": 2.0 }]), &json!([1.0, { "a": 2 }])));
        assert!(
            !same(&json!(1), &json!("1")) && !same(&json!([1]), &json!([1, 2])) && !same(&json!({ "a": 1 }), &json!({ "b": 1 }))
        );
        let number = |value: Value| value.as_number().cloned().expect("a number");
        assert_eq!(compare(&number(json!(u64::MAX)), &number(json!(u64::MAX - 1))), Ordering::Greater);
        assert_eq!(compare(&number(json!(-0.0)), &number(json!(0))), Ordering::Equal);
        assert!(is_multiple(&number(json!(0.3)), &number(json!(0.1))) && !is_multiple(&number(json!(65)), &number(json!(8))));
        assert!(is_whole(&number(json!(1e20))) && !is_whole(&number(json!(1.5))));
        assert_eq!((text(&number(json!(1024.0))), text(&number(json!(0.1)))), ("1024".into(), "0.1".into()));
    }
}
