//! An authenticator with a browser in front of it, made for tests: it holds
//! passkeys, answers challenges as WebAuthn says, and lies where it is told to.
//!
//! Attestation is "none", keys are P-256. What it writes is put together byte by
//! byte (WebAuthn 6.1, RFC 9052), so that each byte can be wrong on its own.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// What an answer is wrong about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Nothing.
    Honest,
    /// `type`: that of the other ceremony.
    Type,
    /// `challenge`: another one.
    Challenge,
    /// `origin`: another host.
    Origin,
    /// `origin`: the right host at another port.
    Port,
    /// `origin`: a host below ours.
    Subdomain,
    /// `crossOrigin`: true.
    CrossOrigin,
    /// `topOrigin`: there is one.
    TopOrigin,
    /// The hash of another RP id.
    RelyingParty,
    /// Nobody was there (UP).
    NotPresent,
    /// Nobody was verified (UV).
    NotVerified,
    /// Backed up, and not eligible for it.
    BackedUpOnly,
    /// Whether it is eligible for backup has changed (BE).
    EligibilityChanged,
    /// Signed with another key.
    Signature,
    /// What was signed is not what is sent.
    Altered,
    /// No user handle.
    NoHandle,
    /// The handle of somebody else.
    Handle,
    /// A key of an algorithm that nobody asked for.
    Algorithm,
}

/// A passkey that an authenticator holds.
#[derive(Debug)]
pub struct Held {
    /// What it calls the passkey.
    pub credential_id: Vec<u8>,
    /// What it calls the account.
    pub user_handle: Vec<u8>,
    /// How often it has signed; zero if it does not count.
    pub counter: u32,
    key: EcdsaKeyPair,
    relying_party: String,
}

/// An authenticator.
#[derive(Debug)]
pub struct PasskeyDevice {
    /// The origin that its browser writes.
    pub origin: String,
    /// Whether it copies passkeys to an account of its maker.
    pub synced: bool,
    /// By how much it counts each signature.
    pub counts_by: u32,
    /// What it holds, newest last.
    pub held: Vec<Held>,
}

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const ATTESTED: u8 = 0x40;

