//! What people live through with these apps.

use std::process::Command;

use super::super::nightlatch::ADA;
use super::super::scratch::Scratch;
use super::process::{libraries, node, source};
use super::scene::{Paths, Scene, is_refusal};
use crate::failure::{Outcome, ensure};
use crate::tools;

const AUTHLIB: Paths = Paths {
    callback: "/callback",
    backchannel: Some("/backchannel"),
    goodbye: "/goodbye",
};

fn authlib() -> Command {
    let mut command = Command::new(libraries("authlib").join("bin/python"));
    command.arg(source("authlib", "main.py"));
    command
}

/// Flask with Authlib asks for the person with its access token; joserfc verifies what it is told.
pub(super) async fn authlib_signs_in_and_is_refused_after_a_logout() -> Outcome {
    let mut scene = Scene::new(&AUTHLIB, |_| Ok(authlib())).await?;
    let lived = async {
        scene.sign_in()?;
        let sids = scene.sids()?;
        scene.is_refused_after_a_logout().await?;
        scene.was_told_of(sids).await
    }
    .await;
    lived.map_err(|failure| scene.explain(failure))
}

/// Its own button: Nightlatch asks nothing, and the app finds the state that it sent.
pub(super) async fn authlib_logs_out_and_gets_its_state_back() -> Outcome {
    let mut scene = Scene::new(&AUTHLIB, |_| Ok(authlib())).await?;
    let lived = async {
        scene.sign_in()?;
        let page = scene.laptop.open(&scene.app.at("/logout"))?;
        page.is_page("Goodbye")?;
        ensure(
            page.url
                .query()
                .is_some_and(|query| query.contains("state=")),
            || format!("no state: {}", page.in_short()),
        )?;
        // The session is over on this device, and on this device only.
        let private = scene.app.at("/private");
        scene.laptop.open(&private)?.is_page("name=\"password\"")?;
        scene
            .phone
            .open(&private)?
            .is_page(&format!("Only for {ADA}"))
    }
    .await;
    lived.map_err(|failure| scene.explain(failure))
}

const EXPRESS: Paths = Paths {
    callback: "/callback",
    backchannel: Some("/backchannel-logout"),
    goodbye: "",
};

fn express(_: &Scratch) -> Outcome<Command> {
    node("express", "main.js")
}

/// It asks nobody: what ends its sessions is what it is told.
pub(super) async fn express_openid_connect_hears_a_logout() -> Outcome {
    let mut scene = Scene::new(&EXPRESS, express).await?;
    let lived = async {
        scene.sign_in()?;
        scene.loses_one_session_only().await?;
        scene.is_refused_after_a_logout().await
    }
    .await;
    lived.map_err(|failure| scene.explain(failure))
}

/// Its own button ends the session here; the other device goes on.
pub(super) async fn express_openid_connect_logs_out() -> Outcome {
    let mut scene = Scene::new(&EXPRESS, express).await?;
    let lived = async {
        scene.sign_in()?;
        let page = scene.laptop.open(&scene.app.at("/logout"))?;
        page.is_page("Nobody is signed in")?;
        let private = scene.app.at("/private");
        scene.laptop.open(&private)?.is_page("name=\"password\"")?;
        scene
            .phone
            .open(&private)?
            .is_page(&format!("Only for {ADA}"))
    }
    .await;
    lived.map_err(|failure| scene.explain(failure))
}

/// How an app proves who it is (the method's name), how its tokens are signed, and what it registers for that.
async fn openid_client(method: &str, algorithm: &str, options: &[&str]) -> Outcome<Scene> {
    let scratch = Scratch::new()?;
    let mut options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
    options.push(format!("--signing-algorithm={algorithm}"));
    if method == "private_key_jwt" {
        let made = node("openid-client", "keys.js")?
            .env("SCRATCH", scratch.path())
            .status()?;
        ensure(made.success(), || "no key".to_owned())?;
        let keys = scratch.path().join("public.json");
        options.push(format!("--jwks-file={}", keys.display()));
    }
    let mut command = node("openid-client", "main.js")?;
    command.env("METHOD", method).env("ALGORITHM", algorithm);
    // Only an app that can keep a secret may be told without TLS (OpenID Connect Back-Channel Logout, section 2.2).
    let paths = Paths {
        backchannel: AUTHLIB.backchannel.filter(|_| method != "none"),
        ..AUTHLIB
    };
    Scene::with(scratch, &paths, &options, command).await
}

pub(super) async fn openid_client_with_a_secret_and_rs256() -> Outcome {
    lives_with_tokens_and_is_told(openid_client("client_secret_basic", "RS256", &[]).await?).await
}

pub(super) async fn openid_client_with_a_posted_secret_and_es256() -> Outcome {
    lives_with_tokens_and_is_told(openid_client("client_secret_post", "ES256", &[]).await?).await
}

