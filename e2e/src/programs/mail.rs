//! What a mail server gets from us, what nobody notices of a dead one, and what survives `kill -9` (ALR-03, ALR-04).

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nightlatch_domain::Timestamp;
use nightlatch_storage::mails::{self, Mail};
use nightlatch_storage::{DatabaseLocation, StorageError, Store};

use super::mail_server::{self, Encryption, MailServer, Taken, free_port};
use super::nightlatch::{ADA, Nightlatch};
use super::scratch::Scratch;
use super::visitor::Visitor;
use crate::failure::{Failure, Outcome, ensure};
use crate::wait;

const FROM: &str = "Brightwater <login@example.com>";

/// The settings of mail for a server on this port.
fn settings(
    scratch: &Scratch,
    port: u16,
    encryption: Encryption,
) -> Outcome<Vec<(&'static str, String)>> {
    let server = match encryption {
        Encryption::None => format!("smtp://localhost:{port}"),
        // Spelled so, it is the same machine, but not the name that makes encryption needless.
        Encryption::StartTls => format!("smtp://LOCALHOST:{port}"),
        Encryption::FromTheStart => format!("smtps://localhost:{port}"),
    };
    let mut settings = vec![
        ("NIGHTLATCH_MAIL_FROM", FROM.to_owned()),
        ("NIGHTLATCH_MAIL_SMTP", server),
    ];
    if encryption != Encryption::None {
        mail_server::make_certificates(scratch)?;
        let password = scratch.path().join("mail-password");
        std::fs::write(&password, format!("{}\n", mail_server::PASSWORD))?;
        settings.push(("NIGHTLATCH_MAIL_USER", "nightlatch".to_owned()));
        settings.push(("NIGHTLATCH_MAIL_PASSWORD_FILE", text_of(&password)));
    }
    Ok(settings)
}

/// The variable that names the authorities which a server trusts, instead of those of the system.
fn trusting(scratch: &Scratch) -> (&'static str, String) {
    ("SSL_CERT_FILE", text_of(&scratch.path().join("ca.pem")))
}

fn text_of(path: &Path) -> String {
    path.display().to_string()
}

pub(super) async fn a_mail_server_on_this_machine_takes_an_alert() -> Outcome {
    takes_an_alert(Encryption::None).await
}

pub(super) async fn a_mail_server_takes_an_alert_after_starttls() -> Outcome {
    takes_an_alert(Encryption::StartTls).await
}

pub(super) async fn a_mail_server_takes_an_alert_by_tls() -> Outcome {
    takes_an_alert(Encryption::FromTheStart).await
}

/// A sign-in with a new browser becomes a letter that another program can read, and whose link works.
async fn takes_an_alert(encryption: Encryption) -> Outcome {
    let scratch = Scratch::new()?;
    let port = free_port()?;
    let mut settings = settings(&scratch, port, encryption)?;
    if encryption != Encryption::None {
        settings.push(trusting(&scratch));
    }
    let server = MailServer::start(&scratch, port, encryption, false)?;
    let mut nightlatch = Nightlatch::install(&scratch, &settings)?;
    nightlatch.start()?;
    let mut laptop = Visitor::new(nightlatch.port());
    laptop.sign_in()?;
    let mut thief = Visitor::new(nightlatch.port());
    thief.sign_in()?;
    let letters = server
        .letters(1)
        .await
        .map_err(|error| error.during(nightlatch.log()))?;
    let [letter] = letters.as_slice() else {
        return Err(Failure::new(format!("one letter, not {letters:?}")));
    };
    let secure = encryption != Encryption::None;
    ensure(letter.encrypted == secure && letter.user == secure, || {
        format!("{encryption:?}: {letter:?}")
    })?;
    is_well_formed(letter)?;
    tells_of_a_new_browser(letter, nightlatch.port())?;

    // The link does what it says.
    let link = link_in(letter.part("text/plain")?, nightlatch.port())?;
    let mut phone = Visitor::new(nightlatch.port());
    ensure(
        phone.get(&link)?.body.contains("Yes, throw them out"),
        || "the link does not ask".to_owned(),
    )?;
    ensure(thief.get("/account/sessions")?.status == 200, || {
        "opening the link did something".to_owned()
    })?;
    let answer = phone.post(&link, "extent=that")?;
    ensure(
        answer.status == 200 && answer.body.contains("One session was logged out."),
        || format!("the link threw nobody out: {}", answer.body),
    )?;
    ensure(thief.get("/account/sessions")?.status == 303, || {
        "the thief is still in".to_owned()
    })?;
    ensure(laptop.get("/account/sessions")?.status == 200, || {
        "the owner is out".to_owned()
    })?;
    // The letter that begins recovery follows.
    let letters = server.letters(2).await?;
    letters.iter().try_for_each(is_well_formed)
}

