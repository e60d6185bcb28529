//! What is kept, what is not, and what can be told of it.

mod samples;

use super::*;
use image::{ImageFormat, Rgb, RgbImage};
use proptest::prelude::*;
use samples::{boxed, element, film, joined, page};
use serde_json::json;
use std::{
    io::Cursor,
    sync::LazyLock,
    time::{Duration, Instant},
};

/// A whole file and what must be found in it.
struct Sample {
    name: &'static str,
    bytes: Vec<u8>,
    kind: Kind,
    size: Option<(u32, u32)>,
    duration_ms: u64,
    /// The lengths to which it can be cut without a trace.
    cuts: Vec<usize>,
}

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let film = Some((640, 360));
    let sample = |name, kind, size, duration_ms, (bytes, cuts)| Sample { name, bytes, kind, size, duration_ms, cuts };
    let plain = |bytes| (bytes, Vec::new());
    vec![
        sample("mp4", Kind::Mp4, film, 2500, plain(samples::mp4())),
        sample("late mp4", Kind::Mp4, film, 2500, plain(samples::late_mp4())),
        sample("fragmented mp4", Kind::Mp4, film, 2500, samples::fragmented_mp4()),
        sample("mov", Kind::Mov, film, 2500, plain(samples::mov())),
        sample("m4a", Kind::M4a, None, 2500, plain(samples::m4a())),
        sample("webm", Kind::Webm, film, 2500, plain(samples::matroska("webm", true))),
        sample("open webm", Kind::Webm, film, 2500, samples::open_webm()),
        sample("weba", Kind::Weba, None, 2500, plain(samples::matroska("webm", false))),
        sample("mkv", Kind::Mkv, film, 2500, plain(samples::matroska("matroska", true))),
        sample("wav", Kind::Wav, None, 500, plain(samples::wav())),
        sample("mp3", Kind::Mp3, None, 131, samples::mp3(None)),
        sample("counted mp3", Kind::Mp3, None, 104, samples::mp3(Some(4))),
        sample("mp3 that counts itself", Kind::Mp3, None, 104, (samples::mp3(Some(5)).0, Vec::new())),
        sample("flac", Kind::Flac, None, 96, plain(samples::flac(3).0)),
        sample("flac of unknown length", Kind::Flac, None, 96, samples::flac(0)),
        sample("opus", Kind::Ogg, None, 1000, plain(samples::opus())),
        sample("vorbis", Kind::Ogg, None, 2000, plain(samples::vorbis())),
    ]
});

fn picture(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_pixel(30, 20, Rgb([200, 100, 0])).write_to(&mut bytes, format).expect("an encoder");
    bytes.into_inner()
}

fn is_damaged(bytes: &[u8]) -> bool {
    matches!(inspect(bytes), Err(Problem::Damaged(_)))
}

const HTML: &[u8] = b"<!doctype html><script>alert(1)</script>";

#[test]
fn every_kind_is_known_by_its_bytes_and_measured() {
    for Sample { name, bytes, kind, size, duration_ms, .. } in &*SAMPLES {
        let (width, height) = size.unzip();
        let expected = Inspected { kind: *kind, width, height, duration_ms: Some(*duration_ms), picture: None };
        assert_eq!(inspect(bytes), Ok(expected), "{name}");
    }
}

#[test]
fn pictures_go_to_those_who_know_pictures() {
    for (format, kind) in [
        (ImageFormat::Png, picture::Kind::Png),
        (ImageFormat::Jpeg, picture::Kind::Jpeg),
        (ImageFormat::WebP, picture::Kind::Webp),
        (ImageFormat::Gif, picture::Kind::Gif),
    ] {
        let bytes = picture(format);
        let inspected = inspect(&bytes).expect("a picture");
        assert_eq!((inspected.kind, inspected.width, inspected.height), (Kind::Picture(kind), Some(30), Some(20)));
        assert_eq!(inspected.picture, picture::inspect(&bytes).ok());
        assert!(is_damaged(&bytes[..bytes.len() - 1]), "{format:?}");
    }
    let mut heavy = picture(ImageFormat::Png);
    heavy.resize(picture::MAX_BYTES + 1, 0);
    assert_eq!(inspect(&heavy), Err(Problem::TooLarge), "what a film may weigh, a picture may not");
}

