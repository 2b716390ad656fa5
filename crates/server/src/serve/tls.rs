//! The certificate that this server shows, if it speaks TLS itself.
//!
//! Owns reading it and noticing that it was renewed: at SIGHUP, and by looking
//! once a minute. A renewal that does not fit together is logged and the old one
//! stays.

use std::fmt;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::config::TlsFiles;
use crate::trouble::Trouble;

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_mins(1);

/// Chooses the one TLS library. Call it first thing; again does no harm.
pub fn install_provider() {
    // An error means that it was installed before.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}

/// A certificate that can be renewed while it is being shown.
#[derive(Clone)]
pub struct Certificate {
    files: TlsFiles,
    config: RustlsConfig,
    /// The chain as last read, to notice a change.
    shown: Arc<Mutex<Vec<u8>>>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Certificate")
            .field(&self.files)
            .finish()
    }
}

impl Certificate {
    /// Reads both files and makes sure that they belong together.
    pub fn load(files: TlsFiles) -> Result<Self, Trouble> {
        install_provider();
        let (config, chain) = read(&files)?;
        Ok(Self {
            files,
            config: RustlsConfig::from_config(Arc::new(config)),
            shown: Arc::new(Mutex::new(chain)),
        })
    }

    pub(super) fn config(&self) -> RustlsConfig {
        self.config.clone()
    }

    /// Shows the renewed certificate, if there is one. Returns whether there was.
    pub fn refresh(&self) -> Result<bool, Trouble> {
        let (config, chain) = read(&self.files)?;
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if *shown == chain {
            return Ok(false);
        }
        self.config.reload_from_config(Arc::new(config));
        *shown = chain;
        Ok(true)
    }

    /// Refreshes until the server stops.
    pub(super) async fn keep_fresh(self, mut stopped: watch::Receiver<bool>) {
        let Ok(mut hang_up) = signal(SignalKind::hangup()) else {
            return;
        };
        let mut interval = tokio::time::interval(PERIOD);
        let mut in_trouble = false;
        loop {
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                _ = hang_up.recv() => in_trouble = false,
                _ = interval.tick() => {}
            }
            let refreshed = self.refresh();
            match &refreshed {
                Ok(true) => tracing::info!("the renewed certificate is shown from now on"),
                Err(error) if !in_trouble => {
                    tracing::error!(%error, "the renewed certificate is not shown");
                }
                _ => {}
            }
            in_trouble = refreshed.is_err();
        }
    }
}

fn read(files: &TlsFiles) -> Result<(ServerConfig, Vec<u8>), Trouble> {
    let trouble = |path: &std::path::Path, key: &str, what: &str| {
        Trouble::new(format!(
            "{} cannot be used: {what} (`{key}`)",
            path.display()
        ))
    };
    let chain_trouble = |what: &str| trouble(&files.certificate, "tls_certificate", what);
    let key_trouble = |what: &str| trouble(&files.key, "tls_key", what);
    let pem = fs::read(&files.certificate).map_err(|error| chain_trouble(&error.to_string()))?;
    let key_pem = fs::read(&files.key)
        .map(Zeroizing::new)
        .map_err(|error| key_trouble(&error.to_string()))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = match chain {
        Ok(chain) if !chain.is_empty() => chain,
        _ => return Err(chain_trouble("it holds no certificate in PEM form")),
    };
    let key = PrivateKeyDer::from_pem_slice(&key_pem)
        .map_err(|_| key_trouble("it holds no private key in PEM form"))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| chain_trouble(&format!("it does not go with the key ({error})")))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((config, pem))
}
