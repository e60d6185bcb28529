//! A copy of a kept picture as another kind of file. The original is only read.

use super::{Kind, Problem, decode, problem, to_webp};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ImageEncoder, Rgb, RgbImage};

/// Of what is packed with loss, in percent: so that nobody sees that it was packed twice.
const QUALITY: u8 = 92;

/// Writes a picture as a file of this kind; of its own kind it stays as it is. Blocks.
///
/// # Errors
/// With the [`Problem`] it has. GIF is not written.
pub fn convert(bytes: Vec<u8>, into: Kind) -> Result<Vec<u8>, Problem> {
    let kind = Kind::sniff(&bytes).ok_or(Problem::NotAPicture)?;
    if kind == into {
        return Ok(bytes);
    }
    let picture = decode(kind, &bytes)?;
    let mut file = Vec::new();
    match into {
        Kind::Png => write(PngEncoder::new(&mut file), &picture)?,
        Kind::Jpeg => write(JpegEncoder::new_with_quality(&mut file, QUALITY), &on_white(picture))?,
        Kind::Webp => file = to_webp(&picture, f32::from(QUALITY))?,
        Kind::Gif => return Err(Problem::NotAPicture),
    }
    Ok(file)
}

fn write(encoder: impl ImageEncoder, picture: &DynamicImage) -> Result<(), Problem> {
    encoder.write_image(picture.as_bytes(), picture.width(), picture.height(), picture.color().into()).map_err(problem)
}

/// JPEG knows nothing see-through; what is shines white, as on paper.
fn on_white(picture: DynamicImage) -> DynamicImage {
    let DynamicImage::ImageRgba8(pixels) = picture else { return picture };
    let paper = RgbImage::from_fn(pixels.width(), pixels.height(), |x, y| {
        let [color @ .., alpha] = pixels.get_pixel(x, y).0.map(u32::from);
        Rgb(color.map(|channel| super::byte((channel * alpha + 255 * (255 - alpha) + 127) / 255)))
    });
    paper.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, Rgba, RgbaImage};
    use std::io::Cursor;

    fn png() -> Vec<u8> {
        let glass = RgbaImage::from_fn(40, 20, |x, _| Rgba([200, 30, 30, if x < 20 { 255 } else { 0 }]));
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(glass).write_to(&mut bytes, ImageFormat::Png).expect("a picture");
        bytes.into_inner()
    }

    #[test]
    fn every_kind_can_be_had_of_every_other_and_has_the_same_shape() {
        for into in [Kind::Jpeg, Kind::Webp, Kind::Png] {
            let file = convert(png(), into).expect("a file");
            assert_eq!(Kind::sniff(&file), Some(into));
            let read = decode(into, &file).expect("a picture");
            assert_eq!((read.width(), read.height()), (40, 20));
            let back = convert(file, Kind::Png).expect("a file");
            assert_eq!(Kind::sniff(&back), Some(Kind::Png));
        }
    }

    #[test]
    fn its_own_kind_stays_byte_for_byte_and_what_is_see_through_becomes_white_paper() {
        assert_eq!(convert(png(), Kind::Png), Ok(png()));
        let paper = decode(Kind::Jpeg, &convert(png(), Kind::Jpeg).expect("a file")).expect("a picture").into_rgb8();
        assert!(paper.get_pixel(35, 10).0.iter().all(|channel| *channel > 245));
        assert!(paper.get_pixel(5, 10).0[1] < 80);
        assert_eq!(convert(b"no picture".to_vec(), Kind::Png), Err(Problem::NotAPicture));
    }
}
