//! The guard between us and what apps make us call.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpListener};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use nightlatch_domain::relying_party::SigningAlgorithm;

use super::*;

pub(super) const PATIENCE: Patience = Patience {
    connecting: Duration::from_millis(500),
    whole: Duration::from_millis(800),
};

pub(super) fn now() -> Timestamp {
    Timestamp::from_milliseconds(1_795_433_500_000)
}

pub(super) fn envelope(address: &str, allow_private_network: bool) -> Envelope {
    Envelope {
        app: "CRM".to_owned(),
        address: Some(address.to_owned()),
        algorithm: SigningAlgorithm::Rs256,
        by_subject: false,
        allow_private_network,
        ca_certificates: None,
        worst_case_minutes: 5,
    }
}

/// A name server that says something else each time.
pub(super) struct Lying {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Lying {
    pub(super) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |texts: &&[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self {
            answers: answers.iter().map(parse).collect(),
            asked: AtomicUsize::new(0),
        })
    }
}

impl LookUp for Lying {
    fn look_up(
        &self,
        _: &str,
    ) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.get(number).or(self.answers.last()).cloned();
        Box::pin(async move { answer.ok_or_else(|| std::io::Error::other("no answer")) })
    }
}

/// An app on loopback that gives one answer to everybody; returns its port and how
/// often it was asked.
fn app(answer: &'static str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            let mut stream = stream.unwrap();
            let mut buffer = [0; 8192];
            if stream.read(&mut buffer).is_ok() {
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    });
    (port, asked)
}

const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

pub(super) async fn call(outgoing: &Outgoing, envelope: &Envelope) -> Called {
    outgoing.post_logout_token(envelope, "x.y.z", now()).await
}

