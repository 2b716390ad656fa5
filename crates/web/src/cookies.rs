//! The cookies of this server. Nothing else sets one.
//!
//! Every name but one begins with `__Host-`: such a cookie is `Secure`, has no `Domain`
//! and `Path=/`, so no sibling host can plant or read it (COOK-01). Values are
//! opaque or a code of our own; none says anything about a person (COOK-05).
//! Removal repeats every attribute (COOK-03).

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::ClientId;
use nightlatch_domain::relying_party::protection::CookieDomain;
use nightlatch_domain::secret::Token;
use nightlatch_domain::session::{Session, SessionKind};
use nightlatch_flows::log_out::Renewed;
use nightlatch_flows::remembered_browsers::Trusted;
use nightlatch_protocols::forward_auth::{HOST_COOKIE, STATE_COOKIE, domain_cookie};

/// The one session credential (A11).
pub(crate) const SESSION: &str = "__Host-nightlatch";
/// Holds the forms of somebody who is not signed in; dies at sign-in (SES-06).
pub(crate) const VISITOR: &str = "__Host-nightlatch-visitor";
/// The random identity of a browser profile.
pub(crate) const BROWSER: &str = "__Host-nightlatch-browser";
/// Opens the signed-out page.
pub(crate) const RECEIPT: &str = "__Host-nightlatch-receipt";
/// Held by a browser that shows a code and waits for a phone.
pub(crate) const PHONE: &str = "__Host-nightlatch-phone";
/// What the last action did, as a code, for the next page.
pub(crate) const FLASH: &str = "__Host-nightlatch-flash";

/// What an app asked for when it sent the person here to log out, until they have
/// said yes (RPL-08); sealed.
pub(crate) const PARKED: &str = "__Host-nightlatch-log-out";
/// A sign-in that waits for its second step; no session, and opens nothing else
/// (SES-07).
pub(crate) const PENDING: &str = "__Host-nightlatch-sign-in";
/// By this a browser stands in for the second factor; changes at each use.
pub(crate) const TRUSTED: &str = "__Host-nightlatch-trusted";

/// The request of an app that waits for this browser's person, while they sign in by
/// a way that leads through other pages (UI-06).
pub(crate) const WAY: &str = "__Host-nightlatch-way";

/// Every cookie that this site may keep; for "Reset this browser".
pub(crate) const ALL: [&str; 10] = [
    SESSION, VISITOR, BROWSER, RECEIPT, FLASH, PENDING, TRUSTED, PHONE, PARKED, WAY,
];

/// No browser keeps cookies longer than 400 days (COOK-04).
const LONGEST_SECONDS: u64 = 34_560_000;

/// For how long a sign-in for a protected host may take; a request waits as long.
const STATE_SECONDS: u64 = 60 * 60;

/// How long a receipt is kept.
const RECEIPT_SECONDS: u64 = 15 * 60;

/// The cookies as the browser sent them.
pub(crate) fn all(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(COOKIE)
        .iter()
        // By bytes: browsers send all cookies in one header, and a sibling host
        // must not make ours unreadable by planting one that is not ASCII.
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| std::str::from_utf8(pair).ok())
        // Blanks and tabs, and no other space: a browser keeps those of Unicode as part of
        // a name and sees no `__Host-` behind them, so that any sibling host may plant
        // such a cookie. Cut off here, it would stand in the place of ours.
        .filter_map(|pair| pair.trim_matches([' ', '\t']).split_once('='))
}

/// The value of a cookie as the browser sent it.
pub(crate) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    all(headers)
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// The value of a cookie that holds a token. Whatever is not exactly a token is
/// as good as absent.
pub(crate) fn find_token(headers: &HeaderMap, name: &str) -> Option<Token> {
    find(headers, name).and_then(Token::parse)
}

/// Cookies to be set by an answer.
#[derive(Debug, Default, Clone)]
pub(crate) struct Jar(Vec<HeaderValue>);

