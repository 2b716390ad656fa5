//! What apps call that pull their logouts.

use super::{Access, Route, send};
use crate::feed;

pub(super) fn routes() -> Vec<Route> {
    vec![send("/oauth2/events/poll", Access::Apps, feed::poll)]
}
