//! The documentation names every key there is.

use nightlatch_server::config::as_written::KEYS;

const PAGE: &str = include_str!("../../../docs/configuration.md");

#[test]
fn every_key_of_the_server_is_described() {
    for key in KEYS {
        assert!(
            PAGE.contains(&format!("| `{}` |", key.name)),
            "{}",
            key.name
        );
    }
}

#[test]
fn every_setting_of_an_organization_is_described() {
    for name in nightlatch_server::commands::settings::help()
        .into_iter()
        .map(|(name, _)| name)
    {
        assert!(PAGE.contains(&format!("`{name}`")), "{name}");
    }
}
