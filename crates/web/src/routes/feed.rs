//! What apps call that pull their logouts.

use super::{Access, Forgery, Route, send};
use crate::feed;

pub(super) fn routes() -> Vec<Route> {
    // An app proves itself with its secret; cookies count for nothing there.
    let mut poll = send("/oauth2/events/poll", Access::Everyone, feed::poll);
    poll.facts.rule.forgery = Forgery::AskedAbout;
    vec![poll]
}
