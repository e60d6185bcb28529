//! What a file is, by the bytes it begins with. Nothing else is asked: neither its name nor what its sender says.
//!
//! What is not on this list is not taken. In particular nothing that a browser would run: no SVG, no HTML, no XML.

use crate::server::picture;
use crate::server::store::Extension;

/// How much of a file has to be seen to know what it is.
pub const HEAD: usize = 4_096;

/// What a file is for, as far as its type tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Something to look at.
    Picture,
    /// Something that moves.
    Film,
    /// Something to listen to.
    Sound,
    /// Anything else, for models that take any file.
    Other,
}

/// What is taken somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Pictures, films and sounds.
    Media,
    /// These, and what only a model that takes any file has a use for.
    Any,
}

impl Accepts {
    /// Whether files of this sort are taken.
    pub fn takes(self, sort: Sort) -> bool {
        self == Self::Any || sort != Sort::Other
    }
}

/// The type of a file that begins so. `None` when it is none of ours.
pub fn sniff(head: &[u8]) -> Option<Extension> {
    if let Some(picture) = picture::Kind::sniff(head) {
        return Some(picture.extension());
    }
    match head {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => film(brand.first_chunk()?),
        // One container for two kinds of films; only the one that browsers play names itself so near its beginning.
        [0x1a, 0x45, 0xdf, 0xa3, rest @ ..] => {
            rest.get(..64.min(rest.len()))?.windows(4).any(|word| word == b"webm").then_some(Extension::Webm)
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(Extension::Wav),
        [b'f', b'L', b'a', b'C', ..] => Some(Extension::Flac),
        [b'O', b'g', b'g', b'S', ..] => Some(Extension::Ogg),
        [b'I', b'D', b'3', 2..=4, ..] => Some(Extension::Mp3),
        [0xff, header, rates, ..] if is_mpeg_layer_3(*header, *rates) => Some(Extension::Mp3),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some(Extension::Pdf),
        [b'P', b'K', 3, 4, ..] => Some(Extension::Zip),
        _ => None,
    }
}

/// By the brand of the container. Pictures come in it too (AVIF, HEIC); those we cannot read.
fn film(brand: &[u8; 4]) -> Option<Extension> {
    match brand {
        b"qt  " => Some(Extension::Mov),
        b"M4A " | b"M4B " => Some(Extension::M4a),
        b"avc1" | b"dash" | b"MSNV" | b"M4V " | b"M4VP" => Some(Extension::Mp4),
        [b'i', b's', b'o', b'm' | b'2'..=b'9'] | [b'm', b'p', b'4', b'1' | b'2'] => Some(Extension::Mp4),
        [b'3', b'g', b'p', _] => Some(Extension::Mp4),
        _ => None,
    }
}

/// The second and third byte of a frame: a version that exists, layer III, and rates that are none of those left out.
const fn is_mpeg_layer_3(header: u8, rates: u8) -> bool {
    let (sync, version, layer) = (header >> 5, (header >> 3) & 3, (header >> 1) & 3);
    let (bits, samples) = (rates >> 4, (rates >> 2) & 3);
    sync == 0b111 && version != 1 && layer == 1 && bits != 0 && bits != 15 && samples != 3
}

/// What files of a type are for.
pub const fn sort(extension: Extension) -> Sort {
    match extension {
        Extension::Png | Extension::Jpg | Extension::Webp => Sort::Picture,
        Extension::Mp4 | Extension::Webm | Extension::Mov => Sort::Film,
        Extension::Wav | Extension::Mp3 | Extension::Flac | Extension::Ogg | Extension::M4a => Sort::Sound,
        Extension::Pdf | Extension::Zip | Extension::Json | Extension::Txt => Sort::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn se_26_a_file_is_what_its_bytes_say() {
        for (head, extension) in [
            (&b"\x89PNG\r\n\x1a\n____"[..], Extension::Png),
            (b"\xff\xd8\xff\xe0____", Extension::Jpg),
            (b"RIFF____WEBPVP8 ", Extension::Webp),
            (b"\0\0\0\x18ftypmp42____", Extension::Mp4),
            (b"\0\0\0\x18ftypisom____", Extension::Mp4),
            (b"\0\0\0\x18ftypiso5____", Extension::Mp4),
            (b"\0\0\0\x14ftypqt  ____", Extension::Mov),
            (b"\0\0\0\x18ftypM4A ____", Extension::M4a),
            (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm", Extension::Webm),
            (b"RIFF____WAVEfmt ", Extension::Wav),
            (b"fLaC____", Extension::Flac),
            (b"OggS____", Extension::Ogg),
            (b"ID3\x04____", Extension::Mp3),
            (b"\xff\xfb\x90\x64", Extension::Mp3),
            (b"\xff\xf3\x40\xc4", Extension::Mp3),
            (b"%PDF-1.7", Extension::Pdf),
            (b"PK\x03\x04____", Extension::Zip),
        ] {
            assert_eq!(sniff(head), Some(extension), "{extension:?}");
        }
    }

    #[test]
    fn se_26_what_a_browser_or_a_machine_would_run_is_nothing() {
        for head in [
            &b""[..],
            b"<svg xmlns='http://www.w3.org/2000/svg'>",
            b"<?xml version='1.0'?><svg/>",
            b"\xef\xbb\xbf<svg/>",
            b"<!doctype html><script>",
            b"GIF89a/*____*/=1;alert(1)",
            b"\x7fELF\x02\x01\x01",
            b"MZ\x90\0",
            b"\xca\xfe\xba\xbe",
            b"#!/bin/sh",
            b"\xff\xfe<\0s\0",
            b"\xfe\xff\0<",
            b"\xff\xff\xff\xff",
            b"\0\0\0\x18ftypavif____",
            b"\0\0\0\x18ftypheic____",
            b"\0\0\0\x18ftyp",
            b"\x1a\x45\xdf\xa3\x9fB\x82\x88matroska",
            b"BM____",
            b"PK\x05\x06",
            b"{\"json\":1}",
            b"plain text",
        ] {
            assert_eq!(sniff(head), None, "{}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn only_where_any_file_is_taken_are_documents_taken() {
        for extension in Extension::ALL {
            let sort = sort(extension);
            assert!(Accepts::Any.takes(sort));
            assert_eq!(Accepts::Media.takes(sort), sort != Sort::Other, "{extension:?}");
        }
    }
}
