//! Lists in pages: the cursors that lead on and back. A cursor names a row, not a number of rows, so that what comes or goes
//! meanwhile shifts nothing.

use super::told::Page;
use crate::server::protocol::Problem;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::form_urlencoded::Serializer;

/// Where a page lies in its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// At the beginning.
    First,
    /// After the row of this name.
    On(String),
    /// Before the row of this name.
    Back(String),
}

/// A list, as its pages are addressed.
#[derive(Clone, Copy, Debug)]
pub(super) struct List<'a> {
    /// The address of its first page, without a query.
    pub address: &'a str,
    /// What every page's address says besides.
    pub kept: &'a [(&'a str, &'a Option<String>)],
}

impl Turn {
    /// Reads a cursor.
    ///
    /// # Errors
    /// When it is none of ours, as for what is not there.
    pub fn read(cursor: Option<&str>) -> Result<Self, Problem> {
        let Some(cursor) = cursor else { return Ok(Self::First) };
        let text = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let turn = text.and_then(|text| match text.split_at_checked(1)? {
            ("+", name) => Some(Self::On(name.to_owned())),
            ("-", name) => Some(Self::Back(name.to_owned())),
            _ => None,
        });
        turn.ok_or_else(Problem::not_found)
    }

    /// The row that it names.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::First => None,
            Self::On(name) | Self::Back(name) => Some(name),
        }
    }

    /// Whether it leads to what comes before.
    pub const fn is_back(&self) -> bool {
        matches!(self, Self::Back(_))
    }

    fn cursor(&self) -> String {
        let (sign, name) = match self {
            Self::First => return String::new(),
            Self::On(name) => ('+', name),
            Self::Back(name) => ('-', name),
        };
        URL_SAFE_NO_PAD.encode(format!("{sign}{name}"))
    }
}

impl List<'_> {
    /// The page that `turn` led to. `more`: whether there are rows beyond it, in the direction that it was read.
    pub fn page<R, T>(
        &self,
        turn: &Turn,
        rows: &[R],
        more: bool,
        name: impl Fn(&R) -> String,
        told: impl Fn(&R) -> T,
    ) -> Page<T> {
        let (on, back) = match turn {
            Turn::First => (more, false),
            Turn::On(_) => (more, true),
            Turn::Back(_) => (true, more),
        };
        let on = rows.last().filter(|_| on).map(|row| self.at(&Turn::On(name(row))));
        let back = rows.first().filter(|_| back).map(|row| self.at(&Turn::Back(name(row))));
        Page { next: on, previous: back, results: rows.iter().map(told).collect() }
    }

    fn at(&self, turn: &Turn) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("cursor", &turn.cursor());
        query.extend_pairs(self.kept.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))));
        format!("{}?{}", self.address, query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: List<'static> = List { address: "https://here/v1/models", kept: &[] };

    fn turn(address: Option<&String>) -> Option<Turn> {
        let cursor = address?.split_once("cursor=").map(|(_, cursor)| cursor.to_owned());
        Some(Turn::read(cursor.as_deref()).unwrap_or(Turn::First))
    }

    #[test]
    fn a_page_leads_on_from_its_last_row_and_back_from_its_first() {
        let page = |turn: Turn, more| {
            let page = LIST.page(&turn, &["b", "c"], more, |row| (*row).to_owned(), |row| (*row).to_owned());
            (super::tests::turn(page.previous.as_ref()), super::tests::turn(page.next.as_ref()))
        };
        let (on, back) = (|name: &str| Some(Turn::On(name.into())), |name: &str| Some(Turn::Back(name.into())));
        assert_eq!(page(Turn::First, true), (None, on("c")));
        assert_eq!(page(Turn::First, false), (None, None));
        assert_eq!(page(Turn::On("a".into()), false), (back("b"), None));
        assert_eq!(page(Turn::Back("d".into()), false), (None, on("c")));
        assert_eq!(page(Turn::Back("d".into()), true), (back("b"), on("c")));
    }

    #[test]
    fn what_is_no_cursor_leads_nowhere() {
        for bad in ["", "nonsense", "Kw=", "YQ", "\u{ff0b}"] {
            assert!(Turn::read(Some(bad)).is_err(), "{bad}");
        }
        assert_eq!(Turn::read(None), Ok(Turn::First));
    }
}
