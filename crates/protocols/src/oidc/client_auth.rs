//! How an app proves that it is the one (OIDC-19).
//!
//! With its secret (in a header or in the form), with an assertion that it signs, or
//! not at all, if it was registered as an app that can keep no secret. Exactly one
//! way at a time, and only the one that was registered. An app that does not exist,
//! one that was withdrawn and a wrong secret are one answer after equal work.
//!
//! Guesses are not throttled: secrets are 256 random bits that we made, so counting
//! tries protects nothing and would let a stranger lock an app out.

mod assertion;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nightlatch_domain::ids::ClientId;
use nightlatch_domain::relying_party::{ClientAuthentication, RelyingParty, RelyingPartyStatus};
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_storage::{StorageError, relying_parties, used_assertions};
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::Provider;
use super::parameters::Parameters;
use super::refusal::{EndpointError, Refusal, RefusalCode};

/// The value of `client_assertion_type` (RFC 7523 section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The one answer to whoever is not the app.
const NOT_PROVED: Refusal = Refusal::new(
    RefusalCode::InvalidClient,
    "The client is unknown, or did not authenticate as it was registered.",
);

/// What an app presents.
enum Presented {
    Secret(ClientId, TokenDigest),
    Assertion(Option<ClientId>, Zeroizing<String>),
    Nothing(ClientId),
}

