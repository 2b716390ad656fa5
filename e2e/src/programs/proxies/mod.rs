//! Real reverse proxies in front of an app, with the very configuration that `docs/forward-auth` hands out.

mod app;
mod attacks;
pub(crate) mod kind;
mod pressure;
mod scene;
mod stories;

use super::Check;

/// All of them.
pub(super) const ALL: [Check; 21] = [
    check!(stories::nginx_lets_people_in_until_they_are_logged_out),
    check!(stories::nginx_lets_nobody_in_while_we_cannot_be_asked),
    check!(attacks::nobody_gets_around_nginx),
    check!(stories::caddy_lets_people_in_until_they_are_logged_out),
    check!(stories::caddy_lets_nobody_in_while_we_cannot_be_asked),
    check!(attacks::nobody_gets_around_caddy),
    check!(stories::traefik_lets_people_in_until_they_are_logged_out),
    check!(stories::traefik_lets_nobody_in_while_we_cannot_be_asked),
    check!(attacks::nobody_gets_around_traefik),
    check!(stories::envoy_lets_people_in_until_they_are_logged_out),
    check!(stories::envoy_lets_nobody_in_while_we_cannot_be_asked),
    check!(attacks::nobody_gets_around_envoy),
    check!(pressure::nginx_refuses_while_we_hang),
    check!(pressure::caddy_refuses_while_we_hang),
    check!(pressure::traefik_refuses_while_we_hang),
    check!(pressure::envoy_refuses_while_we_hang),
    check!(pressure::nginx_says_unavailable_while_the_database_is_stopped),
    check!(pressure::caddy_says_unavailable_while_the_database_is_stopped),
    check!(pressure::traefik_says_unavailable_while_the_database_is_stopped),
    check!(pressure::envoy_says_unavailable_while_the_database_is_stopped),
    check!(pressure::nginx_refuses_nobody_of_two_thousand_at_once),
];
