//! Tokens of links in mails, derived and never stored (AUTH-09).
//!
//! A token is the link's id and an HMAC over its kind and id. Whoever reads the
//! database or a backup of it can make none; whoever holds one for an alert has
//! none for a new password.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nightlatch_domain::ids::MailLinkId;
use nightlatch_domain::mail::LinkKind;

const ID: usize = 16;

/// The key of tokens in mails, 256 bits, the same on every node.
pub struct LinkKey {
    current: hmac::Key,
    /// These made tokens before a rotation, or will after the next.
    others: Vec<hmac::Key>,
}

impl LinkKey {
    /// Derives it from the keys of the deployment: the current one makes tokens,
    /// the others still verify theirs.
    pub fn new(current: &[u8; 32], others: &[&[u8; 32]]) -> Self {
        Self {
            current: derive(current),
            others: others.iter().map(|key| derive(key)).collect(),
        }
    }

    /// The token of a link; it stands in the mail and nowhere else.
    pub fn token(&self, kind: LinkKind, id: MailLinkId) -> String {
        let tag = hmac::sign(&self.current, &signed(kind, &id.to_bytes()));
        URL_SAFE_NO_PAD.encode([id.to_bytes().as_slice(), tag.as_ref()].concat())
    }

    /// The link of a token, if it was made here for this kind; in constant time.
    pub fn verify(&self, kind: LinkKind, token: &str) -> Option<MailLinkId> {
        // 16 and 32 bytes.
        if token.len() != 64 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (id, tag) = bytes.split_at_checked(ID)?;
        let mut keys = std::iter::once(&self.current).chain(&self.others);
        keys.find(|key| hmac::verify(key, &signed(kind, id), tag).is_ok())?;
        id.try_into().ok().map(MailLinkId::from_bytes)
    }
}

fn derive(key: &[u8; 32]) -> hmac::Key {
    let root = hmac::Key::new(hmac::HMAC_SHA256, key);
    let derived = hmac::sign(&root, b"nightlatch mail links 1");
    hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
}

fn signed(kind: LinkKind, id: &[u8]) -> Vec<u8> {
    [kind.name().as_bytes(), b"\n", id].concat()
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LinkKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auth_09_a_token_opens_its_own_link_only() {
        let key = LinkKey::new(&[7; 32], &[]);
        let id = MailLinkId::from_bytes([3; 16]);
        let token = key.token(LinkKind::Alert, id);
        assert_eq!(token.len(), 64);
        assert_eq!(key.verify(LinkKind::Alert, &token), Some(id));
        assert_eq!(key.verify(LinkKind::Reset, &token), None);
        assert_eq!(
            LinkKey::new(&[8; 32], &[]).verify(LinkKind::Alert, &token),
            None
        );
        let rotated = LinkKey::new(&[8; 32], &[&[7; 32]]);
        assert_eq!(rotated.verify(LinkKind::Alert, &token), Some(id));
        for place in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("text");
            assert_eq!(key.verify(LinkKind::Alert, &changed), None, "{place}");
        }
        for broken in ["", "x", &token[1..], &format!("{token}A")] {
            assert_eq!(key.verify(LinkKind::Alert, broken), None);
        }
    }
}
