//! What the operator says, read once at start. With a value that cannot be used there is no start, but one line that tells
//! which variable it is and what it should hold.

use crate::domain::Credits;
use crate::server::egress::Reach;
use crate::server::generation::Caps;
use crate::server::replicate::{is_loopback, webhook::Secret};
use crate::server::store::{Credentials, Keys, StoreConfig};
use crate::server::worker::spool;
use secrecy::SecretString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use url::Url;

/// Everything the operator decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// `ATELIER_ADDR`: where to listen. Default `127.0.0.1:3000`.
    pub addr: SocketAddr,
    /// `PUBLIC_URL`: the origin people reach us at. Default `http://` and the address.
    pub public_url: Url,
    /// `DATA_DIR`: the database file, local objects, the sandbox's books. Default `data`.
    pub data_dir: PathBuf,
    /// `DATABASE_URL`: `sqlite://…` or `postgres://…`. Default a file in the data directory.
    pub database_url: String,
    /// `REPLICATE_API_TOKEN`; without one the built-in sandbox stands in for Replicate.
    pub replicate_token: Option<SecretString>,
    /// `REPLICATE_BASE_URL`, without `/v1`. Default `https://api.replicate.com`.
    pub replicate_url: Url,
    /// `REPLICATE_WEBHOOK_SECRET`: one `whsec_…`, or the old and the new one while it is being changed. Without one it is
    /// fetched from Replicate.
    pub webhook_secrets: Vec<Secret>,
    /// `S3_BUCKET` and the SDK's own variables, or else the directory `objects` in the data directory.
    pub store: StoreConfig,
    /// `SPOOL_MAX_MB` and `STORE_WAIT_HOURS`: what may wait in the data directory while the store is away, and how long
    /// after its links died. Defaults 4096 and 72.
    pub spool: spool::Limits,
    /// `WORKER_CONCURRENCY`: steps this process carries out side by side. Default 5.
    pub worker_concurrency: usize,
    /// `MAX_IN_FLIGHT` and `MAX_IN_FLIGHT_PER_PERSON`: predictions at Replicate at once; `CREATES_PER_MINUTE`: paid calls.
    /// Defaults 100, 10 and 600, which is Replicate's own limit. They hold over all processes; the worker that was started
    /// last decides.
    pub caps: Caps,
    /// `INPUT_LINKS`: whether Replicate is given short-lived links to files over 256 kB, rather than copies. Default `off`; it
    /// needs a `PUBLIC_URL` with https that Replicate can reach.
    pub input_links: bool,
    /// `SIGNUP_CREDITS`: granted once per account. Default 20.
    pub signup_credits: Credits,
}

/// A variable that cannot be used. The sentence is for the operator and never repeats a secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{variable} {problem}")]
pub struct Bad {
    variable: &'static str,
    problem: String,
}

impl Config {
    /// Reads the process's environment, and `.env` where there is one.
    ///
    /// # Errors
    /// With the variable and the fix.
    pub fn from_env() -> Result<Self, Bad> {
        match dotenvy::dotenv() {
            Err(error) if !error.not_found() => {
                return Err(Bad { variable: ".env", problem: format!("cannot be read: {error}") });
            }
            // No `.env` is the usual case in production.
            Ok(_) | Err(_) => {}
        }
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
        Self::read(|variable| std::env::var(variable).ok())
    }

