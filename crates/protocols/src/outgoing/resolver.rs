//! Looking names up, and judging what they stand for.
//!
//! The very addresses that were judged are the ones connected to: a name that answers
//! differently the next time (rebinding) gains nothing (BCL-08).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{Refusal, judge};

/// Looks names up.
pub trait LookUp: Send + Sync + 'static {
    /// The addresses of a name.
    fn look_up(
        &self,
        name: &str,
    ) -> std::pin::Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>>;
}

/// The resolver of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct OfThisMachine;

impl LookUp for OfThisMachine {
    fn look_up(
        &self,
        name: &str,
    ) -> std::pin::Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>> {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Why a name leads nowhere.
#[derive(Debug, thiserror::Error)]
pub enum NameTrouble {
    /// It stands for nothing, or nobody could be asked.
    #[error("the name {0} was not found")]
    NotFound(String),
    /// All that it stands for is refused.
    #[error("{0}")]
    Refused(#[from] Refusal),
}

/// The addresses of a name that may be called, as judged.
pub(super) async fn find(
    look_up: &dyn LookUp,
    name: &str,
    allow_private_network: bool,
) -> Result<Vec<IpAddr>, NameTrouble> {
    let not_found = || NameTrouble::NotFound(name.to_owned());
    let found = look_up.look_up(name).await.map_err(|_| not_found())?;
    let mut refusal = None;
    let mut good = Vec::with_capacity(found.len());
    for address in found {
        match judge(address, allow_private_network) {
            Ok(()) => good.push(address),
            Err(refused) => refusal = Some(refused),
        }
    }
    match (good.is_empty(), refusal) {
        (false, _) => Ok(good),
        (true, Some(refusal)) => Err(refusal.into()),
        (true, None) => Err(not_found()),
    }
}

/// What the client asks.
pub(super) struct Judging {
    pub(super) look_up: Arc<dyn LookUp>,
    pub(super) allow_private_network: bool,
}

impl Resolve for Judging {
    fn resolve(&self, name: Name) -> Resolving {
        let (look_up, allow) = (Arc::clone(&self.look_up), self.allow_private_network);
        Box::pin(async move {
            let found = find(look_up.as_ref(), name.as_str(), allow).await?;
            // The port comes from the address that is called.
            let addresses: Addrs =
                Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}