impl Jar {
    /// Sets the session cookie. Only a remembered session outlives the browser,
    /// and then until its overall deadline (COOK-04); the server's deadlines hold
    /// whatever the browser does with it.
    pub(crate) fn set_session(&mut self, token: &Token, session: &Session, now: Timestamp) {
        let max_age = (session.life.kind == SessionKind::Remembered)
            .then(|| session.life.deadlines.overall.since(now).as_secs());
        self.set(SESSION, &token.reveal(), max_age);
    }

    /// Sets the cookie of a session that goes on under a new token.
    pub(crate) fn renew_session(&mut self, renewed: &Renewed, now: Timestamp) {
        self.set_session(&renewed.token, &renewed.session, now);
    }

    /// Sets the visitor cookie.
    pub(crate) fn set_visitor(&mut self, token: &Token) {
        self.set(VISITOR, &token.reveal(), None);
    }

    /// Sets the browser cookie.
    pub(crate) fn set_browser(&mut self, token: &Token) {
        self.set(BROWSER, &token.reveal(), Some(LONGEST_SECONDS));
    }

    /// Sets the receipt cookie. On a shared computer nothing outlives the browser
    /// (SHR-01).
    pub(crate) fn set_receipt(&mut self, token: &Token, shared: bool) {
        let max_age = (!shared).then_some(RECEIPT_SECONDS);
        self.set(RECEIPT, &token.reveal(), max_age);
    }

    /// Sets the cookie of a sign-in that waits for its second step. It goes with
    /// the browser, and the server lets it wait ten minutes at most.
    pub(crate) fn set_pending(&mut self, token: &Token) {
        self.set(PENDING, &token.reveal(), None);
    }

    /// Sets the cookie of a browser that stands in for the second factor.
    pub(crate) fn set_trusted(&mut self, trusted: &Trusted, now: Timestamp) {
        let max_age = trusted.expires_at.since(now).as_secs();
        self.set(TRUSTED, &trusted.token.reveal(), Some(max_age));
    }

    /// Sets the cookie of a browser that waits for a phone. It has no term: it is
    /// set on shared computers, and the server limits it to minutes.
    pub(crate) fn set_phone(&mut self, token: &Token) {
        self.set(PHONE, &token.reveal(), None);
    }

    /// Sets the cookie of a request to log out. It goes with the browser, and is good
    /// for minutes.
    pub(crate) fn set_parked(&mut self, sealed: &str) {
        self.set(PARKED, sealed, None);
    }

    /// Sets the cookie of the request that waits. It goes with the browser, and the
    /// server lets a request wait for an hour.
    pub(crate) fn set_way(&mut self, token: &Token) {
        self.set(WAY, &token.reveal(), None);
    }

    /// Sets the flash cookie to a code without spaces or punctuation of cookies.
    /// It goes with the next page, and has no term: it may be set on a shared
    /// computer.
    pub(crate) fn set_flash(&mut self, code: &str) {
        self.set(FLASH, code, None);
    }

    /// Sets the cookie of a browser on a protected host. It goes with the browser: the
    /// next visit gets another without a question while the session lives.
    pub(crate) fn set_host(&mut self, token: &Token) {
        self.set(HOST_COOKIE, &token.reveal(), None);
    }

    /// Sets what a browser keeps on a protected host while it signs in.
    pub(crate) fn set_state(&mut self, token: &Token) {
        self.set(STATE_COOKIE, &token.reveal(), Some(STATE_SECONDS));
    }

    /// Sets the cookie of an app that has one for all of its hosts; without a token, it
    /// goes. The only cookie with a `Domain`, and it opens nothing on our own pages
    /// (FWD-05).
    pub(crate) fn set_domain(
        &mut self,
        app: ClientId,
        domain: &CookieDomain,
        token: Option<&Token>,
    ) {
        let name = domain_cookie(app);
        let value = token.map(Token::reveal).unwrap_or_default();
        let expiry = if token.is_none() { "; Max-Age=0" } else { "" };
        let domain = domain.as_str();
        let text = format!(
            "{name}={value}; Domain={domain}; Path=/; Secure; HttpOnly; SameSite=Lax{expiry}"
        );
        if let Ok(header) = HeaderValue::try_from(text) {
            self.0.push(header);
        }
    }

