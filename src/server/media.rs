//! What arrived, by its bytes: the one door for whatever a model made.
//!
//! As with a [`picture`], neither a header nor a name is asked. What a file begins with says which container it is; the
//! container is then walked to its end, and a file is kept only if it is whole and nothing else hangs behind it. What is
//! on no list does not pass: no SVG, HTML or XML, no archive, no program. Text and JSON have no such mark, so nothing that
//! arrives is ever taken for either: we write them ourselves, from the prediction ([`Inspected::text`], [`Inspected::json`]).
//!
//! How much "whole" means depends on what the container tells:
//!
//! | container | proved | cannot be proved |
//! |---|---|---|
//! | picture | see [`picture`] | |
//! | MP4, QuickTime | every part is there in full, the tables among them, and all they point to begins inside the data | that nothing was cut between two parts behind the first data, such as a later fragment; that no bit was flipped |
//! | WebM, Matroska | every element is there in full | that no bit was flipped; where a recorder left lengths open, a cut between two elements |
//! | WAV | the lengths of the file and of its samples hold | that no bit was flipped |
//! | MP3 | frames follow each other to the end, as many as the first one counts | without such a count, a cut between two frames; with it, the last one; that no bit was flipped |
//! | FLAC | every frame's checksum, and the number of samples if the head tells it | without that number, a cut between two frames |
//! | Ogg | every page's checksum, their count without a gap, and the mark on the last | |
//!
//! Film and sound are never decoded, so their samples may still be nonsense to a player. A container has room for notes
//! of any content: what keeps those harmless is that a file is served as what it is here, and never sniffed again.
//!
//! Everything here is pure and blocks: call it where blocking is allowed. It takes time in proportion to the bytes and
//! panics on none. To add a container: a file with its `walk`, its mark in `walker`, a [`Kind`], and a row above.

mod bytes;
mod crc;
mod flac;
mod matroska;
mod mp3;
mod mp4;
mod ogg;
mod wav;

use super::picture;
use super::store::Extension;
use serde_json::Value;

/// Most bytes of a film or a sound as it arrives. A picture's are [`picture::MAX_BYTES`].
pub const MAX_BYTES: usize = 100_000_000;
/// Most bytes of text or JSON as we write it.
pub const MAX_TEXT_BYTES: usize = 5_000_000;

/// All that we keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A picture.
    Picture(picture::Kind),
    /// A film in MP4.
    Mp4,
    /// A film in QuickTime's dialect of MP4.
    Mov,
    /// A film in WebM.
    Webm,
    /// A film, or rarely a sound, in Matroska.
    Mkv,
    /// A sound in WAV.
    Wav,
    /// A sound in MP3.
    Mp3,
    /// A sound in FLAC.
    Flac,
    /// A sound in Ogg: Vorbis or Opus.
    Ogg,
    /// A sound in MP4.
    M4a,
    /// A sound in WebM.
    Weba,
    /// Plain text, UTF-8.
    Text,
    /// JSON.
    Json,
}

/// What a person does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Looks at it.
    Picture,
    /// Plays and watches it.
    Video,
    /// Plays and hears it.
    Audio,
    /// Reads it.
    Text,
}

impl Kind {
    /// What such a file is called.
    pub const fn extension(self) -> Extension {
        match self {
            Self::Picture(kind) => kind.extension(),
            Self::Mp4 => Extension::Mp4,
            Self::Mov => Extension::Mov,
            Self::Webm => Extension::Webm,
            Self::Mkv => Extension::Mkv,
            Self::Wav => Extension::Wav,
            Self::Mp3 => Extension::Mp3,
            Self::Flac => Extension::Flac,
            Self::Ogg => Extension::Ogg,
            Self::M4a => Extension::M4a,
            Self::Weba => Extension::Weba,
            Self::Text => Extension::Txt,
            Self::Json => Extension::Json,
        }
    }

    /// What it is served as.
    pub const fn content_type(self) -> &'static str {
        self.extension().content_type()
    }

    /// How it is shown.
    pub const fn family(self) -> Family {
        match self {
            Self::Picture(_) => Family::Picture,
            Self::Mp4 | Self::Mov | Self::Webm | Self::Mkv => Family::Video,
            Self::Wav | Self::Mp3 | Self::Flac | Self::Ogg | Self::M4a | Self::Weba => Family::Audio,
            Self::Text | Self::Json => Family::Text,
        }
    }
}

