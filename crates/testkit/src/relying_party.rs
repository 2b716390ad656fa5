//! An app that signs people in through the site, as far as the browser carries it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nightlatch_domain::ids::{ClientId, OrganizationId};
use nightlatch_domain::relying_party::{
    RegisteredUri, Registration, RelyingParty, RelyingPartyStatus,
};
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_storage::authorization_codes::{self, AuthorizationCode};
use nightlatch_storage::relying_parties;

use crate::answer::Answer;
use crate::site::Site;

/// An app that begins a sign-in with PKCE and reads the answer.
#[derive(Debug, Clone)]
pub struct RelyingPartyClient {
    /// `client_id`.
    pub id: ClientId,
    /// What people call it.
    pub name: String,
    /// Where it wants people back.
    pub redirect_uri: String,
    /// What it proves itself with when it exchanges a code (PKCE).
    pub verifier: String,
    /// What it sends and expects back.
    pub state: String,
    /// What it expects in the ID token.
    pub nonce: String,
    issuer: String,
}

impl RelyingPartyClient {
    /// Registers an app of the site's organization.
    pub fn register(site: &Site, name: &str, change: impl FnOnce(&mut Registration)) -> Self {
        Self::register_in(site, site.organization(), name, change)
    }

    /// Registers an app of an organization.
    ///
    /// # Panics
    ///
    /// If its name makes no address.
    pub fn register_in(
        site: &Site,
        organization: OrganizationId,
        name: &str,
        change: impl FnOnce(&mut Registration),
    ) -> Self {
        let moment = site.moment();
        let host = name.to_lowercase().replace(' ', "-");
        let redirect_uri = format!("https://{host}.example/callback");
        let mut registration = Registration {
            redirect_uris: vec![RegisteredUri::parse(&redirect_uri).expect("an address")],
            ..Registration::default()
        };
        change(&mut registration);
        let app = RelyingParty {
            id: ClientId::random(moment.random.as_ref()),
            organization_id: organization,
            name: name.to_owned(),
            registration,
            secret: None,
            status: RelyingPartyStatus::Active,
            epoch: 0,
            created_at: moment.now,
        };
        let id = app.id;
        site.write(move |tx| relying_parties::add(tx, &app));
        Self {
            id,
            name: name.to_owned(),
            redirect_uri,
            verifier: Token::generate(moment.random.as_ref()).reveal(),
            state: "where the person was/é&=#".to_owned(),
            nonce: Token::generate(moment.random.as_ref()).reveal(),
            issuer: site.origin(),
        }
    }

    /// S256 of the verifier (RFC 7636).
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(TokenDigest::of(self.verifier.as_bytes()).to_bytes())
    }

    /// The address to which it sends the browser.
    pub fn authorize_url(&self) -> String {
        self.authorize_url_with(&[])
    }

    /// The same with parameters replaced or added; empty ones are left out.
    pub fn authorize_url_with(&self, changes: &[(&str, &str)]) -> String {
        format!("/oauth2/authorize?{}", self.authorize_form_with(changes))
    }

    /// The same as the fields of a form.
    ///
    /// # Panics
    ///
    /// Never: pairs of text can be written.
    pub fn authorize_form_with(&self, changes: &[(&str, &str)]) -> String {
        let (id, challenge) = (self.id.to_string(), self.challenge());
        let usual = [
            ("client_id", id.as_str()),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("response_type", "code"),
            ("scope", "openid profile email"),
            ("state", self.state.as_str()),
            ("nonce", self.nonce.as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let kept = usual
            .into_iter()
            .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        let pairs: Vec<_> = kept
            .chain(changes.iter().copied())
            .filter(|(_, value)| !value.is_empty())
            .collect();
        serde_urlencoded::to_string(pairs).expect("pairs of text")
    }

    /// The code in an answer that leads back to the app.
    ///
    /// # Panics
    ///
    /// If it leads elsewhere, or brings no code.
    pub fn code_from(&self, answer: &Answer) -> String {
        let code = self.parameter(answer, "code");
        code.unwrap_or_else(|| panic!("no code in {:?}", answer.location()))
    }

    /// The error in an answer that leads back to the app.
    ///
    /// # Panics
    ///
    /// If it leads elsewhere, or brings no error.
    pub fn error_from(&self, answer: &Answer) -> String {
        assert_eq!(self.parameter(answer, "code"), None);
        let error = self.parameter(answer, "error");
        error.unwrap_or_else(|| panic!("no error in {:?}", answer.location()))
    }

    /// What is stored of a code.
    ///
    /// # Panics
    ///
    /// If nothing is.
    pub fn stored(&self, site: &Site, code: &str) -> AuthorizationCode {
        let digest = Token::parse(code).expect("a code").digest();
        let found = site.read(move |tx| authorization_codes::find(tx, digest));
        found.expect("a code that was issued")
    }

    fn parameter(&self, answer: &Answer, name: &str) -> Option<String> {
        assert_eq!(answer.status.as_u16(), 303, "{}", answer.text());
        let location = answer.location().unwrap_or_default();
        let query = location
            .strip_prefix(self.redirect_uri.as_str())
            .and_then(|rest| rest.strip_prefix('?'))
            .unwrap_or_else(|| panic!("it leads to {location}"));
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).expect("pairs");
        let find = |wanted: &str| {
            let mut found = pairs.iter().filter(|(name, _)| name == wanted);
            let first = found.next().map(|(_, value)| value.clone());
            assert!(found.next().is_none(), "{wanted} comes twice in {location}");
            first
        };
        // OIDC-07, OIDC-15.
        assert_eq!(find("iss").as_deref(), Some(self.issuer.as_str()));
        assert_eq!(find("state").as_deref(), Some(self.state.as_str()));
        find(name)
    }
}
