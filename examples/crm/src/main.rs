//! The CRM as a program of its own: everything it needs comes from the environment.

use std::net::SocketAddr;
use std::process::ExitCode;

use crm_example::{Settings, app};

const HELP: &str = "\
Set these, and start again:
  CRM_ISSUER         the provider, for example http://localhost:8080
  CRM_CLIENT_ID      as the provider gave it
  CRM_CLIENT_SECRET  as the provider gave it
  CRM_BASE_URL       where browsers reach this app, for example http://127.0.0.1:8090
  CRM_LISTEN         address and port to listen on (127.0.0.1:8090)";

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
fn read(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn settings() -> Option<(Settings, SocketAddr)> {
    let listen = read("CRM_LISTEN").unwrap_or_else(|| "127.0.0.1:8090".to_owned());
    let settings = Settings {
        issuer: read("CRM_ISSUER")?,
        client_id: read("CRM_CLIENT_ID")?,
        client_secret: read("CRM_CLIENT_SECRET")?,
        base_url: read("CRM_BASE_URL")?.trim_end_matches('/').to_owned(),
    };
    Some((settings, listen.parse().ok()?))
}

#[tokio::main]
#[expect(
    clippy::print_stderr,
    reason = "a program of its own speaks to whoever started it"
)]
async fn main() -> ExitCode {
    let Some((settings, listen)) = settings() else {
        eprintln!("{HELP}");
        return ExitCode::FAILURE;
    };
    let served = async {
        let listener = tokio::net::TcpListener::bind(listen).await?;
        eprintln!("The CRM is at {}", settings.base_url);
        axum::serve(listener, app(settings)).await
    };
    match served.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the CRM cannot listen at {listen}: {error}");
            ExitCode::FAILURE
        }
    }
}
