//! What an operator can ask for, and what comes back.
//!
//! Owns the words of the command socket ([`Command`], [`Reply`]) and doing what
//! they say. The same [`execute`] serves a running server and a command line
//! without one, so that both do the same. What was typed is read in [`crate::command_line`]; how a
//! reply looks is [`show`].

mod apps;
mod audit;
mod command;
mod groups;
mod keys;
mod notices;
mod organizations;
mod reply;
mod sessions;
pub mod settings;
pub mod show;
mod users;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use nightlatch_domain::ending::Cause;
use nightlatch_domain::organization::Organization;
use nightlatch_domain::user::{EmailKey, User};
use nightlatch_flows::Moment;
use nightlatch_flows::activity::Activity;
use nightlatch_flows::password_hashing::PasswordHashing;
use nightlatch_flows::sealing::Sealer;
use nightlatch_flows::token_key::TokenKey;
use nightlatch_protocols::outgoing::Outgoing;
pub use nightlatch_protocols::registration::AppWish;
use nightlatch_protocols::signing_keys::SigningKeys;
use nightlatch_storage::{StorageError, Store, Tx, organizations as stored, users as accounts};
use nightlatch_web::forms::FormKey;
use nightlatch_web::metrics::Metrics;
use nightlatch_web::signals::{Concern, Signals};
use nightlatch_web::state::App;

pub use command::{Command, FactorKind, TypedPassword, Whom};
pub use reply::{
    AppLine, AuditChainLine, AuditLine, ChangeLine, DeliveryLine, EndedLine, EndingLine, GroupLine,
    NoticeLine, OrganizationLine, Reply, SessionLine, UserChange, UserLine, WaitingAppLine,
};

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
    pub(crate) sealer: &'a Arc<Sealer>,
    /// Signs what apps are told.
    pub(crate) signing: &'a SigningKeys,
    /// Calls apps.
    pub(crate) outgoing: &'a Outgoing,
    /// The server's own address; nothing without a server whose address is configured.
    pub(crate) issuer: Option<&'a str>,
    /// The key of form tokens, if this is a running server.
    pub(crate) form_key: Option<&'a FormKey>,
    /// The key of tokens of apps, likewise.
    pub(crate) token_key: Option<&'a TokenKey>,
    pub(crate) key_file: &'a Path,
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
    pub fn of(app: &'a App, moment: &'a Moment, key_file: &'a Path) -> Self {
        Self {
            store: &app.store,
            hashing: &app.hashing,
            activity: &app.activity,
            moment,
            signals: &app.signals,
            metrics: &app.metrics,
            sealer: &app.sealer,
            signing: &app.signing,
            outgoing: &app.outgoing,
            issuer: Some(app.public_url.origin()),
            form_key: Some(&app.form_key),
            token_key: Some(&app.token_key),
            key_file,
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
        Command::UserSetEmail { email, new_email } => {
            users::set_email(context, email, &new_email).await
        }
        Command::UserRemoveFactors {
            email,
            only,
            reason,
        } => users::remove_factors(context, email, &only, reason).await,
        Command::SessionList { email } => sessions::list(context, email).await,
        Command::SessionEnd { id, reason } => sessions::end(context, id, reason).await,
        Command::LogOut { whom, reason } => sessions::log_out(context, whom, reason).await,
        Command::OrganizationAdd { name } => organizations::add(context, name).await,
        Command::OrganizationList => organizations::list(context).await,
        Command::OrganizationSet {
            organization,
            changes,
        } => organizations::set(context, organization, changes).await,
        Command::GroupAdd { name, organization } => groups::add(context, &name, organization).await,
        Command::GroupList { organization } => groups::list(context, organization).await,
        Command::GroupRemove { name, organization } => {
            groups::remove(context, name, organization).await
        }
        Command::GroupMember {
            name,
            organization,
            email,
            is_member,
        } => groups::member(context, (name, organization), email, is_member).await,
        Command::AppAdd {
            name,
            organization,
            wish,
        } => apps::add(context, &name, organization, &wish).await,
        Command::AppList { organization } => apps::list(context, organization).await,
        Command::AppSet {
            client_id,
            name,
            wish,
        } => apps::change(context, client_id, name, *wish).await,
        Command::AppReplaceSecret { client_id } => apps::replace_secret(context, client_id).await,
        Command::AppWithdraw { client_id, reason } => {
            apps::withdraw(context, client_id, reason).await
        }
        Command::AppRestore { client_id } => apps::restore(context, client_id).await,
        Command::AppTest { client_id } => apps::test(context, client_id).await,
        Command::NoticeList => notices::list(context).await,
        Command::NoticeShow { ending } => notices::show(context, ending).await,
        Command::NoticeResend { id } => notices::resend(context, id).await,
        Command::AuditCheck {
            organization,
            checked,
        } => audit::check(context, organization, checked).await,
        Command::AuditRead {
            organization,
            behind,
        } => audit::read(context, organization, behind).await,
        Command::KeyPrepare => keys::prepare(context),
        Command::KeyRotate { only_node } => keys::rotate(context, only_node),
        Command::KeyReseal { after } => keys::reseal(context, after).await,
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
