//! What somebody wants to see of their gallery. All of it stands in the address, so that a view can be kept, sent, come
//! back to, and walked through picture by picture.

use super::{CollectionId, Lang, Medium, ModelName, Timestamp, query_pairs, query_value};

/// More characters than anybody types to find a picture.
const MOST_CHARS: usize = 200;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// A view of the gallery; the default shows everything that is not in the trash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GalleryFilter {
    /// Every word of it must be found somewhere in the prompt. In the address `q`.
    pub words: String,
    /// Only what this model made. `model`
    pub model: Option<ModelName>,
    /// Only what has an output of this shape. `shape`
    pub shape: Option<Shape>,
    /// Only what has an output of this kind. `medium`
    pub medium: Option<Medium>,
    /// Only what was asked for on this day or later. `from`
    pub from: Option<Day>,
    /// Only what was asked for on this day or earlier. `to`
    pub to: Option<Day>,
    /// Only favourites. `favourite=1`
    pub favourites: bool,
    /// Only what is in this collection. `collection`
    pub collection: Option<CollectionId>,
    /// What is in the trash instead of what is not. `trash=1`
    pub trash: bool,
    /// Only what came whole, or only what did not. `status`
    pub status: Option<Completeness>,
}

/// A shape as people speak of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Wider than high.
    Landscape,
    /// Higher than wide.
    Portrait,
    /// As wide as high.
    Square,
}

/// Whether everything that was asked for came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// All of it.
    Whole,
    /// Some of it; for the rest the credits went back.
    Partial,
}

/// A day of the calendar, counted from 1 January 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i64);

impl Shape {
    /// All shapes, in the order they are offered.
    pub const ALL: [Self; 3] = [Self::Landscape, Self::Portrait, Self::Square];

    /// The word in the address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Landscape => "landscape",
            Self::Portrait => "portrait",
            Self::Square => "square",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shape| shape.as_str() == word)
    }
}

impl Completeness {
    /// Both, in the order they are offered.
    pub const ALL: [Self; 2] = [Self::Whole, Self::Partial];

