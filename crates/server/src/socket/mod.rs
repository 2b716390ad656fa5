//! The command socket: how the command line reaches a running server.
//!
//! Owns what travels: one JSON line with a [`Request`], one JSON line with a
//! reply, and the connection closes. Who may connect is decided by the file's
//! permissions and, once more, by the peer's user. The socket stands in the data
//! directory; [`listen`] is the server's end, [`reach`] the command line's.

pub mod listen;
pub mod reach;

use std::io;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use zeroize::Zeroizing;

use crate::commands::Command;

/// The version of what travels. Both ends are one program, but an upgrade may
/// leave an older server running.
pub const VERSION: u32 = 1;

/// The longest request; replies (lists of people) may be longer.
const LONGEST_REQUEST: u64 = 64 * 1024;

/// The longest reply.
const LONGEST_REPLY: u64 = 256 * 1024 * 1024;

/// What the command line sends.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// See [`VERSION`].
    pub version: u32,
    /// What to do.
    pub command: Command,
}

/// Reads up to the end of a line, or of the stream.
async fn read_line(stream: impl AsyncRead + Unpin, longest: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(Vec::new());
    BufReader::new(stream.take(longest))
        .read_until(b'\n', &mut line)
        .await?;
    if line.last() == Some(&b'\n') {
        Ok(line)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// As one line.
fn to_line(value: &impl Serialize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(serde_json::to_vec(value)?);
    line.push(b'\n');
    Ok(line)
}
