//! Whose samples, and what they are made of.

use super::super::*;

/// Markup and script, as somebody might type it into a name.
pub(in super::super) const NASTY: &str = "<script>alert('x')</script> \" onfocus=\"alert(1)";
/// Very long, without a place to break.
pub(in super::super) const LONG: &str =
    "Maximiliana-Wilhelmina-von-und-zu-Donaudampfschifffahrtsgesellschaftskapitaenswitwe-Hohenlohe";
/// Right to left, with an override that tries to turn the rest of the line around.
const RTL: &str = "عائشة بنت عبد الرحمن \u{202e}txe";

/// Whose samples: an ordinary person, somebody with difficult names, a person with every option on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cast {
    Plain,
    Nasty,
    Long,
}

impl Cast {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "Ada Lovelace",
            Self::Nasty => NASTY,
            Self::Long => LONG,
        }
    }

    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Nasty => "-nasty",
            Self::Long => "-long",
        }
    }

    pub(super) fn device(self) -> &'static str {
        match self {
            Self::Plain => "Firefox on Windows",
            Self::Nasty => RTL,
            Self::Long => LONG,
        }
    }

    pub(super) fn frame(self, nav: Nav) -> Frame {
        let mut frame = Frame::new("Nightlatch", "bm9uY2U", "app.css", "app.js");
        frame.nav = nav;
        frame.organization = Some(if self == Self::Plain {
            "Analytical Engines".to_owned()
        } else {
            self.name().to_owned()
        });
        frame.contact = Some(ContactView {
            text: "the IT help desk".to_owned(),
            href: Some("mailto:help@example.org".to_owned()),
        });
        if self == Self::Nasty {
            frame.contact = Some(ContactView {
                text: RTL.to_owned(),
                href: None,
            });
            frame.accent = Accent::parse("#f5d90a");
        }
        frame
    }

    pub(super) fn signed_in(self, nav: Nav) -> Frame {
        let mut frame = self.frame(nav);
        frame.person = Some(PersonView {
            name: self.name().to_owned(),
            initials: initials(self.name()),
            picture_url: (self == Self::Long).then(|| "data:image/gif;base64,R0lGODlhAQABAIAAAFWIVQAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==".to_owned()),
            email: if self == Self::Long { format!("{LONG}@example.org") } else { "ada@example.org".to_owned() },
            organization: frame.brand().to_owned(),
            csrf: "dG9rZW4".to_owned(),
            shared: self == Self::Long,
            administers: self != Self::Plain,
            session: SessionMark {
                id: "s1".to_owned(),
                idle_deadline_ms: 1_795_435_200_000,
                overall_deadline_ms: 1_795_953_600_000,
                now_ms: 1_795_348_800_000,
                warn_seconds: 120,
            },
        });
        frame
    }
}

pub(super) fn time(relative: &str) -> TimeView {
    TimeView {
        relative: relative.to_owned(),
        exact: "Monday, November 23, 2026 at 11:31 AM (UTC+1)".to_owned(),
        iso: "2026-11-23T10:31:00Z".to_owned(),
    }
}

pub(super) fn form() -> SignInForm {
    SignInForm {
        csrf: "cHJl".to_owned(),
        return_to: "/account/sessions".to_owned(),
        email: String::new(),
        error: None,
        notices: Vec::new(),
        remember: RememberChoice::Asked { checked: false },
        shared: SharedChoice::Offered { checked: false },
        app: None,
        passkeys: true,
        can_recover: true,
        replace: None,
    }
}

pub(super) fn receipt() -> ReceiptView {
    ReceiptView {
        why: WhyEnded::AllSessions.sentence().to_owned(),
        when: time("2 minutes ago"),
        sessions: 6,
        browsers: 4,
        complete: true,
        apps: ReceiptApps::None,
        is_open: false,
    }
}

pub(super) fn app_receipts(cast: Cast) -> Vec<AppReceiptView> {
    [
        (AppReceiptState::Confirmed, "Confirmed 2 seconds ago"),
        (AppReceiptState::StillTelling, "Next try in 30 seconds"),
        (AppReceiptState::CannotBeTold, "Log out in the app itself"),
        (
            AppReceiptState::Failed,
            "It may stay open there for up to 5 minutes",
        ),
        (AppReceiptState::GaveUp, "We tried for three days"),
        (
            AppReceiptState::Superseded,
            "You have opened it again since",
        ),
        (AppReceiptState::Ended, "It was over with the session"),
    ]
    .map(|(state, text)| AppReceiptView {
        name: cast.device().to_owned(),
        text: text.to_owned(),
        state,
    })
    .into()
}

pub(super) fn session(id: &str, is_this: bool) -> SessionView {
    SessionView {
        id: id.to_owned(),
        is_this,
        first_used: time("3 days ago"),
        last_used: time("2 hours ago"),
        address: Some("2001:db8:85a3:8d3:1319:8a2e:370:7348".to_owned()),
        place: Some("Vienna, Austria".to_owned()),
        method: "Password".to_owned(),
        until: time("in 4 days"),
        apps: vec!["Wiki".to_owned(), "Customers".to_owned()],
    }
}

pub(super) fn browsers(cast: Cast) -> Vec<BrowserView> {
    let browser = |id: &str, kind, own: Option<&str>, label: &str| BrowserView {
        id: id.to_owned(),
        kind,
        own_name: own.map(str::to_owned),
        label: label.to_owned(),
        is_this: false,
        shared: false,
        sessions: vec![session(id, false)],
    };
    let mut first = browser("s1", DeviceKind::Laptop, None, cast.device());
    first.is_this = true;
    first.sessions = vec![session("s1", true)];
    let mut front_desk = browser(
        "s3",
        DeviceKind::Desktop,
        Some(cast.name()),
        "Chrome on Windows",
    );
    front_desk.shared = true;
    let mut two = browser("s4", DeviceKind::Unknown, None, "Unknown browser");
    two.sessions.push(session("s5", false));
    vec![
        first,
        browser(
            "s2",
            DeviceKind::Phone,
            Some("My phone"),
            "Safari on iPhone",
        ),
        front_desk,
        browser("s6", DeviceKind::Tablet, None, "Safari on iPad"),
        two,
    ]
}

pub(super) fn entry(cast: Cast, kind: HistoryKind, count: u64) -> HistoryEntryView {
    HistoryEntryView {
        kind,
        count,
        detail: Some(
            if kind == HistoryKind::Ended {
                WhyEnded::Administrator.short()
            } else {
                "Password"
            }
            .to_owned(),
        ),
        who: (kind == HistoryKind::Ended).then(|| cast.name().to_owned()),
        reason: (kind == HistoryKind::Ended).then(|| "Laptop reported stolen".to_owned()),
        device_kind: DeviceKind::Laptop,
        device: Some(cast.device().to_owned()),
        address: Some("203.0.113.7".to_owned()),
        place: Some("Vienna, Austria".to_owned()),
        time: time("2 hours ago"),
        not_me_href: matches!(kind, HistoryKind::SignIn | HistoryKind::SignInNewDevice)
            .then(|| "/account/history/h1/not-me".to_owned()),
        details_href: (kind == HistoryKind::Ended).then(|| "/account/endings/e1".to_owned()),
    }
}
