//! A made-up year of a large deployment, from a seed: people, their sign-ins, and how all
//! but the last of their sessions ended.
//!
//! Rows come in the order of time, as a year of work leaves them, and one after the other,
//! so that memory does not grow with their number. The same seed and instant make the same
//! rows. Whoever knows them can act as any of the people: their tokens and their password
//! follow from the seed too.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::IpAddr;
use std::time::Duration;

use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::{Actor, Cause, ScopeKind};
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{BrowserId, EndingId, EventId, Id, OrganizationId, SessionId, UserId};
use nightlatch_domain::organization::{Organization, Settings};
use nightlatch_domain::policy::{Deadlines, Policy};
use nightlatch_domain::random::SeededRandom;
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_domain::session::{Ended, Epochs, Life, Proof, ProofMethod, Session, SessionKind};
use nightlatch_domain::user::{Appearance, EmailAddress, Role, User, UserStatus};
use nightlatch_domain::{Random as _, Timestamp};
use nightlatch_storage::browsers::Browser;
use nightlatch_storage::endings::Ending;
use nightlatch_storage::{StorageError, Tx, browsers, bulk, endings, events, organizations};
use nightlatch_storage::{sessions, users};

/// How long ago it begins: a little less than the retention, so that nothing is due for
/// deletion while something is measured.
const SPAN: Duration = DAY.saturating_mul(360);

/// How long ago the oldest session that is still live began. Its last day is two days away.
const LIVE_SPAN: Duration = DAY.saturating_mul(28);

/// A session that ends by itself takes this long and no longer.
const LONGEST_ENDED: Duration = DAY.saturating_mul(2);

/// How often deadlines that have passed are looked for: those of one round share an ending.
const SWEEP: i64 = 30_000;

const DAY: Duration = Duration::from_hours(24);

/// How many people are in one organization.
const IN_AN_ORGANIZATION: u64 = 1_000;

const NAMES: [&str; 8] = [
    "Ada Lovelace",
    "Grace Hopper",
    "Katherine Johnson",
    "Edsger Dijkstra",
    "Barbara Liskov",
    "Donald Knuth",
    "Radia Perlman",
    "Alan Turing",
];

const PLACES: [Option<&str>; 4] = [
    None,
    Some("Lisbon, Portugal"),
    Some("Osaka, Japan"),
    Some("Nairobi, Kenya"),
];

const BROWSERS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:147.0) Gecko/20100101 Firefox/147.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/605.1.15",
];

/// How much of what, and from which seed.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// Accounts.
    pub people: u64,
    /// Sessions, live ones included.
    pub sessions: u64,
    /// Sessions that are live at the end. If they are no more than the people, nobody has
    /// two.
    pub live: u64,
    /// The same seed makes the same rows.
    pub seed: u64,
    /// The present.
    pub now: Timestamp,
}

/// What was added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Organizations.
    pub organizations: u64,
    /// Accounts, each with a password and a browser.
    pub people: u64,
    /// Sessions.
    pub sessions: u64,
    /// Those of them that are live.
    pub live: u64,
    /// Lines of the history.
    pub events: u64,
    /// Endings.
    pub endings: u64,
}

/// A session that has begun and whose end is still to be written.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Open {
    ends_at: Timestamp,
    number: u64,
}

