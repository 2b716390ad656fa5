//! The queue of mails, and the links in them.

use nightlatch_domain::ids::UserId;
use nightlatch_domain::mail::{AccountWords, LinkKind, MailLink, Message, PasswordResetMail};
use nightlatch_domain::user::EmailAddress;
use nightlatch_storage::mails::{self, Mail};
use nightlatch_storage::{StorageError, Store, Tx, mail_links, on_both_databases};

use super::rows::{
    ODD_TEXT, at, constraint, id, is_wrong_row_count, numbers, people, refusal, same, write,
};

/// A message about user 1 that is due at some time.
pub(super) fn mail(number: u8, due: i64) -> Mail {
    let account = AccountWords {
        name: ODD_TEXT.to_owned(),
        email: "ada@example.test".to_owned(),
        organization: ODD_TEXT.to_owned(),
    };
    Mail {
        id: id(number),
        created_at: at(i64::from(number)),
        recipient: EmailAddress::parse("Ada@Example.test").unwrap(),
        message: Message::PasswordReset(PasswordResetMail {
            account,
            link: id(9),
        }),
        user_id: None,
        attempts: 0,
        next_at: at(due),
        finished_at: None,
    }
}

/// A link of a user.
pub(super) fn mail_link(number: u8, user: u8) -> MailLink {
    MailLink {
        id: id(number),
        kind: LinkKind::Alert,
        user_id: id(user),
        recipient: EmailAddress::parse("Ada@Example.test").unwrap(),
        session_id: Some(id(4)),
        password_set_at: Some(at(1)),
        created_at: at(2),
        expires_at: at(i64::from(number)),
        used_at: None,
    }
}

fn of_user(mail: Mail, user: UserId) -> Mail {
    Mail {
        user_id: Some(user),
        ..mail
    }
}

fn add(store: &Store, added: Vec<Mail>) {
    write(store, move |tx| {
        added.iter().try_for_each(|mail| mails::add(tx, mail))
    });
}

fn due(store: &Store, now: i64) -> Vec<u8> {
    numbers(
        write(store, move |tx| mails::list_due(tx, at(now), 10))
            .into_iter()
            .map(|mail| mail.id),
    )
}

fn last(tx: &mut Tx<'_>) -> Result<Option<Mail>, StorageError> {
    mails::find_last_of_user(tx, id(1), "password_reset")
}

on_both_databases! {
    fn a_mail_comes_back_as_it_was_stored(store) {
        people(store);
        let stored = of_user(mail(1, 5), id(1));
        add(store, vec![stored.clone()]);
        same(&write(store, last), &Some(stored));
        assert_eq!(refusal(store, |tx| mails::add(tx, &mail(1, 5))), constraint("mails_pkey"));
    }

    fn due_mails_come_longest_due_first_and_not_while_they_are_leased(store) {
        add(store, vec![mail(1, 30), mail(2, 10), mail(3, 20), mail(4, 31)]);
        assert_eq!(due(store, 30), [2, 3, 1]);
        assert!(due(store, 9).is_empty());
        assert_eq!(write(store, mails::find_next_due), Some(at(10)));
        write(store, |tx| mails::lease(tx, id(2), at(100)));
        assert_eq!(due(store, 30), [3, 1]);
        // A process that dies with a lease loses it.
        assert_eq!(due(store, 100), [3, 1, 4, 2]);
        let leased = write(store, |tx| mails::list_due(tx, at(100), 10));
        assert_eq!(leased[3].attempts, 1);
        assert!(is_wrong_row_count(&refusal(store, |tx| mails::lease(tx, id(9), at(1)))));
    }

    fn what_was_accepted_or_given_up_is_never_due_again(store) {
        add(store, vec![mail(1, 1), mail(2, 1), mail(3, 1)]);
        write(store, |tx| mails::finish_sent(tx, id(1), at(5)));
        write(store, |tx| mails::finish_failed(tx, id(2), at(5), "no such mailbox"));
        assert_eq!(due(store, 1_000), [3]);
        // Late news change nothing.
        write(store, |tx| mails::postpone(tx, id(1), at(1), at(2), "late"));
        write(store, |tx| mails::finish_failed(tx, id(1), at(6), "late"));
        assert_eq!(due(store, 1_000), [3]);
        assert!(is_wrong_row_count(&refusal(store, |tx| mails::lease(tx, id(1), at(9)))));
        assert_eq!(write(store, |tx| mails::prune(tx, at(5), 10)), 0);
        assert_eq!(write(store, |tx| mails::prune(tx, at(6), 1)), 1);
        assert_eq!(write(store, |tx| mails::prune(tx, at(6), 10)), 1);
        assert_eq!(due(store, 1_000), [3]);
    }

    fn only_the_holder_of_the_lease_puts_a_mail_back(store) {
        add(store, vec![mail(1, 1)]);
        write(store, |tx| mails::lease(tx, id(1), at(50)));
        write(store, |tx| mails::lease(tx, id(1), at(90)));
        write(store, |tx| mails::postpone(tx, id(1), at(50), at(2), "slow"));
        assert!(due(store, 89).is_empty());
        write(store, |tx| mails::postpone(tx, id(1), at(90), at(60), "busy"));
        assert_eq!(due(store, 60), [1]);
    }

    fn a_mail_can_be_rewritten_and_deleted(store) {
        people(store);
        add(store, vec![mail(1, 1), of_user(mail(2, 1), id(1))]);
        write(store, |tx| mails::rewrite(tx, id(1), &mail(1, 1).message, Some(id(1))));
        assert_eq!(numbers(write(store, last).map(|mail| mail.id)), [2]);
        write(store, |tx| mails::rewrite(tx, id(2), &Message::RecoveryAsked, None));
        assert_eq!(numbers(write(store, last).map(|mail| mail.id)), [1]);
        write(store, |tx| mails::delete(tx, id(2)));
        write(store, |tx| mails::delete_of_user(tx, id(1)));
        assert!(due(store, 10).is_empty());
    }

    fn a_link_is_used_once(store) {
        people(store);
        write(store, |tx| mail_links::add(tx, &mail_link(1, 1)));
        same(&write(store, |tx| mail_links::find(tx, id(1))), &Some(mail_link(1, 1)));
        write(store, |tx| mail_links::set_session(tx, id(1), None));
        assert!(write(store, |tx| mail_links::use_up(tx, id(1), at(7))));
        assert!(!write(store, |tx| mail_links::use_up(tx, id(1), at(8))));
        let used = MailLink { session_id: None, used_at: Some(at(7)), ..mail_link(1, 1) };
        same(&write(store, |tx| mail_links::find(tx, id(1))), &Some(used));
        assert!(is_wrong_row_count(&refusal(store, |tx| mail_links::set_session(tx, id(9), None))));
    }

    fn links_go_when_they_are_old_and_with_their_account(store) {
        people(store);
        write(store, |tx| {
            mail_links::add(tx, &mail_link(1, 1))?;
            mail_links::add(tx, &mail_link(2, 1))?;
            mail_links::add(tx, &mail_link(3, 2))
        });
        assert_eq!(write(store, |tx| mail_links::prune(tx, at(2), 10)), 1);
        assert!(write(store, |tx| mail_links::find(tx, id(1))).is_none());
        write(store, |tx| mail_links::delete_of_user(tx, id(1)));
        assert!(write(store, |tx| mail_links::find(tx, id(2))).is_none());
        assert!(write(store, |tx| mail_links::find(tx, id(3))).is_some());
    }
}
