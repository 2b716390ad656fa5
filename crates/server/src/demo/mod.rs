//! `nightlatch demo`: the five-minute tour.
//!
//! A whole server on loopback with made-up people and a made-up past, in a
//! private directory that vanishes with it, and the sample CRM. Owns what it
//! prints; the people are in [`people`], their past in [`past`], the CRM in [`crm`].

pub mod crm;
pub mod past;
pub mod people;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use nightlatch_storage::DatabaseLocation;
use serde_json::json;

use crate::command_line::{Orders, stop};
use crate::commands::show::table;
use crate::config::{Config, MailSettings};
use crate::scratch::ScratchDirectory;
use crate::serve;
use crate::terminal;
use crate::trouble::Trouble;
use crate::wire::World;
use people::PEOPLE;

/// The port that is tried first.
const PORT: u16 = 8080;

/// How many ports are tried before any free one is taken.
const TRIED: u16 = 20;

/// Runs until it is told to stop.
pub async fn run(as_json: bool) -> Result<(), Trouble> {
    let mut orders = Orders::listen()?;
    let scratch = ScratchDirectory::create()
        .map_err(|error| Trouble::new(format!("no temporary directory: {error}")))?;
    let port = free_port(PORT);
    let config = Config {
        listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
        database: DatabaseLocation::SqliteInMemory,
        mail: MailSettings::shown(),
        ..Config::local(scratch.path())
    };
    let prepared = serve::prepare(config, &World::system()).await?;
    past::live_through(prepared.app()).await?;
    let crm = crm::start(prepared.app()).await?;
    let server = prepared.start()?;
    let origin = server.app().public_url.origin().to_owned();
    if as_json {
        let people: Vec<_> = PEOPLE
            .iter()
            .map(|person| json!({ "email": person.email, "name": person.name, "password": person.password }))
            .collect();
        let data_dir = scratch.path().display().to_string();
        let ready = json!({
            "result": "ready", "public_url": origin, "data_dir": data_dir, "people": people,
            "crm": crm.address(),
        });
        terminal::say(&ready.to_string());
    } else {
        if server.address().port() != PORT {
            let taken = server.address().port();
            terminal::say(&format!("Port {PORT} is in use; this is port {taken}."));
        }
        terminal::say(&introduction(&origin, crm.address(), scratch.path()));
    }
    orders.wait_for_stop().await;
    stop(server, orders).await;
    Ok(())
}

/// Between asking and taking somebody else may be faster; then starting says so.
fn free_port(first: u16) -> u16 {
    (first..first + TRIED)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .unwrap_or(0)
}

fn introduction(origin: &str, crm: &str, data_dir: &std::path::Path) -> String {
    let rows = PEOPLE.iter().map(|person| {
        let texts = [
            person.name,
            person.email,
            person.password,
            person.role.name(),
        ];
        texts.map(str::to_owned).to_vec()
    });
    let people = table(&["NAME", "EMAIL", "PASSWORD", "ROLE"], rows, "");
    let program = std::env::args_os().next().map_or_else(
        || "nightlatch".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    let data_dir = data_dir.display();
    let first = PEOPLE.first().map_or("", |person| person.email);
    format!(
        "Nightlatch is ready at {origin}, and a sample CRM at {crm}\n\n{people}\n\n\
         1. Sign in at {origin} as {first} and open Sessions: four other browsers are signed in already.\n\
         2. Sign in at the CRM ({crm}) in a private window, then choose Log out of all sessions in the first: watch the CRM.\n\
         3. Sign in with \"This is a shared or public computer\", log out, and press Back.\n\
         4. Sign out everybody from a second terminal: NIGHTLATCH_DATA_DIR={data_dir} {program} log-out --everyone --reason \"exercise\"\n\
         5. Sign in as {first} in another browser and read the alert at {origin}/demo/mail: its link throws that browser out.\n\
         6. Read what happened under Login history. Press Ctrl-C here to end the demonstration and forget everything."
    )
}
