//! Finding what a person means by "the button Log out" or "the field Password".
//!
//! Visible text first, then the name that assistive technology reads. Two visible matches are a failure:
//! a person would not know which one to press either.

use fantoccini::elements::Element;
use fantoccini::wd::Locator;

use super::Browser;
use crate::failure::{Failure, Outcome};
use crate::wait;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Button,
    Link,
    Field,
    /// Check boxes and radio buttons, which pages often hide behind a drawn label.
    Choice,
}

const FIELDS: &str = "self::input[not(@type='hidden')] or self::select or self::textarea";
const CHOICES: &str = "self::input[@type='checkbox' or @type='radio']";
const BUTTONS: &str = "self::button or self::summary or @role='button' or self::input[@type='submit' or @type='button' or @type='reset']";

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Button => "button",
            Self::Link => "link",
            Self::Field => "field",
            Self::Choice => "choice",
        }
    }

    /// The elements of this kind, as an XPath condition.
    const fn condition(self) -> &'static str {
        match self {
            Self::Button => BUTTONS,
            Self::Link => "self::a[@href]",
            Self::Field => FIELDS,
            Self::Choice => CHOICES,
        }
    }

    /// The elements of this kind that show or carry exactly this name.
    fn named(self, name: &str) -> String {
        let name = literal(name);
        let kind = self.condition();
        match self {
            Self::Button => {
                format!(
                    "//*[{kind}][normalize-space(.)={name} or @aria-label={name} or @value={name}]"
                )
            }
            Self::Link => format!("//*[{kind}][normalize-space(.)={name} or @aria-label={name}]"),
            Self::Field | Self::Choice => {
                labelled(kind, &format!("normalize-space(.)={name}"), &name)
            }
        }
    }

    /// The last resort for labels that go on with a hint.
    fn beginning_with(self, name: &str) -> Option<String> {
        let name = literal(name);
        match self {
            Self::Button | Self::Link => None,
            Self::Field | Self::Choice => Some(labelled(
                self.condition(),
                &format!("starts-with(normalize-space(.), {name})"),
                &name,
            )),
        }
    }
}

fn labelled(kind: &str, label: &str, name: &str) -> String {
    format!(
        "//*[{kind}][@id=//label[{label}]/@for or ancestor::label[{label}] or @aria-label={name} or @name={name}]"
    )
}

impl Browser {
    /// The one visible element of this kind and name; waits for it.
    pub(super) async fn the(&self, kind: Kind, name: &str) -> Outcome<Element> {
        let sought = format!("a {} named “{name}”", kind.word());
        let found = wait::until(&sought, wait::PATIENCE, || async {
            let found = self.matches(kind, name).await?;
            Ok((!found.is_empty()).then_some(found))
        })
        .await;
        match found {
            Ok(found) => only(found, &sought),
            Err(error) => Err(Failure::new(format!(
                "{error}; {}",
                self.what_is_there(kind).await
            ))),
        }
    }

    /// The elements of this kind and name that are there right now.
    pub(super) async fn matches(&self, kind: Kind, name: &str) -> Outcome<Vec<Element>> {
        let exact = self.shown(kind, &kind.named(name)).await?;
        if !exact.is_empty() {
            return Ok(exact);
        }
        let mut spoken = Vec::new();
        for element in self
            .shown(kind, &format!("//*[{}]", kind.condition()))
            .await?
        {
            if self.spoken_name(&element).await? == name {
                spoken.push(element);
            }
        }
        match kind.beginning_with(name) {
            Some(beginning) if spoken.is_empty() => self.shown(kind, &beginning).await,
            _ => Ok(spoken),
        }
    }

    /// The one visible element of this kind and name in the smallest row, card or section that also says
    /// `text`.
    pub(super) async fn the_one_beside(
        &self,
        kind: Kind,
        text: &str,
        name: &str,
    ) -> Outcome<Element> {
        let containers = "self::li or self::tr or self::article or self::section or self::fieldset or self::form or self::dl or self::div";
        let says = literal(text);
        let paths: Vec<String> = [Some(kind.named(name)), kind.beginning_with(name)]
            .into_iter()
            .flatten()
            .map(|named| {
                let relative = named.trim_start_matches("//");
                // From every innermost container that says the text and holds a match, its matches.
                format!(
                    "//*[{containers}][contains(normalize-space(.), {says})][.//{relative}]\
                     [not(.//*[{containers}][contains(normalize-space(.), {says})][.//{relative}])]//{relative}"
                )
            })
            .collect();
        let sought = format!("a {} named “{name}” beside “{text}”", kind.word());
        let found = wait::until(&sought, wait::PATIENCE, || async {
            for path in &paths {
                let found = self.shown(kind, path).await?;
                if !found.is_empty() {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        })
        .await?;
        only(found, &sought)
    }

    /// What an XPath finds and a person sees.
    async fn shown(&self, kind: Kind, path: &str) -> Outcome<Vec<Element>> {
        let mut shown = Vec::new();
        for element in self.client()?.find_all(Locator::XPath(path)).await? {
            if kind == Kind::Choice || element.is_displayed().await? {
                shown.push(element);
            }
        }
        Ok(shown)
    }

    /// The name that assistive technology reads.
    pub(super) async fn spoken_name(&self, element: &Element) -> Outcome<String> {
        let name = self
            .read_command(format!("element/{}/computedlabel", element.element_id()))
            .await?;
        Ok(plain(name.as_str().unwrap_or_default()))
    }

    /// For failures: what of this kind the page offers instead.
    async fn what_is_there(&self, kind: Kind) -> String {
        let mut names = Vec::new();
        let everything = format!("//*[{}]", kind.condition());
        for element in self.shown(kind, &everything).await.unwrap_or_default() {
            names.push(self.spoken_name(&element).await.unwrap_or_default());
        }
        let path = self.path().await.unwrap_or_default();
        format!("{path} offers {names:?}")
    }
}

fn only(mut found: Vec<Element>, sought: &str) -> Outcome<Element> {
    match (found.pop(), found.len()) {
        (Some(element), 0) => Ok(element),
        (_, others) => Err(Failure::new(format!(
            "the page shows {sought} {} times",
            others + 1
        ))),
    }
}

/// Text without doubled, broken or unbreakable spaces.
pub(super) fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An XPath string; the language has no escapes, so both kinds of quotes need `concat`.
fn literal(text: &str) -> String {
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    if !text.contains('"') {
        return format!("\"{text}\"");
    }
    let parts: Vec<String> = text.split('\'').map(|part| format!("'{part}'")).collect();
    format!("concat({})", parts.join(", \"'\", "))
}

#[cfg(test)]
mod tests {
    use super::{literal, plain};

    #[test]
    fn any_text_becomes_an_xpath_string() {
        assert_eq!(literal("Log out"), "'Log out'");
        assert_eq!(literal("This wasn't me"), "\"This wasn't me\"");
        assert_eq!(literal("a'b\"c"), "concat('a', \"'\", 'b\"c')");
    }

    #[test]
    fn spaces_do_not_matter() {
        assert_eq!(plain(" 2\u{a0}hours\n ago "), "2 hours ago");
    }
}
