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
}

impl AspectRatio {
    /// All of them, in the order the picker shows.
    pub const ALL: [Self; 5] = [Self::Square, Self::Landscape, Self::Portrait, Self::Wide, Self::Tall];

    /// The words Replicate's models use, and the stored text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Square => "1:1",
            Self::Landscape => "3:2",
            Self::Portrait => "2:3",
            Self::Wide => "16:9",
            Self::Tall => "9:16",
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
        }
    }

    /// Width over height, for layout.
    pub fn quotient(self) -> f64 {
        let (width, height) = self.pixels();
        f64::from(width) / f64::from(height)
    }
}
