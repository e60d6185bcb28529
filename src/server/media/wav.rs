//! WAV: `RIFF`, the length of all that follows, `WAVE`, then chunks: name, length, content padded to an even length.
//!
//! Writers that cannot go back leave the lengths at nothing or at all ones. Such a file is refused: nobody could tell a
//! whole one from a half.

use super::bytes::{array, little_length, milliseconds, part};
use super::{Kind, Problem, Walked};

/// The chunks to the end: the format, which says how many bytes a second has, and the samples behind it.
pub(super) fn walk(bytes: &[u8]) -> Result<Walked, Problem> {
    let length = little_length(bytes, 4)?;
    let body = part(bytes, 8, length)?;
    let (mut rate, mut samples, mut at) = (None, None, 4);
    while at < body.len() {
        let length = little_length(body, at + 4)?;
        let chunk = part(body, at + 8, length)?;
        match &array(body, at)? {
            b"fmt " if chunk.len() >= 14 => rate = Some(u32::from_le_bytes(array(chunk, 8)?)),
            b"data" if samples.is_some() => return Err(Problem::damaged("it has samples twice")),
            b"data" => samples = Some(length),
            _ => {}
        }
        // Some writers leave the padding of the last chunk away.
        at += 8 + length + length % 2;
    }
    let rate = rate.ok_or_else(|| Problem::damaged("it has no format"))?;
    let samples = samples.filter(|samples| *samples > 0).ok_or_else(|| Problem::damaged("it has no samples"))?;
    let duration_ms = milliseconds(samples as u64, u64::from(rate));
    Ok(Walked { kind: Kind::Wav, size: None, duration_ms, end: 8 + length })
}
