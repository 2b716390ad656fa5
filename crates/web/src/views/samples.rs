//! One rendered sample of every page and state, also with names nobody hopes for.
//! `NIGHTLATCH_SAMPLES=/tmp/samples cargo test -p nightlatch-web views` writes them to files.

use askama::Template;

use super::*;

/// Markup and script, as somebody might type it into a name.
pub(super) const NASTY: &str = "<script>alert('x')</script> \" onfocus=\"alert(1)";
/// Very long, without a place to break.
pub(super) const LONG: &str =
    "Maximiliana-Wilhelmina-von-und-zu-Donaudampfschifffahrtsgesellschaftskapitaenswitwe-Hohenlohe";
/// Right to left, with an override that tries to turn the rest of the line around.
const RTL: &str = "عائشة بنت عبد الرحمن \u{202e}txe";

/// A rendered sample.
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) html: String,
}

/// Whose samples: an ordinary person, somebody with difficult names, a person with every option on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cast {
    Plain,
    Nasty,
    Long,
}

impl Cast {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "Ada Lovelace",
            Self::Nasty => NASTY,
            Self::Long => LONG,
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Nasty => "-nasty",
            Self::Long => "-long",
        }
    }

    fn device(self) -> &'static str {
        match self {
            Self::Plain => "Firefox on Windows",
            Self::Nasty => RTL,
            Self::Long => LONG,
        }
    }

    fn frame(self, nav: Nav) -> Frame {
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

    fn signed_in(self, nav: Nav) -> Frame {
        let mut frame = self.frame(nav);
        frame.person = Some(PersonView {
            name: self.name().to_owned(),
            initials: initials(self.name()),
            picture_url: (self == Self::Long).then(|| "data:image/gif;base64,R0lGODlhAQABAIAAAFWIVQAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==".to_owned()),
            email: if self == Self::Long { format!("{LONG}@example.org") } else { "ada@example.org".to_owned() },
            organization: frame.brand().to_owned(),
            csrf: "dG9rZW4".to_owned(),
            shared: self == Self::Long,
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

fn time(relative: &str) -> TimeView {
    TimeView {
        relative: relative.to_owned(),
        exact: "Monday, November 23, 2026 at 11:31 AM (UTC+1)".to_owned(),
        iso: "2026-11-23T10:31:00Z".to_owned(),
    }
}

fn form() -> SignInForm {
    SignInForm {
        csrf: "cHJl".to_owned(),
        return_to: "/account/sessions".to_owned(),
        email: String::new(),
        error: None,
        notices: Vec::new(),
        remember: RememberChoice::Asked { checked: false },
        shared: SharedChoice::Offered { checked: false },
        replace: None,
    }
}

fn receipt(cast: Cast) -> ReceiptView {
    ReceiptView {
        why: WhyEnded::AllSessions.sentence().to_owned(),
        when: time("2 minutes ago"),
        person: Some(cast.name().to_owned()),
        sessions: 6,
        browsers: 4,
        apps: Vec::new(),
    }
}

fn app_receipts(cast: Cast) -> Vec<AppReceiptView> {
    [
        (AppReceiptState::Confirmed, "Confirmed 2 seconds ago"),
        (AppReceiptState::StillTelling, "Next try in 30 seconds"),
        (AppReceiptState::CannotBeTold, "Log out in the app itself"),
        (AppReceiptState::Failed, "Tried for 72 hours"),
    ]
    .map(|(state, text)| AppReceiptView {
        name: cast.device().to_owned(),
        text: text.to_owned(),
        state,
    })
    .into()
}

fn session(id: &str, is_this: bool) -> SessionView {
    SessionView {
        id: id.to_owned(),
        is_this,
        first_used: time("3 days ago"),
        last_used: time("2 hours ago"),
        address: Some("2001:db8:85a3:8d3:1319:8a2e:370:7348".to_owned()),
        place: Some("Vienna, Austria".to_owned()),
        method: "Password".to_owned(),
        until: time("in 4 days"),
    }
}

fn browsers(cast: Cast) -> Vec<BrowserView> {
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

fn entry(cast: Cast, kind: HistoryKind, count: u64) -> HistoryEntryView {
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
        since: (count > 1).then(|| time("3 hours ago")),
        not_me_href: matches!(kind, HistoryKind::SignIn | HistoryKind::SignInNewDevice)
            .then(|| "/account/history/h1/not-me".to_owned()),
    }
}

struct Gallery(Vec<Sample>);

impl Gallery {
    fn hang(&mut self, name: String, title: &str, page: &impl Template) {
        self.0.push(Sample {
            name,
            title: title.to_owned(),
            html: page.render().unwrap(),
        });
    }

    fn login(&mut self, name: &str, cast: Cast, frame: Frame, state: LoginState) {
        let page = LoginPage { frame, state };
        self.hang(format!("login{name}{}", cast.suffix()), page.title(), &page);
    }

    fn public(&mut self, cast: Cast) {
        let here = Nav::Elsewhere;
        self.login("", cast, cast.frame(here), LoginState::Form(form()));
        let notices = vec![
            WhyEnded::AnotherDevice.notice(Some(time("10 minutes ago"))),
            WhyEnded::LoggedOutHere.notice(None),
        ];
        let mut ended = cast.frame(here);
        ended.ended = Some("s0".to_owned());
        self.login(
            "-notices",
            cast,
            ended,
            LoginState::Form(SignInForm { notices, ..form() }),
        );
        let failed = SignInForm {
            email: cast.name().to_owned(),
            error: Some(
                "The e-mail address or the password is not right. Check both and try again."
                    .to_owned(),
            ),
            shared: SharedChoice::Forced {
                sentence: "An administrator marked this computer as shared.".to_owned(),
            },
            remember: RememberChoice::NotAsked,
            ..form()
        };
        self.login("-error", cast, cast.frame(here), LoginState::Form(failed));
        self.login(
            "-signed-in",
            cast,
            cast.signed_in(here),
            LoginState::SignedIn {
                continue_href: "/".to_owned(),
            },
        );
        let replace = Some(ReplaceView {
            id: "s1".to_owned(),
            name: cast.name().to_owned(),
        });
        self.login(
            "-switch",
            cast,
            cast.signed_in(here),
            LoginState::Form(SignInForm { replace, ..form() }),
        );
        for (name, frame) in [("", cast.signed_in(here)), ("-nobody", cast.frame(here))] {
            let page = LogoutPage {
                frame: frame.clone(),
            };
            self.hang(
                format!("logout{name}{}", cast.suffix()),
                page.title(),
                &page,
            );
            let page = HelpPage {
                frame: frame.clone(),
                csrf: "cHJl".to_owned(),
            };
            self.hang(format!("help{name}{}", cast.suffix()), page.title(), &page);
            let problem = if frame.person.is_some() {
                Problem::NotFound
            } else {
                Problem::Unavailable
            };
            let page = ProblemPage {
                frame,
                problem,
                detail: None,
                reference: "7f3a-91c2".to_owned(),
            };
            self.hang(
                format!("problem{name}{}", cast.suffix()),
                page.title(),
                &page,
            );
        }
        let with_apps = ReceiptView {
            apps: app_receipts(cast),
            ..receipt(cast)
        };
        for (name, receipt, shared) in [
            ("", Some(receipt(cast)), false),
            ("-apps", Some(with_apps), false),
            ("-shared", Some(receipt(cast)), true),
            ("-nothing", None, false),
        ] {
            let mut frame = cast.frame(here);
            frame.ended = Some("s0".to_owned());
            let page = SignedOutPage {
                frame,
                receipt,
                shared,
            };
            self.hang(
                format!("signed-out{name}{}", cast.suffix()),
                page.title(),
                &page,
            );
        }
        let page = SetUpPage {
            frame: cast.frame(here),
            csrf: "cHJl".to_owned(),
            action: "/set-up/abc".to_owned(),
            error: (cast == Cast::Nasty).then(|| "This link was used already.".to_owned()),
            organization: Field::default(),
            name: Field::new(cast.name()),
            email: Field {
                value: "ada".to_owned(),
                error: Some("Write the whole address, like ada@example.org.".to_owned()),
            },
            password_error: None,
            again_error: Some("The two passwords are not the same. Type it once more.".to_owned()),
        };
        self.hang(format!("set-up{}", cast.suffix()), &page.title(), &page);
    }

    fn account(&mut self, cast: Cast) {
        let app = |about: Option<&str>| AppView {
            name: cast.device().to_owned(),
            about: about.map(str::to_owned),
            href: "https://wiki.example.org/".to_owned(),
        };
        for (name, apps) in [
            ("", Vec::new()),
            (
                "-apps",
                vec![
                    app(None),
                    app(Some("Pages that everybody writes")),
                    app(None),
                ],
            ),
        ] {
            let last = LastSignInView {
                time: time("yesterday"),
                device: cast.device().to_owned(),
                place: Some("Vienna".to_owned()),
                failed_since: apps.len() as u64,
            };
            let page = StartPage {
                frame: cast.signed_in(Nav::Elsewhere),
                apps,
                last_sign_in: Some(last),
            };
            self.hang(format!("start{name}{}", cast.suffix()), page.title(), &page);
        }
        let mut frame = cast.signed_in(Nav::Profile);
        frame.flash = Some(FlashView::done("Your name is saved."));
        let page = ProfilePage {
            frame,
            name: Field::new(cast.name()),
            picture_error: (cast != Cast::Plain).then(|| {
                "That is not a picture we can read. Choose a PNG, JPEG or WebP file.".to_owned()
            }),
            picture_hint: "PNG, JPEG or WebP, up to 1 MB.".to_owned(),
            picture_accept: "image/png,image/jpeg,image/webp".to_owned(),
            role: "Administrator".to_owned(),
        };
        self.hang(format!("profile{}", cast.suffix()), page.title(), &page);
        let limit = |name: &str, length: &str| LimitView {
            name: name.to_owned(),
            length: length.to_owned(),
            source: "Set by your organization".to_owned(),
            ends: time("in 6 hours"),
        };
        let wrong = PasswordErrors {
            current: Some("That is not your current password.".to_owned()),
            ..PasswordErrors::default()
        };
        let page = SecurityPage {
            frame: cast.signed_in(Nav::Security),
            password: if cast == Cast::Plain {
                PasswordErrors::default()
            } else {
                wrong
            },
            password_hint:
                "At least 12 characters. A sentence is easier to remember than a riddle.".to_owned(),
            this_session: ThisSessionView {
                signed_in: time("3 days ago"),
                method: "Password".to_owned(),
                limits: vec![
                    limit("Without use", "24 hours"),
                    limit("In any case", "7 days"),
                ],
            },
            sessions: if cast == Cast::Long { 1 } else { 6 },
            mark_shared: Some(MarkSharedView {
                marked: cast == Cast::Nasty,
            }),
        };
        self.hang(format!("security{}", cast.suffix()), page.title(), &page);
        let mut frame = cast.signed_in(Nav::Sessions);
        frame.flash = Some(FlashView::problem("That session had ended already."));
        let page = SessionsPage {
            frame,
            browsers: browsers(cast),
            sessions_total: 46,
            browsers_total: 45,
            newer: None,
            older: Some("/account/sessions?before=s6".to_owned()),
        };
        self.hang(format!("sessions{}", cast.suffix()), page.title(), &page);
        let only = browsers(cast).into_iter().take(1).collect();
        let page = SessionsPage {
            frame: cast.signed_in(Nav::Sessions),
            browsers: only,
            sessions_total: 1,
            browsers_total: 1,
            newer: None,
            older: None,
        };
        self.hang(
            format!("sessions-one{}", cast.suffix()),
            page.title(),
            &page,
        );
        let kinds = [
            (HistoryKind::SignIn, 1),
            (HistoryKind::Failed, 14),
            (HistoryKind::Ended, 1),
            (HistoryKind::SignInNewDevice, 1),
            (HistoryKind::Ended, 6),
            (HistoryKind::PasswordChanged, 1),
        ];
        for (name, entries) in [
            (
                "",
                kinds.map(|(kind, count)| entry(cast, kind, count)).into(),
            ),
            ("-empty", Vec::new()),
        ] {
            let page = HistoryPage {
                frame: cast.signed_in(Nav::History),
                filter: HistoryFilter::SignIns,
                entries,
                newer: Some("/account/history".to_owned()),
                older: Some("/account/history?before=h9".to_owned()),
                kept: Some("Entries are kept for 12 months.".to_owned()),
            };
            self.hang(
                format!("history{name}{}", cast.suffix()),
                page.title(),
                &page,
            );
        }
    }

    fn confirms(&mut self, cast: Cast) {
        let needed = Proof::Needed {
            error: Some("That is not your password. Try again.".to_owned()),
        };
        for (name, scope, proof) in [
            ("all", LogOutScope::All, Proof::Fresh),
            ("others", LogOutScope::Others, needed.clone()),
        ] {
            let page = LogOutManyPage {
                frame: cast.signed_in(Nav::Sessions),
                scope,
                sessions: 6,
                browsers: 4,
                proof,
            };
            self.hang(
                format!("log-out-{name}{}", cast.suffix()),
                &page.title(),
                &page,
            );
        }
        let page = ConfirmItsYouPage {
            frame: cast.signed_in(Nav::Sessions),
            does: "This logs out".to_owned(),
            what: format!("{}, Vienna", cast.device()),
            action: "/account/confirm".to_owned(),
            fields: vec![HiddenField {
                name: "act".to_owned(),
                value: cast.name().to_owned(),
            }],
            button: "Log out".to_owned(),
            destructive: true,
            cancel_href: "/account/sessions".to_owned(),
            error: None,
        };
        self.hang(format!("confirm{}", cast.suffix()), page.title(), &page);
        let page = NotMePage {
            frame: cast.signed_in(Nav::Sessions),
            device: cast.device().to_owned(),
            place: Some("Vienna, Austria".to_owned()),
            time: time("2 hours ago"),
            live: cast == Cast::Plain,
            action: "/account/sessions/s2/not-me".to_owned(),
            cancel_href: "/account/sessions".to_owned(),
            proof: needed,
        };
        self.hang(format!("not-me{}", cast.suffix()), page.title(), &page);
    }
}

/// Every page and state.
pub(super) fn samples() -> Vec<Sample> {
    let mut gallery = Gallery(Vec::new());
    for cast in [Cast::Plain, Cast::Nasty, Cast::Long] {
        gallery.public(cast);
        gallery.account(cast);
        gallery.confirms(cast);
    }
    gallery.0
}
