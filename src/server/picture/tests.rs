//! What is a picture and what is none.

use super::*;
use image::{
    ExtendedColorType, ImageEncoder, Rgb, RgbImage, Rgba,
    codecs::gif::{GifEncoder, Repeat},
    codecs::jpeg::JpegEncoder,
};
use proptest::prelude::*;
use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

/// A gradient with a pattern on it, so that every row differs and compresses to something.
fn painted(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([byte(x * 255 / width), byte(y * 255 / height), byte(((x * 7) ^ (y * 13)) & 255)])
    })
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("an encoder");
    bytes.into_inner()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    encoded(&painted(width, height).into(), ImageFormat::Png)
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    encoded(&painted(width, height).into(), ImageFormat::Jpeg)
}

fn lossless_webp(width: u32, height: u32) -> Vec<u8> {
    encoded(&painted(width, height).into(), ImageFormat::WebP)
}

fn lossy_webp(width: u32, height: u32) -> Vec<u8> {
    to_webp(&painted(width, height).into(), QUALITY).expect("an encoder")
}

fn animated_webp(width: u32, height: u32) -> Vec<u8> {
    let config = webp::WebPConfig::new().expect("a configuration");
    let frames = [painted(width, height), RgbImage::from_pixel(width, height, Rgb([0, 0, 255]))];
    let mut encoder = webp::AnimEncoder::new(width, height, &config);
    for (time, frame) in [0, 100].into_iter().zip(&frames) {
        encoder.add_frame(webp::AnimFrame::from_rgb(frame, width, height, time));
    }
    encoder.encode().to_vec()
}

fn gif(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, 30);
    encoder.encode(&painted(width, height), width, height, ExtendedColorType::Rgb8).expect("an encoder");
    drop(encoder);
    bytes
}

fn animated_gif(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, 30);
    let frames = [RgbImage::from_pixel(width, height, Rgb([255, 0, 0])), RgbImage::from_pixel(width, height, Rgb([0, 0, 255]))];
    encoder.set_repeat(Repeat::Infinite).expect("an encoder");
    for frame in frames {
        encoder.encode(&frame, width, height, ExtendedColorType::Rgb8).expect("an encoder");
    }
    drop(encoder);
    bytes
}

/// A PNG of this head whose pixels are eight bytes of a zlib stream of nothing.
fn claiming(width: u32, height: u32, bits: u8, color: u8) -> Vec<u8> {
    let crc = |bytes: &[u8]| {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1)))
        })
    };
    let chunk = |name: &[u8; 4], data: &[u8]| {
        let named = [name.as_slice(), data].concat();
        [&u32::try_from(data.len()).expect("small").to_be_bytes(), named.as_slice(), &crc(&named).to_be_bytes()].concat()
    };
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[bits, color, 0, 0, 0]].concat();
    let nothing = [0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01];
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &head), chunk(b"IDAT", &nothing), chunk(b"IEND", &[])].concat()
}

/// `jpeg` with a segment for applications put behind its first marker.
fn with_app1(jpeg: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).expect("a short segment").to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, data, &jpeg[2..]].concat()
}

fn size(webp: &[u8]) -> (u32, u32) {
    let picture = decode(Kind::Webp, webp).expect("a thumbnail");
    (picture.width(), picture.height())
}

type Maker = fn(u32, u32) -> Vec<u8>;

const MAKERS: [(&str, Maker, Kind); 7] = [
    ("png", png, Kind::Png),
    ("jpeg", jpeg, Kind::Jpeg),
    ("lossless webp", lossless_webp, Kind::Webp),
    ("lossy webp", lossy_webp, Kind::Webp),
    ("animated webp", animated_webp, Kind::Webp),
    ("gif", gif, Kind::Gif),
    ("animated gif", animated_gif, Kind::Gif),
];

