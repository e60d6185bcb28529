//! The keeper's form. Every field is read on its own, so that everything wrong is told at once and nothing typed is lost.

use super::{Entry, EntryChange, Maximum};
use crate::domain::schema::typed_number;
use crate::domain::{Credits, Price, PriceRule, Task};
use serde_json::{Map, Number, Value};
use std::ops::RangeInclusive;

/// What stands before a property's name in the form.
const MOST: &str = "most.";

const LABEL_CHARS: usize = 60;
const SENTENCE_CHARS: usize = 300;
const URL_CHARS: usize = 500;

/// What was typed, by the names of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryForm(Vec<(String, String)>);

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryProblem {
    /// The field's name.
    pub at: String,
    /// What it is.
    pub what: Wrong,
}

/// What can be wrong; `text` has the sentences.
#[derive(Clone, Debug, PartialEq)]
pub enum Wrong {
    /// Nothing stands in it.
    Missing,
    /// More characters than this.
    TooLong(i64),
    /// Not a whole number between these two.
    NotWhole(i64, i64),
    /// No number, or a fraction where none can be.
    NotNumber,
    /// The model needs at least so much.
    TooSmall(String),
    /// None of the words that can stand there.
    Unknown,
    /// No address that begins with `https://`.
    NotAnAddress,
}

impl EntryForm {
    /// A form as it was sent.
    pub const fn of_fields(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// The form that would write an entry as it is.
    pub fn of(entry: &Entry) -> Self {
        let model = &entry.model;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut fields = vec![
            ("label", model.label.clone()),
            ("label_ja", text(&model.label_ja)),
            ("description", model.description.clone()),
            ("description_ja", text(&model.description_ja)),
            ("task", model.task.as_str().to_owned()),
            ("price_rule", model.price.rule.as_str().to_owned()),
            ("unit_price", model.price.unit.0.to_string()),
            ("max_count", model.max_count.to_string()),
            ("max_seconds", model.max_seconds.to_string()),
            ("place", entry.place.to_string()),
            ("license_url", text(&model.license_url)),
            ("endpoint", text(&model.endpoint)),
        ];
        if entry.enabled {
            fields.push(("enabled", "yes".to_owned()));
        }
        let mut fields: Vec<_> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        for maximum in &entry.maxima {
            fields.push((Self::most(&maximum.name), maximum.house.as_ref().map(Number::to_string).unwrap_or_default()));
        }
        Self(fields)
    }

    /// The field for the house's maximum of a property.
    pub fn most(property: &str) -> String {
        format!("{MOST}{property}")
    }

    /// What stands in a field.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.trim())
    }

    /// Reads all of it. `maxima` are the numbers of the model; what is said of others is dropped.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the form.
    pub fn parse(&self, maxima: &[Maximum]) -> Result<EntryChange, Vec<EntryProblem>> {
        let mut reading = Reading { form: self, problems: Vec::new() };
        let rule = reading.word("price_rule", PriceRule::parse);
        let fewest_seconds = i64::from(rule == Some(PriceRule::Second));
        let change = EntryChange {
            label: reading.required("label", LABEL_CHARS),
            label_ja: reading.text("label_ja", LABEL_CHARS),
            description: reading.text("description", SENTENCE_CHARS).unwrap_or_default(),
            description_ja: reading.text("description_ja", SENTENCE_CHARS),
            task: reading.word("task", Task::parse).unwrap_or_default(),
            price: Price { rule: rule.unwrap_or_default(), unit: Credits(reading.whole("unit_price", 1..=1_000_000)) },
            max_count: reading.whole("max_count", 1..=100),
            max_seconds: reading.whole("max_seconds", fewest_seconds..=3_600),
            place: reading.whole("place", 0..=9_999),
            enabled: self.get("enabled") == "yes",
            license_url: reading.address("license_url", &["https://"]),
            endpoint: reading.address("endpoint", &["https://", "http://"]),
            maxima: reading.maxima(maxima),
        };
        if reading.problems.is_empty() { Ok(change) } else { Err(reading.problems) }
    }
}

struct Reading<'a> {
    form: &'a EntryForm,
    problems: Vec<EntryProblem>,
}

