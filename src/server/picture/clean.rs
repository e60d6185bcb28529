//! A person's own picture, written anew: upright, and without what its camera noted besides the pixels, where and when it
//! was taken among it. Only the profile of its colours goes along, because without it they would be others.

use super::{Kind, MAX_BYTES, Problem, container, decoder, problem, upright};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ImageDecoder, ImageEncoder};

/// Of what is packed with loss, in percent: so that nobody sees that it was packed twice.
const QUALITY: u8 = 95;

/// A picture that was decoded to its end and written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// What it is; the same as before, but of a GIF.
    pub kind: Kind,
    /// Pixels, upright.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Writes a picture anew. What stands behind its end is left out: telephones put films and second pictures there. Of an
/// animation, the first frame. The same bytes always become the same bytes.
///
/// # Errors
/// With the [`Problem`] it has.
pub fn clean(bytes: &[u8]) -> Result<Cleaned, Problem> {
    let kind = Kind::sniff(bytes).ok_or(Problem::NotAPicture)?;
    let into = match kind {
        // Colours by the dozen: what its first frame shows is kept without loss.
        Kind::Gif => Kind::Png,
        other => other,
    };
    if bytes.len() > MAX_BYTES {
        return Err(Problem::TooLarge);
    }
    let end = container::end(kind, bytes).ok_or_else(|| Problem::Damaged("it breaks off".into()))?;
    let mut decoder = decoder(kind, &bytes[..end])?;
    // A profile that cannot be read is one that cannot be kept, and one for other colours than those written here would
    // spoil them.
    let profile = decoder.icc_profile().ok().flatten().filter(|profile| profile.get(16..20) == Some(b"RGB "));
    let picture = upright(decoder)?;
    Ok(Cleaned { kind: into, width: picture.width(), height: picture.height(), bytes: encode(into, &picture, profile)? })
}

fn encode(kind: Kind, picture: &DynamicImage, profile: Option<Vec<u8>>) -> Result<Vec<u8>, Problem> {
    let mut file = Vec::new();
    match kind {
        Kind::Png | Kind::Gif => write(PngEncoder::new(&mut file), picture, profile)?,
        Kind::Jpeg => write(JpegEncoder::new_with_quality(&mut file, QUALITY), picture, profile)?,
        // The one encoder of this format that packs with loss takes no profile; nearly all such pictures have none.
        Kind::Webp => file = super::to_webp(picture, f32::from(QUALITY))?,
    }
    Ok(file)
}

fn write(mut encoder: impl ImageEncoder, picture: &DynamicImage, profile: Option<Vec<u8>>) -> Result<(), Problem> {
    if let Some(profile) = profile {
        // An encoder that takes none writes the picture without.
        let _ = encoder.set_icc_profile(profile);
    }
    encoder.write_image(picture.as_bytes(), picture.width(), picture.height(), picture.color().into()).map_err(problem)
}
