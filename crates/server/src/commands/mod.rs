//! What an operator can ask for, and what comes back.
//!
//! Owns the words of the command socket: [`Command`] and [`Reply`]. The same
//! [`execute`] serves a running server and a command line without one, so that
//! both do the same. What was typed is read in [`crate::command_line`]; how a
//! reply looks is [`show`].

mod organizations;
mod sessions;
pub mod settings;
pub mod show;
mod users;

use std::fmt;
use std::sync::Arc;

use nightlatch_domain::ending::Cause;
use nightlatch_domain::ids::{EndingId, OrganizationId, SessionId, UserId};
use nightlatch_domain::organization::Organization;
use nightlatch_domain::user::{EmailKey, Role, User, UserStatus};
use nightlatch_flows::Moment;
use nightlatch_flows::activity::Activity;
use nightlatch_flows::log_out::EndingDone;
use nightlatch_flows::password_hashing::PasswordHashing;
use nightlatch_storage::{StorageError, Store, Tx, organizations as stored, users as accounts};
use nightlatch_web::metrics::Metrics;
use nightlatch_web::signals::{Concern, Signals};
use nightlatch_web::state::App;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A password on its way from the command line. It prints as nothing.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TypedPassword(String);

impl TypedPassword {
    /// Takes what was typed.
    pub fn new(text: &Zeroizing<String>) -> Self {
        Self(text.as_str().to_owned())
    }

    fn reveal(&self) -> &str {
        &self.0
    }
}

impl Drop for TypedPassword {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl fmt::Debug for TypedPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TypedPassword(…)")
    }
}

/// Whose sessions to end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// One person's, by e-mail address.
    User(String),
    /// Those of everybody in an organization, by name.
    Organization(String),
    /// Everybody's.
    Everyone,
}

/// What an operator asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the fields are the options of the command line"
)]
pub enum Command {
    /// `user add`.
    UserAdd {
        email: String,
        name: String,
        organization: Option<String>,
        role: Role,
        password: TypedPassword,
    },
    /// `user list`.
    UserList,
    /// `user disable`.
    UserDisable { email: String },
    /// `user enable`.
    UserEnable { email: String },
    /// `user delete`.
    UserDelete { email: String },
    /// `user set-password`.
    UserSetPassword {
        email: String,
        password: TypedPassword,
    },
    /// `session list`.
    SessionList { email: String },
    /// `session end`.
    SessionEnd {
        id: SessionId,
        reason: Option<String>,
    },
    /// `log-out`.
    LogOut { whom: Whom, reason: Option<String> },
    /// `organization add`.
    OrganizationAdd { name: String },
    /// `organization list`.
    OrganizationList,
    /// `organization set`.
    OrganizationSet {
        organization: Option<String>,
        changes: Vec<(String, String)>,
    },
}

impl Command {
    /// Whether it makes sense where no database exists yet.
    pub const fn may_begin(&self) -> bool {
        matches!(self, Self::UserAdd { .. } | Self::OrganizationAdd { .. })
    }
}

/// What was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedLine {
    /// The ending, as the history and the receipts name it.
    pub ending_id: EndingId,
    /// Sessions written down as ended so far.
    pub sessions: i64,
    /// On how many browsers.
    pub browsers: i64,
    /// Whether that is all. If not, the rest is over too and is being written
    /// down.
    pub complete: bool,
}

impl From<&EndingDone> for EndedLine {
    fn from(done: &EndingDone) -> Self {
        Self {
            ending_id: done.id,
            sessions: done.sessions,
            browsers: done.browsers,
            complete: done.complete,
        }
    }
}

/// A person in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in the domain")]
pub struct UserLine {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub status: UserStatus,
    pub organization: String,
    pub created_at: String,
}

/// A live session in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in the domain")]
pub struct SessionLine {
    pub id: SessionId,
    pub kind: String,
    pub browser: String,
    pub address: Option<String>,
    pub place: Option<String>,
    pub signed_in_at: String,
    pub last_active_at: String,
    pub ends_at: String,
}

/// An organization in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationLine {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its settings in the words of `organization set`, in the table's order.
    pub settings: Vec<(String, String)>,
}

/// A setting that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ChangeLine {
    pub key: String,
    pub before: String,
    pub after: String,
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Reply {
    /// A person was added.
    UserAdded {
        id: UserId,
        email: String,
        role: Role,
        organization: String,
        organization_is_new: bool,
    },
    /// The people.
    Users { users: Vec<UserLine> },
    /// An account changed, and so much ended with it.
    UserChanged {
        email: String,
        change: UserChange,
        ended: Option<EndedLine>,
    },
    /// Someone's live sessions.
    Sessions {
        email: String,
        sessions: Vec<SessionLine>,
    },
    /// Sessions ended.
    Ended(EndedLine),
    /// An organization was added.
    OrganizationAdded { id: OrganizationId, name: String },
    /// The organizations.
    Organizations {
        organizations: Vec<OrganizationLine>,
    },
    /// Settings changed; possibly none.
    SettingsChanged {
        organization: String,
        changes: Vec<ChangeLine>,
    },
    /// Nothing was done; the sentence says why and what to do.
    Refused { error: String },
    /// Something went wrong on the way.
    Failed { error: String },
}

