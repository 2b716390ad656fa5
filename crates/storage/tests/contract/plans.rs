//! Every statement of the crate, asked for its plan: nothing that runs often reads a whole table.
//!
//! Longer than 400 lines, since it is one list of all statements.

use nightlatch_domain::ending::{Cause, ScopeKind};
use nightlatch_domain::event::EventKind;
use nightlatch_domain::grant::RevokedCause;
use nightlatch_domain::mail::Message;
use nightlatch_domain::notice::{Channel, Health, Lane, NoticeState};
use nightlatch_domain::passkey::{CeremonyKind, UserHandle};
use nightlatch_domain::session::Epochs;
use nightlatch_domain::user::{EmailKey, Role, UserStatus};
use nightlatch_storage::browsers::{self, Browser};
use nightlatch_storage::directory::{self, FoundBy, Position, Wanted};
use nightlatch_storage::endings::{self, Receipt};
use nightlatch_storage::events::{self, EventFilter};
use nightlatch_storage::testing::statements;
use nightlatch_storage::users::Picture;
use nightlatch_storage::{
    DatabaseKind, StorageError, Store, Tx, Value, app_health, authenticator_apps,
    authorization_codes, authorization_requests, consents, email_changes, entries, epochs, feed,
    grants, mail_links, mails, notices, on_both_databases, organizations, passkeys,
    pending_sign_ins, phone_sign_ins, recovery_codes, remembered_factors, reviews, sessions,
    set_up_links, signing_keys, throttles, used_assertions, users,
};

use super::authorization::{code, consent, run_voids, waiting};
use super::email_changes::{email_change, run_addresses};
use super::grants::grant;
use super::mails::{mail, mail_link};
use super::notices::{SAID, notice, reader};
use super::passkeys::{ceremony, passkey};
use super::phone_sign_ins::{approval, phone_sign_in};
use super::rows::{
    at, authenticator_app, digest, ended, ending, event, id, organization, recovery_code, session,
    user, write,
};
use super::sign_in_steps::{pending, remembered};
use super::signing_keys::signing_key;

/// What may read a table from end to end, and why.
const MAY_SCAN: [(&str, &str); 9] = [
    // An operator's list, by the index of its order.
    (
        "FROM organizations ORDER BY name_key",
        "organizations_name_key",
    ),
    // The endings that are being worked on are few, and the index holds no others.
    ("FROM endings WHERE NOT expanded", "endings_open"),
    // The first row of the index of what waits.
    ("SELECT next_at FROM mails WHERE finished_at", "mails_due"),
    // An operator's list, and a number that stops counting at a limit: both read what
    // waits and nothing else.
    ("SELECT client_id, COUNT(*) FROM notices", "notices_"),
    ("SELECT COUNT(*) FROM (SELECT id FROM notices", "notices_"),
    // Stops at the first row that is not deleted.
    ("SELECT id FROM users WHERE status", "users"),
    // A few keys a year.
    ("FROM signing_keys ORDER BY id", "signing_keys"),
    ("UPDATE signing_keys SET sealed_private", "signing_keys"),
    // Holds one row.
    ("DELETE FROM set_up_links", "set_up_links"),
];

