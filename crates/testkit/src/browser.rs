//! A browser, and the person in front of it.
//!
//! Sends what browsers send, keeps what browsers keep, and finds things on pages
//! by what a person reads. It follows redirects like a browser, or one step at a
//! time where a story looks at the answer in between.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::body::Body;
use http::{Method, Request};
use nightlatch_domain::secret::Token;
use serde_json::Value;

use crate::answer::Answer;
use crate::form::Form;
use crate::jar::Jar;
use crate::operator::{Account, PASSWORD};
use crate::page::{Block, Page};
use crate::rows::SessionRow;
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

/// What a person chooses in the sign-in form.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choices {
    /// "Stay signed in on this browser".
    pub remember: bool,
    /// "This is a shared or public computer".
    pub shared: bool,
}

/// A browser profile on some device.
#[derive(Debug, Clone)]
pub struct Browser<'a> {
    pub(crate) site: &'a Site,
    /// Its cookies.
    pub jar: Jar,
    agent: UserAgent,
    peer: SocketAddr,
    path: String,
    page: Option<Page>,
    extra: Vec<(String, String)>,
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

    /// From now on, whatever it sends carries this header, which no browser
    /// writes: somebody, or a proxy in between, does.
    pub fn forges(&mut self, name: &str, value: &str) {
        self.extra.push((name.to_owned(), value.to_owned()));
    }

    /// Begins a request by hand; it carries the cookies, `Host` and
    /// `User-Agent`, and nothing else that it is not given.
    pub fn ask(&mut self, method: &str, path: &str) -> Ask<'_, 'a> {
        let host = self.site.origin();
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
        Ask {
            method: method.parse().expect("a method"),
            path: path.to_owned(),
            headers,
            body: Vec::new(),
            browser: self,
        }
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
        let referer = format!("{}{}", self.site.origin(), self.path);
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

    /// Follows redirects from an answer on.
    ///
    /// # Panics
    ///
    /// If they do not end.
    pub fn follow(&mut self, answer: Answer) -> Answer {
        let mut answer = answer;
        for _ in 0..10 {
            let Some(to) = answer.location().map(str::to_owned) else {
                return answer;
            };
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
    pub fn submit(&mut self, form: &Form) -> Answer {
        let pairs = serde_urlencoded::to_string(form.pairs()).expect("pairs of text");
        let referer = format!("{}{}", self.site.origin(), self.path);
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
                ask.from_own_page()
                    .header("referer", &referer)
                    .form(&pairs)
                    .send()
            },
            "POST",
            &action,
        )
    }

    /// Opens the sign-in page and signs in, without special wishes.
    pub fn sign_in(&mut self, account: &Account) -> Answer {
        self.sign_in_with(account, Choices::default())
    }

    /// Opens the sign-in page and signs in.
    ///
    /// # Panics
    ///
    /// If that does not lead into the account.
    pub fn sign_in_with(&mut self, account: &Account, choices: Choices) -> Answer {
        let answer = self.try_to_sign_in(&account.email, PASSWORD, choices);
        assert_eq!(
            answer.status.as_u16(),
            303,
            "{} could not sign in: {}",
            account.email,
            answer.text()
        );
        self.follow(answer).expect(200)
    }

    /// Opens the sign-in page and signs in, at the very instant that it is; for
    /// many at once.
    ///
    /// # Panics
    ///
    /// If that does not lead into the account.
    pub fn sign_in_here(&mut self, account: &Account) {
        self.open("/login").expect(200);
        self.fill("E-mail address", &account.email);
        self.fill("Password", PASSWORD);
        let answer = self.press_once("Sign in");
        drop(answer.expect_redirect("/"));
    }

    /// Changes the password on the page Security.
    pub fn change_password(&mut self, present: &str, new: &str) -> Answer {
        self.open("/account/security");
        self.fill("Current password", present);
        self.fill("New password", new);
        self.fill("New password once more", new);
        self.press("Change password")
    }

    /// Fills the sign-in form with this and sends it; the answer is the first.
    pub fn try_to_sign_in(&mut self, email: &str, password: &str, choices: Choices) -> Answer {
        // No two sign-ins at the very same instant, so that stories can tell
        // their order.
        self.site.advance(Duration::from_millis(1));
        self.open("/login?switch=yes");
        self.fill("E-mail address", email);
        self.fill("Password", password);
        if choices.remember {
            self.check("Stay signed in on this browser");
        }
        if choices.shared {
            self.check("This is a shared or public computer");
        }
        self.press_once("Sign in")
    }

    /// Opens the start page and logs out by the menu.
    ///
    /// # Panics
    ///
    /// If that does not work.
    pub fn log_out(&mut self) -> Answer {
        self.open("/").expect(200);
        self.press("Log out").expect(200)
    }

    /// A program in this browser calls the API, as it is documented.
    pub fn api(&mut self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let ask = self
            .ask(method, path)
            .from_script()
            .header("x-nightlatch", "1");
        match body {
            Some(body) => ask.json(body).send(),
            None => ask.send(),
        }
    }

    /// Whether the site says that this browser is signed in; asking changes
    /// nothing and is no activity.
    ///
    /// # Panics
    ///
    /// If it says neither yes nor no.
    pub fn is_signed_in(&mut self) -> bool {
        let answer = self
            .ask("GET", "/session/status")
            .from_script()
            .send()
            .expect(200);
        match answer.json().get("state").and_then(Value::as_str) {
            Some("live") => true,
            Some("ended") => false,
            _ => panic!("neither live nor ended: {}", answer.text()),
        }
    }

    /// The browser is closed and opened again.
    pub fn restart(&mut self) {
        self.jar.close_browser();
        self.page = None;
    }

    /// A copy of the cookies, for somebody else or for later.
    pub fn steal_cookies(&self) -> Jar {
        self.jar.clone()
    }

    /// The value of the session cookie.
    pub fn session_cookie(&self) -> Option<&str> {
        self.jar.get("__Host-nightlatch")
    }

    /// The row of the session that the cookie names, ended or not.
    pub fn session_row(&self) -> Option<SessionRow> {
        let token = Token::parse(self.session_cookie()?)?;
        self.site.session_of_token(token.digest())
    }

    /// The public id of the session that the cookie names.
    ///
    /// # Panics
    ///
    /// If it names none.
    pub fn session_id(&self) -> String {
        let row = self.session_row().expect("a cookie that names a session");
        row.id.to_string()
    }
}

