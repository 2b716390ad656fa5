//! The routes of apps: how they log people out, what they said to it, and one's own.

use super::{Access, Forgery, Route, delete, facts, own_device, read, route, send};
use crate::pages::{apps, end_session, ending_details};
use crate::{api, links, receipts};

pub(super) fn routes() -> Vec<Route> {
    use Access::{Everyone, People, Programs};
    vec![
        read(links::END_SESSION, Everyone, end_session::get),
        asked_about(send(links::END_SESSION, Everyone, end_session::post)),
        read(links::END_SESSION_CONTINUE, Everyone, end_session::resume),
        asked_about(send(
            links::END_SESSION_CONTINUE,
            Everyone,
            end_session::confirm,
        )),
        read("/signed-out/events", Everyone, receipts::events),
        read(links::APPS, People, apps::get),
        send("/account/apps/{id}/leave", People, apps::leave),
        read("/account/apps/{id}/leave", People, apps::to_page),
        own_device(send("/account/apps/{id}/remove", People, apps::remove)),
        read("/account/apps/{id}/remove", People, apps::to_page),
        read("/account/endings/{id}", People, ending_details::get),
        read("/api/v1/apps", Programs, api::apps::list),
        send("/api/v1/apps/{id}/leave", Programs, api::apps::leave),
        own_device(route(
            facts("DELETE", "/api/v1/apps/{id}", Programs),
            delete(api::apps::remove),
        )),
        read("/api/v1/endings/{id}", Programs, api::apps::ending),
    ]
}

/// Logging out must never trap anybody: what is not proven is asked about (B10).
fn asked_about(mut route: Route) -> Route {
    route.facts.rule.forgery = Forgery::AskedAbout;
    route
}