    /// Reads variables through `get`. An empty one is as good as none.
    ///
    /// # Errors
    /// With the variable and the fix.
    pub fn read(get: impl Fn(&'static str) -> Option<String>) -> Result<Self, Bad> {
        let vars = Vars(&|variable| get(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()));
        let addr: SocketAddr = vars.parse("ATELIER_ADDR", "127.0.0.1:3000", "an address and a port, such as 127.0.0.1:3000")?;
        let data_dir = PathBuf::from(vars.or("DATA_DIR", "data"));
        let public_url = vars.origin("PUBLIC_URL", &format!("http://{addr}"))?;
        let input_links = input_links(&vars, &public_url)?;
        Ok(Self {
            addr,
            public_url,
            input_links,
            database_url: database_url(&vars, &data_dir)?,
            replicate_token: vars.get("REPLICATE_API_TOKEN").map(SecretString::from),
            replicate_url: vars.origin("REPLICATE_BASE_URL", "https://api.replicate.com")?,
            webhook_secrets: webhook_secrets(&vars)?,
            store: store(&vars, &data_dir)?,
            spool: spool::Limits {
                bytes: vars.within("SPOOL_MAX_MB", 4096, 64, 1_000_000)?.cast_unsigned() * 1024 * 1024,
                patience: Duration::from_hours(vars.within("STORE_WAIT_HOURS", 72, 1, 8_760)?.cast_unsigned()),
                ..spool::Limits::DEFAULT
            },
            worker_concurrency: vars.within("WORKER_CONCURRENCY", 5, 1, 256)?.try_into().unwrap_or(5),
            caps: Caps {
                in_flight: vars.within("MAX_IN_FLIGHT", 100, 1, 100_000)?,
                per_person: vars.within("MAX_IN_FLIGHT_PER_PERSON", 10, 1, 100_000)?,
                creates_per_minute: vars.within("CREATES_PER_MINUTE", 600, 1, 1_000_000)?,
            },
            signup_credits: Credits(vars.within("SIGNUP_CREDITS", 20, 0, 1_000_000)?),
            data_dir,
        })
    }

    /// Whether people reach us over TLS, so that cookies can insist on it.
    pub fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// Where Replicate can send webhooks to a process that is reached at `own`, if it is one that takes them. Replicate
    /// itself sends to https alone; one on this machine, which is the sandbox, to this machine alone.
    pub fn webhook_origin(&self, replicate_is_local: bool, own: Option<SocketAddr>) -> Option<Url> {
        if !replicate_is_local {
            return self.is_https().then(|| self.public_url.clone());
        }
        match own {
            Some(own) => self.shown_url(own).parse().ok(),
            None => is_loopback(&self.public_url).then(|| self.public_url.clone()),
        }
    }

    /// How far we go to addresses that people give us: to this machine as well when it is all there is, on a laptop or in a
    /// test, that is, when nobody else reaches the address we listen on and no https is promised.
    pub fn reach(&self, bound: SocketAddr) -> Reach {
        let alone = bound.ip().is_loopback() && !self.is_https() && is_loopback(&self.public_url);
        if alone { Reach::InternetAndThisMachine } else { Reach::Internet }
    }

    /// The address to show: a listener on every interface is reached at the local one.
    pub fn shown_url(&self, bound: SocketAddr) -> String {
        let mut shown = bound;
        if bound.ip().is_unspecified() {
            shown.set_ip(IpAddr::from([127, 0, 0, 1]));
        }
        format!("http://{shown}")
    }
}

struct Vars<'a>(&'a dyn Fn(&'static str) -> Option<String>);

impl Vars<'_> {
    fn get(&self, variable: &'static str) -> Option<String> {
        (self.0)(variable)
    }

    fn or(&self, variable: &'static str, default: &str) -> String {
        self.get(variable).unwrap_or_else(|| default.to_owned())
    }

    fn parse<T: FromStr>(&self, variable: &'static str, default: &str, wanted: &str) -> Result<T, Bad> {
        let value = self.or(variable, default);
        value.parse().map_err(|_| Bad { variable, problem: format!("is {value:?}; it must be {wanted}") })
    }

    fn within(&self, variable: &'static str, default: i64, least: i64, most: i64) -> Result<i64, Bad> {
        let wanted = format!("a whole number from {least} to {most}");
        let value = self.parse(variable, &default.to_string(), &wanted)?;
        if (least..=most).contains(&value) {
            Ok(value)
        } else {
            Err(Bad { variable, problem: format!("is {value}; it must be {wanted}") })
        }
    }

    fn origin(&self, variable: &'static str, default: &str) -> Result<Url, Bad> {
        let wanted = "an origin without a path, such as https://pictures.example.com";
        let url: Url = self.parse(variable, default, wanted)?;
        let is_origin = matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.query().is_none();
        if is_origin { Ok(url) } else { Err(Bad { variable, problem: format!("is {url}; it must be {wanted}") }) }
    }

    fn needed(&self, variable: &'static str) -> Result<String, Bad> {
        self.get(variable).ok_or_else(|| Bad { variable, problem: "is missing; S3_BUCKET needs it".to_owned() })
    }
}

fn database_url(vars: &Vars<'_>, data_dir: &std::path::Path) -> Result<String, Bad> {
    const VARIABLE: &str = "DATABASE_URL";
    match vars.get(VARIABLE) {
        None => Ok(format!("sqlite://{}", data_dir.join("atelier.db").display())),
        Some(url) if ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)) => Ok(url),
        // Not repeated: it may hold a password.
        Some(_) => Err(Bad { variable: VARIABLE, problem: "must begin with sqlite:// or postgres://".to_owned() }),
    }
}

