//! The routes of administrators over the groups of their organization.

use axum::routing::delete;

use super::{Access, Route, facts, read, route, send};
use crate::api::organization_groups as groups;

pub(super) fn routes() -> Vec<Route> {
    use Access::Programs;
    const ALL: &str = "/api/v1/organization/groups";
    const ONE: &str = "/api/v1/organization/groups/{id}";
    const MEMBERS: &str = "/api/v1/organization/groups/{id}/members";
    const MEMBER: &str = "/api/v1/organization/groups/{id}/members/{user}";
    vec![
        read(ALL, Programs, groups::list),
        send(ALL, Programs, groups::add),
        route(facts("DELETE", ONE, Programs), delete(groups::remove)),
        read(MEMBERS, Programs, groups::members),
        send(MEMBERS, Programs, groups::add_member),
        route(
            facts("DELETE", MEMBER, Programs),
            delete(groups::remove_member),
        ),
    ]
}
