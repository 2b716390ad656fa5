//! The sentence that says what the last action did.
//!
//! It crosses the redirect as a code in a short-lived cookie, never as text: a
//! link with a text in it would let anybody put words into our mouth.

use crate::cookies::Jar;
use crate::views::FlashView;

/// What the last action did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flash {
    /// Other sessions were ended; how many, and whether more are being written
    /// down.
    Ended {
        sessions: i64,
        complete: bool,
    },
    /// There were no others.
    NoOthers,
    /// The password was changed, and so many other sessions ended.
    PasswordChanged {
        others: i64,
    },
    PasskeyAdded,
    PasskeyRenamed,
    PasskeyRemoved,
    /// "This wasn't me" was acted on.
    Reported,
    NameSaved,
    PictureSaved,
    PictureRemoved,
    AppearanceSaved,
    BrowserNamed,
    MarkedShared,
    UnmarkedShared,
    /// The first administrator exists now.
    SetUpDone,
    /// The session to be ended had ended before.
    AlreadyEnded,
}

impl Flash {
    /// Takes the code along.
    pub(crate) fn set(self, jar: &mut Jar) {
        let code = match self {
            Self::Ended {
                sessions,
                complete: true,
            } => format!("ended.{sessions}"),
            Self::Ended {
                sessions,
                complete: false,
            } => format!("ending.{sessions}"),
            Self::NoOthers => "no-others".to_owned(),
            Self::PasswordChanged { others } => format!("password-changed.{others}"),
            Self::PasskeyAdded => "passkey-added".to_owned(),
            Self::PasskeyRenamed => "passkey-renamed".to_owned(),
            Self::PasskeyRemoved => "passkey-removed".to_owned(),
            Self::Reported => "reported".to_owned(),
            Self::NameSaved => "name-saved".to_owned(),
            Self::PictureSaved => "picture-saved".to_owned(),
            Self::PictureRemoved => "picture-removed".to_owned(),
            Self::AppearanceSaved => "appearance-saved".to_owned(),
            Self::BrowserNamed => "browser-named".to_owned(),
            Self::MarkedShared => "marked-shared".to_owned(),
            Self::UnmarkedShared => "unmarked-shared".to_owned(),
            Self::SetUpDone => "set-up-done".to_owned(),
            Self::AlreadyEnded => "already-ended".to_owned(),
        };
        jar.set_flash(&code);
    }
}

/// The sentence of a code; nothing for a code that is not ours.
pub(crate) fn read(code: &str) -> Option<FlashView> {
    let (name, number) = match code.split_once('.') {
        Some((name, number)) => (name, number.parse::<u32>().ok()?),
        None => (code, 0),
    };
    let sentence = match (name, number) {
        ("ended", 0) | ("already-ended", _) => "That session had ended already.".to_owned(),
        ("ended", 1) => "One session was logged out. It cannot be used any more.".to_owned(),
        ("ended", count) => format!("{count} sessions were logged out. They cannot be used any more."),
        ("ending", _) => {
            "All other sessions are logged out. There are many, so the list needs a moment to catch up."
                .to_owned()
        }
        ("no-others", _) => "There were no other sessions to log out.".to_owned(),
        ("password-changed", 0) => "Your password was changed.".to_owned(),
        ("password-changed", 1) => {
            "Your password was changed, and your one other session was logged out.".to_owned()
        }
        ("password-changed", count) => {
            format!("Your password was changed, and your {count} other sessions were logged out.")
        }
        ("passkey-added", _) => {
            "Your passkey was added. If anybody else may be signed in as you, log out all other sessions below."
                .to_owned()
        }
        ("passkey-removed", _) => {
            "The passkey was removed and opens nothing any more. If anybody else may have used it, log out all \
             other sessions below."
                .to_owned()
        }
        ("reported", _) => {
            "That session is logged out. Please change your password now, so that it cannot happen again."
                .to_owned()
        }
        ("name-saved", _) => "Your name was saved.".to_owned(),
        ("picture-saved", _) => "Your picture was saved.".to_owned(),
        ("picture-removed", _) => "Your picture was removed.".to_owned(),
        ("appearance-saved", _) => "The appearance was saved.".to_owned(),
        ("browser-named" | "passkey-renamed", _) => "The name was saved.".to_owned(),
        ("marked-shared", _) => {
            "This computer is marked as shared. From the next sign-in on, everybody here gets the short limits."
                .to_owned()
        }
        ("unmarked-shared", _) => "This computer is no longer marked as shared.".to_owned(),
        ("set-up-done", _) => "Everything is set up. Sign in with your new account.".to_owned(),
        _ => return None,
    };
    Some(FlashView::done(sentence))
}
