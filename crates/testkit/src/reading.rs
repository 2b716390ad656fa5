//! Makes a [`Page`] of HTML.
//!
//! Reads only what our own templates write and holds it to strict rules: every
//! element is closed where it was opened, nothing runs that the answer's nonce
//! does not cover, nothing comes from another host. Text that a person put in
//! and that breaks out of its place shows up here.

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Error, StartTag, Token, Tokenizer};

use crate::form::{Field, Form};
use crate::page::{Block, Link, Page};

const VOID: [&str; 8] = ["area", "br", "hr", "img", "input", "link", "meta", "wbr"];

/// Reads a page.
pub(crate) fn read(html: &str) -> Page {
    let mut emitter = DefaultEmitter::<()>::default();
    emitter.naively_switch_states(true);
    let mut reader = Reader::default();
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => reader.open(&Tag::new(&tag)),
            Token::EndTag(tag) => reader.close(&text(&tag.name)),
            Token::String(found) => reader.words(&text(&found.value)),
            // A control character that somebody typed, shown to them again.
            Token::Error(error) if error.value == Error::ControlCharacterInInputStream => {}
            Token::Error(error) => reader.offend(format!("not valid HTML: {}", error.value)),
            Token::Comment(_) | Token::Doctype(_) => {}
        }
    }
    reader.finish()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
    self_closing: bool,
}

