//! Guessing which known word or address somebody meant.
//!
//! One measure for keys of the configuration, settings and the registered addresses of
//! apps alike. It corrects nothing, and nobody is sent to a guess; it only lets an error
//! or a line of the log name the likely one (B6).

/// How much of a text is compared, in characters. The effort grows with the square, and
/// anybody may send an address.
const COMPARED: usize = 256;

/// The known text that looks most like the one that came.
pub fn nearest<'a>(came: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|text| (text, likeness(came, text)))
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(text, _)| text)
}

/// The known text that the one that came is most probably a slip of, if it is that
/// close to any.
pub fn slip_of<'a>(came: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest(came, known).filter(|found| likeness(came, found) >= 0.7)
}

/// From 0 for nothing in common to 1 for the same but for letter case.
fn likeness(one: &str, other: &str) -> f64 {
    let start = |text: &str| text.chars().take(COMPARED).collect::<String>();
    let (one, other) = (start(one).to_lowercase(), start(other).to_lowercase());
    strsim::normalized_damerau_levenshtein(&one, &other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognized_and_another_word_is_left_alone() {
        let known = ["listen", "public_url", "data_dir"];
        assert_eq!(nearest("publicurl", known), Some("public_url"));
        assert_eq!(slip_of("PUBLICURL", known), Some("public_url"));
        assert_eq!(slip_of("port_8080_tcp", known), None);
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn b6_an_address_with_a_slip_names_the_one_that_was_meant() {
        let registered = [
            "https://crm.example.com/callback",
            "https://wiki.example.com/oauth",
        ];
        for came in [
            "https://crm.example.com/callback/",
            "http://crm.example.com/callback",
            "https://crm.example.com/calback",
            "https://CRM.example.com/Callback?code=1",
        ] {
            assert_eq!(
                nearest(came, registered),
                Some("https://crm.example.com/callback")
            );
        }
        // However long it is, it costs little.
        let endless = format!("https://wiki.example.com/oauth{}", "a".repeat(1 << 20));
        assert_eq!(
            nearest(&endless, registered),
            Some("https://wiki.example.com/oauth")
        );
    }
}
