//! Which registered address somebody probably meant.
//!
//! For the log alone: it corrects nothing, and nobody is sent to a guess.

/// The registered address that looks most like the one that was received.
pub(super) fn nearest<'a>(
    received: &str,
    registered: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // The measure takes time that grows with both lengths multiplied.
    let received: String = received.chars().take(512).collect();
    registered
        .into_iter()
        .map(|address| {
            let distance = strsim::normalized_damerau_levenshtein(&received, address);
            (address, distance)
        })
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(address, _)| address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_names_the_address_that_was_meant() {
        let registered = [
            "https://crm.example.com/callback",
            "https://wiki.example.com/oauth",
        ];
        for received in [
            "https://crm.example.com/callback/",
            "http://crm.example.com/callback",
            "https://crm.example.com/calback",
        ] {
            assert_eq!(nearest(received, registered), Some(registered[0]));
        }
        assert_eq!(nearest("x", []), None);
    }
}
