//! The sentence that says what the last action did.
//!
//! It crosses the redirect as a code in a short-lived cookie, never as text: a
//! link with a text in it would let anybody put words into our mouth.

use nightlatch_flows::factors::Changed;

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
        complete: bool,
    },
    PasskeyAdded(Others),
    PasskeyRenamed,
    PasskeyRemoved(Others),
    /// The person has looked at their login history.
    HistoryReviewed,
    /// "This wasn't me" was acted on; so many things that were added in that session
    /// were removed.
    Reported {
        removed: usize,
    },
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
    /// A sign-in waited too long for its second step, or was ended meanwhile.
    SignInOver,
    /// A second step must be set up before anything else opens.
    SetUpFactor,
    /// All sessions that the organization allows are taken.
    TooManySessions,
    /// Remembered browsers were forgotten; how many.
    BrowsersForgotten {
        browsers: u64,
    },
    AppAdded(Others),
    AppRenamed,
    AppRemoved(Others),
    AppNameRefused,
    TooManyApps,
    /// The person left an app.
    AppLeft,
    /// The person took an app's access away.
    AppAccessRemoved,
    /// The app was left before, or holds nothing of theirs.
    NotInApp,
    /// It is the last second step, and the organization demands one.
    LastFactorDemanded,
    EmailChangeAsked,
    EmailChangeCancelled,
    /// What an administrator did to a person's account, and how many sessions ended.
    RoleChanged,
    MemberDisabled {
        sessions: i64,
    },
    MemberEnabled,
    MemberDeleted {
        sessions: i64,
    },
    ResetStarted,
    NewCredentialsRequired {
        sessions: i64,
    },
    /// It was so already.
    MemberAsBefore,
    /// There is no such authenticator app, or its set-up took too long.
    AppGone,
}

/// What became of the other sessions when a factor was added or removed (OUT-14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    /// The person let them be.
    Kept = 0,
    /// There were none.
    None = 1,
    /// They were logged out.
    LoggedOut = 2,
}

impl Others {
    /// What a change did with them.
    pub(crate) const fn of(changed: &Changed) -> Self {
        match (changed.ended, changed.others) {
            (false, _) => Self::Kept,
            (true, 0) => Self::None,
            (true, _) => Self::LoggedOut,
        }
    }

    /// The second sentence, from the number in the code.
    const fn sentence(number: u32) -> &'static str {
        match number {
            0 => {
                " If anybody else may be signed in as you, log out all other sessions in Sessions."
            }
            1 => "",
            _ => " All your other sessions were logged out.",
        }
    }
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
            Self::PasswordChanged {
                others,
                complete: true,
            } => format!("password-changed.{others}"),
            Self::PasswordChanged {
                others,
                complete: false,
            } => format!("password-changing.{others}"),
            Self::PasskeyAdded(others) => format!("passkey-added.{}", others as u8),
            Self::PasskeyRenamed => "passkey-renamed".to_owned(),
            Self::PasskeyRemoved(others) => format!("passkey-removed.{}", others as u8),
            Self::HistoryReviewed => "history-reviewed".to_owned(),
            Self::Reported { removed } => format!("reported.{removed}"),
            Self::NameSaved => "name-saved".to_owned(),
            Self::PictureSaved => "picture-saved".to_owned(),
            Self::PictureRemoved => "picture-removed".to_owned(),
            Self::AppearanceSaved => "appearance-saved".to_owned(),
            Self::BrowserNamed => "browser-named".to_owned(),
            Self::MarkedShared => "marked-shared".to_owned(),
            Self::UnmarkedShared => "unmarked-shared".to_owned(),
            Self::SetUpDone => "set-up-done".to_owned(),
            Self::AlreadyEnded => "already-ended".to_owned(),
            Self::SignInOver => "sign-in-over".to_owned(),
            Self::SetUpFactor => "set-up-factor".to_owned(),
            Self::TooManySessions => "too-many-sessions".to_owned(),
            Self::BrowsersForgotten { browsers } => format!("browsers-forgotten.{browsers}"),
            Self::AppAdded(others) => format!("app-added.{}", others as u8),
            Self::AppRenamed => "app-renamed".to_owned(),
            Self::AppRemoved(others) => format!("app-removed.{}", others as u8),
            Self::AppNameRefused => "app-name-refused".to_owned(),
            Self::AppGone => "app-gone".to_owned(),
            Self::AppLeft => "app-left".to_owned(),
            Self::AppAccessRemoved => "app-access-removed".to_owned(),
            Self::NotInApp => "not-in-app".to_owned(),
            Self::LastFactorDemanded => "last-factor".to_owned(),
            Self::EmailChangeAsked => "email-asked".to_owned(),
            Self::EmailChangeCancelled => "email-cancelled".to_owned(),
            Self::TooManyApps => "too-many-apps".to_owned(),
            Self::RoleChanged => "role-changed".to_owned(),
            Self::MemberDisabled { sessions } => format!("member-disabled.{sessions}"),
            Self::MemberEnabled => "member-enabled".to_owned(),
            Self::MemberDeleted { sessions } => format!("member-deleted.{sessions}"),
            Self::ResetStarted => "reset-started".to_owned(),
            Self::NewCredentialsRequired { sessions } => format!("new-credentials.{sessions}"),
            Self::MemberAsBefore => "member-as-before".to_owned(),
        };
        jar.set_flash(&code);
    }
}

