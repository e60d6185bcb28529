//! Proves that bytes are a whole picture, and makes from them what the page needs.
//!
//! The bytes decide what a picture is, never a header or a name. It is decoded to its end within fixed limits, so that
//! neither half a download nor a few kilobytes that unpack to gigabytes are taken for one. Everything here is pure and
//! blocks: call it where blocking is allowed.

mod clean;
mod container;
mod convert;
mod likeness;
mod mark;

pub use clean::{Cleaned, clean};
pub use convert::convert;
pub use likeness::{Likeness, alike};
pub use mark::{Story, marked};

use super::store::Extension;
use crate::domain::MAX_SIDE;
use base64::{Engine, engine::general_purpose::STANDARD};
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbaImage, imageops::FilterType::CatmullRom,
};
use std::{borrow::Cow, io::Cursor};

/// Most bytes of a picture as it arrives.
pub const MAX_BYTES: usize = 25_000_000;
/// Most bytes it may unpack to.
const MAX_UNPACKED: u64 = 256 * 1024 * 1024;
/// The longer side of the gallery's thumbnail, in pixels.
const SMALL: u32 = 512;
/// The longer side of the viewer's, in pixels.
const LARGE: u32 = 1280;
/// The longer side that a `ThumbHash` can be made of, in pixels.
const TINY: u32 = 100;
/// Of the thumbnails, in percent. Beyond it files grow faster than anybody can see.
const QUALITY: f32 = 82.0;

/// The kinds of pictures we keep. SVG is none: it is a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP, lossy or not.
    Webp,
    /// GIF.
    Gif,
}

impl Kind {
    /// The kind whose mark the bytes begin with.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            _ => None,
        }
    }

    /// What such a file is called.
    pub const fn extension(self) -> Extension {
        match self {
            Self::Png => Extension::Png,
            Self::Jpeg => Extension::Jpg,
            Self::Webp => Extension::Webp,
            Self::Gif => Extension::Gif,
        }
    }

    /// What it is served as.
    pub const fn content_type(self) -> &'static str {
        self.extension().content_type()
    }

    const fn format(self) -> ImageFormat {
        match self {
            Self::Png => ImageFormat::Png,
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Webp => ImageFormat::WebP,
            Self::Gif => ImageFormat::Gif,
        }
    }
}

/// A picture that was decoded to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// What it is.
    pub kind: Kind,
    /// Pixels, as it is shown: turned the way its camera says.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Its average colour, `#rrggbb`.
    pub color: String,
    /// Its `ThumbHash`, base64.
    pub thumbhash: String,
    /// WebP for the gallery; the longer side is 512 pixels, or its own when that is less.
    pub small: Vec<u8>,
    /// WebP for the viewer; the longer side is 1,280 pixels, or its own when that is less.
    pub large: Vec<u8>,
}

/// Why bytes are not kept as a picture.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Neither PNG nor JPEG nor WebP nor GIF, or one of these with something else behind it.
    #[error("not a PNG, JPEG, WebP or GIF picture")]
    NotAPicture,
    /// Beyond the limits on bytes, sides or memory.
    #[error("the picture is too large")]
    TooLarge,
    /// It breaks off, or cannot be decoded; with the decoder's words for the operator.
    #[error("the picture is damaged: {0}")]
    Damaged(String),
}

/// Decodes a picture whole and makes its thumbnails. Of an animation, the first frame.
///
/// A JPEG carries no checksum: that it is complete is proved, that no bit of it was flipped cannot be.
///
/// # Errors
/// With the [`Problem`] it has.
pub fn inspect(bytes: &[u8]) -> Result<Inspected, Problem> {
    let kind = Kind::sniff(bytes).ok_or(Problem::NotAPicture)?;
    if bytes.len() > MAX_BYTES {
        return Err(Problem::TooLarge);
    }
    // Decoders fill what is missing with grey, or stop at the last row: that the file ends where it should is asked first.
    match container::end(kind, bytes) {
        None => return Err(Problem::Damaged("it breaks off".into())),
        // Padding is harmless; anything else behind a picture is a second file that wants to pass as the first.
        Some(end) if bytes[end..].iter().any(|byte| *byte != 0) => return Err(Problem::NotAPicture),
        Some(_) => {}
    }
    let picture = decode(kind, bytes)?;
    let large = shrink(&picture, LARGE);
    let small = shrink(&large, SMALL);
    let tiny = shrink(&small, TINY).to_rgba8();
    let hash = thumbhash::rgba_to_thumb_hash(tiny.width() as usize, tiny.height() as usize, &tiny);
    Ok(Inspected {
        kind,
        width: picture.width(),
        height: picture.height(),
        color: average_color(&tiny),
        thumbhash: STANDARD.encode(hash),
        small: to_webp(&small, QUALITY)?,
        large: to_webp(&large, QUALITY)?,
    })
}

