//! The one way out to addresses that people give us: a picture to start from, a place to send a webhook to.
//!
//! Whoever names an address could name one of ours. So only https to the open internet is spoken; every address that a name
//! stands for is looked at, the connection goes to one that was looked at and not to what the name means a moment later,
//! and an address that is written out is looked at as well. Redirects are not followed but for the outputs of models, and
//! then each is looked at like the first address; no proxy of the environment is
//! asked, nothing is unpacked, and everything ends: by time, and by bytes that are counted and not believed.
//!
//! A product that runs on its own machine without https, which is a laptop or a test, may also speak http to that machine.

mod address;
mod guard;

use self::guard::Guard;
use super::replicate::{causes, install_tls};
use super::sink::{self, Arrived, Broken};
use bytes::Bytes;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Response, StatusCode};
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;
use url::{Host, Url};

/// The longest address taken, in bytes.
pub const LONGEST_URL: usize = 2_048;
/// The port of https.
const PORT: u16 = 443;
/// How much of an answer that nobody reads is taken before it is dropped.
const UNREAD: usize = 64 * 1_024;

/// How far it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The open internet.
    Internet,
    /// The open internet, and over http this machine.
    InternetAndThisMachine,
}

/// What fetching a file may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes, counted.
    pub bytes: u64,
    /// To find and reach the host.
    pub connect: Duration,
    /// The longest silence.
    pub idle: Duration,
    /// The whole time.
    pub total: Duration,
    /// How often it may send us elsewhere.
    pub redirects: usize,
}

impl Limits {
    /// What is meant when nothing else is said, but for the bytes.
    pub const fn of(bytes: u64) -> Self {
        Self {
            bytes,
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(15),
            total: Duration::from_mins(2),
            redirects: 0,
        }
    }
}

/// Why an address is not asked at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// It is no address.
    #[error("it is no address")]
    Malformed,
    /// It is not https.
    #[error("it is not https")]
    Scheme,
    /// It has a port of its own.
    #[error("its port is not 443")]
    Port,
    /// It carries a name or a password, which would be sent to whoever it names.
    #[error("it carries credentials")]
    Credentials,
    /// It leads to this machine, to a neighbour or nowhere.
    #[error("it does not lead to the open internet")]
    Private,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It was not asked.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// It could not be reached: no such name, refused, TLS, time.
    #[error("it could not be reached: {0}")]
    Unreachable(String),
    /// It wants us to go elsewhere.
    #[error("it answered with a redirect ({0}), which is not followed")]
    Redirected(u16),
    /// It answered that it has nothing for us.
    #[error("it answered {0}")]
    Refused(u16),
    /// It took longer than it may.
    #[error("it was not done in {0:?}")]
    TooSlow(Duration),
    /// What it sent is not to be had, or not whole.
    #[error("what came: {0}")]
    Broken(#[from] Broken),
    /// The client cannot be built.
    #[error("the client cannot be set up: {0}")]
    Setup(String),
}

/// The way out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Egress {
    client: reqwest::Client,
    reach: Reach,
    port: u16,
}

impl Egress {
    /// A way out that goes so far.
    ///
    /// # Errors
    /// [`Error::Setup`] when TLS cannot start.
    pub fn new(reach: Reach) -> Result<Self, Error> {
        Self::with(Guard::of_the_system(reach), reach, PORT, Limits::of(0).connect)
    }

    fn with(guard: Guard, reach: Reach, port: u16, connect: Duration) -> Result<Self, Error> {
        install_tls();
        let client = reqwest::Client::builder()
            .user_agent(concat!("atelier/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(std::sync::Arc::new(guard))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(connect)
            // A connection that outlives its request would outlive the look at its address.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| Error::Setup(causes(&error)))?;
        Ok(Self { client, reach, port })
    }

    /// Whether an address may be asked, as far as it can be told without asking anybody: for a field that is filled in
    /// now and used later. What its name stands for is looked at when it is used.
    ///
    /// # Errors
    /// With the rule it breaks.
    pub fn check(&self, url: &str) -> Result<Url, Closed> {
        let url = Url::parse(url).ok().filter(|_| url.len() <= LONGEST_URL).ok_or(Closed::Malformed)?;
        let host = url.host().ok_or(Closed::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Closed::Credentials);
        }
        match url.scheme() {
            "https" if url.port_or_known_default() != Some(self.port) => Err(Closed::Port),
            "https" if is_closed(&host) => Err(Closed::Private),
            "https" => Ok(url),
            "http" if self.reach == Reach::InternetAndThisMachine && is_this_machine(&host) => Ok(url),
            _ => Err(Closed::Scheme),
        }
    }

    /// Copies what is at `url` to the file `to`, which is replaced, or removed when that fails.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn fetch(&self, url: &str, to: &Path, limits: Limits) -> Result<Arrived, Error> {
        let fetched = timeout(limits.total, self.get(url, to, limits)).await;
        let fetched = fetched.unwrap_or(Err(Error::TooSlow(limits.total)));
        if fetched.is_err() {
            // That there is none to remove is as good.
            let _ = tokio::fs::remove_file(to).await;
        }
        fetched
    }

