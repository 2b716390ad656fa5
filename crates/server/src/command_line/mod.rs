//! From what was typed to an exit code.
//!
//! Owns the binary's behavior towards its caller: what goes to which stream and
//! which number comes back (0 done, 1 refused or failed, 2 not understood). It
//! never asks anything back. What can be typed is in [`arguments`].

pub mod arguments;
mod audit;
mod check;

use std::path::Path;

use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::commands::{Command, Reply, TypedPassword, Whom, show};
use crate::config::{self, Config};
use crate::serve::{self, Server};
use crate::socket::reach;
use crate::trouble::Trouble;
use crate::wire::World;
use crate::{telemetry, terminal};
use arguments::{Action, Arguments, Key, Notice, Organization, Session, User};

/// Done.
const DONE: u8 = 0;

/// Refused or failed; the error stream says why.
const FAILED: u8 = 1;

/// Does what was typed and returns the exit code.
pub async fn run(arguments: Arguments) -> u8 {
    let json = arguments.json;
    let done = act(arguments).await;
    match done {
        Ok(code) => code,
        Err(trouble) => {
            if json {
                let error = trouble.to_string();
                terminal::say(&json!({ "result": "failed", "error": error }).to_string());
            }
            terminal::complain(&trouble.to_string());
            FAILED
        }
    }
}

async fn act(arguments: Arguments) -> Result<u8, Trouble> {
    let Arguments {
        config: file,
        json,
        action,
    } = arguments;
    let file = file.as_deref();
    match action {
        #[cfg(feature = "demo")]
        Action::Demo => {
            telemetry::start(config::LogFormat::Text, "warn");
            crate::demo::run(json).await.map(|()| DONE)
        }
        Action::Serve => serve(load(file)?, json).await.map(|()| DONE),
        Action::Check => check::run(file, json).map(|()| DONE),
        Action::Migrate => {
            let config = load_for_command(file)?;
            reach::migrate(&config).await?;
            let sentence = "The database is up to date.";
            terminal::say(&if json {
                json!({ "result": "migrated" }).to_string()
            } else {
                sentence.to_owned()
            });
            Ok(DONE)
        }
        Action::User(user) => ask(file, json, user_command(user)?).await,
        Action::Session(session) => ask(file, json, session_command(session)).await,
        Action::LogOut(log_out) => {
            let whom = match (log_out.user, log_out.organization) {
                (Some(email), _) => Whom::User(email),
                (None, Some(name)) => Whom::Organization(name),
                (None, None) => Whom::Everyone,
            };
            let reason = log_out.reason;
            ask(file, json, Command::LogOut { whom, reason }).await
        }
        Action::Organization(organization) => {
            ask(file, json, organization_command(organization)).await
        }
        Action::Group(group) => ask(file, json, arguments::groups::command(group)).await,
        Action::App(app) => ask(file, json, arguments::apps::command(*app)?).await,
        Action::Notice(Notice::List) => ask(file, json, Command::NoticeList).await,
        Action::Notice(Notice::Show { ending }) => {
            ask(file, json, Command::NoticeShow { ending }).await
        }
        Action::Notice(Notice::Resend { id, all: _ }) => {
            ask(file, json, Command::NoticeResend { id }).await
        }
        Action::Audit(audit) => audit::run(file, json, audit).await,
        Action::Key(Key::Prepare) => ask(file, json, Command::KeyPrepare).await,
        Action::Key(Key::Rotate { only_node }) => rotate_key(file, json, only_node).await,
        Action::Key(Key::Reseal) => {
            let config = load_for_command(file)?;
            let reply = reseal(&config, false).await?;
            Ok(tell(json, &reply))
        }
    }
}

fn load(file: Option<&Path>) -> Result<Config, Trouble> {
    Ok(config::load(file, &config::environment())?)
}

/// As [`load`]; only a server has something to say while all is well.
fn load_for_command(file: Option<&Path>) -> Result<Config, Trouble> {
    let config = load(file)?;
    telemetry::start(config.log, "warn");
    Ok(config)
}

async fn ask(file: Option<&Path>, json: bool, command: Command) -> Result<u8, Trouble> {
    let config = load_for_command(file)?;
    let reply = reach::run(&config, &World::system(), command).await?;
    Ok(tell(json, &reply))
}

/// Says what came of a command, and which number that is.
fn tell(json: bool, reply: &Reply) -> u8 {
    if json {
        terminal::say(&show::as_json(reply));
    }
    if let Some(error) = show::error_of(reply) {
        terminal::complain(error);
        return FAILED;
    }
    if !json {
        terminal::say(&show::as_text(reply));
    }
    if show::has_failed(reply) {
        FAILED
    } else {
        DONE
    }
}