#[test]
fn every_kind_is_known_by_its_bytes_and_measured() {
    for (name, make, kind) in MAKERS {
        let inspected = inspect(&make(1600, 800)).expect(name);
        assert_eq!((inspected.kind, inspected.width, inspected.height), (kind, 1600, 800), "{name}");
        assert_eq!((size(&inspected.small), size(&inspected.large)), ((512, 256), (1280, 640)), "{name}");
    }
    assert_eq!(Kind::Jpeg.content_type(), "image/jpeg");
    assert_eq!(Kind::Jpeg.extension().as_str(), "jpg");
}

#[test]
fn a_portrait_stays_upright_and_a_small_picture_small() {
    let portrait = inspect(&png(800, 1600)).expect("a picture");
    assert_eq!((size(&portrait.small), size(&portrait.large)), ((256, 512), (640, 1280)));
    let small = inspect(&png(40, 30)).expect("a picture");
    assert_eq!((size(&small.small), size(&small.large)), ((40, 30), (40, 30)));
}

#[test]
fn the_thinnest_pictures_have_thumbnails() {
    for (width, height) in [(1, 1), (8192, 1), (1, 8192)] {
        let inspected = inspect(&png(width, height)).expect("a picture");
        assert_eq!((inspected.width, inspected.height), (width, height));
        let (small_width, small_height) = size(&inspected.small);
        assert_eq!((small_width, small_height), (width.min(512), height.min(512)));
    }
}

#[test]
fn a_camera_s_orientation_is_applied() {
    let tiff = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let inspected = inspect(&with_app1(&jpeg(64, 32), tiff)).expect("a picture");
    assert_eq!((inspected.width, inspected.height), (32, 64));
    assert_eq!(size(&inspected.small), (32, 64));
}

#[test]
fn the_colour_is_the_average_and_what_cannot_be_seen_does_not_count() {
    let plain = |pixel| inspect(&encoded(&RgbImage::from_pixel(300, 200, pixel).into(), ImageFormat::Png)).expect("a picture");
    assert_eq!(plain(Rgb([255, 128, 0])).color, "#ff8000");
    let half_seen = RgbaImage::from_fn(64, 64, |x, _| if x < 32 { Rgba([0, 0, 255, 255]) } else { Rgba([255, 0, 0, 0]) });
    assert_eq!(inspect(&encoded(&half_seen.into(), ImageFormat::Png)).expect("a picture").color, "#0000ff");
    let unseen = RgbaImage::from_pixel(8, 8, Rgba([1, 2, 3, 0]));
    assert_eq!(inspect(&encoded(&unseen.into(), ImageFormat::Png)).expect("a picture").color, "#ffffff");
}

#[test]
fn transparency_survives_in_the_thumbnails() {
    let picture = RgbaImage::from_fn(1000, 1000, |x, _| Rgba([200, 30, 30, if x < 500 { 0 } else { 255 }]));
    let inspected = inspect(&encoded(&picture.into(), ImageFormat::Png)).expect("a picture");
    let small = decode(Kind::Webp, &inspected.small).expect("a thumbnail").to_rgba8();
    assert_eq!((small.get_pixel(10, 10)[3], small.get_pixel(500, 10)[3]), (0, 255));
    let hidden_green =
        RgbaImage::from_fn(1000, 10, |x, _| if x % 2 == 0 { Rgba([0, 255, 0, 0]) } else { Rgba([200, 0, 0, 255]) });
    let shrunk = shrink(&hidden_green.into(), 100).to_rgba8();
    assert!(shrunk.pixels().all(|pixel| pixel[1] == 0), "colours that cannot be seen do not bleed");
}

