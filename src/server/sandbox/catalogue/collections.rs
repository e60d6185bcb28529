//! Collections: models that belong together, told with those that are in them.

use super::{Entry, all};
use serde_json::{Value, json};

/// A collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server::sandbox) struct Collection {
    pub(in crate::server::sandbox) slug: &'static str,
    pub(in crate::server::sandbox) name: &'static str,
    pub(in crate::server::sandbox) description: &'static str,
}

const ALL: [Collection; 7] = [
    Collection { slug: "text-to-image", name: "Text to image", description: "Pictures from words" },
    Collection { slug: "image-editing", name: "Image editing", description: "Pictures from other pictures" },
    Collection { slug: "super-resolution", name: "Super resolution", description: "Larger pictures from smaller ones" },
    Collection { slug: "text-to-video", name: "Videos", description: "Films from words or from a picture" },
    Collection { slug: "text-to-speech", name: "Text to speech", description: "Texts, read aloud" },
    Collection { slug: "speech-to-text", name: "Speech to text", description: "Recordings, written down" },
    Collection { slug: "language-models", name: "Language models", description: "Answers in words" },
];

/// All collections.
pub(in crate::server::sandbox) fn collections() -> &'static [Collection] {
    &ALL
}

/// The collection of that slug.
pub(in crate::server::sandbox) fn collection(slug: &str) -> Option<&'static Collection> {
    ALL.iter().find(|collection| collection.slug == slug)
}

impl Collection {
    /// Its models, newest first.
    pub(in crate::server::sandbox) fn models(&self) -> impl Iterator<Item = &'static Entry> {
        all().iter().filter(|entry| entry.collections.iter().any(|slug| slug == self.slug))
    }

    /// As the list of collections tells it.
    pub(in crate::server::sandbox) fn told(&self) -> Value {
        json!({ "name": self.name, "slug": self.slug, "description": self.description })
    }

    /// With its models, as `GET /v1/collections/…` tells it.
    pub(in crate::server::sandbox) fn told_whole(&self) -> Value {
        let mut told = self.told();
        told["full_description"] = json!(format!("## {}\n\n{}.\n", self.name, self.description));
        told["models"] = self.models().map(Entry::model).collect();
        told
    }
}
