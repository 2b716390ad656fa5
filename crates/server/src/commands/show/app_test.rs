//! How the report of `app test` reads.

use nightlatch_protocols::app_test::{Report, Tried};
use nightlatch_protocols::outgoing::probe::Verdict;

/// The report for people: the verdict first, then each address with its steps.
pub(super) fn as_text(name: &str, report: &Report) -> String {
    let verdict = match report.verdict {
        Verdict::Good => "everything that was looked at works.",
        Verdict::Warning => "nothing fails; somebody should look at the warnings.",
        Verdict::Failed => "something does not work.",
    };
    let blocks = report.tried.iter().map(block);
    let rest: Vec<_> = blocks.collect();
    format!("{name}: {verdict}\n\n{}", rest.join("\n\n"))
}

fn block(tried: &Tried) -> String {
    let address = tried.address.as_deref().unwrap_or_default();
    let mut lines = vec![
        format!("{}  {address}", tried.purpose.words())
            .trim_end()
            .to_owned(),
    ];
    for step in &tried.steps {
        let mark = match step.verdict {
            Verdict::Good => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "FAILED",
        };
        lines.push(format!(
            "  {mark:<8} {:<8} {}",
            step.stage.name(),
            step.words
        ));
    }
    lines.join("\n")
}