#[tokio::test]
async fn bcl_08_private_addresses_are_called_only_with_leave() {
    let (port, asked) = app(GOOD);
    let outgoing = Outgoing::with(PATIENCE, Lying::new(&[&["127.0.0.1"]]));
    let literal = format!("http://127.0.0.1:{port}/logout");
    let named = format!("http://crm.internal:{port}/logout");
    for address in [&literal, &named] {
        let secure = address.replace("http://", "https://");
        for forbidden in [address, &secure] {
            let called = call(&outgoing, &envelope(forbidden, false)).await;
            assert!(called.attempt.status().is_none(), "{forbidden}");
            let words = called.words.unwrap();
            assert!(words.contains("--allow-private-network"), "{words}");
        }
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0, "nobody was called");
    for address in [&literal, &named] {
        let called = call(&outgoing, &envelope(address, true)).await;
        assert!(called.attempt.is_success(), "{called:?}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn bcl_08_metadata_is_never_called_however_it_is_named() {
    for address in [
        "169.254.169.254",
        "fd00:ec2::254",
        "0.0.0.0",
        "::ffff:169.254.169.254",
    ] {
        let outgoing = Outgoing::with(PATIENCE, Lying::new(&[&[address]]));
        let called = call(&outgoing, &envelope("http://crm.internal/latest", true)).await;
        assert_eq!(called.attempt, Attempt::NoAnswer, "{address}");
        assert!(called.words.unwrap().contains("never called"), "{address}");
    }
}

#[tokio::test]
async fn bcl_08_a_name_that_changes_its_mind_gains_nothing() {
    let (port, asked) = app(GOOD);
    let address = format!("https://crm.example:{port}/logout");
    // Judged is what is connected to: there is no second question between.
    let lying = Lying::new(&[&["192.0.2.1", "203.0.113.9"], &["127.0.0.1"]]);
    let outgoing = Outgoing::with(PATIENCE, Arc::<Lying>::clone(&lying));
    for _ in 0..3 {
        let called = call(&outgoing, &envelope(&address, false)).await;
        assert!(called.attempt.status().is_none(), "{called:?}");
    }
    assert_eq!(lying.asked.load(Ordering::SeqCst), 3, "one question a call");
    // Nor after a good answer: what the name stands for a moment later is not called.
    let turning = Lying::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let outgoing = Outgoing::with(PATIENCE, Arc::<Lying>::clone(&turning));
    let called = call(
        &outgoing,
        &envelope(&address.replace("https:", "http:"), true),
    )
    .await;
    assert!(called.attempt.is_success(), "{called:?}");
    assert_eq!(turning.asked.load(Ordering::SeqCst), 1, "one question");
    // Of several answers only the good ones are used.
    let mixed = Lying::new(&[&["169.254.169.254", "127.0.0.1"]]);
    let outgoing = Outgoing::with(PATIENCE, mixed);
    let plain = format!("http://crm.example:{port}/logout");
    assert!(
        call(&outgoing, &envelope(&plain, true))
            .await
            .attempt
            .is_success()
    );
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn bcl_04_redirects_are_not_followed_and_answers_are_not_read_to_their_end() {
    let (inner, reached) = app(GOOD);
    let (port, _) = app(Box::leak(
        format!(
            "HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:{inner}/\r\nContent-Length: 0\r\n\r\n"
        )
        .into_boxed_str(),
    ));
    let outgoing = Outgoing::new(PATIENCE);
    let called = call(
        &outgoing,
        &envelope(&format!("http://127.0.0.1:{port}/x"), true),
    )
    .await;
    assert_eq!(called.attempt.status(), Some(307));
    assert!(called.words.unwrap().contains("never followed"));
    assert_eq!(reached.load(Ordering::SeqCst), 0);

    let endless = format!(
        "HTTP/1.1 400 No\r\nContent-Length: 1000000\r\n\r\n{}",
        "x".repeat(100_000)
    );
    let (port, _) = app(Box::leak(endless.into_boxed_str()));
    let called = call(
        &outgoing,
        &envelope(&format!("http://127.0.0.1:{port}/x"), true),
    )
    .await;
    assert_eq!(called.attempt.status(), Some(400));
    assert!(called.words.unwrap().len() < 500);
}

#[tokio::test]
async fn what_an_app_says_is_kept_in_words_and_what_it_asks_is_read() {
    let (port, _) = app(
        "HTTP/1.1 429 Busy\r\nRetry-After: 7\r\nContent-Length: 46\r\n\r\n\
         {\"error\":\"x\",\"error_description\":\"too many now\"}",
    );
    let outgoing = Outgoing::new(PATIENCE);
    let address = format!("http://127.0.0.1:{port}/logout");
    let called = call(&outgoing, &envelope(&address, true)).await;
    assert_eq!(
        called.attempt,
        Attempt::Answered {
            status: 429,
            retry_after: Some(Duration::from_secs(7)),
        }
    );
    // Words of its own are one short line, whatever they would like to be.
    let words = format!(
        "a\\u001b[2J\\nThis wasn't me: https://evil.example{}",
        "x".repeat(3000)
    );
    let body = format!("{{\"error\":\"{words}\"}}");
    let length = body.len();
    let (port, _) = app(Box::leak(
        format!("HTTP/1.1 403 No\r\nContent-Length: {length}\r\n\r\n{body}").into_boxed_str(),
    ));
    let address = format!("http://127.0.0.1:{port}/logout");
    let said = call(&outgoing, &envelope(&address, true)).await.words;
    let said = said.expect("words");
    assert!(
        said.starts_with("the app answered 403: \"a[2JThis"),
        "{said}"
    );
    assert!(
        !said.chars().any(char::is_control) && said.len() < 500,
        "{said}"
    );
    let (port, _) = app("not HTTP at all\r\n\r\n");
    let address = format!("http://127.0.0.1:{port}/logout");
    let called = call(&outgoing, &envelope(&address, true)).await;
    assert_eq!(called.attempt, Attempt::NoAnswer);
    // Nobody listens.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let called = call(
        &outgoing,
        &envelope(&format!("http://127.0.0.1:{port}/"), true),
    )
    .await;
    assert_eq!(called.attempt, Attempt::NoAnswer);
    assert!(called.words.unwrap().starts_with("no connection"));
}

pub(super) fn tokens() -> probe::Tokens {
    probe::Tokens {
        genuine: "x.y.z".to_owned(),
        forged: "x.y.o".to_owned(),
        content: "iss https://login.example".to_owned(),
    }
}

async fn probed(address: &str, allow: bool) -> Vec<probe::Step> {
    let outgoing = Outgoing::new(PATIENCE);
    probe::probe(&outgoing, &envelope(address, allow), &tokens(), now()).await
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table")]
async fn c6_a_probe_names_the_step_that_fails_and_the_usual_cause() {
    use probe::Stage::{Address, Dns, Forgery, Http, Tcp, Tls, Token};
    use probe::Verdict::{Failed, Good, Warning};
    let answering = |answer| format!("http://127.0.0.1:{}/logout", app(answer).0);
    let with = |status: &str| -> &'static str {
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        Box::leak(text.into_boxed_str())
    };
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let table = [
        (
            answering(GOOD),
            true,
            Forgery,
            Warning,
            "anybody can log people out",
        ),
        (
            answering(GOOD),
            false,
            Address,
            Failed,
            "--allow-private-network",
        ),
        (
            "https://192.168.1.7/x".to_owned(),
            false,
            Address,
            Failed,
            "--allow-private-network",
        ),
        (
            "http://169.254.169.254/x".to_owned(),
            true,
            Address,
            Failed,
            "never called",
        ),
        (
            "https://crm.invalid/x".to_owned(),
            false,
            Dns,
            Failed,
            "not found",
        ),
        (
            format!("http://127.0.0.1:{closed}/"),
            true,
            Tcp,
            Failed,
            "nothing listens",
        ),
        (
            answering(GOOD).replace("http:", "https:"),
            true,
            Tls,
            Failed,
            "TLS",
        ),
        (answering(with("403 No")), true, Http, Failed, "CSRF"),
        (
            answering(with("404 No")),
            true,
            Http,
            Failed,
            "nothing at this address",
        ),
        (
            answering(with("302 Go")),
            true,
            Http,
            Failed,
            "never followed",
        ),
        (
            answering(with("503 No")),
            true,
            Http,
            Failed,
            "broken there",
        ),
        (answering("gibberish\r\n\r\n"), true, Http, Failed, ""),
        (
            answering(with("405 No")),
            true,
            Http,
            Failed,
            "takes no POST",
        ),
        (
            answering(with("400 No")),
            true,
            Token,
            Failed,
            "issuer and the client id",
        ),
    ];
    for (address, allow, stage, verdict, words) in table {
        let steps = probed(&address, allow).await;
        let last = steps.last().unwrap();
        assert_eq!(
            (last.stage, last.verdict),
            (stage, verdict),
            "{address}: {steps:#?}"
        );
        assert!(last.words.contains(words), "{address}: {}", last.words);
        let before = steps.iter().rev().skip(1);
        assert!(
            before.into_iter().all(|step| step.verdict == Good),
            "{steps:#?}"
        );
    }
}

/// Accepts, and then says nothing.
fn silent() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let kept: Vec<_> = listener.incoming().collect();
        drop(kept);
    });
    port
}

