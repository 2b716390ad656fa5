//! What a person does: open, read, fill in, press. Nothing here needs scripts in the page.
//!
//! Every `see…` waits until it is so; every other question (`sees`, `has_button`) is answered for this
//! moment. To find that something is absent, first `see` a sentence of the page it is absent from.

use fantoccini::elements::Element;
use fantoccini::wd::Locator;

use super::Browser;
use super::find::{Kind, plain};
use crate::failure::{Failure, Outcome, ensure};
use crate::wait;

/// What is done with an element.
#[derive(Clone, Copy)]
enum Act<'a> {
    Click,
    Type(&'a str),
    /// An entry of a list.
    Choose(&'a str),
    /// Whether a box is to be ticked.
    Tick(bool),
}

impl Browser {
    /// Opens a path of the site, or an absolute address.
    pub async fn open(&self, path: &str) -> Outcome {
        self.note(format_args!("open {path}"));
        let address = self.options().site.address(path);
        Ok(self.client()?.goto(&address).await?)
    }

    /// Loads the page again.
    pub async fn reload(&self) -> Outcome {
        self.note("reload");
        Ok(self.client()?.refresh().await?)
    }

    /// Presses Back.
    pub async fn back(&self) -> Outcome {
        self.note("back");
        Ok(self.client()?.back().await?)
    }

    /// Presses Forward.
    pub async fn forward(&self) -> Outcome {
        self.note("forward");
        Ok(self.client()?.forward().await?)
    }

    /// The full address of the current page.
    pub async fn address(&self) -> Outcome<String> {
        Ok(self.client()?.current_url().await?.to_string())
    }

    /// Path and query of the current page.
    pub async fn path(&self) -> Outcome<String> {
        let url = self.client()?.current_url().await?;
        Ok(match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        })
    }

    /// The title in the tab.
    pub async fn title(&self) -> Outcome<String> {
        Ok(self.client()?.title().await?)
    }

    /// Everything the page shows, spaces collapsed.
    pub async fn text(&self) -> Outcome<String> {
        Ok(plain(
            &self
                .client()?
                .find(Locator::Css("body"))
                .await?
                .text()
                .await?,
        ))
    }

    /// The page's markup as it is now.
    pub async fn source(&self) -> Outcome<String> {
        // While a page is being replaced, Firefox has none for a moment.
        wait::until("the source of the page", wait::PATIENCE, || async {
            Ok(Some(self.client()?.source().await?))
        })
        .await
    }

    /// Whether the page shows this text now.
    pub async fn sees(&self, text: &str) -> Outcome<bool> {
        Ok(self.text().await?.contains(&plain(text)))
    }

    /// Waits until the page shows this text.
    pub async fn see(&self, text: &str) -> Outcome {
        self.note(format_args!("see “{text}”"));
        self.wait_to_see(text, true).await
    }

    /// Waits until the page no longer shows this text.
    pub async fn see_no_more(&self, text: &str) -> Outcome {
        self.note(format_args!("see “{text}” no more"));
        self.wait_to_see(text, false).await
    }

    async fn wait_to_see(&self, text: &str, wanted: bool) -> Outcome {
        let what = if wanted {
            format!("“{text}”")
        } else {
            format!("“{text}” to go away")
        };
        let seen = wait::until(what, wait::PATIENCE, || async {
            Ok((self.sees(text).await? == wanted).then_some(()))
        })
        .await;
        match seen {
            Ok(()) => Ok(()),
            Err(error) => Err(Failure::new(format!("{error}; {}", self.describe().await))),
        }
    }

    /// Fails if the page shows this text now.
    pub async fn does_not_see(&self, text: &str) -> Outcome {
        self.note(format_args!("does not see “{text}”"));
        let sees = self.sees(text).await?;
        let description = if sees {
            self.describe().await
        } else {
            String::new()
        };
        ensure(!sees, || {
            format!("the page must not show “{text}”; {description}")
        })
    }

    /// Waits until path and query of the address are exactly this.
    pub async fn see_path(&self, path: &str) -> Outcome {
        self.note(format_args!("see the path {path}"));
        self.wait_for_path(path, |current| current == path).await
    }

    /// Waits until the address begins with this path.
    pub async fn see_path_beginning(&self, beginning: &str) -> Outcome {
        self.note(format_args!("see a path beginning with {beginning}"));
        self.wait_for_path(beginning, |current| current.starts_with(beginning))
            .await
    }

    async fn wait_for_path(&self, wanted: &str, fits: impl Fn(&str) -> bool) -> Outcome {
        let fits = &fits;
        let arrived = wait::until(format!("the path {wanted}"), wait::PATIENCE, || async {
            Ok(fits(&self.path().await?).then_some(()))
        })
        .await;
        match arrived {
            Ok(()) => Ok(()),
            Err(error) => Err(Failure::new(format!("{error}; {}", self.describe().await))),
        }
    }

    /// Whether a visible button has this text or name now.
    pub async fn has_button(&self, name: &str) -> Outcome<bool> {
        Ok(!self.matches(Kind::Button, name).await?.is_empty())
    }

    /// Whether a visible link has this text or name now.
    pub async fn has_link(&self, text: &str) -> Outcome<bool> {
        Ok(!self.matches(Kind::Link, text).await?.is_empty())
    }

    /// Whether a visible field has this label or name now.
    pub async fn has_field(&self, label: &str) -> Outcome<bool> {
        Ok(!self.matches(Kind::Field, label).await?.is_empty())
    }

    /// Presses a button (also a menu's `summary`) by its text or accessible name.
    pub async fn press(&self, name: &str) -> Outcome {
        self.note(format_args!("press “{name}”"));
        self.at(Kind::Button, name, Act::Click)
            .await
            .map_err(|error| error.during(format_args!("pressing “{name}”")))
    }

    /// Presses the button of the row, card or section that says `text`.
    pub async fn press_beside(&self, text: &str, name: &str) -> Outcome {
        self.note(format_args!("press “{name}” beside “{text}”"));
        let button = self.the_one_beside(Kind::Button, text, name).await?;
        self.click(&button)
            .await
            .map_err(|error| error.during(format_args!("pressing “{name}”")))
    }

    /// Follows a link by its text or accessible name.
    pub async fn follow(&self, text: &str) -> Outcome {
        self.note(format_args!("follow “{text}”"));
        self.at(Kind::Link, text, Act::Click)
            .await
            .map_err(|error| error.during(format_args!("following “{text}”")))
    }

    /// Follows the link of the row, card or section that says `beside`.
    pub async fn follow_beside(&self, beside: &str, text: &str) -> Outcome {
        self.note(format_args!("follow “{text}” beside “{beside}”"));
        let link = self.the_one_beside(Kind::Link, beside, text).await?;
        self.click(&link)
            .await
            .map_err(|error| error.during(format_args!("following “{text}”")))
    }

    /// Types into the field with this label (or, failing that, name), replacing what it holds.
    pub async fn fill(&self, label: &str, value: &str) -> Outcome {
        // The value may be a password, and journals end up in logs.
        self.note(format_args!("fill “{label}”"));
        self.at(Kind::Field, label, Act::Type(value))
            .await
            .map_err(|error| error.during(format_args!("filling “{label}”")))
    }

    /// Picks an entry of the list with this label by its text.
    pub async fn choose(&self, label: &str, entry: &str) -> Outcome {
        self.note(format_args!("choose “{entry}” for “{label}”"));
        self.at(Kind::Field, label, Act::Choose(entry)).await
    }

    /// What the field with this label holds.
    pub async fn value_of(&self, label: &str) -> Outcome<String> {
        let field = self.the(Kind::Field, label).await?;
        Ok(field.prop("value").await?.unwrap_or_default())
    }

    /// Ticks the check box or radio button with this label.
    pub async fn check(&self, label: &str) -> Outcome {
        self.set_choice(label, true).await
    }

    /// Unticks the check box with this label.
    pub async fn uncheck(&self, label: &str) -> Outcome {
        self.set_choice(label, false).await
    }

    /// Whether the check box or radio button with this label is ticked.
    pub async fn is_checked(&self, label: &str) -> Outcome<bool> {
        Ok(self.the(Kind::Choice, label).await?.is_selected().await?)
    }

    async fn set_choice(&self, label: &str, wanted: bool) -> Outcome {
        self.note(format_args!(
            "{} “{label}”",
            if wanted { "check" } else { "uncheck" }
        ));
        self.at(Kind::Choice, label, Act::Tick(wanted)).await
    }

    /// Does something with the one element of this kind and name. A page that was replaced between finding it and
    /// using it took it away: nothing happened to the new one yet, so it is looked for again.
    async fn at(&self, kind: Kind, name: &str, act: Act<'_>) -> Outcome {
        let done = wait::until(
            format!("“{name}” to stay where it is"),
            wait::PATIENCE,
            || async {
                let element = self.the(kind, name).await?;
                match self.act(&element, name, act).await {
                    Err(error) if error.to_string().contains("stale element") => Err(error),
                    ended => Ok(Some(ended)),
                }
            },
        );
        done.await?
    }

    async fn act(&self, element: &Element, name: &str, act: Act<'_>) -> Outcome {
        match act {
            Act::Click => self.click(element).await,
            Act::Type(value) => {
                element.clear().await?;
                Ok(element.send_keys(value).await?)
            }
            Act::Choose(entry) => {
                for option in element.find_all(Locator::Css("option")).await? {
                    if plain(&option.text().await?) == entry {
                        return Ok(option.click().await?);
                    }
                }
                Err(Failure::new(format!("“{name}” has no entry “{entry}”")))
            }
            Act::Tick(wanted) => {
                if element.is_selected().await? != wanted {
                    if element.is_displayed().await? {
                        self.click(element).await?;
                    } else {
                        // The box is drawn by its label; that is what a person clicks.
                        self.click(&self.label_of(element).await?).await?;
                    }
                }
                ensure(element.is_selected().await? == wanted, || {
                    format!("“{name}” did not change")
                })
            }
        }
    }

    async fn label_of(&self, choice: &Element) -> Outcome<Element> {
        if let Ok(around) = choice.find(Locator::XPath("ancestor::label")).await {
            return Ok(around);
        }
        let id = choice
            .attr("id")
            .await?
            .ok_or_else(|| Failure::new("a hidden choice without a label"))?;
        Ok(self
            .client()?
            .find(Locator::Css(&format!("label[for=\"{id}\"]")))
            .await?)
    }

    /// Types into whatever has the keyboard's attention. Special keys are those of
    /// `browser::Key`, as text.
    pub async fn type_keys(&self, keys: &str) -> Outcome {
        self.note("type");
        Ok(self
            .client()?
            .active_element()
            .await?
            .send_keys(keys)
            .await?)
    }

    /// The accessible name of what has the keyboard's attention.
    pub async fn focused(&self) -> Outcome<String> {
        let element = self.client()?.active_element().await?;
        self.spoken_name(&element).await
    }

    /// Clicks. A click that was caught by something else did not happen and may be repeated; any other error may
    /// have happened and is not.
    async fn click(&self, element: &Element) -> Outcome {
        let clicked = wait::until("a click", wait::PATIENCE, || async {
            match element.click().await {
                Ok(()) => Ok(Some(Ok(()))),
                Err(error) if error.to_string().contains("click intercepted") => Err(error.into()),
                Err(error) => Ok(Some(Err(Failure::from(error)))),
            }
        });
        clicked.await?
    }

    /// Where the browser is and what it shows, for failures.
    pub async fn describe(&self) -> String {
        let address = self
            .address()
            .await
            .unwrap_or_else(|error| error.to_string());
        let text = self.text().await.unwrap_or_else(|error| error.to_string());
        let shown: String = text.chars().take(600).collect();
        format!("{} is at {address} and shows: {shown}", self.name())
    }
}
