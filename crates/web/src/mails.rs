//! What mails say.
//!
//! Calm and short: what happened, when, with which browser, roughly where, in which
//! account, and one link (ALR-03, H2). No remote pictures; nothing that tells whether
//! the mail was opened. Addresses are built from the configured origin and never
//! from a request (AUTH-09).

use askama::Template as _;
use nightlatch_domain::Timestamp;
use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::mail::{
    AccountWords, AlertMail, EmailChangeMail, EmailChangeStep, LinkKind, Message, Occurrence,
};
use nightlatch_storage::mails::Mail;

use crate::link_key::LinkKey;
use crate::mailing::Letter;
use crate::public_url::PublicUrl;
use crate::show;
use crate::views::{LetterFact, LetterHtml, LetterLink, LetterText, LetterView};

/// Writes the letter of a message.
pub(crate) fn render(
    mail: &Mail,
    ours: &PublicUrl,
    key: &LinkKey,
    now: Timestamp,
) -> Result<Letter, askama::Error> {
    let link = |kind, path: &str, id| format!("{ours}{path}{}", key.token(kind, id));
    let view = match &mail.message {
        Message::Alert(alert) => {
            let href = alert.link.map(|id| link(LinkKind::Alert, "/alert/", id));
            tell(alert, href, now)
        }
        Message::PasswordReset(reset) => offer_reset(
            &reset.account,
            link(LinkKind::Reset, "/login/reset/", reset.link),
        ),
        Message::EmailChange(change) => {
            let href = change.link.map(|id| match change.step {
                EmailChangeStep::Confirm | EmailChangeStep::Taken => {
                    link(LinkKind::ConfirmEmail, "/email/confirm/", id)
                }
                EmailChangeStep::Tell => link(LinkKind::UndoEmail, "/email/undo/", id),
            });
            change_email(change, href, now)
        }
        // It becomes a reset before it is written.
        Message::RecoveryAsked => return Err(askama::Error::Custom("not a letter".into())),
    };
    let view = view.in_single_lines();
    Ok(Letter {
        id: mail.id,
        recipient: mail.recipient.clone(),
        subject: view.subject(),
        text: LetterText { letter: &view }.render()?,
        html: LetterHtml { letter: &view }.render()?,
    })
}

