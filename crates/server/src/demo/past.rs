//! What the made-up people did before the demonstration began.
//!
//! Told with the same flows that serve real requests, under moments that lie in
//! the past; only the passwords are taken as right without hashing them again.
//! Addresses are those that are reserved for documentation.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::ids::{OrganizationId, UserId};
use nightlatch_domain::organization::{AccentColor, Organization};
use nightlatch_domain::policy::{Policy, SecondFactorRule};
use nightlatch_domain::secret::{Password, Token};
use nightlatch_domain::session::Session;
use nightlatch_domain::user::{EmailAddress, EmailKey};
use nightlatch_flows::Moment;
use nightlatch_flows::log_out::{EndingRequest, end_overdue, end_sessions};
use nightlatch_flows::password_hashing::PasswordVerdict;
use nightlatch_flows::people::{self, AddOrganizationOutcome, AddUserOutcome, NewUser};
use nightlatch_flows::sessions::name_browser;
use nightlatch_flows::sign_in::{self, Attempt, Begun, SignInOutcome};
use nightlatch_storage::{StorageError, organizations};
use nightlatch_web::state::App;

use super::people::{ACCENT, CONTACT, ORGANIZATION, PEOPLE, Person};
use crate::trouble::Trouble;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A machine and where it stands.
struct Machine {
    user_agent: &'static str,
    address: &'static str,
    place: Option<&'static str>,
}

const OFFICE_DESKTOP: Machine = Machine {
    user_agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0",
    address: "192.0.2.14",
    place: Some("Lisbon, Portugal"),
};
const PHONE: Machine = Machine {
    user_agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
    address: "2001:db8:40::7",
    place: Some("Lisbon, Portugal"),
};
const KITCHEN_LAPTOP: Machine = Machine {
    user_agent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
    address: "198.51.100.23",
    place: Some("Porto, Portugal"),
};
const LIBRARY: Machine = Machine {
    user_agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0",
    address: "203.0.113.5",
    place: Some("Coimbra, Portugal"),
};
const ANDROID: Machine = Machine {
    user_agent: "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36",
    address: "198.51.100.77",
    place: Some("São Paulo, Brazil"),
};
const WORKSTATION: Machine = Machine {
    user_agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    address: "192.0.2.61",
    place: Some("Osaka, Japan"),
};
const STRANGER: Machine = Machine {
    user_agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Safari/537.36",
    address: "203.0.113.190",
    place: None,
};

/// What the person chose at sign-in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Ordinary,
    Remembered,
    Shared,
}

/// Fills an empty database.
pub async fn live_through(app: &App) -> Result<(), Trouble> {
    let past = Past {
        app,
        now: app.clock.now(),
    };
    let organization = past.found().await?;
    let [amara, mateus, yuki, leila] = &PEOPLE;
    past.hire(organization, &PEOPLE).await?;
    past.of_amara(amara).await?;
    past.of_others(mateus, yuki, leila).await?;
    app.activity.flush(&app.store).await?;
    Ok(())
}

struct Past<'a> {
    app: &'a App,
    now: Timestamp,
}

