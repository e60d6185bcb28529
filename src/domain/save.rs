//! How a picture is saved: as it is kept, or as a copy of another kind; and what a copy says about itself.

/// What kind of file is saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaveAs {
    /// The file as it is kept, byte for byte.
    #[default]
    Original,
    /// A PNG, without loss.
    Png,
    /// A JPEG; what is see-through becomes white.
    Jpeg,
    /// A WebP.
    Webp,
}

impl SaveAs {
    /// All of them; the first is the default.
    pub const ALL: [Self; 4] = [Self::Original, Self::Png, Self::Jpeg, Self::Webp];

    /// The word in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }

    /// Reads the word. `None` when it is no choice of ours.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What a copy says about where it comes from, to programs that read it. The file as it is kept says nothing that its
/// model did not write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    None,
    /// That a machine made it.
    #[default]
    Machine,
    /// Also the prompt, the model and the seed.
    Everything,
}

impl Mark {
    /// All of them, the least telling first.
    pub const ALL: [Self; 3] = [Self::None, Self::Machine, Self::Everything];

    /// The word in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Machine => "ai",
            Self::Everything => "all",
        }
    }

    /// Reads the word. `None` when it is no choice of ours.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mark| mark.as_str() == word)
    }
}
