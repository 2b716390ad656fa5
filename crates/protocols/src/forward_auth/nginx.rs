//! nginx (`ngx_http_auth_request_module`). It sends nothing by itself; our
//! configuration writes the whole address and the method into two headers of ours.

use super::{Asked, Target, Unreadable};

/// The address under which the browser reached nginx, path and query included.
const URL: &str = "x-original-url";
const METHOD: &str = "x-original-method";

pub(super) fn read(asked: &Asked<'_>) -> Result<Target, Unreadable> {
    let url = asked.single(URL)?;
    let (scheme, rest) = url.split_once("://").ok_or(Unreadable(URL))?;
    let path_at = rest.find('/').ok_or(Unreadable(URL))?;
    let (authority, path_and_query) = rest.split_at(path_at);
    Target::new((scheme, authority), asked.single(METHOD)?, path_and_query)
}
