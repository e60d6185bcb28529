//! What a file says about itself: a packet of XMP, in the place that its format keeps for that. The pixels are not touched.
//!
//! The vocabulary is IPTC's: `DigitalSourceType` with the term for media that an algorithm made after training.

use super::Kind;
use crate::domain::Mark;
use std::fmt::Write;

/// IPTC's word for what a trained model made.
const MADE_BY_MACHINE: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";
/// The name under which PNG keeps XMP.
const PNG_KEY: &[u8] = b"XML:com.adobe.xmp\0\0\0\0\0";
/// The name under which JPEG keeps XMP.
const JPEG_KEY: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// The most bytes of a JPEG segment, its length of two bytes not counted.
const SEGMENT: usize = 65_533;

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Story<'a> {
    /// The prompt.
    pub prompt: &'a str,
    /// The model and its version.
    pub model: &'a str,
    /// The seed.
    pub seed: Option<i64>,
}

/// The same picture with the mark in it; without one, and where it does not fit, as it was.
pub fn marked(bytes: Vec<u8>, mark: Mark, story: &Story<'_>) -> Vec<u8> {
    if mark == Mark::None {
        return bytes;
    }
    let packet = packet(mark, story).into_bytes();
    let marked = match Kind::sniff(&bytes) {
        Some(Kind::Png) => png(&bytes, &packet),
        Some(Kind::Jpeg) => jpeg(&bytes, &packet),
        Some(Kind::Webp) => webp(&bytes, &packet),
        Some(Kind::Gif) | None => None,
    };
    marked.unwrap_or(bytes)
}

fn packet(mark: Mark, story: &Story<'_>) -> String {
    let mut told = String::new();
    if mark == Mark::Everything {
        let seed = story.seed.map(|seed| format!("; seed {seed}")).unwrap_or_default();
        // Writing to a text cannot fail.
        let _ = write!(
            told,
            "<dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">{}</rdf:li></rdf:Alt></dc:description>\
             <xmp:CreatorTool>{}{seed}</xmp:CreatorTool>",
            escaped(story.prompt),
            escaped(story.model)
        );
    }
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" \
         xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\">\
         <Iptc4xmpExt:DigitalSourceType>{MADE_BY_MACHINE}</Iptc4xmpExt:DigitalSourceType>{told}\
         </rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>"
    )
}

/// Text of XML; what XML cannot hold at all is left out.
fn escaped(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).fold(String::new(), |escaped, c| match c {
        '&' => escaped + "&amp;",
        '<' => escaped + "&lt;",
        '>' => escaped + "&gt;",
        other => escaped + other.encode_utf8(&mut [0; 4]),
    })
}

/// A chunk of text right behind the first, which says how large the picture is.
fn png(bytes: &[u8], packet: &[u8]) -> Option<Vec<u8>> {
    const HEAD: usize = 8 + 25;
    let body = [b"iTXt".as_slice(), PNG_KEY, packet].concat();
    let length = u32::try_from(body.len() - 4).ok()?;
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    Some([head, &length.to_be_bytes(), &body, &crc(&body).to_be_bytes(), rest].concat())
}

/// A segment right behind the start of the picture.
fn jpeg(bytes: &[u8], packet: &[u8]) -> Option<Vec<u8>> {
    let body = [JPEG_KEY, packet].concat();
    let length = u16::try_from(body.len() + 2).ok().filter(|_| body.len() <= SEGMENT)?;
    let (start, rest) = bytes.split_at_checked(2)?;
    Some([start, &[0xff, 0xe1], &length.to_be_bytes(), &body, rest].concat())
}

/// A chunk at the end; and since the simplest form of a WebP may hold none, a first chunk that announces it.
fn webp(bytes: &[u8], packet: &[u8]) -> Option<Vec<u8>> {
    const ANNOUNCES_XMP: u8 = 0x04;
    const ANNOUNCES_ALPHA: u8 = 0x10;
    let body = bytes.get(12..)?;
    let body = if body.starts_with(b"VP8X") {
        let mut body = body.to_vec();
        *body.get_mut(8)? |= ANNOUNCES_XMP;
        body
    } else {
        let read = webp::Decoder::new(bytes).decode()?;
        let flags = if read.is_alpha() { ANNOUNCES_XMP | ANNOUNCES_ALPHA } else { ANNOUNCES_XMP };
        let less_one = |side: u32| side.checked_sub(1).map(u32::to_le_bytes);
        let ([w0, w1, w2, _], [h0, h1, h2, _]) = (less_one(read.width())?, less_one(read.height())?);
        [b"VP8X\x0a\0\0\0".as_slice(), &[flags, 0, 0, 0, w0, w1, w2, h0, h1, h2], body].concat()
    };
    let length = u32::try_from(packet.len()).ok()?;
    let padding: &[u8] = if packet.len() % 2 == 1 { &[0] } else { &[] };
    let body = [b"WEBP".as_slice(), &body, b"XMP ", &length.to_le_bytes(), packet, padding].concat();
    Some([b"RIFF".as_slice(), &u32::try_from(body.len()).ok()?.to_le_bytes(), &body].concat())
}

/// PNG's checksum: CRC-32 with the lowest bit first.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::picture::{convert, inspect};
    use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
    use std::io::Cursor;

    const STORY: Story<'_> = Story { prompt: "a <lighthouse> & 夕焼け\0", model: "owner/name@12345678", seed: Some(7) };

    fn picture(kind: Kind) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let byte = |value: u32| u8::try_from(value % 256).unwrap_or_default();
        let pixels = RgbImage::from_fn(33, 21, |x, y| Rgb([byte(x * 7), byte(y * 11), 90]));
        DynamicImage::from(pixels).write_to(&mut bytes, ImageFormat::Png).expect("a picture");
        convert(bytes.into_inner(), kind).expect("a file")
    }

    fn holds(bytes: &[u8], text: &str) -> bool {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    #[test]
    fn a_marked_file_is_whole_has_the_same_pixels_and_says_what_was_chosen() {
        for kind in [Kind::Png, Kind::Jpeg, Kind::Webp] {
            let plain = picture(kind);
            assert_eq!(marked(plain.clone(), Mark::None, &STORY), plain);
            let machine = marked(plain.clone(), Mark::Machine, &STORY);
            assert!(holds(&machine, MADE_BY_MACHINE) && !holds(&machine, "lighthouse"), "{kind:?}");
            let everything = marked(plain.clone(), Mark::Everything, &STORY);
            assert!(
                holds(&everything, "a &lt;lighthouse&gt; &amp; 夕焼け<") && holds(&everything, "owner/name@12345678; seed 7")
            );
            for file in [machine, everything] {
                let (before, after) = (inspect(&plain).expect("a picture"), inspect(&file).expect("still a picture"));
                assert_eq!((before.small, before.width, before.height), (after.small, after.width, after.height), "{kind:?}");
            }
        }
    }

    #[test]
    fn what_is_too_long_for_its_place_is_left_out_and_the_picture_stays_whole() {
        let story = Story { prompt: &"海".repeat(30_000), ..STORY };
        let plain = picture(Kind::Jpeg);
        assert_eq!(marked(plain.clone(), Mark::Everything, &story), plain);
    }
}
