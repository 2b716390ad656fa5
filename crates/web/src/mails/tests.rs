use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ids::{MailId, MailLinkId, SessionId};
use nightlatch_domain::mail::{ClientWords, PasswordResetMail};
use nightlatch_domain::user::EmailAddress;

use super::*;

const NASTY: &str = "</a>\r\nBcc: all@evil.test\n<img src=https://evil.test/x> Ada";

fn account(name: &str) -> AccountWords {
    AccountWords {
        name: name.to_owned(),
        email: "ada@brightwater.example".to_owned(),
        organization: format!("Brightwater {name}"),
    }
}

fn occurrence(kind: AlertKind, number: u8) -> Occurrence {
    let agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0";
    let address = "198.51.100.7".parse().ok();
    let client = ClientDetails::new(address, Some("Vienna, Austria".to_owned()), agent);
    Occurrence {
        kind,
        at: Timestamp::from_milliseconds(1_795_433_500_000),
        session: Some(SessionId::from_bytes([number; 16])),
        client: Some(ClientWords::of(&client)),
        detail: Some(NASTY.to_owned()),
    }
}

fn letter(message: Message) -> Letter {
    let mail = Mail {
        id: MailId::from_bytes([1; 16]),
        created_at: Timestamp::from_milliseconds(1_795_433_500_000),
        recipient: EmailAddress::parse("ada@brightwater.example").expect("an address"),
        message,
        user_id: None,
        attempts: 1,
        next_at: Timestamp::from_milliseconds(0),
        finished_at: None,
    };
    let ours = PublicUrl::parse("https://login.example.com").expect("an address");
    let now = Timestamp::from_milliseconds(1_795_433_600_000);
    render(&mail, &ours, &LinkKey::new(&[7; 32], &[]), now).expect("a letter")
}

/// Every message there is, for a calm name and for a nasty one.
fn all() -> Vec<(String, Letter)> {
    let link = MailLinkId::from_bytes([9; 16]);
    let mut found = Vec::new();
    for name in ["Ada Lovelace", NASTY] {
        for kind in AlertKind::ALL {
            let mut alert = AlertMail {
                class: kind.class(),
                account: account(name),
                occurrences: vec![occurrence(kind, 1)],
                more: 0,
                link: kind.class().is_about_the_account().then_some(link),
            };
            found.push((format!("{kind:?}"), letter(Message::Alert(alert.clone()))));
            for number in 2..20 {
                alert.gather(occurrence(kind, number));
            }
            found.push((format!("{kind:?}-many"), letter(Message::Alert(alert))));
        }
        for step in [
            EmailChangeStep::Confirm,
            EmailChangeStep::Taken,
            EmailChangeStep::Tell,
        ] {
            let change = EmailChangeMail {
                account: account(name),
                step,
                occurrence: occurrence(AlertKind::EmailChangeAsked, 1),
                link: (step != EmailChangeStep::Taken).then_some(link),
            };
            let name = format!("Email-{step:?}");
            found.push((name, letter(Message::EmailChange(change))));
        }
        let account = account(name);
        let reset = PasswordResetMail { account, link };
        found.push(("Reset".to_owned(), letter(Message::PasswordReset(reset))));
    }
    found
}

/// One, unless there is nothing to do by a link: an address that is taken, or an app that
/// is no part of the reader's account.
fn links_of(name: &str) -> usize {
    usize::from(
        name != "Email-Taken"
            && !name.starts_with("AppNotTold")
            && !name.starts_with("AppToldAgain"),
    )
}

/// `NIGHTLATCH_SAMPLES=/tmp/samples cargo test -p nightlatch-web mails` writes them.
#[test]
fn alr_03_every_letter_says_what_when_where_whose_and_what_to_do() {
    for (name, letter) in all() {
        for text in [&letter.text, &letter.html] {
            assert!(text.contains("ada@brightwater.example"), "{name}: whose");
            let links = links_of(&name);
            assert_eq!(
                text.matches("https://login.example.com/").count(),
                links,
                "{name}: what to do"
            );
            if name == "Email-Confirm" || name == "Email-Taken" {
                // The mailbox may be a stranger's.
                assert!(!text.contains("Vienna, Austria"), "{name}: where from");
            } else if name != "Reset" {
                assert!(
                    text.contains("Monday, November 23, 2026 at 11:31 UTC"),
                    "{name}: when"
                );
                assert!(text.contains("Vienna, Austria"), "{name}: where");
                assert!(text.contains("Firefox on Windows"), "{name}: with what");
                let links = text.matches("/alert/").count() + text.matches("/email/undo/").count();
                assert_eq!(links, links_of(&name), "{name}: one link");
            }
        }
        if let Some(directory) = std::env::var_os("NIGHTLATCH_SAMPLES") {
            let path = std::path::Path::new(&directory).join(format!("mail-{name}.html"));
            std::fs::write(path, &letter.html).expect("written");
        }
    }
}

#[test]
fn nothing_typed_becomes_markup_a_header_or_a_remote_picture() {
    for (name, letter) in all() {
        assert!(
            !letter.subject.contains(['\r', '\n']),
            "{name}: {}",
            letter.subject
        );
        assert!(!letter.html.contains("<img"), "{name}");
        assert!(!letter.html.contains("url("), "{name}");
        assert!(!letter.text.contains("\nBcc:"), "{name}: {}", letter.text);
        let links = letter.html.matches("href=").count();
        assert_eq!(links, links_of(&name), "{name}");
    }
}
