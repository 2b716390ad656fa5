//! What people live through with apps behind these proxies.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::super::nightlatch::ADA;
use super::app::Seen;
use super::kind::Kind;
use super::scene::{Device, HOST, Scene, is_ada};
use crate::failure::{Failure, Outcome, ensure};

pub(super) async fn nginx_lets_people_in_until_they_are_logged_out() -> Outcome {
    lets_people_in(Kind::Nginx).await
}

pub(super) async fn caddy_lets_people_in_until_they_are_logged_out() -> Outcome {
    lets_people_in(Kind::Caddy).await
}

pub(super) async fn traefik_lets_people_in_until_they_are_logged_out() -> Outcome {
    lets_people_in(Kind::Traefik).await
}

pub(super) async fn envoy_lets_people_in_until_they_are_logged_out() -> Outcome {
    lets_people_in(Kind::Envoy).await
}

pub(super) async fn nginx_lets_nobody_in_while_we_cannot_be_asked() -> Outcome {
    cannot_be_asked(Kind::Nginx).await
}

pub(super) async fn caddy_lets_nobody_in_while_we_cannot_be_asked() -> Outcome {
    cannot_be_asked(Kind::Caddy).await
}

pub(super) async fn traefik_lets_nobody_in_while_we_cannot_be_asked() -> Outcome {
    cannot_be_asked(Kind::Traefik).await
}

pub(super) async fn envoy_lets_nobody_in_while_we_cannot_be_asked() -> Outcome {
    cannot_be_asked(Kind::Envoy).await
}

async fn lets_people_in(kind: Kind) -> Outcome {
    let mut scene = Scene::new(kind).await?;
    let lived = live(&mut scene);
    lived.map_err(|failure| scene.explain(failure))
}

fn live(scene: &mut Scene) -> Outcome {
    calls_are_told_where_to_sign_in(scene)?;
    for device in [Device::Laptop, Device::Phone] {
        scene.sign_in(device, "/pages/read?x=1&name=%C3%A9")?;
    }
    uses_the_app(scene)?;
    // The app's own link for logging out points here: it asks, and then ends the session.
    let page = scene.at("/.nightlatch/log-out");
    scene.phone.look(&page)?.is_page("Log out")?;
    let left = scene
        .phone
        .submit(&page.parse()?, "/.nightlatch/log-out", "")?;
    let receipt = format!("{}/signed-out", scene.nightlatch.issuer());
    ensure(left.status == 200 && left.url.as_str() == receipt, || {
        format!("no receipt: {}", left.in_short())
    })?;
    scene.is_refused(Device::Phone)?;
    uses_the_app(scene)?;
    scene.nightlatch.log_out_ada()?;
    scene.is_refused(Device::Laptop)?;
    let status = scene.at("/.nightlatch/status");
    scene.laptop.look(&status)?.is_page("ended")
}

/// Background calls and forms get 401 and an address, not a redirect that they die of.
fn calls_are_told_where_to_sign_in(scene: &Scene) -> Outcome {
    let call: [(&str, &str); 2] = [("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")];
    let length = [("Content-Length", "0"), ("Accept", "*/*")];
    for (line, headers) in [
        ("GET /api", call),
        ("POST /api", length),
        ("PUT /a", length),
    ] {
        let (answer, seen) = scene.send(line, &headers)?;
        let login = answer
            .as_ref()
            .and_then(|answer| answer.header("x-nightlatch-login"));
        let expected = scene.at("/.nightlatch/sign-in");
        let is_told = answer.as_ref().is_some_and(|answer| answer.status == 401)
            && login == Some(expected.as_str());
        ensure(is_told && seen.is_empty(), || {
            format!("{line}: {answer:?} {seen:?}")
        })?;
    }
    Ok(())
}

