//! What can be typed. Only words and their shapes; nothing is done here.

pub mod apps;
pub mod audit;
pub mod groups;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use nightlatch_domain::ids::{EndingId, NoticeId, SessionId};
use nightlatch_domain::user::Role;

use crate::commands::{FactorKind, settings};

/// One sign-in for a company's web applications, and a logout that locks the
/// door.
#[derive(Debug, Parser)]
#[command(name = "nightlatch", version, arg_required_else_help = true)]
pub struct Arguments {
    /// The configuration file (TOML). Without it, defaults and NIGHTLATCH_…
    /// variables apply
    #[arg(long, global = true, value_name = "FILE", env = "NIGHTLATCH_CONFIG")]
    pub config: Option<PathBuf>,
    /// Answer with one JSON object on one line
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Start with made-up people on this machine, and forget everything at the end
    #[cfg(feature = "demo")]
    Demo,
    /// Run the server
    Serve,
    /// Read the configuration and tell what is wrong and how to mend it
    Check,
    /// Bring the database up to date (`serve` does it by itself)
    Migrate,
    /// People: add, list, disable, enable, delete, set-password, set-email, remove-factors
    #[command(subcommand)]
    User(User),
    /// Sessions: list, end
    #[command(subcommand)]
    Session(Session),
    /// End all sessions of a person, of an organization, or of everyone
    LogOut(LogOut),
    /// Organizations: add, list, set
    #[command(subcommand)]
    Organization(Organization),
    /// Groups of people: add, list, remove, add-member, remove-member
    #[command(subcommand)]
    Group(groups::Group),
    /// Apps: add, list, set, test, replace-secret, withdraw, restore
    #[command(subcommand)]
    App(Box<apps::App>),
    /// Logouts that apps are told of: list what they missed, send it again
    #[command(subcommand)]
    Notice(Notice),
    /// The audit trail: verify, export
    #[command(subcommand)]
    Audit(audit::Audit),
    /// The secret key: prepare another, rotate, reseal
    #[command(subcommand)]
    Key(Key),
}

/// `notice …`.
#[derive(Debug, Subcommand)]
pub enum Notice {
    /// List the logouts that apps missed, and the apps that have some to learn of
    List,
    /// Show what every app said to one ending of sessions
    Show {
        /// The ending, as `log-out`, `session end` and the address of its page name it
        #[arg(value_parser = parse_ending_id)]
        ending: EndingId,
    },
    /// Send logouts again that failed or were given up
    #[command(group = clap::ArgGroup::new("which").required(true))]
    Resend {
        /// One of them, as `notice list` shows it
        #[arg(long, value_parser = parse_notice_id, group = "which")]
        id: Option<NoticeId>,
        /// All of them
        #[arg(long, group = "which")]
        all: bool,
    },
}

fn parse_ending_id(text: &str) -> Result<EndingId, String> {
    text.parse()
        .map_err(|_| "it looks like 019a8d3e-2f60-7c4b-9a51-5d0c3b1e7f42".to_owned())
}

fn parse_notice_id(text: &str) -> Result<NoticeId, String> {
    text.parse()
        .map_err(|_| "it looks like 019a8d3e-2f60-7c4b-9a51-5d0c3b1e7f42".to_owned())
}

/// `key …`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Key {
    /// Add a key for the next rotation, to be copied to every node before it is used
    Prepare,
    /// Use another key from now on and seal stored secrets anew; older keys go on opening
    Rotate {
        /// There is no other node that would have to have the key first
        #[arg(long)]
        only_node: bool,
    },
    /// Go on sealing stored secrets anew, if a rotation was interrupted
    Reseal,
}

/// `user …`.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Add a person
    Add(AddUser),
    /// List the people
    List,
    /// Disable an account and end its sessions
    Disable(OneUser),
    /// Let an account be used again
    Enable(OneUser),
    /// Delete an account and end its sessions
    Delete(OneUser),
    /// Set a new password and end the account's sessions
    SetPassword(SetPassword),
    /// Give an account another address and end its sessions; both addresses are told
    SetEmail {
        /// Their address
        #[arg(long)]
        email: String,
        /// The address with which they will sign in
        #[arg(long)]
        new_email: String,
    },
    /// Take away how somebody proves themselves besides the password, and end their
    /// sessions: for who has lost everything. Make sure that it is really them
    RemoveFactors {
        /// Their address
        #[arg(long)]
        email: String,
        /// Why; the person will read it
        #[arg(long)]
        reason: String,
        /// Only these; may be given several times. Without it, everything
        #[arg(long, value_enum)]
        only: Vec<FactorKind>,
    },
}