/// The app that calls, proved. `authorization` is the header of that name. What the
/// app then asks for must still look whether it was withdrawn meanwhile.
pub async fn authenticate(
    provider: &Provider<'_>,
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<RelyingParty, EndpointError> {
    let presented = read(authorization, parameters)?;
    prove(provider, presented, Standing::Active).await
}

async fn prove(
    provider: &Provider<'_>,
    presented: Presented,
    standing: Standing,
) -> Result<RelyingParty, EndpointError> {
    match presented {
        Presented::Secret(id, secret) => {
            let client = find(provider, id, standing).await?;
            Ok(by_secret(client, secret).ok_or(NOT_PROVED)?)
        }
        Presented::Nothing(id) => {
            let client = find(provider, id, standing).await?;
            let client = client.filter(|client| client.registration.is_public());
            Ok(client.ok_or(NOT_PROVED)?)
        }
        Presented::Assertion(named, text) => by_assertion(provider, (named, standing), &text).await,
    }
}

/// Like [`authenticate`], for endpoints at which an app without secret has no
/// business (TOK-07).
pub async fn authenticate_confidential(
    provider: &Provider<'_>,
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<RelyingParty, EndpointError> {
    let client = authenticate(provider, authorization, parameters).await?;
    if client.registration.is_public() {
        return Err(NOT_PROVED.into());
    }
    Ok(client)
}

/// Like [`authenticate_confidential`], for the app that comes for its logouts. One that
/// was withdrawn gets in here alone; whether it is owed any is for the caller to ask.
pub async fn authenticate_reader(
    provider: &Provider<'_>,
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<RelyingParty, EndpointError> {
    let presented = read(authorization, parameters)?;
    let client = prove(provider, presented, Standing::AlsoWithdrawn).await?;
    if client.registration.is_public() {
        return Err(NOT_PROVED.into());
    }
    Ok(client)
}

/// Which apps are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Active,
    AlsoWithdrawn,
}

/// The app, if it proves itself by a secret and this is it. Compared in any case, so
/// that time does not tell what was wrong.
fn by_secret(client: Option<RelyingParty>, secret: TokenDigest) -> Option<RelyingParty> {
    let expected = client.as_ref().and_then(|client| client.secret);
    let nobody = TokenDigest::of(b"no app has this secret");
    let is_right = expected.unwrap_or(nobody) == secret && expected.is_some();
    client.filter(|client| {
        is_right && client.registration.authentication == ClientAuthentication::Secret
    })
}

async fn by_assertion(
    provider: &Provider<'_>,
    (named, standing): (Option<ClientId>, Standing),
    text: &str,
) -> Result<RelyingParty, EndpointError> {
    let id = assertion::claimed_client(text).ok_or(NOT_PROVED)?;
    if named.is_some_and(|named| named != id) {
        return Err(NOT_PROVED.into());
    }
    let client = find(provider, id, standing).await?.ok_or(NOT_PROVED)?;
    let ClientAuthentication::PrivateKeyJwt { jwks } = &client.registration.authentication else {
        return Err(NOT_PROVED.into());
    };
    let now = provider.moment.now;
    let used = assertion::verify(text, jwks, (id, provider.issuer), now).map_err(|problem| {
        // Whoever runs the app finds out here why; the answer must not say.
        tracing::info!(app = %id, problem, "an assertion of an app was refused");
        NOT_PROVED
    })?;
    let is_new: bool = provider
        .store
        .write::<_, StorageError, _>(move |tx| {
            used_assertions::use_up(tx, used.digest, used.remember_until)
        })
        .await?;
    if !is_new {
        tracing::warn!(app = %id, "an assertion of an app came twice");
        return Err(NOT_PROVED.into());
    }
    Ok(client)
}

/// The app of this id, if it may be used.
async fn find(
    provider: &Provider<'_>,
    id: ClientId,
    standing: Standing,
) -> Result<Option<RelyingParty>, StorageError> {
    let found = provider
        .store
        .read(move |tx| relying_parties::find(tx, id))
        .await?;
    Ok(found.filter(|client| {
        standing == Standing::AlsoWithdrawn || client.status == RelyingPartyStatus::Active
    }))
}

fn read(authorization: Option<&str>, parameters: &Parameters) -> Result<Presented, Refusal> {
    const SEVERAL: Refusal =
        Refusal::request("The client authenticates in more than one way; use one.");
    let in_form = parameters.get("client_id");
    let secret = parameters.get("client_secret");
    let assertion = parameters.get("client_assertion");
    if let Some(header) = authorization {
        if secret.is_some() || assertion.is_some() {
            return Err(SEVERAL);
        }
        let (id, secret) = read_basic(header).ok_or(NOT_PROVED)?;
        if in_form.is_some_and(|named| named != id) {
            return Err(NOT_PROVED);
        }
        return Ok(Presented::Secret(client_id(&id)?, digest(&secret)));
    }
    match (secret, assertion) {
        (Some(_), Some(_)) => Err(SEVERAL),
        (Some(secret), None) => {
            let id = client_id(in_form.ok_or(NOT_PROVED)?)?;
            Ok(Presented::Secret(id, digest(secret)))
        }
        (None, Some(text)) => {
            if parameters.get("client_assertion_type") != Some(ASSERTION_TYPE) {
                return Err(Refusal::request(
                    "client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer.",
                ));
            }
            let named = in_form.map(client_id).transpose()?;
            Ok(Presented::Assertion(named, Zeroizing::new(text.to_owned())))
        }
        (None, None) => Ok(Presented::Nothing(client_id(in_form.ok_or(NOT_PROVED)?)?)),
    }
}

/// Identifier and secret of the header, each encoded like a form (RFC 6749 section
/// 2.3.1).
fn read_basic(header: &str) -> Option<(String, Zeroizing<String>)> {
    let (scheme, rest) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = Zeroizing::new(STANDARD.decode(rest.trim()).ok()?);
    let text = std::str::from_utf8(&bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((decoded(id), Zeroizing::new(decoded(secret))))
}

fn decoded(part: &str) -> String {
    // A name without a value: what the parser makes of `=` and `&` in it would be
    // something else, and neither stands in what we gave out.
    form_urlencoded::parse(part.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

/// Letter by letter as we gave it out: `aud` is compared so by every app.
fn client_id(text: &str) -> Result<ClientId, Refusal> {
    let id: ClientId = text.parse().map_err(|_| NOT_PROVED)?;
    if id.to_string() == text {
        Ok(id)
    } else {
        Err(NOT_PROVED)
    }
}

fn digest(secret: &str) -> TokenDigest {
    Token::parse(secret).map_or_else(|| TokenDigest::of(secret.as_bytes()), |one| one.digest())
}

#[cfg(test)]
mod tests;
