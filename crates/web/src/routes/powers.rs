//! What each route that has a say over an organization needs of the role of whoever uses it.
//!
//! This is the one table: the guard refuses by it, the door before each act
//! (`flows::administration`) asks again inside of the transaction, and a story walks every
//! route as every role and as another organization and expects what stands here.

use nightlatch_domain::user::Power::{self, Administer, Read};

/// Where such routes live. One that is not in [`TABLE`] is for owners alone, and a test fails.
pub const PLACES: [&str; 3] = ["/admin", "/api/v1/organization", "/api/v1/people"];

/// Method, path, and what it needs.
#[rustfmt::skip]
pub const TABLE: &[(&str, &str, Power)] = &[
    ("GET", "/admin", Read),
    ("GET", "/admin/people", Read),
    ("GET", "/admin/people/{id}", Read),
    ("GET", "/admin/people/{id}/{act}", Administer),
    ("POST", "/admin/people/{id}/{act}", Administer),
    ("GET", "/admin/people/{id}/sessions/{session}/log-out", Administer),
    ("POST", "/admin/people/{id}/sessions/{session}/log-out", Administer),
    ("GET", "/api/v1/organization/apps", Read),
    ("POST", "/api/v1/organization/apps", Administer),
    ("GET", "/api/v1/organization/apps/{id}", Read),
    ("PATCH", "/api/v1/organization/apps/{id}", Administer),
    ("POST", "/api/v1/organization/apps/{id}/replace-secret", Administer),
    ("POST", "/api/v1/organization/apps/{id}/withdraw", Administer),
    ("POST", "/api/v1/organization/apps/{id}/restore", Administer),
    ("POST", "/api/v1/organization/apps/{id}/test", Administer),
    ("GET", "/api/v1/organization/apps/{id}/notices", Read),
    ("POST", "/api/v1/organization/apps/{id}/notices/resend", Administer),
    ("POST", "/api/v1/organization/apps/{id}/notices/{notice}/resend", Administer),
    ("GET", "/api/v1/organization/groups", Read),
    ("POST", "/api/v1/organization/groups", Administer),
    ("DELETE", "/api/v1/organization/groups/{id}", Administer),
    ("GET", "/api/v1/organization/groups/{id}/members", Read),
    ("POST", "/api/v1/organization/groups/{id}/members", Administer),
    ("DELETE", "/api/v1/organization/groups/{id}/members/{user}", Administer),
];

/// What a route needs; nothing, if it has no say over an organization.
pub(super) fn needed(method: &str, path: &str) -> Option<Power> {
    let found = TABLE
        .iter()
        .find(|(its_method, its_path, _)| (*its_method, *its_path) == (method, path));
    match found {
        Some((_, _, power)) => Some(*power),
        None if is_administrative(path) => Some(Power::Own),
        None => None,
    }
}

/// Whether a path lies where only roles have a say.
pub fn is_administrative(path: &str) -> bool {
    PLACES.iter().any(|place| {
        path.strip_prefix(place)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::list;

    #[test]
    fn table_and_routes_name_the_same() {
        let listed: Vec<_> = list()
            .iter()
            .filter(|route| is_administrative(route.path))
            .map(|route| (route.method, route.path))
            .collect();
        let stated: Vec<_> = TABLE
            .iter()
            .map(|(method, path, _)| (*method, *path))
            .collect();
        for route in &listed {
            assert!(stated.contains(route), "{route:?} is not in the table");
        }
        for route in &stated {
            assert!(listed.contains(route), "{route:?} is no route");
        }
    }

    #[test]
    fn no_session_that_a_phone_let_in_has_power() {
        for route in list() {
            assert!(
                route.rule.power.is_none() || route.rule.own_device,
                "{}",
                route.path
            );
        }
    }

    #[test]
    fn what_changes_something_needs_more_than_reading() {
        for (method, path, power) in TABLE {
            assert!(*method == "GET" || *power != Read, "{method} {path}");
        }
    }
}
