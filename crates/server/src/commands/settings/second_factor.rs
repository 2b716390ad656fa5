//! How the settings of the second factor are written and shown (POL-04).

use nightlatch_domain::organization::Organization;
use nightlatch_domain::policy::{SecondFactorPolicy, SecondFactorRule};

use super::{choose, word_for};

/// The longest grace, in days.
const LONGEST_GRACE: u32 = 400;

const RULES: [(&str, SecondFactorRule); 4] = [
    ("off", SecondFactorRule::Off),
    ("optional", SecondFactorRule::Optional),
    ("administrators", SecondFactorRule::Administrators),
    ("everybody", SecondFactorRule::Everybody),
];

pub(super) fn show_rule(organization: &Organization) -> String {
    word_for(&RULES, organization.settings.policy.second_factor.rule)
}

pub(super) fn set_rule(organization: &mut Organization, text: &str) -> Result<(), String> {
    let default = SecondFactorPolicy::default().rule;
    organization.settings.policy.second_factor.rule = choose(&RULES, text, default)?;
    Ok(())
}

pub(super) fn show_days(days: u32) -> String {
    format!("{days}d")
}

pub(super) fn set_grace(organization: &mut Organization, text: &str) -> Result<(), String> {
    let default = SecondFactorPolicy::default().grace_days;
    organization.settings.policy.second_factor.grace_days =
        parse_days(text, default, LONGEST_GRACE)?;
    Ok(())
}

pub(super) fn set_remembering(organization: &mut Organization, text: &str) -> Result<(), String> {
    let default = SecondFactorPolicy::default().remember_days;
    organization.settings.policy.second_factor.remember_days =
        parse_days(text, default, SecondFactorPolicy::MOST_REMEMBERED_DAYS)?;
    Ok(())
}

/// Whole days, with or without the unit.
fn parse_days(text: &str, default: u32, most: u32) -> Result<u32, String> {
    if text.is_empty() {
        return Ok(default);
    }
    match text.strip_suffix('d').unwrap_or(text).trim().parse() {
        Ok(days) if days <= most => Ok(days),
        Ok(_) => Err(format!("it is at most {most}d")),
        Err(_) => Err("it is not a number of days".to_owned()),
    }
}
