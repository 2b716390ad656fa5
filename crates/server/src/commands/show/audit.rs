//! How the audit trail looks.

use super::super::{AuditChainLine, AuditLine};

/// One sentence for each chain.
pub(super) fn checked(chains: &[AuditChainLine]) -> String {
    let sentences: Vec<_> = chains.iter().map(sentence).collect();
    sentences.join("\n")
}

fn sentence(chain: &AuditChainLine) -> String {
    let whose = chain.organization.as_deref().unwrap_or("No organization");
    match chain.flaw {
        None if chain.lines == 0 => format!("{whose}: no line yet."),
        None => format!(
            "{whose}: {} lines, all in order. The last is number {} with the digest {}; keep it \
             elsewhere, and compare it with an export later.",
            chain.lines, chain.head.number, chain.head.digest
        ),
        Some((number, flaw)) => format!(
            "{whose}: NOT in order at number {number}. {} Up to number {} all is in order.",
            flaw.sentence(),
            chain.head.number
        ),
    }
}

/// One JSON document a line, whoever reads it.
pub(super) fn lines(lines: &[AuditLine]) -> String {
    let lines: Vec<_> = lines
        .iter()
        .filter_map(|line| serde_json::to_string(line).ok())
        .collect();
    lines.join("\n")
}