const SIGN_IN_OVER: &str =
    "That sign-in is not open any more, perhaps because it took a while. Please start again.";

const SET_UP_FACTOR: &str = "Your organization asks for a second step when you sign in. Please set one up here; then everything \
     else opens again.";

/// The last second step must stay (MFA-08).
pub(crate) const LAST_FACTOR: &str = "Your organization asks for a second step, and this is your last one. Please add another first; then you can remove it.";

/// A sign-in beyond the session limit, where the rule is to refuse.
pub(crate) const TOO_MANY_SESSIONS: &str = "You are signed in on as many devices as your organization allows. Log out on one of them first.";

/// How many sessions of somebody else ended.
fn ended(count: u32) -> String {
    match count {
        0 => "They were not signed in anywhere.".to_owned(),
        1 => "Their one session was logged out.".to_owned(),
        // More are over as well where they have very many; see `log_out::INLINE`.
        100.. => "All their sessions were logged out.".to_owned(),
        count => format!("Their {count} sessions were logged out."),
    }
}

/// The sentence of a code; nothing for a code that is not ours.
pub(crate) fn read(code: &str) -> Option<FlashView> {
    let (name, number) = match code.split_once('.') {
        Some((name, number)) => (name, number.parse::<u32>().ok()?),
        None => (code, 0),
    };
    match name {
        "sign-in-over" => return Some(FlashView::info(SIGN_IN_OVER)),
        "set-up-factor" => return Some(FlashView::info(SET_UP_FACTOR)),
        "too-many-sessions" => return Some(FlashView::problem(TOO_MANY_SESSIONS)),
        _ => {}
    }
    let sentence = match (name, number) {
        ("ended", 0) | ("already-ended", _) => "That session had ended already.".to_owned(),
        ("ended", 1) => "One session was logged out. It cannot be used any more.".to_owned(),
        ("ended", count) => format!("{count} sessions were logged out. They cannot be used any more."),
        // So many are written down by now. The rest is over as well.
        ("ending", count) => format!(
            "At least {count} sessions were logged out. They cannot be used any more. The history \
             needs a moment to catch up."
        ),
        ("no-others", _) => "There were no other sessions to log out.".to_owned(),
        ("password-changed", 0) => "Your password was changed.".to_owned(),
        ("password-changed", 1) => {
            "Your password was changed, and your one other session was logged out.".to_owned()
        }
        ("password-changed", count) => {
            format!("Your password was changed, and your {count} other sessions were logged out.")
        }
        ("password-changing", count) => format!(
            "Your password was changed, and all your other sessions were logged out, at least {count}. \
             The history needs a moment to catch up."
        ),
        ("passkey-added", others) => {
            format!("Your passkey was added.{}", Others::sentence(others))
        }
        ("passkey-removed", others) => format!(
            "The passkey was removed and opens nothing any more.{}",
            Others::sentence(others)
        ),
        ("reported", 1..) => {
            "That session is logged out, and what it had added to your account was removed. Please change your \
             password now, and look whether everything below is yours."
                .to_owned()
        }
        ("reported", _) => {
            "That session is logged out. Please change your password now, so that it cannot happen again."
                .to_owned()
        }
        ("history-reviewed", _) => {
            "Thank you for looking. We will remind you when it is time again.".to_owned()
        }
        ("name-saved", _) => "Your name was saved.".to_owned(),
        ("picture-saved", _) => "Your picture was saved.".to_owned(),
        ("picture-removed", _) => "Your picture was removed.".to_owned(),
        ("appearance-saved", _) => "The appearance was saved.".to_owned(),
        ("browser-named" | "app-renamed" | "passkey-renamed", _) => {
            "The name was saved.".to_owned()
        }
        ("marked-shared", _) => {
            "This computer is marked as shared. From the next sign-in on, everybody here gets the short limits."
                .to_owned()
        }
        ("unmarked-shared", _) => "This computer is no longer marked as shared.".to_owned(),
        ("app-added", others) => format!(
            "The authenticator app was added. From the next sign-in on, you will be asked for its code.{}",
            Others::sentence(others)
        ),
        ("app-removed", others) => {
            format!("The authenticator app was removed.{}", Others::sentence(others))
        }
        ("app-left", _) => "You were logged out of that app. You are still signed in here.".to_owned(),
        ("app-access-removed", _) => "The app has no access to your account any more.".to_owned(),
        ("not-in-app", _) => "You were not signed in to that app any more.".to_owned(),
        ("app-name-refused", _) => return Some(FlashView::problem("Please use a name of 1 to 60 characters. Nothing was changed.")),
        ("too-many-apps", _) => return Some(FlashView::problem("You have as many authenticator apps as an account can have. Remove one first.")),
        ("last-factor", _) => return Some(FlashView::problem(LAST_FACTOR)),
        ("email-asked", _) => "We have sent a mail to the new address. Open its link and confirm; until then everything stays as it is.".to_owned(),
        ("email-cancelled", _) => "Your e-mail address stays as it is.".to_owned(),
        ("app-gone", _) => {
            return Some(FlashView::problem(
                "There is no such authenticator app, or adding it took longer than 15 minutes. Here is what you have.",
            ));
        }
        ("set-up-done", _) => "Everything is set up. Sign in with your new account.".to_owned(),
        ("browsers-forgotten", 0) => "There was nothing to forget.".to_owned(),
        ("browsers-forgotten", 1) => {
            "That browser is forgotten. Its next sign-in asks for the second step again.".to_owned()
        }
        ("browsers-forgotten", count) => format!(
            "{count} browsers are forgotten. Their next sign-in asks for the second step again."
        ),
        _ => of_member(name, number)?,
    };
    Some(FlashView::done(sentence))
}

