//! How the endpoints that apps call say no (RFC 6749 section 5.2).

use nightlatch_storage::StorageError;

use crate::signing_keys::SigningKeysError;

/// `error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalCode {
    /// Something is missing, malformed or there twice.
    InvalidRequest,
    /// The app did not prove that it is the one.
    InvalidClient,
    /// Code or refresh token are not good, or not for this app.
    InvalidGrant,
    /// The app may not use this.
    UnauthorizedClient,
    /// There is no such grant type here.
    UnsupportedGrantType,
    /// More than was granted.
    InvalidScope,
}

impl RefusalCode {
    /// The name in the protocol.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
        }
    }
}

/// A request that is refused, with a sentence for whoever writes the app. The
/// sentence never says which of several secrets was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// `error`.
    pub code: RefusalCode,
    /// `error_description`; ASCII without quotes and backslashes, as the protocol
    /// wants.
    pub description: &'static str,
}

impl Refusal {
    /// A refusal.
    pub const fn new(code: RefusalCode, description: &'static str) -> Self {
        Self { code, description }
    }

    /// Something is wrong with the request itself.
    pub const fn request(description: &'static str) -> Self {
        Self::new(RefusalCode::InvalidRequest, description)
    }
}

/// Why an endpoint does not answer as asked.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// It is refused.
    #[error("{0:?}")]
    Refused(Refusal),
    /// The database. Never told as a refusal: the app would sign its people out.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The keys.
    #[error(transparent)]
    Signing(SigningKeysError),
}

impl From<Refusal> for EndpointError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<SigningKeysError> for EndpointError {
    fn from(error: SigningKeysError) -> Self {
        match error {
            SigningKeysError::Storage(error) => Self::Storage(error),
            other => Self::Signing(other),
        }
    }
}
