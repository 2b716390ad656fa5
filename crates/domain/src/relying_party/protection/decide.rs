//! The one decision whether a request for a protected app may pass.
//!
//! It is pure and allocates nothing: every request of every protected app asks it.
//! The flow that reads the database calls it, and so does whatever remembers what that
//! flow read.

use super::{PathClass, Protection, RequiredLevel};
use crate::ids::{GroupId, UserId};
use crate::relying_party::RelyingPartyStatus;
use crate::session::{Admission, Life, Refusal, Standing, admit};
use crate::time::Timestamp;

/// What is known of a cookie that a request for a protected app carries.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The life of its session, activity that is not written yet included.
    pub life: Life,
    /// What that is measured against.
    pub standing: Standing,
    /// From when on its session may do nothing but set up a second factor (POL-04).
    pub must_set_up_factor_from: Option<Timestamp>,
    /// Whether the person belongs to the app's organization.
    pub is_of_one_organization: bool,
    /// The person.
    pub user: UserId,
    /// The groups that they are in.
    pub groups: &'a [GroupId],
    /// Whether their proofs make two factors.
    pub has_two_factors: bool,
    /// When they last proved who they are.
    pub proved_at: Timestamp,
    /// The app's counter as it stood when the cookie was issued.
    pub issued_at_epoch: i64,
}

/// What comes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may pass, in the name of the person.
    Allowed(Admission),
    /// It may pass in nobody's name.
    Public,
    /// There is no cookie, or none of this host.
    NoSession,
    /// The session is over.
    SessionOver(Refusal),
    /// The app was withdrawn, or has been since the cookie was issued.
    Withdrawn,
    /// The person may not enter this app.
    NotLetIn,
    /// The session must set up a second factor first.
    MustSetUpFactor,
    /// More proofs are needed.
    NotStrongEnough,
    /// A newer proof is needed.
    ProofTooOld,
}

/// Decides. Whether the session is live is `session::admit`'s word alone; on top of it
/// stands what the app was registered with.
///
/// The order is what people are told first: whoever may not enter is not asked for a
/// proof that would not help them.
pub fn decide(
    rule: &Protection,
    (status, epoch): (RelyingPartyStatus, i64),
    facts: Option<&Facts<'_>>,
    path: PathClass,
    now: Timestamp,
) -> Verdict {
    if status != RelyingPartyStatus::Active {
        return Verdict::Withdrawn;
    }
    let verdict = match facts {
        None => Verdict::NoSession,
        Some(facts) => of_session(rule, epoch, facts, now),
    };
    match verdict {
        Verdict::Allowed(_) => verdict,
        // Nobody's name goes with a request whose cookie would not do elsewhere.
        _ if path == PathClass::Public => Verdict::Public,
        _ => verdict,
    }
}

fn of_session(rule: &Protection, epoch: i64, facts: &Facts<'_>, now: Timestamp) -> Verdict {
    let admission = match admit(&facts.life, &facts.standing, now) {
        Ok(admission) => admission,
        Err(refusal) => return Verdict::SessionOver(refusal),
    };
    if facts.issued_at_epoch != epoch {
        return Verdict::Withdrawn;
    }
    if !facts.is_of_one_organization || !rule.entrance.lets_in(facts.user, facts.groups) {
        return Verdict::NotLetIn;
    }
    if facts
        .must_set_up_factor_from
        .is_some_and(|from| now >= from)
    {
        return Verdict::MustSetUpFactor;
    }
    if rule.level == RequiredLevel::SecondFactor && !facts.has_two_factors {
        return Verdict::NotStrongEnough;
    }
    if rule
        .proof_age()
        .is_some_and(|most| now.since(facts.proved_at) > most)
    {
        return Verdict::ProofTooOld;
    }
    Verdict::Allowed(admission)
}
