//! MP4 and QuickTime: boxes in boxes.
//!
//! A box is its length with everything in it, a name of four letters, and its content. On top stand `ftyp`, the brand;
//! `moov`, the tables; and `mdat`, the samples. Of the tables only a fixed few are opened, five deep at most, so no nesting
//! can lead further.

use super::bytes::{MAX_PARTS, array, milliseconds, number, part};
use super::{Kind, Problem, Walked};
use std::ops::Range;

/// The brands that are films or sounds for a browser. The same container also carries pictures (HEIC, AVIF) and raw
/// photographs, which are none.
const BRANDS: [&[u8]; 19] = [
    b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9", b"mp41", b"mp42", b"avc1", b"dash", b"cmfc",
    b"MSNV", b"M4V", b"M4A", b"M4B", QUICKTIME,
];
const QUICKTIME: &[u8] = b"qt  ";

/// Whether a file of this brand is one to walk.
pub(super) fn is_played(brand: &[u8]) -> bool {
    BRANDS.iter().any(|known| brand.starts_with(known))
}

/// The boxes to the end, and what the tables say.
pub(super) fn walk(bytes: &[u8]) -> Result<Walked, Problem> {
    let (mut movie, mut data, mut end) = (None, None::<Range<usize>>, 0);
    for found in Boxes::of(bytes) {
        let Found { name, body } = found?;
        end = body.end;
        match &name {
            b"moov" if movie.is_some() => return Err(Problem::damaged("it has two tables")),
            b"moov" => movie = Some(&bytes[body]),
            b"mdat" => data = Some(data.map_or(body.start, |data| data.start)..body.end),
            _ => {}
        }
    }
    let movie = Movie::read(movie.ok_or_else(|| Problem::damaged("it has no tables"))?)?;
    let data = data.ok_or_else(|| Problem::damaged("it has no data"))?;
    if movie.chunks.is_some_and(|(first, last)| first < data.start as u64 || last >= data.end as u64) {
        return Err(Problem::damaged("its tables point to what is not there"));
    }
    let kind = match (movie.has_picture, movie.has_sound) {
        (true, _) if bytes.get(8..12) == Some(QUICKTIME) => Kind::Mov,
        (true, _) => Kind::Mp4,
        (false, true) => Kind::M4a,
        (false, false) => return Err(Problem::damaged("there is nothing in it to see or to hear")),
    };
    Ok(Walked { kind, size: movie.size, duration_ms: movie.duration_ms, end })
}

struct Found {
    name: [u8; 4],
    body: Range<usize>,
}

/// The boxes that fill `bytes`. Ends after the first that cannot be, and before nothing but zeros.
struct Boxes<'a> {
    bytes: &'a [u8],
    at: usize,
    count: usize,
}

impl<'a> Boxes<'a> {
    const fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, count: 0 }
    }

    fn read(&self) -> Result<Found, Problem> {
        let length = number(&array::<4>(self.bytes, self.at)?);
        let name = array(self.bytes, self.at + 4)?;
        let (head, length) = match length {
            1 => (16, number(&array::<8>(self.bytes, self.at + 8)?)),
            length => (8, length),
        };
        if self.count >= MAX_PARTS {
            return Err(Problem::TooLarge);
        }
        // 0 would mean "to the end of the file", wherever that is: nobody could tell a whole one from a half.
        let body = usize::try_from(length).ok().and_then(|length| length.checked_sub(head));
        let body = body.ok_or_else(|| Problem::damaged("a part has no length"))?;
        part(self.bytes, self.at + head, body)?;
        Ok(Found { name, body: self.at + head..self.at + head + body })
    }
}

impl Iterator for Boxes<'_> {
    type Item = Result<Found, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.at..)?;
        if rest.iter().all(|byte| *byte == 0) {
            return None;
        }
        let found = self.read();
        self.count += 1;
        self.at = found.as_ref().map_or(self.bytes.len(), |found| found.body.end);
        Some(found)
    }
}

/// The content of the first box of this name.
fn child(bytes: &[u8], name: [u8; 4]) -> Result<Option<&[u8]>, Problem> {
    for found in Boxes::of(bytes) {
        let found = found?;
        if found.name == name {
            return Ok(Some(&bytes[found.body]));
        }
    }
    Ok(None)
}

