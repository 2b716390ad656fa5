//! What an organization can set, by name.
//!
//! Owns one table: each setting with its key, what may be written, how it reads
//! and how it is shown. A new setting of the domain becomes a line here and
//! nothing else. An empty value brings the default back.
//!
//! Longer than 400 lines, since it is one table.

mod second_factor;

use std::time::Duration;

use nightlatch_domain::nearest::nearest;
use nightlatch_domain::organization::{AccentColor, AfterLogOut, Organization, Settings};
use nightlatch_domain::phone_sign_in::PhoneSignInRule;
use nightlatch_domain::policy::{
    AtSessionLimit, Limits, MOST_SESSIONS, Policy, RememberRule, SHORTEST_LIMIT,
};
use nightlatch_domain::user::parse_name;

use crate::config::meaning::parse_network;

/// The longest that anybody stays signed in.
const LONGEST: u64 = 400 * DAY;
const DAY: u64 = 24 * 60 * 60;

/// One setting.
struct Setting {
    key: &'static str,
    /// What may be written.
    values: &'static str,
    show: fn(&Organization) -> String,
    /// Reads a value into the organization; an empty one is the default.
    set: fn(&mut Organization, &str) -> Result<(), String>,
}

const TABLE: [Setting; 20] = [
    Setting {
        key: "name",
        values: "1 to 200 characters",
        show: |o| o.name.clone(),
        set: |o, text| {
            o.name = parse_name(text).ok_or("it has 1 to 200 characters")?;
            Ok(())
        },
    },
    Setting {
        key: "contact",
        values: "whom people may ask, in words that fit after “Please ask”",
        show: |o| o.settings.contact.clone().unwrap_or_default(),
        set: |o, text| {
            o.settings.contact = match text {
                "" => None,
                text => Some(parse_name(text).ok_or("it has up to 200 characters")?),
            };
            Ok(())
        },
    },
    Setting {
        key: "accent",
        values: "a color, #rrggbb",
        show: |o| {
            o.settings
                .accent
                .as_ref()
                .map_or(String::new(), |c| c.as_str().to_owned())
        },
        set: |o, text| {
            o.settings.accent = match text {
                "" => None,
                text => Some(AccentColor::try_from(text.to_owned())?),
            };
            Ok(())
        },
    },
    Setting {
        key: "after_log_out",
        values: "signed_out_page or login_page",
        show: |o| word_for(&AFTER_LOG_OUT, o.settings.after_log_out),
        set: |o, text| {
            o.settings.after_log_out = choose(&AFTER_LOG_OUT, text, AfterLogOut::default())?;
            Ok(())
        },
    },
    Setting {
        key: "review_days",
        values: "days until people are reminded of their login history, 0 (never) to 400",
        show: |o| o.settings.review_days.to_string(),
        set: |o, text| {
            o.settings.review_days = match text {
                "" => Settings::default().review_days,
                text => match text.parse() {
                    Ok(days @ 0..=Settings::MOST_REVIEW_DAYS) => days,
                    _ => return Err("it is a number from 0 to 400".to_owned()),
                },
            };
            Ok(())
        },
    },
    Setting {
        key: "limits",
        values: "a preset for idle, overall and remembered_…: default, nist-aal2 or nist-aal3",
        show: |o| show_preset(&o.settings.policy).to_owned(),
        set: |o, text| set_preset(&mut o.settings.policy, text),
    },
    Setting {
        key: "idle",
        values: DURATION,
        show: |o| show_duration(o.settings.policy.ordinary.idle_seconds),
        set: |o, text| set_duration(o, text, |policy| &mut policy.ordinary.idle_seconds),
    },
    Setting {
        key: "overall",
        values: DURATION,
        show: |o| show_duration(o.settings.policy.ordinary.overall_seconds),
        set: |o, text| set_duration(o, text, |policy| &mut policy.ordinary.overall_seconds),
    },
    Setting {
        key: "remembered_idle",
        values: DURATION,
        show: |o| show_duration(o.settings.policy.remembered.idle_seconds),
        set: |o, text| set_duration(o, text, |policy| &mut policy.remembered.idle_seconds),
    },
    Setting {
        key: "remembered_overall",
        values: DURATION,
        show: |o| show_duration(o.settings.policy.remembered.overall_seconds),
        set: |o, text| set_duration(o, text, |policy| &mut policy.remembered.overall_seconds),
    },
    Setting {
        key: "shared_idle",
        values: "as idle, at most 15m",
        show: |o| show_duration(o.settings.policy.shared.idle_seconds),
        set: |o, text| set_duration(o, text, |policy| &mut policy.shared.idle_seconds),
    },
    Setting {
        key: "shared_overall",
        values: "as idle, at most 2h",
        show: |o| show_duration(o.settings.policy.shared.overall_seconds),
        set: |o, text| set_duration(o, text, |policy| &mut policy.shared.overall_seconds),
    },
    Setting {
        key: "remember",
        values: "always, ask or never",
        show: |o| word_for(&REMEMBER, o.settings.policy.remember),
        set: |o, text| {
            o.settings.policy.remember = choose(&REMEMBER, text, Policy::default().remember)?;
            Ok(())
        },
    },
    Setting {
        key: "session_limit",
        values: "live sessions a person may have, 1 to 1000",
        show: |o| o.settings.policy.session_limit.to_string(),
        set: |o, text| {
            o.settings.policy.session_limit = match text {
                "" => Policy::default().session_limit,
                text => match text.parse() {
                    Ok(number @ 1..=MOST_SESSIONS) => number,
                    _ => return Err(format!("it is a number from 1 to {MOST_SESSIONS}")),
                },
            };
            Ok(())
        },
    },
    Setting {
        key: "at_session_limit",
        values: "end_oldest or refuse",
        show: |o| word_for(&AT_SESSION_LIMIT, o.settings.policy.at_session_limit),
        set: |o, text| {
            let default = Policy::default().at_session_limit;
            o.settings.policy.at_session_limit = choose(&AT_SESSION_LIMIT, text, default)?;
            Ok(())
        },
    },
    Setting {
        key: "phone_sign_in",
        values: "allowed, same_network or off",
        show: |o| word_for(&PHONE_SIGN_IN, o.settings.policy.phone_sign_in),
        set: |o, text| {
            let default = Policy::default().phone_sign_in;
            o.settings.policy.phone_sign_in = choose(&PHONE_SIGN_IN, text, default)?;
            Ok(())
        },
    },
    Setting {
        key: "shared_networks",
        values: "addresses or networks whose computers are shared, with commas between",
        show: |o| {
            let networks = &o.settings.policy.shared_networks;
            let words: Vec<_> = networks.iter().map(ToString::to_string).collect();
            words.join(",")
        },
        set: |o, text| {
            let members = text
                .split(',')
                .map(str::trim)
                .filter(|member| !member.is_empty());
            let networks: Result<Vec<_>, String> = members
                .map(|member| {
                    parse_network(member)
                        .ok_or_else(|| format!("{member} is neither an address nor a network"))
                })
                .collect();
            o.settings.policy.shared_networks = networks?;
            Ok(())
        },
    },
    Setting {
        key: "second_factor",
        values: "who needs one: off, optional, administrators or everybody",
        show: second_factor::show_rule,
        set: second_factor::set_rule,
    },
    Setting {
        key: "second_factor_grace",
        values: "whole days until nobody gets in without one, 0d to 400d",
        show: |o| second_factor::show_days(o.settings.policy.second_factor.grace_days),
        set: second_factor::set_grace,
    },
    Setting {
        key: "remember_second_factor",
        values: "whole days for which a browser stands in for it, 0d (never) to 30d",
        show: |o| second_factor::show_days(o.settings.policy.second_factor.remember_days),
        set: second_factor::set_remembering,
    },
];

