//! The proof of whoever changes what opens their account: their second factor, if
//! they have one (MFA-04); otherwise any.

use nightlatch_flows::proof_level::{self, Missing};
use nightlatch_storage::StorageError;

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::pages::{Evidence, Fields, Proved, prove_with};
use crate::views::Proof;

/// A password where more is asked for.
const NOT_THE_PASSWORD: &str = "Your password alone is not enough here, since this changes how you sign in. Please use your second step as well.";

/// What is still to be proved.
pub(crate) async fn missing(person: &Person) -> Result<Missing, Failure> {
    let (session, now) = (person.live.owned.session.clone(), person.visit.now);
    let store = &person.visit.app.store;
    let found: Result<_, StorageError> = store
        .read(move |tx| proof_level::missing(tx, &session, now))
        .await;
    Ok(found?)
}

/// What a form asks for.
pub(crate) async fn proof(person: &Person, error: Option<String>) -> Result<Proof, Failure> {
    Ok(match missing(person).await? {
        Missing::Nothing => Proof::Fresh,
        Missing::Any => Proof::Needed { error, code: false },
        Missing::Second(options) => Proof::Second {
            error,
            code: options.authenticator_app,
            recovery: options.recovery_code,
            passkey: options.passkey,
        },
    })
}

/// What a form with a proof leads to.
pub(crate) enum Proven {
    /// Go on, with these cookies.
    Yes(Jar),
    /// Ask again, saying this.
    No(String),
    /// To the sign-in page.
    SessionOver,
}

/// Takes what a form brings along as proof, if one is missing.
pub(crate) async fn take(person: &Person, fields: &Fields) -> Result<Proven, Failure> {
    let mut jar = Jar::default();
    let missing = missing(person).await?;
    if missing == Missing::Nothing {
        return Ok(Proven::Yes(jar));
    }
    let evidence = match refuse_unfit(missing, Evidence::of_form(fields)) {
        Ok(evidence) => evidence,
        Err(sentence) => return Ok(Proven::No(sentence.to_owned())),
    };
    Ok(match prove_with(person, evidence).await? {
        Proved::Yes(renewed) => {
            jar.renew_session(&renewed, person.visit.now);
            Proven::Yes(jar)
        }
        Proved::No(sentence) => Proven::No(sentence),
        Proved::SessionOver => Proven::SessionOver,
    })
}

/// The evidence, if it can be enough; or what to say instead.
pub(crate) fn refuse_unfit(
    missing: Missing,
    evidence: Option<Evidence>,
) -> Result<Evidence, &'static str> {
    match (missing, evidence) {
        (Missing::Second(_), None) => Err("Please enter a code."),
        (Missing::Nothing | Missing::Any, None) => Err("Please enter your password."),
        (Missing::Second(_), Some(Evidence::Password(_))) => Err(NOT_THE_PASSWORD),
        (_, Some(evidence)) => Ok(evidence),
    }
}
