//! A browser.
//!
//! Sends what browsers send, keeps what browsers keep, and finds things on pages
//! by what a person reads. It follows redirects like a browser, or one step at a
//! time where a story looks at the answer in between.

use std::net::{IpAddr, SocketAddr};

use crate::answer::Answer;
use crate::ask::Ask;
use crate::form::Form;
use crate::jar::Jar;
use crate::page::{Block, Page};
use crate::site::Site;

/// What a browser calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserAgent {
    /// "Firefox on Windows".
    FirefoxOnWindows,
    /// The same a few releases later.
    NewerFirefoxOnWindows,
    /// "Chrome on Linux".
    ChromeOnLinux,
    /// "Safari on iPhone".
    SafariOnIphone,
    /// Whatever somebody writes there.
    Other(String),
}

impl UserAgent {
    fn header(&self) -> &str {
        match self {
            Self::FirefoxOnWindows => {
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
            }
            Self::NewerFirefoxOnWindows => {
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"
            }
            Self::ChromeOnLinux => {
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
            }
            Self::SafariOnIphone => {
                "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1"
            }
            Self::Other(text) => text,
        }
    }
}

/// A browser profile on some device.
#[derive(Debug, Clone)]
pub struct Browser<'a> {
    pub(crate) site: &'a Site,
    /// Its cookies.
    pub jar: Jar,
    agent: UserAgent,
    pub(crate) peer: SocketAddr,
    path: String,
    pub(crate) page: Option<Page>,
    extra: Vec<(String, String)>,
    /// The origin that it visits, if that is not the site's own.
    origin: Option<String>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(site: &'a Site, peer: SocketAddr, agent: UserAgent) -> Self {
        Self {
            site,
            jar: Jar::default(),
            agent,
            peer,
            path: "/".to_owned(),
            page: None,
            extra: Vec::new(),
            origin: None,
        }
    }

    /// The same, calling itself so.
    #[must_use]
    pub fn calling_itself(mut self, agent: UserAgent) -> Self {
        self.agent = agent;
        self
    }

    /// The same, connecting from this address.
    ///
    /// # Panics
    ///
    /// If it is not an address.
    #[must_use]
    pub fn at(mut self, address: &str) -> Self {
        let address: IpAddr = address.parse().expect("an address");
        self.peer = SocketAddr::new(address, 50_000);
        self
    }

    /// The same, with these cookies: somebody stole them, or kept them.
    #[must_use]
    pub fn with_cookies(mut self, jar: Jar) -> Self {
        self.jar = jar;
        self
    }

    /// The same, visiting another origin at which the site answers too: a protected
    /// host. Its cookies are that host's.
    #[must_use]
    pub fn visiting(mut self, origin: &str) -> Self {
        self.origin = Some(origin.to_owned());
        self
    }

    /// The origin that it visits.
    pub(crate) fn origin(&self) -> String {
        self.origin.clone().unwrap_or_else(|| self.site.origin())
    }

    /// From now on, whatever it sends carries this header, which no browser
    /// writes: somebody, or a proxy in between, does.
    pub fn forges(&mut self, name: &str, value: &str) {
        self.extra.push((name.to_owned(), value.to_owned()));
    }

    /// Begins a request by hand; it carries the cookies, `Host` and
    /// `User-Agent`, and nothing else that it is not given.
    pub fn ask(&mut self, method: &str, path: &str) -> Ask<'_, 'a> {
        let host = self.origin();
        let host = host.split_once("://").map_or("", |(_, host)| host);
        let mut headers = vec![
            ("host".to_owned(), host.as_bytes().to_vec()),
            (
                "user-agent".to_owned(),
                self.agent.header().as_bytes().to_vec(),
            ),
        ];
        let extra = self.extra.iter();
        headers.extend(extra.map(|(name, value)| (name.clone(), value.as_bytes().to_vec())));
        Ask::new(self, method, path, headers)
    }

    /// One step of a navigation; redirects are not followed.
    fn navigate(
        &mut self,
        ask: impl FnOnce(Ask<'_, 'a>) -> Answer,
        method: &str,
        path: &str,
    ) -> Answer {
        let answer = ask(self
            .ask(method, path)
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
            .header("accept", "text/html,application/xhtml+xml"));
        if answer.is_html() {
            self.page = Some(answer.page());
            path.clone_into(&mut self.path);
        }
        answer
    }

    /// Types an address, and follows where it leads.
    pub fn open(&mut self, path: &str) -> Answer {
        let first = self.open_once(path);
        self.follow(first)
    }

    /// Types an address, and stays at the first answer.
    pub fn open_once(&mut self, path: &str) -> Answer {
        self.navigate(
            |ask| ask.header("sec-fetch-site", "none").send(),
            "GET",
            path,
        )
    }

    /// Follows a link of this page.
    pub fn click(&mut self, words: &str) -> Answer {
        let href = self.page().link(words).to_owned();
        let referer = format!("{}{}", self.origin(), self.path);
        let first = self.navigate(
            |ask| {
                ask.header("sec-fetch-site", "same-origin")
                    .header("referer", &referer)
                    .send()
            },
            "GET",
            &href,
        );
        self.follow(first)
    }

    /// Follows redirects from an answer on, as long as they stay on the site.
    ///
    /// # Panics
    ///
    /// If they do not end.
    pub fn follow(&mut self, answer: Answer) -> Answer {
        let mut answer = answer;
        for _ in 0..10 {
            // What leads to an app is where this browser's site ends.
            let Some(to) = answer.location().filter(|to| to.starts_with('/')) else {
                return answer;
            };
            let to = to.to_owned();
            answer = self.navigate(
                |ask| ask.header("sec-fetch-site", "same-origin").send(),
                "GET",
                &to,
            );
        }
        panic!("redirects without end, at last to {:?}", answer.location());
    }

    /// The page on the screen.
    ///
    /// # Panics
    ///
    /// If there is none yet.
    pub fn page(&self) -> &Page {
        self.page.as_ref().expect("a page was opened")
    }

    /// The address of the page on the screen.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Types into the field of this label, in the first form that has it.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn fill(&mut self, label: &str, value: &str) {
        self.form_with(label).fill(label, value);
    }

    /// Checks the box of this label.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn check(&mut self, label: &str) {
        self.form_with(label).check(label);
    }

    /// Takes the check out of the box of this label.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn uncheck(&mut self, label: &str) {
        self.form_with(label).uncheck(label);
    }

    fn form_with(&mut self, label: &str) -> &mut Form {
        let page = self.page.as_mut().expect("a page was opened");
        let title = page.title.clone();
        page.forms
            .iter_mut()
            .find(|form| form.find(label).is_some())
            .unwrap_or_else(|| panic!("no field “{label}” on “{title}”"))
    }

    /// Presses a button, and follows where it leads.
    pub fn press(&mut self, button: &str) -> Answer {
        let first = self.press_once(button);
        self.follow(first)
    }

    /// Presses a button of the form that has this field, and follows; for pages
    /// where several buttons have the same words.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn press_form(&mut self, button: &str, field: &str) -> Answer {
        let forms = &self.page().forms;
        let form = forms
            .iter()
            .find(|form| form.has_button(button) && form.find(field).is_some())
            .unwrap_or_else(|| panic!("no button “{button}” beside a field “{field}”"))
            .clone();
        let first = self.submit(&form);
        self.follow(first)
    }

    /// Presses a button, and stays at the first answer.
    pub fn press_once(&mut self, button: &str) -> Answer {
        let form = self.page().form(button).clone();
        self.submit(&form)
    }

    /// Presses the button that begins so in a card or entry, and follows.
    pub fn press_in(&mut self, block: &Block, button: &str) -> Answer {
        let form = self.page().form_in(block, button).clone();
        let first = self.submit(&form);
        self.follow(first)
    }

    /// Sends a form, and stays at the first answer.
    ///
    /// # Panics
    ///
    /// Never: pairs of text can be written.
    pub fn submit(&mut self, form: &Form) -> Answer {
        let pairs = serde_urlencoded::to_string(form.pairs()).expect("pairs of text");
        let referer = format!("{}{}", self.origin(), self.path);
        if form.method == "get" {
            let path = if pairs.is_empty() {
                form.action.clone()
            } else {
                format!("{}?{pairs}", form.action)
            };
            return self.navigate(
                |ask| {
                    ask.header("sec-fetch-site", "same-origin")
                        .header("referer", &referer)
                        .send()
                },
                "GET",
                &path,
            );
        }
        let action = form.action.clone();
        self.navigate(
            |ask| {
                ask.by_own_page()
                    .header("referer", &referer)
                    .form(&pairs)
                    .send()
            },
            "POST",
            &action,
        )
    }
}
