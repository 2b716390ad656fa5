//! What people change about themselves.

use nightlatch_domain::event::EventKind;
use nightlatch_domain::session::Session;
use nightlatch_domain::user::Appearance;
use nightlatch_storage::browsers::Browser;
use nightlatch_storage::users::Picture;
use nightlatch_storage::{StorageError, Tx, browsers, events, users};

use nightlatch_domain::ids::BrowserId;
use nightlatch_domain::secret::{Token, TokenDigest};

use crate::Moment;
use crate::step_up::event;

/// Largest picture, in bytes.
pub const LARGEST_PICTURE: usize = 512 * 1024;

/// Changes name and appearance.
pub fn change(
    tx: &mut Tx<'_>,
    moment: &Moment,
    session: &Session,
    name: &str,
    appearance: Appearance,
) -> Result<(), StorageError> {
    let mut user = users::get(tx, session.user_id)?;
    name.clone_into(&mut user.name);
    user.appearance = appearance;
    users::update_profile(tx, &user, moment.now)?;
    events::add(tx, &event(moment, session, EventKind::ProfileChanged))
}

/// Sets or removes the picture.
pub fn change_picture(
    tx: &mut Tx<'_>,
    moment: &Moment,
    session: &Session,
    picture: Option<&Picture>,
) -> Result<(), StorageError> {
    let mut user = users::get(tx, session.user_id)?;
    users::set_picture(tx, user.id, picture)?;
    user.picture_version = picture.map(|_| moment.now.milliseconds());
    users::update_profile(tx, &user, moment.now)?;
    events::add(tx, &event(moment, session, EventKind::ProfileChanged))
}

/// The media type of an accepted picture, by its first bytes and not by what the
/// upload says of itself: PNG, JPEG or WebP.
pub fn picture_type(content: &[u8]) -> Option<&'static str> {
    match content {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("image/webp"),
        _ => None,
    }
}

/// Marks the browser that an administrator sits at as always shared, or no
/// longer (G6). Returns the token of a browser that had none.
pub fn mark_shared_computer(
    tx: &mut Tx<'_>,
    moment: &Moment,
    session: &Session,
    browser: Option<TokenDigest>,
    shared: bool,
) -> Result<Option<Token>, StorageError> {
    let known = match browser {
        Some(token) => browsers::find_by_token(tx, token)?,
        None => None,
    };
    let token = if let Some(browser) = known {
        browsers::set_always_shared(tx, browser.id, shared)?;
        None
    } else {
        let token = Token::generate(moment.random.as_ref());
        let browser = Browser {
            id: BrowserId::random(moment.random.as_ref()),
            always_shared: shared,
        };
        browsers::add(tx, &browser, token.digest(), moment.now)?;
        Some(token)
    };
    let mut line = event(moment, session, EventKind::BrowserMarkedShared);
    line.detail = Some(if shared { "shared" } else { "not shared" }.to_owned());
    events::add(tx, &line)?;
    Ok(token)
}
