//! The routes of the OpenID Provider.

use super::{Access, Forgery, Route, own_device, read, send};
use crate::links;
use crate::oidc::authorize;

pub(super) fn routes() -> Vec<Route> {
    use Access::Everyone;
    // Apps may send people with a form of theirs (Core 3.1.2.1).
    let mut by_form = send(links::AUTHORIZE, Everyone, authorize::post);
    by_form.facts.rule.forgery = Forgery::AskedAbout;
    vec![
        read(links::AUTHORIZE, Everyone, authorize::get),
        by_form,
        read("/oauth2/authorize/{token}", Everyone, authorize::resume),
        send(
            "/oauth2/authorize/{token}/account",
            Everyone,
            authorize::choose,
        ),
        read(
            "/oauth2/authorize/{token}/account",
            Everyone,
            authorize::to_page,
        ),
        send(
            "/oauth2/authorize/{token}/consent",
            Everyone,
            authorize::agree,
        ),
        read(
            "/oauth2/authorize/{token}/consent",
            Everyone,
            authorize::to_page,
        ),
        own_device(send(
            "/oauth2/authorize/{token}/proof",
            Everyone,
            authorize::prove,
        )),
        read(
            "/oauth2/authorize/{token}/proof",
            Everyone,
            authorize::to_page,
        ),
        send(
            "/oauth2/authorize/{token}/decline",
            Everyone,
            authorize::decline,
        ),
        read(
            "/oauth2/authorize/{token}/decline",
            Everyone,
            authorize::to_page,
        ),
    ]
}