/// A request in the making.
#[derive(Debug)]
pub struct Ask<'b, 'a> {
    browser: &'b mut Browser<'a>,
    method: Method,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Ask<'_, '_> {
    /// Adds a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    /// Adds a header of any bytes.
    #[must_use]
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.push((name.to_owned(), value.to_vec()));
        self
    }

    /// Takes every header of this name away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(found, _)| found != name);
        self
    }

    /// Says that a form on one of our own pages sends it.
    #[must_use]
    pub fn from_own_page(self) -> Self {
        let origin = self.browser.site.origin();
        self.header("sec-fetch-site", "same-origin")
            .header("origin", &origin)
    }

    /// Says that a script on one of our own pages sends it.
    #[must_use]
    pub fn from_script(self) -> Self {
        let own = self.from_own_page();
        own.header("sec-fetch-mode", "cors")
            .header("sec-fetch-dest", "empty")
    }

    /// Sends fields of a form.
    #[must_use]
    pub fn form(self, pairs: &str) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded")
            .body(pairs.as_bytes())
    }

    /// Sends JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(body.to_string().as_bytes())
    }

    /// Sends these bytes.
    #[must_use]
    pub fn body(mut self, bytes: &[u8]) -> Self {
        self.body = bytes.to_vec();
        self
    }

    /// The request with the cookies of now, for stories that hand it in
    /// themselves, and where it comes from.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn build(self) -> (Request<Body>, SocketAddr) {
        let now = self.browser.site.now();
        let mut request = Request::builder().method(self.method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        if let Some(cookies) = self.browser.jar.header(now) {
            request = request.header("cookie", cookies);
        }
        if !self.body.is_empty() {
            request = request.header("content-length", self.body.len());
        }
        let request = request
            .body(Body::from(self.body))
            .expect("a request that can be written");
        (request, self.browser.peer)
    }

    /// Sends it, and keeps the cookies of the answer.
    pub fn send(self) -> Answer {
        let Ask {
            browser,
            method,
            path,
            headers,
            body,
        } = self;
        let site = browser.site;
        let again = Ask {
            browser: &mut *browser,
            method,
            path,
            headers,
            body,
        };
        let (request, peer) = again.build();
        let answer = site.block_on(site.exchange(request, peer));
        for header in answer.cookies() {
            browser.jar.take(header, site.now());
        }
        answer
    }
}
