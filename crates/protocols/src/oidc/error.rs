//! What can be wrong with an authorization request, and who is told (OIDC-03,
//! OIDC-21).
//!
//! As long as it is not certain whose request it is and where its app wants its
//! answer, the person is told on a page of ours and nobody is sent anywhere.

/// An error of the authorization endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OidcError {
    /// No app has this `client_id`, or none was named.
    UnknownClient,
    /// The app was withdrawn.
    WithdrawnClient,
    /// `client_id` or `redirect_uri` came more than once: two readers would
    /// disagree on which one counts.
    AmbiguousClient,
    /// No `redirect_uri`.
    MissingRedirectUri,
    /// A `redirect_uri` that is not registered, letter by letter.
    UnregisteredRedirectUri,
    /// More than is kept.
    TooLong,
    /// `invalid_request`, with a word on what is wrong.
    InvalidRequest(&'static str),
    /// `invalid_scope`.
    InvalidScope,
    /// `unsupported_response_type`.
    UnsupportedResponseType,
    /// `access_denied`: the person said no.
    AccessDenied,
    /// `temporarily_unavailable`.
    TemporarilyUnavailable,
    /// `login_required`.
    LoginRequired,
    /// `interaction_required`.
    InteractionRequired,
    /// `account_selection_required`.
    AccountSelectionRequired,
    /// `consent_required`.
    ConsentRequired,
    /// `request_not_supported`.
    RequestNotSupported,
    /// `request_uri_not_supported`.
    RequestUriNotSupported,
    /// `registration_not_supported`.
    RegistrationNotSupported,
    /// `unmet_authentication_requirements` (OIDC-12).
    UnmetAuthenticationRequirements,
}

impl OidcError {
    /// Whether the app is told, by way of the browser. If not, nobody is sent
    /// anywhere: whoever wrote the address would choose where (OIDC-03).
    pub const fn may_be_returned(self) -> bool {
        !matches!(
            self,
            Self::UnknownClient
                | Self::WithdrawnClient
                | Self::AmbiguousClient
                | Self::MissingRedirectUri
                | Self::UnregisteredRedirectUri
                | Self::TooLong
        )
    }

    /// The value of `error`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownClient | Self::WithdrawnClient => "unauthorized_client",
            Self::AmbiguousClient
            | Self::MissingRedirectUri
            | Self::UnregisteredRedirectUri
            | Self::TooLong
            | Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::AccessDenied => "access_denied",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::LoginRequired => "login_required",
            Self::InteractionRequired => "interaction_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::ConsentRequired => "consent_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
        }
    }

    /// `error_description`: for whoever builds the app, in ASCII without quotes.
    pub const fn description(self) -> &'static str {
        match self {
            Self::UnknownClient => "no app is registered under this client_id",
            Self::WithdrawnClient => "this app was withdrawn",
            Self::AmbiguousClient => "client_id and redirect_uri must come once",
            Self::MissingRedirectUri => "redirect_uri is missing",
            Self::UnregisteredRedirectUri => "this redirect_uri is not registered for the app",
            Self::TooLong => "the request is too long",
            Self::InvalidRequest(what) => what,
            Self::InvalidScope => "scope must contain openid",
            Self::UnsupportedResponseType => "the only response_type here is code",
            Self::AccessDenied => "the person did not agree",
            Self::TemporarilyUnavailable => "please try again in a moment",
            Self::LoginRequired => "the person has to sign in",
            Self::InteractionRequired => "the person has to do something here first",
            Self::AccountSelectionRequired => "the person has to choose another account",
            Self::ConsentRequired => "the person has not agreed to this yet",
            Self::RequestNotSupported => "the parameter request is not supported",
            Self::RequestUriNotSupported => "the parameter request_uri is not supported",
            Self::RegistrationNotSupported => "the parameter registration is not supported",
            Self::UnmetAuthenticationRequirements => {
                "the person cannot prove who they are as strongly as was asked for"
            }
        }
    }
}
