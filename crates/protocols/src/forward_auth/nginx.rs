//! nginx (`ngx_http_auth_request_module`). It sends nothing by itself; our
//! configuration writes the whole address and the method into two headers of ours.

use http::HeaderName;

use super::{Asked, Target, Unreadable};

/// The address under which the browser reached nginx, path and query included.
static URL: HeaderName = HeaderName::from_static("x-original-url");
static METHOD: HeaderName = HeaderName::from_static("x-original-method");

pub(super) fn read(asked: &Asked<'_>) -> Result<Target, Unreadable> {
    let unreadable = || Unreadable(URL.as_str());
    let url = asked.single(&URL)?;
    let (scheme, rest) = url.split_once("://").ok_or_else(unreadable)?;
    let path_at = rest.find('/').ok_or_else(unreadable)?;
    let (authority, path_and_query) = rest.split_at(path_at);
    Target::new((scheme, authority), asked.single(&METHOD)?, path_and_query)
}
