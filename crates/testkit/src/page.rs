//! A page as its reader sees it: words, links, forms and cards.
//!
//! Owns the finding of things by what a person reads. `reading` makes pages of
//! HTML; `form` fills and submits.

use crate::form::Form;

/// A link and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What is read: its label for screen readers, or its words.
    pub words: String,
    /// Where it leads.
    pub href: String,
}

/// A card or an entry of a list (`article` or `li`).
#[derive(Debug, Clone, Default)]
pub struct Block {
    /// `article` or `li`.
    pub kind: String,
    /// Everything that is read in it.
    pub text: String,
    /// The places of its links in the page's.
    pub(crate) links: Vec<usize>,
    /// The places of its forms in the page's.
    pub(crate) forms: Vec<usize>,
}

/// A page of HTML.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The words in the title bar.
    pub title: String,
    /// The first heading.
    pub heading: String,
    /// Everything that is read, with single spaces.
    pub text: String,
    /// All forms.
    pub forms: Vec<Form>,
    /// All links.
    pub links: Vec<Link>,
    /// Cards and entries of lists.
    pub blocks: Vec<Block>,
    /// The nonces on scripts, styles and stylesheets; `None` where one is missing.
    pub(crate) nonces: Vec<Option<String>>,
    /// What no page of ours may hold: inline code, other hosts, broken nesting.
    pub(crate) offenses: Vec<String>,
}

impl Page {
    /// Whether these words are read on the page.
    pub fn says(&self, words: &str) -> bool {
        self.text.contains(words)
    }

    /// The first form with a button of exactly these words.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn form(&self, button: &str) -> &Form {
        self.find_form(button).unwrap_or_else(|| {
            let buttons: Vec<_> = self.forms.iter().flat_map(|form| &form.buttons).collect();
            panic!(
                "no button “{button}” on “{}”, only {buttons:?}; it says: {}",
                self.title, self.text
            )
        })
    }

    /// The first form with a button of exactly these words, if there is one.
    pub fn find_form(&self, button: &str) -> Option<&Form> {
        self.forms.iter().find(|form| form.has_button(button))
    }

    /// Where the first link of exactly these words leads.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn link(&self, words: &str) -> &str {
        self.find_link(words).unwrap_or_else(|| {
            panic!(
                "no link “{words}” on “{}”, only {:?}",
                self.title, self.links
            )
        })
    }

    /// Where the first link of exactly these words leads, if there is one.
    pub fn find_link(&self, words: &str) -> Option<&str> {
        self.links
            .iter()
            .find(|link| link.words == words)
            .map(|link| link.href.as_str())
    }

    /// Cards: on the list of sessions one a browser.
    pub fn cards(&self) -> Vec<&Block> {
        self.blocks
            .iter()
            .filter(|block| block.kind == "article")
            .collect()
    }

    /// The card that says these words.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn card(&self, words: &str) -> Block {
        let cards = self.cards();
        let found = cards.iter().find(|card| card.text.contains(words));
        match found {
            Some(card) => (*card).clone(),
            None => panic!("no card says “{words}”, only {cards:?}"),
        }
    }

    /// Entries of lists that say these words.
    pub fn entries(&self, words: &str) -> Vec<&Block> {
        self.blocks
            .iter()
            .filter(|block| block.kind == "li" && block.text.contains(words))
            .collect()
    }

    /// The links of a block.
    pub fn links_in(&self, block: &Block) -> Vec<&Link> {
        block
            .links
            .iter()
            .filter_map(|place| self.links.get(*place))
            .collect()
    }

    /// The form of a block whose button begins with these words.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn form_in(&self, block: &Block, button: &str) -> &Form {
        block
            .forms
            .iter()
            .filter_map(|place| self.forms.get(*place))
            .find(|form| form.buttons.iter().any(|found| found.starts_with(button)))
            .unwrap_or_else(|| panic!("no button “{button}…” in “{}”", block.text))
    }
}