#[test]
fn a_file_cut_anywhere_is_refused_where_its_container_tells() {
    for Sample { name, bytes, cuts, .. } in &*SAMPLES {
        let passed: Vec<usize> = (0..bytes.len()).filter(|length| inspect(&bytes[..*length]).is_ok()).collect();
        assert_eq!(&passed, cuts, "{name} of {} bytes", bytes.len());
        for length in bytes.len() / 2..bytes.len() {
            assert_ne!(inspect(&bytes[..length]), Err(Problem::TooLarge), "{name} cut to {length}");
        }
    }
}

#[test]
fn something_in_front_or_behind_is_refused_and_padding_is_not() {
    let archive = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    for Sample { name, bytes, .. } in &*SAMPLES {
        assert_eq!(inspect(&joined!(HTML, bytes)), Err(Problem::Unknown), "HTML before {name}");
        assert!(inspect(&joined!(bytes, HTML)).is_err(), "HTML behind {name}");
        assert!(inspect(&joined!(bytes, archive)).is_err(), "an archive behind {name}");
        assert!(inspect(&joined!(bytes, bytes[..40])).is_err(), "half another behind {name}");
        assert_eq!(inspect(&joined!(bytes, [0; 50])), inspect(bytes), "padding behind {name}");
    }
}

#[test]
fn nothing_else_passes() {
    let others: [&[u8]; 32] = [
        b"",
        b"\0",
        b"just words",
        b"{\"a\":1}",
        b"[]",
        HTML,
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        b"<?xml version=\"1.0\"?><a/>",
        b"\xef\xbb\xbf<html>",
        b"%PDF-1.7\n",
        b"PK\x03\x04\x14\0\0\0",
        b"\x1f\x8b\x08\0",
        b"7z\xbc\xaf\x27\x1c",
        b"Rar!\x1a\x07",
        b"\x7fELF\x02\x01\x01\0",
        b"MZ\x90\0\x03\0\0\0",
        b"\xca\xfe\xba\xbe\0\0\0\x34",
        b"\0asm\x01\0\0\0",
        b"#!/bin/sh\n",
        b"BM\0\0\0\0",
        b"II\x2a\0\x08\0\0\0",
        b"\0\0\x01\0\x01\0",
        b"RIFF\x04\0\0\0AVI ",
        b"MThd\0\0\0\x06",
        b"\xff\xf1\x50\x80\0\0\0\0",
        b"\xff\xfd\x90\0",
        b"\xff\xfe<\0h\0",
        b"\0\0\0\x14ftypavif\0\0\0\0mif1",
        b"\0\0\0\x14ftypheic\0\0\0\0mif1",
        b"\0\0\0\x08moov",
        b"FLV\x01\x05",
        b"\0\0\x01\xba",
    ];
    for other in others {
        assert_eq!(inspect(other), Err(Problem::Unknown), "{:?}", String::from_utf8_lossy(other));
    }
    let strange = joined!([0x1a, 0x45, 0xdf, 0xa3, 0x87], [0x42, 0x82, 0x84], b"html");
    assert_eq!(inspect(&strange), Err(Problem::Unknown), "another use of the elements");
    let film = joined!(page(2, 0, 1, 0, b"\x80theora"), page(4, 0, 1, 1, b""));
    assert_eq!(inspect(&film), Err(Problem::Unknown), "another codec in Ogg");
}

