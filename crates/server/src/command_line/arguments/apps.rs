//! `app …`: what can be typed about apps.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use nightlatch_domain::ids::ClientId;
use nightlatch_domain::relying_party::ClientAuthentication;
use nightlatch_protocols::registration::ProtectionWish;

use crate::commands::{AppWish, Command};
use crate::trouble::Trouble;

/// `app …`.
#[derive(Debug, Subcommand)]
pub enum App {
    /// Register an app; its secret is shown this once
    Add {
        /// What people call it
        #[arg(long)]
        name: String,
        /// Whose people it signs in; needed only if there are several organizations
        #[arg(long)]
        organization: Option<String>,
        /// What is registered
        #[command(flatten)]
        wish: Wish,
    },
    /// List the apps
    List {
        /// Of one organization; needed only if there are several
        #[arg(long)]
        organization: Option<String>,
    },
    /// Change what is registered of an app; a list that is given replaces the one before
    Set {
        /// Which, as `app list` shows it
        #[arg(long, value_parser = parse_client_id)]
        client_id: ClientId,
        /// Another name
        #[arg(long)]
        name: Option<String>,
        /// What is registered
        #[command(flatten)]
        wish: Wish,
    },
    /// Give an app another secret; the one before is worth nothing at once
    ReplaceSecret {
        /// Which, as `app list` shows it
        #[arg(long, value_parser = parse_client_id)]
        client_id: ClientId,
    },
    /// Call every logout address of an app and judge the others; nobody is logged out
    ///
    /// Sends a real logout token for a session that nobody has. Fails if something does not
    /// work; warnings alone are no failure.
    Test {
        /// Which, as `app list` shows it
        #[arg(long, value_parser = parse_client_id)]
        client_id: ClientId,
    },
    /// Let nobody enter an app any more, end what it holds, and tell it
    Withdraw {
        /// Which, as `app list` shows it
        #[arg(long, value_parser = parse_client_id)]
        client_id: ClientId,
        /// A reason in words, for the records
        #[arg(long)]
        reason: Option<String>,
    },
    /// Let people enter a withdrawn app again
    Restore {
        /// Which, as `app list` shows it
        #[arg(long, value_parser = parse_client_id)]
        client_id: ClientId,
    },
}

/// What is registered.
#[derive(Debug, Args)]
pub struct Wish {
    /// Where people are sent back to after they signed in; can be given several times
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Where people may be sent after a logout that the app began; several
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// Where the app hears of logouts; several, each is told
    #[arg(long = "backchannel-logout-uri", value_name = "URI")]
    backchannel_logout_uris: Vec<String>,
    /// A page of the app that ends its session when it is shown in a frame; works on the same
    /// site only
    #[arg(long, value_name = "URI")]
    frontchannel_logout_uri: Option<String>,
    /// The app's start page
    #[arg(long, value_name = "URI")]
    home: Option<String>,
    /// It can keep no secret: a native app, or one that runs in the browser
    #[arg(long, conflicts_with_all = ["jwks_file", "secret"])]
    public: bool,
    /// It proves itself with a secret, as it does by default; for an app that did not
    #[arg(long, conflicts_with = "jwks_file")]
    secret: bool,
    /// It signs assertions instead of sending a secret; a file with its public keys (JWK set)
    #[arg(long, value_name = "FILE")]
    jwks_file: Option<PathBuf>,
    /// An app of the company itself: people are not asked for consent
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    first_party: Option<bool>,
    /// Its logout addresses may be private, loopback or plain HTTP
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    allow_private_network: Option<bool>,
    /// It may go on when the person is not there
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    offline_access: Option<bool>,
    /// Its ID tokens carry name and e-mail address, as its scopes say; for an app that reads
    /// nothing else, since ID tokens end up in addresses and logs
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    claims_in_id_token: Option<bool>,
    /// It may leave PKCE out; for an app with a secret that knows nothing of it
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    without_pkce: Option<bool>,
    /// It asks for logouts itself, since it cannot be reached or has several replicas
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    pull: Option<bool>,
    /// Its logout tokens name the person and not the session; rarely right
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    without_sid: Option<bool>,
    /// How its tokens are signed: RS256, ES256 or EdDSA
    #[arg(long, value_name = "ALGORITHM")]
    signing_algorithm: Option<String>,
    /// A file with certificates (PEM) that its logout addresses are verified with
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// How long an access token is good
    #[arg(long, value_name = "SECONDS")]
    access_token_seconds: Option<u32>,
    /// How long an ID token is good
    #[arg(long, value_name = "SECONDS")]
    id_token_seconds: Option<u32>,
    /// A long-lived grant that rests for so long is over
    #[arg(long, value_name = "DAYS")]
    offline_idle_days: Option<u32>,
    /// A long-lived grant is over after so long
    #[arg(long, value_name = "DAYS")]
    offline_overall_days: Option<u32>,
    /// For how long the app goes on without asking, as far as you know
    #[arg(long, value_name = "MINUTES")]
    worst_case_minutes: Option<u32>,
    /// What a proxy protects
    #[command(flatten)]
    protection: Protect,
}

