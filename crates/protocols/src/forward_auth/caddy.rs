//! Caddy (`forward_auth`). It sends what Traefik sends, and sets the method and the
//! address itself.

use super::traefik::{ADDRESS, HOST, METHOD, PROTOCOL};
use super::{Asked, Target, Unreadable};

pub(super) fn read(asked: &Asked<'_>) -> Result<Target, Unreadable> {
    let origin = (asked.single(&PROTOCOL)?, asked.single(&HOST)?);
    Target::new(origin, asked.single(&METHOD)?, asked.single(&ADDRESS)?)
}
