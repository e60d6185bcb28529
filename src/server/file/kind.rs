//! What a file is, by its bytes, and which are taken where. Neither its name nor what its sender says is asked.
//!
//! Pictures, films and sounds are those of [`media`]. Where a model takes any file there are two more, which are only known by
//! how they begin. What is on neither list is not taken: no SVG, no HTML, no XML, no program.

use crate::server::media;
use crate::server::store::Extension;

/// What is taken somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Pictures, films and sounds.
    Media,
    /// These, and what only a model that takes any file has a use for.
    Any,
}

/// A document by how it begins. `None` when it is none of ours.
pub fn document(bytes: &[u8]) -> Option<Extension> {
    match bytes {
        [b'%', b'P', b'D', b'F', b'-', ..] => Some(Extension::Pdf),
        [b'P', b'K', 3, 4, ..] => Some(Extension::Zip),
        _ => None,
    }
}

/// Whether a browser shows such a file by itself, without being able to run anything in it.
pub const fn is_shown(extension: Extension) -> bool {
    !matches!(extension, Extension::Pdf | Extension::Zip | Extension::Json | Extension::Txt)
}

/// Whether a file of this kind is one that people may send: what we write ourselves is none.
pub const fn is_sent(kind: media::Kind) -> bool {
    !matches!(kind, media::Kind::Text | media::Kind::Json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn se_26_what_a_browser_or_a_machine_would_run_is_neither_media_nor_a_document() {
        for bytes in [
            &b""[..],
            b"<svg xmlns='http://www.w3.org/2000/svg'>",
            b"<?xml version='1.0'?><svg/>",
            b"\xef\xbb\xbf<svg/>",
            b"<!doctype html><script>",
            b"\x7fELF\x02\x01\x01",
            b"MZ\x90\0",
            b"\xca\xfe\xba\xbe",
            b"#!/bin/sh",
            b"\xff\xfe<\0s\0",
            b"BM____",
            b"PK\x05\x06",
            b"{\"json\":1}",
            b"plain text",
        ] {
            assert!(document(bytes).is_none() && media::inspect(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!((document(b"%PDF-1.7"), document(b"PK\x03\x04_")), (Some(Extension::Pdf), Some(Extension::Zip)));
    }

    #[test]
    fn what_is_shown_is_what_is_looked_at_or_listened_to() {
        let saved: Vec<_> = Extension::ALL.into_iter().filter(|extension| !is_shown(*extension)).collect();
        assert_eq!(saved, [Extension::Pdf, Extension::Zip, Extension::Json, Extension::Txt]);
    }
}
