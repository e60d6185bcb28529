//! Finding out what a name stands for, and looking at it. The connection is made to what was looked at here: there is no
//! second question whose answer could differ.

use super::address::is_public;
use super::{Closed, Reach};
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Who is asked what a name stands for.
pub(super) type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Lets through the names all of whose addresses may be spoken to.
pub(super) struct Guard {
    lookup: Lookup,
    reach: Reach,
}

impl Guard {
    pub(super) fn new(lookup: Lookup, reach: Reach) -> Self {
        Self { lookup, reach }
    }

    /// One that asks the system.
    pub(super) fn of_the_system(reach: Reach) -> Self {
        let lookup = |name: String| -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
            Box::pin(async move {
                // Port 0 stands for the port of the URL.
                let found = tokio::net::lookup_host((name, 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            })
        };
        Self::new(Arc::new(lookup), reach)
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let here = self.reach == Reach::InternetAndThisMachine && name == "localhost";
        let found = (self.lookup)(name);
        Box::pin(async move {
            let found = found.await?;
            // One address of the house among others would be tried sooner or later.
            let open = |address: &IpAddr| if here { address.is_loopback() } else { is_public(*address) };
            if !found.iter().all(open) {
                return Err(Closed::Private.into());
            }
            if found.is_empty() {
                return Err(io::Error::from(io::ErrorKind::NotFound).into());
            }
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("reach", &self.reach).finish_non_exhaustive()
    }
}
