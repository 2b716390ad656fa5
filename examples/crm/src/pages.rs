//! What people see.

use askama::Template;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::book::{Change, Field, Kind, Record, Values};
use crate::sessions::Session;

const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute] UTC");

const EXACT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// What is around every page of somebody who is signed in.
pub(crate) struct Frame<'a> {
    /// The person.
    pub(crate) who: &'a Session,
    /// Where they look after their account.
    pub(crate) provider: &'a str,
    /// The list in which they are.
    pub(crate) kind: Kind,
    /// The record that the page shows, so that it hears of changes.
    pub(crate) record: String,
}

impl Frame<'_> {
    fn initials(&self) -> String {
        let words = self.who.name.split_whitespace();
        let mut letters: Vec<char> = words.filter_map(|word| word.chars().next()).collect();
        if letters.len() > 2 {
            letters.drain(1..letters.len() - 1);
        }
        letters.into_iter().flat_map(char::to_uppercase).collect()
    }

    fn marks(&self, kind: &str) -> bool {
        kind == self.kind.list()
    }
}

/// Companies or contacts.
#[derive(Template)]
#[template(path = "list.html")]
pub(crate) struct ListPage<'a> {
    pub(crate) frame: Frame<'a>,
    pub(crate) query: &'a str,
    pub(crate) rows: Vec<Row>,
}

impl ListPage<'_> {
    fn is_companies(&self) -> bool {
        self.frame.kind == Kind::Company
    }

    fn noun(&self) -> &'static str {
        match (self.is_companies(), self.rows.len()) {
            (true, 1) => "company",
            (true, _) => "companies",
            (false, 1) => "contact",
            (false, _) => "contacts",
        }
    }
}

/// A line of a list.
pub(crate) struct Row {
    /// What it is about.
    pub(crate) record: Record,
    /// The company of a contact.
    pub(crate) company: Option<Record>,
}

/// One record.
#[derive(Template)]
#[template(path = "record.html")]
pub(crate) struct RecordPage<'a> {
    pub(crate) frame: Frame<'a>,
    pub(crate) record: &'a Record,
    pub(crate) company: Option<Record>,
    pub(crate) contacts: Vec<Record>,
    pub(crate) history: Vec<Change>,
    pub(crate) is_saved: bool,
}

impl RecordPage<'_> {
    /// Everything but the name, and what nobody filled in.
    fn shown(&self) -> Vec<(&'static Field, &str)> {
        let all = self.record.fields().iter().zip(&self.record.values);
        all.map(|(field, value)| (field, value.as_str()))
            .filter(|(field, value)| field.key != "name" && !value.is_empty())
            .collect()
    }
}

/// The form of a record.
#[derive(Template)]
#[template(path = "form.html")]
pub(crate) struct FormPage<'a> {
    pub(crate) frame: Frame<'a>,
    pub(crate) title: String,
    /// Where the form goes.
    pub(crate) action: String,
    /// Where Cancel leads.
    pub(crate) back: String,
    pub(crate) fields: &'static [Field; 6],
    pub(crate) values: &'a Values,
    pub(crate) version: u32,
    pub(crate) problems: Vec<(&'static str, String)>,
    /// What somebody else saved meanwhile.
    pub(crate) meanwhile: Option<&'a Record>,
    pub(crate) stages: &'static [&'static str],
}

impl FormPage<'_> {
    fn lines(&self) -> Vec<Line<'_>> {
        let both = self.fields.iter().zip(self.values);
        both.map(|(field, value)| Line {
            field,
            value,
            problem: self.problem(field.key),
            theirs: self
                .meanwhile
                .map(|record| record.value(field.key))
                .filter(|theirs| *theirs != value),
        })
        .collect()
    }

    fn problem(&self, key: &str) -> Option<&str> {
        let mut all = self.problems.iter();
        all.find(|(field, _)| *field == key)
            .map(|(_, sentence)| sentence.as_str())
    }
}

/// One field of a form.
struct Line<'a> {
    field: &'static Field,
    value: &'a str,
    problem: Option<&'a str>,
    /// What somebody else wrote there meanwhile.
    theirs: Option<&'a str>,
}

/// Nobody is signed in.
#[derive(Template)]
#[template(path = "welcome.html")]
pub(crate) struct WelcomePage<'a> {
    pub(crate) sentence: &'a str,
    /// The way to sign in, and to the page that was wanted.
    pub(crate) sign_in: String,
    /// Where something is still to be done.
    pub(crate) provider: Option<&'a str>,
}

/// Something did not work.
#[derive(Template)]
#[template(path = "trouble.html")]
pub(crate) struct TroublePage<'a> {
    pub(crate) title: &'a str,
    pub(crate) sentence: &'a str,
    /// What to do, and where that leads.
    pub(crate) way_out: (&'a str, &'a str),
}

impl Change {
    /// For people.
    fn shown_time(&self) -> String {
        formatted(self.at, TIME)
    }

    /// For programs.
    fn exact_time(&self) -> String {
        formatted(self.at, EXACT)
    }
}

fn formatted(seconds: i64, format: &[BorrowedFormatItem<'_>]) -> String {
    let instant = OffsetDateTime::from_unix_timestamp(seconds);
    let text = instant.ok().and_then(|instant| instant.format(format).ok());
    text.unwrap_or_default()
}
