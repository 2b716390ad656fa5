//! The command line: `stories [filter…]`, `self-test [filter…]`, `screenshots DIR`, `programs [filter…]`,
//! `clients [filter…]`, `proxies [filter…]`, `timing`.

use std::path::PathBuf;
use std::process::ExitCode;

use nightlatch_e2e::browser::{Engine, Scripts};
use nightlatch_e2e::failure::{Failure, Outcome};
use nightlatch_e2e::{harness, programs, report, runner, screenshots, stories, timing};

const USAGE: &str = "usage: cargo run --manifest-path e2e/Cargo.toml -- COMMAND

  stories [--jobs N] [FILTER…]    run the stories whose name story/engine/scripts/database
                                  contains every FILTER (2 at a time)
  self-test [--jobs N] [FILTER…]  prove the harness itself, against a throwaway site
  programs [FILTER…]              the real program beside a mail server and oathtool
  clients [FILTER…]               the real program and apps that nobody of us wrote
  proxies [FILTER…]               the real program behind nginx, Caddy, Traefik and Envoy
  timing [--rounds N]             whether answers tell by their time which accounts there are
  screenshots DIR [--engine chromium|firefox] [--scripts on|off] [FILTER…]
                                  pictures of every page, light and dark, 320 and 1280 pixels wide";

#[tokio::main]
async fn main() -> ExitCode {
    match obey(std::env::args().skip(1).collect()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::say(format_args!("error: {error}"));
            ExitCode::from(2)
        }
    }
}

async fn obey(mut arguments: Vec<String>) -> Outcome<bool> {
    if arguments.is_empty() {
        return Err(Failure::new(USAGE));
    }
    let command = arguments.remove(0);
    match command.as_str() {
        "stories" | "self-test" => {
            let jobs = match option(&mut arguments, "--jobs")? {
                Some(jobs) => jobs.parse()?,
                None => 2,
            };
            let list = if command == "stories" {
                stories::all()
            } else {
                harness::all()
            };
            runner::run(&list, &arguments, jobs).await
        }
        "timing" => {
            let rounds = match option(&mut arguments, "--rounds")? {
                Some(rounds) => rounds.parse()?,
                None => timing::ROUNDS,
            };
            timing::run(rounds).await
        }
        "programs" => programs::run(&arguments).await,
        "clients" => programs::run_clients(&arguments).await,
        "proxies" => programs::run_proxies(&arguments).await,
        "screenshots" => {
            let engine = match option(&mut arguments, "--engine")?.as_deref() {
                None | Some("chromium") => Engine::Chromium,
                Some("firefox") => Engine::Firefox,
                Some(other) => return Err(Failure::new(format!("there is no engine {other}"))),
            };
            let scripts = match option(&mut arguments, "--scripts")?.as_deref() {
                None | Some("on") => Scripts::On,
                Some("off") => Scripts::Off,
                Some(other) => {
                    return Err(Failure::new(format!("scripts are on or off, not {other}")));
                }
            };
            if arguments.is_empty() {
                return Err(Failure::new(USAGE));
            }
            let directory = PathBuf::from(arguments.remove(0));
            screenshots::take(&directory, engine, scripts, &arguments).await
        }
        _ => Err(Failure::new(USAGE)),
    }
}

/// Takes `--name value` out of the arguments.
fn option(arguments: &mut Vec<String>, name: &str) -> Outcome<Option<String>> {
    let Some(at) = arguments.iter().position(|argument| argument == name) else {
        return Ok(None);
    };
    arguments.remove(at);
    if at == arguments.len() {
        return Err(Failure::new(format!("{name} needs a value")));
    }
    Ok(Some(arguments.remove(at)))
}
