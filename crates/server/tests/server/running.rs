//! A server in a directory of its own, and what an operator and a visitor do.

use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::secret::Password;
use nightlatch_domain::session::Session;
use nightlatch_domain::time::SettableClock;
use nightlatch_domain::user::{EmailKey, Role};
use nightlatch_flows::sign_in::{self, Attempt, SignInOutcome};
use nightlatch_server::commands::{Command, Reply, TypedPassword};
use nightlatch_server::config::Config;
use nightlatch_server::scratch::ScratchDirectory;
use nightlatch_server::serve::Server;
use nightlatch_server::socket::reach;
use nightlatch_server::trouble::Trouble;
use nightlatch_server::wire::{SystemRandom, World};
use nightlatch_web::state::App;
use zeroize::Zeroizing;

pub(crate) const PASSWORD: &str = "seven lanterns beneath a quiet harbor";
pub(crate) const ADA: &str = "ada@example.test";

/// A place for a server, whether one runs there or not.
pub(crate) struct Place {
    pub(crate) config: Config,
    pub(crate) world: World,
    pub(crate) clock: Arc<SettableClock>,
    _directory: ScratchDirectory,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = ScratchDirectory::create().expect("a directory");
        let clock = Arc::new(SettableClock::new(Timestamp::from_milliseconds(
            1_795_433_500_000,
        )));
        Self {
            config: Config::local(directory.path()),
            world: World {
                clock: Arc::clone(&clock) as _,
                random: Arc::new(SystemRandom),
            },
            clock,
            _directory: directory,
        }
    }

    pub(crate) async fn start(&self) -> Server {
        Server::start(self.config.clone(), &self.world)
            .await
            .expect("a server")
    }

    pub(crate) async fn command(&self, command: Command) -> Result<Reply, Trouble> {
        reach::run(&self.config, &self.world, command).await
    }

    pub(crate) async fn done(&self, command: Command) -> Reply {
        self.command(command).await.expect("an answer")
    }

    pub(crate) async fn refused(&self, command: Command) -> String {
        match self.done(command).await {
            Reply::Refused { error } => error,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

pub(crate) fn add(email: &str, organization: Option<&str>) -> Command {
    Command::UserAdd {
        email: email.to_owned(),
        name: "Ada Lovelace".to_owned(),
        organization: organization.map(str::to_owned),
        role: Role::Member,
        password: password(PASSWORD),
    }
}

pub(crate) fn password(text: &str) -> TypedPassword {
    TypedPassword::new(&Zeroizing::new(text.to_owned()))
}

pub(crate) async fn sign_in(app: &App, email: &str) -> Session {
    let attempt = Attempt {
        email: EmailKey::of_typed(email),
        password: Password::typed(PASSWORD).expect("short enough"),
        remember: false,
        shared: false,
        browser: None,
        replaces: None,
        trusted: None,
        return_to: String::new(),
        client: ClientDetails::new(None, None, "test"),
    };
    let moment = app.moment();
    let outcome = sign_in::with_password(&app.store, &app.hashing, &moment, attempt).await;
    match outcome.expect("the database answers") {
        SignInOutcome::SignedIn(signed_in) => signed_in.session,
        other => panic!("not signed in: {other:?}"),
    }
}
