//! The answer to an authorization request, on its way back to the app.

use super::request::{AuthorizationRequest, Parameters, ResponseMode};
use crate::oidc::error::OidcError;

/// What the browser carries to the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Where; registered.
    pub redirect_uri: String,
    /// How.
    pub mode: ResponseMode,
    /// What. Always with `iss`, so that no app takes our answer for another
    /// server's (OIDC-07, RFC 9207).
    pub parameters: Vec<(&'static str, String)>,
}

impl Answer {
    /// A code.
    pub fn code(request: &AuthorizationRequest, code: String, issuer: &str) -> Self {
        let mut parameters = vec![("code", code)];
        parameters.extend(request.state.clone().map(|state| ("state", state)));
        parameters.push(("iss", issuer.to_owned()));
        Self {
            redirect_uri: request.redirect_uri.clone(),
            mode: request.response_mode,
            parameters,
        }
    }

    /// An error of a request that passed the checks.
    pub fn error(request: &AuthorizationRequest, error: OidcError, issuer: &str) -> Self {
        Self {
            redirect_uri: request.redirect_uri.clone(),
            mode: request.response_mode,
            parameters: described(error, request.state.clone(), issuer),
        }
    }

    /// An error of a request that did not pass, but whose app and address are
    /// certain; `None` if they are not.
    pub(super) fn refusal(parameters: &Parameters, error: OidcError, issuer: &str) -> Option<Self> {
        if !error.may_be_returned() {
            return None;
        }
        // Which of two would be the right one, nobody knows.
        let state = parameters
            .get("state")
            .filter(|_| !parameters.is_repeated("state"));
        Some(Self {
            redirect_uri: parameters.get("redirect_uri")?.to_owned(),
            mode: ResponseMode::of(parameters).unwrap_or_default(),
            parameters: described(error, state.map(str::to_owned), issuer),
        })
    }

    /// The address for [`ResponseMode::Query`]. A query that was registered stays
    /// as it is.
    pub fn location(&self) -> String {
        let mut written = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.parameters {
            written.append_pair(name, value);
        }
        let between = match self.redirect_uri.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some((_, query)) if query.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{}{between}{}", self.redirect_uri, written.finish())
    }
}

fn described(error: OidcError, state: Option<String>, issuer: &str) -> Vec<(&'static str, String)> {
    let mut parameters = vec![
        ("error", error.code().to_owned()),
        ("error_description", error.description().to_owned()),
    ];
    parameters.extend(state.map(|state| ("state", state)));
    parameters.push(("iss", issuer.to_owned()));
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(redirect_uri: &str) -> Answer {
        Answer {
            redirect_uri: redirect_uri.to_owned(),
            mode: ResponseMode::Query,
            parameters: vec![
                ("code", "c".to_owned()),
                ("state", "a b&c=d#\u{e9}".to_owned()),
                ("iss", "https://login.example.com".to_owned()),
            ],
        }
    }

    #[test]
    fn oidc_07_15_the_registered_address_stays_and_the_state_comes_back() {
        let tail =
            "code=c&state=a+b%26c%3Dd%23%C3%A9&iss=https%3A%2F%2Flogin.example.com".to_owned();
        for (registered, start) in [
            ("https://crm.example.com/cb", "https://crm.example.com/cb?"),
            ("https://crm.example.com/cb?", "https://crm.example.com/cb?"),
            (
                "https://crm.example.com/cb?x=%20y",
                "https://crm.example.com/cb?x=%20y&",
            ),
            (
                "https://crm.example.com/cb?x&",
                "https://crm.example.com/cb?x&",
            ),
            ("com.example.app:/cb", "com.example.app:/cb?"),
        ] {
            assert_eq!(answer(registered).location(), format!("{start}{tail}"));
        }
    }
}