/// The same for what was done to somebody else's account.
fn of_member(name: &str, number: u32) -> Option<String> {
    Some(match (name, number) {
        ("role-changed", _) => {
            "The role was changed. It counts from their next click on.".to_owned()
        }
        ("member-disabled", count) => format!("The account is disabled. {}", ended(count)),
        ("member-enabled", _) => "The account is enabled. They can sign in again.".to_owned(),
        ("member-deleted", count) => format!("The account is deleted. {}", ended(count)),
        ("reset-started", _) => "A link for a new password is on its way to them.".to_owned(),
        ("new-credentials", count) => format!(
            "The password opens nothing any more, and a link for a new one is on its way to them. {}",
            ended(count)
        ),
        ("member-as-before", _) => "It was so already. Nothing was changed.".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::http::header::SET_COOKIE;

    use super::*;

    fn said(flash: Flash) -> String {
        let mut jar = Jar::default();
        flash.set(&mut jar);
        let mut headers = HeaderMap::new();
        jar.apply(&mut headers);
        let cookie = headers[SET_COOKIE].to_str().expect("text");
        let code = cookie.split(['=', ';']).nth(1).expect("a value");
        read(code).expect("a sentence").text
    }

    #[test]
    fn a_count_is_said_only_where_it_is_whole() {
        let (sessions, others) = (100, 100);
        let complete = true;
        assert!(said(Flash::Ended { sessions, complete }).starts_with("100 sessions were"));
        assert!(
            said(Flash::PasswordChanged { others, complete }).contains("your 100 other sessions")
        );
        let complete = false;
        assert!(
            said(Flash::Ended { sessions, complete }).starts_with("At least 100 sessions were")
        );
        assert!(said(Flash::PasswordChanged { others, complete }).contains("at least 100"));
    }

    #[test]
    fn what_became_of_the_others_is_said_as_it_was() {
        let changed = |ended, others| Changed {
            kept: None,
            ended,
            others,
        };
        let sentence = |others: i64| {
            said(Flash::AppRemoved(Others::of(&changed(
                others > 0,
                others - 1,
            ))))
        };
        assert!(sentence(0).ends_with("log out all other sessions in Sessions."));
        assert!(sentence(1) == "The authenticator app was removed.");
        assert!(sentence(2).ends_with("All your other sessions were logged out."));
    }
}
