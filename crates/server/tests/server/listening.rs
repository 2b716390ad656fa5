//! What answers on the ports.

use std::net::SocketAddr;

use nightlatch_server::config::TlsFiles;
use nightlatch_server::serve::{self, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::running::{ADA, Place, add};

async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("answered");
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(path: &str, host: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_here_and_metrics_on_a_listener_of_their_own() {
    let mut place = Place::new();
    place.config.metrics_listen = Some("127.0.0.1:0".parse().expect("an address"));
    let server = place.start().await;
    let host = format!("localhost:{}", server.address().port());
    assert_eq!(server.app().public_url.origin(), format!("http://{host}"));
    let answer = exchange(server.address(), &get("/healthz", &host)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = exchange(server.address(), &get("/metrics", &host)).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let metrics = server.metrics_address().expect("a listener");
    let answer = exchange(metrics, &get("/metrics", "any")).await;
    assert!(
        answer.contains("nightlatch_unknown_session_tokens_total") && answer.contains("# EOF"),
        "{answer}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_without_end_is_refused() {
    let place = Place::new();
    let server = place.start().await;
    let endless = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n",
        "a".repeat(40_000)
    );
    let answer = exchange(server.address(), &endless).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn auth_11_the_set_up_link_is_there_only_while_nobody_is() {
    let place = Place::new();
    let server = place.start().await;
    let origin = server.app().public_url.origin().to_owned();
    let first = serve::set_up_link(server.app())
        .await
        .expect("asked")
        .expect("a link");
    let second = serve::set_up_link(server.app())
        .await
        .expect("asked")
        .expect("a link");
    assert_ne!(first, second);
    let host = origin.trim_start_matches("http://").to_owned();
    let path = |link: &str| link.trim_start_matches(&origin).to_owned();
    let answer = exchange(server.address(), &get(&path(&second), &host)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    place.done(add(ADA, None)).await;
    assert_eq!(serve::set_up_link(server.app()).await, Ok(None));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_named_with_its_key() {
    let place = Place::new();
    let server = place.start().await;
    let mut other = Place::new();
    other.config.listen = server.address();
    let refused = Server::start(other.config.clone(), &other.world)
        .await
        .expect_err("taken");
    assert!(refused.to_string().contains("`listen`"), "{refused}");
    server.stop().await;

    let mut place = Place::new();
    let nowhere = place.config.data_dir.join("chain.pem");
    place.config.tls = Some(TlsFiles {
        certificate: nowhere.clone(),
        key: nowhere,
    });
    let refused = Server::start(place.config.clone(), &place.world)
        .await
        .expect_err("no file");
    assert!(
        refused.to_string().contains("`tls_certificate`"),
        "{refused}"
    );
}