/// `user add …`.
#[derive(Debug, Args)]
pub struct AddUser {
    /// Their address; they sign in with it
    #[arg(long)]
    pub email: String,
    /// What people call them
    #[arg(long)]
    pub name: String,
    /// Where they belong; needed only if there are several organizations
    #[arg(long)]
    pub organization: Option<String>,
    /// What they may do
    #[arg(long, value_enum, default_value = "member")]
    pub role: TypedRole,
    /// Read the password from the standard input
    #[arg(long, required = true)]
    pub password_stdin: bool,
}

/// A role as typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum TypedRole {
    /// Everything, and says who the other owners are
    Owner,
    /// Sets the rules, sees and ends everyone's sessions
    #[value(alias = "admin")]
    Administrator,
    /// Sees what administrators see, and changes nothing
    Auditor,
    /// Has an account and nothing more
    Member,
}

impl From<TypedRole> for Role {
    fn from(typed: TypedRole) -> Self {
        match typed {
            TypedRole::Owner => Self::Owner,
            TypedRole::Administrator => Self::Administrator,
            TypedRole::Auditor => Self::Auditor,
            TypedRole::Member => Self::Member,
        }
    }
}

/// Names an account.
#[derive(Debug, Args)]
pub struct OneUser {
    /// Their address
    #[arg(long)]
    pub email: String,
}

/// `user set-password …`.
#[derive(Debug, Args)]
pub struct SetPassword {
    /// Their address
    #[arg(long)]
    pub email: String,
    /// Read the password from the standard input
    #[arg(long, required = true)]
    pub password_stdin: bool,
}

/// `session …`.
#[derive(Debug, Subcommand)]
pub enum Session {
    /// List a person's live sessions
    List {
        /// Their address
        #[arg(long, value_name = "EMAIL")]
        user: String,
    },
    /// End one session
    End {
        /// The session, as `session list` shows it
        #[arg(long, value_parser = parse_session_id)]
        id: SessionId,
        /// A reason in words; the person will read it
        #[arg(long)]
        reason: Option<String>,
    },
}

fn parse_session_id(text: &str) -> Result<SessionId, String> {
    text.parse()
        .map_err(|_| "it looks like 0b9c1f1e-6a52-4a63-8f43-2a1f0d3c5b7e".to_owned())
}

/// `log-out …`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("whom").required(true))]
pub struct LogOut {
    /// One person, by address
    #[arg(long, value_name = "EMAIL", group = "whom")]
    pub user: Option<String>,
    /// Everybody in an organization
    #[arg(long, value_name = "NAME", group = "whom")]
    pub organization: Option<String>,
    /// Everybody
    #[arg(long, group = "whom")]
    pub everyone: bool,
    /// A reason in words; those concerned will read it
    #[arg(long, required_unless_present = "user")]
    pub reason: Option<String>,
}

/// `organization …`.
#[derive(Debug, Subcommand)]
pub enum Organization {
    /// Add an organization
    Add {
        /// Its name
        #[arg(long)]
        name: String,
    },
    /// List organizations and what they have set
    List,
    /// Change what an organization has set
    #[command(after_help = settings_help())]
    Set {
        /// Its name; needed only if there are several
        #[arg(long, value_name = "NAME")]
        organization: Option<String>,
        /// Settings; an empty value brings the default back
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = parse_change)]
        changes: Vec<(String, String)>,
    },
}

fn parse_change(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
        .ok_or_else(|| "write it as KEY=VALUE".to_owned())
}

fn settings_help() -> String {
    let lines: Vec<_> = settings::help()
        .into_iter()
        .map(|(key, values)| format!("  {key:<20}{values}"))
        .collect();
    format!("Settings:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn admin_is_an_administrator_and_log_out_asks_whom_and_why() {
        let parse = |line: &str| Arguments::try_parse_from(line.split_whitespace());
        let added = parse("nightlatch user add --email a@b --name A --role admin --password-stdin")
            .expect("understood");
        assert!(matches!(
            added.action,
            Action::User(User::Add(AddUser {
                role: TypedRole::Administrator,
                ..
            }))
        ));
        assert!(parse("nightlatch user add --email a@b --name A").is_err());
        assert!(parse("nightlatch user remove-factors --email a@b").is_err());
        assert!(
            parse("nightlatch user remove-factors --email a@b --reason r --only passkeys").is_ok()
        );
        assert!(parse("nightlatch user set-email --email a@b --new-email c@d").is_ok());
        assert!(parse("nightlatch log-out --reason r").is_err());
        assert!(parse("nightlatch log-out --everyone").is_err());
        assert!(parse("nightlatch log-out --everyone --user a@b --reason r").is_err());
        assert!(parse("nightlatch log-out --user a@b").is_ok());
        assert!(parse("nightlatch notice resend").is_err());
        assert!(parse("nightlatch notice resend --all").is_ok());
        assert!(parse("nightlatch organization set idle").is_err());
        assert!(parse("nightlatch organization set idle=1h --config x.toml --json").is_ok());
    }
}