async fn rotate_key(file: Option<&Path>, json: bool, only_node: bool) -> Result<u8, Trouble> {
    let config = load_for_command(file)?;
    let command = Command::KeyRotate { only_node };
    let rotated = reach::run(&config, &World::system(), command).await?;
    if rotated != Reply::KeyRotated {
        return Ok(tell(json, &rotated));
    }
    let reply = reseal(&config, true).await?;
    Ok(tell(json, &reply))
}

/// Seals everything anew, batch by batch. Whoever interrupts it goes on with `key
/// reseal`.
async fn reseal(config: &Config, rotated: bool) -> Result<Reply, Trouble> {
    let (mut after, mut seen, mut changed, mut unreadable) = (None, 0, 0, 0);
    loop {
        let command = Command::KeyReseal { after };
        let batch = match reach::run(config, &World::system(), command).await? {
            Reply::Resealing(batch) => batch,
            other => return Ok(other),
        };
        seen += batch.seen;
        changed += batch.changed;
        unreadable += batch.unreadable;
        if batch.next.is_none() {
            return Ok(Reply::Resealed {
                rotated,
                changed,
                unreadable,
            });
        }
        if terminal::errors_are_watched() {
            terminal::complain(&format!("{seen} stored secrets looked at so far"));
        }
        after = batch.next;
    }
}

fn user_command(user: User) -> Result<Command, Trouble> {
    Ok(match user {
        User::Add(new) => Command::UserAdd {
            email: new.email,
            name: new.name,
            organization: new.organization,
            role: new.role.into(),
            password: TypedPassword::new(&terminal::read_password()?),
        },
        User::List => Command::UserList,
        User::Disable(one) => Command::UserDisable { email: one.email },
        User::Enable(one) => Command::UserEnable { email: one.email },
        User::Delete(one) => Command::UserDelete { email: one.email },
        User::SetPassword(new) => Command::UserSetPassword {
            email: new.email,
            password: TypedPassword::new(&terminal::read_password()?),
        },
        User::SetEmail { email, new_email } => Command::UserSetEmail { email, new_email },
        User::RemoveFactors {
            email,
            reason,
            only,
        } => Command::UserRemoveFactors {
            email,
            only,
            reason,
        },
    })
}

fn session_command(session: Session) -> Command {
    match session {
        Session::List { user } => Command::SessionList { email: user },
        Session::End { id, reason } => Command::SessionEnd { id, reason },
    }
}

fn organization_command(organization: Organization) -> Command {
    match organization {
        Organization::Add { name } => Command::OrganizationAdd { name },
        Organization::List => Command::OrganizationList,
        Organization::Set {
            organization,
            changes,
        } => Command::OrganizationSet {
            organization,
            changes,
        },
    }
}

async fn serve(config: Config, as_json: bool) -> Result<(), Trouble> {
    telemetry::start(config.log, &config.log_level);
    // From here on a signal is an order to stop in good order.
    let mut orders = Orders::listen()?;
    let server = Server::start(config, &World::system()).await?;
    let app = server.app();
    let link = serve::set_up_link(app).await?;
    if as_json {
        let ready = json!({
            "result": "ready",
            "public_url": app.public_url.origin(),
            "set_up_link": link,
        });
        terminal::say(&ready.to_string());
    } else {
        terminal::say(&format!("Nightlatch is ready at {}", app.public_url));
        if let Some(note) = serve::note_on_database(app) {
            terminal::say(note);
        }
        if let Some(link) = link {
            terminal::say(&format!(
                "Nobody has an account yet. This link makes the first administrator; it works once, \
                 within the next 24 hours:\n{link}"
            ));
        }
    }
    orders.wait_for_stop().await;
    stop(server, orders).await;
    Ok(())
}

/// Stops in good order, or at once when told a second time.
pub(crate) async fn stop(server: Server, mut orders: Orders) {
    tokio::select! {
        () = server.stop() => {}
        () = orders.wait_for_stop() => tracing::warn!("stopped without waiting for requests under way"),
    }
}

/// What the operating system tells a server.
pub(crate) struct Orders {
    interrupt: Signal,
    terminate: Signal,
    /// Heard so that it does not end the process; the certificate listens by
    /// itself.
    hang_up: Signal,
}

impl Orders {
    pub(crate) fn listen() -> Result<Self, Trouble> {
        let hear = |kind| {
            signal(kind).map_err(|error| Trouble::new(format!("signals cannot be heard: {error}")))
        };
        Ok(Self {
            interrupt: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
            hang_up: hear(SignalKind::hangup())?,
        })
    }

    pub(crate) async fn wait_for_stop(&mut self) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.hang_up.recv() => {}
            }
        }
    }
}
