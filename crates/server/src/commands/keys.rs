//! `key …`: another key in front, and what older keys have sealed sealed anew.
//!
//! A node cannot open what was sealed with a key that it does not have. With
//! several nodes, a key is therefore prepared first, and copied to all of them,
//! before the first one uses it.

use std::sync::Arc;

use nightlatch_domain::ids::AuthenticatorAppId;
use nightlatch_flows::resealing::reseal_next;
use nightlatch_storage::DatabaseKind;

use super::{Context, Reply, Stop, refused};
use crate::keys::{self, Keys};
use crate::trouble::Trouble;

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Refused(trouble.to_string())
    }
}

pub(super) fn prepare(context: Context<'_>) -> Result<Reply, Stop> {
    let random = context.moment.random.as_ref();
    let (keys, is_new) = keys::prepare(context.key_file, random)?;
    take(context, &keys)?;
    Ok(Reply::KeyPrepared { is_new })
}

pub(super) fn rotate(context: Context<'_>, only_node: bool) -> Result<Reply, Stop> {
    let is_prepared = keys::load(context.key_file)?.prepared.is_some();
    if context.store.kind() == DatabaseKind::Postgres && !is_prepared && !only_node {
        return refused(
            "Other nodes of this deployment could not read what is sealed with a key that they do not \
             have. Run `nightlatch key prepare`, copy the key file to every node and restart each, \
             then run this again. If this is the only node, run `nightlatch key rotate --only-node`.",
        );
    }
    let keys = keys::rotate(context.key_file, context.moment.random.as_ref())?;
    take(context, &keys)?;
    Ok(Reply::KeyRotated)
}

/// From here on this process works with these keys.
fn take(context: Context<'_>, keys: &Keys) -> Result<(), Stop> {
    context
        .sealer
        .replace_keys(&keys.current, &keys.others())
        .map_err(|error| Stop::Refused(error.to_string()))?;
    if let Some(form_key) = context.form_key {
        form_key.replace_keys(&keys.current, &keys.others());
    }
    if let Some(token_key) = context.token_key {
        token_key.replace_keys(&keys.current, &keys.others());
    }
    Ok(())
}

pub(super) async fn reseal(
    context: Context<'_>,
    after: Option<AuthenticatorAppId>,
) -> Result<Reply, Stop> {
    let (moment, sealer) = (context.moment.clone(), Arc::clone(context.sealer));
    let batch = context
        .store
        .write(move |tx| -> Result<_, Stop> { Ok(reseal_next(tx, &moment, &sealer, after)?) })
        .await?;
    Ok(Reply::Resealing(batch))
}
