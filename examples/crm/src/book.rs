//! The companies and contacts, and who changed what.
//!
//! Owns search, editing and the history. An edit names the version that its person
//! saw, so that nobody overwrites what somebody else wrote meanwhile.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::live::{Live, News};

/// Which kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A company.
    Company,
    /// Somebody who works there.
    Contact,
}

impl Kind {
    /// Its list.
    pub(crate) const fn list(self) -> &'static str {
        match self {
            Self::Company => "/companies",
            Self::Contact => "/contacts",
        }
    }
}

/// The fields of a company: its name in forms, what people read, how long it may be.
pub(crate) const COMPANY: [Field; 6] = [
    Field::new("name", "Name", 120),
    Field::new("industry", "Industry", 80),
    Field::new("city", "City", 80),
    Field::new("stage", "Stage", 40),
    Field::new("website", "Website", 200),
    Field::new("note", "Note", 2000),
];

/// The fields of a contact.
pub(crate) const CONTACT: [Field; 6] = [
    Field::new("name", "Name", 120),
    Field::new("role", "Role", 80),
    Field::new("email", "E-mail", 200),
    Field::new("phone", "Phone", 40),
    Field::new("city", "City", 80),
    Field::new("note", "Note", 2000),
];

/// Where a company can stand.
pub(crate) const STAGES: [&str; 5] = [
    "First talk",
    "Proposal sent",
    "Negotiation",
    "Won",
    "On hold",
];

/// One field of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    /// In forms.
    pub(crate) key: &'static str,
    /// For people.
    pub(crate) label: &'static str,
    longest: usize,
}

impl Field {
    const fn new(key: &'static str, label: &'static str, longest: usize) -> Self {
        Self {
            key,
            label,
            longest,
        }
    }
}

/// What stands in the fields of a record, in their order.
pub(crate) type Values = [String; 6];

/// A company or a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Counted up from 1, over both kinds.
    pub(crate) id: u32,
    /// What it is.
    pub(crate) kind: Kind,
    /// The company where a contact works.
    pub(crate) company: Option<u32>,
    /// What is known.
    pub(crate) values: Values,
    /// Counted up with each change.
    pub(crate) version: u32,
}

impl Record {
    /// Its fields.
    pub(crate) const fn fields(&self) -> &'static [Field; 6] {
        fields(self.kind)
    }

    /// Its page.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.kind.list(), self.id)
    }

    /// What stands in the field with this key.
    pub(crate) fn value(&self, key: &str) -> &str {
        let at = self.fields().iter().position(|field| field.key == key);
        at.and_then(|at| self.values.get(at))
            .map_or("", String::as_str)
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        self.value("name")
    }
}

/// The fields of a kind.
pub(crate) const fn fields(kind: Kind) -> &'static [Field; 6] {
    match kind {
        Kind::Company => &COMPANY,
        Kind::Contact => &CONTACT,
    }
}

/// One field that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    /// Its label.
    pub(crate) field: &'static str,
    /// What it was.
    pub(crate) before: String,
    /// What it became.
    pub(crate) after: String,
}

/// A line in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// The record.
    pub(crate) record: u32,
    /// Who did it.
    pub(crate) by: String,
    /// When, in seconds since 1970.
    pub(crate) at: i64,
    /// What was changed; empty if the record was added.
    pub(crate) edits: Vec<Edit>,
}

