//! FLAC: blocks of notes, the first of them on the stream, then frames.
//!
//! A frame does not say how long it is. It ends with a checksum over all of it, so that the checksum run on over a whole
//! frame comes to 0; and the next begins with a head that has a checksum of its own. Where both hold, one ends.

use super::bytes::{array, milliseconds, number, part};
use super::crc::{CRC_8, CRC_16};
use super::{Kind, Problem, Walked};

/// The notes, then every frame to the last.
pub(super) fn walk(bytes: &[u8]) -> Result<Walked, Problem> {
    let (rate, told) = stream(bytes)?;
    let mut at = 4;
    loop {
        let [kind] = array(bytes, at)?;
        let length = number(&array::<3>(bytes, at + 1)?);
        part(bytes, at + 4, usize::try_from(length).unwrap_or(usize::MAX))?;
        at += 4 + usize::try_from(length).unwrap_or_default();
        if kind & 0x80 != 0 {
            break;
        }
    }
    let mut samples = samples_of_frame(bytes, at).ok_or_else(|| Problem::damaged("it has no sound"))?;
    let mut crc = 0;
    for (place, byte) in bytes.iter().enumerate().skip(at) {
        // Two bytes of head and two of checksum are no frame yet.
        if crc == 0
            && place > at + 4
            && let Some(more) = samples_of_frame(bytes, place)
        {
            at = place;
            samples += more;
        }
        crc = CRC_16.step(crc, *byte);
    }
    if crc != 0 {
        return Err(Problem::damaged("its last frame breaks off"));
    }
    if told != 0 && told != samples {
        return Err(Problem::damaged("its frames are fewer or more than its head says"));
    }
    // Zeros behind the last frame leave the checksum as it is: the end is that of the file.
    Ok(Walked { kind: Kind::Flac, size: None, duration_ms: milliseconds(samples, rate), end: bytes.len() })
}

/// Samples a second, and how many there are; 0 when it does not tell.
fn stream(bytes: &[u8]) -> Result<(u64, u64), Problem> {
    let [kind, length @ ..] = array::<4>(bytes, 4)?;
    if kind & 0x7f != 0 || number(&length) != 34 {
        return Err(Problem::damaged("its head is missing"));
    }
    // 20 bits of rate, 3 of channels, 5 of depth, 36 of samples.
    let packed = number(&array::<8>(bytes, 18)?);
    Ok((packed >> 44, packed & 0xf_ffff_ffff))
}

/// How many samples the frame holds whose head is here, if one is.
fn samples_of_frame(bytes: &[u8], at: usize) -> Option<u64> {
    let [0xff, 0xf8 | 0xf9, sizes] = array(bytes, at).ok()? else { return None };
    // The frame's number, in as many bytes as its first one has leading ones.
    let [first] = array(bytes, at + 4).ok()?;
    let width = match first.leading_ones() {
        0 => 1,
        width @ 2..=7 => width as usize,
        _ => return None,
    };
    let behind = at + 4 + width;
    let (samples, size) = match sizes >> 4 {
        0 => return None,
        1 => (192, 0),
        code @ 2..=5 => (576 << (code - 2), 0),
        6 => (number(&array::<1>(bytes, behind).ok()?) + 1, 1),
        7 => (number(&array::<2>(bytes, behind).ok()?) + 1, 2),
        code => (1 << code, 0),
    };
    let rate = match sizes & 0xf {
        0xc => 1,
        0xd | 0xe => 2,
        0xf => return None,
        _ => 0,
    };
    let head = part(bytes, at, behind - at + size + rate).ok()?;
    let [sum] = array(bytes, at + head.len()).ok()?;
    (CRC_8.run(head) >> 24 == u32::from(sum)).then_some(samples)
}