impl Reading<'_> {
    fn wrong(&mut self, at: &str, what: Wrong) {
        self.problems.push(EntryProblem { at: at.to_owned(), what });
    }

    fn text(&mut self, at: &str, most: usize) -> Option<String> {
        let text = self.form.get(at);
        if text.chars().count() > most {
            self.wrong(at, Wrong::TooLong(i64::try_from(most).unwrap_or(i64::MAX)));
        }
        // A line break in a name has no place to stand.
        (!text.is_empty()).then(|| text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn required(&mut self, at: &str, most: usize) -> String {
        let text = self.text(at, most);
        if text.is_none() {
            self.wrong(at, Wrong::Missing);
        }
        text.unwrap_or_default()
    }

    fn word<T>(&mut self, at: &str, parse: fn(&str) -> Option<T>) -> Option<T> {
        let word = parse(self.form.get(at));
        if word.is_none() {
            self.wrong(at, Wrong::Unknown);
        }
        word
    }

    fn whole(&mut self, at: &str, range: RangeInclusive<i64>) -> i64 {
        let number = typed_number(self.form.get(at)).and_then(|number| number.as_i64()).filter(|number| range.contains(number));
        if number.is_none() {
            self.wrong(at, Wrong::NotWhole(*range.start(), *range.end()));
        }
        number.unwrap_or(*range.start())
    }

    fn address(&mut self, at: &str, schemes: &[&str]) -> Option<String> {
        let address = self.form.get(at);
        let host = schemes.iter().find_map(|scheme| address.strip_prefix(scheme));
        let readable = host.is_some_and(|host| host.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '['))
            && address.len() <= URL_CHARS
            && address.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\".contains(&byte));
        if !address.is_empty() && !readable {
            self.wrong(at, Wrong::NotAnAddress);
        }
        (!address.is_empty()).then(|| address.to_owned())
    }

    fn maxima(&mut self, maxima: &[Maximum]) -> Map<String, Value> {
        let mut read = Map::new();
        for maximum in maxima {
            let at = EntryForm::most(&maximum.name);
            let typed = self.form.get(&at);
            if typed.is_empty() {
                continue;
            }
            let number = typed_number(typed).filter(|number| !maximum.integer || number.is_i64());
            let Some((number, value)) = number.and_then(|number| Some((number.as_f64()?, number))) else {
                self.wrong(&at, Wrong::NotNumber);
                continue;
            };
            if let Some(floor) = maximum.floor().filter(|floor| number < *floor) {
                self.wrong(&at, Wrong::TooSmall(floor.to_string()));
            }
            // What the model forbids anyway needs no rule of the house.
            if maximum.own.as_ref().and_then(Number::as_f64).is_none_or(|own| number < own) {
                read.insert(maximum.name.clone(), Value::Number(value));
            }
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples::model;
    use serde_json::json;

    fn entry() -> Entry {
        let model = model(&json!({
            "steps": {"type": "integer", "minimum": 1, "maximum": 50, "default": 20},
            "guidance": {"type": "number", "maximum": 10}, "prompt": {"type": "string"},
        }));
        let maxima = Maximum::all(&model.schema, &Map::new());
        Entry { model, enabled: true, place: 3, maxima }
    }

    fn typed(changes: &[(&str, &str)]) -> Result<EntryChange, Vec<EntryProblem>> {
        let entry = entry();
        let mut fields: Vec<_> = changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        fields.extend(EntryForm::of(&entry).0);
        EntryForm::of_fields(fields).parse(&entry.maxima)
    }

    #[test]
    fn a_form_that_nobody_touched_writes_the_entry_as_it_is() {
        let (change, entry) = (typed(&[]).expect("an entry"), entry());
        assert_eq!((change.label, change.price, change.place), (entry.model.label, entry.model.price, 3));
        assert!(change.enabled && change.maxima.is_empty() && change.license_url.is_none());
    }

    #[test]
    fn everything_wrong_is_told_at_once_at_its_field() {
        let wrong = typed(&[
            ("label", " "),
            ("task", "everything"),
            ("unit_price", "0"),
            ("max_count", "many"),
            ("license_url", "javascript:alert(1)"),
            ("most.steps", "7.5"),
            ("most.guidance", "much"),
        ]);
        let at: Vec<_> = wrong.expect_err("much").into_iter().map(|problem| problem.at).collect();
        assert_eq!(at, ["label", "task", "unit_price", "max_count", "license_url", "most.guidance", "most.steps"]);
    }

    #[test]
    fn seconds_that_are_paid_for_must_end_somewhere() {
        let wrong = typed(&[("price_rule", "second")]).expect_err("no most seconds");
        assert_eq!(wrong, [EntryProblem { at: "max_seconds".into(), what: Wrong::NotWhole(1, 3_600) }]);
        assert!(typed(&[("price_rule", "second"), ("max_seconds", "１５")]).is_ok_and(|change| change.max_seconds == 15));
    }

    #[test]
    fn a_maximum_below_the_default_would_refuse_every_press_and_one_above_the_models_own_says_nothing() {
        let wrong = typed(&[("most.steps", "19")]).expect_err("below the default");
        assert_eq!(wrong[0].what, Wrong::TooSmall("20".into()));
        let change = typed(&[("most.steps", "30"), ("most.guidance", "10")]).expect("an entry");
        assert_eq!(Value::Object(change.maxima), json!({"steps": 30}));
    }

    #[test]
    fn an_address_is_an_address_and_nothing_else() {
        for (address, fits) in [
            ("https://example.com/licence?v=1#a", true),
            ("http://example.com/licence", false),
            ("https://", false),
            ("https:///example.com", false),
            ("https://example.com/\"><script>", false),
            ("//example.com", false),
        ] {
            assert_eq!(typed(&[("license_url", address)]).is_ok(), fits, "{address}");
        }
        assert!(typed(&[("endpoint", "http://10.0.0.7:5000")]).is_ok());
    }
}
