//! Ogg with one sound in it: pages, each with a checksum over all of it, counted without a gap; the last is marked.

use super::bytes::{array, milliseconds, part};
use super::crc::CRC_32;
use super::{Kind, Problem, Walked};

/// Marks on a page: the first and the last of its stream.
const FIRST: u8 = 2;
const LAST: u8 = 4;
/// Opus counts in these, whatever it was made of.
const OPUS_RATE: u64 = 48_000;

/// The pages to the last.
pub(super) fn walk(bytes: &[u8]) -> Result<Walked, Problem> {
    let first = Page::read(bytes, 0)?;
    let codec = Codec::read(first.body).ok_or(Problem::Unknown)?;
    if first.marks & FIRST == 0 {
        return Err(Problem::damaged("its beginning is missing"));
    }
    let (serial, mut number, mut page, mut end, mut position) = (first.serial, first.number, first, 0, 0);
    loop {
        if page.serial != serial {
            // Several streams at once are a film, or a sound with something beside it.
            return Err(Problem::Unknown);
        }
        if page.number != number {
            return Err(Problem::damaged("a page is missing"));
        }
        position = page.position.unwrap_or(position);
        end += page.length;
        if page.marks & LAST != 0 {
            return Ok(Walked { kind: Kind::Ogg, size: None, duration_ms: codec.duration_ms(position), end });
        }
        number = number.wrapping_add(1);
        page = Page::read(bytes, end)?;
    }
}

struct Page<'a> {
    marks: u8,
    /// The samples played when it ends; `None` when no packet ends on it.
    position: Option<u64>,
    serial: u32,
    number: u32,
    body: &'a [u8],
    /// With its head.
    length: usize,
}

impl<'a> Page<'a> {
    /// `OggS`, version, marks, position, serial, number, checksum, and a table of the lengths of its pieces.
    fn read(bytes: &'a [u8], at: usize) -> Result<Self, Problem> {
        let [b'O', b'g', b'g', b'S', 0, marks] = array(bytes, at)? else {
            return Err(Problem::damaged("a page does not begin where it should"));
        };
        let [pieces] = array(bytes, at + 26)?;
        let pieces = part(bytes, at + 27, usize::from(pieces))?;
        let (head, body) = (27 + pieces.len(), pieces.iter().map(|piece| usize::from(*piece)).sum::<usize>());
        let page = part(bytes, at, head + body)?;
        // It is reckoned with nothing in its own place.
        let sum = u32::from_le_bytes(array(page, 22)?);
        if CRC_32.run(page[..22].iter().chain(&[0; 4]).chain(&page[26..])) != sum {
            return Err(Problem::damaged("a page is not what its checksum says"));
        }
        let position = Some(u64::from_le_bytes(array(page, 6)?)).filter(|position| *position != u64::MAX);
        let [serial, number] = [14, 18].map(|at| array(page, at).map(u32::from_le_bytes));
        Ok(Self { marks, position, serial: serial?, number: number?, body: &page[head..], length: head + body })
    }
}

enum Codec {
    Vorbis {
        /// Samples a second.
        rate: u64,
    },
    Opus {
        /// Samples at the start that are not played.
        skipped: u64,
    },
}

impl Codec {
    /// By the first packet. Others are not heard in every browser.
    fn read(packet: &[u8]) -> Option<Self> {
        match packet {
            [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => {
                Some(Self::Vorbis { rate: u32::from_le_bytes(array(packet, 12).ok()?).into() })
            }
            [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', ..] => {
                Some(Self::Opus { skipped: u16::from_le_bytes(array(packet, 10).ok()?).into() })
            }
            _ => None,
        }
    }

    fn duration_ms(&self, position: u64) -> Option<u64> {
        match self {
            Self::Vorbis { rate } => milliseconds(position, *rate),
            Self::Opus { skipped } => milliseconds(position.saturating_sub(*skipped), OPUS_RATE),
        }
    }
}
