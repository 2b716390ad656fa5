//! Why an app cannot be registered so.

use std::fmt;

#[cfg(doc)]
use super::MOST_URIS;
use super::protection::ProtectionProblem;

/// Why an app cannot be registered so; prints how to mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationProblem {
    /// More than [`MOST_URIS`] addresses of one kind.
    TooManyUris,
    /// Nowhere to send people back to.
    NoRedirectUri,
    /// A scheme of its own, and a secret.
    OwnSchemeWithSecret,
    /// Plain HTTP for logouts, without the word of an administrator.
    PlainLogout,
    /// Plain HTTP for logouts, of an app without secret (BCL-01).
    PlainLogoutOfPublic,
    /// No secret, and no PKCE either.
    PublicWithoutPkce,
    /// It asks for logouts, and has nothing to prove itself with.
    PullsWithoutProof,
    /// The frame is not on a host of the app.
    FrameElsewhere,
    /// A redirect address below `/.nightlatch/`.
    OwnPath,
    /// What a proxy is to protect.
    Protection(ProtectionProblem),
    /// A length of time that is not reasonable.
    Lifetime,
}

impl fmt::Display for RegistrationProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Protection(problem) => return problem.fmt(formatter),
            Self::OwnPath => {
                "a redirect address cannot lie below /.nightlatch/, which is this server's on protected hosts"
            }
            Self::TooManyUris => "at most 50 addresses of one kind can be registered",
            Self::NoRedirectUri => {
                "name at least one redirect address: where people are sent back to after they signed in"
            }
            Self::OwnSchemeWithSecret => {
                "an address with a scheme of its own belongs to a native app, which can keep no secret: register it as public"
            }
            Self::PlainLogout => {
                "the logout address must begin with https://; where it is reached within a private network, allow that for this app"
            }
            Self::PlainLogoutOfPublic => {
                "the logout address of an app without secret must begin with https://"
            }
            Self::PublicWithoutPkce => {
                "an app without secret is protected by PKCE alone and cannot leave it out"
            }
            Self::PullsWithoutProof => {
                "an app that asks for logouts itself proves itself with a secret or with signed assertions; register it so, or with a logout address"
            }
            Self::FrameElsewhere => {
                "the front-channel logout address must have the scheme, host and port of a redirect address"
            }
            Self::Lifetime => {
                "access tokens and ID tokens last 60 to 3600 seconds, long-lived grants 1 to 3650 days"
            }
        })
    }
}

impl std::error::Error for RegistrationProblem {}
