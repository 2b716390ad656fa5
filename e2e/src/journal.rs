//! What a story did so far, step by step: printed when it fails, since a screenshot shows only the end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The steps of one story; clones write into the same journal.
#[derive(Clone)]
pub struct Journal {
    started: Instant,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Journal {
    /// Counts the time from now on: stories are planned long before they begin.
    pub(crate) fn begin(&mut self) {
        self.started = Instant::now();
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            lines: Arc::default(),
        }
    }
}

impl Journal {
    /// Records a step.
    pub fn note(&self, step: impl std::fmt::Display) {
        let line = format!("{:6.2} s  {step}", self.started.elapsed().as_secs_f32());
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }

    /// The last steps, oldest first.
    pub fn last(&self, count: usize) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .iter()
            .skip(lines.len().saturating_sub(count))
            .cloned()
            .collect()
    }
}
