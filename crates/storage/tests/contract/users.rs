//! Accounts, passwords and pictures.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::UserId;
use nightlatch_domain::user::{Appearance, EmailAddress, EmailKey, Role, User, UserStatus};
use nightlatch_storage::users::{self, Picture};
use nightlatch_storage::{Store, browsers, on_both_databases};

use super::rows::{
    ODD_TEXT, add_browser, at, constraint, id, is_wrong_row_count, longest_name, people, refusal,
    same, user, write,
};

fn add(store: &Store, added: User) {
    write(store, move |tx| users::add(tx, &added));
}

fn with_address(number: u8, address: &str) -> User {
    User {
        email: EmailAddress::parse(address).unwrap(),
        ..user(number, 1)
    }
}

fn get(store: &Store, number: u8) -> User {
    write(store, move |tx| users::get(tx, id(number)))
}

fn password(store: &Store, number: u8) -> Option<(String, Timestamp)> {
    write(store, move |tx| {
        let hash = users::find_password(tx, id(number))?;
        Ok(hash.zip(users::find_password_set_at(tx, id(number))?))
    })
}

fn set_password(store: &Store, number: u8, hash: &'static str, set_at: i64) {
    write(store, move |tx| {
        users::set_password(tx, id(number), hash, at(set_at))
    });
}

fn picture(media_type: &str, content: Vec<u8>) -> Picture {
    Picture {
        media_type: media_type.to_owned(),
        content,
    }
}

fn set_picture(store: &Store, number: u8, picture: Option<Picture>) {
    write(store, move |tx| {
        users::set_picture(tx, id(number), picture.as_ref())
    });
}

fn find_picture(store: &Store, number: u8) -> Option<Picture> {
    write(store, move |tx| users::find_picture(tx, id(number)))
}

