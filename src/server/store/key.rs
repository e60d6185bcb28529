//! The names of objects, and the part of an object that is asked for.
//!
//! A key is only ever built from an id, a number and one of our own extensions, so that no key can leave its folder,
//! collide with another's or carry a content type of somebody else's choosing.

use crate::domain::{FileId, GenerationId};
use std::{fmt, ops::Range};

/// What a stored file holds, by the ending of its name. The only content types we ever serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extension {
    /// A PNG picture.
    Png,
    /// A JPEG picture.
    Jpg,
    /// A WebP picture.
    Webp,
    /// A GIF picture, moving or not.
    Gif,
    /// A film in MP4.
    Mp4,
    /// A film in QuickTime's dialect of MP4.
    Mov,
    /// A film in WebM.
    Webm,
    /// A film in Matroska.
    Mkv,
    /// A sound, as its samples.
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
    /// Pages.
    Pdf,
    /// Files in a file.
    Zip,
    /// Structured output that is no file.
    Json,
    /// Plain text.
    Txt,
}

impl Extension {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Png,
        Self::Jpg,
        Self::Webp,
        Self::Gif,
        Self::Mp4,
        Self::Mov,
        Self::Webm,
        Self::Mkv,
        Self::Wav,
        Self::Mp3,
        Self::Flac,
        Self::Ogg,
        Self::M4a,
        Self::Weba,
        Self::Pdf,
        Self::Zip,
        Self::Json,
        Self::Txt,
    ];

    /// The ending, without the dot.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpg => "jpg",
            Self::Webp => "webp",
            Self::Gif => "gif",
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::Webm => "webm",
            Self::Mkv => "mkv",
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
            Self::Flac => "flac",
            Self::Ogg => "ogg",
            Self::M4a => "m4a",
            Self::Weba => "weba",
            Self::Pdf => "pdf",
            Self::Zip => "zip",
            Self::Json => "json",
            Self::Txt => "txt",
        }
    }

    /// Reads an ending.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|extension| extension.as_str() == text)
    }

    /// What the file is served as.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Mp4 => "video/mp4",
            Self::Mov => "video/quicktime",
            Self::Webm => "video/webm",
            Self::Mkv => "video/x-matroska",
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mpeg",
            Self::Flac => "audio/flac",
            Self::Ogg => "audio/ogg",
            Self::M4a => "audio/mp4",
            Self::Weba => "audio/webm",
            Self::Pdf => "application/pdf",
            Self::Zip => "application/zip",
            Self::Json => "application/json",
            Self::Txt => "text/plain; charset=utf-8",
        }
    }
}

/// The name of one object: `generations/{id}/{index}.{ext}`, or `….small.webp` and `….large.webp` for its thumbnails; or
/// `files/{id}.{ext}` for what somebody sent us.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    text: String,
    extension: Extension,
}

impl Key {
    /// An output as the model made it; `index` counts from 0.
    pub fn output(generation: &GenerationId, index: u32, extension: Extension) -> Self {
        Self::of(generation, &index.to_string(), extension)
    }

    /// Its thumbnail for the gallery.
    pub fn small(generation: &GenerationId, index: u32) -> Self {
        Self::of(generation, &format!("{index}.small"), Extension::Webp)
    }

    /// Its thumbnail for the viewer.
    pub fn large(generation: &GenerationId, index: u32) -> Self {
        Self::of(generation, &format!("{index}.large"), Extension::Webp)
    }

    /// A file that somebody sent us.
    pub fn file(file: &FileId, extension: Extension) -> Self {
        Self { text: format!("files/{}.{}", folder(file.as_str()), extension.as_str()), extension }
    }

    /// Reads a key of [`Key::file`]. `None` when we never give such a name.
    pub fn parse_file(key: &str) -> Option<(FileId, Self)> {
        let (id, extension) = key.strip_prefix("files/")?.split_once('.')?;
        let (id, extension) = (FileId::parse(id)?, Extension::parse(extension)?);
        let key = Self::file(&id, extension);
        Some((id, key))
    }

