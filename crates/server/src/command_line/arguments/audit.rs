//! `audit …`: what can be typed about the audit trail.

use clap::Subcommand;

/// `audit …`.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Check that nobody changed, removed or inserted a line; exits with 1 if somebody did
    Verify {
        /// Only the lines of this organization
        #[arg(long)]
        organization: Option<String>,
    },
    /// Write all lines to the standard output, one JSON document each
    Export {
        /// The lines of this organization; without it, those that concern none
        #[arg(long)]
        organization: Option<String>,
        /// Only lines behind this number, to go on where an earlier export ended
        #[arg(long, default_value_t = 0)]
        behind: i64,
    },
}
