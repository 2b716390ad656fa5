//! `group …`: what can be typed about groups.

use clap::{Args, Subcommand};

use crate::commands::Command;

/// `group …`.
#[derive(Debug, Subcommand)]
pub enum Group {
    /// Make a group; apps can then let in its members (`app set --allow-group`)
    Add(OneGroup),
    /// List the groups and who is in them
    List {
        /// Of one organization; needed only if there are several
        #[arg(long)]
        organization: Option<String>,
    },
    /// Remove a group; an app that lets in nobody but its members then lets in nobody
    Remove(OneGroup),
    /// Take somebody into a group
    AddMember(OneMember),
    /// Take somebody out of a group
    RemoveMember(OneMember),
}

/// Names a group.
#[derive(Debug, Args)]
pub struct OneGroup {
    /// What people call it
    #[arg(long)]
    name: String,
    /// Whose group; needed only if there are several organizations
    #[arg(long)]
    organization: Option<String>,
}

/// Names a group and a person.
#[derive(Debug, Args)]
pub struct OneMember {
    /// The group
    #[command(flatten)]
    group: OneGroup,
    /// Their address
    #[arg(long)]
    email: String,
}

/// The command that was typed.
pub fn command(group: Group) -> Command {
    match group {
        Group::Add(OneGroup { name, organization }) => Command::GroupAdd { name, organization },
        Group::List { organization } => Command::GroupList { organization },
        Group::Remove(OneGroup { name, organization }) => {
            Command::GroupRemove { name, organization }
        }
        Group::AddMember(member) => of_member(member, true),
        Group::RemoveMember(member) => of_member(member, false),
    }
}

fn of_member(member: OneMember, is_member: bool) -> Command {
    Command::GroupMember {
        name: member.group.name,
        organization: member.group.organization,
        email: member.email,
        is_member,
    }
}
