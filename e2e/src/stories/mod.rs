//! The stories, named after what a person does. One file a theme, one function a story.
//!
//! To add one: write `pub(crate) async fn shared_computer(stage: Stage) -> Outcome` in a file beside this
//! one, and add `story!(file::shared_computer)` to the list. The runner does the rest: both engines, with
//! and without scripts, both databases.

use crate::runner::Story;

/// Every story, in the order they are told.
pub fn all() -> Vec<Story> {
    Vec::new()
}
