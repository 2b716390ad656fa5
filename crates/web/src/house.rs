//! The organization whose name stands on pages that know nobody yet.
//!
//! With a single organization, its name, color and contact belong on the sign-in
//! page and on error pages. With several, those pages stay neutral: they must
//! not guess. The last answer is kept, since an error page may have to be shown
//! when the database cannot be asked.

use std::sync::{Mutex, PoisonError};

use nightlatch_domain::organization::Organization;
use nightlatch_storage::{StorageError, Store, organizations};

/// Remembers the last known organization of a house with a single one.
#[derive(Debug, Default)]
pub struct House(Mutex<Option<Organization>>);

impl House {
    /// Asks the database.
    pub(crate) async fn find(&self, store: &Store) -> Result<Option<Organization>, StorageError> {
        let mut found = store
            .read(|tx| organizations::list(tx, 2))
            .await?
            .into_iter();
        let only = match (found.next(), found.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        };
        self.remember(only.clone());
        Ok(only)
    }

    /// Asks the database, and falls back on what was last known if it does not
    /// answer.
    pub(crate) async fn find_or_last_known(&self, store: &Store) -> Option<Organization> {
        match self.find(store).await {
            Ok(found) => found,
            Err(_) => self.last_known(),
        }
    }

    /// What was last known.
    pub(crate) fn last_known(&self) -> Option<Organization> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn remember(&self, organization: Option<Organization>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = organization;
    }
}
