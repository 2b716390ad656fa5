//! The one list of routes, each with who may use it.
//!
//! The router is built from this list and nothing else, so a route cannot exist
//! without stating its access; a test walks the list with the cookies of ended
//! sessions, so a new route cannot be forgotten.
//!
//! Longer than 400 lines, since it is one list.

mod administration;
mod apps;
mod factors;
mod feed;
mod oidc;
mod oidc_tokens;
mod organization_apps;
mod organization_groups;
pub mod powers;
mod protected;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware;
use axum::routing::{MethodRouter, any, delete, get, patch, post};
use nightlatch_domain::user::Power;
use tower_http::catch_panic::CatchPanicLayer;

use crate::failure::Failure;
use crate::guard::guard;
use crate::pages::{
    alert, check_up, confirm, demo_mail, email_change, factor, help, history, log_in, log_out,
    passkey_answer, passkey_calls, passkey_sign_in, passkeys, phone_confirm, phone_wait, profile,
    recover, remembered_browsers, security, sessions, set_up, signed_out, start,
};
use crate::state::App;
use crate::{api, assets, envelope, health, links, live};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever runs the server; no cookie is read.
    Operations,
    /// Anybody, signed in or not.
    Everyone,
    /// Signed-in people; others are led to the sign-in page.
    People,
    /// Programs of signed-in people; others get 401.
    Programs,
    /// Apps and their servers. No cookie is read, so no form of another site can
    /// borrow anything; whoever calls proves it with what is in the call.
    Apps,
    /// The proxies that the operator named, about requests of others.
    Proxies,
    /// Browsers on a protected host, where its proxy routes `/.nightlatch/` to us. The
    /// cookies that they send are that host's, and open nothing here.
    ProtectedHosts,
}

/// What happens to a form or call that does not prove that one of our own pages
/// sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    /// It is refused.
    Refused,
    /// The handler deals with it. Log out must never trap anybody, so it answers with
    /// a confirm page instead (B10); a request of an app acts in nobody's name.
    AskedAbout,
}

/// The rule of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Who may use it.
    pub access: Access,
    /// What happens to forged requests.
    pub forgery: Forgery,
    /// The largest body it takes, in bytes.
    pub body_limit: usize,
    /// Whether a session may use it that must set up a second factor first
    /// (POL-04). Everything that is open to everybody is open to it too.
    pub sets_up_factor: bool,
    /// Whether it has power over the account, so that a session that a phone let in
    /// may not use it (F5).
    pub own_device: bool,
    /// Whether all that it says of a live session is kept in memory, so that the
    /// database is asked only about the others.
    pub from_memory: bool,
    /// What it needs of the role of whoever uses it; see [`powers`]. Such a route is
    /// closed to sessions that a phone let in, which have no such power.
    pub power: Option<Power>,
}

/// A route as the list states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteFacts {
    /// The method.
    pub method: &'static str,
    /// The path pattern.
    pub path: &'static str,
    /// The rule.
    pub rule: Rule,
}

struct Route {
    facts: RouteFacts,
    service: MethodRouter<Arc<App>>,
}

/// Bodies of forms and calls, in bytes; everything we ask for is far smaller.
const BODY_LIMIT: usize = 64 * 1024;

/// The upload of a picture, with what surrounds it in a multipart form.
const PICTURE_LIMIT: usize = nightlatch_flows::profile::LARGEST_PICTURE + 16 * 1024;

fn route(mut facts: RouteFacts, service: MethodRouter<Arc<App>>) -> Route {
    if let Some(power) = powers::needed(facts.method, facts.path) {
        facts.rule.power = Some(power);
        facts.rule.own_device = true;
    }
    Route { facts, service }
}

const fn facts(method: &'static str, path: &'static str, access: Access) -> RouteFacts {
    RouteFacts {
        method,
        path,
        rule: Rule {
            access,
            forgery: Forgery::Refused,
            body_limit: BODY_LIMIT,
            sets_up_factor: false,
            own_device: false,
            from_memory: false,
            power: None,
        },
    }
}

/// Opens a route to sessions that must set up a second factor first.
fn setting_up(mut route: Route) -> Route {
    route.facts.rule.sets_up_factor = true;
    route
}

