//! The stylesheet and the scripts, compiled in.
//!
//! Their addresses carry a digest of their content, so that browsers may keep
//! them for ever and still see every change at once.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::failure::Failure;

struct Asset {
    name: String,
    media_type: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, content: &'static str) -> Self {
        let digest = digest(&SHA256, content.as_bytes());
        let short: String = URL_SAFE_NO_PAD
            .encode(digest.as_ref())
            .chars()
            .take(12)
            .collect();
        Self {
            name: format!("{stem}-{short}.{extension}"),
            media_type,
            content,
        }
    }

    fn url(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "app",
        "css",
        "text/css; charset=utf-8",
        include_str!("../static/app.css"),
    )
});
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "app",
        "js",
        "text/javascript; charset=utf-8",
        include_str!("../static/app.js"),
    )
});

static PASSKEYS: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "passkeys",
        "js",
        "text/javascript; charset=utf-8",
        include_str!("../static/passkeys.js"),
    )
});

/// The address of the stylesheet.
pub(crate) fn style_url() -> String {
    STYLE.url()
}

/// The address of the script.
pub(crate) fn script_url() -> String {
    SCRIPT.url()
}

/// The address of the script for passkeys.
pub(crate) fn passkeys_script_url() -> String {
    PASSKEYS.url()
}

/// `GET /assets/{name}`.
pub(crate) async fn get(Path(name): Path<String>) -> Result<Response, Failure> {
    let asset = [&*STYLE, &*SCRIPT, &*PASSKEYS]
        .into_iter()
        .find(|asset| asset.name == name)
        .ok_or(Failure::not_found())?;
    Ok((
        [
            (CONTENT_TYPE, asset.media_type),
            (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        ],
        asset.content,
    )
        .into_response())
}