const DURATION: &str = "a time, like 90s, 15m, 24h or 7d";

const AFTER_LOG_OUT: [(&str, AfterLogOut); 2] = [
    ("signed_out_page", AfterLogOut::SignedOutPage),
    ("login_page", AfterLogOut::LoginPage),
];

const REMEMBER: [(&str, RememberRule); 3] = [
    ("always", RememberRule::Always),
    ("ask", RememberRule::Ask),
    ("never", RememberRule::Never),
];

const PHONE_SIGN_IN: [(&str, PhoneSignInRule); 3] = [
    ("allowed", PhoneSignInRule::Allowed),
    ("same_network", PhoneSignInRule::SameNetwork),
    ("off", PhoneSignInRule::Off),
];

const AT_SESSION_LIMIT: [(&str, AtSessionLimit); 2] = [
    ("end_oldest", AtSessionLimit::EndOldest),
    ("refuse", AtSessionLimit::Refuse),
];

/// The named presets: limits of ordinary and of remembered sessions.
fn presets() -> [(&'static str, Limits, Limits); 3] {
    let default = Policy::default();
    [
        ("default", default.ordinary, default.remembered),
        ("nist-aal2", Policy::NIST_AAL2, Policy::NIST_AAL2),
        ("nist-aal3", Policy::NIST_AAL3, Policy::NIST_AAL3),
    ]
}

/// Every setting as key and shown value, in the table's order.
pub fn show_all(organization: &Organization) -> Vec<(String, String)> {
    TABLE
        .iter()
        .map(|setting| (setting.key.to_owned(), (setting.show)(organization)))
        .collect()
}

/// Every key and what may be written, for help.
pub fn help() -> Vec<(&'static str, &'static str)> {
    TABLE.iter().map(|one| (one.key, one.values)).collect()
}

/// The organization with changes applied in the order given. The error is a
/// sentence for the operator.
pub fn apply(before: &Organization, changes: &[(String, String)]) -> Result<Organization, String> {
    let mut after = before.clone();
    for (key, text) in changes {
        let Some(setting) = TABLE.iter().find(|setting| setting.key == key) else {
            let keys = TABLE.iter().map(|setting| setting.key);
            let meant = nearest(key, keys.clone()).unwrap_or_default();
            let all: Vec<_> = keys.collect();
            return Err(format!(
                "There is no setting `{key}`; did you mean `{meant}`? The settings are: {}.",
                all.join(", ")
            ));
        };
        (setting.set)(&mut after, text.trim()).map_err(|problem| {
            format!(
                "`{key}` cannot be `{text}`: {problem}. It takes {}.",
                setting.values
            )
        })?;
    }
    check_limits(&after.settings.policy)?;
    Ok(after)
}

/// What no single value can tell: how the limits stand to each other.
fn check_limits(policy: &Policy) -> Result<(), String> {
    let shared = Policy::default().shared;
    if policy.shared.idle_seconds > shared.idle_seconds
        || policy.shared.overall_seconds > shared.overall_seconds
    {
        return Err(format!(
            "On shared computers limits can only be tightened: `shared_idle` is at most {}, \
             `shared_overall` at most {}.",
            show_duration(shared.idle_seconds),
            show_duration(shared.overall_seconds)
        ));
    }
    for (name, limits) in [
        ("", policy.ordinary),
        ("remembered_", policy.remembered),
        ("shared_", policy.shared),
    ] {
        if limits.idle_seconds > limits.overall_seconds {
            return Err(format!(
                "`{name}idle` ({}) cannot be longer than `{name}overall` ({}).",
                show_duration(limits.idle_seconds),
                show_duration(limits.overall_seconds)
            ));
        }
    }
    Ok(())
}

fn show_preset(policy: &Policy) -> &'static str {
    presets()
        .into_iter()
        .find(|(_, ordinary, remembered)| {
            *ordinary == policy.ordinary && *remembered == policy.remembered
        })
        .map_or("custom", |(name, ..)| name)
}