impl Tag {
    fn new(tag: &StartTag<()>) -> Self {
        Self {
            name: text(&tag.name),
            attributes: tag
                .attributes
                .iter()
                .map(|(name, value)| (text(name), text(&value.value)))
                .collect(),
            self_closing: tag.self_closing,
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    fn owned(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }
}

/// An element that was opened and not yet closed.
struct Open {
    name: String,
    silent: bool,
    words: String,
    label: Option<String>,
    target: Option<String>,
    block: Option<usize>,
}

#[derive(Default)]
struct Reader {
    page: Page,
    open: Vec<Open>,
    current_form: Option<usize>,
    labels: Vec<(String, String)>,
    /// The ids of fields, beside their form and their place in it.
    ids: Vec<(String, usize, usize)>,
    /// Fields and buttons that name their form by id.
    elsewhere: Vec<(String, Element)>,
}

enum Element {
    Field(String, Field),
    Button(String),
}

impl Reader {
    fn offend(&mut self, what: String) {
        self.page.offenses.push(what);
    }

    fn open(&mut self, tag: &Tag) {
        self.judge(tag);
        match tag.name.as_str() {
            "form" => self.open_form(tag),
            "input" | "select" => self.add_field(tag),
            "option" if tag.get("selected").is_some() => self.choose(tag.owned("value")),
            "script" | "style" => self.page.nonces.push(tag.get("nonce").map(str::to_owned)),
            "link" if tag.get("rel") == Some("stylesheet") => {
                self.page.nonces.push(tag.get("nonce").map(str::to_owned));
            }
            _ => {}
        }
        if VOID.contains(&tag.name.as_str()) || tag.self_closing {
            return;
        }
        let outer_silent = self.open.last().is_some_and(|outer| outer.silent);
        let hides = matches!(tag.name.as_str(), "script" | "style" | "svg" | "title");
        let block = matches!(tag.name.as_str(), "article" | "li").then(|| {
            self.page.blocks.push(Block {
                kind: tag.name.clone(),
                ..Block::default()
            });
            self.page.blocks.len() - 1
        });
        let target = match tag.name.as_str() {
            "a" => tag.get("href"),
            "label" => tag.get("for"),
            "button" => tag.get("form"),
            _ => None,
        };
        self.open.push(Open {
            name: tag.name.clone(),
            silent: outer_silent || hides || tag.get("hidden").is_some(),
            words: String::new(),
            label: tag.get("aria-label").map(str::to_owned),
            target: target.map(str::to_owned),
            block,
        });
    }

    /// What no page of ours may hold (HDR-01, HDR-04).
    fn judge(&mut self, tag: &Tag) {
        let name = &tag.name;
        for (attribute, value) in &tag.attributes {
            if attribute.starts_with("on") || attribute == "style" {
                self.offend(format!("<{name}> with inline {attribute}"));
            }
            let leads = matches!(
                attribute.as_str(),
                "href" | "src" | "action" | "formaction" | "data" | "srcset" | "poster"
            );
            let trimmed = value.trim().to_ascii_lowercase();
            if leads && trimmed.starts_with("javascript:") {
                self.offend(format!("<{name} {attribute}> runs a script"));
            }
            let elsewhere = trimmed.starts_with("http") || trimmed.starts_with("//");
            // The answer to an app that wants it in a form; and what a frame may load is in
            // the policy of the answer, see `watch`.
            let to_app = name == "form" && tag.get("data-to-app").is_some();
            if leads && elsewhere && name != "a" && name != "iframe" && !to_app {
                self.offend(format!("<{name} {attribute}> loads from another host"));
            }
        }
        let known = [
            "a", "article", "b", "bdi", "body", "br", "button", "code", "dd", "details", "div",
            "dl", "dt", "fieldset", "footer", "form", "h1", "h2", "h3", "head", "header", "html",
            "iframe", "img", "input", "label", "legend", "li", "link", "main", "meta", "nav",
            "noscript", "ol", "option", "p", "path", "rect", "circle", "script", "section",
            "select", "span", "strong", "style", "summary", "svg", "symbol", "time", "title", "ul",
            "use", "wbr",
        ];
        if !known.contains(&name.as_str()) {
            self.offend(format!("<{name}>, which no template of ours writes"));
        }
    }

    fn open_form(&mut self, tag: &Tag) {
        if self.current_form.is_some() {
            self.offend("a form inside a form".to_owned());
        }
        self.page.forms.push(Form {
            id: tag.get("id").map(str::to_owned),
            action: tag.owned("action"),
            method: tag.get("method").unwrap_or("get").to_ascii_lowercase(),
            encoding: tag
                .get("enctype")
                .unwrap_or("application/x-www-form-urlencoded")
                .to_owned(),
            ..Form::default()
        });
        let place = self.page.forms.len() - 1;
        self.current_form = Some(place);
        for open in &self.open {
            if let Some(block) = open.block.and_then(|at| self.page.blocks.get_mut(at)) {
                block.forms.push(place);
            }
        }
    }

    fn add_field(&mut self, tag: &Tag) {
        let field = Field {
            name: tag.owned("name"),
            value: tag.get("value").unwrap_or_default().to_owned(),
            kind: tag.get("type").unwrap_or("text").to_owned(),
            label: tag.owned("aria-label"),
            checked: tag.get("checked").is_some(),
            disabled: tag.get("disabled").is_some(),
        };
        let id = tag.owned("id");
        if let Some(form) = tag.get("form") {
            let element = Element::Field(id, field);
            self.elsewhere.push((form.to_owned(), element));
        } else if let Some(form) = self.current_form {
            self.put_field(form, id, field);
        }
    }

    /// The choice of the list that was opened last.
    fn choose(&mut self, value: String) {
        let form = self
            .current_form
            .and_then(|form| self.page.forms.get_mut(form));
        if let Some(field) = form.and_then(|form| form.fields.last_mut()) {
            field.value = value;
        }
    }

    fn put_field(&mut self, form: usize, id: String, field: Field) {
        if let Some(owner) = self.page.forms.get_mut(form) {
            self.ids.push((id, form, owner.fields.len()));
            owner.fields.push(field);
        }
    }

    fn close(&mut self, name: &str) {
        let Some(open) = self.open.pop() else {
            self.offend(format!("</{name}> closes nothing"));
            return;
        };
        if open.name != name {
            self.offend(format!("</{name}> where <{}> is open", open.name));
            return;
        }
        let words = squeeze(&open.words);
        let spoken = open.label.clone().unwrap_or_else(|| words.clone());
        match name {
            "form" => self.current_form = None,
            "title" if self.page.title.is_empty() => self.page.title.clone_from(&words),
            "h1" if self.page.heading.is_empty() => self.page.heading.clone_from(&words),
            "script" if !words.is_empty() => self.offend("an inline script".to_owned()),
            "label" => {
                let target = open.target.unwrap_or_default();
                self.labels.push((target, words.clone()));
            }
            "a" => self.add_link(spoken, open.target.unwrap_or_default()),
            "button" if !open.silent => match (open.target, self.current_form) {
                (Some(form), _) => self.elsewhere.push((form, Element::Button(spoken))),
                (None, Some(form)) => self.put_button(form, spoken),
                (None, None) => {}
            },
            _ => {}
        }
        if let Some(block) = open.block.and_then(|at| self.page.blocks.get_mut(at)) {
            block.text = squeeze(&open.words);
        }
        if let Some(outer) = self.open.last_mut() {
            if !open.silent || outer.silent {
                outer.words.push_str(&open.words);
            }
            // Words of neighboring elements do not run together on a screen.
            if !matches!(
                name,
                "bdi" | "span" | "strong" | "b" | "time" | "a" | "code"
            ) {
                outer.words.push(' ');
            }
        } else {
            self.page.text = words;
        }
    }

    fn add_link(&mut self, words: String, href: String) {
        self.page.links.push(Link { words, href });
        let place = self.page.links.len() - 1;
        for open in &self.open {
            if let Some(block) = open.block.and_then(|at| self.page.blocks.get_mut(at)) {
                block.links.push(place);
            }
        }
    }

    fn put_button(&mut self, form: usize, words: String) {
        if let Some(owner) = self.page.forms.get_mut(form) {
            owner.buttons.push(words);
        }
    }

    fn words(&mut self, found: &str) {
        if let Some(open) = self.open.last_mut() {
            open.words.push_str(found);
        } else if !found.trim().is_empty() {
            self.offend(format!("text outside of everything: {found:.80}"));
        }
    }

    fn finish(mut self) -> Page {
        let unclosed: Vec<String> = self.open.iter().map(|open| open.name.clone()).collect();
        if !unclosed.is_empty() {
            self.offend(format!("never closed: {unclosed:?}"));
        }
        for (id, element) in std::mem::take(&mut self.elsewhere) {
            let found = self
                .page
                .forms
                .iter()
                .position(|form| form.id.as_deref() == Some(id.as_str()));
            match (found, element) {
                (Some(form), Element::Field(id, field)) => self.put_field(form, id, field),
                (Some(form), Element::Button(words)) => self.put_button(form, words),
                (None, _) => self.offend(format!("there is no form “{id}”")),
            }
        }
        for (target, words) in &self.labels {
            let found = self.ids.iter().find(|(id, _, _)| id == target);
            let field = found.and_then(|(_, form, place)| {
                self.page.forms.get_mut(*form)?.fields.get_mut(*place)
            });
            match field {
                Some(field) => field.label.clone_from(words),
                None => self
                    .page
                    .offenses
                    .push(format!("a label for nothing: {words}")),
            }
        }
        self.page
    }
}

fn squeeze(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}
