//! `audit …`, step by step: a trail may have millions of lines.

use std::path::Path;

use super::arguments::audit::Audit;
use super::{load_for_command, tell};
use crate::commands::{AuditChainLine, Command, Reply, show};
use crate::config::Config;
use crate::socket::reach;
use crate::terminal;
use crate::trouble::Trouble;
use crate::wire::World;

pub(super) async fn run(file: Option<&Path>, json: bool, audit: Audit) -> Result<u8, Trouble> {
    let config = load_for_command(file)?;
    match audit {
        Audit::Verify { organization } => {
            let reply = verify(&config, organization).await?;
            Ok(tell(json, &reply))
        }
        Audit::Export {
            organization,
            behind,
        } => export(&config, json, organization, behind).await,
    }
}

async fn verify(config: &Config, only: Option<String>) -> Result<Reply, Trouble> {
    let mut whose = Vec::new();
    if only.is_some() {
        whose.push(only);
    } else {
        match reach::run(config, &World::system(), Command::OrganizationList).await? {
            Reply::Organizations { organizations } => {
                whose.extend(organizations.into_iter().map(|one| Some(one.name)));
            }
            other => return Ok(other),
        }
        whose.push(None);
    }
    let mut chains = Vec::new();
    for organization in whose {
        let (mut checked, mut seen) = (None, 0);
        loop {
            let command = Command::AuditCheck {
                organization: organization.clone(),
                checked,
            };
            let reply = reach::run(config, &World::system(), command).await?;
            let Reply::AuditChecking {
                upto,
                lines,
                flaw,
                is_over,
            } = reply
            else {
                return Ok(reply);
            };
            seen += lines;
            if is_over || flaw.is_some() {
                chains.push(AuditChainLine {
                    organization,
                    lines: seen,
                    head: upto,
                    flaw,
                });
                break;
            }
            if terminal::errors_are_watched() {
                terminal::complain(&format!("{seen} lines checked so far"));
            }
            checked = Some(upto);
        }
    }
    Ok(Reply::AuditChecked { chains })
}

async fn export(
    config: &Config,
    json: bool,
    organization: Option<String>,
    mut behind: i64,
) -> Result<u8, Trouble> {
    loop {
        let command = Command::AuditRead {
            organization: organization.clone(),
            behind,
        };
        let reply = reach::run(config, &World::system(), command).await?;
        let Reply::AuditLines { lines, more } = &reply else {
            return Ok(tell(json, &reply));
        };
        let Some(last) = lines.last() else {
            return Ok(super::DONE);
        };
        behind = last.number;
        // The lines are JSON already, and a document around them would have no end.
        terminal::say(&show::as_text(&reply));
        // That they were read is a line itself; whoever waited for it would never end.
        if !more {
            return Ok(super::DONE);
        }
    }
}
