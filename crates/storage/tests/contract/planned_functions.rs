//! That `plans` runs every function which holds a statement: what is not run there has
//! no plan that anybody looked at.

/// Where they are run.
const RUNS: [&str; 5] = [
    include_str!("plans.rs"),
    include_str!("audit.rs"),
    include_str!("authorization.rs"),
    include_str!("email_changes.rs"),
    include_str!("protected_apps.rs"),
];

/// The sources whose statements are to be found in one of [`RUNS`].
const SOURCES: [(&str, &str); 33] = [
    ("app_health", include_str!("../../src/app_health.rs")),
    ("audit", include_str!("../../src/audit.rs")),
    (
        "authenticator_apps",
        include_str!("../../src/authenticator_apps.rs"),
    ),
    (
        "authorization_codes",
        include_str!("../../src/authorization_codes.rs"),
    ),
    (
        "authorization_requests",
        include_str!("../../src/authorization_requests.rs"),
    ),
    ("browsers", include_str!("../../src/browsers.rs")),
    ("consents", include_str!("../../src/consents.rs")),
    ("email_changes", include_str!("../../src/email_changes.rs")),
    ("endings", include_str!("../../src/endings.rs")),
    ("entries", include_str!("../../src/entries.rs")),
    ("epochs", include_str!("../../src/epochs.rs")),
    ("events", include_str!("../../src/events.rs")),
    ("grants", include_str!("../../src/grants.rs")),
    ("feed", include_str!("../../src/feed.rs")),
    ("mail_links", include_str!("../../src/mail_links.rs")),
    ("mails", include_str!("../../src/mails.rs")),
    ("notices", include_str!("../../src/notices.rs")),
    ("organizations", include_str!("../../src/organizations.rs")),
    (
        "pending_sign_ins",
        include_str!("../../src/pending_sign_ins.rs"),
    ),
    (
        "remembered_factors",
        include_str!("../../src/remembered_factors.rs"),
    ),
    (
        "recovery_codes",
        include_str!("../../src/recovery_codes.rs"),
    ),
    ("passkeys", include_str!("../../src/passkeys.rs")),
    (
        "phone_sign_ins",
        include_str!("../../src/phone_sign_ins.rs"),
    ),
    ("reviews", include_str!("../../src/reviews.rs")),
    ("sessions", include_str!("../../src/sessions.rs")),
    ("set_up_links", include_str!("../../src/set_up_links.rs")),
    ("signing_keys", include_str!("../../src/signing_keys.rs")),
    ("throttles", include_str!("../../src/throttles.rs")),
    (
        "used_assertions",
        include_str!("../../src/used_assertions.rs"),
    ),
    ("users", include_str!("../../src/users.rs")),
    ("groups", include_str!("../../src/groups.rs")),
    ("host_sessions", include_str!("../../src/host_sessions.rs")),
    (
        "relying_parties",
        include_str!("../../src/relying_parties.rs"),
    ),
];

#[test]
fn every_function_of_the_crate_is_among_them() {
    let runs = RUNS.concat();
    for (module, source) in SOURCES {
        let functions = source
            .lines()
            .filter_map(|line| line.strip_prefix("pub fn "));
        let names: Vec<&str> = functions
            // One that takes nothing holds no statement.
            .filter(|rest| !rest.contains("()"))
            .filter_map(|rest| rest.split('(').next())
            .collect();
        assert!(!names.is_empty());
        for name in names {
            assert!(
                runs.contains(&format!("{module}::{name}(tx")),
                "{module}::{name} is not run here"
            );
        }
    }
}