/// What a proxy protects by asking us.
#[derive(Debug, Args)]
struct Protect {
    /// An address that a proxy protects, scheme and host alone; several. An empty
    /// one takes the protection away
    #[arg(long = "protect", value_name = "https://HOST")]
    hosts: Vec<String>,
    /// Somebody who may enter, by address; several. With nobody and no group named,
    /// everybody of the organization may
    #[arg(long = "allow-user", value_name = "EMAIL")]
    allow_users: Vec<String>,
    /// A group whose members may enter, by name; several
    #[arg(long = "allow-group", value_name = "NAME")]
    allow_groups: Vec<String>,
    /// People must have proved a second factor
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    require_second_factor: Option<bool>,
    /// How old their last proof may be; 0 for any age
    #[arg(long, value_name = "SECONDS")]
    proof_age_seconds: Option<u32>,
    /// A path that anybody may read; with a slash at its end, everything below it; several
    #[arg(long = "public-path", value_name = "PATH")]
    public_paths: Vec<String>,
    /// A path that never counts as activity of the person; several
    #[arg(long = "quiet-path", value_name = "PATH")]
    quiet_paths: Vec<String>,
    /// The app gets a signed token beside the plain identity headers
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    signed_headers: Option<bool>,
    /// One cookie for all protected hosts below this domain; empty for one on each host
    #[arg(long, value_name = "DOMAIN")]
    cookie_domain: Option<String>,
    /// Whether people may log out of this site only
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "true|false")]
    this_site_only: Option<bool>,
}

impl Protect {
    fn into_wish(self) -> ProtectionWish {
        ProtectionWish {
            hosts: list(self.hosts),
            allow_users: list(self.allow_users),
            allow_groups: list(self.allow_groups),
            require_second_factor: self.require_second_factor,
            proof_age_seconds: self.proof_age_seconds,
            public_paths: list(self.public_paths),
            quiet_paths: list(self.quiet_paths),
            signed_headers: self.signed_headers,
            cookie_domain: self.cookie_domain,
            this_site_only: self.this_site_only,
        }
    }
}

impl Wish {
    /// Reads the files that are named.
    fn into_wish(self) -> Result<AppWish, Trouble> {
        let authentication = match self.jwks_file {
            Some(file) => Some(ClientAuthentication::PrivateKeyJwt { jwks: read(&file)? }),
            None if self.public => Some(ClientAuthentication::None),
            None if self.secret => Some(ClientAuthentication::Secret),
            None => None,
        };
        Ok(AppWish {
            redirect_uris: list(self.redirect_uris),
            post_logout_redirect_uris: list(self.post_logout_redirect_uris),
            backchannel_logout_uris: list(self.backchannel_logout_uris),
            frontchannel_logout_uri: self.frontchannel_logout_uri,
            home: self.home,
            authentication,
            first_party: self.first_party,
            allow_private_network: self.allow_private_network,
            offline_access: self.offline_access,
            claims_in_id_token: self.claims_in_id_token,
            without_pkce: self.without_pkce,
            pull: self.pull,
            without_sid: self.without_sid,
            signing_algorithm: self.signing_algorithm,
            ca_certificates: self.ca_file.map(|file| read(&file)).transpose()?,
            access_token_seconds: self.access_token_seconds,
            id_token_seconds: self.id_token_seconds,
            offline_idle_days: self.offline_idle_days,
            offline_overall_days: self.offline_overall_days,
            worst_case_minutes: self.worst_case_minutes,
            protection: self.protection.into_wish(),
        })
    }
}

/// A list that was typed. Not at all leaves what is registered; one empty entry takes all
/// of it away.
fn list(typed: Vec<String>) -> Option<Vec<String>> {
    match typed.as_slice() {
        [] => None,
        [only] if only.is_empty() => Some(Vec::new()),
        _ => Some(typed),
    }
}

/// The largest file that is read, in bytes.
const LARGEST_FILE: u64 = 64 * 1024;

fn read(file: &std::path::Path) -> Result<String, Trouble> {
    let trouble = |what: String| Trouble::new(format!("{} {what}", file.display()));
    let size = std::fs::metadata(file)
        .map_err(|error| trouble(format!("cannot be read: {error}")))?
        .len();
    if size > LARGEST_FILE {
        return Err(trouble("is larger than 64 kB".to_owned()));
    }
    std::fs::read_to_string(file).map_err(|error| trouble(format!("cannot be read: {error}")))
}

fn parse_client_id(text: &str) -> Result<ClientId, String> {
    text.parse()
        .map_err(|_| "it looks like 0b9c1f1e-6a52-4a63-8f43-2a1f0d3c5b7e".to_owned())
}

/// The command that was typed.
pub fn command(app: App) -> Result<Command, Trouble> {
    Ok(match app {
        App::Add {
            name,
            organization,
            wish,
        } => Command::AppAdd {
            name,
            organization,
            wish: Box::new(wish.into_wish()?),
        },
        App::List { organization } => Command::AppList { organization },
        App::Set {
            client_id,
            name,
            wish,
        } => Command::AppSet {
            client_id,
            name,
            wish: Box::new(wish.into_wish()?),
        },
        App::Test { client_id } => Command::AppTest { client_id },
        App::ReplaceSecret { client_id } => Command::AppReplaceSecret { client_id },
        App::Withdraw { client_id, reason } => Command::AppWithdraw { client_id, reason },
        App::Restore { client_id } => Command::AppRestore { client_id },
    })
}
