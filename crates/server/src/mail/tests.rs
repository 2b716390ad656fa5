use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use nightlatch_domain::ids::MailId;
use nightlatch_domain::user::EmailAddress;

use super::*;
use crate::config::{SmtpEncryption, SmtpServer};
use crate::scratch::ScratchDirectory;

fn letter(subject: &str) -> Letter {
    Letter {
        id: MailId::from_bytes([7; 16]),
        recipient: EmailAddress::parse("ada@example.test").expect("an address"),
        subject: subject.to_owned(),
        text: "Hello Ada".to_owned(),
        html: "<p>Hello Ada</p>".to_owned(),
    }
}

fn from() -> Mailbox {
    "Brightwater <login@example.com>"
        .parse()
        .expect("a mailbox")
}

#[test]
fn no_subject_begins_a_header_of_its_own() {
    let nasty = "Hello\r\nBcc: all@evil.test\r\n\r\nbody";
    let message = compose(&letter(nasty), &from()).expect("a message");
    let text = String::from_utf8(message.formatted()).expect("text");
    let (head, _) = text.split_once("\r\n\r\n").expect("a head");
    for line in head.lines() {
        assert!(!line.to_lowercase().starts_with("bcc"), "{head}");
    }
    assert_eq!(message.envelope().to().len(), 1);
    assert!(head.contains("Auto-Submitted: auto-generated"), "{head}");
    assert!(
        head.contains("From: Brightwater <login@example.com>"),
        "{head}"
    );
}

#[tokio::test]
async fn letters_become_files_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = ScratchDirectory::create().expect("a directory");
    let path = scratch.path().join("out");
    let directory = directory::Directory::new(from(), path.clone());
    directory.send(&letter("One")).await.expect("written");
    // A second attempt is the same letter.
    directory.send(&letter("One")).await.expect("written");
    let files: Vec<_> = std::fs::read_dir(&path)
        .expect("a list")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let mode = files[0].metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        std::fs::read_to_string(&files[0])
            .expect("text")
            .contains("Subject: One")
    );
}

/// An SMTP server for one conversation; it answers to RCPT as it is told and
/// returns what it was sent.
fn smtp_server(answer_to_recipient: &'static str) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a visitor");
        let mut lines = BufReader::new(stream.try_clone().expect("a copy")).lines();
        let mut stream = stream;
        let mut say = |text: &str| drop(stream.write_all(format!("{text}\r\n").as_bytes()));
        let (mut heard, mut in_data) = (String::new(), false);
        say("220 here");
        while let Some(Ok(line)) = lines.next() {
            heard.push_str(&line);
            heard.push('\n');
            let command = line.get(..4).unwrap_or_default().to_uppercase();
            match command.as_str() {
                _ if in_data && line == "." => {
                    say("250 taken");
                    break;
                }
                _ if in_data => {}
                "EHLO" => say("250 here"),
                "RCPT" => say(answer_to_recipient),
                "DATA" => {
                    in_data = true;
                    say("354 go on");
                }
                _ => say("250 fine"),
            }
        }
        heard
    });
    (port, thread)
}

async fn send_to(port: u16) -> Result<(), NotAccepted> {
    let server = SmtpServer {
        host: "127.0.0.1".to_owned(),
        port,
        encryption: SmtpEncryption::NoneOnThisMachine,
        account: None,
    };
    let transport = smtp::Smtp::new(&from(), &server).expect("a transport");
    transport.send(&letter("Hello")).await
}

#[tokio::test]
async fn an_smtp_server_takes_letters_and_refuses_for_now_or_for_good() {
    let (port, thread) = smtp_server("250 fine");
    send_to(port).await.expect("taken");
    let heard = thread.join().expect("a conversation");
    assert!(heard.contains("RCPT TO:<ada@example.test>"), "{heard}");
    assert!(heard.contains("Subject: Hello"), "{heard}");
    for (answer, permanent) in [
        ("450 busy", false),
        ("550 no such mailbox", true),
        // About us, and not about the letter.
        ("530 who are you", false),
    ] {
        let (port, _thread) = smtp_server(answer);
        let refusal = send_to(port).await.expect_err("refused");
        assert_eq!(refusal.permanent, permanent, "{answer}: {refusal:?}");
    }
    // Nobody there.
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = gone.local_addr().expect("an address").port();
    drop(gone);
    assert!(!send_to(port).await.expect_err("refused").permanent);
}
