//! A bounded queue with a second, smaller door.
//!
//! Owns the order in which a database thread takes its work: what came by the second door first, and yet the
//! others in their turn. It does not know what the work is.

use std::cell::Cell;

use crossbeam_channel::{Receiver, Sender, bounded, never, select};

/// How many jobs may overtake in a row before one that was overtaken has its turn. Without this, whoever can
/// send endings without end (a browser with a session that is over can) would stop all other writes.
const MOST_IN_A_ROW: u32 = 8;

/// The receiving end. Each thread has a clone of its own.
pub(crate) struct Queue<T> {
    usual: Receiver<T>,
    urgent: Receiver<T>,
    /// Urgent jobs since the last usual one.
    overtaken: Cell<u32>,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self {
            usual: self.usual.clone(),
            urgent: self.urgent.clone(),
            overtaken: Cell::new(0),
        }
    }
}

/// Makes a queue: the usual door, the urgent one, and the receiving end. Each door takes so many jobs.
pub(crate) fn queue<T>(capacity: usize) -> (Sender<T>, Sender<T>, Queue<T>) {
    let (send_usual, usual) = bounded(capacity);
    let (send_urgent, urgent) = bounded(capacity);
    let queue = Queue {
        usual,
        urgent,
        overtaken: Cell::new(0),
    };
    (send_usual, send_urgent, queue)
}

impl<T> Queue<T> {
    /// Waits for the next job; none once both doors are closed and nothing is left.
    pub(crate) fn next(&self) -> Option<T> {
        if let Some(job) = self.take() {
            return Some(job);
        }
        // A closed door is always ready to say so; then only the other one counts.
        let (mut usual, mut urgent) = (&self.usual, &self.urgent);
        let closed = never();
        for _ in 0..2 {
            select! {
                recv(urgent) -> job => match job {
                    Ok(job) => return Some(job),
                    Err(_) => urgent = &closed,
                },
                recv(usual) -> job => match job {
                    Ok(job) => return Some(job),
                    Err(_) => usual = &closed,
                },
            }
        }
        None
    }

    /// The next job that waits already.
    pub(crate) fn take(&self) -> Option<T> {
        let usual_is_due = self.overtaken.get() >= MOST_IN_A_ROW;
        if usual_is_due && let Some(job) = self.take_usual() {
            return Some(job);
        }
        if let Ok(job) = self.urgent.try_recv() {
            self.overtaken.set(self.overtaken.get().saturating_add(1));
            return Some(job);
        }
        self.take_usual()
    }

    fn take_usual(&self) -> Option<T> {
        let job = self.usual.try_recv().ok()?;
        self.overtaken.set(0);
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_urgent_comes_first_and_the_rest_in_its_turn() {
        let (usual, urgent, queue) = queue(20);
        for number in 0..3 {
            usual.send(number).expect("room");
        }
        for number in 100..112 {
            urgent.send(number).expect("room");
        }
        drop((usual, urgent));
        let order: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
        let mut expected: Vec<_> = (100..108).collect();
        expected.push(0);
        expected.extend(108..112);
        expected.extend([1, 2]);
        assert_eq!(order, expected);
    }

    #[test]
    fn a_queue_without_its_second_door_waits_for_the_first() {
        let (usual, urgent, queue) = queue(20);
        drop(urgent);
        let waiting = std::thread::spawn(move || (queue.next(), queue.next()));
        usual.send(7).expect("room");
        drop(usual);
        assert_eq!(waiting.join().expect("an end"), (Some(7), None));
    }
}