/// The heading of an alert, and what its reader should know.
fn words(kind: AlertKind) -> (&'static str, &'static str) {
    match kind {
        AlertKind::NewBrowser => (
            "New sign-in to your account",
            "Somebody signed in with a browser that your account had not used before. If it was you, there is nothing to do.",
        ),
        AlertKind::AfterManyFailures => (
            "Sign-in after many wrong passwords",
            "After many wrong passwords somebody signed in to your account with the right one. If it was you, there is nothing to do.",
        ),
        AlertKind::ApprovedFromPhone => (
            "Sign-in approved with your phone",
            "A sign-in to your account was approved with your phone. If it was you, there is nothing to do.",
        ),
        AlertKind::SecondFactorFailed => (
            "Somebody has your password",
            "Somebody typed your right password and then failed at the second step, so they were not let in. If it was not you, they know your password: please choose a new one.",
        ),
        AlertKind::FactorAdded => (
            "A second step was added to your account",
            "From now on it can be used to sign in.",
        ),
        AlertKind::FactorRemoved => (
            "A second step was removed from your account",
            "It can no longer be used to sign in.",
        ),
        AlertKind::RecoveryCodesMade => (
            "New recovery codes for your account",
            "A new set of recovery codes was made. Codes of the set before no longer work.",
        ),
        AlertKind::RecoveryCodeUsed => (
            "A recovery code was used",
            "Somebody signed in to your account with one of your recovery codes. It does not work a second time.",
        ),
        AlertKind::RecoveryCodesLow => (
            "You have few recovery codes left",
            "You can make a new set under Security.",
        ),
        AlertKind::PasswordChanged => (
            "Your password was changed",
            "All other sessions of your account were logged out.",
        ),
        AlertKind::PasswordReset => (
            "Your password was set anew",
            "It was set with a link that we sent to this address. All sessions of your account were logged out.",
        ),
        AlertKind::PasswordSetByOperator => (
            "Your password was set anew",
            "The people who run the sign-in set it, and logged out all sessions of your account.",
        ),
        AlertKind::EmailChangeAsked => (
            "Your e-mail address is to be changed",
            "Somebody who is signed in to your account asked for another e-mail address. It stays as it is until the new address has confirmed. If it was you, there is nothing to do.",
        ),
        AlertKind::EmailChanged => (
            "Your e-mail address was changed",
            "From now on your account is signed in to with the new address. All other sessions of your account were logged out. If it was you, there is nothing to do.",
        ),
        AlertKind::EmailSetByOperator => (
            "Your e-mail address was changed",
            "The people who run the sign-in changed it, and logged out all sessions of your account. If you did not expect that, please ask them.",
        ),
        AlertKind::EmailChangeUndone => (
            "Your e-mail address is the old one again",
            "Somebody took the change of your e-mail address back with a link that we had sent to this address. All sessions of your account were logged out. A mail for a new password is on its way.",
        ),
        AlertKind::FactorsRemovedByOperator => (
            "Your second steps were removed",
            "The people who run the sign-in removed them, and logged out all sessions of your account. If you did not ask for that, please choose a new password and tell them.",
        ),
        AlertKind::AllSessionsEnded => (
            "Your sessions were logged out",
            "Somebody who is signed in to your account logged out its sessions on other devices.",
        ),
        AlertKind::SignedOutByAdministrator => (
            "An administrator logged you out",
            "The people who run the sign-in ended sessions of your account. You can sign in again.",
        ),
        AlertKind::AppNotTold => (
            "An app does not hear of log-outs",
            "For some time an app of your organization has not confirmed that people were logged out. Whoever logs out may stay signed in there until it does; we go on telling it for three days after each log-out. You get this mail because you administer the organization. There will be no other about the same app before tomorrow, unless it hears again.",
        ),
        AlertKind::AppToldAgain => (
            "An app hears of log-outs again",
            "The app confirms log-outs again, and none has waited for it for ten minutes. Those that it had refused, or that were given up, can be sent again by the people who run the sign-in.",
        ),
        AlertKind::AppTokenReused => (
            "An app was signed out of your account",
            "What this app uses to stay signed in to your account was used a second time. Somebody may have made a copy of it, or the app has a fault. It no longer works; you can sign in to the app again.",
        ),
    }
}

fn tell(alert: &AlertMail, href: Option<String>, now: Timestamp) -> LetterView {
    let graver = alert
        .occurrences
        .iter()
        .max_by_key(|occurrence| occurrence.kind.weight())
        .map_or(AlertKind::NewBrowser, |occurrence| occurrence.kind);
    let (title, sentence) = words(graver);
    let events = alert
        .occurrences
        .iter()
        .map(|occurrence| facts(occurrence, now))
        .collect();
    let more = (alert.more > 0).then(|| {
        let count = alert.more;
        format!("This happened {count} more times since the last mail.")
    });
    LetterView {
        title: title.to_owned(),
        organization: alert.account.organization.clone(),
        name: alert.account.name.clone(),
        account: alert.account.email.clone(),
        sentence: sentence.to_owned(),
        events,
        more,
        link: href.map(|href| LetterLink {
            label: "This wasn't me".to_owned(),
            href,
            hint: format!(
                "The link opens a page that asks first; nothing happens before you press its button. It works for {}, and you do not have to sign in.",
                show::length(alert.class.link_life())
            ),
        }),
        closing: None,
    }
}