on_both_databases! {
    fn a_user_comes_back_as_they_were_stored(store) {
        people(store);
        let everything = User {
            id: id(0),
            organization_id: id(2),
            email: EmailAddress::parse("Žofie.👩‍🚀+tag@BÜCHER.example").unwrap(),
            name: ODD_TEXT.to_owned(),
            role: Role::Administrator,
            status: UserStatus::Disabled,
            appearance: Appearance::Dark,
            picture_version: Some(i64::MAX),
            created_at: at(-1),
        };
        let long = User { name: longest_name(), appearance: Appearance::Light, ..user(9, 1) };
        let nameless = User { name: String::new(), ..user(10, 1) };
        for stored in [everything, long, nameless] {
            add(store, stored.clone());
            let (id, key) = (stored.id, stored.email.key());
            let (got, found) =
                write(store, move |tx| Ok((users::get(tx, id)?, users::find_by_email(tx, &key)?)));
            same(&got, &stored);
            same(&found, &Some(stored));
        }
    }

    fn an_address_is_found_in_any_letter_case_and_only_whole(store) {
        people(store);
        let finds = |typed: &str| -> Option<UserId> {
            let key = EmailKey::of_typed(typed);
            write(store, move |tx| users::find_by_email(tx, &key)).map(|found| found.id)
        };
        assert_eq!(finds("  PERSON1@example.COM "), Some(id(1)));
        assert_eq!(finds("person1@example.co"), None);
        assert_eq!(finds("person_@example.com"), None);
        assert_eq!(finds(""), None);
    }

    fn a_taken_address_is_refused_by_its_constraint(store) {
        people(store);
        assert_eq!(
            refusal(store, |tx| users::add(tx, &with_address(9, "pErSoN1@eXample.com"))),
            constraint("users_email_key")
        );
        assert_eq!(
            refusal(store, |tx| users::add(tx, &with_address(1, "new@example.com"))),
            constraint("users_pkey")
        );
        assert_eq!(refusal(store, |tx| users::add(tx, &user(9, 99))), constraint("foreign_key"));
    }

    fn changes_to_nobody_are_errors(store) {
        people(store);
        let refusals = [
            refusal(store, |tx| users::get(tx, id(9))),
            refusal(store, |tx| users::update_profile(tx, &user(9, 1), at(77))),
            refusal(store, |tx| users::set_status(tx, id(9), UserStatus::Disabled)),
            refusal(store, |tx| users::erase(tx, id(9))),
        ];
        assert!(refusals.iter().all(is_wrong_row_count), "{refusals:?}");
        assert_eq!(
            refusal(store, |tx| users::set_password(tx, id(9), "hash", at(1))),
            constraint("foreign_key")
        );
    }

    fn pages_by_address_leave_nobody_out_and_no_deleted_account_in(store) {
        people(store);
        for (number, address) in (10..).zip(["Ä@example.com", "b@example.com", "A@example.com", "🦊@example.com"]) {
            add(store, with_address(number, address));
        }
        write(store, |tx| users::set_status(tx, id(2), UserStatus::Deleted));
        write(store, |tx| users::set_status(tx, id(3), UserStatus::Disabled));
        let mut addresses = Vec::new();
        let mut after = EmailKey::of_typed("");
        loop {
            let from = after.clone();
            let page = write(store, move |tx| users::list_after(tx, &from, 2));
            let Some(last) = page.last() else { break };
            assert!(page.len() <= 2);
            after = last.email.key();
            addresses.extend(page.iter().map(|listed| listed.email.to_string()));
        }
        assert_eq!(addresses, [
            "A@example.com", "b@example.com", "Person1@Example.com", "Person3@Example.com",
            "Ä@example.com", "🦊@example.com",
        ]);
    }

    fn somebody_exists_until_all_are_deleted(store) {
        assert!(!write(store, users::any_exists));
        people(store);
        write(store, |tx| {
            users::set_status(tx, id(1), UserStatus::Deleted)?;
            users::set_status(tx, id(2), UserStatus::Deleted)?;
            users::set_status(tx, id(3), UserStatus::Disabled)
        });
        assert!(write(store, users::any_exists), "a disabled account counts");
        write(store, |tx| users::set_status(tx, id(3), UserStatus::Deleted));
        assert!(!write(store, users::any_exists));
    }

    fn a_profile_changes_name_appearance_and_picture_and_nothing_else(store) {
        people(store);
        let changed = User {
            name: ODD_TEXT.to_owned(),
            appearance: Appearance::Light,
            picture_version: Some(3),
            ..user(1, 1)
        };
        // What people may not change about themselves is not stored even if it is handed in.
        let update = User {
            organization_id: id(2),
            email: EmailAddress::parse("other@example.com").unwrap(),
            role: Role::Administrator,
            status: UserStatus::Disabled,
            created_at: at(999),
            ..changed.clone()
        };
        write(store, move |tx| users::update_profile(tx, &update, at(77)));
        same(&get(store, 1), &changed);
        same(&get(store, 2), &user(2, 1));
        write(store, |tx| users::update_profile(tx, &user(1, 1), at(77)));
        same(&get(store, 1), &user(1, 1));
    }

    fn a_status_changes_nothing_but_the_status(store) {
        people(store);
        for status in [UserStatus::Disabled, UserStatus::Deleted, UserStatus::Active] {
            write(store, move |tx| users::set_status(tx, id(1), status));
            same(&get(store, 1), &User { status, ..user(1, 1) });
        }
        same(&get(store, 2), &user(2, 1));
    }

    fn erasing_frees_the_address_and_empties_what_names_the_person(store) {
        people(store);
        add_browser(store, 1, false, 1);
        for number in [1, 2] {
            set_password(store, number, "hash", 1);
            set_picture(store, number, Some(picture("image/png", vec![1])));
            write(store, move |tx| browsers::remember_use(tx, id(number), id(1), at(1)));
        }
        write(store, |tx| users::update_profile(tx, &User { picture_version: Some(4), ..user(1, 1) }, at(77)));
        write(store, |tx| users::erase(tx, id(1)));
        let erased = get(store, 1);
        let shown = format!("{erased:?}").to_lowercase();
        assert!(!shown.contains("person") && !shown.contains("example.com"), "{shown}");
        assert_eq!((erased.status, erased.picture_version), (UserStatus::Deleted, None));
        assert_eq!(password(store, 1), None);
        assert!(find_picture(store, 1).is_none());
        assert!(!write(store, |tx| browsers::is_known(tx, id(1), id(1))));
        let key = user(1, 1).email.key();
        assert!(write(store, move |tx| users::find_by_email(tx, &key)).is_none());

        assert!(password(store, 2).is_some(), "nobody else loses anything");
        assert!(find_picture(store, 2).is_some());
        assert!(write(store, |tx| browsers::is_known(tx, id(2), id(1))));
        same(&get(store, 2), &user(2, 1));

        add(store, with_address(9, "person1@example.com"));
        write(store, |tx| users::erase(tx, id(1)));
        write(store, |tx| users::erase(tx, id(9)));
        same(&get(store, 1), &erased);
    }

    fn a_password_is_set_anew_and_not_added(store) {
        people(store);
        assert_eq!(password(store, 1), None);
        set_password(store, 1, "$argon2id$first", 10);
        set_password(store, 2, "$argon2id$other", 11);
        set_password(store, 1, "$argon2id$second", 5);
        assert_eq!(password(store, 1), Some(("$argon2id$second".to_owned(), at(5))));
        assert_eq!(password(store, 2), Some(("$argon2id$other".to_owned(), at(11))));
    }

    fn a_rehash_counts_only_while_the_password_is_the_same(store) {
        people(store);
        set_password(store, 1, "old", 10);
        set_password(store, 2, "old", 10);
        let rehash = |old: &'static str| write(store, move |tx| users::rehash_password(tx, id(1), old, "new"));
        assert!(!rehash("older"));
        assert!(!rehash("OLD"));
        assert_eq!(password(store, 1), Some(("old".to_owned(), at(10))));
        assert!(rehash("old"));
        assert!(!rehash("old"));
        assert_eq!(password(store, 1), Some(("new".to_owned(), at(10))), "it is the same password, set when it was");
        assert_eq!(password(store, 2), Some(("old".to_owned(), at(10))));
        assert!(!write(store, |tx| users::rehash_password(tx, id(3), "old", "new")));
    }

    fn a_picture_is_stored_replaced_and_removed(store) {
        people(store);
        let every_byte: Vec<u8> = (0..=255).cycle().take(300_000).collect();
        for stored in [picture("image/png", every_byte), picture("image/webp", Vec::new())] {
            set_picture(store, 1, Some(stored.clone()));
            same(&find_picture(store, 1), &Some(stored));
        }
        set_picture(store, 2, Some(picture("image/jpeg", vec![0, 255])));
        set_picture(store, 1, None);
        set_picture(store, 1, None);
        assert!(find_picture(store, 1).is_none());
        assert!(find_picture(store, 2).is_some());
    }
}
