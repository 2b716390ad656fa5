//! One identifier type per entity, so that mixing two does not compile.
//!
//! Identifiers name things; they never authenticate anyone. What authenticates
//! is in [`crate::secret`].

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::{Random, Timestamp};

/// An identifier of one kind of thing, 128 bits, shown as a UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<Kind>(Uuid, PhantomData<Kind>);

/// The kinds of things that have identifiers.
pub mod kind {
    /// A company; see [`crate::organization`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Organization {}
    /// A person's account; see [`crate::user`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum User {}
    /// A signed-in browser; see [`crate::session`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Session {}
    /// One browser profile, remembered by a random cookie.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Browser {}
    /// One act that ends sessions; see [`crate::ending`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Ending {}
    /// A sign-in that waits for a phone; see [`crate::phone_sign_in`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum PhoneSignIn {}
    /// One line of the history; see [`crate::event`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Event {}
    /// One browser that stands in for a person's second factor; see
    /// [`crate::next_step`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum RememberedFactor {}
    /// An authenticator app; see [`crate::one_time_code`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum AuthenticatorApp {}
    /// A recovery code; see [`crate::recovery_code`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum RecoveryCode {}
    /// A set of recovery codes.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum RecoveryCodeSet {}
    /// A passkey of a person; see [`crate::passkey`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Passkey {}
    /// One message to be sent; see [`crate::mail`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Mail {}
    /// What a link in a mail may do; see [`crate::mail`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum MailLink {}
    /// An app; see [`crate::relying_party`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Client {}
    /// What an app may do in a person's name; see [`crate::grant`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Grant {}
    /// One logout to tell one app; see [`crate::notice`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Notice {}
    /// A key that signs tokens.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum SigningKey {}
    /// A group of people; see [`crate::relying_party::protection`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Group {}
    /// A change of somebody's address; see [`crate::email_change`].
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum EmailChange {}
}

/// Identifies an organization.
pub type OrganizationId = Id<kind::Organization>;
/// Identifies a user.
pub type UserId = Id<kind::User>;
/// Identifies a session in pages, logs and (later) the `sid` claim. It is a
/// second random value beside the token and authenticates nothing (SES-03).
pub type SessionId = Id<kind::Session>;
/// Identifies a browser profile.
pub type BrowserId = Id<kind::Browser>;
/// Identifies an ending.
pub type EndingId = Id<kind::Ending>;
/// Identifies a sign-in that waits for a phone.
pub type PhoneSignInId = Id<kind::PhoneSignIn>;
/// Identifies an event.
pub type EventId = Id<kind::Event>;
/// Identifies a browser that stands in for a person's second factor.
pub type RememberedFactorId = Id<kind::RememberedFactor>;
/// Identifies an authenticator app.
pub type AuthenticatorAppId = Id<kind::AuthenticatorApp>;
/// Identifies a recovery code.
pub type RecoveryCodeId = Id<kind::RecoveryCode>;
/// Identifies a set of recovery codes, which are made and voided together.
pub type RecoveryCodeSetId = Id<kind::RecoveryCodeSet>;
/// Identifies a passkey in pages and the history. It is not the credential id,
/// which authenticators know.
pub type PasskeyId = Id<kind::Passkey>;
/// Identifies a message to be sent.
pub type MailId = Id<kind::Mail>;
/// Identifies a link in a mail. It is half of the link's token; the other half is
/// derived from it with a key that only the server has.
pub type MailLinkId = Id<kind::MailLink>;
/// Identifies an app: `client_id` in the protocols. It authenticates nobody.
pub type ClientId = Id<kind::Client>;
/// Identifies what an app may do in a person's name.
pub type GrantId = Id<kind::Grant>;
/// Identifies one logout to tell one app.
pub type NoticeId = Id<kind::Notice>;
/// Identifies a key that signs tokens: `kid` in JOSE.
pub type SigningKeyId = Id<kind::SigningKey>;
/// Identifies a group of people.
pub type GroupId = Id<kind::Group>;
/// Identifies a change of an e-mail address.
pub type EmailChangeId = Id<kind::EmailChange>;

impl<Kind> Id<Kind> {
    /// A random identifier that tells nothing about when it was made.
    pub fn random(random: &dyn Random) -> Self {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        Self(
            uuid::Builder::from_random_bytes(bytes).into_uuid(),
            PhantomData,
        )
    }

    /// An identifier that sorts by creation time (UUID version 7, RFC 9562).
    pub fn sortable(now: Timestamp, random: &dyn Random) -> Self {
        let mut bytes = [0; 10];
        random.fill(&mut bytes);
        Self(
            uuid::Builder::from_unix_timestamp_millis(now.milliseconds().unsigned_abs(), &bytes)
                .into_uuid(),
            PhantomData,
        )
    }

    /// The identifier stored as these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes), PhantomData)
    }

    /// The bytes as they are stored.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }
}

impl<Kind> fmt::Display for Id<Kind> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

impl<Kind> fmt::Debug for Id<Kind> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The text is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not an identifier")
    }
}

impl std::error::Error for NotAnId {}

impl<Kind> FromStr for Id<Kind> {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        Uuid::try_parse(text)
            .map(|uuid| Self(uuid, PhantomData))
            .map_err(|_| NotAnId)
    }
}

impl<Kind> Serialize for Id<Kind> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, Kind> Deserialize<'de> for Id<Kind> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(|uuid| Self(uuid, PhantomData))
    }
}