/// What holds of every letter.
fn is_well_formed(letter: &Taken) -> Outcome {
    let id = letter.header("Message-ID")?;
    letter.header("Date")?;
    for (name, value) in [
        ("From", FROM),
        ("To", ADA),
        ("MIME-Version", "1.0"),
        ("Auto-Submitted", "auto-generated"),
    ] {
        let found = letter.header(name)?;
        ensure(found == value, || format!("{name}: {found}"))?;
    }
    let kinds: Vec<_> = letter
        .parts
        .iter()
        .map(|part| (part.kind.as_str(), part.charset.as_deref()))
        .collect();
    // RFC 2046 5.1.4: the best comes last. RFC 5321 4.5.3.1.6: a line has at most 998 characters.
    let well = letter.kind == "multipart/alternative"
        && kinds == [("text/plain", Some("utf-8")), ("text/html", Some("utf-8"))]
        && id.starts_with('<')
        && id.ends_with("@example.com>")
        && letter.defects.is_empty()
        && letter.longest_line <= 998
        && !letter.bare_newlines
        && letter.sender == "login@example.com"
        && letter.recipients == [ADA];
    ensure(well, || format!("not a well-formed letter: {letter:?}"))
}

/// What this one says, in both its parts.
fn tells_of_a_new_browser(letter: &Taken, port: u16) -> Outcome {
    let subject = letter.header("Subject")?;
    ensure(subject.starts_with("New sign-in to your account"), || {
        format!("the subject is {subject}")
    })?;
    let text = letter.part("text/plain")?;
    let link = link_in(text, port)?;
    let html = letter.part("text/html")?;
    for words in ["Ada Lovelace", ADA, "Firefox on Linux", link.as_str()] {
        for part in [text, html] {
            ensure(part.contains(words), || format!("no {words} in {part}"))?;
        }
    }
    // Nothing is fetched when it is read, so nobody learns that it was.
    for remote in ["<img", "<link", "<script", "url("] {
        ensure(!html.contains(remote), || format!("{remote} in {html}"))?;
    }
    Ok(())
}

/// The path of the one link in a text.
fn link_in(text: &str, port: u16) -> Outcome<String> {
    let origin = format!("http://localhost:{port}");
    text.split_whitespace()
        .find_map(|word| word.strip_prefix(origin.as_str()))
        .map(str::to_owned)
        .ok_or_else(|| Failure::new(format!("no link in {text}")))
}

/// Whoever sits between us and the mail server gets neither letters, which hold links, nor the password.
pub(super) async fn a_mail_server_that_nobody_vouches_for_gets_nothing() -> Outcome {
    for encryption in [Encryption::StartTls, Encryption::FromTheStart] {
        let scratch = Scratch::new()?;
        let port = free_port()?;
        let settings = settings(&scratch, port, encryption)?;
        let _post = MailServer::start(&scratch, port, encryption, false)?;
        let mut nightlatch = Nightlatch::install(&scratch, &settings)?;
        nightlatch.start()?;
        for _ in 0..2 {
            Visitor::new(nightlatch.port()).sign_in()?;
        }
        wait::until("a refusal in the log", wait::PATIENCE, || async {
            let log = nightlatch.log();
            let refused = log.contains("a mail was not accepted") && log.contains("certificate");
            Ok(refused.then_some(()))
        })
        .await
        .map_err(|error| error.during(nightlatch.log()))?;
        nightlatch.kill()?;
        let taken = std::fs::read_dir(scratch.path().join("mails"))?.count();
        let waiting = queue(nightlatch.database()).await?.len();
        ensure((taken, waiting) == (0, 1), || {
            format!("{encryption:?}: {taken} letters taken, {waiting} wait")
        })?;
    }
    Ok(())
}

/// The mails that wait, whenever they are due. The program must not run.
async fn queue(database: PathBuf) -> Outcome<Vec<Mail>> {
    with_store(database, |tx| {
        mails::list_due(tx, Timestamp::from_milliseconds(i64::MAX), 1000)
    })
    .await
}

/// Time passes for the mails that wait: whoever held one when it died is forgotten.
async fn leases_run_out(database: PathBuf) -> Outcome {
    with_store(database, |tx| {
        tx.execute(
            "UPDATE mails SET next_at = 0 WHERE finished_at IS NULL",
            &[],
        )
        .map(drop)
    })
    .await
}