/// What became of a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Saved {
    /// It is in the book.
    Done(Record),
    /// There is no such record.
    Missing,
    /// Somebody else changed it meanwhile; this is what it is now.
    Overtaken(Record),
    /// These fields cannot be taken, each with a sentence.
    Refused(Vec<(&'static str, String)>),
}

#[derive(Default)]
struct State {
    records: Vec<Record>,
    changes: Vec<Change>,
}

/// All of it.
pub(crate) struct Book {
    state: Mutex<State>,
    live: Live,
}

impl Book {
    /// A book in which this stands already.
    pub(crate) fn new((records, changes): (Vec<Record>, Vec<Change>), live: Live) -> Self {
        Self {
            state: Mutex::new(State { records, changes }),
            live,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The record of this kind and number.
    pub(crate) fn find(&self, kind: Kind, id: u32) -> Option<Record> {
        let state = self.state();
        let mut found = state.records.iter();
        found.find(|one| one.id == id && one.kind == kind).cloned()
    }

    /// Everything of a kind that says each word of the query, by name. Contacts are also
    /// found by their company.
    pub(crate) fn search(&self, kind: Kind, query: &str) -> Vec<Record> {
        let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
        let state = self.state();
        let text = |record: &Record| {
            let company = record.company.and_then(|id| {
                let mut all = state.records.iter();
                all.find(|one| one.id == id).map(Record::name)
            });
            let own = record.values.join("\n");
            format!("{own}\n{}", company.unwrap_or_default()).to_lowercase()
        };
        let mut found: Vec<Record> = state
            .records
            .iter()
            .filter(|one| one.kind == kind)
            .filter(|one| {
                let text = text(one);
                words.iter().all(|word| text.contains(word))
            })
            .cloned()
            .collect();
        found.sort_by_key(|one| one.name().to_lowercase());
        found
    }

    /// Who works at a company, by name.
    pub(crate) fn contacts_of(&self, company: u32) -> Vec<Record> {
        let mut found = self.search(Kind::Contact, "");
        found.retain(|one| one.company == Some(company));
        found
    }

    /// What happened to a record, the newest first.
    pub(crate) fn history(&self, id: u32) -> Vec<Change> {
        let state = self.state();
        let of_it = state.changes.iter().rev().filter(|one| one.record == id);
        of_it.cloned().collect()
    }

    /// Adds a record; a contact to a company.
    pub(crate) fn add(
        &self,
        kind: Kind,
        company: Option<u32>,
        values: &Values,
        by: &str,
        now: i64,
    ) -> Saved {
        if company.is_some_and(|id| self.find(Kind::Company, id).is_none()) {
            return Saved::Missing;
        }
        let values = match judge(kind, values) {
            Ok(values) => values,
            Err(problems) => return Saved::Refused(problems),
        };
        let mut state = self.state();
        let last = state.records.iter().map(|one| one.id).max();
        let record = Record {
            id: last.unwrap_or_default() + 1,
            kind,
            company,
            values,
            version: 1,
        };
        state.records.push(record.clone());
        state.changes.push(Change {
            record: record.id,
            by: by.to_owned(),
            at: now,
            edits: Vec::new(),
        });
        drop(state);
        self.live.tell(News::Changed(kind.list().to_owned()));
        Saved::Done(record)
    }

    /// Changes a record, if it is still what its person saw.
    pub(crate) fn edit(
        &self,
        seen: (Kind, u32, u32),
        values: &Values,
        by: &str,
        now: i64,
    ) -> Saved {
        let (kind, id, version) = seen;
        let mut state = self.state();
        let mut all = state.records.iter_mut();
        let Some(record) = all.find(|one| one.id == id && one.kind == kind) else {
            return Saved::Missing;
        };
        if record.version != version {
            return Saved::Overtaken(record.clone());
        }
        let values = match judge(kind, values) {
            Ok(values) => values,
            Err(problems) => return Saved::Refused(problems),
        };
        let both = record.values.iter().zip(&values);
        let edits: Vec<Edit> = fields(kind)
            .iter()
            .zip(both)
            .filter(|(_, (before, after))| before != after)
            .map(|(field, (before, after))| Edit {
                field: field.label,
                before: before.clone(),
                after: after.clone(),
            })
            .collect();
        if edits.is_empty() {
            return Saved::Done(record.clone());
        }
        record.values = values;
        record.version += 1;
        let record = record.clone();
        state.changes.push(Change {
            record: id,
            by: by.to_owned(),
            at: now,
            edits,
        });
        drop(state);
        self.live.tell(News::Changed(record.path()));
        Saved::Done(record)
    }
}

/// What was typed, without spaces around it; or what is wrong with it.
fn judge(kind: Kind, values: &Values) -> Result<Values, Vec<(&'static str, String)>> {
    // Browsers send lines with a carriage return.
    let values = values
        .each_ref()
        .map(|value| value.trim().replace("\r\n", "\n"));
    let mut problems = Vec::new();
    for (field, value) in fields(kind).iter().zip(&values) {
        let problem = match field.key {
            "name" if value.is_empty() => Some("Please enter a name.".to_owned()),
            "stage" if !STAGES.contains(&value.as_str()) => {
                Some("Please choose a stage of the list.".to_owned())
            }
            "email" if !value.is_empty() && !value.contains('@') => {
                Some("This is no e-mail address.".to_owned())
            }
            // It becomes a link; other schemes could run scripts.
            "website" if !value.is_empty() && !value.starts_with("https://") => {
                Some("Please begin with https://".to_owned())
            }
            _ if value.chars().count() > field.longest => {
                Some(format!("At most {} characters, please.", field.longest))
            }
            _ => None,
        };
        problems.extend(problem.map(|sentence| (field.key, sentence)));
    }
    if problems.is_empty() {
        Ok(values)
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up;

    fn book() -> Book {
        Book::new(made_up::records(1_000_000), Live::default())
    }

    fn changed(record: &Record, key: &str, value: &str) -> Values {
        let mut values = record.values.clone();
        let at = record.fields().iter().position(|field| field.key == key);
        values[at.unwrap()] = value.to_owned();
        values
    }

    #[test]
    fn each_word_is_looked_for_in_every_field_and_in_the_company() {
        let book = book();
        let names = |kind, query: &str| -> Vec<String> {
            let found = book.search(kind, query);
            found.iter().map(|one| one.name().to_owned()).collect()
        };
        assert_eq!(names(Kind::Company, "porto"), ["Harbor & Finch"]);
        assert_eq!(names(Kind::Company, "  OPTICS gdańsk "), ["Kestrel Optics"]);
        assert!(names(Kind::Company, "optics porto").is_empty());
        assert!(names(Kind::Contact, "finch").contains(&"Ines Duarte".to_owned()));
        let all = names(Kind::Company, "");
        assert!(all.is_sorted() && all.len() > 5);
    }

    #[test]
    fn an_edit_is_kept_with_who_when_and_what() {
        let book = book();
        let finch = book.search(Kind::Company, "finch").remove(0);
        let won = changed(&finch, "stage", "Won");
        let Saved::Done(after) = book.edit((finch.kind, finch.id, finch.version), &won, "Ada", 7)
        else {
            panic!("refused");
        };
        assert_eq!(after.value("stage"), "Won");
        let newest = book.history(finch.id).remove(0);
        assert_eq!((newest.by.as_str(), newest.at), ("Ada", 7));
        let edit = Edit {
            field: "Stage",
            before: finch.value("stage").to_owned(),
            after: "Won".to_owned(),
        };
        assert_eq!(newest.edits, [edit]);
        // Nothing changed: no line, and the version stays.
        let lines = book.history(finch.id).len();
        let again = book.edit((after.kind, after.id, after.version), &won, "Ada", 8);
        assert_eq!(again, Saved::Done(after));
        assert_eq!(book.history(finch.id).len(), lines);
    }

    #[test]
    fn nobody_overwrites_what_they_have_not_seen() {
        let book = book();
        let seen = book.search(Kind::Company, "finch").remove(0);
        let key = (seen.kind, seen.id, seen.version);
        book.edit(key, &changed(&seen, "city", "Lisbon"), "Ada", 7);
        let late = book.edit(key, &changed(&seen, "city", "Faro"), "Ben", 8);
        let Saved::Overtaken(now) = late else {
            panic!("{late:?}");
        };
        assert_eq!(now.value("city"), "Lisbon");
    }

    #[test]
    fn what_cannot_be_taken_is_named_field_by_field() {
        let book = book();
        let values = ["", "", "", "Sold", "javascript:alert(1)", ""].map(str::to_owned);
        let Saved::Refused(problems) = book.add(Kind::Company, None, &values, "Ada", 1) else {
            panic!("taken");
        };
        let keys: Vec<_> = problems.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["name", "stage", "website"]);
        let values = ["Bo", "", "nowhere", "", "", ""].map(str::to_owned);
        let refused = book.add(Kind::Contact, Some(1), &values, "Ada", 1);
        assert!(matches!(refused, Saved::Refused(_)));
        let values = ["Bo", "", "", "", "", ""].map(str::to_owned);
        assert_eq!(
            book.add(Kind::Contact, Some(9999), &values, "Ada", 1),
            Saved::Missing
        );
        assert!(matches!(
            book.add(Kind::Contact, Some(1), &values, "Ada", 1),
            Saved::Done(_)
        ));
    }
}