    /// Removes a cookie.
    pub(crate) fn remove(&mut self, name: &str) {
        self.set(name, "", Some(0));
    }

    fn set(&mut self, name: &str, value: &str, max_age: Option<u64>) {
        let expiry = max_age.map_or_else(String::new, |seconds| {
            format!("; Max-Age={}", seconds.min(LONGEST_SECONDS))
        });
        // The last word counts; an answer sets no cookie twice (RFC 6265 4.1.1).
        let start = format!("{name}=");
        self.0
            .retain(|earlier| !earlier.as_bytes().starts_with(start.as_bytes()));
        let text = format!("{start}{value}; Path=/; Secure; HttpOnly; SameSite=Lax{expiry}");
        if let Ok(header) = HeaderValue::try_from(text) {
            self.0.push(header);
        }
    }

    /// Adds those cookies to an answer of which it does not say anything itself.
    pub(crate) fn apply_missing(self, headers: &mut HeaderMap) {
        for cookie in self.0 {
            let name = name_of(&cookie);
            let said = headers
                .get_all(SET_COOKIE)
                .iter()
                .any(|other| name_of(other) == name);
            if !said {
                headers.append(SET_COOKIE, cookie);
            }
        }
    }

    /// Adds the headers to an answer.
    pub(crate) fn apply(self, headers: &mut HeaderMap) {
        for cookie in self.0 {
            headers.append(SET_COOKIE, cookie);
        }
    }
}

fn name_of(cookie: &HeaderValue) -> Option<&[u8]> {
    cookie.as_bytes().split(|byte| *byte == b'=').next()
}

#[cfg(test)]
mod tests {
    use nightlatch_domain::random::SeededRandom;

    use super::*;

    fn only(jar: Jar) -> String {
        let mut headers = HeaderMap::new();
        jar.apply(&mut headers);
        headers[SET_COOKIE].to_str().expect("text").to_owned()
    }

    #[test]
    fn cook_01_03_setting_and_removing_have_the_same_attributes() {
        let token = Token::generate(&SeededRandom::new(1));
        let mut jar = Jar::default();
        jar.set_visitor(&token);
        assert_eq!(
            only(jar),
            format!(
                "__Host-nightlatch-visitor={}; Path=/; Secure; HttpOnly; SameSite=Lax",
                token.reveal()
            )
        );
        let mut jar = Jar::default();
        jar.remove(SESSION);
        assert_eq!(
            only(jar),
            "__Host-nightlatch=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
        );
    }

    #[test]
    fn odd_cookie_headers_are_as_good_as_none() {
        let token = Token::generate(&SeededRandom::new(1)).reveal();
        let mut headers = HeaderMap::new();
        for value in [
            "",
            ";;;",
            "=",
            "__Host-nightlatch",
            "a=b; __Host-nightlatch=short",
        ] {
            headers.insert(COOKIE, HeaderValue::from_static(value));
            assert!(find_token(&headers, SESSION).is_none(), "{value}");
        }
        headers.insert(
            COOKIE,
            HeaderValue::try_from(format!("x=y;  __Host-nightlatch={token} ; z")).expect("a value"),
        );
        assert!(find_token(&headers, SESSION).is_some());
        headers.insert(
            COOKIE,
            HeaderValue::from_bytes(b"\xff\xfe=1").expect("bytes"),
        );
        assert!(find_token(&headers, SESSION).is_none());
        // COOK-01: what a browser takes for another name is another name.
        for space in ["\u{a0}", "\u{85}", "\u{2003}", "\u{3000}", "\u{feff}"] {
            let planted = format!("{space}__Host-nightlatch={token}");
            headers.insert(
                COOKIE,
                HeaderValue::from_bytes(planted.as_bytes()).expect("bytes"),
            );
            assert!(find_token(&headers, SESSION).is_none(), "{space:?}");
        }
        let planted = [b"x=\xe9; __Host-nightlatch=", token.as_bytes()].concat();
        headers.insert(COOKIE, HeaderValue::from_bytes(&planted).expect("bytes"));
        assert!(find_token(&headers, SESSION).is_some(), "beside an odd one");
    }
}
