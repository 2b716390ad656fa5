//! The one file that speaks to the terminal.
#![expect(
    clippy::print_stdout,
    reason = "the report is what this program is for"
)]

use std::path::PathBuf;
use std::time::Duration;

/// How one run of a story ended.
pub struct Ending {
    /// story/engine/scripts/database
    pub name: String,
    /// How long it took.
    pub took: Duration,
    /// What went wrong, or nothing.
    pub failure: Option<Trouble>,
}

/// What is known about a failure.
pub struct Trouble {
    /// The sentence.
    pub sentence: String,
    /// The last steps.
    pub steps: Vec<String>,
    /// Pictures and sources.
    pub files: Vec<PathBuf>,
}

/// Prints a line.
pub fn say(line: impl std::fmt::Display) {
    println!("{line}");
}

/// Prints how one run ended.
pub fn ended(ending: &Ending, done: usize, total: usize) {
    let seconds = ending.took.as_secs_f32();
    let Some(trouble) = &ending.failure else {
        println!("[{done}/{total}] ok      {}  {seconds:.1} s", ending.name);
        return;
    };
    println!("[{done}/{total}] FAILED  {}  {seconds:.1} s", ending.name);
    tell(trouble);
}

fn tell(trouble: &Trouble) {
    for line in trouble.sentence.lines() {
        println!("    {line}");
    }
    for step in &trouble.steps {
        println!("      {step}");
    }
    for file in &trouble.files {
        println!("    saved {}", file.display());
    }
}

/// Prints what failed once more, since often only the end of a log is kept, and the sum; its last line is read by
/// `check`.
pub fn sum(endings: &[Ending]) {
    let failed: Vec<(&Ending, &Trouble)> = endings
        .iter()
        .filter_map(|ending| Some((ending, ending.failure.as_ref()?)))
        .collect();
    for (ending, trouble) in &failed {
        println!("failed: {}", ending.name);
        tell(trouble);
    }
    println!(
        "{} passed, {} failed",
        endings.len() - failed.len(),
        failed.len()
    );
}