#[test]
fn a_script_that_is_a_gif_too_is_refused() {
    let script = b"GIF89a/*\0\0\0\0\0;*/=1;alert(1)";
    assert!(inspect(script).is_err());
    let gif = picture(ImageFormat::Gif);
    assert_eq!(inspect(&joined!(gif, b"*/=1;alert(1)")), Err(Problem::Unknown), "a script behind it");
    let sized = joined!(gif[..6], b"/*", gif[8..]);
    assert_eq!(inspect(&sized), Err(Problem::TooLarge), "its width would have to be two letters");
    let svg = b"\x89PNG\r\n\x1a\n<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    assert!(is_damaged(svg), "an SVG that begins as a PNG");
}

#[test]
fn a_film_is_what_its_tracks_are_and_not_what_its_brand_says() {
    let kind = |bytes: &[u8]| inspect(bytes).map(|inspected| inspected.kind);
    assert_eq!(kind(&film(b"M4A ", &[b"vide"], false)), Ok(Kind::Mp4));
    assert_eq!(kind(&film(b"isom", &[b"soun"], false)), Ok(Kind::M4a));
    assert!(is_damaged(&film(b"isom", &[b"text"], false)), "only subtitles");
    assert!(is_damaged(&film(b"isom", &[], false)), "nothing at all");
    let turned = inspect(&film(b"isom", &[b"vide"], true)).expect("a film");
    assert_eq!((turned.width, turned.height), (Some(360), Some(640)), "held upright");
}

#[test]
fn tables_that_point_elsewhere_and_parts_without_a_length_are_damage() {
    let whole = samples::mp4();
    let start = whole.len() - samples::SAMPLES.len();
    let data = samples::pointing(0).len() - samples::SAMPLES.len();
    assert!(inspect(&samples::pointing(data)).is_ok());
    for chunk in [0, data - 1, data + samples::SAMPLES.len(), 0x7fff_ffff] {
        assert!(is_damaged(&samples::pointing(chunk)), "{chunk}");
    }
    let mut open = whole.clone();
    open[start - 8..start - 4].fill(0);
    assert!(is_damaged(&open), "data to the end of the file, wherever that is");
    let tables = &whole[24 - 4..start - 8];
    assert_eq!(&tables[4..8], b"moov");
    assert!(is_damaged(&joined!(whole, tables)), "two tables");
    assert!(is_damaged(&joined!(whole[..20], whole[start - 8..])), "no tables");
    assert!(is_damaged(&whole[..start - 8]), "no data");
}

#[test]
fn a_flipped_bit_is_seen_where_there_are_checksums() {
    let opus = samples::opus();
    for at in 0..opus.len() * 8 {
        let mut flipped = opus.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        assert!(inspect(&flipped).is_err(), "bit {at}");
    }
    let (flac, cuts) = samples::flac(3);
    for at in cuts[0] * 8..flac.len() * 8 {
        let mut flipped = flac.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        assert!(inspect(&flipped).is_err(), "bit {at}");
    }
    assert!(is_damaged(&samples::flac_with(3, 1).0), "frames whose heads alone are wrong");
}

#[test]
fn pages_of_another_stream_and_missing_ones_are_refused() {
    let head = joined!(b"OpusHead", [1, 1, 0, 0], [0; 7]);
    let first = page(2, 0, 7, 0, &head);
    assert!(inspect(&joined!(first, page(4, 960, 7, 1, b"sound"))).is_ok());
    assert!(is_damaged(&joined!(first, page(4, 960, 7, 2, b"sound"))), "a page is missing");
    assert!(is_damaged(&page(4, 0, 7, 0, &head)), "its beginning is missing");
    assert_eq!(inspect(&joined!(first, page(4, 960, 8, 1, b"sound"))), Err(Problem::Unknown), "a second stream");
    let open_end = joined!(first, page(0, 960, 7, 1, b"sound"), page(4, u64::MAX, 7, 2, b"half a packet"));
    assert_eq!(inspect(&open_end).map(|inspected| inspected.duration_ms), Ok(Some(20)), "no packet ends on the last page");
}

