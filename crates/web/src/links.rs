//! Paths, and which of them may be returned to.

use nightlatch_domain::secret::Token;
use nightlatch_protocols::oidc::discovery::paths;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::public_url::PublicUrl;

pub(crate) const START: &str = "/";
pub(crate) const LOGIN: &str = "/login";
pub(crate) const LOGOUT: &str = "/logout";
pub(crate) const FACTOR: &str = "/login/factor";
pub(crate) const LOGIN_PHONE: &str = "/login/phone";
pub(crate) const PHONE: &str = "/account/phone";
pub(crate) const HELP: &str = "/help";
pub(crate) const SIGNED_OUT: &str = "/signed-out";
pub(crate) const END_SESSION: &str = "/oauth2/logout";
pub(crate) const END_SESSION_CONTINUE: &str = "/oauth2/logout/continue";
pub(crate) const APPS: &str = "/account/apps";
pub(crate) const ENDINGS: &str = "/account/endings";
pub(crate) const PROFILE: &str = "/account/profile";
pub(crate) const EMAIL: &str = "/account/profile/email";
pub(crate) const SECURITY: &str = "/account/security";
pub(crate) const AUTHENTICATOR_APPS: &str = "/account/security/authenticator-apps";
pub(crate) const RECOVERY_CODES: &str = "/account/security/recovery-codes";
pub(crate) const RECOVERY_CODE_USED: &str = "/account/security/recovery-code-used";
pub(crate) const SESSIONS: &str = "/account/sessions";
pub(crate) const CHECK_UP: &str = "/account/security/check-up";
pub(crate) const HISTORY: &str = "/account/history";
pub(crate) const ADMIN_PEOPLE: &str = "/admin/people";

/// Where apps send people, and the address of each request that waits.
pub(crate) const AUTHORIZE: &str = "/oauth2/authorize";

pub(crate) const PASSKEY_BEGIN: &str = "/account/security/passkeys/begin";
pub(crate) const PASSKEY_FINISH: &str = "/account/security/passkeys/finish";
pub(crate) const PASSKEY_ACCEPTED: &str = "/account/security/passkeys/accepted";
pub(crate) const PASSKEY_ADD: &str = "/account/security/passkeys/add";
pub(crate) const PASSKEY_SIGN_IN_BEGIN: &str = "/login/passkey/begin";
pub(crate) const PASSKEY_SIGN_IN_FINISH: &str = "/login/passkey/finish";
pub(crate) const PASSKEY_SECOND_STEP: &str = "/login/passkey/second-step";
pub(crate) const PROOF_PASSKEY: &str = "/api/v1/proof/passkey";

/// What apps call: errors are told as documents.
pub(crate) const FOR_APPS: [&str; 6] = [
    paths::DISCOVERY,
    paths::JWKS,
    paths::TOKEN,
    paths::USERINFO,
    paths::INTROSPECT,
    paths::REVOKE,
];

/// What the script for passkeys calls; it reads JSON, whatever happens.
pub(crate) const PASSKEY_CALLS: [&str; 6] = [
    PASSKEY_BEGIN,
    PASSKEY_FINISH,
    PASSKEY_ACCEPTED,
    PASSKEY_SIGN_IN_BEGIN,
    PASSKEY_SIGN_IN_FINISH,
    PASSKEY_SECOND_STEP,
];

/// The longest return address, in bytes.
const LONGEST: usize = 1024;

/// What stays readable inside a query value.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// Prefixes that nobody is ever sent back to: going there would log out again
/// (B13), loop, or show a raw answer.
const NEVER: [&str; 11] = [
    "/alert",
    "/demo",
    "/email",
    "/login",
    "/logout",
    "/oauth2",
    "/signed-out",
    "/session",
    "/api",
    "/set-up",
    "/assets",
];

/// A checked path of this server to return to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReturnPath(String);

