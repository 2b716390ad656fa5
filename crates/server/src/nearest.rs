//! Guessing which known word somebody meant.
//!
//! Owns one rule for configuration keys, environment variables and settings
//! alike. It corrects nothing; it only lets an error name the likely word.

/// The known word that looks most like the one that was typed.
pub(crate) fn nearest<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|word| (word, strsim::jaro_winkler(&typed.to_lowercase(), word)))
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(word, _)| word)
}

/// The known word that the typed one is most probably a slip of, if it is that
/// close to any.
pub(crate) fn slip_of<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let found = nearest(&typed, known)?;
    (strsim::normalized_damerau_levenshtein(&typed, found) >= 0.7).then_some(found)
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
    }
}