    /// The word in the address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Partial => "partial",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl Day {
    /// Reads `2026-11-22`; `None` when there is no such day.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        if !(1970..=9_999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let found = Self::of(year, month, day);
        (found.civil() == (year, month, day)).then_some(found)
    }

    /// The day of a moment, in the zone of a language.
    pub const fn at(moment: Timestamp, lang: Lang) -> Self {
        Self(moment.0.saturating_add(lang.zone_ms()).div_euclid(DAY_MS))
    }

    /// When it begins in the zone of a language.
    pub const fn begins(self, lang: Lang) -> Timestamp {
        Timestamp(self.0.saturating_mul(DAY_MS).saturating_sub(lang.zone_ms()))
    }

    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Year, month from 1, day from 1.
    pub const fn civil(self) -> (i64, i64, i64) {
        // Days since 1 March of the year 0, in eras of 400 years (Howard Hinnant's `civil_from_days`).
        let since = self.0 + 719_468;
        let (era, of_era) = (since.div_euclid(146_097), since.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        (year_of_era + era * 400 + (month <= 2) as i64, month, of_year - (153 * shifted + 2) / 5 + 1)
    }

    /// A day of the calendar.
    pub const fn of(year: i64, month: i64, day: i64) -> Self {
        let year = if month <= 2 { year - 1 } else { year };
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
        Self(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
    }

    /// As a date field has it.
    pub fn machine(self) -> String {
        let (year, month, day) = self.civil();
        format!("{year:04}-{month:02}-{day:02}")
    }
}

impl GalleryFilter {
    /// Reads the query of an address. What cannot be read there is as if it were not there.
    pub fn of_query(query: &str) -> Self {
        Self::of_pairs(&query_pairs(query))
    }

    /// The same of what was read as names and values.
    pub fn of_pairs(pairs: &[(String, String)]) -> Self {
        let value = |name: &str| pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim());
        let model = value("model");
        Self {
            words: value("q").chars().filter(|c| !c.is_control()).take(MOST_CHARS).collect(),
            model: (!model.is_empty() && model.len() <= MOST_CHARS).then(|| ModelName::trusted(model)),
            shape: Shape::parse(value("shape")),
            medium: Medium::parse(value("medium")),
            from: Day::parse(value("from")),
            to: Day::parse(value("to")),
            favourites: value("favourite") == "1",
            collection: CollectionId::parse(value("collection")),
            trash: value("trash") == "1",
            status: Completeness::parse(value("status")),
        }
    }

    /// As a query, without a question mark; empty for everything. The same view has one query.
    pub fn to_query(&self) -> String {
        let pairs = self.pairs();
        pairs.iter().map(|(name, value)| format!("{name}={}", query_value(value))).collect::<Vec<_>>().join("&")
    }

    /// As names and values, for the hidden fields of a form.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let flag = |on: bool| on.then(|| "1".to_owned());
        let words = Some(self.words.clone()).filter(|words| !words.is_empty());
        [
            ("q", words),
            ("model", self.model.as_ref().map(ToString::to_string)),
            ("shape", self.shape.map(|shape| shape.as_str().to_owned())),
            ("medium", self.medium.map(|medium| medium.as_str().to_owned())),
            ("from", self.from.map(Day::machine)),
            ("to", self.to.map(Day::machine)),
            ("favourite", flag(self.favourites)),
            ("collection", self.collection.as_ref().map(ToString::to_string)),
            ("trash", flag(self.trash)),
            ("status", self.status.map(|status| status.as_str().to_owned())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }

    /// The address of this view.
    pub fn href(&self) -> String {
        match self.to_query() {
            query if query.is_empty() => "/gallery".to_owned(),
            query => format!("/gallery?{query}"),
        }
    }

    /// Whether it leaves nothing out but the trash.
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }

    /// Whether anything is asked for beyond the shelf: all, favourites, a collection, the trash.
    pub fn is_narrowed(&self) -> bool {
        *self != self.shelf()
    }

    /// The shelf alone, without search and filters.
    #[must_use]
    pub fn shelf(&self) -> Self {
        let Self { favourites, collection, trash, .. } = self;
        Self { favourites: *favourites, collection: collection.clone(), trash: *trash, ..Self::default() }
    }

    /// The moments between which everything lies: the first of them belongs to it, the last does not.
    pub fn moments(&self, lang: Lang) -> (Timestamp, Timestamp) {
        let first = self.from.map_or(Timestamp(i64::MIN), |day| day.begins(lang));
        (first, self.to.map_or(Timestamp(i64::MAX), |day| day.next().begins(lang)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_has_one_address_and_is_read_back_from_it() {
        let query = "q=%E5%A4%95%E7%84%BC%E3%81%91+sea&model=a/b&shape=square&medium=video&from=2026-11-01&to=2026-11-30&favourite=1\
                     &collection=0193b1e4-7c1f-7000-8000-000000000001&trash=1&status=partial";
        let filter = GalleryFilter::of_query(query);
        assert_eq!(
            (filter.words.as_str(), filter.shape, filter.medium),
            ("夕焼け sea", Some(Shape::Square), Some(Medium::Video))
        );
        assert!(filter.favourites && filter.trash && filter.collection.is_some());
        assert_eq!(GalleryFilter::of_query(&filter.to_query()), filter);
        assert_eq!(filter.href(), format!("/gallery?{}", filter.to_query()));
    }

    #[test]
    fn what_cannot_be_read_in_an_address_is_not_there() {
        let hostile =
            "q=&model=&shape=round&medium=smell&from=2026-02-30&to=yesterday&favourite=yes&collection=1&trash=0&before=x";
        assert!(GalleryFilter::of_query(hostile).is_any());
        assert_eq!(GalleryFilter::default().href(), "/gallery");
        let long = format!("q={}", "x".repeat(1_000));
        assert_eq!(GalleryFilter::of_query(&long).words.len(), MOST_CHARS);
    }

    #[test]
    fn a_day_lies_between_two_midnights_of_the_readers_zone() {
        let filter = GalleryFilter::of_query("from=2026-11-22&to=2026-11-22");
        let midnight = 1_795_305_600_000;
        assert_eq!(filter.moments(Lang::En), (Timestamp(midnight), Timestamp(midnight + DAY_MS)));
        let nine = 9 * 60 * 60 * 1_000;
        assert_eq!(filter.moments(Lang::Ja), (Timestamp(midnight - nine), Timestamp(midnight + DAY_MS - nine)));
    }

    #[test]
    fn days_are_reckoned_both_ways() {
        for text in ["1970-01-01", "2000-02-29", "2024-03-01", "2026-12-31", "2100-02-28"] {
            assert_eq!(Day::parse(text).map(Day::machine).as_deref(), Some(text));
        }
        for no_day in ["2100-02-29", "2026-13-01", "2026-00-10", "2026-1", "1969-12-31", "", "2026-11-22-1"] {
            assert_eq!(Day::parse(no_day), None, "{no_day}");
        }
    }

    #[test]
    fn a_shelf_is_what_is_left_without_search_and_filters() {
        let filter = GalleryFilter::of_query("q=cat&favourite=1");
        assert!(filter.is_narrowed() && !filter.shelf().is_narrowed());
        assert_eq!(filter.shelf().to_query(), "favourite=1");
    }
}