#[test]
fn a_wav_whose_lengths_are_open_or_wrong_is_damaged() {
    let wav = samples::wav();
    for (at, length) in [(4, u32::MAX), (40, u32::MAX), (4, 0), (40, 0), (40, 4100), (40, 17)] {
        let mut wrong = wav.clone();
        wrong[at..at + 4].copy_from_slice(&length.to_le_bytes());
        assert!(inspect(&wrong).is_err(), "{length} at {at}");
    }
    let empty = joined!(b"RIFF", [36, 0, 0, 0], wav[8..40], [0; 4]);
    assert_eq!(inspect(&empty), Err(Problem::damaged("it has no samples")));
    let mut unpadded = wav[..wav.len() - 1].to_vec();
    unpadded[4] -= 1;
    assert_eq!(inspect(&unpadded), inspect(&wav), "without the last padding");
}

#[test]
fn frames_of_an_mp3_are_alike_whole_and_as_many_as_counted() {
    let (mp3, cuts) = samples::mp3(None);
    let start = cuts[0] - 104;
    assert!(is_damaged(&mp3[..cuts[2] + 2]), "cut in a frame's head");
    let faster = joined!([0xff, 0xfb, 0x14, 0xc0], [0; 92]);
    assert!(inspect(&joined!(faster, faster)).is_ok());
    assert_eq!(inspect(&joined!(mp3, faster)), Err(Problem::Unknown), "frames of another rate");
    let counting = |count: u8| joined!(mp3[..start + 36], b"VBRI", [0; 10], [0, 0, 0, count], mp3[start + 54..]);
    assert_eq!(inspect(&counting(4)).map(|inspected| inspected.duration_ms), Ok(Some(104)));
    assert!(is_damaged(&counting(6)), "fewer than the first one counts");
    let note = joined!(b"ID3", [4, 0, 0x10, 0, 0, 0, 0], b"3DI", [4, 0, 0x10, 0, 0, 0, 0]);
    assert_eq!(inspect(&joined!(note, mp3[start..])), inspect(&mp3), "a note with an end of its own");
}

#[test]
fn older_notes_at_the_end_of_an_mp3_are_a_part_of_it() {
    let (mp3, _) = samples::mp3(None);
    let old = joined!(b"TAG", [b' '; 125]);
    let ape = joined!(b"APETAGEX", [208, 7, 0, 0], [32, 0, 0, 0], [0; 16], [b'-'; 32]);
    for notes in [old.clone(), ape.clone(), joined!(ape, old)] {
        let both = joined!(mp3, notes);
        assert_eq!(inspect(&both), inspect(&mp3));
        assert!(is_damaged(&both[..both.len() - 1]), "cut in its notes");
    }
    assert_eq!(inspect(&joined!(b"ID3", [4, 0, 0, 0, 0, 0, 0], b"fLaC")), Err(Problem::Unknown), "notes on something else");
}

#[test]
fn durations_that_are_none_are_left_out() {
    let info = |body: &[u8]| {
        let whole = samples::matroska("webm", true);
        let at = whole.windows(2).position(|pair| pair == [0x44, 0x89]).expect("a duration") + 10;
        inspect(&joined!(whole[..at], body, whole[at + 4..])).map(|inspected| inspected.duration_ms)
    };
    for none in [f32::NAN, f32::INFINITY, f32::MAX, -1.0, 0.0] {
        assert_eq!(info(&none.to_be_bytes()), Ok(None), "{none}");
    }
    assert_eq!(info(&2.0_f32.to_be_bytes()), Ok(Some(1)));
    let mut fragments = samples::fragmented_mp4().0;
    let at = fragments.windows(4).position(|name| name == b"mehd").expect("a duration") + 8;
    fragments[at..at + 4].fill(0);
    assert_eq!(inspect(&fragments).map(|inspected| inspected.duration_ms), Ok(None));
    assert_eq!((bytes::milliseconds(5, 0), bytes::milliseconds(u64::MAX, 1)), (None, None));
}

