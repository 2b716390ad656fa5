//! Where the programs and files live that `scripts/install-prerequisites` provides.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};

/// This workspace's directory.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The directory of the tools that no Debian package provides.
pub fn tools() -> PathBuf {
    std::env::var_os("NIGHTLATCH_TOOLS")
        .map_or_else(|| workspace().join("../target/tools"), PathBuf::from)
}

/// A program from the tools directory or from `PATH`.
pub fn program(names: &[&str]) -> Outcome<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(tools().join("bin"))
        .chain(std::env::split_paths(&path))
        .flat_map(|directory| names.iter().map(move |name| directory.join(name)))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| {
            Failure::new(format!(
                "{} is not installed: run scripts/install-prerequisites",
                names.join(" or ")
            ))
        })
}

/// The source of the accessibility checker.
pub fn axe_source() -> Outcome<String> {
    let path = tools().join("node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&path).map_err(|error| {
        Failure::from(error).during(format!(
            "{} (run scripts/install-prerequisites)",
            path.display()
        ))
    })
}
