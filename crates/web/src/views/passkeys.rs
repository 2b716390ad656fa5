//! Passkeys in Security, and the pages that add and remove one.

use askama::Template;

use super::{Frame, Proof, TimeView};

/// The section Passkeys of Security.
#[derive(Clone, Debug, Default)]
pub struct PasskeysView {
    /// In the order in which they were added.
    pub held: Vec<PasskeyView>,
}

/// A passkey. Posts `name` and `csrf` to `/account/security/passkeys/{id}/name`; its GET form leads to
/// `/account/security/passkeys/{id}/remove`.
#[derive(Clone, Debug)]
pub struct PasskeyView {
    /// Its name in addresses.
    pub id: String,
    /// What its owner calls it; as typed, if that was refused.
    pub name: String,
    /// When it was added.
    pub added: TimeView,
    /// When it was used last.
    pub last_used: Option<TimeView>,
    /// Whether it is on other devices too.
    pub synced: bool,
    /// Whether there may be a copy of it.
    pub suspicious: bool,
    /// What is wrong with the name.
    pub error: Option<String>,
}

impl PasskeyView {
    /// Where it is.
    pub fn place(&self) -> &'static str {
        if self.synced {
            "Synced"
        } else {
            "On this device only"
        }
    }
}

/// `GET /account/security/passkeys/add`. Asks for the password first if the last proof is too old; then
/// a script does the rest.
#[derive(Clone, Debug, Template)]
#[template(path = "passkey_add.html")]
pub struct AddPasskeyPage {
    /// What all pages share; `person` is set, `nav` is [`super::Nav::Security`].
    pub frame: Frame,
    /// Whether the box "Log out all other sessions" is checked.
    pub log_out_others: bool,
    /// Whether a proof is asked for.
    pub proof: Proof,
}

impl AddPasskeyPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Add a passkey"
    }
}

/// `GET /account/security/passkeys/{id}/remove`; posts `csrf` and, if asked for, `password` to the same
/// address.
#[derive(Clone, Debug, Template)]
#[template(path = "passkey_remove.html")]
pub struct RemovePasskeyPage {
    /// What all pages share; `person` is set, `nav` is [`super::Nav::Security`].
    pub frame: Frame,
    /// The passkey.
    pub passkey: PasskeyView,
    /// Whether the box "Log out all other sessions" is checked.
    pub log_out_others: bool,
    /// Whether a proof is asked for.
    pub proof: Proof,
}

impl RemovePasskeyPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Remove this passkey?"
    }
}
