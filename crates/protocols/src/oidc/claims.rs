//! The parameter `claims` (OpenID Connect Core section 5.5): which claims an app
//! would like, and which values.

use std::collections::BTreeMap;

use nightlatch_domain::grant::Scopes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::person::PersonClaim;

/// What an app asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Claims {
    /// In the ID token, by the name of the claim.
    pub id_token: BTreeMap<String, Wish>,
    /// From the userinfo endpoint.
    pub userinfo: BTreeMap<String, Wish>,
}

/// How much an app would like a claim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wish {
    /// The app says that it does not work without.
    pub essential: bool,
    /// Values that it would like, the best first; empty for any.
    pub values: Vec<String>,
}

impl Claims {
    /// Reads the parameter; `None` if it is not what the specification describes.
    /// Claims that nobody here knows are kept and change nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let whole: Value = serde_json::from_str(text).ok()?;
        let whole = whole.as_object()?;
        Some(Self {
            id_token: wishes(whole.get("id_token"))?,
            userinfo: wishes(whole.get("userinfo"))?,
        })
    }

    /// The scopes that these wishes amount to: whoever asks for an address by the name
    /// of its claim needs the same consent as whoever asks for it by its scope.
    pub fn disclosed(&self) -> Scopes {
        PersonClaim::scopes_of(self.id_token.iter().chain(&self.userinfo))
    }

    /// What is wished of a claim of the ID token.
    pub fn in_id_token(&self, name: &str) -> Option<&Wish> {
        self.id_token.get(name)
    }
}

fn wishes(section: Option<&Value>) -> Option<BTreeMap<String, Wish>> {
    match section {
        None | Some(Value::Null) => Some(BTreeMap::new()),
        Some(Value::Object(claims)) => claims
            .iter()
            .map(|(name, wish)| Some((name.clone(), read(wish)?)))
            .collect(),
        Some(_) => None,
    }
}

fn read(wish: &Value) -> Option<Wish> {
    let members = match wish {
        Value::Null => return Some(Wish::default()),
        Value::Object(members) => members,
        _ => return None,
    };
    let essential = match members.get("essential") {
        None => false,
        Some(value) => value.as_bool()?,
    };
    let mut values: Vec<String> = members.get("value").map(text).into_iter().collect();
    if let Some(several) = members.get("values") {
        values.extend(several.as_array()?.iter().map(text));
    }
    Some(Wish { essential, values })
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_app_may_wish() {
        let claims = Claims::parse(
            r#"{"id_token":{"acr":{"essential":true,"values":["phr","x"]},"auth_time":null,
                "sub":{"value":"ada"}},"userinfo":{"email":{"essential":true},"level":{"value":3}},
                "elsewhere":7}"#,
        )
        .expect("claims");
        let acr = claims.in_id_token("acr").expect("a wish");
        assert!(acr.essential);
        assert_eq!(acr.values, ["phr", "x"]);
        assert_eq!(claims.in_id_token("auth_time"), Some(&Wish::default()));
        assert_eq!(claims.id_token["sub"].values, ["ada"]);
        assert_eq!(claims.userinfo["level"].values, ["3"]);
        assert_eq!(Claims::parse("{}"), Some(Claims::default()));
        assert_eq!(
            Claims::parse(r#"{"userinfo":null}"#),
            Some(Claims::default())
        );
    }

    #[test]
    fn oidc_18_a_single_claim_takes_the_consent_of_its_scope() {
        let disclosed = |text: &str| Claims::parse(text).expect("claims").disclosed().to_string();
        assert_eq!(disclosed(r#"{"userinfo":{"name":null}}"#), "profile");
        assert_eq!(
            disclosed(r#"{"id_token":{"email":{"essential":true}}}"#),
            "email"
        );
        let both = r#"{"id_token":{"updated_at":null},"userinfo":{"email_verified":null}}"#;
        assert_eq!(disclosed(both), "profile email");
        assert_eq!(
            disclosed(r#"{"id_token":{"acr":null,"sub":null,"phone_number":null}}"#),
            ""
        );
    }

    #[test]
    fn what_is_no_wish() {
        for bad in [
            "",
            "x",
            "[]",
            "7",
            r#"{"id_token":7}"#,
            r#"{"id_token":{"acr":7}}"#,
            r#"{"id_token":{"acr":{"essential":"yes"}}}"#,
            r#"{"id_token":{"acr":{"values":"phr"}}}"#,
        ] {
            assert_eq!(Claims::parse(bad), None, "{bad}");
        }
    }
}
