//! One rendered sample of every page and state, also with names nobody hopes for.
//! `NIGHTLATCH_SAMPLES=/tmp/samples cargo test -p nightlatch-web views` writes them to files.

mod account;
mod admin;
mod cast;
mod email_change;
mod factors;
mod oidc;
mod protected;

use askama::Template;

use self::cast::{Cast, app_receipts, form, receipt, time};
use super::*;

pub(super) use self::cast::{LONG, NASTY};

/// A rendered sample.
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) html: String,
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

    fn second_step(&mut self, cast: Cast) {
        for way in [FactorWay::App, FactorWay::Passkey, FactorWay::Recovery] {
            let others = [FactorWay::App, FactorWay::Recovery];
            let page = FactorPage {
                frame: cast.frame(Nav::Elsewhere),
                csrf: "token".to_owned(),
                name: cast.name().to_owned(),
                way,
                others: others
                    .into_iter()
                    .filter(|other| *other != way)
                    .map(|other| LinkView {
                        label: other.instead().to_owned(),
                        href: format!("/login/factor?way={}", other.value()),
                    })
                    .collect(),
                error: (cast != Cast::Plain).then(|| "That code is not right.".to_owned()),
                remember: (cast != Cast::Long).then(|| "30 days".to_owned()),
                remember_checked: false,
            };
            let name = format!("factor-{}{}", way.value(), cast.suffix());
            self.hang(name, page.title(), &page);
        }
    }

    fn sign_in(&mut self, cast: Cast) {
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
            app: Some(cast.name().to_owned()),
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
                switch_href: "/login?switch=yes".to_owned(),
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
    }

    fn end_session(&mut self, cast: Cast) {
        let here = Nav::Elsewhere;
        for (name, frame) in [("", cast.signed_in(here)), ("-nobody", cast.frame(here))] {
            let page = EndSessionPage {
                frame,
                csrf: "cHJl".to_owned(),
                request: "c2VhbGVk".to_owned(),
                app: (cast != Cast::Long).then(|| cast.device().to_owned()),
                for_somebody_else: cast == Cast::Nasty,
            };
            self.hang(
                format!("end-session{name}{}", cast.suffix()),
                page.title(),
                &page,
            );
        }
    }

    fn signed_out(&mut self, cast: Cast) {
        let here = Nav::Elsewhere;
        let with_apps = ReceiptView {
            apps: ReceiptApps::Named(app_receipts(cast)),
            is_open: true,
            ..receipt()
        };
        let counted = ReceiptView {
            apps: ReceiptApps::Counted(AppCountsView {
                confirmed: 2,
                still_telling: 1,
                ..AppCountsView::default()
            }),
            ..receipt()
        };
        for (name, receipt, shared) in [
            ("", Some(receipt()), false),
            ("-apps", Some(with_apps), false),
            ("-shared", Some(counted), true),
            ("-nothing", None, false),
        ] {
            let mut frame = cast.frame(here);
            frame.ended = Some("s0".to_owned());
            let with_apps = name == "-apps";
            let page = SignedOutPage {
                frame,
                receipt,
                shared,
                back: with_apps.then(|| LinkView {
                    label: format!("Back to {}", cast.device()),
                    href: "https://wiki.example.org/".to_owned(),
                }),
                frames: if with_apps {
                    vec!["https://wiki.example.org/logout?iss=i&sid=s".to_owned()]
                } else {
                    Vec::new()
                },
            };
            self.hang(
                format!("signed-out{name}{}", cast.suffix()),
                page.title(),
                &page,
            );
        }
    }

    fn open_to_all(&mut self, cast: Cast) {
        let here = Nav::Elsewhere;
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
            let (problem, way_on) = if frame.person.is_some() {
                (Problem::NotFound, WayOn::Neither)
            } else {
                (Problem::Unavailable, WayOn::LogOut)
            };
            let page = ProblemPage {
                frame,
                problem,
                detail: None,
                reference: "7f3a-91c2".to_owned(),
                way_on,
            };
            self.hang(
                format!("problem{name}{}", cast.suffix()),
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
}

/// Every page and state.
pub(super) fn samples() -> Vec<Sample> {
    let mut gallery = Gallery(Vec::new());
    for cast in [Cast::Plain, Cast::Nasty, Cast::Long] {
        gallery.sign_in(cast);
        gallery.second_step(cast);
        gallery.open_to_all(cast);
        gallery.end_session(cast);
        gallery.signed_out(cast);
        gallery.account(cast);
        gallery.lists(cast);
        gallery.confirms(cast);
        gallery.factors(cast);
        gallery.ways_into_apps(cast);
        gallery.protected_hosts(cast);
        gallery.addresses(cast);
        gallery.administration(cast);
    }
    gallery.0
}
