//! The OpenAPI document, made from the handlers themselves.

use axum::Json;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

use crate::api::{
    apps, email_change, factors, history, organization_apps, organization_groups, profile, proof,
    sessions,
};
use crate::oidc_tokens::bearer;

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Nightlatch",
        description = "One's own profile, sessions, factors, apps and history; for administrators, the \
                       apps and groups of their organization. Calls carry the session cookie; \
                       calls that change something also send the header `X-Nightlatch: 1`. The calls of \
                       apps carry a token of theirs instead, as `Authorization: Bearer`. Errors are \
                       problem documents (RFC 9457), `application/problem+json`.",
        license(name = "MIT OR Apache-2.0")
    ),
    paths(
        profile::get,
        profile::change,
        email_change::ask,
        email_change::cancel,
        sessions::list,
        sessions::end_one,
        sessions::not_me,
        sessions::end_selected,
        sessions::end_others,
        sessions::end_all,
        proof::give,
        proof::begin_passkey,
        history::list,
        factors::list,
        factors::remove_app,
        bearer::activity,
        bearer::end_session,
        apps::list,
        apps::leave,
        apps::remove,
        apps::ending,
        organization_apps::list,
        organization_apps::register,
        organization_apps::get,
        organization_apps::change,
        organization_apps::replace_secret,
        organization_apps::withdraw,
        organization_apps::restore,
        organization_apps::test,
        organization_apps::notices,
        organization_apps::resend_all,
        organization_apps::resend,
        organization_groups::list,
        organization_groups::add,
        organization_groups::remove,
        organization_groups::members,
        organization_groups::add_member,
        organization_groups::remove_member
    )
)]
struct Document;

/// `GET /api/v1/openapi.json`.
pub(crate) async fn get() -> Response {
    Json(Document::openapi()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_of_the_route_list_is_described() {
        let document = serde_json::to_value(Document::openapi()).expect("a document");
        let calls = crate::routes::list().into_iter().filter(|facts| {
            facts.path.starts_with("/api/v1/") && facts.path != "/api/v1/openapi.json"
        });
        for facts in calls {
            let described = &document["paths"][facts.path][facts.method.to_lowercase()];
            assert!(described.is_object(), "{} {}", facts.method, facts.path);
        }
    }
}