impl History {
    /// Adds all of it. `password` is the record of everybody's password; `told` hears how
    /// many sessions there are so far.
    pub fn write(
        &self,
        tx: &mut Tx<'_>,
        password: &str,
        told: &mut dyn FnMut(u64),
    ) -> Result<Written, StorageError> {
        let mut written = Written::default();
        for number in 0..self.people.div_ceil(IN_AN_ORGANIZATION).max(1) {
            organizations::add(tx, &self.organization(number))?;
            written.organizations += 1;
        }
        for number in 0..self.people {
            self.write_person(tx, number, password)?;
            written.people += 1;
        }
        let (ended, mut open) = (self.sessions - self.live, BinaryHeap::new());
        let mut sweep = None;
        let (mut next_ended, mut next_live) = (0, 0);
        while next_ended < ended || next_live < self.live {
            let is_ended = next_live == self.live
                || (next_ended < ended && self.began(next_ended) <= self.began(ended + next_live));
            let number = if is_ended {
                next_ended
            } else {
                ended + next_live
            };
            let session = self.session(number);
            while let Some(Reverse(first)) = open.pop() {
                let first: Open = first;
                if first.ends_at > session.created_at {
                    open.push(Reverse(first));
                    break;
                }
                self.write_end(tx, &first, &mut sweep, &mut written)?;
            }
            let random = self.random(5, number);
            let event = sign_in_event(&session, number < self.people, &random);
            events::add(tx, &event)?;
            written.events += 1;
            if is_ended {
                let (ends_at, _) = self.end(&session, number);
                open.push(Reverse(Open { ends_at, number }));
                next_ended += 1;
            } else {
                sessions::add(tx, &session, self.token(number).digest())?;
                written.live += 1;
                written.sessions += 1;
                next_live += 1;
            }
            if (next_ended + next_live).is_multiple_of(100_000) {
                told(next_ended + next_live);
            }
        }
        while let Some(Reverse(first)) = open.pop() {
            self.write_end(tx, &first, &mut sweep, &mut written)?;
        }
        write_ending(tx, sweep.as_ref().map(|(_, last)| last), &mut written)?;
        Ok(written)
    }

    /// An account.
    pub fn user_id(&self, person: u64) -> UserId {
        UserId::sortable(self.hired(person), &self.random(1, person))
    }

    /// The address of an account.
    pub fn email(person: u64) -> String {
        format!("person-{person}@example.net")
    }

    /// Whose a session is. Sessions that follow each other are of people who do not.
    pub fn person_of(&self, session: u64) -> u64 {
        let ended = self.sessions - self.live;
        let turn = session.checked_sub(ended).unwrap_or(session);
        let step = stride(self.people);
        u64::try_from(u128::from(turn) * u128::from(step) % u128::from(self.people.max(1)))
            .unwrap_or_default()
    }

    /// The number of a live session.
    pub fn live_session(&self, turn: u64) -> u64 {
        self.sessions - self.live + turn % self.live.max(1)
    }

    /// What the browser of a live session holds.
    pub fn token(&self, session: u64) -> Token {
        Token::generate(&self.random(2, session))
    }

    /// The id of a session.
    pub fn session_id(&self, session: u64) -> SessionId {
        Id::random(&self.random(3, session))
    }

    fn random(&self, kind: u64, number: u64) -> SeededRandom {
        SeededRandom::new(
            self.seed
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .wrapping_add(kind << 56)
                .wrapping_add(number),
        )
    }

