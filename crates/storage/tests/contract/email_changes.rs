//! Changes of e-mail addresses.

use nightlatch_domain::email_change::{EmailChange, EmailChangeState};
use nightlatch_domain::user::{EmailAddress, Vouched};
use nightlatch_storage::{
    StorageError, Store, Tx, email_changes, mail_links, on_both_databases, users,
};

use super::mails::mail_link;
use super::rows::{
    at, constraint, id, is_wrong_row_count, numbers, people, refusal, same, user, write,
};

/// A change of a user's address, which waits; its links have its number and the one after it.
pub(super) fn email_change(number: u8, user: u8) -> EmailChange {
    EmailChange {
        id: id(number),
        user_id: id(user),
        old: EmailAddress::parse("Ada@Example.test").unwrap(),
        new: EmailAddress::parse("Ada@Elsewhere.test").unwrap(),
        session_id: id(4),
        asked_at: at(i64::from(number)),
        state: EmailChangeState::Waiting,
        confirm_link: id(number),
        undo_link: id(number + 1),
        undo_until: at(100),
    }
}

fn add(store: &Store, change: EmailChange) {
    write(store, move |tx| email_changes::add(tx, &change));
}

fn state(store: &Store, link: u8) -> EmailChangeState {
    let found = write(store, move |tx| {
        email_changes::find_by_confirm_link(tx, id(link))
    });
    found.unwrap().state
}

fn is_held(store: &Store, address: &'static str, but: Option<u8>, now: i64) -> bool {
    let key = EmailAddress::parse(address).unwrap().key();
    write(store, move |tx| {
        email_changes::is_held(tx, &key, but.map(id), at(now))
    })
}

/// Runs each statement about the address of an account.
pub(super) fn run_addresses(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    users::set_email(tx, id(1), &user(1, 1).email, None, at(79))?;
    users::set_email_verified(tx, id(1), at(79))?;
    users::vouched(tx, id(1)).map(|_| ())
}