impl ReturnPath {
    /// Reads a return address that a browser sent; anything but a plain path of
    /// this server is refused, so that nobody is sent elsewhere (OIDC-21).
    pub(crate) fn parse(text: &str, ours: &PublicUrl) -> Option<Self> {
        if text.len() > LONGEST || !text.starts_with('/') || text.contains(['\\', '\r', '\n', '\t'])
        {
            return None;
        }
        let url = url::Url::parse(ours.origin()).ok()?.join(text).ok()?;
        if url.origin().ascii_serialization() != ours.origin() {
            return None;
        }
        let path = url.path();
        let forbidden = NEVER.iter().any(|prefix| {
            path == *prefix
                || path
                    .strip_prefix(prefix)
                    .is_some_and(|rest| rest.starts_with('/'))
        });
        // Of the protocol's addresses only that of a request that waits.
        let is_waiting = request_token(path).is_some() && url.query().is_none();
        if (forbidden && !is_waiting) || path.starts_with("//") {
            return None;
        }
        Some(Self(match url.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        }))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The address of an app's request that waits.
pub(crate) fn waiting_request(token: &str) -> String {
    format!("{AUTHORIZE}/{token}")
}

/// Where the receipt of a Log out on a protected host is taken over.
pub(crate) fn take_receipt(token: &str) -> String {
    format!("{SIGNED_OUT}/take/{token}")
}

/// The token in the address of a request that waits.
pub(crate) fn request_token(path: &str) -> Option<Token> {
    Token::parse(path.strip_prefix(AUTHORIZE)?.strip_prefix('/')?)
}

/// The sign-in page that leads back to a request that waits; for another account
/// than the one that is signed in, if there is one.
pub(crate) fn login_returning(back: &str, switch: bool) -> String {
    let back = utf8_percent_encode(back, IN_QUERY);
    let switch = if switch { "switch=yes&" } else { "" };
    format!("{LOGIN}?{switch}return_to={back}")
}

/// The sign-in page that leads back to a path.
pub(crate) fn login_returning_to(path: Option<&ReturnPath>) -> String {
    match path {
        Some(path) if path.as_str() != START => {
            format!(
                "{LOGIN}?return_to={}",
                utf8_percent_encode(path.as_str(), IN_QUERY)
            )
        }
        _ => LOGIN.to_owned(),
    }
}

/// The page after a sign-in with a recovery code, which leads on to a path that was
/// checked, or is empty.
pub(crate) fn recovery_code_used(on_to: &str) -> String {
    if on_to.is_empty() {
        return RECOVERY_CODE_USED.to_owned();
    }
    let on_to = utf8_percent_encode(on_to, IN_QUERY);
    format!("{RECOVERY_CODE_USED}?return_to={on_to}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oidc_21_b13_only_plain_paths_of_ours() {
        let ours = PublicUrl::parse("https://login.example.com").expect("an address");
        let parse = |text: &str| ReturnPath::parse(text, &ours).map(|path| path.0);
        assert_eq!(
            parse("/account/sessions?page=2"),
            Some("/account/sessions?page=2".to_owned())
        );
        assert_eq!(
            parse("/account/../account/security"),
            Some("/account/security".to_owned())
        );
        for bad in [
            "",
            "account",
            "//evil.test",
            "///evil.test",
            "/\\evil.test",
            "https://evil.test/",
            "/\t/evil.test",
            "/logout",
            "/logout?x",
            "/login",
            "/login/factor",
            "/x/../logout",
            "/signed-out",
            "/api/v1/profile",
            "/..//evil.test",
            "/oauth2/logout",
            "/oauth2/logout?id_token_hint=x",
            "/oauth2/authorize",
            "/oauth2/authorize?client_id=x&prompt=none",
            "/oauth2/authorize/../logout",
            "/oauth2/authorize/short",
            "/oauth2/authorize/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/decline",
            "/oauth2/authorize/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA?x",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert!(parse("/loginhistory").is_some());
        let waiting = "/oauth2/authorize/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(parse(waiting), Some(waiting.to_owned()));
    }

    #[test]
    fn the_way_back_is_encoded() {
        let ours = PublicUrl::parse("https://login.example.com").expect("an address");
        let path = ReturnPath::parse("/account/history?show=endings&after=1", &ours);
        assert_eq!(
            login_returning_to(path.as_ref()),
            "/login?return_to=/account/history%3Fshow%3Dendings%26after%3D1"
        );
    }
}
