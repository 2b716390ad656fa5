//! The parameters of a request (RFC 6749 appendix B).

use std::fmt;

use url::form_urlencoded;
use zeroize::Zeroizing;

use super::refusal::Refusal;

/// Parameters, each at most once. They may be secrets: wiped from memory, and not
/// printed.
pub struct Parameters(Vec<(String, Zeroizing<String>)>);

impl Parameters {
    /// Reads `application/x-www-form-urlencoded`. A parameter that comes twice is
    /// refused: two readers could take different ones (RFC 6749 section 3.2).
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let mut found: Vec<(String, Zeroizing<String>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            if found.iter().any(|(known, _)| *known == name) {
                return Err(Refusal::request("A parameter comes more than once."));
            }
            found.push((name.into_owned(), Zeroizing::new(value.into_owned())));
        }
        Ok(Self(found))
    }

    /// The text members of a JSON object, for the one endpoint whose body is JSON. What
    /// comes twice there the parser has already judged.
    pub fn of_members(body: &serde_json::Map<String, serde_json::Value>) -> Self {
        let text = body.iter().filter_map(|(name, value)| {
            let value = value.as_str()?;
            Some((name.clone(), Zeroizing::new(value.to_owned())))
        });
        Self(text.collect())
    }

    /// A parameter; one without a value counts as missing.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|(name, _)| name);
        formatter.debug_set().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_comes_once_and_is_read_as_forms_are_written() {
        let read = Parameters::parse(b"code=a%2Bb+c&empty=&client_secret=hidden");
        let read = read.expect("parameters");
        assert_eq!(read.get("code"), Some("a+b c"));
        assert_eq!(read.get("empty"), None);
        assert_eq!(read.get("missing"), None);
        assert!(!format!("{read:?}").contains("hidden"));
        assert!(Parameters::parse(b"code=a&code=a").is_err());
    }
}
