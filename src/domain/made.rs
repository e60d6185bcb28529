//! What a model makes: files, a text that grows while it is written, or a document.

use super::schema;
use serde::{Deserialize, Serialize};

/// What the output of a model is, by its schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputKind {
    /// One file or several: pictures, films, sounds.
    #[default]
    Files,
    /// Text, whole or in pieces.
    Text,
    /// Anything else that JSON can say, perhaps with files in it.
    Data,
}

impl OutputKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Files, Self::Text, Self::Data];

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Text => "text",
            Self::Data => "data",
        }
    }

    /// Reads the stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl From<schema::OutputKind> for OutputKind {
    fn from(described: schema::OutputKind) -> Self {
        match described {
            schema::OutputKind::Files { .. } => Self::Files,
            schema::OutputKind::Text { .. } => Self::Text,
            // What was not described shows by itself what it is when it is there.
            schema::OutputKind::Json { .. } | schema::OutputKind::Unknown => Self::Data,
        }
    }
}

/// What somebody wants done: how the catalogue is sorted and searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// A picture from words.
    #[default]
    Image,
    /// A picture from a picture and words.
    Edit,
    /// A larger picture.
    Upscale,
    /// A film.
    Video,
    /// Speech, music, sound.
    Audio,
    /// Words from words.
    Text,
    /// Anything else.
    Data,
}

impl Task {
    /// All tasks, in the order they are offered.
    pub const ALL: [Self; 7] = [Self::Image, Self::Edit, Self::Upscale, Self::Video, Self::Audio, Self::Text, Self::Data];

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Edit => "edit",
            Self::Upscale => "upscale",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Text => "text",
            Self::Data => "data",
        }
    }

    /// Reads the stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.as_str() == word)
    }
}

/// What a kept file is, by its content type: how it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// A picture.
    Picture,
    /// A film.
    Video,
    /// A sound.
    Audio,
    /// Text.
    Text,
    /// A document in JSON.
    Json,
}

impl Medium {
    /// All of them, in the order they are offered.
    pub const ALL: [Self; 5] = [Self::Picture, Self::Video, Self::Audio, Self::Text, Self::Json];

    /// Reads the short word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|medium| medium.as_str() == word)
    }

    /// What a content type is shown as. What nobody knows is a document to save.
    pub fn of(content_type: &str) -> Self {
        match content_type.split('/').next() {
            Some("image") => Self::Picture,
            Some("video") => Self::Video,
            Some("audio") => Self::Audio,
            Some("text") => Self::Text,
            _ => Self::Json,
        }
    }

    /// A short word for attributes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}