#[test]
fn what_we_write_ourselves_is_text_whatever_it_says() {
    let (inspected, bytes) = Inspected::text("<script>alert(1)</script>").expect("short");
    assert_eq!((inspected.kind, bytes.as_slice()), (Kind::Text, b"<script>alert(1)</script>".as_slice()));
    let (inspected, bytes) = Inspected::json(&json!({"a": ["é", 1]})).expect("short");
    assert_eq!(inspected.kind, Kind::Json);
    assert_eq!(String::from_utf8(bytes).expect("UTF-8"), "{\n  \"a\": [\n    \"é\",\n    1\n  ]\n}\n");
    let long = "a".repeat(MAX_TEXT_BYTES + 1);
    assert!(Inspected::text(&long[1..]).is_ok());
    assert_eq!(Inspected::text(&long), Err(Problem::TooLarge));
    assert_eq!(Inspected::json(&json!(long)), Err(Problem::TooLarge));
}

#[test]
fn every_kind_is_served_as_something_harmless_of_its_family() {
    let kinds = SAMPLES.iter().map(|sample| sample.kind).chain([Kind::Picture(picture::Kind::Gif), Kind::Text, Kind::Json]);
    for kind in kinds {
        let family = match kind.family() {
            Family::Picture => "image/",
            Family::Video => "video/",
            Family::Audio => "audio/",
            Family::Text if kind == Kind::Json => "application/json",
            Family::Text => "text/plain; charset=utf-8",
        };
        assert!(kind.content_type().starts_with(family), "{kind:?}");
    }
}

#[test]
fn a_hostile_file_takes_time_in_proportion_to_its_bytes() {
    const COUNT: usize = 400_000;
    let nested = (0..2000).fold(Vec::new(), |inner, _| boxed(b"moov", &inner));
    let tracks = element(&[0x16, 0x54, 0xae, 0x6b], &element(&[0xae], b"").repeat(COUNT / 2));
    let frame = samples::flac(0).0[51..62].to_vec();
    let hostile = [
        joined!(samples::mp4(), boxed(b"free", b"").repeat(COUNT)),
        joined!(samples::mp4()[..20], boxed(b"moov", &boxed(b"trak", b"").repeat(COUNT))),
        joined!(samples::mp4()[..20], nested),
        joined!(samples::mp4(), vec![0; 4_000_000], [1]),
        joined!(samples::open_webm().0, [0xec, 0x80].repeat(COUNT)),
        joined!(samples::matroska("webm", true), tracks),
        joined!(samples::flac(0).0, frame.repeat(COUNT / 10)),
        joined!(samples::flac(0).0, vec![0; 2_000_000]),
        joined!(b"ID3\x04\0\0\0\0\0\0".repeat(COUNT), samples::mp3(None).0),
        joined!(samples::vorbis(), b"OggS".repeat(COUNT)),
    ];
    for (which, bytes) in hostile.iter().enumerate() {
        let began = Instant::now();
        drop(inspect(bytes));
        assert!(began.elapsed() < Duration::from_secs(3), "{which}: {:?} for {} bytes", began.elapsed(), bytes.len());
    }
    let mut heavy = samples::wav();
    heavy.resize(MAX_BYTES + 1, 0);
    assert_eq!(inspect(&heavy), Err(Problem::TooLarge));
    let endless = joined!(samples::mp4(), boxed(b"free", b"").repeat(bytes::MAX_PARTS));
    assert_eq!(inspect(&endless), Err(Problem::TooLarge), "too many parts");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(which in any::<prop::sample::Index>(), keep in 0_usize..80, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let sample = &SAMPLES[which.index(SAMPLES.len())].bytes;
        drop(inspect(&joined!(sample[..keep.min(sample.len())], bytes)));
    }

    #[test]
    fn no_damage_makes_it_panic(
        which in any::<prop::sample::Index>(),
        length in any::<prop::sample::Index>(),
        cut in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut bytes = SAMPLES[which.index(SAMPLES.len())].bytes.clone();
        if cut {
            bytes.truncate(length.index(bytes.len()) + 1);
        }
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        drop(inspect(&bytes));
    }
}
