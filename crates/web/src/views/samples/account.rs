//! The pages of a signed-in person.

use super::super::*;
use super::Gallery;
use super::cast::{Cast, app_receipts, browsers, entry, time};
use super::factors::two_step;

impl Gallery {
    pub(super) fn account(&mut self, cast: Cast) {
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
                review_due: true,
            };
            self.hang(format!("start{name}{}", cast.suffix()), page.title(), &page);
        }
        self.profile(cast);
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
                "At least 15 characters. A few words that only you would put together work well."
                    .to_owned(),
            way: (cast == Cast::Long).then(|| TowardApp {
                href: "/oauth2/authorize/t".to_owned(),
                app: cast.name().to_owned(),
            }),
            own_device: None,
            two_step: two_step(cast),
            passkeys: Some(PasskeysView {
                held: vec![passkey(cast, "p1"), passkey(cast, "p2")],
            }),
            this_session: ThisSessionView {
                signed_in: time("3 days ago"),
                method: "Password".to_owned(),
                limits: vec![
                    limit("Without use", "24 hours"),
                    limit("In any case", "7 days"),
                ],
            },
            sessions: if cast == Cast::Long { 1 } else { 6 },
            remembered: if cast == Cast::Long {
                Vec::new()
            } else {
                vec![RememberedBrowserView {
                    id: "r1".to_owned(),
                    label: cast.device().to_owned(),
                    is_this: true,
                    since: time("3 days ago"),
                    last_used: time("2 hours ago"),
                    until: time("in 27 days"),
                }]
            },
            factor_notice: (cast == Cast::Plain).then(|| {
                "Your organization asks you for a second step when you sign in. Please set one up before Monday."
                    .to_owned()
            }),
            mark_shared: Some(MarkSharedView {
                marked: cast == Cast::Nasty,
            }),
        };
        self.hang(format!("security{}", cast.suffix()), page.title(), &page);
    }

    fn apps(&mut self, cast: Cast) {
        let app = |is_here: bool| OwnAppView {
            id: if is_here { "a1" } else { "a2" }.to_owned(),
            name: cast.device().to_owned(),
            href: Some("https://wiki.example.org/".to_owned()),
            is_here,
            sessions: u64::from(is_here) * 2,
            last_entered: is_here.then(|| time("2 hours ago")),
            long_lived_until: (!is_here).then(|| time("in 30 days")),
            agreed: Some("your name and picture".to_owned()),
        };
        for (name, apps) in [("", vec![app(true), app(false)]), ("-none", Vec::new())] {
            let page = AppsPage {
                frame: cast.signed_in(Nav::Apps),
                apps,
            };
            self.hang(format!("apps{name}{}", cast.suffix()), page.title(), &page);
        }
        for (name, apps) in [("", app_receipts(cast)), ("-left", Vec::new())] {
            let page = EndingPage {
                frame: cast.signed_in(Nav::History),
                why: WhyEnded::AllSessions.sentence().to_owned(),
                who: "You".to_owned(),
                reason: (cast == Cast::Nasty).then(|| cast.name().to_owned()),
                when: time("2 hours ago"),
                sessions: apps.len() as u64,
                is_open: !apps.is_empty(),
                apps,
            };
            self.hang(
                format!("ending{name}{}", cast.suffix()),
                page.title(),
                &page,
            );
        }
    }

    pub(super) fn lists(&mut self, cast: Cast) {
        self.apps(cast);
        let mut frame = cast.signed_in(Nav::Sessions);
        frame.flash = Some(FlashView::problem("That session had ended already."));
        let page = SessionsPage {
            frame,
            browsers: browsers(cast),
            sessions_total: 46,
            browsers_total: 45,
            long_lived: if cast == Cast::Plain { 1 } else { 3 },
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
            long_lived: 0,
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
            (HistoryKind::EmailChangeAsked, 1),
            (HistoryKind::EmailChangeCancelled, 1),
            (HistoryKind::EmailChanged, 1),
            (HistoryKind::EmailChangeUndone, 1),
            (HistoryKind::FactorsRemoved, 1),
            (HistoryKind::Proved, 1),
            (HistoryKind::Reported, 1),
            (HistoryKind::PasskeyAdded, 1),
            (HistoryKind::PasskeyRemoved, 1),
            (HistoryKind::PasskeySuspicious, 1),
            (HistoryKind::AccountCreated, 1),
            (HistoryKind::AccountDisabled, 1),
            (HistoryKind::AccountEnabled, 1),
            (HistoryKind::ComputerMarked, 1),
            (HistoryKind::AppAdded, 1),
            (HistoryKind::AppRenamed, 1),
            (HistoryKind::AppRemoved, 1),
            (HistoryKind::RecoveryCodesMade, 1),
            (HistoryKind::RecoveryCodesRemoved, 1),
            (HistoryKind::RecoveryCodeUsed, 1),
            (HistoryKind::ConsentGiven, 1),
            (HistoryKind::AppEntered, 1),
            (HistoryKind::TokenReused, 1),
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
                reviewed_until: Some("1790000000000".to_owned()),
                kept: Some("Entries are kept for 12 months.".to_owned()),
            };
            self.hang(
                format!("history{name}{}", cast.suffix()),
                page.title(),
                &page,
            );
        }
    }

    pub(super) fn confirms(&mut self, cast: Cast) {
        let needed = Proof::Needed {
            error: Some("That is not your password. Try again.".to_owned()),
            ways: ProofWays {
                level: ProofLevel::Any {
                    password: cast != Cast::Nasty,
                },
                code: cast == Cast::Plain,
                passkey: cast != Cast::Long,
            },
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
                long_lived: if scope == LogOutScope::All { 2 } else { 0 },
                long_lived_checked: cast == Cast::Nasty,
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
            proof: needed.clone(),
        };
        self.hang(format!("confirm{}", cast.suffix()), page.title(), &page);
        let page = NotMePage {
            frame: cast.signed_in(Nav::Sessions),
            device: cast.device().to_owned(),
            place: Some("Vienna, Austria".to_owned()),
            time: time("2 hours ago"),
            live: cast == Cast::Plain,
            removes: vec![
                "Passkey “Spare key”".to_owned(),
                "Recovery codes".to_owned(),
            ],
            action: "/account/sessions/s2/not-me".to_owned(),
            log_out_action: (cast == Cast::Plain)
                .then(|| "/account/sessions/s2/log-out".to_owned()),
            cancel_href: "/account/sessions".to_owned(),
            proof: needed,
        };
        self.hang(format!("not-me{}", cast.suffix()), page.title(), &page);
        let page = RemovePasskeyPage {
            frame: cast.signed_in(Nav::Security),
            passkey: passkey(cast, "p1"),
            log_out_others: true,
            proof: Proof::Fresh,
        };
        self.hang(
            format!("passkey-remove{}", cast.suffix()),
            page.title(),
            &page,
        );
        for (name, proof) in [
            ("", Proof::Fresh),
            (
                "-proof",
                Proof::Needed {
                    error: None,
                    ways: ProofWays {
                        level: ProofLevel::Any { password: false },
                        code: cast == Cast::Plain,
                        passkey: false,
                    },
                },
            ),
        ] {
            let page = AddPasskeyPage {
                frame: cast.signed_in(Nav::Security),
                log_out_others: true,
                proof,
            };
            self.hang(
                format!("passkey-add{name}{}", cast.suffix()),
                page.title(),
                &page,
            );
        }
    }
}

fn passkey(cast: Cast, id: &str) -> PasskeyView {
    PasskeyView {
        id: id.to_owned(),
        name: cast.device().to_owned(),
        added: time("3 days ago"),
        last_used: (id == "p1").then(|| time("2 hours ago")),
        synced: id == "p1",
        suspicious: id == "p2",
        error: (cast == Cast::Long && id == "p2")
            .then(|| "Please use a name of 1 to 60 characters.".to_owned()),
    }
}
