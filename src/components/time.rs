//! Moments as people read them: `22 Nov 2026, 14:05` in UTC, `2026年11月22日 14:05` in Japan's time.
//!
//! Civil dates are the domain's ([`Day`]), so that both builds share one small function.

use crate::domain::{Day, Lang, Timestamp};
use crate::text;
use leptos::prelude::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A moment taken apart, in the zone of a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Civil {
    fn at(moment: Timestamp, offset: i64) -> Self {
        let shifted = moment.plus_ms(offset);
        let (year, month, day) = Day::at(shifted, Lang::En).civil();
        let rest = shifted.0.rem_euclid(DAY);
        Self { year, month, day, hour: rest / HOUR, minute: rest / MINUTE % 60, second: rest / 1_000 % 60 }
    }

    fn date(self, lang: Lang) -> String {
        let Self { year, month, day, .. } = self;
        match lang {
            Lang::En => format!("{day} {}", month_name(year, month, lang)),
            Lang::Ja => format!("{year}年{month}月{day}日"),
        }
    }
}

/// A month with its year: `Nov 2026`, `2026年11月`.
pub fn month_name(year: i64, month: i64, lang: Lang) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    match lang {
        Lang::En => {
            let name = usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or_default();
            format!("{name} {year}")
        }
        Lang::Ja => format!("{year}年{month}月"),
    }
}

/// The day of a moment, counted from 1 January 1970 in the zone of a language.
pub fn day_number(moment: Timestamp, lang: Lang) -> i64 {
    moment.0.saturating_add(lang.zone_ms()).div_euclid(DAY)
}

/// Date and time of day, to the minute.
pub fn date_time(moment: Timestamp, lang: Lang) -> String {
    let civil = Civil::at(moment, lang.zone_ms());
    let comma = if lang == Lang::En { "," } else { "" };
    format!("{}{comma} {:02}:{:02}", civil.date(lang), civil.hour, civil.minute)
}

/// The day as a heading: today, yesterday, or its date.
pub fn day_name(moment: Timestamp, now: Timestamp, lang: Lang) -> String {
    let words = &text::pages(lang).picture;
    match day_number(now, lang) - day_number(moment, lang) {
        0 => words.today.into(),
        1 => words.yesterday.into(),
        _ => Civil::at(moment, lang.zone_ms()).date(lang),
    }
}

/// A moment for machines: RFC 3339 in UTC.
pub fn machine(moment: Timestamp) -> String {
    let Civil { year, month, day, hour, minute, second } = Civil::at(moment, 0);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A moment for a table that another program opens: `2026-11-22 14:05:09`, in the zone of a language.
pub fn in_table(moment: Timestamp, lang: Lang) -> String {
    machine(moment.plus_ms(lang.zone_ms())).replace('T', " ").replace('Z', "")
}

/// A moment, for people and machines.
#[component]
pub fn Moment(at: Timestamp, lang: Lang) -> impl IntoView {
    view! { <time datetime=machine(at)>{date_time(at, lang)}</time> }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 22 November 2026, 14:05:09 UTC.
    const MOMENT: Timestamp = Timestamp(1_795_356_309_000);

    #[test]
    fn a_moment_reads_as_each_language_writes_it_in_its_own_zone() {
        assert_eq!(date_time(MOMENT, Lang::En), "22 Nov 2026, 14:05");
        assert_eq!(date_time(MOMENT, Lang::Ja), "2026年11月22日 23:05");
        assert_eq!(date_time(MOMENT.plus_ms(HOUR), Lang::Ja), "2026年11月23日 00:05");
        assert_eq!(machine(MOMENT), "2026-11-22T14:05:09Z");
        assert_eq!([Lang::En, Lang::Ja].map(|lang| in_table(MOMENT, lang)), ["2026-11-22 14:05:09", "2026-11-22 23:05:09"]);
    }

    #[test]
    fn leap_days_the_epoch_and_the_years_before_it_come_out_right() {
        for (days, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T00:00:00Z"),
            (11_016, "2000-02-29T00:00:00Z"),
            (19_782, "2024-02-29T00:00:00Z"),
            (19_783, "2024-03-01T00:00:00Z"),
            (47_540, "2100-02-28T00:00:00Z"),
            (47_541, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(machine(Timestamp(days * DAY)), text);
        }
    }

    #[test]
    fn a_day_begins_at_midnight_of_the_readers_zone() {
        let now = MOMENT.plus_ms(HOUR);
        assert_eq!(day_name(MOMENT, now, Lang::En), "Today");
        assert_eq!(day_name(MOMENT, now, Lang::Ja), "昨日");
        assert_eq!(day_name(MOMENT.plus_ms(-2 * DAY), now, Lang::En), "20 Nov 2026");
    }
}