#[test]
fn grey_and_sixteen_bit_pictures_are_pictures() {
    let source = DynamicImage::from(painted(50, 40));
    for picture in [
        DynamicImage::from(source.to_luma8()),
        source.to_luma_alpha16().into(),
        source.to_rgb16().into(),
        source.to_rgba16().into(),
    ] {
        assert_eq!(inspect(&encoded(&picture, ImageFormat::Png)).map(|inspected| inspected.width), Ok(50));
    }
    let mut grey = Vec::new();
    JpegEncoder::new(&mut grey).write_image(&source.to_luma8(), 50, 40, ExtendedColorType::L8).expect("an encoder");
    assert_eq!(inspect(&grey).map(|inspected| inspected.kind), Ok(Kind::Jpeg));
}

#[test]
fn the_same_bytes_give_the_same_answer() {
    for (name, make, _) in MAKERS {
        assert_eq!(inspect(&make(700, 500)), inspect(&make(700, 500)), "{name}");
    }
}

#[test]
fn a_picture_cut_anywhere_is_damaged() {
    for (name, make, _) in MAKERS {
        let whole = make(640, 480);
        for percent in [50, 90, 99] {
            let cut = &whole[..whole.len() * percent / 100];
            assert!(matches!(inspect(cut), Err(Problem::Damaged(_))), "{name} at {percent} %");
        }
        let small = make(20, 20);
        inspect(&small).expect(name);
        for length in 0..small.len() {
            assert!(inspect(&small[..length]).is_err(), "{name}: {length} of {} bytes", small.len());
        }
    }
}

#[test]
fn the_end_of_a_preview_inside_a_jpeg_is_not_the_end_of_the_jpeg() {
    let whole = with_app1(&jpeg(200, 200), &jpeg(8, 8));
    inspect(&whole).expect("a picture");
    assert!(matches!(inspect(&whole[..whole.len() - 2]), Err(Problem::Damaged(_))));
}

#[test]
fn pictures_beyond_the_limits_are_refused_before_they_are_unpacked() {
    let began = Instant::now();
    assert_eq!(inspect(&claiming(20_000, 20_000, 1, 0)), Err(Problem::TooLarge), "too wide");
    assert_eq!(inspect(&claiming(u32::MAX >> 1, u32::MAX >> 1, 16, 6)), Err(Problem::TooLarge), "absurd");
    assert_eq!(inspect(&claiming(8192, 8192, 16, 6)), Err(Problem::TooLarge), "512 MiB");
    assert_eq!(inspect(&claiming(8193, 1, 1, 0)), Err(Problem::TooLarge), "a pixel too many");
    let mut heavy = png(16, 16);
    heavy.resize(MAX_BYTES + 1, 0);
    assert_eq!(inspect(&heavy), Err(Problem::TooLarge), "too many bytes");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(matches!(inspect(&claiming(100, 100, 8, 2)), Err(Problem::Damaged(_))), "a head without a body");
}

#[test]
fn a_gif_of_no_frame_is_damaged_and_of_several_the_first_is_shown() {
    assert!(matches!(inspect(b"GIF89a\x01\0\x01\0\0\0\0;"), Err(Problem::Damaged(_))));
    assert_eq!(inspect(&animated_gif(30, 20)).expect("a picture").color, "#ff0000");
}

#[test]
fn what_is_no_picture_is_refused_whatever_it_is_called() {
    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#;
    let html = b"<!doctype html><script>alert(1)</script>";
    let impostors: [&[u8]; 9] =
        [b"", b"\x89PNG", b"\xff\xd8", svg, html, b"GIF88a\x01\0\x01\0\0\0\0;", b"%PDF-1.7", b"BM\0\0\0\0", b"RIFF\0\0\0\0WAVE"];
    for impostor in impostors {
        assert_eq!(inspect(impostor), Err(Problem::NotAPicture), "{:?}", String::from_utf8_lossy(impostor));
    }
    for (name, make, _) in MAKERS {
        let picture = make(16, 16);
        assert_eq!(inspect(&[html.as_slice(), &picture].concat()), Err(Problem::NotAPicture), "{name} behind HTML");
        assert_eq!(inspect(&[&picture, html.as_slice()].concat()), Err(Problem::NotAPicture), "HTML behind {name}");
        assert!(inspect(&[&picture, [0; 3].as_slice()].concat()).is_ok(), "padding behind {name}");
    }
}

