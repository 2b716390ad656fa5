//! Every page can be used by everybody: axe finds nothing, light and dark, narrow and wide.

use std::sync::Arc;
use std::time::Duration;

use super::ground::Ground;
use super::steps::sign_in;
use crate::browser::{Appearance, Browser};
use crate::failure::{Failure, Outcome, ensure};
use crate::stage::Stage;

const WIDTHS: [u32; 2] = [320, 1280];

const OPEN_TO_ALL: [&str; 5] = ["/login", "/logout", "/signed-out", "/help", "/nothing-here"];

const SIGNED_IN: [&str; 13] = [
    "/",
    "/login",
    "/login?switch=yes",
    "/logout",
    "/help",
    "/account/profile",
    "/account/security",
    "/account/sessions",
    "/account/sessions/log-out-all",
    "/account/sessions/log-out-others",
    "/account/history",
    "/account/history?show=endings",
    "/nothing-here",
];

pub(crate) async fn accessible(stage: Stage, ground: Arc<Ground>) -> Outcome {
    for appearance in [Appearance::Light, Appearance::Dark] {
        let mut options = stage.options(ground.site());
        options.appearance = appearance;
        let browser = stage.browser_with(options).await?;
        for path in OPEN_TO_ALL {
            look(&browser, path).await?;
        }
        sign_in(&browser, &ground.ada, &[]).await?;
        for path in SIGNED_IN {
            look(&browser, path).await?;
        }
        // With a password field, since the last proof is too old.
        ground.ada_logs_out_the_others_elsewhere().await?;
        look(&browser, "/login").await?;
        sign_in(&browser, &ground.ada, &[]).await?;
        ground.advance(Duration::from_mins(11))?;
        look(&browser, "/account/sessions/log-out-all").await?;
        browser.close().await?;
    }
    // The page that does not exist is among them on purpose.
    ground.take_answered()?;
    Ok(())
}

async fn look(browser: &Browser, path: &str) -> Outcome {
    for width in WIDTHS {
        browser.resize(width, 900).await?;
        browser.open(path).await?;
        browser
            .expect_accessible()
            .await
            .map_err(|failure| Failure::during(failure, format!("{path} at {width} px")))?;
        let overflow = browser.horizontal_overflow().await?;
        ensure(overflow <= 0, || {
            format!("{path} scrolls sideways by {overflow} px at {width} px")
        })?;
    }
    Ok(())
}