fn set_preset(policy: &mut Policy, text: &str) -> Result<(), String> {
    let wanted = if text.is_empty() { "default" } else { text };
    let found = presets().into_iter().find(|(name, ..)| *name == wanted);
    let (_, ordinary, remembered) = found.ok_or("there is no such preset")?;
    policy.ordinary = ordinary;
    policy.remembered = remembered;
    Ok(())
}

fn set_duration(
    organization: &mut Organization,
    text: &str,
    field: fn(&mut Policy) -> &mut u64,
) -> Result<(), String> {
    let seconds = match text {
        "" => *field(&mut Policy::default()),
        text => match parse_duration(text) {
            Some(duration)
                if (SHORTEST_LIMIT.as_secs()..=LONGEST).contains(&duration.as_secs()) =>
            {
                duration.as_secs()
            }
            Some(_) => return Err("it is at least 1m and at most 400d".to_owned()),
            None => return Err("it is not a time".to_owned()),
        },
    };
    *field(&mut organization.settings.policy) = seconds;
    Ok(())
}

/// A whole number and its unit.
fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => DAY,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// In the largest unit that divides it, as it would be written. Days only from
/// two on, since "24h" is what the field calls a day.
fn show_duration(seconds: u64) -> String {
    for (unit, size) in [("d", DAY), ("h", 3600), ("m", 60)] {
        let large_enough = seconds > size || (seconds == size && unit != "d");
        if large_enough && seconds.is_multiple_of(size) {
            return format!("{}{unit}", seconds / size);
        }
    }
    format!("{seconds}s")
}

fn choose<T: Copy>(words: &[(&str, T)], text: &str, default: T) -> Result<T, String> {
    if text.is_empty() {
        return Ok(default);
    }
    words
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            let known = words.iter().map(|(word, _)| *word);
            let meant = nearest(text, known).unwrap_or_default();
            format!("there is no such choice (the nearest is `{meant}`)")
        })
}

fn word_for<T: Copy + PartialEq>(words: &[(&str, T)], value: T) -> String {
    words
        .iter()
        .find(|(_, known)| *known == value)
        .map_or_else(String::new, |(word, _)| (*word).to_owned())
}

#[cfg(test)]
mod tests;