static SMALL_PICTURES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| MAKERS.iter().map(|(_, make, _)| make(24, 16)).collect());

proptest! {
    #[test]
    fn no_bytes_make_it_panic(which in 0..MAKERS.len(), keep in 0_usize..16, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let start = &SMALL_PICTURES[which][..keep];
        drop(inspect(&[start, bytes.as_slice()].concat()));
    }

    #[test]
    fn no_damage_makes_it_panic(
        which in 0..MAKERS.len(),
        length in any::<prop::sample::Index>(),
        cut in any::<bool>(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 0..8), 0..6),
    ) {
        let mut bytes = SMALL_PICTURES[which].clone();
        if cut {
            bytes.truncate(length.index(bytes.len()) + 1);
        }
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
        }
        drop(inspect(&bytes));
    }
}

#[test]
fn se_27_what_is_written_anew_has_its_pixels_and_nothing_else() {
    let tiff = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0 taken at home";
    let cleaned = clean(&[with_app1(&jpeg(64, 32), tiff), b"a film".to_vec()].concat()).expect("a picture");
    assert_eq!((cleaned.kind, cleaned.width, cleaned.height), (Kind::Jpeg, 32, 64));
    let written = String::from_utf8_lossy(&cleaned.bytes);
    assert!(!written.contains("home") && !written.contains("Exif") && !written.contains("a film"));
    assert_eq!(inspect(&cleaned.bytes).map(|inspected| (inspected.width, inspected.height)), Ok((32, 64)));
    assert_eq!(clean(&jpeg(64, 32)), clean(&jpeg(64, 32)), "the same becomes the same");
    let png = clean(&png(30, 20)).expect("a picture");
    assert_eq!(decode(Kind::Png, &png.bytes).expect("a picture").to_rgb8(), painted(30, 20));
    for make in [lossless_webp, lossy_webp, animated_webp] {
        let webp = clean(&make(30, 20)).expect("a picture");
        assert_eq!((webp.kind, webp.width, webp.height), (Kind::Webp, 30, 20));
        assert_eq!(clean(&webp.bytes).map(|again| (again.width, again.height)), Ok((30, 20)));
    }
}

#[test]
fn a_profile_of_colours_goes_along_when_it_is_of_these_colours() {
    let with_profile = |space: &[u8; 4]| {
        let profile = [&[0; 16][..], space, &[0; 108]].concat();
        let mut file = Vec::new();
        let mut encoder = image::codecs::png::PngEncoder::new(&mut file);
        encoder.set_icc_profile(profile.clone()).expect("it takes profiles");
        encoder.write_image(&painted(8, 8), 8, 8, ExtendedColorType::Rgb8).expect("an encoder");
        let cleaned = clean(&file).expect("a picture");
        let kept = decoder(Kind::Png, &cleaned.bytes).expect("a picture").icc_profile().expect("a profile or none");
        kept.map(|kept| kept == profile)
    };
    assert_eq!((with_profile(b"RGB "), with_profile(b"GRAY")), (Some(true), None));
}

#[test]
fn se_27_what_is_too_large_or_broken_is_not_written_anew() {
    assert_eq!(clean(&claiming(20_000, 20_000, 8, 2)), Err(Problem::TooLarge));
    assert_eq!(clean(&claiming(8_192, 8_192, 16, 6)), Err(Problem::TooLarge));
    assert!(matches!(clean(&png(30, 20)[..200]), Err(Problem::Damaged(_))));
    assert_eq!(clean(b"<svg/>"), Err(Problem::NotAPicture));
    assert_eq!(clean(&[png(30, 20), vec![0; MAX_BYTES]].concat()), Err(Problem::TooLarge));
}