#[derive(Default)]
struct Movie {
    has_picture: bool,
    has_sound: bool,
    /// Of the largest track with pictures.
    size: Option<(u32, u32)>,
    duration_ms: Option<u64>,
    /// Where the first and the last piece of any track begin in the file. `None` when they are in fragments.
    chunks: Option<(u64, u64)>,
}

impl Movie {
    fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let mut movie = Self::default();
        let (mut length, mut fragments) = (None, None);
        for found in Boxes::of(bytes) {
            let Found { name, body } = found?;
            match &name {
                b"mvhd" => length = Some(&bytes[body]),
                b"mvex" => fragments = child(&bytes[body], *b"mehd")?,
                b"trak" => movie.add(&bytes[body])?,
                _ => {}
            }
        }
        let length = length.ok_or_else(|| Problem::damaged("its tables have no head"))?;
        let rate = number(&array::<4>(length, if is_long(length)? { 20 } else { 12 })?);
        // A film in fragments says here how long it is, if at all, and 0 above.
        let units = match fragments {
            Some(fragments) => units(fragments, 4, 4)?,
            None => units(length, 16, 24)?,
        };
        movie.duration_ms = units.and_then(|units| milliseconds(units, rate));
        Ok(movie)
    }

    /// Counts a track in.
    fn add(&mut self, track: &[u8]) -> Result<(), Problem> {
        let media = child(track, *b"mdia")?.ok_or_else(|| Problem::damaged("a track is empty"))?;
        let handler = child(media, *b"hdlr")?.ok_or_else(|| Problem::damaged("a track is of no kind"))?;
        match &array(handler, 8)? {
            b"vide" => {
                self.has_picture = true;
                let head = child(track, *b"tkhd")?.ok_or_else(|| Problem::damaged("a track has no head"))?;
                self.size = [self.size, Some(size(head)?)].into_iter().flatten().max_by_key(|size| area(*size));
            }
            b"soun" => self.has_sound = true,
            _ => return Ok(()),
        }
        let Some(tables) = child(media, *b"minf")?.map(|minf| child(minf, *b"stbl")).transpose()?.flatten() else {
            return Ok(());
        };
        for (name, width) in [(*b"stco", 4), (*b"co64", 8)] {
            let Some(table) = child(tables, name)? else { continue };
            let count = usize::try_from(number(&array::<4>(table, 4)?)).unwrap_or(usize::MAX);
            for place in part(table, 8, count.saturating_mul(width))?.chunks_exact(width).map(number) {
                let (first, last) = self.chunks.unwrap_or((place, place));
                self.chunks = Some((first.min(place), last.max(place)));
            }
        }
        Ok(())
    }
}

fn area((width, height): (u32, u32)) -> u32 {
    // Sides have 16 bits.
    width * height
}

/// Width and height by the head of a track, as it is shown: turned when the matrix says so.
fn size(head: &[u8]) -> Result<(u32, u32), Problem> {
    let matrix = if is_long(head)? { 52 } else { 40 };
    let [across, turned] = [array::<4>(head, matrix)?, array(head, matrix + 4)?];
    // Numbers of 16 bits before the point and 16 behind it.
    let side = |at| array(head, at).map(u16::from_be_bytes).map(u32::from);
    let (width, height) = (side(matrix + 36)?, side(matrix + 40)?);
    Ok(if across == [0; 4] && turned != [0; 4] { (height, width) } else { (width, height) })
}

/// Whether a table is of the version whose times have 64 bits.
fn is_long(table: &[u8]) -> Result<bool, Problem> {
    Ok(array(table, 0)? == [1])
}

/// A duration, at one place in short tables and at another in long ones. `None` when it is not told.
fn units(table: &[u8], short: usize, long: usize) -> Result<Option<u64>, Problem> {
    let (units, unknown) = if is_long(table)? {
        (number(&array::<8>(table, long)?), u64::MAX)
    } else {
        (number(&array::<4>(table, short)?), u64::from(u32::MAX))
    };
    Ok(Some(units).filter(|units| *units != 0 && *units != unknown))
}
