//! From what the flows return to what the pages show: frames, times, devices,
//! reasons, and the answers that carry them.

use std::time::Duration;

use askama::Template;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use nightlatch_domain::Timestamp;
use nightlatch_domain::client::{self, ClientDetails};
use nightlatch_domain::ending::{Actor, Cause};
use nightlatch_domain::ids::UserId;
use nightlatch_domain::organization::Organization;
use nightlatch_domain::session::{ProofMethod, Session, SessionKind};
use nightlatch_domain::user::{Appearance, Power};
use nightlatch_flows::sessions::LiveSession;
use time::macros::format_description;

use crate::assets;
use crate::cookies::{self, Jar};
use crate::envelope::Envelope;
use crate::failure::Failure;
use crate::guard::Visit;
use crate::pages::flash;
use crate::views::{
    Accent, ContactView, DeviceKind, Frame, Nav, PersonView, SessionMark, Theme, TimeView,
    WhyEnded, initials,
};

/// The product's name, the second half of every title.
pub(crate) const PRODUCT: &str = "Nightlatch";

/// Limits of this length or more are announced two minutes ahead, shorter ones
/// a minute (UI-05, G2).
const LONG_LIMIT: Duration = Duration::from_mins(15);

/// For this long after a proof, pages tell authenticators which passkeys work.
const JUST_PROVED: Duration = Duration::from_mins(1);

/// A frame that knows nobody.
pub(crate) fn plain_frame(envelope: &Envelope, organization: Option<&Organization>) -> Frame {
    let mut frame = Frame::new(
        PRODUCT,
        &envelope.nonce,
        &assets::style_url(),
        &assets::script_url(),
    );
    if let Some(organization) = organization {
        frame.organization = Some(organization.name.clone());
        frame.accent = organization
            .settings
            .accent
            .as_ref()
            .and_then(|color| Accent::parse(color.as_str()));
        frame.contact = organization.settings.contact.as_deref().map(contact);
    }
    frame
}

/// The frame of a page: the signed-in person's, or that of the house.
pub(crate) async fn frame(visit: &Visit, nav: Nav) -> Result<Frame, Failure> {
    let mut frame = if let Some(live) = visit.live() {
        frame_of(visit, live)
    } else {
        let house = visit.app.house.find(&visit.app.store).await?;
        plain_frame(&visit.envelope, house.as_ref())
    };
    if visit.app.passkeys.are_possible() {
        frame.passkeys_js_url = Some(assets::passkeys_script_url());
        // Not on a computer that a phone let in: its authenticator is not theirs.
        frame.tells_authenticators = visit.live().is_some_and(|live| {
            let session = &live.owned.session;
            let is_due = matches!(nav, Nav::Security | Nav::Profile)
                || visit.now.since(session.proved_at()) < JUST_PROVED;
            is_due && !session.was_let_in_by_phone()
        });
    }
    frame.nav = nav;
    frame.flash = visit.flash.as_deref().and_then(flash::read);
    Ok(frame)
}

/// The frame of somebody who is signed in.
pub(crate) fn frame_of(visit: &Visit, live: &LiveSession) -> Frame {
    let mut frame = plain_frame(&visit.envelope, Some(&live.owned.organization));
    frame.theme = theme(live.owned.user.appearance);
    frame.person = Some(person(visit, live));
    frame
}

fn person(visit: &Visit, live: &LiveSession) -> PersonView {
    let user = &live.owned.user;
    let session = &live.owned.session;
    let limits = live.owned.standing().limits;
    let deadlines = visit.deadlines(live);
    PersonView {
        name: user.name.clone(),
        initials: initials(&user.name),
        picture_url: user
            .picture_version
            .map(|version| format!("/account/picture/{version}")),
        email: user.email.to_string(),
        organization: live.owned.organization.name.clone(),
        csrf: visit.form_token(),
        shared: session.life.kind == SessionKind::Shared,
        administers: user.role.has(Power::Read) && !session.was_let_in_by_phone(),
        session: SessionMark {
            id: session.id.to_string(),
            idle_deadline_ms: milliseconds(deadlines.idle),
            overall_deadline_ms: milliseconds(deadlines.overall),
            now_ms: milliseconds(visit.now),
            warn_seconds: if limits.idle() >= LONG_LIMIT { 120 } else { 60 },
        },
    }
}

