//! The sample CRM beside the demonstration: an app like any other, registered like
//! any other.
//!
//! The server is on `localhost` and the CRM on `127.0.0.1`, since cookies do not
//! tell ports apart.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crm_example::Settings;
use nightlatch_domain::ending::Actor;
use nightlatch_domain::relying_party::{RegisteredUri, Registration, UriProblem};
use nightlatch_flows::apps::{self, NewApp, RegisterOutcome};
use nightlatch_storage::{StorageError, organizations};
use nightlatch_web::state::App;
use tokio::task::JoinHandle;

use super::people::ORGANIZATION;
use crate::trouble::Trouble;

/// The port that is tried first.
const PORT: u16 = 8090;

/// What the CRM is called.
pub const NAME: &str = "Brightwater CRM";

/// The CRM as it runs; dropping it ends it.
#[derive(Debug)]
pub struct RunningCrm {
    address: String,
    serving: JoinHandle<std::io::Result<()>>,
}

impl RunningCrm {
    /// Where browsers reach it.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for RunningCrm {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Registers the CRM and starts it.
pub async fn start(app: &App) -> Result<RunningCrm, Trouble> {
    let trouble = |error: &dyn std::fmt::Display| Trouble::new(format!("the CRM: {error}"));
    let port = super::free_port(PORT);
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .map_err(|error| trouble(&error))?;
    let port = listener
        .local_addr()
        .map_err(|error| trouble(&error))?
        .port();
    let mut settings = Settings {
        issuer: app.public_url.origin().to_owned(),
        client_id: String::new(),
        client_secret: String::new(),
        base_url: format!("http://127.0.0.1:{port}"),
    };
    let registration = registration(&settings).map_err(|problem| trouble(&problem))?;
    let moment = app.moment();
    let registered: Result<RegisterOutcome, StorageError> = app
        .store
        .write(move |tx| {
            let organization = organizations::find_by_name(tx, ORGANIZATION)?
                .ok_or_else(|| StorageError::Other("no organization".to_owned()))?;
            let new = NewApp {
                organization: organization.id,
                name: NAME.to_owned(),
                registration: registration.clone(),
            };
            apps::register(tx, &moment, &new, Actor::Operator)
        })
        .await;
    match registered.map_err(|error| trouble(&error))? {
        RegisterOutcome::Done {
            app,
            secret: Some(secret),
        } => {
            settings.client_id = app.id.to_string();
            settings.client_secret = secret.reveal();
        }
        _ => return Err(Trouble::new("the CRM could not be registered")),
    }
    let address = settings.base_url.clone();
    listener
        .set_nonblocking(true)
        .map_err(|error| trouble(&error))?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| trouble(&error))?;
    let crm = crm_example::app(settings);
    let serving = tokio::spawn(async move { axum::serve(listener, crm).await });
    Ok(RunningCrm { address, serving })
}

fn registration(settings: &Settings) -> Result<Registration, UriProblem> {
    Ok(Registration {
        redirect_uris: vec![RegisteredUri::parse(&settings.redirect_uri())?],
        post_logout_redirect_uris: vec![RegisteredUri::parse(
            &settings.post_logout_redirect_uri(),
        )?],
        backchannel_logout_uris: vec![RegisteredUri::parse_logout(
            &settings.backchannel_logout_uri(),
            true,
        )?],
        home: Some(RegisteredUri::parse(&settings.base_url)?),
        first_party: true,
        allow_private_network: true,
        ..Registration::default()
    })
}