pub(super) async fn openid_client_with_a_key_and_eddsa() -> Outcome {
    lives_with_tokens_and_is_told(openid_client("private_key_jwt", "EdDSA", &[]).await?).await
}

pub(super) async fn openid_client_without_a_secret() -> Outcome {
    let mut scene = openid_client("none", "ES256", &["--public"]).await?;
    let lived = lives_with_tokens(&mut scene).await;
    lived.map(|_| ()).map_err(|failure| scene.explain(failure))
}

/// jose verifies what it is told.
async fn lives_with_tokens_and_is_told(mut scene: Scene) -> Outcome {
    let lived = async {
        let sids = lives_with_tokens(&mut scene).await?;
        scene.was_told_of(sids).await
    }
    .await;
    lived.map_err(|failure| scene.explain(failure))
}

/// Certified and strict: discovery, code with PKCE, nonce, max_age, the signature of the ID token, userinfo,
/// refresh, introspection. Returns the sessions that ended.
async fn lives_with_tokens(scene: &mut Scene) -> Outcome<Vec<String>> {
    scene.sign_in()?;
    let sids = scene.sids()?;
    let refresh = scene.app.at("/refresh");
    for browser in [&mut scene.laptop, &mut scene.phone] {
        browser.look(&refresh)?.is_page("refreshed")?;
        browser.look(&refresh)?.is_page("refreshed")?;
    }
    scene.nightlatch.log_out_ada()?;
    // Nothing has to be told first: a refresh token of a session that ended is worth nothing at once.
    for browser in [&mut scene.laptop, &mut scene.phone] {
        let answer = browser.look(&refresh)?;
        ensure(
            answer.status == 401 && answer.body == "invalid_grant",
            || format!("a refresh after the logout: {}", answer.in_short()),
        )?;
    }
    scene.is_refused().await?;
    Ok(sids)
}

/// What it gives back is good for nothing; the other device goes on.
pub(super) async fn openid_client_gives_its_tokens_back() -> Outcome {
    let mut scene = openid_client("client_secret_basic", "RS256", &[]).await?;
    let lived = async {
        scene.sign_in()?;
        let revoke = scene.app.at("/revoke");
        scene.laptop.look(&revoke)?.is_page("revoked")?;
        let private = scene.app.at("/private");
        let answer = scene.laptop.look(&private)?;
        ensure(is_refusal(&answer)?, || {
            format!("goes on without tokens: {}", answer.in_short())
        })?;
        scene
            .phone
            .look(&private)?
            .is_page(&format!("Only for {ADA}"))
    }
    .await;
    lived.map_err(|failure| scene.explain(failure))
}

/// A directory of Apache's, protected without a line of program.
pub(super) async fn apache_mod_auth_openidc_hears_a_logout() -> Outcome {
    let paths = Paths {
        callback: "/callback",
        backchannel: Some("/callback?logout=backchannel"),
        goodbye: "/",
    };
    let mut scene = Scene::new(&paths, |scratch| {
        let pages = scratch.path().join("pages");
        std::fs::create_dir(&pages)?;
        std::fs::write(pages.join("private"), format!("Only for {ADA}"))?;
        let mut command = Command::new("/usr/sbin/apache2");
        command
            .args(["-X", "-f"])
            .arg(source("apache", "httpd.conf"));
        Ok(command)
    })
    .await?;
    let lived = async {
        scene.sign_in()?;
        let page = scene.laptop.look(&scene.app.at("/private"))?;
        ensure(page.header("person") == Some(ADA), || {
            format!("Apache knows another person: {:?}", page.headers)
        })?;
        scene.loses_one_session_only().await?;
        scene.is_refused_after_a_logout().await
    }
    .await;
    lived.map_err(|failure| scene.explain(failure))
}

/// Spring Security, told by back-channel.
pub(super) async fn spring_security_hears_a_logout() -> Outcome {
    let paths = Paths {
        callback: "/login/oauth2/code/provider",
        backchannel: Some("/logout/connect/back-channel/provider"),
        goodbye: "/",
    };
    let mut scene = Scene::new(&paths, |_| {
        let mut command = Command::new(tools::program(&["java"])?);
        // It lives for seconds: what makes it start sooner counts, not what makes it faster later.
        command
            .args(["-XX:TieredStopAtLevel=1", "-Xmx256m", "-jar"])
            .arg(libraries("spring").join("target/app.jar"));
        Ok(command)
    })
    .await?;
    let lived = async {
        scene.sign_in()?;
        scene.loses_one_session_only().await?;
        scene.is_refused_after_a_logout().await
    }
    .await;
    lived.map_err(|failure| scene.explain(failure))
}
