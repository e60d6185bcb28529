//! Who we are to an S3 server. Keys that somebody else renews stand in a file, in the form that Amazon's own tools read;
//! a store reads it again when the server says that what it read before has expired.

use crate::server::store::Error;
use aws_sdk_s3::config::Credentials as Signing;
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Where the keys are.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Said once, and good for as long as the process lives.
    Fixed(Keys),
    /// In the section `[default]` of this file: `aws_access_key_id`, `aws_secret_access_key` and, for keys that expire,
    /// `aws_session_token`.
    File(PathBuf),
}

/// What requests are signed with.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The public half.
    pub access_key: SecretString,
    /// The secret half.
    pub secret_key: SecretString,
    /// What keys that expire come with.
    pub session_token: Option<SecretString>,
}

impl Keys {
    /// Keys that do not expire.
    pub fn lasting(access_key: impl Into<SecretString>, secret_key: impl Into<SecretString>) -> Self {
        Self { access_key: access_key.into(), secret_key: secret_key.into(), session_token: None }
    }

    pub(super) fn signing(&self) -> Signing {
        let token = self.session_token.as_ref().map(|token| token.expose_secret().to_owned());
        Signing::new(self.access_key.expose_secret(), self.secret_key.expose_secret(), token, None, "configuration")
    }

    fn parts(&self) -> [&str; 3] {
        let token = self.session_token.as_ref().map_or("", |token| token.expose_secret());
        [self.access_key.expose_secret(), self.secret_key.expose_secret(), token]
    }
}

impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Credentials {
    /// The keys as they are now.
    ///
    /// # Errors
    /// [`Error::Refused`] when the file cannot be read or has no keys in it.
    pub async fn keys(&self) -> Result<Keys, Error> {
        let path = match self {
            Self::Fixed(keys) => return Ok(keys.clone()),
            Self::File(path) => path,
        };
        let refused = |why: String| Error::Refused(format!("the credentials in {}: {why}", path.display()));
        let text = tokio::fs::read_to_string(path).await.map_err(|error| refused(error.to_string()))?;
        parse(&text).ok_or_else(|| refused("no aws_access_key_id or no aws_secret_access_key in [default]".to_owned()))
    }

    /// The file that is read, when there is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Fixed(_) => None,
            Self::File(path) => Some(path),
        }
    }
}

fn parse(text: &str) -> Option<Keys> {
    let lines = text.lines().map(str::trim).skip_while(|line| *line != "[default]").skip(1);
    let lines = lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
    let values: HashMap<_, _> = lines.map(|(name, value)| (name.trim(), value.trim())).collect();
    let value = |name: &str| values.get(name).filter(|value| !value.is_empty()).map(|value| SecretString::from(*value));
    Some(Keys {
        access_key: value("aws_access_key_id")?,
        secret_key: value("aws_secret_access_key")?,
        session_token: value("aws_session_token"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_section_is_read_and_no_other() {
        let text = "# ours\n[other]\naws_access_key_id = no\n\n[default]\naws_access_key_id = AKIA\n\
                    aws_secret_access_key=a/b+c=\n[last]\naws_session_token = no\n";
        assert_eq!(parse(text).expect("keys").parts(), ["AKIA", "a/b+c=", ""]);
        let renewed = text.replace("[last]\n", "");
        assert_eq!(parse(&renewed).expect("keys").parts(), ["AKIA", "a/b+c=", "no"]);
        for lacking in ["", "[default]\naws_access_key_id = AKIA", "aws_access_key_id = A\naws_secret_access_key = B"] {
            assert!(parse(lacking).is_none(), "{lacking:?}");
        }
    }
}