async fn with_store<T: Send + 'static>(
    database: PathBuf,
    flow: fn(&mut nightlatch_storage::Tx<'_>) -> Result<T, StorageError>,
) -> Outcome<T> {
    let done = tokio::task::spawn_blocking(move || {
        Store::open(&DatabaseLocation::Sqlite(database))?.write_blocking(flow)
    });
    Ok(done.await??)
}

/// How long sign-ins take, the slowest of a few.
fn slowest_sign_in(port: u16, count: usize) -> Outcome<Duration> {
    let mut slowest = Duration::ZERO;
    for _ in 0..count {
        let mut browser = Visitor::new(port);
        let started = Instant::now();
        browser.sign_in()?;
        slowest = slowest.max(started.elapsed());
    }
    Ok(slowest)
}

/// A mail server that takes connections and never says a word: sign-ins are answered at once all the same, and a
/// server killed meanwhile sends everything later, exactly as it was queued.
pub(super) async fn a_dead_mail_server_delays_nobody_and_kill_9_loses_nothing() -> Outcome {
    let scratch = Scratch::new()?;
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let port = silent.local_addr()?.port();
    let mut nightlatch =
        Nightlatch::install(&scratch, &settings(&scratch, port, Encryption::None)?)?;
    nightlatch.start()?;
    Visitor::new(nightlatch.port()).sign_in()?;
    // These have a letter to send, and nobody to send it to.
    let slowest = slowest_sign_in(nightlatch.port(), 3)?;
    let mut visitor = Visitor::new(nightlatch.port());
    let started = Instant::now();
    visitor.get("/login")?;
    // The mail server was really asked: somebody waits for its greeting.
    let asked = silent.accept()?;
    ensure(
        slowest < Duration::from_secs(5) && started.elapsed() < Duration::from_secs(5),
        || format!("a sign-in took {slowest:?} while the mail server was dead"),
    )?;
    nightlatch.kill()?;
    drop(asked);
    drop(silent);

    let queued = queue(nightlatch.database()).await?;
    ensure(!queued.is_empty(), || "nothing is queued".to_owned())?;
    leases_run_out(nightlatch.database()).await?;
    let server = MailServer::start(&scratch, port, Encryption::None, false)?;
    nightlatch.start()?;
    let letters = server
        .letters(queued.len())
        .await
        .map_err(|error| error.during(nightlatch.log()))?;
    // Nothing else comes, nothing is lost, nothing is changed.
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for mail in &queued {
        *expected
            .entry(format!("<{}@example.com>", mail.id))
            .or_default() += 1;
    }
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for letter in &letters {
        is_well_formed(letter)?;
        tells_of_a_new_browser(letter, nightlatch.port())?;
        *found
            .entry(letter.header("Message-ID")?.to_owned())
            .or_default() += 1;
    }
    ensure(found == expected, || {
        format!("queued were {expected:?}, found {found:?}")
    })?;
    let told: usize = letters
        .iter()
        .filter_map(|letter| letter.part("text/plain").ok())
        .map(|text| text.matches("When:").count())
        .sum();
    ensure(told == 3, || {
        format!("three sign-ins were to be told, not {told}")
    })?;
    nightlatch.kill()?;
    let left = queue(nightlatch.database()).await?;
    ensure(left.is_empty(), || format!("still waiting: {left:?}"))
}

/// The worst instant: the mail server has the letter, and we do not know. It is sent again under the same number, so
/// that a second copy can be told from a second event.
pub(super) async fn kill_9_before_the_acknowledgement_sends_the_same_letter_again() -> Outcome {
    let scratch = Scratch::new()?;
    let port = free_port()?;
    let server = MailServer::start(&scratch, port, Encryption::None, true)?;
    let mut nightlatch =
        Nightlatch::install(&scratch, &settings(&scratch, port, Encryption::None)?)?;
    nightlatch.start()?;
    for _ in 0..2 {
        Visitor::new(nightlatch.port()).sign_in()?;
    }
    server.letters(1).await?;
    nightlatch.kill()?;
    drop(server);
    leases_run_out(nightlatch.database()).await?;
    let server = MailServer::start(&scratch, port, Encryption::None, false)?;
    nightlatch.start()?;
    let letters = server
        .letters(2)
        .await
        .map_err(|error| error.during(nightlatch.log()))?;
    let [first, second] = letters.as_slice() else {
        return Err(Failure::new(format!("two letters, not {letters:?}")));
    };
    for kind in ["text/plain", "text/html"] {
        let (first, second) = (first.part(kind)?, second.part(kind)?);
        ensure(first == second, || {
            format!("not the same: {first}\n{second}")
        })?;
    }
    let (first, second) = (first.header("Message-ID")?, second.header("Message-ID")?);
    ensure(first == second, || format!("{first} and {second}"))
}
