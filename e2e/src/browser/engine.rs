//! The two engines, how they are asked to behave, and what they are told at their start.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::failure::Outcome;
use crate::site::Site;
use crate::tools;

/// A browser family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Debian's Chromium.
    Chromium,
    /// Debian's Firefox ESR.
    Firefox,
}

/// Whether pages may run scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    /// As usual.
    On,
    /// Blocked by the browser's own setting, as a cautious person would.
    Off,
}

/// What the page is told about the person's color preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appearance {
    /// `prefers-color-scheme: light`
    Light,
    /// `prefers-color-scheme: dark`
    Dark,
}

/// What the browser opens when it starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Startup {
    /// An empty window; cookies without an expiry are forgotten.
    Empty,
    /// "Open previous windows and tabs"; browsers bring cookies without an expiry back as well.
    PreviousWindows,
}

/// How a browser is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The engine.
    pub engine: Engine,
    /// Scripts on or off.
    pub scripts: Scripts,
    /// Light or dark.
    pub appearance: Appearance,
    /// Width of the page in CSS pixels.
    pub width: u32,
    /// Height of the page in CSS pixels.
    pub height: u32,
    /// What opens at the start.
    pub startup: Startup,
    /// Where paths without a host lead.
    pub site: Site,
}

impl Engine {
    /// Both engines.
    pub const ALL: [Self; 2] = [Self::Chromium, Self::Firefox];

    /// The name used in reports and filters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
        }
    }
}

impl Scripts {
    /// The name used in reports and filters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::On => "with-scripts",
            Self::Off => "no-scripts",
        }
    }
}

impl Appearance {
    /// The name used in media queries and file names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Options {
    /// A light desktop window of 1280 × 900 on a site.
    pub fn new(engine: Engine, scripts: Scripts, site: &Site) -> Self {
        Self {
            engine,
            scripts,
            appearance: Appearance::Light,
            width: 1280,
            height: 900,
            startup: Startup::Empty,
            site: site.clone(),
        }
    }

    /// The WebDriver capabilities for a profile directory.
    pub(crate) fn capabilities(&self, profile: &Path) -> Outcome<Map<String, Value>> {
        let specific = match self.engine {
            Engine::Chromium => ("goog:chromeOptions", self.chromium(profile)?),
            Engine::Firefox => ("moz:firefoxOptions", self.firefox(profile)?),
        };
        let mut capabilities = Map::new();
        capabilities.insert(
            "timeouts".to_owned(),
            json!({ "implicit": 0, "pageLoad": 30_000, "script": 60_000 }),
        );
        capabilities.insert("pageLoadStrategy".to_owned(), json!("normal"));
        capabilities.insert(specific.0.to_owned(), specific.1);
        Ok(capabilities)
    }

    fn chromium(&self, profile: &Path) -> Outcome<Value> {
        let mut arguments = vec![
            "--headless=new".to_owned(),
            // CI runs as root in a container, where the sandbox cannot be set up.
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--user-data-dir={}", profile.display()),
            format!("--window-size={},{}", self.width, self.height),
        ];
        let mut preferences = json!({
            "credentials_enable_service": false,
            "profile.password_manager_enabled": false,
        });
        if let Some(preferences) = preferences.as_object_mut() {
            if self.scripts == Scripts::Off {
                preferences.insert(
                    "profile.managed_default_content_settings.javascript".to_owned(),
                    json!(2),
                );
            }
            let restore = match self.startup {
                Startup::Empty => 5,
                Startup::PreviousWindows => 1,
            };
            preferences.insert("session.restore_on_startup".to_owned(), json!(restore));
        }
        if self.startup == Startup::PreviousWindows {
            arguments.push("--restore-last-session".to_owned());
        }
        Ok(json!({
            "binary": tools::program(&["chromium"])?,
            "args": arguments,
            "prefs": preferences,
        }))
    }

    fn firefox(&self, profile: &Path) -> Outcome<Value> {
        let mut preferences = json!({
            // Without these two a passkey prompt hangs although the virtual authenticator was accepted.
            "security.webauth.webauthn_enable_softtoken": true,
            "security.webauth.webauthn_enable_usbtoken": false,
            "layout.css.prefers-color-scheme.content-override": match self.appearance {
                Appearance::Dark => 0,
                Appearance::Light => 1,
            },
            // A driver's click leaves an unload listener behind, which would keep every page out of the
            // back/forward cache: tests would never see what comes back alive after a logout.
            "docshell.shistory.bfcache.allow_unload_listeners": true,
            // Scrollbars beside the page would make it narrower than asked for.
            "ui.useOverlayScrollbars": 1,
            "ui.prefersReducedMotion": 1,
            "signon.rememberSignons": false,
            "app.update.disabledForTesting": true,
            // The window may be narrower than Firefox's toolbar (see `profile.rs`).
            "toolkit.legacyUserProfileCustomizations.stylesheets": true,
        });
        if let Some(preferences) = preferences.as_object_mut() {
            if self.scripts == Scripts::Off {
                preferences.insert("javascript.enabled".to_owned(), json!(false));
            }
            if self.startup == Startup::PreviousWindows {
                preferences.insert("browser.startup.page".to_owned(), json!(3));
            }
        }
        Ok(json!({
            "binary": tools::program(&["firefox-esr", "firefox"])?,
            "args": ["-headless", "-profile", profile, "--width", self.width.to_string(), "--height", self.height.to_string()],
            "prefs": preferences,
        }))
    }
}
