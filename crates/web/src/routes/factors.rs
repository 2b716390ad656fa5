//! The routes on which second factors are set up. They are also for sessions that
//! must do that before anything else (POL-04).

use super::{Access, Route, own_device, read, send, setting_up};
use crate::links;
use crate::pages::factors::{authenticator_apps, code_used, recovery_codes};
use crate::pages::security;

pub(super) fn routes() -> Vec<Route> {
    use Access::People;
    let page = read("/account/security", People, security::get);
    let routes = vec![
        send(
            "/account/security/authenticator-apps",
            People,
            authenticator_apps::begin,
        ),
        read(
            "/account/security/authenticator-apps/{id}/set-up",
            People,
            authenticator_apps::set_up,
        ),
        send(
            "/account/security/authenticator-apps/{id}/set-up",
            People,
            authenticator_apps::confirm,
        ),
        send(
            "/account/security/authenticator-apps/{id}/rename",
            People,
            authenticator_apps::rename,
        ),
        read(
            "/account/security/authenticator-apps/{id}/remove",
            People,
            authenticator_apps::ask_to_remove,
        ),
        send(
            "/account/security/authenticator-apps/{id}/remove",
            People,
            authenticator_apps::remove,
        ),
        read(
            "/account/security/recovery-codes",
            People,
            recovery_codes::get,
        ),
        send(
            "/account/security/recovery-codes",
            People,
            recovery_codes::make,
        ),
        read(links::RECOVERY_CODE_USED, People, code_used::get),
        send(
            "/account/security/recovery-codes/download",
            People,
            recovery_codes::download,
        ),
        read(
            "/account/security/authenticator-apps",
            People,
            security::to_page,
        ),
        read(
            "/account/security/authenticator-apps/{id}/rename",
            People,
            security::to_page,
        ),
        read(
            "/account/security/recovery-codes/download",
            People,
            security::to_page,
        ),
    ];
    let mut routes: Vec<Route> = routes.into_iter().map(own_device).collect();
    // The page itself says what cannot be done here.
    routes.push(page);
    routes.into_iter().map(setting_up).collect()
}
