//! What holds for every page, proven on every sample.

use super::samples::{LONG, NASTY, Sample, samples};
use super::*;

fn escaped(text: &str) -> String {
    text.replace('&', "&#38;")
        .replace('<', "&#60;")
        .replace('>', "&#62;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

/// The start tags of the page, without their angle brackets. No attribute value of ours contains `>`.
fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .filter_map(|piece| piece.split('>').next())
        .filter(|tag| !tag.starts_with('/'))
        .collect()
}

/// The pieces of the page between `<form` and `</form>`.
fn forms(html: &str) -> Vec<&str> {
    html.split("<form")
        .skip(1)
        .map(|piece| piece.split("</form>").next().unwrap())
        .collect()
}

fn each(check: impl Fn(&Sample)) {
    let all = samples();
    assert!(all.len() > 60, "{} samples", all.len());
    all.iter().for_each(check);
}

#[test]
fn heading_and_title_agree() {
    each(|page| {
        let title = escaped(&page.title);
        assert_eq!(page.html.matches("<h1").count(), 1, "{}", page.name);
        assert!(
            page.html.contains(&format!("<h1>{title}</h1>")),
            "{}",
            page.name
        );
        assert!(
            page.html
                .contains(&format!("<title>{title} · Nightlatch</title>")),
            "{}",
            page.name
        );
    });
}

#[test]
fn nothing_needs_unsafe_inline() {
    each(|page| {
        for tag in tags(&page.html) {
            // What a person typed is escaped, so a quote never ends a value early: names stand before `=`.
            for name in tag
                .split('"')
                .step_by(2)
                .filter_map(|part| part.trim_end().strip_suffix('='))
            {
                let name = name.rsplit([' ', '\n']).next().unwrap();
                assert!(
                    name != "style" && !name.starts_with("on"),
                    "{}: {tag}",
                    page.name
                );
            }
            let carries_code = tag.starts_with("script")
                || tag.starts_with("style")
                || tag.contains("rel=\"stylesheet\"");
            assert!(
                !carries_code || tag.contains("nonce=\"bm9uY2U\""),
                "{}: {tag}",
                page.name
            );
        }
    });
}

#[test]
fn typed_markup_is_never_markup() {
    each(|page| {
        assert!(!page.html.contains(NASTY), "{}", page.name);
        assert!(!page.html.contains("<script>"), "{}", page.name);
        assert!(!page.html.contains("alert('"), "{}", page.name);
    });
    assert!(
        samples()
            .iter()
            .any(|page| page.html.contains(&escaped(NASTY)))
    );
    assert!(samples().iter().any(|page| page.html.contains(LONG)));
}

#[test]
fn every_posted_form_carries_a_token() {
    each(|page| {
        for form in forms(&page.html)
            .iter()
            .filter(|form| form.contains("method=\"post\""))
        {
            // Whose page it is could not be known, so there is nobody to make a token
            // for; Log out does without.
            let log_out = is_of_anybody(&page.name) && form.contains("action=\"/logout\"");
            // What goes to an app carries nothing of ours, and the address of a link in a
            // mail holds its own.
            let plain =
                log_out || page.name.starts_with("form-post") || form.contains("action=\"/email/");
            assert_eq!(
                form.matches("name=\"csrf\"").count(),
                usize::from(!plain),
                "{}: {form}",
                page.name
            );
            assert!(
                !form.contains("name=\"csrf\" value=\"\""),
                "{}: {form}",
                page.name
            );
        }
    });
}

/// Whether the page is shown while the database does not say who asks.
fn is_of_anybody(name: &str) -> bool {
    name.starts_with("problem-nobody")
}

#[test]
fn every_signed_in_page_has_a_log_out_form() {
    each(|page| {
        let signed_in = page.html.contains(" data-session=\"");
        let log_out = forms(&page.html).iter().any(|form| {
            form.contains("action=\"/logout\"")
                && form.contains("method=\"post\"")
                && form.contains("Log out")
        });
        let offered = signed_in || is_of_anybody(&page.name);
        assert_eq!(offered, log_out, "{}", page.name);
        if page.name.ends_with("-long") && signed_in {
            assert!(
                page.html.contains("<span>Shared computer</span>"),
                "{}",
                page.name
            );
        }
    });
}

#[test]
fn labels_and_descriptions_point_at_something() {
    each(|page| {
        let ids: Vec<&str> = values(&page.html, "id");
        let mut unique = ids.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(ids.len(), unique.len(), "{}: an id stands twice", page.name);
        for attribute in [
            "for",
            "aria-describedby",
            "aria-labelledby",
            "form",
            "data-shows",
        ] {
            for target in values(&page.html, attribute)
                .iter()
                .flat_map(|value| value.split(' '))
            {
                assert!(
                    ids.contains(&target),
                    "{}: {attribute} names {target}",
                    page.name
                );
            }
        }
        assert!(
            page.html.matches(" autofocus").count() <= 1,
            "{}: one field takes the cursor",
            page.name
        );
        for used in values(&page.html, "href")
            .iter()
            .filter_map(|href| href.strip_prefix("#"))
        {
            assert!(
                ids.contains(&used),
                "{}: nothing is called #{used}",
                page.name
            );
        }
    });
}

fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    html.split(start.as_str())
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect()
}

#[test]
fn a_shared_computer_names_nobody_after_logout() {
    each(|page| {
        if page.name.starts_with("signed-out-shared") {
            assert!(!page.html.contains("Account</dt>"), "{}", page.name);
            assert!(
                page.html.contains("6 sessions in 4 browsers"),
                "{}",
                page.name
            );
        }
    });
}

#[test]
fn initials_suit_every_name() {
    for (name, letters) in [
        ("Ada Lovelace", "AL"),
        ("ada", "A"),
        ("  ", "?"),
        ("Ada King of Lovelace", "AL"),
        ("李 小龍", "李小"),
        ("<script>", "S"),
        ("ßa", "SS"),
    ] {
        assert_eq!(initials(name), letters);
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test hook for looking at the pages, not configuration"
)]
fn samples_can_be_looked_at() {
    let Ok(folder) = std::env::var("NIGHTLATCH_SAMPLES") else {
        return;
    };
    std::fs::create_dir_all(&folder).unwrap();
    for page in samples() {
        std::fs::write(format!("{folder}/{}.html", page.name), page.html).unwrap();
    }
}
