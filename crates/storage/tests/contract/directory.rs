//! Looking people up.

use nightlatch_domain::user::{EmailAddress, Role, User, UserStatus};
use nightlatch_storage::directory::{self, Position, Wanted};
use nightlatch_storage::{Store, on_both_databases, users};

use super::rows::{at, id, people, user, write};

fn add(store: &Store, number: u8, name: &str, email: &str, role: Role) {
    let added = User {
        name: name.to_owned(),
        email: EmailAddress::parse(email).unwrap(),
        role,
        ..user(number, 1)
    };
    write(store, move |tx| users::add(tx, &added));
}

/// Names, in the order of pages of two.
fn pages(store: &Store, wanted: &Wanted) -> Vec<String> {
    let (mut names, mut after): (Vec<String>, Option<Position>) = (Vec::new(), None);
    loop {
        let wanted = wanted.clone();
        let page = write(store, move |tx| {
            directory::list(tx, id(1), &wanted, after, 2)
        });
        assert!(page.len() <= 2);
        let Some((last, _)) = page.last() else {
            return names;
        };
        after = Some(*last);
        names.extend(page.iter().map(|(_, user)| user.name.clone()));
    }
}

fn beginning(text: &str) -> Wanted {
    Wanted {
        beginning: text.to_owned(),
        ..Wanted::default()
    }
}

on_both_databases! {
    fn people_are_found_once_by_name_family_name_and_address_in_pages(store) {
        people(store);
        add(store, 11, "Ada Lovelace", "countess@x.example", Role::Owner);
        add(store, 12, "Lova Berg", "lova@x.example", Role::Member);
        add(store, 13, "Zo\u{eb} Adams", "ada@x.example", Role::Auditor);
        add(store, 14, "Grace Hopper", "adaptive@x.example", Role::Member);
        add(store, 15, "Ada Lovelace", "other@x.example", Role::Member);
        assert_eq!(
            pages(store, &beginning(" ADA")),
            ["Ada Lovelace", "Ada Lovelace", "Zo\u{eb} Adams", "Grace Hopper"]
        );
        assert_eq!(
            pages(store, &beginning("lov")),
            ["Lova Berg", "Ada Lovelace", "Ada Lovelace"]
        );
        assert_eq!(pages(store, &beginning("ZO\u{cb}")), ["Zo\u{eb} Adams"]);
        assert!(pages(store, &beginning("%")).is_empty());
        assert_eq!(
            pages(store, &Wanted { role: Some(Role::Member), ..beginning("ada") }),
            ["Ada Lovelace", "Grace Hopper"]
        );
    }

    fn lists_hold_neither_deleted_people_nor_those_of_others(store) {
        people(store);
        add(store, 12, "Grace", "grace@x.example", Role::Auditor);
        add(store, 13, "Gone", "gone@x.example", Role::Member);
        write(store, |tx| {
            users::set_status(tx, id(12), UserStatus::Disabled)?;
            users::erase(tx, id(13))
        });
        let all = pages(store, &Wanted::default());
        assert!(all.contains(&"Grace".to_owned()));
        assert!(!all.iter().any(|name| name == "Gone" || name == "Deleted user"));
        let only = |role, status| pages(store, &Wanted { role, status, ..Wanted::default() });
        assert_eq!(only(Some(Role::Auditor), None), ["Grace"]);
        assert_eq!(only(None, Some(UserStatus::Disabled)), ["Grace"]);
        assert!(only(Some(Role::Auditor), Some(UserStatus::Active)).is_empty());
        let theirs = write(store, |tx| directory::list(tx, id(2), &Wanted::default(), None, 9));
        assert_eq!(theirs.len(), 1);
        // A position of another organization is none.
        let position = theirs.first().map(|(position, _)| *position);
        let from_there = write(store, move |tx| {
            directory::list(tx, id(1), &Wanted::default(), position, 1)
        });
        assert_eq!(from_there.len(), 1);
    }

    fn a_role_and_the_other_owner(store) {
        people(store);
        add(store, 12, "Grace", "grace@x.example", Role::Owner);
        let other = |but: u8| write(store, move |tx| directory::has_other_owner(tx, id(1), id(but)));
        assert!(!other(12));
        add(store, 13, "Ada", "ada@x.example", Role::Member);
        write(store, |tx| users::set_role(tx, id(13), Role::Owner));
        assert!(other(12));
        write(store, |tx| users::set_status(tx, id(13), UserStatus::Disabled));
        assert!(!other(12));
        write(store, |tx| users::set_password(tx, id(12), "x", at(1)));
        assert!(write(store, |tx| users::delete_password(tx, id(12))));
        assert!(!write(store, |tx| users::delete_password(tx, id(12))));
    }
}
