use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::OrganizationId;
use nightlatch_domain::organization::Settings;
use nightlatch_domain::random::SeededRandom;

use super::*;

fn organization() -> Organization {
    Organization {
        id: OrganizationId::random(&SeededRandom::new(1)),
        name: "Brightwater Trading".to_owned(),
        settings: Settings::default(),
        created_at: Timestamp::from_milliseconds(0),
    }
}

fn set(changes: &[(&str, &str)]) -> Result<Organization, String> {
    let changes: Vec<_> = changes
        .iter()
        .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()))
        .collect();
    apply(&organization(), &changes)
}

fn shown(organization: &Organization, key: &str) -> String {
    let all = show_all(organization);
    let found = all.into_iter().find(|(known, _)| known == key);
    found.expect("a known key").1
}

#[test]
fn every_setting_reads_what_it_shows() {
    let changed = set(&[
        ("name", "Brightwater"),
        ("contact", "the help desk"),
        ("accent", "#0F766E"),
        ("after_log_out", "login_page"),
        ("limits", "nist-aal2"),
        ("idle", "90s"),
        ("remembered_idle", "3d"),
        ("remembered_overall", "14d"),
        ("shared_idle", "5m"),
        ("shared_overall", "1h"),
        ("remember", "never"),
        ("session_limit", "3"),
        ("at_session_limit", "refuse"),
        ("shared_networks", "192.0.2.0/24, 2001:db8::7"),
        ("second_factor", "everybody"),
        ("second_factor_grace", "3d"),
        ("remember_second_factor", "0d"),
    ])
    .expect("all are good");
    let written = show_all(&changed);
    let again: Vec<_> = written
        .iter()
        .filter(|(key, _)| key != "limits")
        .cloned()
        .collect();
    let reread = apply(&organization(), &again).expect("what is shown can be written");
    assert_eq!(show_all(&reread), written);
    assert_eq!(shown(&changed, "overall"), "24h");
    assert_eq!(shown(&changed, "accent"), "#0f766e");
    assert_eq!(
        shown(&changed, "shared_networks"),
        "192.0.2.0/24,2001:db8::7/128"
    );
}

#[test]
fn an_empty_value_brings_the_default_back() {
    let default = show_all(&organization());
    for (key, before) in &default {
        if key == "name" {
            assert!(set(&[(key, "")]).is_err());
            continue;
        }
        let reset = set(&[(key, "")]).expect("reset");
        assert_eq!(&shown(&reset, key), before, "{key}");
    }
}

#[test]
fn presets_have_names() {
    for preset in ["default", "nist-aal2", "nist-aal3"] {
        assert_eq!(
            shown(&set(&[("limits", preset)]).expect("a preset"), "limits"),
            preset
        );
    }
    assert_eq!(
        shown(&set(&[("idle", "1h")]).expect("a time"), "limits"),
        "custom"
    );
}

#[test]
fn an_unknown_setting_names_the_nearest_and_all() {
    let error = set(&[("remmeber", "ask")]).expect_err("unknown");
    assert!(
        error.contains("`remember`") && error.contains("shared_networks"),
        "{error}"
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    for (changes, part) in [
        (vec![("idle", "soon")], "24h"),
        (vec![("idle", "0s")], "at least 1m"),
        (vec![("idle", "59s")], "at least 1m"),
        (vec![("shared_idle", "30s")], "at least 1m"),
        (vec![("idle", "8d")], "`overall` (7d)"),
        (vec![("shared_idle", "1h")], "only be tightened"),
        (vec![("accent", "red")], "#rrggbb"),
        (vec![("remember", "alway")], "`always`"),
        (vec![("session_limit", "0")], "from 1 to 1000"),
        (vec![("session_limit", "1001")], "from 1 to 1000"),
        (vec![("shared_networks", "office")], "neither an address"),
        (vec![("limits", "strict")], "nist-aal2"),
    ] {
        let error = set(&changes).expect_err("refused");
        assert!(error.contains(part), "{changes:?}: {error}");
    }
    assert!(set(&[("overall", "30d"), ("idle", "8d")]).is_ok());
    assert!(set(&[("idle", "60s"), ("session_limit", "1000")]).is_ok());
}

#[test]
fn durations_are_shown_as_people_write_them() {
    for (seconds, text) in [
        (90, "90s"),
        (60, "1m"),
        (900, "15m"),
        (3600, "1h"),
        (DAY, "24h"),
        (7 * DAY, "7d"),
    ] {
        assert_eq!(show_duration(seconds), text);
        assert_eq!(parse_duration(text).map(|d| d.as_secs()), Some(seconds));
    }
}

#[test]
fn pol_04_who_needs_a_second_factor_and_from_when() {
    let plain = organization();
    assert_eq!(shown(&plain, "second_factor"), "administrators");
    assert_eq!(shown(&plain, "second_factor_grace"), "14d");
    assert_eq!(shown(&plain, "remember_second_factor"), "30d");
    for (key, bad) in [
        ("second_factor", "admins"),
        ("second_factor_grace", "401d"),
        ("second_factor_grace", "2h"),
        ("remember_second_factor", "31d"),
        ("remember_second_factor", "-1"),
    ] {
        assert!(set(&[(key, bad)]).is_err(), "{key} {bad}");
    }
}