fn input_links(vars: &Vars<'_>, public_url: &Url) -> Result<bool, Bad> {
    const VARIABLE: &str = "INPUT_LINKS";
    match vars.or(VARIABLE, "off").as_str() {
        "off" => Ok(false),
        "on" if public_url.scheme() == "https" => Ok(true),
        "on" => Err(Bad { variable: VARIABLE, problem: "is on; it needs a PUBLIC_URL that begins with https://".to_owned() }),
        other => Err(Bad { variable: VARIABLE, problem: format!("is {other:?}; it must be on or off") }),
    }
}

fn webhook_secrets(vars: &Vars<'_>) -> Result<Vec<Secret>, Bad> {
    const VARIABLE: &str = "REPLICATE_WEBHOOK_SECRET";
    let told = vars.or(VARIABLE, "");
    let secrets: Result<Vec<Secret>, _> = told.split([',', ' ']).filter(|part| !part.is_empty()).map(str::parse).collect();
    match secrets {
        Ok(secrets) if secrets.len() <= 2 => Ok(secrets),
        // Not repeated: it is a secret, if perhaps a mistyped one.
        Ok(_) | Err(_) => {
            let problem = "must be one secret such as whsec_…, or the old and the new one with a comma between".to_owned();
            Err(Bad { variable: VARIABLE, problem })
        }
    }
}

fn store(vars: &Vars<'_>, data_dir: &std::path::Path) -> Result<StoreConfig, Bad> {
    let Some(bucket) = vars.get("S3_BUCKET") else {
        return Ok(StoreConfig::Disk { dir: data_dir.join("objects") });
    };
    let endpoint = match vars.get("AWS_ENDPOINT_URL_S3") {
        Some(_) => Some(vars.origin("AWS_ENDPOINT_URL_S3", "")?),
        None => None,
    };
    Ok(StoreConfig::S3 { bucket, region: vars.or("AWS_REGION", "us-east-1"), endpoint, credentials: credentials(vars)? })
}

