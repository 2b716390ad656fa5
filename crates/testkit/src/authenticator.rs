//! An authenticator app on somebody's phone, as far as a site can tell.

use nightlatch_domain::one_time_code::Seed;

use crate::answer::Answer;
use crate::browser::Browser;
use crate::page::Page;
use crate::site::Site;

/// The letters of base32 (RFC 4648 section 6).
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// An app that was told a key. Its clock is the site's.
#[derive(Debug, Clone)]
pub struct Authenticator(Seed);

impl Authenticator {
    /// Types in the key that a page shows, in groups of four.
    ///
    /// # Panics
    ///
    /// If the page shows none.
    pub fn reading(page: &Page, html: &str) -> Self {
        assert!(page.says("Type this key into the app instead"));
        Self::reading_source(html)
    }

    /// The same from the source of the page alone.
    ///
    /// # Panics
    ///
    /// If it shows no key.
    pub fn reading_source(html: &str) -> Self {
        let shown = html
            .split("<p class=\"key\">")
            .nth(1)
            .and_then(|rest| rest.split("</p>").next())
            .expect("a key on the page");
        let key: String = shown
            .replace("<span>", "")
            .replace("</span>", "")
            .split_whitespace()
            .collect();
        let mut bits = 0_u64;
        let mut held = 0;
        let mut bytes = Vec::new();
        for letter in key.bytes() {
            let value = ALPHABET
                .iter()
                .position(|known| *known == letter)
                .expect("base32");
            bits = (bits << 5) | value as u64;
            held += 5;
            if held >= 8 {
                held -= 8;
                bytes.push(u8::try_from((bits >> held) & 0xff).expect("a byte"));
            }
        }
        Self(Seed::from_bytes(&bytes).expect("160 bits"))
    }

    /// What the app shows now.
    ///
    /// # Panics
    ///
    /// Never: a seed always has a code.
    pub fn code(&self, site: &Site) -> String {
        self.0.code_at(site.now()).expect("a code")
    }
}

impl Browser<'_> {
    /// Opens Security, begins to add an authenticator app and reads its key; the
    /// page with the picture stays open.
    ///
    /// # Panics
    ///
    /// If that is not what comes.
    pub fn begin_authenticator_app(&mut self) -> Authenticator {
        self.open("/account/security").expect(200);
        let answer = self.press("Add an authenticator app").expect(200);
        Authenticator::reading(&answer.page(), &answer.text())
    }

    /// Adds an authenticator app, without logging anybody out.
    ///
    /// # Panics
    ///
    /// If it is refused.
    pub fn add_authenticator_app(&mut self, name: &str) -> Authenticator {
        let app = self.begin_authenticator_app();
        let code = app.code(self.site);
        self.fill("Code from the app", &code);
        self.fill("Your name for this app", name);
        self.uncheck("Log out all other sessions");
        self.press("Add this app").expect(200);
        app
    }

    /// Makes recovery codes, without logging anybody out; returns them as shown.
    ///
    /// # Panics
    ///
    /// If it is refused.
    pub fn make_recovery_codes(&mut self) -> Vec<String> {
        self.open("/account/security/recovery-codes").expect(200);
        self.uncheck("Log out all other sessions");
        let answer = self.press("Make new recovery codes").expect(200);
        codes_on(&answer)
    }
}

fn codes_on(answer: &Answer) -> Vec<String> {
    answer
        .text()
        .split("<code>")
        .skip(1)
        .filter_map(|rest| rest.split("</code>").next())
        .map(str::to_owned)
        .collect()
}
