//! WebM and Matroska: elements in elements.
//!
//! An element is its id, the length of its content, and that. A head says which of the two it is; one segment follows,
//! with a note on the whole (how long), the tracks (of what kind and size), and clusters of samples. A recorder that
//! cannot go back leaves the lengths of the segment and the clusters open: they then end where something begins that
//! cannot be in them.

use super::bytes::{MAX_PARTS, array, number, part};
use super::{Kind, Problem, Walked};
use std::time::Duration;

const DOC_TYPE: u64 = 0x4282;
const VOID: u64 = 0xec;
const SEGMENT: u64 = 0x1853_8067;
const INFO: u64 = 0x1549_a966;
const TICK: u64 = 0x2a_d7b1;
const DURATION: u64 = 0x4489;
const TRACKS: u64 = 0x1654_ae6b;
const TRACK: u64 = 0xae;
const TRACK_TYPE: u64 = 0x83;
const VIDEO: u64 = 0xe0;
const PIXEL_WIDTH: u64 = 0xb0;
const PIXEL_HEIGHT: u64 = 0xba;
const CLUSTER: u64 = 0x1f43_b675;

/// What may stand in a segment or, once the end of a cluster is open, in that: indexes, tags, chapters and attachments;
/// times, positions and blocks; checksums.
const INSIDE: [u64; 14] =
    [0x114d_9b74, 0x1c53_bb6b, 0x1254_c367, 0x1043_a770, 0x1941_a469, 0xe7, 0xa7, 0xab, 0xa3, 0xa0, 0xaf, 0x5854, 0xbf, VOID];

/// The head, the segment, and what it says.
pub(super) fn walk(bytes: &[u8]) -> Result<Walked, Problem> {
    let head = Element::read(bytes, 0)?;
    let is_webm = match doc_type(head.body(bytes)?)? {
        b"webm" => true,
        b"matroska" => false,
        _ => return Err(Problem::Unknown),
    };
    let mut segment = Element::read(bytes, head.end()?)?;
    while segment.id == VOID {
        segment = Element::read(bytes, segment.end()?)?;
    }
    if segment.id != SEGMENT {
        return Err(Problem::damaged("it has no segment"));
    }
    let content =
        if segment.length.is_some() { segment.body(bytes)? } else { part(bytes, segment.at, bytes.len() - segment.at)? };
    let film = Film::read(content, segment.length.is_none())?;
    if !film.has_data {
        return Err(Problem::damaged("it has no data"));
    }
    let kind = match (is_webm, film.has_picture, film.has_sound) {
        (_, false, false) => return Err(Problem::damaged("there is nothing in it to see or to hear")),
        (false, ..) => Kind::Mkv,
        (true, true, _) => Kind::Webm,
        (true, false, true) => Kind::Weba,
    };
    Ok(Walked { kind, size: film.size, duration_ms: film.duration_ms, end: segment.at + film.end })
}

fn doc_type(head: &[u8]) -> Result<&[u8], Problem> {
    for element in Elements::of(head) {
        let element = element?;
        if element.id == DOC_TYPE {
            return Ok(element.body(head)?.split(|byte| *byte == 0).next().unwrap_or_default());
        }
    }
    Ok(b"")
}

/// The beginning of an element, and where its content lies.
struct Element {
    id: u64,
    /// Where its content begins.
    at: usize,
    /// `None` when it is open.
    length: Option<usize>,
}

impl Element {
    /// Ids and lengths are numbers whose leading zeros count the bytes that follow the first.
    fn read(bytes: &[u8], at: usize) -> Result<Self, Problem> {
        let [first] = array(bytes, at)?;
        let width = first.leading_zeros() as usize + 1;
        if width > 4 {
            return Err(Problem::damaged("an element has no id"));
        }
        let id = number(part(bytes, at, width)?);
        let at = at + width;
        let [first] = array(bytes, at)?;
        let width = first.leading_zeros() as usize + 1;
        if width > 8 {
            return Err(Problem::damaged("an element has no length"));
        }
        let all_ones = (1 << (7 * width)) - 1;
        let length = number(part(bytes, at, width)?) & all_ones;
        let length = (length != all_ones).then(|| usize::try_from(length).unwrap_or(usize::MAX));
        Ok(Self { id, at: at + width, length })
    }

    fn end(&self) -> Result<usize, Problem> {
        let end = self.length.and_then(|length| self.at.checked_add(length));
        end.ok_or_else(|| Problem::damaged("an element has no length"))
    }