    async fn get(&self, url: &str, to: &Path, limits: Limits) -> Result<Arrived, Error> {
        let mut url = self.check(url)?;
        let mut redirects = limits.redirects;
        loop {
            let request = self.client.get(url.clone()).header(ACCEPT, HeaderValue::from_static("*/*"));
            let patience = limits.connect + limits.idle;
            let answered = timeout(patience, request.send()).await.map_err(|_| Error::TooSlow(patience))?;
            let response = answered.map_err(unreachable)?;
            let elsewhere = elsewhere(&url, &response).filter(|_| redirects > 0);
            let Some(elsewhere) = elsewhere else {
                welcome(response.status())?;
                return Ok(sink::receive(response, to, limits.bytes, limits.idle).await?);
            };
            url = self.check(&elsewhere)?;
            redirects -= 1;
        }
    }

    /// Sends `body` to `url` and answers with the status. What else is answered is not kept.
    ///
    /// # Errors
    /// See [`Error`]; a status that says no is none, a redirect is one.
    pub async fn post(&self, url: &str, headers: HeaderMap, body: Bytes, within: Duration) -> Result<StatusCode, Error> {
        let url = self.check(url)?;
        let sent = timeout(within, async {
            let response = self.client.post(url).headers(headers).body(body).send().await.map_err(unreachable)?;
            let status = response.status();
            drop_body(response).await;
            Ok(status)
        });
        let status = sent.await.unwrap_or(Err(Error::TooSlow(within)))?;
        if status.is_redirection() { Err(Error::Redirected(status.as_u16())) } else { Ok(status) }
    }
}

/// Where an answer sends us, seen from where it came from.
fn elsewhere(from: &Url, response: &Response) -> Option<String> {
    let location = response.headers().get(LOCATION).filter(|_| response.status().is_redirection())?;
    from.join(location.to_str().ok()?).ok().map(String::from)
}

/// Reads on for a moment: a sender whose answer is cut off may take its delivery for a failed one.
async fn drop_body(mut response: Response) {
    let mut read = 0;
    while read < UNREAD {
        let Ok(Some(chunk)) = response.chunk().await else { return };
        read += chunk.len();
    }
}

fn welcome(status: StatusCode) -> Result<(), Error> {
    match status {
        status if status.is_success() => Ok(()),
        status if status.is_redirection() => Err(Error::Redirected(status.as_u16())),
        status => Err(Error::Refused(status.as_u16())),
    }
}

/// Whether a host is known to be closed without asking what it stands for. Addresses that are written out are never asked
/// about, so that this is all that stands before them.
fn is_closed(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(_) => is_this_machine(host),
        Host::Ipv4(literal) => !address::is_public(IpAddr::V4(*literal)),
        Host::Ipv6(literal) => !address::is_public(IpAddr::V6(*literal)),
    }
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(literal) => literal.is_loopback(),
        Host::Ipv6(literal) => literal.is_loopback(),
    }
}

/// What the guard said, if it was the guard, wherever in the causes that is.
fn unreachable(error: reqwest::Error) -> Error {
    let error = error.without_url();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if let Some(closed) = error.downcast_ref::<Closed>() {
            return Error::Closed(*closed);
        }
        // Errors travel through here packed into ones of the system, which do not tell of what is in them.
        let packed =
            error.downcast_ref::<io::Error>().and_then(io::Error::get_ref).and_then(|inner| inner.downcast_ref::<Closed>());
        if let Some(closed) = packed {
            return Error::Closed(*closed);
        }
        cause = error.source();
    }
    Error::Unreachable(causes(&error))
}

#[cfg(test)]
mod tests;
