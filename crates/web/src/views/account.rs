//! The start page, Profile & Preferences, and Security.

use askama::Template;

use super::{
    EmailRow, Field, Frame, PasskeysView, PendingEmailView, Theme, TimeView, TowardApp, TwoStepView,
};

/// `GET /`: a signed-in person's apps.
#[derive(Clone, Debug, Template)]
#[template(path = "start.html")]
pub struct StartPage {
    /// What all pages share; `person` is set.
    pub frame: Frame,
    /// The apps; empty shows what will be here.
    pub apps: Vec<AppView>,
    /// The sign-in before this one.
    pub last_sign_in: Option<LastSignInView>,
    /// Whether it is time to look at the login history.
    pub review_due: bool,
}

/// An app on the start page.
#[derive(Clone, Debug)]
pub struct AppView {
    /// The app's name.
    pub name: String,
    /// A few words about it.
    pub about: Option<String>,
    /// A checked `https:` address.
    pub href: String,
}

impl AppView {
    /// The letter that stands for it.
    pub fn initial(&self) -> String {
        self.name
            .chars()
            .find(|c| c.is_alphanumeric())
            .map_or_else(|| "?".to_owned(), |c| c.to_uppercase().collect())
    }
}

/// "Last sign-in: yesterday, Firefox on Windows, Vienna".
#[derive(Clone, Debug)]
pub struct LastSignInView {
    /// When.
    pub time: TimeView,
    /// "Firefox on Windows", or the browser's own name.
    pub device: String,
    /// A rough place.
    pub place: Option<String>,
    /// Failed attempts since then; 0 shows nothing.
    pub failed_since: u64,
}

impl StartPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Your apps"
    }
}

/// `GET /account/profile` (and its three forms when one did not succeed).
///
/// Posts: `/account/profile/name` (`name`), `/account/profile/picture` (multipart: `picture`),
/// `/account/profile/picture/remove`, `/account/profile/appearance` (`theme`),
/// `/account/profile/email/cancel`; each with `csrf`.
/// In the multipart form `csrf` comes first.
#[derive(Clone, Debug, Template)]
#[template(path = "profile.html")]
pub struct ProfilePage {
    /// What all pages share; `person` is set, `nav` is [`super::Nav::Profile`].
    pub frame: Frame,
    /// The name, as typed if it was refused.
    pub name: Field,
    /// What is wrong with the uploaded picture.
    pub picture_error: Option<String>,
    /// "PNG, JPEG or WebP, up to 1 MB."
    pub picture_hint: String,
    /// The `accept` attribute: "image/png,image/jpeg,image/webp".
    pub picture_accept: String,
    /// "Member", "Administrator".
    pub role: String,
    /// Whether the address can be changed from here.
    pub email: EmailRow,
    /// A change of the address that waits for its confirmation.
    pub pending_email: Option<PendingEmailView>,
}

impl ProfilePage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Profile & Preferences"
    }

    /// Which text field takes the cursor, if it is wrong.
    pub fn focus(&self) -> &'static str {
        if self.name.error.is_some() {
            "name"
        } else {
            ""
        }
    }

    /// The choices of appearance: value, words, whether it is the current one.
    pub fn themes(&self) -> [(&'static str, &'static str, bool); 3] {
        [
            (Theme::System, "Same as this device"),
            (Theme::Light, "Light"),
            (Theme::Dark, "Dark"),
        ]
        .map(|(theme, words)| (theme.value(), words, theme == self.frame.theme))
    }
}

/// `GET /account/security` (and `POST /account/security/password` when it did not succeed).
///
/// Posts: `/account/security/password` (`username`, `current_password`, `new_password`,
/// `new_password_again`), `/account/security/mark-shared` (`shared` = `yes` or `no`); each with `csrf`.
/// GET forms: `/account/sessions/log-out-all`, `/account/sessions/log-out-others`.
#[derive(Clone, Debug, Template)]
#[template(path = "security.html")]
pub struct SecurityPage {
    /// What all pages share; `person` is set, `nav` is [`super::Nav::Security`].
    pub frame: Frame,
    /// What is wrong with the password form.
    pub password: PasswordErrors,
    /// "At least 15 characters. A few words that only you would put together work well."
    pub password_hint: String,
    /// The app that the person is on the way to, if there is one.
    pub way: Option<TowardApp>,
    /// Why nothing of the account can be changed here; the forms are then left out.
    pub own_device: Option<String>,
    /// Two-step sign-in.
    pub two_step: TwoStepView,
    /// The person's passkeys; `None` if there can be none at this address.
    pub passkeys: Option<PasskeysView>,
    /// The session in which the page is read.
    pub this_session: ThisSessionView,
    /// All live sessions of the person, this one included.
    pub sessions: u64,
    /// The browsers that are not asked for the second step.
    pub remembered: Vec<super::RememberedBrowserView>,
    /// From when on the organization demands a second step that is not set up yet.
    pub factor_notice: Option<String>,
    /// Shown to administrators only.
    pub mark_shared: Option<MarkSharedView>,
}

/// What is wrong with the password form; all `None` when it opens.
#[derive(Clone, Debug, Default)]
pub struct PasswordErrors {
    /// `current_password` is wrong.
    pub current: Option<String>,
    /// `new_password` is refused.
    pub new: Option<String>,
    /// `new_password_again` differs.
    pub again: Option<String>,
}

/// This session and its limits.
#[derive(Clone, Debug)]
pub struct ThisSessionView {
    /// When it began.
    pub signed_in: TimeView,
    /// "Password".
    pub method: String,
    /// The limits, in the order in which they are shown: without use, overall.
    pub limits: Vec<LimitView>,
}

/// One limit: how long, who set it, when it ends this session.
#[derive(Clone, Debug)]
pub struct LimitView {
    /// "Without use" or "In any case".
    pub name: String,
    /// "24 hours".
    pub length: String,
    /// "Set by your organization", "Shared computer", "You chose to stay signed in".
    pub source: String,
    /// When it will end the session.
    pub ends: TimeView,
}

/// "Mark this computer as shared", for administrators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkSharedView {
    /// Whether it is marked now; the form then offers to take the mark away.
    pub marked: bool,
}

impl SecurityPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Security"
    }

    /// All sessions but this one.
    pub fn others(&self) -> u64 {
        self.sessions.saturating_sub(1)
    }

    /// Which password field takes the cursor, if one is wrong.
    pub fn focus(&self) -> &'static str {
        let wrong = [
            ("current_password", &self.password.current),
            ("new_password", &self.password.new),
            ("new_password_again", &self.password.again),
        ];
        wrong
            .into_iter()
            .find(|(_, error)| error.is_some())
            .map_or("", |(name, _)| name)
    }
}