    fn body<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], Problem> {
        part(bytes, self.at, self.end()? - self.at)
    }
}

/// The elements that fill `bytes`, none of them open. Ends after the first that cannot be.
struct Elements<'a> {
    bytes: &'a [u8],
    at: usize,
    count: usize,
}

impl<'a> Elements<'a> {
    const fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, count: 0 }
    }

    fn read(&self) -> Result<Element, Problem> {
        let element = Element::read(self.bytes, self.at)?;
        element.body(self.bytes)?;
        if self.count >= MAX_PARTS { Err(Problem::TooLarge) } else { Ok(element) }
    }
}

impl Iterator for Elements<'_> {
    type Item = Result<Element, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let element = self.read();
        self.count += 1;
        self.at = element.as_ref().ok().and_then(|element| element.end().ok()).unwrap_or(self.bytes.len());
        Some(element)
    }
}

#[derive(Default)]
struct Film {
    has_data: bool,
    has_picture: bool,
    has_sound: bool,
    /// Of the largest track with pictures.
    size: Option<(u32, u32)>,
    duration_ms: Option<u64>,
    /// Where the segment's content ends.
    end: usize,
}

impl Film {
    fn read(segment: &[u8], is_open: bool) -> Result<Self, Problem> {
        let mut film = Self::default();
        let mut count = 0;
        while film.end < segment.len() {
            let element = Element::read(segment, film.end);
            // Whatever else begins in an open segment begins behind it.
            let foreign = |id| ![INFO, TRACKS, CLUSTER].contains(&id) && !INSIDE.contains(&id);
            if is_open && element.as_ref().map_or(segment[film.end] == 0, |element| foreign(element.id)) {
                break;
            }
            let element = element?;
            film.has_data |= element.id == CLUSTER;
            if element.id == CLUSTER && element.length.is_none() {
                film.end = element.at;
            } else {
                let body = element.body(segment)?;
                match element.id {
                    INFO => film.duration_ms = duration_ms(body)?,
                    TRACKS => film.add(body)?,
                    _ => {}
                }
                film.end = element.end()?;
            }
            count += 1;
            if count > MAX_PARTS {
                return Err(Problem::TooLarge);
            }
        }
        Ok(film)
    }

    /// Counts the tracks in.
    fn add(&mut self, tracks: &[u8]) -> Result<(), Problem> {
        for track in Elements::of(tracks) {
            let track = track?;
            if track.id != TRACK {
                continue;
            }
            let track = track.body(tracks)?;
            for element in Elements::of(track) {
                let element = element?;
                let body = element.body(track)?;
                match (element.id, number(body)) {
                    (TRACK_TYPE, 1) => self.has_picture = true,
                    (TRACK_TYPE, 2) => self.has_sound = true,
                    (VIDEO, _) => {
                        self.size = [self.size, size(body)?]
                            .into_iter()
                            .flatten()
                            .max_by_key(|(width, height)| u64::from(*width) * u64::from(*height));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// Width and height, by what is known of a track's pictures.
fn size(video: &[u8]) -> Result<Option<(u32, u32)>, Problem> {
    let (mut width, mut height) = (None, None);
    for element in Elements::of(video) {
        let element = element?;
        let side = || element.body(video).map(|body| u32::try_from(number(body)).ok());
        match element.id {
            PIXEL_WIDTH => width = side()?,
            PIXEL_HEIGHT => height = side()?,
            _ => {}
        }
    }
    Ok(width.zip(height))
}

/// How long it plays: a floating number of ticks, each of so many nanoseconds.
fn duration_ms(info: &[u8]) -> Result<Option<u64>, Problem> {
    let (mut ticks, mut tick) = (None, 1_000_000);
    for element in Elements::of(info) {
        let element = element?;
        let body = element.body(info)?;
        match (element.id, body.len()) {
            (TICK, _) => tick = number(body),
            (DURATION, 4) => ticks = Some(f64::from(f32::from_be_bytes(array(body, 0)?))),
            (DURATION, 8) => ticks = Some(f64::from_be_bytes(array(body, 0)?)),
            _ => {}
        }
    }
    let seconds = ticks.zip(u32::try_from(tick).ok()).map(|(ticks, tick)| ticks * f64::from(tick) / 1e9);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let rounded = duration.and_then(|duration| u64::try_from((duration.as_micros() + 500) / 1000).ok());
    // Nothing at all is said by leaving it at 0.
    Ok(rounded.filter(|time| *time > 0))
}
