//! Two-step sign-in.

use super::super::*;
use super::Gallery;
use super::cast::{Cast, time};

/// The section of Security: nothing yet, a few apps, codes used up.
pub(super) fn two_step(cast: Cast) -> TwoStepView {
    if cast == Cast::Plain {
        return TwoStepView::default();
    }
    let app = |id: &str, last_used| AuthenticatorAppView {
        id: id.to_owned(),
        name: cast.name().to_owned(),
        added: time("3 days ago"),
        last_used,
    };
    TwoStepView {
        apps: vec![app("a1", None), app("a2", Some(time("2 hours ago")))],
        codes_left: if cast == Cast::Long { 0 } else { 8 },
        codes_made: Some(time("yesterday")),
    }
}

impl Gallery {
    pub(super) fn factors(&mut self, cast: Cast) {
        let wrong = cast != Cast::Plain;
        let needed = Proof::Needed {
            error: None,
            ways: ProofWays {
                level: ProofLevel::Any { password: true },
                code: true,
                passkey: wrong,
            },
        };
        let page = AddAppPage {
            frame: cast.signed_in(Nav::Security),
            action: "/account/security/authenticator-apps/a1/set-up".to_owned(),
            picture: "<svg role=\"img\" aria-label=\"QR code for your authenticator app\" \
                      xmlns=\"http://www.w3.org/2000/svg\" width=\"20\" height=\"20\"></svg>"
                .to_owned(),
            key_groups: vec!["GEZD".to_owned(); 8],
            name: Field::new(cast.device()),
            code_error: wrong.then(|| "That code is not right, or not any more.".to_owned()),
            log_out_others: true,
        };
        self.hang(
            format!("authenticator-app-add{}", cast.suffix()),
            page.title(),
            &page,
        );
        let page = RemoveAppPage {
            frame: cast.signed_in(Nav::Security),
            action: "/account/security/authenticator-apps/a1/remove".to_owned(),
            name: cast.name().to_owned(),
            is_last: wrong,
            log_out_others: true,
            proof: needed.clone(),
        };
        self.hang(
            format!("authenticator-app-remove{}", cast.suffix()),
            page.title(),
            &page,
        );
        let page = NewRecoveryCodesPage {
            frame: cast.signed_in(Nav::Security),
            has_set: wrong,
            log_out_others: true,
            proof: match cast {
                Cast::Plain => Proof::Fresh,
                Cast::Nasty => needed,
                Cast::Long => Proof::Needed {
                    error: Some("That code is not right, or was used before.".to_owned()),
                    ways: ProofWays {
                        level: ProofLevel::Second {
                            recovery_code: true,
                        },
                        code: true,
                        passkey: true,
                    },
                },
            },
        };
        self.hang(
            format!("recovery-codes-new{}", cast.suffix()),
            page.title(),
            &page,
        );
        let page = RecoveryCodeUsedPage {
            frame: cast.signed_in(Nav::Security),
            left: if wrong { 0 } else { 9 },
            continue_href: "/".to_owned(),
        };
        self.hang(
            format!("recovery-code-used{}", cast.suffix()),
            page.title(),
            &page,
        );
        let page = RecoveryCodesPage {
            frame: cast.signed_in(Nav::Security),
            way: (cast == Cast::Long).then(|| TowardApp {
                href: "/oauth2/authorize/t".to_owned(),
                app: cast.name().to_owned(),
            }),
            codes: vec!["7K3M-9QXT-0ZBD-RW5H".to_owned(); 10],
        };
        self.hang(
            format!("recovery-codes{}", cast.suffix()),
            page.title(),
            &page,
        );
    }
}