    /// Reads the last part of a key from a URL. `None` when we never give such a name.
    pub fn parse(generation: &GenerationId, file_name: &str) -> Option<Self> {
        let (stem, extension) = file_name.rsplit_once('.')?;
        let (index, size) = stem.split_once('.').map_or((stem, None), |(index, size)| (index, Some(size)));
        let index = index.parse().ok()?;
        let key = match size {
            None => Self::output(generation, index, Extension::parse(extension)?),
            Some("small") => Self::small(generation, index),
            Some("large") => Self::large(generation, index),
            Some(_) => return None,
        };
        // One name for one object: `007.png` and `+7.png` parse as numbers, but are not the name of anything.
        (key.file_name() == file_name).then_some(key)
    }

    /// A key nobody else uses, to try a store with.
    pub(super) fn probe() -> Self {
        let text = format!("probes/{}.txt", uuid::Uuid::now_v7());
        Self { text, extension: Extension::Txt }
    }

    fn of(generation: &GenerationId, stem: &str, extension: Extension) -> Self {
        let folder = folder(generation.as_str());
        Self { text: format!("generations/{folder}/{stem}.{}", extension.as_str()), extension }
    }

    /// The whole key.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part after the last slash.
    pub fn file_name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }

    /// What the object holds.
    pub const fn extension(&self) -> Extension {
        self.extension
    }

    /// What the object is served as.
    pub const fn content_type(&self) -> &'static str {
        self.extension.content_type()
    }
}

/// An id as a part of a key. Ours are letters, digits and hyphens and pass unchanged. Anything else is spelled out byte by
/// byte, so that not even an id made by mistake can climb out of its folder or share another's.
fn folder(id: &str) -> String {
    id.bytes().fold(String::new(), |folder, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => folder + char::from(byte).encode_utf8(&mut [0; 1]),
        other => folder + &format!("_{other:02x}"),
    })
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The part of an object that is asked for, as HTTP counts: both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// From the first number to the second.
    FromTo(u64, u64),
    /// From here to the end.
    From(u64),
    /// So many at the end.
    Last(u64),
}

impl ByteRange {
    /// Reads a `Range` header. `None` for anything but one plain range of bytes, which HTTP lets a server ignore.
    pub fn parse(header: &str) -> Option<Self> {
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
        let (first, last) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
        match (first, last) {
            ("", last) => number(last).map(Self::Last),
            (first, "") => number(first).map(Self::From),
            (first, last) => Some(Self::FromTo(number(first)?, number(last)?)).filter(|_| number(first) <= number(last)),
        }
    }

    /// The bytes it means in an object of `length` bytes, the end excluded. `None` when there are none.
    pub fn within(self, length: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::FromTo(first, last) => first..last.saturating_add(1).min(length),
            Self::From(first) => first..length,
            Self::Last(count) => length.saturating_sub(count)..length,
        };
        (!range.is_empty()).then_some(range)
    }
}