on_both_databases! {
    fn a_change_is_found_by_both_links_as_it_was_stored(store) {
        people(store);
        add(store, email_change(1, 1));
        let stored = Some(email_change(1, 1));
        same(&write(store, |tx| email_changes::find_by_confirm_link(tx, id(1))), &stored);
        same(&write(store, |tx| email_changes::find_by_undo_link(tx, id(2))), &stored);
        same(&write(store, |tx| email_changes::find_waiting(tx, id(1))), &stored);
        // Neither link is worth anything as the other.
        assert!(write(store, |tx| email_changes::find_by_confirm_link(tx, id(2))).is_none());
        assert!(write(store, |tx| email_changes::find_by_undo_link(tx, id(1))).is_none());
        assert!(write(store, |tx| email_changes::find_waiting(tx, id(2))).is_none());
        let twin = EmailChange { id: id(9), undo_link: id(8), ..email_change(1, 1) };
        let refused = refusal(store, move |tx| email_changes::add(tx, &twin));
        assert_eq!(refused, constraint("email_changes_confirm_link"));
    }

    fn a_change_is_confirmed_once_and_only_while_it_waits(store) {
        people(store);
        add(store, email_change(1, 1));
        assert!(write(store, |tx| email_changes::confirm(tx, id(1), at(200))));
        assert!(!write(store, |tx| email_changes::confirm(tx, id(1), at(300))));
        let found = write(store, |tx| email_changes::find_by_undo_link(tx, id(2))).unwrap();
        assert_eq!((found.state, found.undo_until), (EmailChangeState::Confirmed, at(200)));
        add(store, email_change(3, 1));
        assert_eq!(write(store, |tx| email_changes::cancel_waiting(tx, id(1))), 1);
        assert!(!write(store, |tx| email_changes::confirm(tx, id(3), at(300))));
        // What is confirmed is not taken back by the way.
        assert_eq!(state(store, 1), EmailChangeState::Confirmed);
        assert_eq!(state(store, 3), EmailChangeState::Cancelled);
    }

    fn what_one_session_asked_for_is_taken_back_alone(store) {
        people(store);
        add(store, email_change(1, 1));
        add(store, EmailChange { session_id: id(7), ..email_change(3, 1) });
        add(store, email_change(5, 2));
        let cancel = |user, session| {
            write(store, move |tx| {
                email_changes::cancel_waiting_of_session(tx, id(user), id(session))
            })
        };
        assert_eq!((cancel(1, 4), cancel(1, 4)), (1, 0));
        assert_eq!(state(store, 1), EmailChangeState::Cancelled);
        assert_eq!(state(store, 3), EmailChangeState::Waiting);
        assert_eq!(state(store, 5), EmailChangeState::Waiting, "somebody else's");
    }

    fn what_was_asked_later_is_voided_and_nothing_of_others(store) {
        people(store);
        add(store, email_change(1, 1));
        add(store, email_change(3, 1));
        add(store, email_change(5, 2));
        write(store, |tx| email_changes::void_since(tx, id(1), at(3)));
        assert_eq!(state(store, 1), EmailChangeState::Waiting);
        assert_eq!(state(store, 3), EmailChangeState::Void);
        assert_eq!(state(store, 5), EmailChangeState::Waiting);
        assert_eq!(write(store, |tx| email_changes::count_since(tx, id(1), at(0))), 2);
        assert_eq!(write(store, |tx| email_changes::count_since(tx, id(1), at(1))), 1);
    }

    fn an_address_is_held_while_it_can_be_given_back(store) {
        people(store);
        add(store, email_change(1, 1));
        assert!(!is_held(store, "ada@example.test", None, 50), "nothing has changed yet");
        write(store, |tx| email_changes::confirm(tx, id(1), at(100)));
        assert!(is_held(store, "ADA@example.test", None, 99));
        assert!(is_held(store, "ada@example.test", Some(2), 99));
        assert!(!is_held(store, "ada@example.test", Some(1), 99), "not from its owner");
        assert!(!is_held(store, "ada@example.test", None, 100));
        assert!(!is_held(store, "ada@elsewhere.test", None, 50));
        write(store, |tx| email_changes::void_since(tx, id(1), at(0)));
        assert!(!is_held(store, "ada@example.test", None, 50));
    }

    fn changes_go_when_they_are_old_and_with_their_account(store) {
        people(store);
        add(store, email_change(1, 1));
        add(store, EmailChange { undo_until: at(200), ..email_change(3, 1) });
        add(store, EmailChange { undo_until: at(200), ..email_change(5, 2) });
        assert_eq!(write(store, |tx| email_changes::prune(tx, at(101), 10)), 1);
        write(store, |tx| users::erase(tx, id(1)));
        let left = write(store, |tx| {
            let found = [1, 3, 5].map(|link| email_changes::find_by_confirm_link(tx, id(link)));
            found.into_iter().collect::<Result<Vec<_>, _>>()
        });
        assert_eq!(numbers(left.into_iter().flatten().map(|change| change.id)), [5]);
    }

    fn an_account_gets_another_address_and_no_taken_one(store) {
        people(store);
        let new = EmailAddress::parse("New@Example.test").unwrap();
        write(store, {
            let new = new.clone();
            move |tx| users::set_email(tx, id(1), &new, Some(at(78)), at(79))
        });
        assert_eq!(write(store, |tx| users::get(tx, id(1))).email, new);
        let vouched = |number| write(store, move |tx| users::vouched(tx, id(number)));
        let known = Vouched { email_verified_at: Some(at(78)), updated_at: at(79) };
        assert_eq!(vouched(1), known);
        let never = Vouched { email_verified_at: None, updated_at: user(2, 1).created_at };
        assert_eq!(vouched(2), never);
        write(store, |tx| users::set_email_verified(tx, id(2), at(80)));
        assert_eq!(vouched(2), Vouched { email_verified_at: Some(at(80)), ..never });
        let key = new.key();
        let found = write(store, move |tx| users::find_by_email(tx, &key));
        assert_eq!(found.unwrap().id, id(1));
        let old = user(1, 1).email.key();
        assert!(write(store, move |tx| users::find_by_email(tx, &old)).is_none());
        let taken = user(2, 1).email;
        let refused = refusal(store, move |tx| users::set_email(tx, id(1), &taken, None, at(79)));
        assert_eq!(refused, constraint("users_email_key"));
        let nobody = refusal(store, move |tx| users::set_email(tx, id(9), &new, None, at(79)));
        assert!(is_wrong_row_count(&nobody));
    }

    fn a_link_can_be_made_to_work_for_longer(store) {
        people(store);
        write(store, |tx| mail_links::add(tx, &mail_link(1, 1)));
        write(store, |tx| mail_links::set_expiry(tx, id(1), at(500)));
        assert_eq!(write(store, |tx| mail_links::find(tx, id(1))).unwrap().expires_at, at(500));
        let missing = refusal(store, |tx| mail_links::set_expiry(tx, id(9), at(1)));
        assert!(is_wrong_row_count(&missing));
    }
}