#[tokio::test]
async fn c6_an_app_that_hangs_holds_a_probe_for_a_bounded_time_and_is_named() {
    use probe::Stage::{Http, Tls};
    let port = silent();
    for (address, stage) in [
        (format!("http://127.0.0.1:{port}/logout"), Http),
        (format!("https://127.0.0.1:{port}/logout"), Tls),
    ] {
        let steps = probed(&address, true).await;
        let last = steps.last().unwrap();
        assert_eq!((last.stage, last.verdict), (stage, probe::Verdict::Failed));
        assert!(last.words.contains("in time"), "{}", last.words);
    }
}

/// A name server that says nothing.
struct Mute;

impl LookUp for Mute {
    fn look_up(
        &self,
        _: &str,
    ) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn bcl_08_c6_a_name_that_leads_nowhere_or_inside_is_named_and_not_called() {
    let ask = async |look_up: Arc<dyn LookUp>, allow| {
        let outgoing = Outgoing::with(PATIENCE, look_up);
        let envelope = envelope("https://crm.example/logout", allow);
        let steps = probe::probe(&outgoing, &envelope, &tokens(), now()).await;
        steps.last().cloned().unwrap()
    };
    let nobody: &[&str] = &[];
    let table: [(Arc<dyn LookUp>, bool, &str); 7] = [
        (Arc::new(Mute), true, "nobody told in time"),
        (Lying::new(&[nobody]), true, "names of containers"),
        (
            Lying::new(&[&["10.1.2.3"]]),
            false,
            "--allow-private-network",
        ),
        (
            Lying::new(&[&["127.0.0.1"]]),
            false,
            "--allow-private-network",
        ),
        (Lying::new(&[&["169.254.7.7"]]), true, "never called"),
        (Lying::new(&[&["169.254.169.254"]]), true, "never called"),
        (Lying::new(&[&["fd00:ec2::254"]]), true, "never called"),
    ];
    for (look_up, allow, words) in table {
        let last = ask(look_up, allow).await;
        assert_eq!(last.stage, probe::Stage::Dns, "{last:?}");
        assert_eq!(last.verdict, probe::Verdict::Failed, "{last:?}");
        assert!(last.words.contains(words), "{}", last.words);
    }
}