/// The pixels, upright, as RGB or RGBA of 8 bits.
fn decode(kind: Kind, bytes: &[u8]) -> Result<DynamicImage, Problem> {
    upright(decoder(kind, bytes)?)
}

/// What reads the picture, with its limits set and its size looked at.
fn decoder(kind: Kind, bytes: &[u8]) -> Result<impl ImageDecoder, Problem> {
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_UNPACKED);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), kind.format());
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(problem)?;
    if decoder.total_bytes() > MAX_UNPACKED {
        return Err(Problem::TooLarge);
    }
    Ok(decoder)
}

/// Reads it to its end and turns it the way its camera says.
fn upright(mut decoder: impl ImageDecoder) -> Result<DynamicImage, Problem> {
    let orientation = decoder.orientation().map_err(problem)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(problem)?;
    picture.apply_orientation(orientation);
    Ok(match picture {
        plain @ (DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgba8(_)) => plain,
        other if other.color().has_alpha() => other.into_rgba8().into(),
        other => other.into_rgb8().into(),
    })
}

fn problem(error: ImageError) -> Problem {
    match error {
        ImageError::Limits(_) => Problem::TooLarge,
        other => Problem::Damaged(other.to_string()),
    }
}

/// The picture with its longer side no longer than this; never a larger one.
fn shrink(picture: &DynamicImage, longest: u32) -> Cow<'_, DynamicImage> {
    let (width, height) = (picture.width(), picture.height());
    let longer = width.max(height);
    if longer <= longest {
        return Cow::Borrowed(picture);
    }
    // Sides are at most 8,192, so that the product fits.
    let scaled = |side: u32| ((side * longest + longer / 2) / longer).max(1);
    // This resizer is no template: its pixel loops are compiled in its own crate, optimised even where ours is not.
    let resized = |picture: &DynamicImage| picture.resize_exact(scaled(width), scaled(height), CatmullRom);
    Cow::Owned(match picture {
        DynamicImage::ImageRgba8(pixels) => unweighted(resized(&weighted(pixels.clone()).into()).into_rgba8()).into(),
        opaque => resized(opaque),
    })
}

/// Each colour as much as it is opaque, so that what cannot be seen does not bleed into what can.
fn weighted(mut picture: RgbaImage) -> RgbaImage {
    for [color @ .., alpha] in picture.pixels_mut().map(|pixel| &mut pixel.0) {
        *color = color.map(|channel| byte((u32::from(channel) * u32::from(*alpha) + 127) / 255));
    }
    picture
}

/// Takes [`weighted`] back. Colours of invisible pixels are gone, and nobody sees it.
fn unweighted(mut picture: RgbaImage) -> RgbaImage {
    for [color @ .., alpha] in picture.pixels_mut().map(|pixel| &mut pixel.0).filter(|pixel| pixel[3] > 0) {
        *color = color.map(|channel| byte(u32::from(channel) * 255 / u32::from(*alpha)));
    }
    picture
}

fn byte(value: u32) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

/// The mean of the pixels, each counted as much as it is opaque.
fn average_color(picture: &RgbaImage) -> String {
    let (mut sums, mut weight) = ([0_u64; 3], 0_u64);
    for pixel in picture.pixels() {
        let [red, green, blue, alpha] = pixel.0.map(u64::from);
        for (sum, channel) in sums.iter_mut().zip([red, green, blue]) {
            *sum += channel * alpha;
        }
        weight += alpha;
    }
    // A picture of nothing at all is white, as the page behind it.
    let [red, green, blue] = sums.map(|sum| (sum + weight / 2).checked_div(weight).unwrap_or(255));
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn to_webp(picture: &DynamicImage, quality: f32) -> Result<Vec<u8>, Problem> {
    let (width, height) = (picture.width(), picture.height());
    let encoder = if picture.color().has_alpha() {
        webp::Encoder::from_rgba(picture.as_bytes(), width, height)
    } else {
        webp::Encoder::from_rgb(picture.as_bytes(), width, height)
    };
    let file = encoder.encode_simple(false, quality);
    file.map(|file| file.to_vec()).map_err(|error| Problem::Damaged(format!("packing it: {error:?}")))
}

#[cfg(test)]
mod tests;