/// Pages, the app's own cookies, forms, a WebSocket, and the script that leaves.
fn uses_the_app(scene: &mut Scene) -> Outcome {
    scene.laptop.keep_cookie(HOST, "theme", "dark");
    let (answer, seen) = scene.look(Device::Laptop, "/secret")?;
    let seen = seen.as_ref();
    let is_in =
        answer.status == 200 && seen.is_some_and(|seen| seen.values("cookie") == ["theme=dark"]);
    ensure(is_in, || {
        format!("she is not in: {} {seen:?}", answer.in_short())
    })?;
    seen.map_or(Ok(()), is_ada)?;
    if let Some(seen) = seen {
        is_signed(scene, seen)?;
    }

    let sent = scene
        .laptop
        .submit(&answer.url, "/pages/write", "words=and+more+words")?;
    sent.is_page("words=and+more+words")?;

    let cookies = scene.laptop.cookies(HOST);
    let handshake = [
        ("Cookie", cookies.as_str()),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let (answer, seen) = scene.send("GET /socket", &handshake)?;
    let is_open = answer.as_ref().is_some_and(|answer| answer.status == 101);
    ensure(is_open && seen.len() == 1, || {
        format!("no WebSocket: {answer:?} {seen:?}")
    })?;
    is_ada(&seen[0])?;
    // Another protocol would be a way past the proxy.
    for connection in ["Upgrade", "Upgrade, HTTP2-Settings"] {
        let other = [
            ("Cookie", cookies.as_str()),
            ("Connection", connection),
            ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
        ];
        let (answer, seen) = scene.send("GET /pages/read", &other)?;
        let is_tunnel = |one: &Seen| {
            !one.values("upgrade").is_empty() && !one.values("http2-settings").is_empty()
        };
        ensure(!seen.iter().any(is_tunnel), || {
            format!("a tunnel: {answer:?} {seen:?}")
        })?;
    }
    // Without a cookie there is none.
    let (answer, seen) = scene.send("GET /socket", &handshake[1..])?;
    let is_refused = answer.as_ref().is_some_and(|answer| answer.status == 401);
    ensure(is_refused && seen.is_empty(), || {
        format!("a WebSocket for anybody: {answer:?} {seen:?}")
    })?;

    let (script, status) = (
        scene.at("/.nightlatch/leave.js"),
        scene.at("/.nightlatch/status"),
    );
    scene.laptop.look(&script)?.is_page("EventSource")?;
    scene.laptop.look(&status)?.is_page("live")
}

/// What the app is told stands once more in a token that is for this app alone, for a short time, under one of the keys
/// that we publish.
fn is_signed(scene: &mut Scene, seen: &Seen) -> Outcome {
    let issuer = scene.nightlatch.issuer();
    let keys = scene.laptop.look(&format!("{issuer}/oauth2/jwks"))?;
    let keys: Value = serde_json::from_str(&keys.body)?;
    let tokens = seen.values("x-nightlatch-token");
    let parts: Vec<&str> = tokens.iter().flat_map(|token| token.split('.')).collect();
    let [header, claims, _signature] = parts[..] else {
        return Err(Failure::new(format!("not one token: {tokens:?}")));
    };
    let read = |part: &str| -> Outcome<Value> {
        Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?)
    };
    let (header, claims) = (read(header)?, read(claims)?);
    let known = keys["keys"].as_array().is_some_and(|keys| {
        let mut keys = keys.iter();
        keys.any(|key| key["kid"] == header["kid"] && key["kid"].is_string())
    });
    let life = claims["exp"].as_i64().unwrap_or(i64::MAX) - claims["iat"].as_i64().unwrap_or(0);
    let is_hers = claims["iss"] == issuer
        && claims["aud"] == scene.client_id
        && claims["email"] == ADA
        && [claims["sub"].as_str().unwrap_or_default()] == seen.values("x-nightlatch-user")[..]
        && [claims["sid"].as_str().unwrap_or_default()] == seen.values("x-nightlatch-session")[..];
    ensure(known && is_hers && (1..=300).contains(&life), || {
        format!("another token: {header} {claims}")
    })
}

async fn cannot_be_asked(kind: Kind) -> Outcome {
    let mut scene = Scene::new(kind).await?;
    let lived = live_without_us(&mut scene);
    lived.map_err(|failure| scene.explain(failure))
}

fn live_without_us(scene: &mut Scene) -> Outcome {
    scene.sign_in(Device::Laptop, "/secret")?;
    scene.nightlatch.kill()?;
    for path in ["/secret", "/public/page"] {
        let (answer, seen) = scene.look(Device::Laptop, path)?;
        ensure(
            answer.status == scene.kind.unavailable() && seen.is_none(),
            || format!("not refused: {} {seen:?}", answer.in_short()),
        )?;
    }
    scene.nightlatch.start()?;
    let (answer, seen) = scene.look(Device::Laptop, "/secret")?;
    ensure(answer.status == 200, || {
        format!("she is not in again: {}", answer.in_short())
    })?;
    seen.as_ref().map_or(Ok(()), is_ada)
}
