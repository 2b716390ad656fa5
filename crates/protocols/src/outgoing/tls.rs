//! Whom we believe to be an app.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, ClientConfig, Error, RootCertStore};

/// The certificates that this machine trusts; those that cannot be read are left out.
pub(super) fn roots_of_this_machine() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let loaded = rustls_native_certs::load_native_certs();
    let (good, _) = roots.add_parsable_certificates(loaded.certs);
    if good == 0 {
        tracing::warn!(
            "this machine trusts no certificates, so only apps with a certificate file of their \
             own can be told of logouts over https"
        );
    }
    roots
}

/// Says what is wrong with a file of certificates before it is registered.
pub fn check_certificates(pem: &str) -> Result<(), String> {
    add_certificates(&mut RootCertStore::empty(), pem)
}

fn add_certificates(roots: &mut RootCertStore, pem: &str) -> Result<(), String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let certificates = read.unwrap_or_default();
    if certificates.is_empty() {
        return Err("The file with the certificates holds none in PEM format.".to_owned());
    }
    for certificate in certificates {
        roots.add(certificate).map_err(|_| {
            "The file with the certificates holds one that cannot be read as one of an authority."
                .to_owned()
        })?;
    }
    Ok(())
}

/// What encrypts calls to an app: what the machine trusts, and the app's own
/// certificates.
pub(super) fn config(roots: &RootCertStore, ca: Option<&str>) -> Result<ClientConfig, String> {
    let mut roots = roots.clone();
    if let Some(pem) = ca {
        add_certificates(&mut roots, pem)?;
    }
    // Named here, so that nothing depends on what was installed in the process.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("encryption cannot be set up: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// The error of the encryption inside of another, if it is one. An error of input and
/// output may hold another of its kind, which its own `source` skips.
pub(super) fn find<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    error.downcast_ref::<Error>().or_else(|| {
        let outer = error.downcast_ref::<std::io::Error>()?;
        find(outer.get_ref()?)
    })
}

/// What is wrong, and what usually helps.
pub(super) fn describe(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::UnknownIssuer => {
                "the app's certificate was issued by nobody whom this machine trusts (self-signed, \
                 or by a company's own authority): register that authority's certificate with \
                 --ca-file"
                    .to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the app's certificate has expired".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the app's certificate is for another name than the registered address".to_owned()
            }
            other => format!("the app's certificate is not good: {other}"),
        },
        Error::InvalidMessage(_) => {
            "what answers there speaks no TLS: is it http, or another port?".to_owned()
        }
        other => format!("no encryption could be agreed on: {other}"),
    }
}

#[cfg(test)]
mod tests;
