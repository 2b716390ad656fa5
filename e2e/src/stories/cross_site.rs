//! Pages of somebody else that would like to log people out (B9).

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::ground::{Ground, without_ids};
use super::steps::{is_signed_in, sign_in};
use crate::failure::{Outcome, ensure};
use crate::stage::Stage;

/// Addresses at which something ends.
const TARGETS: [&str; 4] = [
    "/logout",
    "/help/reset-browser",
    "/account/sessions/log-out-all",
    "/account/sessions/log-out-others",
];

/// Neither a page on another site nor one on a sibling host, to which browsers do send our cookies along, logs
/// anybody out: not by forms, not by pictures, frames, prefetches or scripts.
pub(crate) async fn cross_site(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let ada = &ground.ada;
    let browser = stage.browser(ground.site()).await?;
    sign_in(&browser, ada, &[]).await?;
    let foreign = Foreign::start(&ground.site().url).await?;
    for host in ["127.0.0.1", "localhost"] {
        let page = format!("http://{host}:{}/", foreign.port);
        browser.open(&page).await?;
        browser.see("You have won").await?;
        if stage.has_scripts() {
            browser.see("Everything was tried").await?;
        }
        is_signed_in(&browser, ada).await?;
        for target in TARGETS {
            browser.open(&page).await?;
            browser.press(&format!("Send to {target}")).await?;
            browser.see_path_beginning(target).await?;
            is_signed_in(&browser, ada).await?;
            browser.open(&page).await?;
            browser.press(&format!("Go to {target}")).await?;
            browser.see_no_more("You have won").await?;
            is_signed_in(&browser, ada).await?;
        }
        // Even the question says the truth: nothing has happened.
        browser.open(&page).await?;
        browser.press("Send to /logout").await?;
        browser.see_path("/logout").await?;
        browser.does_not_see("You logged out").await?;
        browser.does_not_see("You are not signed in").await?;
    }

    // What was sent from there was refused, or answered with a question.
    let mut refused = 0;
    for answered in ground.take_answered()? {
        let path = without_ids(&answered.path);
        if answered.method == "POST" && TARGETS.contains(&path.as_str()) {
            let wanted = if path == "/logout" { 303 } else { 403 };
            ensure(answered.status == wanted, || {
                format!("POST {path} was answered with {}", answered.status)
            })?;
            refused += 1;
        }
    }
    ensure(refused >= TARGETS.len() * 2, || {
        format!("only {refused} attempts arrived")
    })?;
    let open = ground.with({
        let ada = ada.clone();
        move |site| site.open_sessions_of(&ada)
    });
    assert_eq!(open.await?, 1);
    Ok(())
}

/// A server of somebody else.
struct Foreign {
    port: u16,
    server: JoinHandle<()>,
}

impl Foreign {
    async fn start(target: &str) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let page = trap(target);
        let router = Router::new().route("/", get(async || Html(page)));
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { port, server })
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn trap(target: &str) -> String {
    let mut body = String::new();
    let mut scripted = String::new();
    let mut links = String::new();
    for path in TARGETS {
        let address = format!("{target}{path}");
        let _ = write!(
            body,
            "<img src=\"{address}\" alt=\"\"><iframe src=\"{address}\" title=\"frame\"></iframe>\
             <form method=\"post\" action=\"{address}\"><button>Send to {path}</button></form>\
             <form method=\"get\" action=\"{address}\"><button>Go to {path}</button></form>"
        );
        let _ = write!(scripted, "'{address}',");
        let _ = write!(links, "<link rel=\"prefetch\" href=\"{address}\">");
    }
    format!(
        "<!doctype html><html lang=\"en\"><head><title>A prize</title>{links}</head><body>\
         <h1>You have won</h1>{body}<p id=\"done\"></p><script>\
         const all = [];\
         for (const address of [{scripted}]) for (const method of ['GET', 'POST'])\
           all.push(fetch(address, {{ method, mode: 'no-cors', credentials: 'include' }}).catch(() => null));\
         Promise.all(all).then(() => {{ document.getElementById('done').textContent = 'Everything was tried'; }});\
         </script></body></html>"
    )
}