impl PasskeyDevice {
    /// A security key: one device, counting.
    pub fn security_key(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            synced: false,
            counts_by: 1,
            held: Vec::new(),
        }
    }

    /// A phone that copies its passkeys and does not count.
    pub fn phone(origin: &str) -> Self {
        Self {
            synced: true,
            counts_by: 0,
            ..Self::security_key(origin)
        }
    }

    /// The passkey made last.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn newest(&mut self) -> &mut Held {
        self.held.last_mut().expect("a passkey")
    }

    /// Makes a passkey for a challenge, and answers it.
    ///
    /// # Panics
    ///
    /// If the challenge is none.
    pub fn create(&mut self, begun: &Value, lie: Lie) -> Value {
        let id = digest(&SHA256, begun.to_string().as_bytes());
        self.create_called(begun, id.as_ref(), lie)
    }

    /// The same, with a credential id of one's choice.
    ///
    /// # Panics
    ///
    /// If the challenge is none.
    pub fn create_called(&mut self, begun: &Value, credential_id: &[u8], lie: Lie) -> Value {
        let key = new_key();
        let relying_party = text(begun, "/publicKey/rp/id").to_owned();
        let mut data = self.authenticator_data(&relying_party, self.counts_by, ATTESTED, lie);
        data.extend([0; 16]);
        let length = u16::try_from(credential_id.len()).expect("a short id");
        data.extend(length.to_be_bytes());
        data.extend(credential_id);
        data.extend(cose(&key, lie));
        let mut attestation = vec![0xa3];
        attestation.extend(cbor_text("fmt"));
        attestation.extend(cbor_text("none"));
        attestation.extend(cbor_text("attStmt"));
        attestation.push(0xa0);
        attestation.extend(cbor_text("authData"));
        attestation.extend(cbor_bytes(&data));
        let client_data = self.client_data("webauthn.create", begun, lie);
        self.held.push(Held {
            credential_id: credential_id.to_vec(),
            user_handle: bytes(text(begun, "/publicKey/user/id")),
            counter: self.counts_by,
            key,
            relying_party,
        });
        json!({
            "id": base64(credential_id),
            "rawId": base64(credential_id),
            "type": "public-key",
            "response": {
                "attestationObject": base64(&attestation),
                "clientDataJSON": base64(client_data.as_bytes()),
                "transports": ["internal"],
            },
            "clientExtensionResults": { "credProps": { "rk": true } },
        })
    }

    /// Answers a challenge with the passkey made last.
    ///
    /// # Panics
    ///
    /// If there is none, or the challenge is none.
    pub fn get(&mut self, begun: &Value, lie: Lie) -> Value {
        let place = self.held.len().checked_sub(1).expect("a passkey");
        self.get_with(place, begun, lie)
    }

    /// Answers a challenge with the passkey at this place.
    ///
    /// # Panics
    ///
    /// If there is none, or the challenge is none.
    pub fn get_with(&mut self, place: usize, begun: &Value, lie: Lie) -> Value {
        let counts_by = self.counts_by;
        let held = self.held.get_mut(place).expect("a passkey");
        held.counter += counts_by;
        let (counter, party) = (held.counter, held.relying_party.clone());
        let data = self.authenticator_data(&party, counter, 0, lie);
        let client_data = self.client_data("webauthn.get", begun, lie);
        let held = self.held.get(place).expect("a passkey");
        let mut signed = data.clone();
        signed.extend(digest(&SHA256, client_data.as_bytes()).as_ref());
        if lie == Lie::Altered {
            signed.push(0);
        }
        let other = new_key();
        let key = if lie == Lie::Signature {
            &other
        } else {
            &held.key
        };
        let signature = key
            .sign(&SystemRandom::new(), &signed)
            .expect("a signature");
        let handle = match lie {
            Lie::NoHandle => Value::Null,
            Lie::Handle => json!(base64(&[7; 64])),
            _ => json!(base64(&held.user_handle)),
        };
        json!({
            "id": base64(&held.credential_id),
            "rawId": base64(&held.credential_id),
            "type": "public-key",
            "response": {
                "authenticatorData": base64(&data),
                "clientDataJSON": base64(client_data.as_bytes()),
                "signature": base64(signature.as_ref()),
                "userHandle": handle,
            },
        })
    }

    fn client_data(&self, kind: &str, begun: &Value, lie: Lie) -> String {
        let kind = match (lie, kind) {
            (Lie::Type, "webauthn.get") => "webauthn.create",
            (Lie::Type, _) => "webauthn.get",
            _ => kind,
        };
        let challenge = if lie == Lie::Challenge {
            base64(&[9; 32])
        } else {
            text(begun, "/publicKey/challenge").to_owned()
        };
        let origin = match lie {
            Lie::Origin => "https://brightwater.evil.test".to_owned(),
            Lie::Port => format!("{}1", self.origin),
            Lie::Subdomain => self.origin.replacen("://", "://sub.", 1),
            _ => self.origin.clone(),
        };
        let crossed = lie == Lie::CrossOrigin;
        if lie == Lie::TopOrigin {
            let top = &self.origin;
            return json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": crossed, "topOrigin": top }).to_string();
        }
        json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": crossed })
            .to_string()
    }

    fn authenticator_data(&self, party: &str, counter: u32, more: u8, lie: Lie) -> Vec<u8> {
        let party = if lie == Lie::RelyingParty {
            "evil.test"
        } else {
            party
        };
        let mut flags = more | PRESENT | VERIFIED;
        if self.synced {
            flags |= ELIGIBLE | BACKED_UP;
        }
        match lie {
            Lie::NotPresent => flags &= !PRESENT,
            Lie::NotVerified => flags &= !VERIFIED,
            Lie::BackedUpOnly => flags = (flags & !ELIGIBLE) | BACKED_UP,
            Lie::EligibilityChanged => flags = (flags ^ ELIGIBLE) & !BACKED_UP,
            _ => {}
        }
        let mut data = digest(&SHA256, party.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(counter.to_be_bytes());
        data
    }
}

fn new_key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key")
}

/// The public key as COSE writes it: EC2, ES256, P-256, x, y (RFC 9053).
fn cose(key: &EcdsaKeyPair, lie: Lie) -> Vec<u8> {
    let point = key.public_key().as_ref();
    let (x, y) = point
        .get(1..)
        .and_then(|both| both.split_at_checked(32))
        .expect("an uncompressed point");
    // -7 is ES256; -47 is ES256K.
    let algorithm: &[u8] = if lie == Lie::Algorithm {
        &[0x38, 46]
    } else {
        &[0x26]
    };
    let mut written = vec![0xa5, 0x01, 0x02, 0x03];
    written.extend(algorithm);
    written.extend([0x20, 0x01, 0x21]);
    written.extend(cbor_bytes(x));
    written.push(0x22);
    written.extend(cbor_bytes(y));
    written
}

fn cbor_text(text: &str) -> Vec<u8> {
    let mut written = vec![0x60 + u8::try_from(text.len()).expect("a short word")];
    written.extend(text.as_bytes());
    written
}

fn cbor_bytes(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("few bytes");
    let mut written = vec![0x59];
    written.extend(length.to_be_bytes());
    written.extend(bytes);
    written
}

/// The text at a place of a challenge.
fn text<'a>(begun: &'a Value, place: &str) -> &'a str {
    let found = begun.pointer(place).and_then(Value::as_str);
    found.expect("text in the challenge")
}

fn bytes(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
