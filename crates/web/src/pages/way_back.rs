//! The way back to an app, for ways of signing in that lead through pages which know
//! nothing of it: a phone, a new password by mail, a second step that has to be set up
//! first (UI-06).
//!
//! The browser keeps the token of the request that waits in a cookie, and nothing else:
//! what was asked stands in the database, and its time runs there. Only such a request
//! can be meant by it, so it leads to no other address, and never to one that logs out
//! (B13). The cookie is set where the person is sent to sign in or to set up, and goes
//! when a session begins.

use nightlatch_protocols::oidc::authorize;

use crate::cookies::{self, Jar};
use crate::failure::Failure;
use crate::guard::Visit;
use crate::links;
use crate::views::TowardApp;

/// The request that waits for the person of this browser, if there is one and its time
/// is not over.
pub(crate) async fn find(visit: &Visit) -> Result<Option<TowardApp>, Failure> {
    let Some(token) = &visit.way else {
        return Ok(None);
    };
    let expected = authorize::expected(&visit.app.store, visit.now, token).await?;
    Ok(expected.map(|expected| TowardApp {
        href: links::waiting_request(&token.reveal()),
        app: expected.app,
    }))
}

/// The sign-in page, which leads back to the request that waits, if one does.
pub(crate) async fn login(visit: &Visit) -> Result<String, Failure> {
    Ok(match find(visit).await? {
        Some(way) => links::login_returning(&way.href, false),
        None => links::LOGIN.to_owned(),
    })
}

/// Where somebody goes who has set up what was demanded: back to the request that waits,
/// or else to `usual`.
pub(crate) async fn or(visit: &Visit, usual: &str, jar: &mut Jar) -> Result<String, Failure> {
    Ok(match find(visit).await? {
        Some(way) => {
            jar.remove(cookies::WAY);
            way.href
        }
        None => usual.to_owned(),
    })
}