pub(crate) fn milliseconds(at: Timestamp) -> u64 {
    at.milliseconds().unsigned_abs()
}

fn theme(appearance: Appearance) -> Theme {
    match appearance {
        Appearance::System => Theme::System,
        Appearance::Light => Theme::Light,
        Appearance::Dark => Theme::Dark,
    }
}

/// A contact as configured: an address, a number or words.
fn contact(text: &str) -> ContactView {
    let is_address = text.contains('@') && !text.contains(char::is_whitespace);
    let href = if is_address {
        Some(format!("mailto:{text}"))
    } else if text.starts_with("https://") && url::Url::parse(text).is_ok() {
        Some(text.to_owned())
    } else {
        None
    };
    ContactView {
        text: text.to_owned(),
        href,
    }
}

/// An instant in words.
pub(crate) fn time(at: Timestamp, now: Timestamp) -> TimeView {
    let exact = at
        .to_calendar()
        .format(format_description!(
            "[weekday], [month repr:long] [day padding:none], [year] at [hour]:[minute] UTC"
        ))
        .unwrap_or_else(|_| at.to_rfc3339());
    TimeView {
        relative: relative(at, now),
        exact,
        iso: at.to_rfc3339(),
    }
}

fn relative(at: Timestamp, now: Timestamp) -> String {
    let (distance, past) = if at <= now {
        (now.since(at), true)
    } else {
        (at.since(now), false)
    };
    let seconds = distance.as_secs();
    if past && seconds < 45 {
        return "just now".to_owned();
    }
    let rounded = round_to_unit(seconds);
    let words = length(Duration::from_secs(rounded));
    match (past, rounded) {
        (true, DAY) => "yesterday".to_owned(),
        (false, DAY) => "tomorrow".to_owned(),
        (true, _) => format!("{words} ago"),
        (false, _) => format!("in {words}"),
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Rounds to the unit in which people would say it.
fn round_to_unit(seconds: u64) -> u64 {
    let unit = if seconds < 50 * MINUTE {
        MINUTE
    } else if seconds < 22 * HOUR {
        HOUR
    } else {
        DAY
    };
    ((seconds + unit / 2) / unit).max(1) * unit
}

/// A length of time in words: "15 minutes", "24 hours", "7 days".
pub(crate) fn length(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (count, unit) = if seconds >= 2 * DAY && seconds.is_multiple_of(DAY) {
        (seconds / DAY, "day")
    } else if seconds >= HOUR && seconds.is_multiple_of(HOUR) {
        (seconds / HOUR, "hour")
    } else if seconds >= MINUTE && seconds.is_multiple_of(MINUTE) {
        (seconds / MINUTE, "minute")
    } else {
        (seconds, "second")
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// The icon of a device.
pub(crate) fn device_kind(client: &ClientDetails) -> DeviceKind {
    match client.description().device {
        client::DeviceKind::Computer => DeviceKind::Laptop,
        client::DeviceKind::Phone => DeviceKind::Phone,
        client::DeviceKind::Tablet => DeviceKind::Tablet,
        client::DeviceKind::Unknown => DeviceKind::Unknown,
    }
}

/// How a session was signed in, in words.
pub(crate) fn method(session: &Session) -> String {
    // Later ones are proofs given again.
    let first = session
        .proofs
        .iter()
        .filter(|proof| proof.at <= session.created_at);
    methods(first.map(|proof| proof.method))
}

/// Ways to prove who one is, in words: "Password and authenticator app".
pub(crate) fn methods(methods: impl Iterator<Item = ProofMethod>) -> String {
    let words: Vec<&str> = methods
        .map(|method| match method {
            ProofMethod::Password => "password",
            ProofMethod::AuthenticatorApp => "authenticator app",
            ProofMethod::RecoveryCode => "recovery code",
            ProofMethod::Passkey => "passkey",
            ProofMethod::Phone => "your phone",
        })
        .collect();
    let words = words.join(" and ");
    let mut characters = words.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}

/// A cause in the words of the pages.
pub(crate) fn why(cause: Cause) -> WhyEnded {
    match cause {
        Cause::LoggedOut => WhyEnded::LoggedOutHere,
        Cause::EndedFromOtherDevice => WhyEnded::AnotherDevice,
        Cause::LoggedOutEverywhere => WhyEnded::AllSessions,
        Cause::LoggedOutOfOthers => WhyEnded::AllOthers,
        Cause::EndedByAdministrator | Cause::AccessRefreshRequested => WhyEnded::Administrator,
        Cause::UserDisabled | Cause::UserDeleted => WhyEnded::AccountDisabled,
        Cause::PasswordChanged | Cause::AccountRecovered => WhyEnded::PasswordChanged,
        Cause::EmailChanged => WhyEnded::EmailChanged,
        Cause::FactorChanged => WhyEnded::FactorChanged,
        Cause::Policy => WhyEnded::PolicyChanged,
        Cause::SessionLimit => WhyEnded::TooManySessions,
        Cause::IdleTimeout => WhyEnded::Idle,
        Cause::OverallTimeout => WhyEnded::Overall,
        Cause::ReplacedByNewSignIn => WhyEnded::Replaced,
        Cause::TokenReuse | Cause::SuspiciousActivity | Cause::ReportedByUser => {
            WhyEnded::Compromise
        }
        Cause::AppWithdrawn | Cause::RestoredFromBackup => WhyEnded::Other,
    }
}

/// Who did it, in words, from the point of view of the account's owner.
pub(crate) fn who(actor: Actor, owner: Option<UserId>) -> String {
    match actor {
        // Somebody else who signed in in the same browser.
        Actor::User(id) if Some(id) != owner => "Another person",
        Actor::User(_) => "You",
        Actor::Administrator(_) => "An administrator",
        Actor::Operator => "The people who run this server",
        Actor::System => "This server, by itself",
    }
    .to_owned()
}

/// A page as an answer. The visitor cookie goes with it where a form needs it,
/// and the flash is spent.
pub(crate) fn page<T: Template>(visit: &Visit, page: &T) -> Result<Response, Failure> {
    page_with(visit, StatusCode::OK, page, Jar::default())
}

/// The same with a status and cookies.
pub(crate) fn page_with<T: Template>(
    visit: &Visit,
    status: StatusCode,
    page: &T,
    mut jar: Jar,
) -> Result<Response, Failure> {
    let html = page.render()?;
    // The visitor cookie died at sign-in, so the page that follows a logout always
    // sets one. Chromium drops the signed-in pages that it keeps for Back on
    // exactly this signal; a cookie changed by the redirect before comes too
    // early, and `no-store` alone does not do it (OUT-09, A13).
    if visit.live().is_none() && visit.visitor_is_new {
        jar.set_visitor(&visit.visitor);
    }
    if visit.flash.is_some() {
        jar.remove(cookies::FLASH);
    }
    let mut answer = (status, html).into_response();
    answer.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    jar.apply(answer.headers_mut());
    Ok(answer)
}

/// A redirect after a form, which a browser follows with GET.
pub(crate) fn see_other(to: &str, jar: Jar) -> Response {
    let mut headers = HeaderMap::new();
    if let Ok(location) = HeaderValue::try_from(to) {
        headers.insert(LOCATION, location);
    }
    jar.apply(&mut headers);
    (StatusCode::SEE_OTHER, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_say_them() {
        let now = Timestamp::from_milliseconds(1_795_000_000_000);
        let past = |seconds| relative(now.minus(Duration::from_secs(seconds)), now);
        assert_eq!(past(0), "just now");
        assert_eq!(past(44), "just now");
        assert_eq!(past(60), "1 minute ago");
        assert_eq!(past(7_300), "2 hours ago");
        assert_eq!(past(86_400), "yesterday");
        assert_eq!(past(3 * 86_400), "3 days ago");
        assert_eq!(
            relative(now.plus(Duration::from_mins(5)), now),
            "in 5 minutes"
        );
        assert_eq!(
            time(now, now).exact,
            "Wednesday, November 18, 2026 at 11:06 UTC"
        );
    }

    #[test]
    fn lengths_as_people_say_them() {
        for (seconds, words) in [
            (900, "15 minutes"),
            (7_200, "2 hours"),
            (86_400, "24 hours"),
            (604_800, "7 days"),
            (129_600, "36 hours"),
            (90, "90 seconds"),
        ] {
            assert_eq!(length(Duration::from_secs(seconds)), words);
        }
    }
}