fn credentials(vars: &Vars<'_>) -> Result<Credentials, Bad> {
    if let Some(file) = vars.get("AWS_SHARED_CREDENTIALS_FILE") {
        return Ok(Credentials::File(file.into()));
    }
    Ok(Credentials::Fixed(Keys {
        access_key: vars.needed("AWS_ACCESS_KEY_ID")?.into(),
        secret_key: vars.needed("AWS_SECRET_ACCESS_KEY")?.into(),
        session_token: vars.get("AWS_SESSION_TOKEN").map(Into::into),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&'static str, &str)]) -> Result<Config, Bad> {
        Config::read(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn nothing_set_is_a_laptop_with_the_sandbox() {
        let config = read(&[]).expect("defaults");
        assert_eq!(config.addr.to_string(), "127.0.0.1:3000");
        assert_eq!(config.public_url.as_str(), "http://127.0.0.1:3000/");
        assert_eq!(config.database_url, "sqlite://data/atelier.db");
        assert!(config.replicate_token.is_none() && !config.is_https());
        assert!(matches!(config.store, StoreConfig::Disk { .. }));
    }

    #[test]
    fn a_bad_value_names_its_variable_and_the_fix() {
        for (variable, value, part) in [
            ("ATELIER_ADDR", "3000", "127.0.0.1:3000"),
            ("PUBLIC_URL", "pictures.example.com", "https://"),
            ("PUBLIC_URL", "https://example.com/app", "without a path"),
            ("DATABASE_URL", "mysql://root:hunter2@host/db", "postgres://"),
            ("REPLICATE_WEBHOOK_SECRET", "hunter2", "whsec_"),
            ("REPLICATE_WEBHOOK_SECRET", "whsec_aHVudGVyMg==,whsec_not base64", "whsec_"),
            ("REPLICATE_WEBHOOK_SECRET", "whsec_YQ== whsec_Yg== whsec_Yw==", "the old and the new"),
            ("WORKER_CONCURRENCY", "0", "from 1 to 256"),
            ("MAX_IN_FLIGHT", "many", "whole number"),
            ("SIGNUP_CREDITS", "-1", "from 0"),
            ("INPUT_LINKS", "yes", "on or off"),
            ("INPUT_LINKS", "on", "https://"),
        ] {
            let text = read(&[(variable, value)]).expect_err(variable).to_string();
            assert!(text.starts_with(variable) && text.contains(part), "{text}");
            assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMg"), "{text}");
        }
        let text = read(&[("S3_BUCKET", "b"), ("AWS_ACCESS_KEY_ID", "k")]).expect_err("no key").to_string();
        assert!(text.starts_with("AWS_SECRET_ACCESS_KEY"), "{text}");
    }

    #[test]
    fn while_a_webhook_secret_is_being_changed_there_are_two() {
        for (told, secrets) in [("", 0), ("whsec_YQ==", 1), ("whsec_YQ==,whsec_Yg==", 2), ("whsec_YQ== , whsec_Yg==", 2)] {
            let config = read(&[("REPLICATE_WEBHOOK_SECRET", told)]).expect(told);
            assert_eq!(config.webhook_secrets.len(), secrets, "{told}");
            assert!(!format!("{config:?}").contains("YQ=="));
        }
    }

    #[test]
    fn webhooks_go_where_replicate_can_send_them() {
        let bound: SocketAddr = "0.0.0.0:3000".parse().expect("an address");
        let origin = |public: &str, local: bool, own: Option<SocketAddr>| {
            let config = read(&[("PUBLIC_URL", public)]).expect(public);
            config.webhook_origin(local, own).map(String::from)
        };
        let ours = "https://pictures.example.com";
        assert_eq!(origin(ours, false, Some(bound)).as_deref(), Some("https://pictures.example.com/"));
        assert_eq!(origin("http://192.168.0.2:3000", false, Some(bound)), None, "only https is accepted");
        assert_eq!(origin(ours, true, Some(bound)).as_deref(), Some("http://127.0.0.1:3000/"));
        assert_eq!(origin("http://127.0.0.1:8080", true, None).as_deref(), Some("http://127.0.0.1:8080/"));
        assert_eq!(origin(ours, true, None), None, "the sandbox sends to this machine alone");
    }

    #[test]
    fn se_22_this_machine_is_only_spoken_to_where_it_is_all_there_is() {
        let reach =
            |public: &str, bound: &str| read(&[("PUBLIC_URL", public)]).expect(public).reach(bound.parse().expect("an address"));
        assert_eq!(reach("http://127.0.0.1:3000", "127.0.0.1:3000"), Reach::InternetAndThisMachine);
        assert_eq!(reach("http://127.0.0.1:3000", "0.0.0.0:3000"), Reach::Internet);
        assert_eq!(reach("https://127.0.0.1", "127.0.0.1:3000"), Reach::Internet);
        assert_eq!(reach("http://pictures.example.com", "127.0.0.1:3000"), Reach::Internet, "somebody stands before it");
    }

    const EXAMPLE: &str = include_str!("../../.env.example");
    const README: &str = include_str!("../../README.md");

    /// Every variable of the example with its default.
    fn example() -> Vec<(&'static str, &'static str)> {
        EXAMPLE
            .lines()
            .filter_map(|line| line.strip_prefix('#')?.split_once('='))
            .filter(|(name, _)| !name.contains(' '))
            .collect()
    }

    #[test]
    fn every_variable_stands_in_the_example_and_in_the_readme() {
        let asked = std::cell::RefCell::new(vec!["RUST_LOG"]);
        let _ = Config::read(|name| {
            asked.borrow_mut().push(name);
            // With a bucket, so that what only a bucket needs is asked for too.
            match name {
                "S3_BUCKET" => Some("pictures".to_owned()),
                "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("key".to_owned()),
                _ => None,
            }
        });
        let mut read = asked.into_inner();
        read.sort_unstable();
        let mut shown: Vec<_> = example().into_iter().map(|(name, _)| name).collect();
        shown.sort_unstable();
        assert_eq!(shown, read);
        for name in read {
            assert!(README.contains(&format!("| `{name}` |")), "README.md has no row for {name}");
        }
    }

    #[test]
    fn the_defaults_of_the_example_are_the_defaults() {
        let (defaults, example) = (read(&[]).expect("defaults"), read(&example()).expect("the example"));
        assert_eq!(format!("{example:?}"), format!("{defaults:?}"));
    }
}