/// Closes a route to sessions that a phone let in.
fn own_device(mut route: Route) -> Route {
    route.facts.rule.own_device = true;
    route
}

fn read<H, T>(path: &'static str, access: Access, handler: H) -> Route
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    route(facts("GET", path, access), get(handler))
}

fn send<H, T>(path: &'static str, access: Access, handler: H) -> Route
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    route(facts("POST", path, access), post(handler))
}

/// The list.
fn routes() -> Vec<Route> {
    [
        for_operators(),
        for_everybody(),
        for_open_pages(),
        for_people(),
        administration::routes(),
        apps::routes(),
        organization_apps::routes(),
        organization_groups::routes(),
        factors::routes(),
        feed::routes(),
        oidc::routes(),
        for_passkeys(),
        for_phones(),
        for_check_up(),
        for_addresses(),
        for_programs(),
        oidc_tokens::routes(),
        protected::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn for_operators() -> Vec<Route> {
    use Access::Operations;
    vec![
        read("/healthz", Operations, health::alive),
        read("/readyz", Operations, health::ready),
        read("/assets/{name}", Operations, assets::get),
    ]
}

fn for_everybody() -> Vec<Route> {
    use Access::Everyone;
    let mut log_out_form = send("/logout", Everyone, log_out::post);
    log_out_form.facts.rule.forgery = Forgery::AskedAbout;
    vec![
        read("/login", Everyone, log_in::get),
        send("/login", Everyone, log_in::post),
        read("/login/factor", Everyone, factor::get),
        send("/login/factor", Everyone, factor::post),
        send("/login/factor/start-again", Everyone, factor::start_again),
        read("/login/factor/start-again", Everyone, factor::to_page),
        send(
            links::PASSKEY_SIGN_IN_BEGIN,
            Everyone,
            passkey_sign_in::begin,
        ),
        send(
            links::PASSKEY_SIGN_IN_FINISH,
            Everyone,
            passkey_sign_in::finish,
        ),
        send(
            links::PASSKEY_SECOND_STEP,
            Everyone,
            passkey_answer::begin_second_step,
        ),
        read("/login/recover", Everyone, recover::get),
        send("/login/recover", Everyone, recover::post),
        read("/login/reset/{token}", Everyone, recover::get_reset),
        send("/login/reset/{token}", Everyone, recover::post_reset),
        read("/alert/{token}", Everyone, alert::get),
        send("/alert/{token}", Everyone, alert::post),
        read(
            "/email/confirm/{token}",
            Everyone,
            email_change::get_confirm,
        ),
        send(
            "/email/confirm/{token}",
            Everyone,
            email_change::post_confirm,
        ),
        read("/email/undo/{token}", Everyone, email_change::get_undo),
        send("/email/undo/{token}", Everyone, email_change::post_undo),
        read("/logout", Everyone, log_out::get),
        log_out_form,
        read("/signed-out", Everyone, signed_out::get),
        read("/help", Everyone, help::get),
        send("/help/reset-browser", Everyone, help::reset_browser),
        read("/help/reset-browser", Everyone, help::to_page),
        read("/set-up/{code}", Everyone, set_up::get),
        send("/set-up/{code}", Everyone, set_up::post),
        read("/.well-known/change-password", Everyone, security::to_page),
    ]
}

/// Only where mails go to no mailbox but to a page.
fn for_the_demonstration() -> Vec<Route> {
    vec![read("/demo/mail", Access::Everyone, demo_mail::get)]
}

/// What open pages ask in the background. Only `stay` is activity.
fn for_open_pages() -> Vec<Route> {
    use Access::{Everyone, Programs};
    let mut status = read("/session/status", Everyone, live::status);
    status.facts.rule.from_memory = true;
    vec![
        status,
        read("/session/events", Everyone, live::events),
        setting_up(send("/session/stay", Programs, live::stay)),
    ]
}

fn for_people() -> Vec<Route> {
    use Access::People;
    let mut picture = send("/account/profile/picture", People, profile::picture);
    picture.facts.rule.body_limit = PICTURE_LIMIT;
    vec![
        read("/", People, start::get),
        read("/account", People, profile::account),
        read("/account/profile", People, profile::get),
        send("/account/profile/name", People, profile::name),
        picture,
        send(
            "/account/profile/picture/remove",
            People,
            profile::remove_picture,
        ),
        send("/account/profile/appearance", People, profile::appearance),
        read("/account/picture/{version}", People, profile::show_picture),
        own_device(send(
            "/account/security/password",
            People,
            security::password,
        )),
        own_device(send(
            "/account/security/mark-shared",
            People,
            security::mark_shared,
        )),
        own_device(send(
            "/account/security/remembered-browsers/forget-all",
            People,
            remembered_browsers::forget_all,
        )),
        own_device(send(
            "/account/security/remembered-browsers/{id}/forget",
            People,
            remembered_browsers::forget_one,
        )),
        read("/account/sessions", People, sessions::get),
        own_device(read("/account/sessions/log-out-all", People, confirm::all)),
        own_device(send(
            "/account/sessions/log-out-all",
            People,
            confirm::log_out_all,
        )),
        own_device(read(
            "/account/sessions/log-out-others",
            People,
            confirm::others,
        )),
        own_device(send(
            "/account/sessions/log-out-others",
            People,
            confirm::log_out_others,
        )),
        own_device(send(
            "/account/sessions/log-out-selected",
            People,
            sessions::log_out_selected,
        )),
        own_device(send(
            "/account/sessions/{id}/log-out",
            People,
            sessions::log_out_one,
        )),
        send("/account/sessions/{id}/name", People, sessions::name),
        own_device(read(
            "/account/sessions/{id}/not-me",
            People,
            confirm::not_me,
        )),
        own_device(send(
            "/account/sessions/{id}/not-me",
            People,
            confirm::report_not_me,
        )),
        read("/account/history", People, history::get),
        // A form that came back with an error stands at its own address; reloading
        // it, or returning there after signing in, leads to its page.
        read("/account/profile/name", People, profile::account),
        read("/account/profile/picture", People, profile::account),
        read("/account/profile/picture/remove", People, profile::account),
        read("/account/profile/appearance", People, profile::account),
        read("/account/security/password", People, security::to_page),
        read("/account/security/mark-shared", People, security::to_page),
        read(
            "/account/security/remembered-browsers/forget-all",
            People,
            security::to_page,
        ),
        read(
            "/account/security/remembered-browsers/{id}/forget",
            People,
            security::to_page,
        ),
        read(
            "/account/sessions/log-out-selected",
            People,
            sessions::to_page,
        ),
        read("/account/sessions/{id}/log-out", People, sessions::to_page),
        read("/account/sessions/{id}/name", People, sessions::to_page),
    ]
}

/// One's own passkeys: pages, and what their script calls.
fn for_passkeys() -> Vec<Route> {
    use Access::{People, Programs};
    let routes = vec![
        read(links::PASSKEY_ADD, People, passkeys::add),
        send(links::PASSKEY_ADD, People, passkeys::prove_to_add),
        send(links::PASSKEY_BEGIN, Programs, passkey_calls::begin),
        send(links::PASSKEY_FINISH, Programs, passkey_calls::finish),
        read(links::PASSKEY_ACCEPTED, Programs, passkey_calls::accepted),
        send(
            "/account/security/passkeys/{id}/name",
            People,
            passkeys::name,
        ),
        read(
            "/account/security/passkeys/{id}/name",
            People,
            security::to_page,
        ),
        read(
            "/account/security/passkeys/{id}/remove",
            People,
            passkeys::ask_to_remove,
        ),
        send(
            "/account/security/passkeys/{id}/remove",
            People,
            passkeys::remove,
        ),
    ];
    let routes = routes.into_iter().map(setting_up);
    routes.map(own_device).collect()
}

/// One's own e-mail address.
fn for_addresses() -> Vec<Route> {
    use Access::{People, Programs};
    let call = "/api/v1/profile/email";
    let remove = delete(api::email_change::cancel);
    vec![
        own_device(read(links::EMAIL, People, email_change::get)),
        own_device(send(links::EMAIL, People, email_change::post)),
        own_device(send(
            "/account/profile/email/cancel",
            People,
            email_change::cancel,
        )),
        read("/account/profile/email/cancel", People, profile::account),
        own_device(send(call, Programs, api::email_change::ask)),
        own_device(route(facts("DELETE", call, Programs), remove)),
    ]
}

/// What of the account is good, and what to do next.
fn for_check_up() -> Vec<Route> {
    use Access::People;
    vec![
        read(links::CHECK_UP, People, check_up::get),
        own_device(send(
            "/account/history/reviewed",
            People,
            check_up::reviewed,
        )),
        read("/account/history/reviewed", People, check_up::to_history),
    ]
}

/// Signing in on another computer: there, and on one's own device.
fn for_phones() -> Vec<Route> {
    use Access::{Everyone, People};
    vec![
        read(links::LOGIN_PHONE, Everyone, phone_wait::get),
        send(links::LOGIN_PHONE, Everyone, phone_wait::post),
        send("/login/phone/cancel", Everyone, phone_wait::cancel),
        read("/login/phone/cancel", Everyone, phone_wait::to_page),
        send("/login/phone/continue", Everyone, phone_wait::go_on),
        read("/login/phone/continue", Everyone, phone_wait::to_page),
        read(links::PHONE, People, phone_confirm::get),
        send(links::PHONE, People, phone_confirm::post),
        send("/account/phone/confirm", People, phone_confirm::let_in),
        read("/account/phone/confirm", People, phone_confirm::to_page),
        send("/account/phone/refuse", People, phone_confirm::turn_away),
        read("/account/phone/refuse", People, phone_confirm::to_page),
    ]
}

fn for_programs() -> Vec<Route> {
    use Access::{Everyone, Programs};
    vec![
        read("/api/v1/openapi.json", Everyone, api::document::get),
        read("/api/v1/profile", Programs, api::profile::get),
        route(
            facts("PATCH", "/api/v1/profile", Programs),
            patch(api::profile::change),
        ),
        read("/api/v1/sessions", Programs, api::sessions::list),
        own_device(route(
            facts("DELETE", "/api/v1/sessions/{id}", Programs),
            delete(api::sessions::end_one),
        )),
        own_device(send(
            "/api/v1/sessions/{id}/not-me",
            Programs,
            api::sessions::not_me,
        )),
        own_device(send(
            "/api/v1/sessions/log-out-selected",
            Programs,
            api::sessions::end_selected,
        )),
        own_device(send(
            "/api/v1/sessions/log-out-others",
            Programs,
            api::sessions::end_others,
        )),
        own_device(send(
            "/api/v1/sessions/log-out-all",
            Programs,
            api::sessions::end_all,
        )),
        own_device(send("/api/v1/proof", Programs, api::proof::give)),
        own_device(send(
            links::PROOF_PASSKEY,
            Programs,
            api::proof::begin_passkey,
        )),
        read("/api/v1/history", Programs, api::history::list),
        read("/api/v1/factors", Programs, api::factors::list),
        own_device(route(
            facts(
                "DELETE",
                "/api/v1/factors/authenticator-apps/{id}",
                Programs,
            ),
            delete(api::factors::remove_app),
        )),
    ]
}

/// What the list states, for tests and documentation.
pub fn list() -> Vec<RouteFacts> {
    routes().into_iter().map(|route| route.facts).collect()
}

/// Builds the router from the list.
pub(crate) fn build(app: Arc<App>) -> Router {
    let mut router = Router::new();
    let mut all = routes();
    if app.mailing.shown.is_some() {
        all.extend(for_the_demonstration());
    }
    for Route { facts, service } in all {
        let rule = facts.rule;
        let state = (Arc::clone(&app), rule);
        let guarded = service.layer(middleware::from_fn_with_state(state, guard));
        router = router.route(facts.path, guarded);
    }
    let rule = Rule {
        access: Access::Everyone,
        forgery: Forgery::AskedAbout,
        body_limit: BODY_LIMIT,
        sets_up_factor: false,
        own_device: false,
        from_memory: false,
        power: None,
    };
    let state = (Arc::clone(&app), rule);
    // Behind the guard too: the page must know whether to offer Log out.
    let nothing = any(nothing_here).layer(middleware::from_fn_with_state(state, guard));
    router
        .fallback_service(nothing.with_state(Arc::clone(&app)))
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            envelope::wrap,
        ))
        .with_state(app)
}

async fn nothing_here() -> Failure {
    Failure::not_found()
}
