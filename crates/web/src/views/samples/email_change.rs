//! Profile & Preferences, and another e-mail address.

use super::super::*;
use super::Gallery;
use super::cast::{Cast, time};

impl Gallery {
    pub(super) fn profile(&mut self, cast: Cast) {
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
            email: if cast == Cast::Long {
                EmailRow::Fixed("Please ask an administrator of your organization.")
            } else {
                EmailRow::Changeable
            },
            pending_email: (cast != Cast::Plain).then(|| PendingEmailView {
                email: cast.name().to_owned(),
                until: time("in 23 hours"),
            }),
        };
        self.hang(format!("profile{}", cast.suffix()), page.title(), &page);
    }

    pub(super) fn addresses(&mut self, cast: Cast) {
        let wrong = cast != Cast::Plain;
        let page = EmailChangePage {
            frame: cast.signed_in(Nav::Profile),
            email: Field {
                value: cast.name().to_owned(),
                error: wrong.then(|| "Please enter an e-mail address.".to_owned()),
            },
            not_here: (cast == Cast::Long).then_some("Please ask an administrator."),
            // Only a passkey, and nothing that could be typed.
            proof: Proof::Needed {
                error: wrong.then(|| "Please enter a code.".to_owned()),
                ways: ProofWays {
                    level: ProofLevel::Second {
                        recovery_code: cast == Cast::Nasty,
                    },
                    code: false,
                    passkey: true,
                },
            },
        };
        self.hang(
            format!("email-change{}", cast.suffix()),
            page.title(),
            &page,
        );
        let states = [
            (
                "",
                EmailConfirmState::Asking {
                    action: "/email/confirm/abc".to_owned(),
                    name: cast.name().to_owned(),
                    email: cast.name().to_owned(),
                    stays: wrong,
                },
            ),
            (
                "-done",
                EmailConfirmState::Done {
                    email: cast.name().to_owned(),
                    sessions: 2,
                    stays: wrong,
                },
            ),
            ("-taken", EmailConfirmState::Taken),
            (
                "-gone",
                EmailConfirmState::Gone {
                    sentence: "This link was used already.",
                },
            ),
        ];
        for (name, state) in states {
            let frame = cast.frame(Nav::Elsewhere);
            let page = EmailConfirmPage { frame, state };
            let name = format!("email-confirm{name}{}", cast.suffix());
            self.hang(name, page.title(), &page);
        }
        let states = [
            (
                "",
                EmailUndoState::Asking {
                    action: "/email/undo/abc".to_owned(),
                    name: cast.name().to_owned(),
                    old: cast.name().to_owned(),
                    new: "t…@evil.example".to_owned(),
                    asked: time("yesterday"),
                    removes: vec![format!("Passkey “{}”", cast.name()); usize::from(wrong)],
                },
            ),
            (
                "-done",
                EmailUndoState::Done {
                    email: cast.name().to_owned(),
                    sessions: i64::from(wrong),
                    removed: vec!["Recovery codes".to_owned(); usize::from(wrong)],
                },
            ),
            (
                "-gone",
                EmailUndoState::Gone {
                    sentence: "This link was used already.",
                },
            ),
        ];
        for (name, state) in states {
            let frame = cast.frame(Nav::Elsewhere);
            let page = EmailUndoPage { frame, state };
            let name = format!("email-undo{name}{}", cast.suffix());
            self.hang(name, page.title(), &page);
        }
    }
}
