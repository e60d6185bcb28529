//! The shapes a picture can be asked for in.

use serde::{Deserialize, Serialize};

/// A picture's width to its height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AspectRatio {
    /// 1:1.
    #[default]
    #[serde(rename = "1:1")]
    Square,
    /// 3:2, a photograph on its side.
    #[serde(rename = "3:2")]
    Landscape,
    /// 2:3, a photograph upright.
    #[serde(rename = "2:3")]
    Portrait,
    /// 16:9, a screen.
    #[serde(rename = "16:9")]
    Wide,
    /// 9:16, a telephone.
    #[serde(rename = "9:16")]
    Tall,
    /// 4:3, an old screen.
    #[serde(rename = "4:3")]
    Classic,
    /// 3:4, the same upright.
    #[serde(rename = "3:4")]
    ClassicTall,
    /// 5:4, a large negative.
    #[serde(rename = "5:4")]
    Plate,
    /// 4:5, the same upright.
    #[serde(rename = "4:5")]
    PlateTall,
    /// 21:9, a cinema.
    #[serde(rename = "21:9")]
    Cinema,
    /// 9:21, a scroll.
    #[serde(rename = "9:21")]
    Scroll,
}

impl AspectRatio {
    /// All of them, in the order the picker shows.
    pub const ALL: [Self; 11] = [
        Self::Square,
        Self::Landscape,
        Self::Portrait,
        Self::Wide,
        Self::Tall,
        Self::Classic,
        Self::ClassicTall,
        Self::Plate,
        Self::PlateTall,
        Self::Cinema,
        Self::Scroll,
    ];

    /// The words Replicate's models use, and the stored text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Square => "1:1",
            Self::Landscape => "3:2",
            Self::Portrait => "2:3",
            Self::Wide => "16:9",
            Self::Tall => "9:16",
            Self::Classic => "4:3",
            Self::ClassicTall => "3:4",
            Self::Plate => "5:4",
            Self::PlateTall => "4:5",
            Self::Cinema => "21:9",
            Self::Scroll => "9:21",
        }
    }

    /// Reads the form `w:h`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ratio| ratio.as_str() == text)
    }

    /// Pixels of about one megapixel in this shape, both multiples of 64, for models that take a width and a height.
    pub const fn pixels(self) -> (u32, u32) {
        match self {
            Self::Square => (1024, 1024),
            Self::Landscape => (1216, 832),
            Self::Portrait => (832, 1216),
            Self::Wide => (1344, 768),
            Self::Tall => (768, 1344),
            Self::Classic => (1152, 896),
            Self::ClassicTall => (896, 1152),
            Self::Plate => (1088, 896),
            Self::PlateTall => (896, 1088),
            Self::Cinema => (1536, 640),
            Self::Scroll => (640, 1536),
        }
    }

    /// The shape nearest to a width and a height.
    pub fn nearest(width: f64, height: f64) -> Self {
        let wanted = (width.max(1.0) / height.max(1.0)).ln();
        let off = |ratio: &Self| (ratio.quotient().ln() - wanted).abs();
        Self::ALL.into_iter().min_by(|one, other| off(one).total_cmp(&off(other))).unwrap_or_default()
    }

    /// Width over height, for layout.
    pub fn quotient(self) -> f64 {
        let (width, height) = self.pixels();
        f64::from(width) / f64::from(height)
    }
}