fn facts(occurrence: &Occurrence, now: Timestamp) -> Vec<LetterFact> {
    let fact = |label: &str, value: String| LetterFact {
        label: label.to_owned(),
        value,
    };
    let mut facts = vec![fact("When", show::time(occurrence.at, now).exact)];
    if let Some(client) = &occurrence.client {
        facts.push(fact("Browser", client.browser.clone()));
        let address = client.address.map(|address| address.to_string());
        let place = match (&client.place, address) {
            (Some(place), Some(address)) => Some(format!("{place} (address {address})")),
            (Some(place), None) => Some(place.clone()),
            (None, Some(address)) => Some(format!("address {address}")),
            (None, None) => None,
        };
        facts.extend(place.map(|place| fact("Where", place)));
    }
    if let Some(detail) = &occurrence.detail {
        let label = match occurrence.kind {
            AlertKind::AfterManyFailures => "Wrong passwords before",
            AlertKind::SignedOutByAdministrator | AlertKind::FactorsRemovedByOperator => "Reason",
            AlertKind::EmailChangeAsked
            | AlertKind::EmailChanged
            | AlertKind::EmailSetByOperator => "New address",
            AlertKind::RecoveryCodesLow | AlertKind::RecoveryCodeUsed => "Codes left",
            AlertKind::AppTokenReused => "App",
            AlertKind::AppNotTold => "Does not hear of log-outs",
            AlertKind::AppToldAgain => "Hears of log-outs again",
            _ => "What",
        };
        facts.push(fact(label, detail.clone()));
    }
    facts
}

/// A change of address, to one of both mailboxes. The new one learns no more than
/// whose account it is; it may be a stranger's.
fn change_email(change: &EmailChangeMail, href: Option<String>, now: Timestamp) -> LetterView {
    let occurrence = &change.occurrence;
    let told = words(occurrence.kind);
    let (title, sentence) = match change.step {
        EmailChangeStep::Confirm => (
            "Please confirm your new e-mail address",
            "Somebody, hopefully you, asked to use this address for the account below.",
        ),
        EmailChangeStep::Taken => (
            "This address has an account already",
            "Somebody, hopefully you, asked to use this address for the account below. That is not possible, since this address belongs to another account. Nothing was changed.",
        ),
        EmailChangeStep::Tell => told,
    };
    let label_and_hint = match change.step {
        EmailChangeStep::Confirm | EmailChangeStep::Taken => (
            "Confirm the new address",
            "The link opens a page that asks first; nothing happens before you press its button. It works once, for 24 hours.",
        ),
        EmailChangeStep::Tell => (
            "This wasn't me",
            "The link opens a page that asks first; nothing happens before you press its button. It gives your account this address back, logs out all sessions and lets you choose a new password. It works for 7 days, and you do not have to sign in.",
        ),
    };
    let events = match change.step {
        EmailChangeStep::Tell => vec![facts(occurrence, now)],
        EmailChangeStep::Confirm | EmailChangeStep::Taken => Vec::new(),
    };
    let closing = match change.step {
        EmailChangeStep::Confirm => Some("If you did not ask for it, you can ignore this mail."),
        EmailChangeStep::Taken => Some("If you did not ask for it, there is nothing to do."),
        EmailChangeStep::Tell => None,
    };
    LetterView {
        title: title.to_owned(),
        organization: change.account.organization.clone(),
        name: change.account.name.clone(),
        account: change.account.email.clone(),
        sentence: sentence.to_owned(),
        events,
        more: None,
        link: href.map(|href| LetterLink {
            label: label_and_hint.0.to_owned(),
            href,
            hint: label_and_hint.1.to_owned(),
        }),
        closing: closing.map(str::to_owned),
    }
}

fn offer_reset(account: &AccountWords, href: String) -> LetterView {
    LetterView {
        title: "Set a new password".to_owned(),
        organization: account.organization.clone(),
        name: account.name.clone(),
        account: account.email.clone(),
        sentence: "Somebody, hopefully you, asked for a new password for your account.".to_owned(),
        events: Vec::new(),
        more: None,
        link: Some(LetterLink {
            label: "Choose a new password".to_owned(),
            href,
            hint: "The link works once, for one hour. Afterwards all sessions are logged out and you sign in with the new password; if you use a second step, you will be asked for it as always.".to_owned(),
        }),
        closing: Some("If you did not ask for it, you can ignore this mail. Your password stays as it is.".to_owned()),
    }
}

#[cfg(test)]
mod tests;