/// What happened to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum UserChange {
    Disabled,
    Enabled,
    Deleted,
    PasswordSet,
}

/// What a command works with: parts of a running server, or of a command line
/// that stands in for one.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub(crate) store: &'a Store,
    pub(crate) hashing: &'a PasswordHashing,
    pub(crate) activity: &'a Arc<Activity>,
    pub(crate) moment: &'a Moment,
    pub(crate) signals: &'a Signals,
    pub(crate) metrics: &'a Metrics,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Context")
            .field("moment", self.moment)
            .finish_non_exhaustive()
    }
}

impl<'a> Context<'a> {
    /// The parts of a running server.
    pub fn of(app: &'a App, moment: &'a Moment) -> Self {
        Self {
            store: &app.store,
            hashing: &app.hashing,
            activity: &app.activity,
            moment,
            signals: &app.signals,
            metrics: &app.metrics,
        }
    }

    /// Tells open pages; call it after the commit.
    fn announce(&self, concern: Concern, cause: Cause) {
        self.metrics.ending(cause);
        self.signals.ended(concern);
    }
}

/// Does what is asked.
pub async fn execute(context: Context<'_>, command: Command) -> Reply {
    let done = match command {
        Command::UserAdd {
            email,
            name,
            organization,
            role,
            password,
        } => {
            let new = users::New {
                email,
                name,
                organization,
                role,
            };
            users::add(context, new, &password).await
        }
        Command::UserList => users::list(context).await,
        Command::UserDisable { email } => users::disable(context, email).await,
        Command::UserEnable { email } => users::enable(context, email).await,
        Command::UserDelete { email } => users::delete(context, email).await,
        Command::UserSetPassword { email, password } => {
            users::set_password(context, email, &password).await
        }
        Command::SessionList { email } => sessions::list(context, email).await,
        Command::SessionEnd { id, reason } => sessions::end(context, id, reason).await,
        Command::LogOut { whom, reason } => sessions::log_out(context, whom, reason).await,
        Command::OrganizationAdd { name } => organizations::add(context, name).await,
        Command::OrganizationList => organizations::list(context).await,
        Command::OrganizationSet {
            organization,
            changes,
        } => organizations::set(context, organization, changes).await,
    };
    done.unwrap_or_else(|stop| match stop {
        Stop::Refused(error) => Reply::Refused { error },
        Stop::Storage(error) => Reply::Failed {
            error: error.to_string(),
        },
    })
}

/// Why a command stopped.
#[derive(Debug)]
enum Stop {
    Refused(String),
    Storage(StorageError),
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

fn refused<T>(sentence: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Refused(sentence.into()))
}

/// The account with that address.
fn get_user(tx: &mut Tx<'_>, email: &str) -> Result<User, Stop> {
    match accounts::find_by_email(tx, &EmailKey::of_typed(email))? {
        Some(user) => Ok(user),
        None => refused(format!(
            "There is no account with the address {email}. `nightlatch user list` shows all."
        )),
    }
}

/// How many organizations an error lists.
const MOST_NAMED: i64 = 20;

/// The named organization; without a name, the only one.
fn get_organization(tx: &mut Tx<'_>, name: Option<&str>) -> Result<Organization, Stop> {
    if let Some(name) = name {
        if let Some(found) = stored::find_by_name(tx, name)? {
            return Ok(found);
        }
        let names = name_organizations(tx)?;
        return refused(format!(
            "There is no organization called {name} (there is: {names}). Add it with \
             `nightlatch organization add --name \"{name}\"`."
        ));
    }
    let mut first_two = stored::list(tx, 2)?.into_iter();
    match (first_two.next(), first_two.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => refused(
            "There is no organization yet. Add one with `nightlatch organization add --name …`.",
        ),
        (Some(_), Some(_)) => {
            let names = name_organizations(tx)?;
            refused(format!(
                "There are several organizations; say which with --organization: {names}."
            ))
        }
    }
}

fn name_organizations(tx: &mut Tx<'_>) -> Result<String, Stop> {
    let found = stored::list(tx, MOST_NAMED)?;
    if found.is_empty() {
        return Ok("none".to_owned());
    }
    let names: Vec<_> = found.into_iter().map(|one| one.name).collect();
    Ok(names.join(", "))
}
