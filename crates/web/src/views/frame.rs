//! What every page shares: the top bar, the sidebar, the look and the marks that the script reads.

use super::{Accent, FlashView};

/// Everything common to all pages. Start from [`Frame::new`], which also suits error pages.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The product's name, the second half of `<title>`.
    pub product: String,
    /// The CSP nonce of this answer.
    pub nonce: String,
    /// Address of the hashed `app.css`.
    pub css_url: String,
    /// Address of the hashed `app.js`; empty on protected hosts, where it has nothing to
    /// do.
    pub js_url: String,
    /// Our own origin on pages that stand on a protected host; empty on ours.
    pub site: String,
    /// Address of the hashed `passkeys.js`; left out if there can be no passkeys here.
    pub passkeys_js_url: Option<String>,
    /// Whether the script tells authenticators which passkeys work (WAN-08): right after a proof, and
    /// where passkeys and names are changed.
    pub tells_authenticators: bool,
    /// The name in the top bar; the product's name stands there if absent.
    pub organization: Option<String>,
    /// The organization's accent color.
    pub accent: Option<Accent>,
    /// The person's choice of appearance.
    pub theme: Theme,
    /// Whom to ask.
    pub contact: Option<ContactView>,
    /// The signed-in person; `None` on public pages when nobody is signed in.
    pub person: Option<PersonView>,
    /// What the last action did.
    pub flash: Option<FlashView>,
    /// The current entry of the sidebar.
    pub nav: Nav,
    /// Set on `/signed-out` and `/login` right after a logout here: the public id of the session that
    /// ended (empty if unknown). Tells the other tabs of this browser at once.
    pub ended: Option<String>,
}

impl Frame {
    /// A frame that knows nobody.
    pub fn new(product: &str, nonce: &str, css_url: &str, js_url: &str) -> Self {
        Self {
            product: product.to_owned(),
            nonce: nonce.to_owned(),
            css_url: css_url.to_owned(),
            js_url: js_url.to_owned(),
            ..Self::default()
        }
    }

    /// The name in the top bar.
    pub fn brand(&self) -> &str {
        self.organization.as_deref().unwrap_or(&self.product)
    }

    /// The token of the signed-in person's forms; empty if nobody is signed in.
    pub fn csrf(&self) -> &str {
        self.person
            .as_ref()
            .map_or("", |person| person.csrf.as_str())
    }
}

/// The appearance a person chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the device is set.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// The value in `data-theme` and in the form field `theme`.
    pub fn value(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The value of `<html data-theme>`; absent if the device decides.
    pub fn forced(self) -> Option<&'static str> {
        (self != Self::System).then(|| self.value())
    }

    /// Reads the form field `theme`.
    pub fn from_value(value: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark]
            .into_iter()
            .find(|theme| theme.value() == value)
    }
}

/// Whom to ask: a name or a sentence, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactView {
    /// "the IT help desk (extension 200)".
    pub text: String,
    /// `mailto:`, `tel:` or `https:` address, already checked; plain text if absent.
    pub href: Option<String>,
}

/// The signed-in person, as the top bar and the script need them.
#[derive(Clone, Debug, Default)]
pub struct PersonView {
    /// The person's name.
    pub name: String,
    /// From [`initials`].
    pub initials: String,
    /// The uploaded picture.
    pub picture_url: Option<String>,
    /// The person's e-mail address.
    pub email: String,
    /// The person's organization.
    pub organization: String,
    /// The token for forms of this session.
    pub csrf: String,
    /// Whether this session is in the shared-computer mode.
    pub shared: bool,
    /// Whether the menu leads to the room of administrators.
    pub administers: bool,
    /// The session itself.
    pub session: SessionMark,
}

/// What the script knows of the session. The server alone decides; these are for warnings ahead.
#[derive(Clone, Debug, Default)]
pub struct SessionMark {
    /// The public id, which authenticates nothing.
    pub id: String,
    /// When it ends without use, in Unix milliseconds.
    pub idle_deadline_ms: u64,
    /// When it ends in any case, in Unix milliseconds.
    pub overall_deadline_ms: u64,
    /// The server's clock when the page was made, in Unix milliseconds.
    pub now_ms: u64,
    /// How long before the end the warning shows: at least 60, from a 15-minute limit on 120.
    pub warn_seconds: u64,
}

/// The entries of the sidebar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nav {
    /// A page without a sidebar entry.
    #[default]
    Elsewhere,
    /// Profile & Preferences.
    Profile,
    /// Security.
    Security,
    /// Sessions and the confirm pages below it.
    Sessions,
    /// Login history.
    History,
    /// Apps.
    Apps,
    /// People, in the room of administrators.
    People,
}

impl Nav {
    /// Whether this is the entry called `name`; for the template of the sidebar.
    pub fn is(self, name: &str) -> bool {
        let own = match self {
            Self::Elsewhere => "",
            Self::Profile => "profile",
            Self::Security => "security",
            Self::Sessions => "sessions",
            Self::History => "history",
            Self::Apps => "apps",
            Self::People => "people",
        };
        own == name
    }
}

/// At most two letters that stand for a person without a picture.
pub fn initials(name: &str) -> String {
    let mut words = name
        .split_whitespace()
        .filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    let letters: String = [first, last]
        .into_iter()
        .flatten()
        .flat_map(char::to_uppercase)
        .take(2)
        .collect();
    if letters.is_empty() {
        "?".to_owned()
    } else {
        letters
    }
}
