//! What came of asking Replicate, or a server of our own: why a model cannot be added, what newer versions there are, what they change.

use crate::domain::Timestamp;
use crate::domain::schema::{Property, Schema};

/// Why a model was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddProblem {
    /// What was typed is no `owner/name`.
    Name,
    /// It is in the catalogue.
    Known,
    /// Replicate knows no such model, or shows it to nobody but its owner.
    Unknown,
    /// It belongs to somebody alone, and can be taken away at any time.
    Private,
    /// It does not say what it takes.
    Undescribed,
    /// Replicate did not answer.
    Away,
    /// What was typed for the address of its server is none.
    Endpoint,
    /// Its server does not answer.
    ServerAway,
    /// Its server does not say what it takes.
    ServerUndescribed,
}

impl AddProblem {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Name,
        Self::Known,
        Self::Unknown,
        Self::Private,
        Self::Undescribed,
        Self::Away,
        Self::Endpoint,
        Self::ServerAway,
        Self::ServerUndescribed,
    ];

    /// Whether it is about the address and not about the name.
    pub const fn is_of_endpoint(self) -> bool {
        matches!(self, Self::Endpoint | Self::ServerAway | Self::ServerUndescribed)
    }
}

/// A model that was not added: what was typed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAdded {
    /// For its name.
    pub name: String,
    /// For the address of its server.
    pub endpoint: String,
    /// Why.
    pub problem: AddProblem,
}

/// How a server of our own is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It waits for work.
    Ready,
    /// It is at work.
    Busy,
    /// It loads its model.
    Starting,
    /// It runs and cannot work.
    Broken,
    /// It does not answer.
    Away,
}

impl Health {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ready, Self::Busy, Self::Starting, Self::Broken, Self::Away];

    /// Reads Cog's word; one that we do not know promises nothing.
    pub fn read(word: &str) -> Self {
        match word {
            "READY" => Self::Ready,
            "BUSY" => Self::Busy,
            "STARTING" => Self::Starting,
            _ => Self::Broken,
        }
    }
}

/// What came of looking for newer versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Models that were asked about.
    pub asked: i64,
    /// Of these, with a version that is not ours.
    pub newer: i64,
    /// Of these, about which Replicate said nothing.
    pub silent: i64,
}

/// A line of the log of what was changed by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// The address of whoever did it; `None` for a command on the server.
    pub who: Option<String>,
    /// What was done, such as `model.changed`.
    pub action: String,
    /// To what.
    pub subject: String,
    /// JSON of what was there, as far as it changed.
    pub before: String,
    /// JSON of what is there.
    pub after: String,
}

/// What another version of a model takes and gives differently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaChanges {
    /// Properties that the old one did not have.
    pub added: Vec<String>,
    /// Properties that the new one does not have.
    pub removed: Vec<String>,
    /// Properties with another type, other bounds, another default, or needed otherwise.
    pub changed: Vec<String>,
    /// Whether what comes out is of another kind.
    pub output: bool,
    /// The house's maxima that have nothing to hold any more.
    pub dropped: Vec<String>,
}

impl SchemaChanges {
    /// From one version to another.
    pub fn between(old: &Schema, new: &Schema) -> Self {
        let names = |properties: Vec<&Property>| properties.into_iter().map(|property| property.name.clone()).collect();
        let missing = |all: &Schema, from: &Schema| {
            names(all.properties.iter().filter(|property| from.property(&property.name).is_none()).collect())
        };
        let differs = |property: &&Property| {
            old.property(&property.name).is_some_and(|known| {
                (&known.shape, &known.default, known.required, known.nullable)
                    != (&property.shape, &property.default, property.required, property.nullable)
            })
        };
        Self {
            added: missing(new, old),
            removed: missing(old, new),
            changed: names(new.properties.iter().filter(differs).collect()),
            output: old.output != new.output,
            dropped: Vec::new(),
        }
    }
}

/// Reads the address of a server of our own: http or https, a host, perhaps a port and a path, and nothing more.
pub fn read_endpoint(typed: &str) -> Option<String> {
    let typed = typed.trim().trim_end_matches('/');
    let rest = typed.strip_prefix("http://").or_else(|| typed.strip_prefix("https://"))?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\?#@".contains(&byte);
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    (!host.is_empty() && typed.len() <= 2_000 && rest.bytes().all(plain)).then(|| typed.to_owned())
}

/// Reads `owner/name`, also out of the address of a model's page. Both parts are made of what Replicate allows in names.
pub fn parse_name(typed: &str) -> Option<(&str, &str)> {
    let typed = typed.trim();
    let typed = typed.strip_prefix("https://replicate.com/").unwrap_or(typed).trim_end_matches('/');
    let (owner, name) = typed.split_once('/')?;
    let fits = |part: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (1..=64).contains(&part.len()) && part.bytes().all(known) && part.bytes().any(|byte| byte.is_ascii_alphanumeric())
    };
    (fits(owner) && fits(name)).then_some((owner, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_version_changes_is_told_by_name() {
        let schema = |properties: serde_json::Value| {
            Schema::parse(&json!({"Input": {"type": "object", "properties": properties}, "Output": {"type": "string"}}))
        };
        let old = schema(json!({"prompt": {"type": "string"}, "steps": {"type": "integer", "maximum": 4}, "odd": {}}));
        let new = schema(json!({
            "prompt": {"type": "string", "description": "Said otherwise."}, "steps": {"type": "integer", "maximum": 8}, "mask": {},
        }));
        let changes = SchemaChanges::between(&old, &new);
        assert_eq!(
            (changes.added, changes.removed, changes.changed),
            (vec!["mask".into()], vec!["odd".into()], vec!["steps".into()])
        );
        assert!(!changes.output);
        assert_eq!(SchemaChanges::between(&old, &old), SchemaChanges::default());
        assert!(SchemaChanges::between(&old, &Schema::default()).output);
    }

    #[test]
    fn the_address_of_a_server_is_a_place_and_carries_nothing() {
        for (typed, read) in [
            (" http://10.0.0.7:5000/ ", Some("http://10.0.0.7:5000")),
            ("https://models.example.com/cellar", Some("https://models.example.com/cellar")),
            ("http://[fd00::7]:5000", Some("http://[fd00::7]:5000")),
            ("10.0.0.7:5000", None),
            ("http://", None),
            ("http:///predictions", None),
            ("http://name:secret@10.0.0.7", None),
            ("http://10.0.0.7/?a=b", None),
            ("file:///etc/passwd", None),
        ] {
            assert_eq!(read_endpoint(typed).as_deref(), read, "{typed}");
        }
    }

    #[test]
    fn a_name_is_two_parts_and_leads_nowhere_else() {
        for (typed, read) in [
            (" stability-ai/sdxl ", Some(("stability-ai", "sdxl"))),
            ("https://replicate.com/black-forest-labs/flux-1.1-pro/", Some(("black-forest-labs", "flux-1.1-pro"))),
            ("sdxl", None),
            ("a/b/c", None),
            ("../account", None),
            ("a/..", None),
            ("a/b?x=1", None),
            ("stability-ai/sdxl:7762fd07", None),
            ("/sdxl", None),
        ] {
            assert_eq!(parse_name(typed), read, "{typed}");
        }
    }
}