/// A file that may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// What it is.
    pub kind: Kind,
    /// Pixels, as it is shown. Of pictures always, of films as their container says.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// How long it plays, in milliseconds, as its container says.
    pub duration_ms: Option<u64>,
    /// Of pictures: colour and thumbnails.
    pub picture: Option<picture::Inspected>,
}

/// Why bytes are not kept.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Of no [`Kind`], or of one with something else behind it.
    #[error("not a kind of file we keep")]
    Unknown,
    /// Beyond the limits on bytes, parts, or a picture's sides.
    #[error("the file is too large")]
    TooLarge,
    /// It breaks off, or its parts do not fit together; with words for the operator.
    #[error("the file is damaged: {0}")]
    Damaged(String),
}

impl Problem {
    fn damaged(why: &str) -> Self {
        Self::Damaged(why.into())
    }
}

impl From<picture::Problem> for Problem {
    fn from(problem: picture::Problem) -> Self {
        match problem {
            picture::Problem::NotAPicture => Self::Unknown,
            picture::Problem::TooLarge => Self::TooLarge,
            picture::Problem::Damaged(why) => Self::Damaged(why),
        }
    }
}

/// What a walk through a container finds.
struct Walked {
    kind: Kind,
    /// Width and height in pixels.
    size: Option<(u32, u32)>,
    duration_ms: Option<u64>,
    /// Where the container ends.
    end: usize,
}

/// Proves that a file is whole, as far as the table above goes, and says what is known of it.
///
/// # Errors
/// With the [`Problem`] it has.
pub fn inspect(bytes: &[u8]) -> Result<Inspected, Problem> {
    if picture::Kind::sniff(bytes).is_some() {
        return Ok(picture::inspect(bytes)?.into());
    }
    let walk = walker(bytes).ok_or(Problem::Unknown)?;
    if bytes.len() > MAX_BYTES {
        return Err(Problem::TooLarge);
    }
    let Walked { kind, size, duration_ms, end } = walk(bytes)?;
    // Padding is harmless; anything else is a second file that wants to pass as the first.
    if bytes.iter().skip(end).any(|byte| *byte != 0) {
        return Err(Problem::Unknown);
    }
    let (width, height) = size.unzip();
    Ok(Inspected { kind, width, height, duration_ms, picture: None })
}

type Walk = fn(&[u8]) -> Result<Walked, Problem>;

/// The walk for the container whose mark the bytes begin with.
fn walker(bytes: &[u8]) -> Option<Walk> {
    match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] if mp4::is_played(brand) => Some(mp4::walk),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Some(matroska::walk),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(wav::walk),
        [b'f', b'L', b'a', b'C', ..] => Some(flac::walk),
        [b'O', b'g', b'g', b'S', ..] => Some(ogg::walk),
        [b'I', b'D', b'3', ..] => Some(mp3::walk),
        _ => mp3::is_frame(bytes).then_some(mp3::walk),
    }
}

impl Inspected {
    /// Text that a model answered with, and the bytes to keep.
    ///
    /// # Errors
    /// [`Problem::TooLarge`] beyond [`MAX_TEXT_BYTES`].
    pub fn text(text: &str) -> Result<(Self, Vec<u8>), Problem> {
        Self::written(Kind::Text, text.into())
    }

    /// Whatever else it answered with that is no file, and the bytes to keep: indented, for people read it too.
    ///
    /// # Errors
    /// [`Problem::TooLarge`] beyond [`MAX_TEXT_BYTES`].
    pub fn json(value: &Value) -> Result<(Self, Vec<u8>), Problem> {
        Self::written(Kind::Json, format!("{value:#}\n"))
    }

    fn written(kind: Kind, text: String) -> Result<(Self, Vec<u8>), Problem> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(Problem::TooLarge);
        }
        Ok((Self { kind, width: None, height: None, duration_ms: None, picture: None }, text.into_bytes()))
    }
}

impl From<picture::Inspected> for Inspected {
    fn from(picture: picture::Inspected) -> Self {
        Self {
            kind: Kind::Picture(picture.kind),
            width: Some(picture.width),
            height: Some(picture.height),
            duration_ms: None,
            picture: Some(picture),
        }
    }
}

#[cfg(test)]
mod tests;
