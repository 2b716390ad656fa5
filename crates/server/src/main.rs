//! The binary `nightlatch`: it parses and calls; see the library.

use std::process::ExitCode;

use clap::Parser as _;
use nightlatch_server::command_line::{self, arguments::Arguments};
use nightlatch_server::{serve, terminal};

/// The allocator of the system (glibc) keeps the 19 MiB of every password that was
/// hashed, in an arena for each thread, and a server of which nobody wants anything
/// stays large for ever. This one gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // First of all: two parts of the program must never choose differently.
    serve::tls::install_provider();
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => ExitCode::from(runtime.block_on(command_line::run(arguments))),
        Err(error) => {
            terminal::complain(&format!("threads cannot be started: {error}"));
            ExitCode::FAILURE
        }
    }
}
