//! The routes of administrators over the apps of their organization.

use axum::routing::patch;

use super::{Access, Route, facts, read, route, send};
use crate::api::organization_apps as apps;

pub(super) fn routes() -> Vec<Route> {
    use Access::Programs;
    const ALL: &str = "/api/v1/organization/apps";
    const ONE: &str = "/api/v1/organization/apps/{id}";
    vec![
        read(ALL, Programs, apps::list),
        send(ALL, Programs, apps::register),
        read(ONE, Programs, apps::get),
        route(facts("PATCH", ONE, Programs), patch(apps::change)),
        send(
            "/api/v1/organization/apps/{id}/replace-secret",
            Programs,
            apps::replace_secret,
        ),
        send(
            "/api/v1/organization/apps/{id}/withdraw",
            Programs,
            apps::withdraw,
        ),
        send(
            "/api/v1/organization/apps/{id}/restore",
            Programs,
            apps::restore,
        ),
        send("/api/v1/organization/apps/{id}/test", Programs, apps::test),
        read(
            "/api/v1/organization/apps/{id}/notices",
            Programs,
            apps::notices,
        ),
        send(
            "/api/v1/organization/apps/{id}/notices/resend",
            Programs,
            apps::resend_all,
        ),
        send(
            "/api/v1/organization/apps/{id}/notices/{notice}/resend",
            Programs,
            apps::resend,
        ),
    ]
}
