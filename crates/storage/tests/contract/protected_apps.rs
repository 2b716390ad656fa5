//! Apps behind a proxy: their hosts, the cookies on them, and groups of people.

use std::time::Duration;

use nightlatch_domain::ending::Cause;
use nightlatch_domain::relying_party::protection::{ProtectedHost, Protection};
use nightlatch_domain::relying_party::{Registration, RelyingParty, RelyingPartyStatus};
use nightlatch_storage::groups::{self, Group};
use nightlatch_storage::host_sessions::{self, HostSession};
use nightlatch_storage::{
    StorageError, Store, Tx, on_both_databases, relying_parties, sessions, users,
};

use super::authorization::app;
use super::rows::{
    add_sessions, at, constraint, digest, ended, id, people, refusal, session, write,
};

pub(super) fn host(name: &str) -> ProtectedHost {
    ProtectedHost::parse(&format!("https://{name}")).unwrap()
}

/// An app with a host of its own.
pub(super) fn protected(number: u8) -> RelyingParty {
    let names = ["wiki.example", "files.example:8443"];
    let rule = Protection {
        hosts: vec![host(names[usize::from(number) - 1])],
        ..Protection::default()
    };
    RelyingParty {
        registration: Registration {
            protection: Some(rule),
            ..Registration::default()
        },
        ..app(number)
    }
}

/// A cookie for the first app in the session that has its number.
pub(super) fn host_session(number: u8) -> HostSession {
    HostSession {
        session_id: id(number),
        client_id: id(1),
        host: host("wiki.example"),
        client_epoch: 3,
        created_at: at(5),
        keep_until: at(50),
    }
}

/// A group of the first organization.
pub(super) fn group(number: u8) -> Group {
    Group {
        id: id(number),
        organization_id: id(1),
        name: format!("Group {number}"),
        created_at: at(1),
    }
}

/// Every statement about these apps, for `plans`; it leaves the first app.
pub(super) fn run_protected_apps(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    relying_parties::add(tx, &protected(1))?;
    relying_parties::find(tx, id(1))?;
    relying_parties::find_by_host(tx, "wiki.example")?;
    relying_parties::find_by_name(tx, id(1), "App 1")?;
    relying_parties::list_of_organization(tx, id(1), None, 1)?;
    relying_parties::update(tx, &protected(1))?;
    relying_parties::set_secret(tx, id(1), None)?;
    relying_parties::set_status(tx, id(1), RelyingPartyStatus::Active)?;
    relying_parties::raise_epoch(tx, id(1))?;
    host_sessions::add(tx, &host_session(1), digest(1))?;
    host_sessions::find(tx, digest(1))?;
    host_sessions::delete(tx, digest(1))?;
    host_sessions::delete_of_entry(tx, id(1), id(1))?;
    host_sessions::prune(tx, at(1), Duration::ZERO, 1)?;
    groups::add(tx, &group(1))?;
    groups::find(tx, id(1))?;
    groups::find_by_name(tx, id(1), "Group 1")?;
    groups::list_of_organization(tx, id(1), None, 1)?;
    groups::add_member(tx, id(1), id(1))?;
    groups::list_of_user(tx, id(1), 1)?;
    groups::list_members(tx, id(1), None, 1)?;
    groups::remove_member(tx, id(1), id(1))?;
    groups::delete(tx, &group(1))?;
    Ok(())
}

fn owner(store: &Store, host: &'static str) -> Option<String> {
    write(store, move |tx| relying_parties::find_by_host(tx, host)).map(|app| app.name)
}