impl Past<'_> {
    async fn of_amara(&self, amara: &Person) -> Result<(), Trouble> {
        let library = self
            .sign_in(amara, &LIBRARY, Mode::Shared, 9 * DAY, None)
            .await?;
        self.active(&library.session, 215 * HOUR + 50 * MINUTE);
        self.app.activity.flush(&self.app.store).await?;
        // Nobody logged out there; the limit of shared computers did.
        self.sweep(8 * DAY).await?;
        let desktop = self
            .sign_in(amara, &OFFICE_DESKTOP, Mode::Ordinary, 6 * DAY, None)
            .await?;
        self.end(&desktop.session, Cause::LoggedOut, 5 * DAY + 16 * HOUR)
            .await?;
        let browser = desktop.browser;
        let laptop = self
            .sign_in(amara, &KITCHEN_LAPTOP, Mode::Remembered, 5 * DAY, None)
            .await?;
        self.name(&laptop.session, "Kitchen laptop", 4 * DAY + 23 * HOUR)
            .await?;
        self.fail(amara, &STRANGER, 3, 2 * DAY).await?;
        let phone = self
            .sign_in(amara, &PHONE, Mode::Remembered, 40 * HOUR, None)
            .await?;
        self.active(&laptop.session, 14 * HOUR);
        let desktop = self
            .sign_in(amara, &OFFICE_DESKTOP, Mode::Ordinary, 3 * HOUR, browser)
            .await?;
        self.active(&phone.session, 95 * MINUTE);
        self.active(&desktop.session, 12 * MINUTE);
        let library = self
            .sign_in(amara, &LIBRARY, Mode::Shared, 9 * MINUTE, None)
            .await?;
        self.active(&library.session, 4 * MINUTE);
        Ok(())
    }

    async fn of_others(
        &self,
        mateus: &Person,
        yuki: &Person,
        leila: &Person,
    ) -> Result<(), Trouble> {
        let lost = self
            .sign_in(mateus, &KITCHEN_LAPTOP, Mode::Remembered, 8 * DAY, None)
            .await?;
        self.end(&lost.session, Cause::EndedFromOtherDevice, 7 * DAY)
            .await?;
        let phone = self
            .sign_in(mateus, &ANDROID, Mode::Remembered, 7 * DAY, None)
            .await?;
        self.active(&phone.session, 2 * HOUR);

        let desk = self
            .sign_in(yuki, &WORKSTATION, Mode::Ordinary, 5 * HOUR, None)
            .await?;
        self.active(&desk.session, 31 * MINUTE);
        self.fail(yuki, &WORKSTATION, 1, 5 * HOUR + MINUTE).await?;

        let all = self
            .sign_in(leila, &OFFICE_DESKTOP, Mode::Remembered, 4 * DAY, None)
            .await?;
        self.end(&all.session, Cause::EndedByAdministrator, 3 * DAY)
            .await?;
        let phone = self
            .sign_in(leila, &PHONE, Mode::Remembered, 26 * HOUR, None)
            .await?;
        self.active(&phone.session, 50 * MINUTE);
        Ok(())
    }

    fn moment(&self, ago: Duration) -> Moment {
        Moment {
            now: self.now.minus(ago),
            random: Arc::clone(&self.app.random),
            activity: Arc::clone(&self.app.activity),
        }
    }

    async fn found(&self) -> Result<OrganizationId, Trouble> {
        let moment = self.moment(200 * DAY);
        let made: Result<Option<Organization>, StorageError> = self
            .app
            .store
            .write(
                move |tx| match people::add_organization(tx, &moment, ORGANIZATION)? {
                    AddOrganizationOutcome::Added(id) => Ok(Some(organizations::get(tx, id)?)),
                    AddOrganizationOutcome::NameTaken => Ok(None),
                },
            )
            .await;
        let mut organization = made?.ok_or_else(unexpected)?;
        let id = organization.id;
        organization.settings.contact = Some(CONTACT.to_owned());
        organization.settings.accent = AccentColor::try_from(ACCENT.to_owned()).ok();
        // Its people have been there for long: the time that administrators have for
        // setting up a second factor would be over, and the tour closed to Amara.
        organization.settings.policy.second_factor.rule = SecondFactorRule::Optional;
        let moment = self.moment(199 * DAY);
        let change = format!("contact: → {CONTACT}; accent: → {ACCENT}");
        self.app
            .store
            .write(move |tx| {
                let change = change.clone();
                people::set_settings(tx, &moment, &organization, Actor::Operator, change)
            })
            .await?;
        Ok(id)
    }

    async fn hire(&self, organization: OrganizationId, new: &[Person]) -> Result<(), Trouble> {
        let mut records = Vec::new();
        for person in new {
            let password = Password::typed(person.password).ok_or_else(unexpected)?;
            records.push(self.app.hashing.hash(password));
        }
        // Side by side, since this is most of the time until the first page.
        let records = futures_util::future::join_all(records).await;
        for (person, record) in new.iter().zip(records) {
            let new = NewUser {
                organization_id: organization,
                email: EmailAddress::parse(person.email).ok_or_else(unexpected)?,
                name: person.name.to_owned(),
                role: person.role,
                password_record: record.map_err(|_| unexpected())?,
            };
            let moment = self.moment(190 * DAY);
            let added: Result<AddUserOutcome, StorageError> = self
                .app
                .store
                .write(move |tx| people::add_user(tx, &moment, &new, Actor::Operator))
                .await;
            let _: UserId = match added? {
                AddUserOutcome::Added(id) => id,
                AddUserOutcome::AddressTaken => return Err(unexpected()),
            };
        }
        Ok(())
    }

    async fn sign_in(
        &self,
        person: &Person,
        machine: &Machine,
        mode: Mode,
        ago: Duration,
        browser: Option<Token>,
    ) -> Result<Visit, Trouble> {
        let right = PasswordVerdict::Right { rehashed: None };
        let attempt = attempt(person, machine, mode, browser.as_ref())?;
        match self.attempt_once(attempt, right, ago).await? {
            SignInOutcome::SignedIn(signed_in) => Ok(Visit {
                session: signed_in.session,
                browser: signed_in.browser_token.or(browser),
            }),
            _ => Err(unexpected()),
        }
    }

    async fn fail(
        &self,
        person: &Person,
        machine: &Machine,
        times: u32,
        ago: Duration,
    ) -> Result<(), Trouble> {
        for number in 0..times {
            let attempt = attempt(person, machine, Mode::Ordinary, None)?;
            let ago = ago.saturating_sub(number * 20 * Duration::from_secs(1));
            self.attempt_once(attempt, PasswordVerdict::Wrong, ago)
                .await?;
        }
        Ok(())
    }

    async fn attempt_once(
        &self,
        attempt: Attempt,
        verdict: PasswordVerdict,
        ago: Duration,
    ) -> Result<SignInOutcome, Trouble> {
        let moment = self.moment(ago);
        let outcome: Result<SignInOutcome, StorageError> = self
            .app
            .store
            .write(move |tx| {
                let begun = sign_in::begin(
                    tx,
                    &moment,
                    &attempt.email,
                    attempt.browser,
                    &attempt.client,
                )?;
                match begun {
                    Begun::Proceed(candidate) => {
                        sign_in::finish(tx, &moment, &attempt, &candidate, &verdict)
                    }
                    Begun::Wait(until, _) => Ok(SignInOutcome::Wait(until)),
                    Begun::Off => Ok(SignInOutcome::Off),
                }
            })
            .await;
        Ok(outcome?)
    }

    /// The person was last active then.
    fn active(&self, session: &Session, ago: Duration) {
        let limits = Policy::default().limits(session.life.kind);
        let at = self.now.minus(ago);
        self.app
            .activity
            .note(session.id, &session.life, limits, at);
    }

    async fn end(&self, session: &Session, cause: Cause, ago: Duration) -> Result<(), Trouble> {
        let moment = self.moment(ago);
        let (actor, reason) = match cause {
            Cause::EndedByAdministrator => {
                (Actor::Operator, Some("Moving to new laptops".to_owned()))
            }
            _ => (Actor::User(session.user_id), None),
        };
        let request = EndingRequest {
            scope: Scope::Session(session.id),
            cause,
            actor,
            reason,
        };
        self.app
            .store
            .write(move |tx| end_sessions(tx, &moment, &request).map(drop))
            .await?;
        Ok(())
    }

    async fn sweep(&self, ago: Duration) -> Result<(), Trouble> {
        let moment = self.moment(ago);
        self.app
            .store
            .write(move |tx| end_overdue(tx, &moment, moment.now, 500).map(drop))
            .await?;
        Ok(())
    }

    async fn name(
        &self,
        session: &Session,
        name: &'static str,
        ago: Duration,
    ) -> Result<(), Trouble> {
        let Some(browser) = session.browser_id else {
            return Err(unexpected());
        };
        let (moment, session) = (self.moment(ago), session.clone());
        self.app
            .store
            .write(move |tx| name_browser(tx, &moment, &session, browser, Some(name)).map(drop))
            .await?;
        Ok(())
    }
}

struct Visit {
    session: Session,
    browser: Option<Token>,
}

fn attempt(
    person: &Person,
    machine: &Machine,
    mode: Mode,
    browser: Option<&Token>,
) -> Result<Attempt, Trouble> {
    let address: Option<IpAddr> = machine.address.parse().ok();
    let place = machine.place.map(str::to_owned);
    Ok(Attempt {
        email: EmailKey::of_typed(person.email),
        password: Password::typed(person.password).ok_or_else(unexpected)?,
        remember: mode == Mode::Remembered,
        shared: mode == Mode::Shared,
        browser: browser.map(Token::digest),
        replaces: None,
        trusted: None,
        return_to: String::new(),
        client: ClientDetails::new(address, place, machine.user_agent),
    })
}

fn unexpected() -> Trouble {
    Trouble::new("the demonstration's made-up past contradicts itself; please report this")
}
