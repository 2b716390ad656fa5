//! Apps whose certificates come from an authority of their own (C6).

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::outgoing::probe::{Stage, Verdict, probe};
use crate::outgoing::tests::{Lying, PATIENCE, call, envelope, now, tokens};
use crate::outgoing::{Outgoing, check_certificates};

const AUTHORITY: &str = include_str!("../certificates/authority.pem");
const APP: &str = include_str!("../certificates/app.pem");
const OTHER: &str = include_str!("../certificates/other.pem");
const EXPIRED: &str = include_str!("../certificates/expired.pem");
const KEY: &str = include_str!("../certificates/key.pem");

/// An app with this certificate. It takes the token `x.y.z` and no other, and counts
/// what reaches it behind the encryption.
fn app(certificate: &str) -> (u16, Arc<AtomicUsize>) {
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (config, count) = (Arc::clone(&config), Arc::clone(&count));
            std::thread::spawn(move || {
                let connection = ServerConnection::new(config).unwrap();
                let mut stream = StreamOwned::new(connection, stream.unwrap());
                let mut text = String::new();
                let mut buffer = [0; 4096];
                while !text.contains("logout_token=") {
                    match stream.read(&mut buffer) {
                        Ok(read @ 1..) => text.push_str(&String::from_utf8_lossy(&buffer[..read])),
                        _ => return,
                    }
                }
                count.fetch_add(1, Ordering::SeqCst);
                let status = if text.ends_with("x.y.z") { 200 } else { 400 };
                let answer = format!(
                    "HTTP/1.1 {status} So\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                drop(stream.write_all(answer.as_bytes()));
                drop(stream.flush());
            });
        }
    });
    (port, asked)
}

fn outgoing() -> Outgoing {
    Outgoing::with(PATIENCE, Lying::new(&[&["127.0.0.1"]]))
}

#[tokio::test]
async fn c6_an_authority_of_the_company_is_trusted_for_the_app_that_brings_it_and_no_other() {
    let (port, asked) = app(APP);
    let outgoing = outgoing();
    for host in ["crm.example", "127.0.0.1"] {
        let address = format!("https://{host}:{port}/logout");
        let without = envelope(&address, true);
        let mut with = without.clone();
        with.ca_certificates = Some(AUTHORITY.to_owned());
        asked.store(0, Ordering::SeqCst);
        // Before, between and after: what is kept ready for one app serves no other.
        for _ in 0..2 {
            let called = call(&outgoing, &without).await;
            assert!(called.attempt.status().is_none(), "{called:?}");
            let said = called.words.unwrap();
            assert!(said.contains("--ca-file"), "{said}");
            assert_eq!(asked.swap(0, Ordering::SeqCst), 0, "nothing was sent");
            let called = call(&outgoing, &with).await;
            assert!(called.attempt.is_success(), "{called:?}");
            assert_eq!(asked.swap(0, Ordering::SeqCst), 1);
        }

        let steps = probe(&outgoing, &without, &tokens(), now()).await;
        let last = steps.last().unwrap();
        assert_eq!((last.stage, last.verdict), (Stage::Tls, Verdict::Failed));
        assert!(last.words.contains("--ca-file"), "{}", last.words);
        let steps = probe(&outgoing, &with, &tokens(), now()).await;
        let seen: Vec<_> = steps
            .iter()
            .map(|step| (step.stage, step.verdict))
            .collect();
        let all = [
            Stage::Address,
            Stage::Dns,
            Stage::Tcp,
            Stage::Tls,
            Stage::Http,
            Stage::Token,
            Stage::Forgery,
        ];
        assert_eq!(seen, all.map(|stage| (stage, Verdict::Good)), "{steps:#?}");
        assert!(steps.last().unwrap().words.contains("it checks tokens"));
    }
}

#[tokio::test]
async fn c6_a_certificate_for_another_name_or_one_that_is_over_is_named() {
    for (certificate, words) in [(OTHER, "another name"), (EXPIRED, "has expired")] {
        let (port, asked) = app(certificate);
        let outgoing = outgoing();
        let mut envelope = envelope(&format!("https://crm.example:{port}/logout"), true);
        envelope.ca_certificates = Some(AUTHORITY.to_owned());
        let called = call(&outgoing, &envelope).await;
        assert!(called.attempt.status().is_none());
        let said = called.words.unwrap();
        assert!(said.contains(words), "{said}");
        let steps = probe(&outgoing, &envelope, &tokens(), now()).await;
        let last = steps.last().unwrap();
        assert_eq!((last.stage, last.verdict), (Stage::Tls, Verdict::Failed));
        assert!(last.words.contains(words), "{}", last.words);
        assert_eq!(asked.load(Ordering::SeqCst), 0, "nothing was sent");
    }
}

#[test]
fn c6_a_file_that_holds_no_certificates_is_refused_before_it_is_registered() {
    assert_eq!(check_certificates(AUTHORITY), Ok(()));
    assert_eq!(check_certificates(&format!("{AUTHORITY}{APP}")), Ok(()));
    assert!(check_certificates("").unwrap_err().contains("PEM"));
    assert!(check_certificates(KEY).unwrap_err().contains("PEM"));
    let cut = AUTHORITY.replacen("MII", "MIJ", 1);
    assert!(
        check_certificates(&cut)
            .unwrap_err()
            .contains("cannot be read")
    );
}