/// As the `Range` header says it.
impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FromTo(first, last) => write!(f, "bytes={first}-{last}"),
            Self::From(first) => write!(f, "bytes={first}-"),
            Self::Last(count) => write!(f, "bytes=-{count}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id() -> GenerationId {
        GenerationId::trusted("0193b1e4-7c1f-7000-8000-000000000001")
    }

    #[test]
    fn the_names_of_objects_are_pinned() {
        let folder = "generations/0193b1e4-7c1f-7000-8000-000000000001";
        assert_eq!(Key::output(&id(), 0, Extension::Png).as_str(), format!("{folder}/0.png"));
        assert_eq!(Key::small(&id(), 3).as_str(), format!("{folder}/3.small.webp"));
        assert_eq!(Key::large(&id(), 3).as_str(), format!("{folder}/3.large.webp"));
    }

    #[test]
    fn every_name_is_read_back_and_nothing_else_is() {
        for extension in Extension::ALL {
            let key = Key::output(&id(), 12, extension);
            assert_eq!(Key::parse(&id(), key.file_name()), Some(key));
        }
        for key in [Key::small(&id(), 0), Key::large(&id(), 0)] {
            assert_eq!(Key::parse(&id(), key.file_name()), Some(key));
        }
        for bad in
            ["", ".", "..", "0", "0.", "0.svg", "0.PNG", "007.png", "+7.png", "-1.png", "0.small.png", "0.huge.webp", "../0.png"]
        {
            assert_eq!(Key::parse(&id(), bad), None, "{bad}");
        }
    }

    #[test]
    fn the_name_of_a_file_is_read_back_and_nothing_else_is() {
        let id = FileId::trusted("00112233445566778899aabbccddeeff");
        let key = Key::file(&id, Extension::Mp3);
        assert_eq!(key.as_str(), "files/00112233445566778899aabbccddeeff.mp3");
        assert_eq!(Key::parse_file(key.as_str()), Some((id, key)));
        for bad in
            ["files/", "files/00112233445566778899aabbccddeeff", "files/00112233445566778899aabbccddeeff.svg", "files/../x.mp3"]
        {
            assert_eq!(Key::parse_file(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_files_are_served_as_is_pinned() {
        let served = Extension::ALL.map(|extension| (extension.as_str(), extension.content_type()));
        assert_eq!(
            served,
            [
                ("png", "image/png"),
                ("jpg", "image/jpeg"),
                ("webp", "image/webp"),
                ("gif", "image/gif"),
                ("mp4", "video/mp4"),
                ("mov", "video/quicktime"),
                ("webm", "video/webm"),
                ("mkv", "video/x-matroska"),
                ("wav", "audio/wav"),
                ("mp3", "audio/mpeg"),
                ("flac", "audio/flac"),
                ("ogg", "audio/ogg"),
                ("m4a", "audio/mp4"),
                ("weba", "audio/webm"),
                ("pdf", "application/pdf"),
                ("zip", "application/zip"),
                ("json", "application/json"),
                ("txt", "text/plain; charset=utf-8"),
            ]
        );
    }

    proptest! {
        #[test]
        fn no_id_escapes_its_folder_or_shares_it(one in ".{0,40}", other in ".{0,40}") {
            let key = |id: &str| Key::output(&GenerationId::trusted(id), 0, Extension::Png);
            prop_assert_eq!(key(&one).as_str().matches('/').count(), 2);
            prop_assert!(!key(&one).as_str().contains(".."));
            prop_assert_eq!(key(&one) == key(&other), one == other);
        }

        #[test]
        fn no_range_header_panics_or_asks_past_the_end(header in "(bytes=)?[0-9]{0,22}-[0-9]{0,22}", length in 0_u64..1000) {
            if let Some(range) = ByteRange::parse(&header).and_then(|range| range.within(length)) {
                prop_assert!(range.start < range.end && range.end <= length);
            }
        }
    }

    #[test]
    fn range_headers_are_read_as_http_says() {
        assert_eq!(ByteRange::parse("bytes=0-99"), Some(ByteRange::FromTo(0, 99)));
        assert_eq!(ByteRange::parse("bytes=5-"), Some(ByteRange::From(5)));
        assert_eq!(ByteRange::parse("bytes=-5"), Some(ByteRange::Last(5)));
        for ignored in ["", "bytes=", "bytes=-", "bytes=9-1", "bytes=a-b", "items=0-1", "bytes=0-1,3-4", "bytes=+1-2"] {
            assert_eq!(ByteRange::parse(ignored), None, "{ignored}");
        }
        assert_eq!(ByteRange::FromTo(0, 99).within(10), Some(0..10));
        assert_eq!(ByteRange::Last(99).within(10), Some(0..10));
        assert_eq!(ByteRange::From(10).within(10), None);
        assert_eq!(ByteRange::Last(0).within(10), None);
    }
}
