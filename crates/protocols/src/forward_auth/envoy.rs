//! Envoy (`ext_authz` with an HTTP service). It asks with the method of the request,
//! keeps `Host`, and puts path and query behind the prefix that it was given.

use http::header::HOST;

use super::traefik::PROTOCOL;
use super::{Asked, PATH, Proxy, Target, Unreadable};

pub(super) fn read(asked: &Asked<'_>) -> Result<Target, Unreadable> {
    let path_and_query = asked
        .path_and_query
        .strip_prefix(PATH)
        .and_then(|rest| rest.strip_prefix(Proxy::Envoy.name()))
        .ok_or(Unreadable("address"))?;
    let origin = (asked.single(&PROTOCOL)?, asked.single(&HOST)?);
    Target::new(origin, asked.method.as_str(), path_and_query)
}
