//! What forms and addresses bring.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use nightlatch_domain::secret::Password;
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::views::Problem;

/// The fields of a form. They may hold a password, so they are wiped from memory
/// and cannot be printed.
pub(crate) struct Fields(Vec<(String, Zeroizing<String>)>);

impl Fields {
    /// No fields, for a page that asks as if none had come.
    pub(crate) fn empty() -> Self {
        Self(Vec::new())
    }

    /// The value of a field; empty if it is missing.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(found, _)| found == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// All values of a field that may come several times.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// All fields as they came, for a protocol that has its own rules.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        pairs(&self.0)
    }

    /// Whether a box is checked.
    pub(crate) fn is_checked(&self, name: &str) -> bool {
        !matches!(self.get(name), "" | "no" | "false" | "0")
    }

    /// A password field; `None` if it is longer than any password may be.
    pub(crate) fn password(&self, name: &str) -> Option<Password> {
        Password::typed(self.get(name))
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let is_form = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| {
                let essence = value.split(';').next().unwrap_or_default().trim();
                essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
            });
        if !is_form {
            return Err(Failure::new(Problem::UnsupportedType));
        }
        let bytes =
            Bytes::from_request(request, state)
                .await
                .map_err(|rejection| match rejection.into_response().status() {
                    StatusCode::PAYLOAD_TOO_LARGE => Failure::new(Problem::TooLarge),
                    _ => Failure::new(Problem::BadRequest),
                })?;
        read(&bytes).map(Self)
    }
}

/// The values behind the question mark.
pub(crate) struct Query(Vec<(String, Zeroizing<String>)>);

impl Query {
    /// The value of a name; empty if it is missing.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(found, _)| found == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// All values as they came, for a protocol that has its own rules.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        pairs(&self.0)
    }
}

fn pairs(all: &[(String, Zeroizing<String>)]) -> impl Iterator<Item = (String, String)> {
    all.iter()
        .map(|(name, value)| (name.clone(), String::clone(value)))
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        read(parts.uri.query().unwrap_or_default().as_bytes()).map(Self)
    }
}

/// Reads pairs. A NUL character is refused here, once: no name, address or
/// password of ours holds one, and PostgreSQL cannot store it.
fn read(bytes: &[u8]) -> Result<Vec<(String, Zeroizing<String>)>, Failure> {
    let pairs: Vec<_> = form_urlencoded::parse(bytes)
        .map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned())))
        .collect();
    let has_nul = |text: &str| text.contains('\0');
    if pairs
        .iter()
        .any(|(name, value)| has_nul(name) || has_nul(value))
    {
        return Err(Failure::new(Problem::BadRequest));
    }
    Ok(pairs)
}
