//! MP3: notes, then frames to the end, then older notes.
//!
//! There is no container, only frames one behind the other, each as long as its head says. The first may be silent and
//! count the others.

use super::bytes::{array, milliseconds, number, part};
use super::{Kind, Problem, Walked};

/// Whether an MP3 frame's head stands at the start.
pub(super) fn is_frame(bytes: &[u8]) -> bool {
    Frame::read(bytes, 0).is_some()
}

/// Notes and frames to the end.
pub(super) fn walk(bytes: &[u8]) -> Result<Walked, Problem> {
    let mut at = skip_notes(bytes, 0)?;
    let first = Frame::read(bytes, at).ok_or(Problem::Unknown)?;
    let purpose = First::read(part(bytes, at, first.length)?, first)?;
    let mut frames = 0;
    while let Some(frame) = Frame::read(bytes, at).filter(|frame| frame.is_like(first)) {
        part(bytes, at, frame.length)?;
        frames += 1;
        at = skip_notes(bytes, at + frame.length)?;
    }
    // Whether the frame that counts counts itself is understood in two ways.
    let played = match purpose {
        First::Plays => frames,
        First::Counts(Some(told)) if told > frames => return Err(Problem::damaged("frames are missing at its end")),
        First::Counts(_) => frames - 1,
    };
    if bytes.len() - at < 4 && bytes.get(at) == Some(&0xff) {
        return Err(Problem::damaged("it breaks off"));
    }
    let duration_ms = milliseconds(played * first.samples, first.rate);
    Ok(Walked { kind: Kind::Mp3, size: None, duration_ms, end: at })
}

/// Where the notes end that begin here, if any do.
fn skip_notes(bytes: &[u8], mut at: usize) -> Result<usize, Problem> {
    while let Some(length) = notes(bytes, at)? {
        at += length;
    }
    Ok(at)
}

/// How many bytes of notes are here, in any of their three dialects.
fn notes(bytes: &[u8], at: usize) -> Result<Option<usize>, Problem> {
    let length = match bytes.get(at..).unwrap_or_default() {
        [b'I', b'D', b'3', ..] => {
            let [_, _, _, _, _, flags, sizes @ ..] = array::<10>(bytes, at)?;
            let size = sizes.iter().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
            10 + size + if flags & 0x10 == 0 { 0 } else { 10 }
        }
        [b'A', b'P', b'E', b'T', b'A', b'G', b'E', b'X', ..] => {
            let size = u32::from_le_bytes(array(bytes, at + 12)?) as usize;
            32_usize.saturating_add(size)
        }
        // These have no length, and no other place than the end.
        [b'T', b'A', b'G', ..] => 128,
        _ => return Ok(None),
    };
    part(bytes, at, length).map(|_| Some(length))
}

#[derive(Clone, Copy)]
struct Frame {
    /// 3 for MPEG 1, 2 for MPEG 2, 0 for its extension.
    version: u8,
    /// Samples a second.
    rate: u64,
    is_mono: bool,
    samples: u64,
    /// Bytes with its head.
    length: usize,
}

impl Frame {
    /// 11 bits that are set, version, layer, protection; rate of bits, rate of samples, padding; channels.
    fn read(bytes: &[u8], at: usize) -> Option<Self> {
        const FIRST: [usize; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
        const SECOND: [usize; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
        let [0xff, marks, rates, channels] = array(bytes, at).ok()? else { return None };
        let version = marks >> 3 & 3;
        if marks & 0xe6 != 0xe2 || version == 1 {
            return None;
        }
        let rate = *[44_100_u32, 48_000, 32_000].get(usize::from(rates >> 2 & 3))?;
        let (rate, samples, kilobits) = match version {
            3 => (rate, 1152, FIRST),
            2 => (rate / 2, 576, SECOND),
            _ => (rate / 4, 576, SECOND),
        };
        let kilobits = kilobits.get(usize::from(rates >> 4).checked_sub(1)?)?;
        let length = kilobits * 125 * samples / rate as usize + usize::from(rates >> 1 & 1);
        Some(Self { version, rate: rate.into(), is_mono: channels >> 6 == 3, samples: samples as u64, length })
    }

    const fn is_like(self, other: Self) -> bool {
        self.version == other.version && self.rate == other.rate
    }
}

/// What the first frame is for.
enum First {
    Plays,
    /// It is silent and counts the frames, or could.
    Counts(Option<u64>),
}

impl First {
    fn read(body: &[u8], frame: Frame) -> Result<Self, Problem> {
        let side = match (frame.version, frame.is_mono) {
            (3, false) => 32,
            (3, true) | (_, false) => 17,
            (_, true) => 9,
        };
        let number_at = |at: usize| array::<4>(body, at).map(|count| number(&count));
        if matches!(body.get(4 + side..8 + side), Some(b"Xing" | b"Info")) {
            let is_told = number_at(8 + side)? & 1 == 1;
            return is_told.then(|| number_at(12 + side)).transpose().map(Self::Counts);
        }
        if body.get(36..40) == Some(b"VBRI") {
            return number_at(50).map(Some).map(Self::Counts);
        }
        Ok(Self::Plays)
    }
}
