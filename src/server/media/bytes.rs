//! Reading numbers from bytes that may end anywhere.

use super::Problem;

/// Most parts in any one list of a container. A film of [`super::MAX_BYTES`] in pieces of a tenth of a second has a
/// hundredth of this.
pub(super) const MAX_PARTS: usize = 1_000_000;

/// `length` bytes from `at`, or that it breaks off.
pub(super) fn part(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], Problem> {
    let end = at.checked_add(length);
    end.and_then(|end| bytes.get(at..end)).ok_or_else(|| Problem::damaged("it breaks off"))
}

/// `N` bytes from `at`, or that it breaks off.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Problem> {
    let rest = bytes.get(at..).and_then(<[u8]>::first_chunk);
    rest.copied().ok_or_else(|| Problem::damaged("it breaks off"))
}

/// Four bytes from `at` as a length, the first the lowest.
pub(super) fn little_length(bytes: &[u8], at: usize) -> Result<usize, Problem> {
    Ok(u32::from_le_bytes(array(bytes, at)?) as usize)
}

/// Bytes as a number, the first the highest. Of more than eight, the last eight count.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// So many units, of which a second has `rate`, in milliseconds. `None` when that is no time at all.
pub(super) fn milliseconds(units: u64, rate: u64) -> Option<u64> {
    let rounded = u128::from(units) * 1000 + u128::from(rate / 2);
    rounded.checked_div(u128::from(rate)).and_then(|time| u64::try_from(time).ok())
}