on_both_databases! {
    fn a_host_belongs_to_one_app_and_follows_its_registration(store) {
        people(store);
        write(store, |tx| {
            relying_parties::add(tx, &protected(1))?;
            relying_parties::add(tx, &protected(2))
        });
        assert_eq!(owner(store, "wiki.example").as_deref(), Some("App 1"));
        assert_eq!(owner(store, "files.example:8443").as_deref(), Some("App 2"));
        assert_eq!(owner(store, "files.example"), None);
        let mut second = protected(2);
        second.registration.protection = protected(1).registration.protection;
        let taken = second.clone();
        let error = refusal(store, move |tx| relying_parties::update(tx, &taken));
        assert_eq!(error, constraint("protected_hosts_pkey"));
        assert_eq!(owner(store, "files.example:8443").as_deref(), Some("App 2"));
        write(store, |tx| {
            let mut first = protected(1);
            first.registration.protection = None;
            relying_parties::update(tx, &first)
        });
        assert_eq!(owner(store, "wiki.example"), None);
        write(store, move |tx| relying_parties::update(tx, &second));
        assert_eq!(owner(store, "wiki.example").as_deref(), Some("App 2"));
    }

    fn a_cookie_is_found_by_its_digest_until_it_goes(store) {
        people(store);
        write(store, |tx| {
            relying_parties::add(tx, &protected(1))?;
            for number in 1..=3 {
                host_sessions::add(tx, &host_session(number), digest(number))?;
            }
            Ok(())
        });
        let find = |number| write(store, move |tx| host_sessions::find(tx, digest(number)));
        assert_eq!(find(2), Some(host_session(2)));
        write(store, |tx| host_sessions::delete(tx, digest(1)));
        assert_eq!(write(store, |tx| host_sessions::delete_of_entry(tx, id(2), id(2))), 0);
        assert_eq!(write(store, |tx| host_sessions::delete_of_entry(tx, id(2), id(1))), 1);
        assert_eq!((find(1), find(2)), (None, None));
        assert_eq!(write(store, |tx| host_sessions::prune(tx, at(49), Duration::ZERO, 9)), 0);
        assert_eq!(write(store, |tx| host_sessions::prune(tx, at(50), Duration::ZERO, 9)), 1);
        assert_eq!(find(3), None);
    }

    // D7, SES-10: a proof given anew makes a session last longer, and its cookies with it.
    fn a_cookie_is_kept_as_long_as_its_session_may_live(store) {
        people(store);
        write(store, |tx| relying_parties::add(tx, &protected(1)));
        let mut longer = session(1, 1);
        longer.life.deadlines.overall = at(5_000);
        let mut over = session(2, 1);
        over.life.deadlines.overall = at(5_000);
        add_sessions(store, vec![longer, over]);
        write(store, |tx| {
            sessions::close(tx, id(2), &ended(40, Cause::LoggedOut, 1))?;
            for number in 1..=2 {
                let cookie = HostSession { client_id: id(1), ..host_session(number) };
                host_sessions::add(tx, &cookie, digest(number))?;
            }
            Ok(())
        });
        let prune = |now, limit| {
            write(store, move |tx| host_sessions::prune(tx, at(now), Duration::from_millis(7), limit))
        };
        let kept = |number| write(store, move |tx| host_sessions::find(tx, digest(number)));
        assert_eq!(prune(50, 9), 1);
        assert_eq!((kept(1).map(|cookie| cookie.keep_until), kept(2)), (Some(at(5_007)), None));
        assert_eq!(prune(5_006, 9), 0);
        assert_eq!(prune(5_007, 9), 1);
    }

    fn whoever_is_deleted_is_in_no_group_any_more(store) {
        people(store);
        write(store, |tx| {
            groups::add(tx, &group(1))?;
            groups::add_member(tx, id(1), id(1))?;
            groups::add_member(tx, id(1), id(2))?;
            users::erase(tx, id(1))
        });
        let members = write(store, |tx| groups::list_members(tx, id(1), None, 9));
        assert_eq!(members.iter().map(|user| user.id).collect::<Vec<_>>(), [id(2)]);
    }

    fn people_are_in_groups_once_and_leave_them_with_the_group(store) {
        people(store);
        write(store, |tx| {
            groups::add(tx, &group(1))?;
            groups::add(tx, &group(2))
        });
        let same = |tx: &mut Tx<'_>| {
            groups::add(tx, &Group { name: "GROUP 1".to_owned(), ..group(3) })
        };
        assert_eq!(refusal(store, same), constraint("user_groups_name_key"));
        assert!(write(store, |tx| groups::add_member(tx, id(1), id(1))));
        assert!(!write(store, |tx| groups::add_member(tx, id(1), id(1))));
        assert!(write(store, |tx| groups::add_member(tx, id(2), id(1))));
        let names = |groups: Vec<Group>| groups.into_iter().map(|group| group.name).collect::<Vec<_>>();
        let of_user = || names(write(store, |tx| groups::list_of_user(tx, id(1), 9)));
        assert_eq!(of_user(), ["Group 1", "Group 2"]);
        let members = write(store, |tx| groups::list_members(tx, id(1), None, 9));
        assert_eq!(members.iter().map(|user| user.id).collect::<Vec<_>>(), [id(1)]);
        assert!(write(store, |tx| groups::list_members(tx, id(1), Some(id(1)), 9)).is_empty());
        let behind = |name: &'static str| {
            names(write(store, move |tx| groups::list_of_organization(tx, id(1), Some(name), 9)))
        };
        assert_eq!(behind("GROUP 1"), ["Group 2"]);
        assert_eq!(behind("group 2"), Vec::<String>::new());
        let found = write(store, |tx| groups::find_by_name(tx, id(1), "group 2"));
        assert_eq!(found, Some(group(2)));
        assert!(write(store, |tx| groups::remove_member(tx, id(2), id(1))));
        assert!(!write(store, |tx| groups::remove_member(tx, id(2), id(1))));
        write(store, |tx| groups::delete(tx, &group(1)));
        assert_eq!(of_user(), Vec::<String>::new());
        assert_eq!(names(write(store, |tx| groups::list_of_organization(tx, id(1), None, 9))), ["Group 2"]);
        assert_eq!(write(store, |tx| groups::find(tx, id(1))), None);
    }
}
