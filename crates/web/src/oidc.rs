//! The OpenID Provider over HTTP: reads requests, asks `nightlatch-protocols`, and
//! writes answers. It decides nothing.

pub(crate) mod authorize;
mod pages;