/// Runs every statement once and says which they were.
fn run_all(tx: &mut Tx<'_>) -> Result<Vec<&'static str>, StorageError> {
    run_accounts(tx)?;
    run_factors(tx)?;
    run_sessions(tx)?;
    run_endings(tx)?;
    run_events(tx)?;
    run_mails(tx)?;
    run_phone_sign_ins(tx)?;
    run_authorization(tx)?;
    run_tokens(tx)?;
    run_notices(tx)?;
    run_email_changes(tx)?;
    reviews::record(tx, id(1), at(1))?;
    reviews::find(tx, id(1))?;
    reviews::delete(tx, id(1))?;
    run_prunes(tx)?;
    let mut found = statements(tx);
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn run_accounts(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    organizations::add(tx, &organization(1))?;
    organizations::get(tx, id(1))?;
    organizations::find_by_name(tx, "x")?;
    organizations::list(tx, 1)?;
    organizations::update(tx, &organization(1))?;
    users::add(tx, &user(1, 1))?;
    users::get(tx, id(1))?;
    users::find(tx, id(1))?;
    users::find_by_email(tx, &user(1, 1).email.key())?;
    users::any_exists(tx)?;
    users::list_administrators(tx, id(1), 1)?;
    run_directory(tx)?;
    users::list_after(tx, &EmailKey::of_typed("a"), 1)?;
    users::update_profile(tx, &user(1, 1), at(77))?;
    run_addresses(tx)?;
    users::set_status(tx, id(1), UserStatus::Active)?;
    users::find_password(tx, id(1))?;
    users::find_password_set_at(tx, id(1))?;
    users::set_password(tx, id(1), "old", at(1))?;
    users::rehash_password(tx, id(1), "old", "new")?;
    users::find_picture(tx, id(1))?;
    let picture = Picture {
        media_type: "image/png".to_owned(),
        content: vec![1],
    };
    users::set_picture(tx, id(1), Some(&picture))?;
    users::set_picture(tx, id(1), None)?;
    let browser = Browser {
        id: id(1),
        always_shared: false,
    };
    browsers::add(tx, &browser, digest(1), at(1))?;
    browsers::find_by_token(tx, digest(1))?;
    browsers::set_always_shared(tx, id(1), false)?;
    browsers::is_known(tx, id(1), id(1))?;
    browsers::remember_use(tx, id(1), id(1), at(1))?;
    browsers::set_name(tx, id(1), id(1), Some("name"))?;
    browsers::list_names(tx, id(1), 1)?;
    browsers::forget(tx, id(1), id(1))?;
    run_sign_in_steps(tx)?;
    run_passkeys(tx)?;
    users::erase(tx, id(1))
}

fn run_directory(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    let wanted = |beginning: &str, role, status| Wanted {
        beginning: beginning.to_owned(),
        role,
        status,
    };
    for wanted in [
        wanted("", None, None),
        wanted("", Some(Role::Auditor), None),
        wanted("", None, Some(UserStatus::Disabled)),
        wanted("a", None, None),
    ] {
        let after = Position {
            found_by: FoundBy::Name,
            user: id(1),
        };
        directory::list(tx, id(1), &wanted, Some(after), 9)?;
    }
    directory::has_other_owner(tx, id(1), id(1))?;
    users::set_role(tx, id(1), Role::Member)?;
    users::delete_password(tx, id(1)).map(|_| ())
}

fn run_sign_in_steps(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    pending_sign_ins::add(tx, &pending(1), digest(1))?;
    pending_sign_ins::find_by_token(tx, digest(1))?;
    pending_sign_ins::count_wrong_code(tx, digest(1))?;
    pending_sign_ins::prune(tx, at(0), 9)?;
    pending_sign_ins::delete(tx, digest(1))?;
    pending_sign_ins::delete_of_user(tx, id(1))?;
    remembered_factors::put(tx, &remembered(1, 1, 1), digest(1))?;
    remembered_factors::find(tx, id(1), id(1), digest(1))?;
    remembered_factors::rotate(tx, id(1), digest(1), digest(2))?;
    remembered_factors::record_use(tx, id(1), at(2))?;
    remembered_factors::list_of_user(tx, id(1), 9)?;
    remembered_factors::prune(tx, at(0), 9)?;
    remembered_factors::delete(tx, id(1), id(1))?;
    remembered_factors::list_browsers_of_users(tx, &[id(1)])?;
    remembered_factors::delete_of_browser(tx, id(1), id(1))?;
    remembered_factors::delete_of_user(tx, id(1))?;
    Ok(())
}

fn run_factors(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    authenticator_apps::add(tx, &authenticator_app(1, 1))?;
    authenticator_apps::find_of_user(tx, id(1), id(1))?;
    authenticator_apps::list_of_user(tx, id(1), 1)?;
    authenticator_apps::confirm(tx, id(1), id(1), 1, at(1))?;
    authenticator_apps::spend_step(tx, id(1), 2, at(1))?;
    authenticator_apps::rename(tx, id(1), id(1), "name")?;
    authenticator_apps::list_after(tx, None, 1)?;
    authenticator_apps::replace_seed(tx, id(1), &[1], &[2])?;
    authenticator_apps::delete(tx, id(1), id(1))?;
    authenticator_apps::delete_unconfirmed(tx, id(1))?;
    authenticator_apps::delete_all_of_user(tx, id(1))?;
    recovery_codes::replace_set(tx, id(1), id(1), &[recovery_code(1, "A")], at(1))?;
    recovery_codes::find_unused(tx, id(1), "A")?;
    recovery_codes::is_unused(tx, id(1), id(1))?;
    recovery_codes::spend(tx, id(1), id(1), at(1))?;
    recovery_codes::count_of_user(tx, id(1))?;
    recovery_codes::delete_of_user(tx, id(1))?;
    authenticator_apps::add(tx, &authenticator_app(1, 1))
}

fn run_passkeys(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    passkeys::add(tx, &passkey(1, 1))?;
    passkeys::find_by_credential_id(tx, &[1])?;
    passkeys::find(tx, id(1), id(1))?;
    passkeys::list_of_user(tx, id(1), 1)?;
    passkeys::update_use(tx, &passkey(1, 1))?;
    passkeys::rename(tx, id(1), id(1), "name")?;
    passkeys::remove(tx, id(1), id(1))?;
    passkeys::remove_all_of_user(tx, id(1))?;
    let handle = UserHandle::from_bytes([1; UserHandle::LENGTH]);
    passkeys::add_handle(tx, id(1), &handle)?;
    passkeys::find_handle(tx, id(1))?;
    passkeys::add_ceremony(tx, digest(1), &ceremony(CeremonyKind::SignIn, 1))?;
    passkeys::take_ceremony(tx, digest(1))?;
    passkeys::use_up_challenge(tx, digest(1), digest(2), at(1))?;
    passkeys::prune_ceremonies(tx, at(1), 1)?;
    Ok(())
}

fn run_mails(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    mails::add(tx, &mail(1, 1))?;
    mails::list_due(tx, at(1), 1)?;
    mails::find_next_due(tx)?;
    mails::lease(tx, id(1), at(2))?;
    mails::rewrite(tx, id(1), &Message::RecoveryAsked, None)?;
    mails::postpone(tx, id(1), at(2), at(3), "x")?;
    mails::find_last_of_user(tx, id(1), "x")?;
    mails::finish_failed(tx, id(1), at(1), "x")?;
    mails::finish_sent(tx, id(1), at(1))?;
    mails::delete(tx, id(1))?;
    mails::delete_of_user(tx, id(1))?;
    mails::prune(tx, at(1), 1)?;
    mail_links::add(tx, &mail_link(1, 1))?;
    mail_links::find(tx, id(1))?;
    mail_links::set_session(tx, id(1), None)?;
    mail_links::set_expiry(tx, id(1), at(9))?;
    mail_links::use_up(tx, id(1), at(1))?;
    mail_links::delete_of_user(tx, id(1))?;
    mail_links::prune(tx, at(1), 1).map(|_| ())
}

fn run_sessions(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    sessions::add(tx, &session(1, 1), digest(1))?;
    sessions::find_by_token(tx, digest(1))?;
    sessions::find(tx, id(1))?;
    sessions::find_by_previous_token(tx, digest(1))?;
    sessions::renew(tx, &session(1, 1), digest(2))?;
    sessions::set_previous_token(tx, id(1), digest(1))?;
    sessions::record_authentication(tx, &session(1, 1))?;
    sessions::record_activity(tx, id(1), at(2), at(3))?;
    sessions::list_open_of_user(tx, id(1), 1)?;
    sessions::list_oldest_open_of_user(tx, id(1), 1)?;
    sessions::count_open_of_user(tx, id(1), 1)?;
    sessions::list_open_of_browser(tx, id(1), 1)?;
    sessions::list_open_of_user_below(tx, id(1), 1, 1)?;
    sessions::list_open_of_organization_below(tx, id(1), 1, 1)?;
    sessions::list_open_of_deployment_below(tx, 1, 1)?;
    sessions::list_overdue(tx, at(1), 1)?;
    sessions::close(tx, id(1), &ended(1, Cause::LoggedOut, 1))?;
    sessions::close_many(tx, &[id(1), id(2)], &ended(1, Cause::LoggedOut, 1))?;
    epochs::find_of_user(tx, id(1))?;
    epochs::raise_user(tx, id(1))?;
    epochs::raise_organization(tx, id(1))?;
    epochs::raise_deployment(tx)?;
    Ok(())
}

fn run_endings(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    endings::add(tx, &ending(1, 1, ScopeKind::Session))?;
    endings::count(tx, id(1), 1, 1, true)?;
    endings::find(tx, id(1))?;
    endings::replace_receipt_token(tx, digest(1), digest(2), at(1))?;
    endings::list_open(tx, 1)?;
    endings::list_since(tx, at(1), 1)?;
    let epochs = Epochs {
        user: 0,
        organization: 0,
        deployment: 0,
    };
    endings::find_first_after_epochs(tx, id(1), id(1), epochs)?;
    let receipt = Receipt {
        ending_id: id(1),
        session_id: None,
        shared: false,
        more_sessions: 0,
        more_browsers: 0,
    };
    endings::add_receipt(tx, digest(1), &receipt, at(1))?;
    endings::find_receipt(tx, digest(1), at(1))?;
    Ok(())
}

fn run_events(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    let many: Vec<_> = (2..=40)
        .map(|number| event(number, 1, EventKind::SignInFailed, Some(id(1))))
        .collect();
    events::add_all(tx, &many)?;
    let line = event(1, 1, EventKind::SignInFailed, Some(id(1)));
    events::add(tx, &line)?;
    events::gather(tx, &line, at(1))?;
    for filter in [EventFilter::All, EventFilter::SignIns, EventFilter::Endings] {
        events::any_sign_in(tx, id(1))?;
        events::list_of_user(tx, id(1), filter, None, 1)?;
    }
    events::find_sign_in_before(tx, id(1), at(1))?;
    events::list_sessions_of_ending(tx, id(1), id(1), 1)?;
    events::find_sign_in_of_session(tx, id(1), id(1))?;
    events::happened_in_session(tx, id(1), id(1), EventKind::PasskeyAdded, at(1))?;
    events::count_of_user(tx, id(1), EventKind::SignedIn, at(1))?;
    throttles::get(tx, digest(1))?;
    throttles::set(tx, digest(1), 1, at(1))?;
    throttles::clear(tx, digest(1))?;
    set_up_links::replace(tx, digest(1), at(1))?;
    set_up_links::is_valid(tx, digest(1), at(1))?;
    set_up_links::delete_all(tx)
}

fn run_phone_sign_ins(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    let (waiting, handles) = phone_sign_in(1);
    phone_sign_ins::add(tx, &waiting, &handles)?;
    phone_sign_ins::count_of_network(tx, digest(1), at(1))?;
    phone_sign_ins::find_by_token(tx, digest(1), at(1))?;
    phone_sign_ins::find_waiting_by_code(tx, digest(1), at(1))?;
    phone_sign_ins::approve(tx, id(1), &approval(1), at(9))?;
    phone_sign_ins::refuse(tx, id(1), at(1))?;
    phone_sign_ins::delete(tx, id(1))?;
    phone_sign_ins::prune(tx, at(1), 1)?;
    Ok(())
}

fn run_authorization(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    super::protected_apps::run_protected_apps(tx)?;
    authorization_codes::add(tx, &code(1), digest(1))?;
    authorization_codes::find(tx, digest(1))?;
    authorization_codes::use_up(tx, digest(1), at(1), None)?;
    run_voids(tx)?;
    authorization_codes::prune(tx, at(1), 1)?;
    authorization_requests::add(tx, &waiting(1), digest(1))?;
    authorization_requests::find(tx, digest(1))?;
    authorization_requests::update(tx, digest(1), "{}")?;
    authorization_requests::delete(tx, digest(1))?;
    authorization_requests::prune(tx, at(1), 1)?;
    consents::put(tx, id(1), &consent(1, "openid"))?;
    consents::find(tx, id(1), id(1))?;
    consents::list_of_user(tx, id(1), 1)?;
    consents::delete(tx, id(1), id(1)).map(|_| ())
}

/// Of the app that [`run_authorization`] left.
fn run_tokens(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    grants::add(tx, &grant(1, 1, true))?;
    grants::find(tx, id(1))?;
    grants::find_epochs(tx, id(1), id(1))?;
    grants::rotate(tx, &grant(1, 1, true), 0)?;
    grants::void_access_tokens(tx, id(1), at(9))?;
    grants::list_offline_of_user(tx, id(1), 9)?;
    grants::revoke(tx, id(1), at(9), RevokedCause::ByClient)?;
    grants::revoke_of_session(tx, id(2), id(1), at(9), RevokedCause::LeftApp)?;
    grants::revoke_all_of_sessions(tx, &[id(2)], at(9), RevokedCause::SessionEnded)?;
    grants::revoke_offline_of_client(tx, id(2), id(1), at(9), RevokedCause::LeftApp)?;
    grants::raise_offline_epoch(tx, id(1))?;
    grants::prune(tx, at(i64::MAX), 9)?;
    signing_keys::add(tx, &signing_key(1))?;
    signing_keys::list(tx)?;
    signing_keys::retire(tx, id(1), at(9))?;
    signing_keys::reseal(tx, id(1), &[1], &[2])?;
    signing_keys::forget_private(tx, at(9))?;
    used_assertions::use_up(tx, digest(1), at(9))?;
    used_assertions::prune(tx, at(99), 9).map(|_| ())
}

/// Of the same app.
fn run_notices(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    entries::record(tx, id(1), id(1), id(1), at(1))?;
    entries::find(tx, id(1), id(1))?;
    entries::list_open_of_sessions(tx, &[id(1)])?;
    entries::list_open_of_client(tx, id(1), 1)?;
    entries::is_in_since(tx, id(1), id(1), at(1))?;
    entries::list_open_of_user(tx, id(1), 1)?;
    entries::list_apps_left_at(tx, id(1), at(1))?;
    entries::leave(tx, id(1), id(1), at(1))?;
    entries::prune(tx, at(1), 1)?;
    let lane = Lane::Mass;
    notices::add(tx, &notice(1, 1, 1))?;
    notices::find(tx, id(1))?;
    notices::list_of_ending(tx, id(1), 1)?;
    notices::list_of_user_in_ending(tx, id(1), id(1), 1)?;
    notices::list_of_session_in_ending(tx, id(1), id(1), 1)?;
    notices::list_due(tx, lane, at(1), 1)?;
    notices::find_waiting_client_after(tx, Channel::Pull, lane, id(1))?;
    notices::list_due_of_client(tx, lane, id(1), at(1), 1)?;
    notices::find_next_due(tx, lane)?;
    notices::claim(tx, id(1), at(1), at(2))?;
    notices::postpone(tx, id(1), at(2), at(3), SAID)?;
    notices::list_pulled_too_late(tx, at(1), 1)?;
    notices::list_undelivered(tx, id(1), 1)?;
    notices::list_undelivered_of_client(tx, id(1), id(1), 1)?;
    notices::list_waiting_of_client(tx, id(1), 1)?;
    notices::count_waiting_by_client(tx, 1)?;
    notices::count_waiting(tx, 1)?;
    notices::count_waiting_of_client(tx, id(1), 1)?;
    notices::count_undelivered_of_client(tx, id(1), 1)?;
    app_health::put(tx, id(1), &Health::default())?;
    app_health::find(tx, id(1))?;
    notices::finish(tx, id(1), at(3), NoticeState::Failed, at(4), SAID)?;
    notices::revive(tx, id(1), &notice(1, 1, 1).envelope, at(5), at(6))?;
    let reader = reader("x", 1, 1);
    feed::put_reader(tx, id(1), &reader)?;
    feed::find_reader(tx, id(1), "x")?;
    feed::count_readers(tx, id(1), 1)?;
    feed::list_open_for_reader(tx, id(1), "x", id(1), 1)?;
    feed::list_missed_by_reader(tx, id(1), "x", reader.missed.unwrap(), 1)?;
    feed::acknowledge(tx, id(1), "x", at(1))?;
    feed::is_lacking(tx, id(1), id(1), at(1))?;
    feed::list_half_acknowledged(tx, id(1), "x", 1)?;
    feed::is_owed_anything(tx, id(1), id(9))?;
    feed::offer_again(tx, id(1), id(1))?;
    feed::prune_readers(tx, at(1), 1)?;
    notices::confirm(tx, id(1), at(7), None)?;
    notices::prune(tx, at(8), 1).map(|_| ())
}

fn run_email_changes(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    email_changes::add(tx, &email_change(1, 1))?;
    email_changes::find_by_confirm_link(tx, id(1))?;
    email_changes::find_by_undo_link(tx, id(1))?;
    email_changes::find_waiting(tx, id(1))?;
    email_changes::count_since(tx, id(1), at(1))?;
    email_changes::is_held(tx, &EmailKey::of_typed("a"), None, at(1))?;
    email_changes::confirm(tx, id(1), at(1))?;
    email_changes::cancel_waiting(tx, id(1))?;
    email_changes::cancel_waiting_of_session(tx, id(1), id(4))?;
    email_changes::void_since(tx, id(1), at(1))?;
    email_changes::prune(tx, at(9), 1)?;
    super::audit::run(tx)
}

fn run_prunes(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    let far = at(i64::MAX);
    let pruned = [
        sessions::prune(tx, far, 9)?,
        endings::prune_receipts(tx, far, 9)?,
        endings::prune(tx, far, 9)?,
        browsers::prune(tx, far, 9)?,
        authenticator_apps::prune(tx, far, 9)?,
    ];
    assert_eq!(
        pruned, [1; 5],
        "a prune of nothing may run less than all its statements"
    );
    throttles::prune(tx, far, 9)?;
    Ok(())
}

/// The lines of SQLite's plan.
fn sqlite_plan(tx: &mut Tx<'_>, sql: &str) -> Result<Vec<String>, StorageError> {
    let nulls = vec![Value::Null; placeholders(sql)];
    tx.query(format!("EXPLAIN QUERY PLAN {sql}").leak(), &nulls, |row| {
        row.get(3)
    })
}

/// The lines of the plan that PostgreSQL makes if it may read a whole table only where there is no other way.
fn postgres_plan(tx: &mut Tx<'_>, sql: &str, number: usize) -> Result<Vec<String>, StorageError> {
    tx.execute("SET LOCAL enable_seqscan = off", &[])?;
    tx.execute("SET LOCAL plan_cache_mode = force_generic_plan", &[])?;
    tx.execute(format!("PREPARE plan_{number} AS {sql}").leak(), &[])?;
    let nulls = vec!["NULL"; placeholders(sql)].join(", ");
    let arguments = if nulls.is_empty() {
        nulls
    } else {
        format!("({nulls})")
    };
    tx.query(
        format!("EXPLAIN EXECUTE plan_{number}{arguments}").leak(),
        &[],
        |row| row.get(0),
    )
}

fn placeholders(sql: &str) -> usize {
    (1..=2_000)
        .take_while(|number| sql.contains(&format!("${number}")))
        .count()
}

fn plans(store: &Store) -> Vec<(&'static str, Vec<String>)> {
    let kind = store.kind();
    write(store, move |tx| {
        let all = run_all(tx)?;
        all.into_iter()
            .enumerate()
            .map(|(number, sql)| {
                Ok((
                    sql,
                    match kind {
                        DatabaseKind::Sqlite => sqlite_plan(tx, sql)?,
                        DatabaseKind::Postgres => postgres_plan(tx, sql, number)?,
                    },
                ))
            })
            .collect()
    })
}

fn reads_a_whole_table(line: &str) -> bool {
    let line = line.trim_start_matches(|character| " ->".contains(character));
    // Rows of a subquery or of constants are no table.
    let table = |rest: &str| {
        !rest.contains("CONSTANT ROW")
            && !rest.contains("VALUES CLAUSE")
            && !rest.starts_with('(')
            && !rest.starts_with("open")
    };
    line.strip_prefix("SCAN ").is_some_and(table)
        || line.contains("Seq Scan")
        || line.contains("AUTOMATIC")
}

fn may_scan(sql: &str, line: &str) -> bool {
    let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    MAY_SCAN
        .iter()
        .any(|(text, name)| sql.contains(text) && line.contains(name))
}

on_both_databases! {
    fn no_statement_reads_a_whole_table(store) {
        let faults: Vec<String> = plans(store)
            .into_iter()
            .flat_map(|(sql, plan)| {
                let faulty = plan.into_iter().filter(|line| reads_a_whole_table(line) && !may_scan(sql, line));
                faulty.map(|line| format!("{line}: {sql}")).collect::<Vec<_>>()
            })
            .collect();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    fn a_poll_reads_what_is_open_or_was_missed_and_not_what_an_app_was_told(store) {
        // Index, and whether it begins at the position: an app that was told a million logouts asks as fast as a new one.
        let wanted = [
            ("finished_at IS NULL AND channel = 'pull' AND id > ", "notices_waiting_by_client", true),
            ("id <= $3 AND state = 'confirmed'", "notices_pulled", true),
            ("ORDER BY id LIMIT $3) AS open", "notices_waiting_by_client", false),
        ];
        let plans = plans(store);
        for (text, index, from_position) in wanted {
            let (sql, plan) = plans.iter().find(|(sql, _)| sql.contains(text)).unwrap();
            // SQLite writes the bounds beside the index, PostgreSQL beneath it.
            let begins = |line: &String| line.contains("id>?") || (line.contains("Index Cond") && line.contains("(id > "));
            let good = plan.iter().any(|line| line.contains(index)) && (!from_position || plan.iter().any(begins));
            assert!(good, "{sql}: {plan:#?}");
        }
    }

    fn lists_that_stop_early_come_in_the_order_of_an_index(store) {
        // Sorting all sessions of a user to show the latest ten would make the list as slow as the user is busy.
        for (sql, plan) in plans(store) {
            let sorts = plan.iter().any(|line| line.contains("TEMP B-TREE FOR ORDER BY"));
            assert!(!sorts, "{sql}: {plan:#?}");
        }
    }
}
