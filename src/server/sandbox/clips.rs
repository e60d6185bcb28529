//! Films: two short clips, and which of them a prompt gets.
//!
//! They show what `picture` draws. Two pictures of a prompt, 1344 by 768 in PNG, were smoothed by a blur of 1.6 pixels,
//! because their grain is what costs bytes; each of 120 frames is a slowly moving and growing part of them, scaled to 640
//! by 360, and after two seconds one picture dissolves into the other. ffmpeg encoded them at 24 frames a second with
//! `-c:v libvpx-vp9 -b:v 200k -pix_fmt yuv420p -g 48` in two passes and `-movflags +faststart -fflags +bitexact`. VP9 in
//! MP4 is played by every browser, also by those that were built without patented codecs.

use super::picture::noise::Random;

/// "the sea at dusk", seed 7.
const SEA: &[u8] = include_bytes!("clips/sea.mp4");
/// "a mountain in autumn", seed 8.
const MOUNTAINS: &[u8] = include_bytes!("clips/mountains.mp4");

/// How long both of them are.
pub(super) const SECONDS: i64 = 5;

/// The film of a prompt.
pub(super) fn of(prompt: &str) -> &'static [u8] {
    [SEA, MOUNTAINS][Random::new(prompt, 0, 0).below(2)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clips_are_small_whole_films_and_both_are_shown() {
        for clip in [SEA, MOUNTAINS] {
            assert_eq!(&clip[4..8], b"ftyp");
            assert!(clip.len() < 150_000, "{} bytes", clip.len());
            // The index before the frames, so that a player need not read to the end.
            let place = |name: &[u8]| clip.windows(4).position(|window| window == name);
            assert!(place(b"moov") < place(b"mdat"));
        }
        let lengths: std::collections::BTreeSet<_> = (0..20).map(|number| of(&number.to_string()).len()).collect();
        assert_eq!(lengths.len(), 2);
    }
}
