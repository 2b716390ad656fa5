//! Organizations: every column, names in any letter case, order.

use nightlatch_domain::organization::{AccentColor, AfterLogOut, Organization, Settings};
use nightlatch_domain::policy::{AtSessionLimit, Policy, RememberRule};
use nightlatch_storage::{Store, on_both_databases, organizations};

use super::rows::{
    ODD_TEXT, at, constraint, id, is_wrong_row_count, longest_name, organization, refusal, same,
    write,
};

fn add(store: &Store, added: Organization) {
    write(store, move |tx| organizations::add(tx, &added));
}

fn named(number: u8, name: &str) -> Organization {
    Organization {
        name: name.to_owned(),
        ..organization(number)
    }
}

fn unusual_settings() -> Settings {
    Settings {
        policy: Policy {
            remember: RememberRule::Never,
            session_limit: u32::MAX,
            at_session_limit: AtSessionLimit::Refuse,
            shared_networks: vec![
                "10.0.0.0/8".parse().unwrap(),
                "2001:db8::/32".parse().unwrap(),
            ],
            ..Policy::default()
        },
        after_log_out: AfterLogOut::LoginPage,
        contact: Some(ODD_TEXT.to_owned()),
        accent: Some(AccentColor::try_from("#0b5fff".to_owned()).unwrap()),
        review_days: 31,
    }
}

on_both_databases! {
    fn an_organization_comes_back_as_it_was_stored(store) {
        let unusual = Organization {
            id: id(255),
            name: ODD_TEXT.to_owned(),
            settings: unusual_settings(),
            created_at: at(i64::MIN),
        };
        let long = Organization { created_at: at(i64::MAX), ..named(2, &longest_name()) };
        for stored in [organization(1), unusual, long] {
            add(store, stored.clone());
            let (id, name) = (stored.id, stored.name.clone());
            let (got, found) = write(store, move |tx| {
                Ok((organizations::get(tx, id)?, organizations::find_by_name(tx, &name)?))
            });
            same(&got, &stored);
            same(&found, &Some(stored));
        }
    }

    fn what_is_not_there_is_an_error_to_get_and_nothing_to_find(store) {
        assert!(is_wrong_row_count(&refusal(store, |tx| organizations::get(tx, id(1)))));
        assert!(is_wrong_row_count(&refusal(store, |tx| organizations::update(tx, &organization(1)))));
        assert!(write(store, |tx| organizations::find_by_name(tx, "Company 1")).is_none());
    }

    fn names_are_found_in_any_letter_case(store) {
        add(store, named(1, "ÄRZTE Ωmega"));
        for name in ["ärzte ωmega", "ÄRZTE ΩMEGA", "Ärzte ωMega"] {
            let found = write(store, move |tx| organizations::find_by_name(tx, name));
            assert_eq!(found.map(|found| found.name).as_deref(), Some("ÄRZTE Ωmega"), "{name}");
        }
        assert!(write(store, |tx| organizations::find_by_name(tx, "%")).is_none());
    }

    fn a_taken_name_is_refused_by_its_constraint(store) {
        add(store, named(1, "Ärzte"));
        add(store, named(2, "Other"));
        let taken = constraint("organizations_name_key");
        assert_eq!(refusal(store, |tx| organizations::add(tx, &named(3, "äRZTE"))), taken);
        assert_eq!(refusal(store, |tx| organizations::update(tx, &named(2, "ÄRZTE"))), taken);
        assert_eq!(
            refusal(store, |tx| organizations::add(tx, &named(1, "Third"))),
            constraint("organizations_pkey")
        );
    }

    fn the_list_is_ordered_by_folded_name_and_limited(store) {
        for (number, name) in (1..).zip(["b", "🏢", "A", "ä", "Z", "_"]) {
            add(store, named(number, name));
        }
        let names = |limit| -> Vec<String> {
            let listed = write(store, move |tx| organizations::list(tx, limit));
            listed.into_iter().map(|listed| listed.name).collect()
        };
        assert_eq!(names(100), ["_", "A", "b", "Z", "ä", "🏢"]);
        assert_eq!(names(2), ["_", "A"]);
        assert!(names(0).is_empty());
    }

    fn an_update_changes_name_and_settings_of_one_and_nothing_else(store) {
        add(store, organization(1));
        add(store, organization(2));
        let changed = Organization {
            name: "Renamed".to_owned(),
            settings: unusual_settings(),
            created_at: at(77),
            ..organization(1)
        };
        let update = changed.clone();
        write(store, move |tx| organizations::update(tx, &update));
        let (first, second, old_name) = write(store, |tx| {
            Ok((
                organizations::find_by_name(tx, "RENAMED")?,
                organizations::get(tx, id(2))?,
                organizations::find_by_name(tx, "Company 1")?,
            ))
        });
        same(&first, &Some(Organization { created_at: at(1), ..changed }));
        same(&second, &organization(2));
        assert!(old_name.is_none(), "the old name is free");
    }
}
