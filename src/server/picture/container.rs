//! Where a picture's file ends, by the frames of its format and without decoding it.
//!
//! All four formats say how long each of their parts is, and which is the last. A file cut anywhere therefore shows it,
//! even where decoders are content: a PNG without its end, a JPEG whose last rows would be painted grey.

use super::Kind;

/// The number of bytes of the picture at the start of `bytes`. `None` when it breaks off or its parts do not fit together.
pub(super) fn end(kind: Kind, bytes: &[u8]) -> Option<usize> {
    match kind {
        Kind::Png => png(bytes),
        Kind::Jpeg => jpeg(bytes),
        Kind::Webp => webp(bytes),
        Kind::Gif => gif(bytes),
    }
}

/// A signature of 8 bytes, then chunks: length, name, data, checksum; the last is `IEND`.
fn png(bytes: &[u8]) -> Option<usize> {
    let mut at = 8;
    loop {
        let length = u32::from_be_bytes(array(bytes, at)?) as usize;
        let name: [u8; 4] = array(bytes, at + 4)?;
        at = at.checked_add(length)?.checked_add(12).filter(|end| *end <= bytes.len())?;
        if &name == b"IEND" {
            return Some(at);
        }
    }
}

/// Segments: 0xFF, a marker and, for most, a length that counts itself. Coded pixels follow a scan's header without any
/// length; in them, 0xFF is always followed by 0x00 or a restart marker. The last marker is the end of image.
fn jpeg(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut scans) = (2, 0);
    loop {
        let [prefix, marker] = array(bytes, at)?;
        match (prefix, marker) {
            // Any number of 0xFF may stand before a marker.
            (0xff, 0xff) => at += 1,
            (0xff, 0xd9) => return (scans > 0).then_some(at + 2),
            (0xff, 0x01 | 0xd0..=0xd7) => at += 2,
            (0xff, 0x02..) => {
                let length = u16::from_be_bytes(array(bytes, at + 2)?);
                at += 2 + usize::from(length);
                if marker == 0xda {
                    scans += 1;
                    at +=
                        bytes.get(at..)?.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7))?;
                }
            }
            _ => return None,
        }
    }
}

/// `RIFF`, the length of all that follows, `WEBP`, then chunks: name, length, data padded to an even length.
fn webp(bytes: &[u8]) -> Option<usize> {
    let end = (u32::from_le_bytes(array(bytes, 4)?) as usize).checked_add(8).filter(|end| *end <= bytes.len())?;
    let mut at = 12;
    while at < end {
        let length = u32::from_le_bytes(array(bytes, at + 4)?) as usize;
        at = at.checked_add(8)?.checked_add(length)?.checked_add(length % 2).filter(|next| *next <= end)?;
    }
    (at == end).then_some(end)
}

/// A screen of 13 bytes and its colours, then blocks by their first byte: a picture, an extension or the end. Their data
/// comes in pieces of up to 255 bytes, each behind its length; an empty piece is the last.
fn gif(bytes: &[u8]) -> Option<usize> {
    let colors = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let [flags] = array(bytes, 10)?;
    let mut at = 13 + colors(flags);
    loop {
        match array(bytes, at)? {
            [0x21] => at += 2,
            [0x2c] => {
                let [flags] = array(bytes, at + 9)?;
                at += 11 + colors(flags);
            }
            [0x3b] => return Some(at + 1),
            _ => return None,
        }
        loop {
            let [length] = array(bytes, at)?;
            at += 1 + usize::from(length);
            if length == 0 {
                break;
            }
        }
    }
}

/// `N` bytes from `at`, if there are so many.
fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