    /// A number that looks like chance.
    fn chance(&self, kind: u64, number: u64) -> u64 {
        let mut bytes = [0; 8];
        self.random(kind, number).fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn hired(&self, person: u64) -> Timestamp {
        self.now
            .minus(SPAN + DAY * 40)
            .plus(share(DAY * 40, person, self.people))
    }

    fn organization_id(&self, number: u64) -> OrganizationId {
        OrganizationId::sortable(self.now.minus(SPAN + DAY * 41), &self.random(6, number))
    }

    fn organization(&self, number: u64) -> Organization {
        Organization {
            id: self.organization_id(number),
            name: format!("Organization {number}"),
            settings: Settings::default(),
            created_at: self.now.minus(SPAN + DAY * 41),
        }
    }

    fn browser_id(&self, person: u64) -> BrowserId {
        Id::random(&self.random(7, person))
    }

    fn write_person(
        &self,
        tx: &mut Tx<'_>,
        person: u64,
        password: &str,
    ) -> Result<(), StorageError> {
        let user = User {
            id: self.user_id(person),
            organization_id: self.organization_id(person / IN_AN_ORGANIZATION),
            email: EmailAddress::parse(&Self::email(person)).ok_or_else(unexpected)?,
            name: pick(&NAMES, person).to_owned(),
            role: Role::Member,
            status: UserStatus::Active,
            appearance: Appearance::System,
            picture_version: None,
            created_at: self.hired(person),
        };
        users::add(tx, &user)?;
        users::set_password(tx, user.id, password, user.created_at)?;
        let browser = Browser {
            id: self.browser_id(person),
            always_shared: false,
        };
        let token = Token::generate(&self.random(8, person)).digest();
        browsers::add(tx, &browser, token, self.now.minus(DAY))?;
        bulk::add_known_browser(tx, user.id, browser.id, self.now.minus(DAY))
    }

    /// When a session began.
    fn began(&self, number: u64) -> Timestamp {
        let ended = self.sessions - self.live;
        match number.checked_sub(ended) {
            None => {
                self.now
                    .minus(SPAN)
                    .plus(share(SPAN.saturating_sub(LONGEST_ENDED), number, ended))
            }
            Some(turn) => {
                let span = LIVE_SPAN.saturating_sub(DAY);
                self.now.minus(LIVE_SPAN).plus(share(span, turn, self.live))
            }
        }
    }

    fn session(&self, number: u64) -> Session {
        let (person, at) = (self.person_of(number), self.began(number));
        let is_live = number >= self.sessions - self.live;
        let kind = if is_live {
            SessionKind::Remembered
        } else {
            SessionKind::Ordinary
        };
        let limits = Policy::default().limits(kind);
        let chance = self.chance(9, number);
        // Somebody reads for some minutes, or works for hours.
        let last_active_at = at.plus(Duration::from_secs(chance % 28_800));
        let address = IpAddr::from([203, 0, 113, u8::try_from(person % 250).unwrap_or(0)]);
        // Where somebody has more than one live session, the others are in browsers that
        // are not remembered: one browser holds one.
        let is_first = !is_live || number - (self.sessions - self.live) < self.people;
        Session {
            id: self.session_id(number),
            user_id: self.user_id(person),
            organization_id: self.organization_id(person / IN_AN_ORGANIZATION),
            browser_id: is_first.then(|| self.browser_id(person)),
            created_at: at,
            life: Life {
                epochs: Epochs {
                    user: 0,
                    organization: 0,
                    deployment: 0,
                },
                kind,
                authenticated_at: at,
                last_active_at,
                deadlines: Deadlines {
                    idle: limits.deadlines(at, last_active_at).idle,
                    overall: limits.deadlines(at, last_active_at).overall,
                },
                ended: None,
            },
            proofs: vec![Proof {
                method: ProofMethod::Password,
                at,
            }],
            client: ClientDetails::new(
                Some(address),
                pick(&PLACES, person).map(str::to_owned),
                pick(&BROWSERS, person),
            ),
        }
    }

    /// When and why an ended session was over. Nine in twenty logged out, nine timed out,
    /// two were replaced.
    fn end(&self, session: &Session, number: u64) -> (Timestamp, Cause) {
        match self.chance(10, number) % 20 {
            0..9 => (session.life.last_active_at, Cause::LoggedOut),
            9..18 => (session.life.deadlines.idle, Cause::IdleTimeout),
            _ => (session.life.last_active_at, Cause::ReplacedByNewSignIn),
        }
    }

    fn write_end(
        &self,
        tx: &mut Tx<'_>,
        open: &Open,
        sweep: &mut Option<(i64, Ending)>,
        written: &mut Written,
    ) -> Result<(), StorageError> {
        let session = self.session(open.number);
        let (at, cause) = self.end(&session, open.number);
        let round = at.milliseconds() / SWEEP;
        let shared = sweep
            .as_mut()
            .filter(|(of, _)| cause == Cause::IdleTimeout && *of == round)
            .map(|(_, ending)| ending);
        let actor = match cause {
            Cause::IdleTimeout => Actor::System,
            _ => Actor::User(session.user_id),
        };
        let random = self.random(11, open.number);
        let ending_id = if let Some(shared) = shared {
            shared.sessions_ended += 1;
            shared.browsers_ended += 1;
            shared.id
        } else {
            let ending = ending(&session, at, cause, actor, EndingId::sortable(at, &random));
            let id = ending.id;
            let alone = if cause == Cause::IdleTimeout {
                sweep.replace((round, ending)).map(|(_, before)| before)
            } else {
                Some(ending)
            };
            write_ending(tx, alone.as_ref(), written)?;
            id
        };
        let ended = Ended {
            at,
            cause,
            ending_id,
        };
        let mut digest = [0; 32];
        self.random(2, open.number).fill(&mut digest);
        bulk::add_ended_session(tx, &session, &ended, TokenDigest::from_bytes(digest))?;
        let event = Event {
            id: EventId::sortable(at, &random),
            at,
            organization_id: Some(session.organization_id),
            user_id: Some(session.user_id),
            actor,
            kind: EventKind::SessionEnded,
            session_id: Some(session.id),
            browser_id: session.browser_id,
            ending_id: Some(ending_id),
            cause: Some(cause),
            client: session.client,
            count: 1,
            detail: None,
        };
        events::add(tx, &event)?;
        written.sessions += 1;
        written.events += 1;
        Ok(())
    }
}

fn write_ending(
    tx: &mut Tx<'_>,
    ending: Option<&Ending>,
    written: &mut Written,
) -> Result<(), StorageError> {
    if let Some(ending) = ending {
        endings::add(tx, ending)?;
        written.endings += 1;
    }
    Ok(())
}

fn ending(session: &Session, at: Timestamp, cause: Cause, actor: Actor, id: EndingId) -> Ending {
    let (scope, user_id) = match cause {
        Cause::LoggedOut => (ScopeKind::Session, Some(session.user_id)),
        Cause::IdleTimeout => (ScopeKind::Selection, None),
        _ => (ScopeKind::Selection, Some(session.user_id)),
    };
    Ending {
        id,
        at,
        scope,
        organization_id: user_id.map(|_| session.organization_id),
        user_id,
        kept_session_id: None,
        client_id: None,
        epoch: None,
        cause,
        actor,
        reason: None,
        sessions_ended: 1,
        browsers_ended: 1,
        expanded: true,
    }
}

fn sign_in_event(session: &Session, is_new_browser: bool, random: &SeededRandom) -> Event {
    Event {
        id: EventId::sortable(session.created_at, random),
        at: session.created_at,
        organization_id: Some(session.organization_id),
        user_id: Some(session.user_id),
        actor: Actor::User(session.user_id),
        kind: if is_new_browser {
            EventKind::SignedInFromNewBrowser
        } else {
            EventKind::SignedIn
        },
        session_id: Some(session.id),
        browser_id: session.browser_id,
        ending_id: None,
        cause: None,
        client: session.client.clone(),
        count: 1,
        detail: Some(ProofMethod::Password.name().to_owned()),
    }
}

/// So much of a time as `number` is of `all`.
fn share(time: Duration, number: u64, all: u64) -> Duration {
    let milliseconds = time.as_millis() * u128::from(number) / u128::from(all.max(1));
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX))
}

/// A step that visits everybody before it visits anybody twice.
fn stride(people: u64) -> u64 {
    let mut step = (people / 5 * 3).max(1);
    while gcd(step, people) > 1 {
        step += 1;
    }
    step
}

fn gcd(one: u64, other: u64) -> u64 {
    if other == 0 {
        one
    } else {
        gcd(other, one % other)
    }
}

fn pick<T: Copy + Default, const COUNT: usize>(of: &[T; COUNT], number: u64) -> T {
    usize::try_from(number)
        .ok()
        .and_then(|number| of.get(number % COUNT).copied())
        .unwrap_or_default()
}

fn unexpected() -> StorageError {
    StorageError::Other("a made-up address is none".to_owned())
}
