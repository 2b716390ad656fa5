//! Ways around a proxy that somebody may try: other spellings of paths, hosts, methods and headers (FWD-02, FWD-03,
//! FWD-07, FWD-08).

use super::app::Seen;
use super::kind::Kind;
use super::scene::{Device, HOST, Scene, has_no_cookie_of_ours, is_ada};
use crate::failure::{Outcome, ensure};

pub(super) async fn nobody_gets_around_nginx() -> Outcome {
    nobody_gets_around(Kind::Nginx).await
}

pub(super) async fn nobody_gets_around_caddy() -> Outcome {
    nobody_gets_around(Kind::Caddy).await
}

pub(super) async fn nobody_gets_around_traefik() -> Outcome {
    nobody_gets_around(Kind::Traefik).await
}

pub(super) async fn nobody_gets_around_envoy() -> Outcome {
    nobody_gets_around(Kind::Envoy).await
}

async fn nobody_gets_around(kind: Kind) -> Outcome {
    let mut scene = Scene::new(kind).await?;
    let tried = try_everything(&mut scene);
    tried.map_err(|failure| scene.explain(failure))
}

fn try_everything(scene: &mut Scene) -> Outcome {
    public_paths_are_public(scene)?;
    by_path(scene)?;
    by_method(scene)?;
    by_what_only_proxies_say(scene)?;
    by_host(scene)?;
    scene.sign_in(Device::Laptop, "/secret")?;
    by_identity(scene)?;
    by_size(scene)
}

/// Without this, the attacks would prove nothing.
fn public_paths_are_public(scene: &Scene) -> Outcome {
    let (answer, seen) = scene.send("GET /public/page", &[])?;
    let is_open = answer.as_ref().is_some_and(|answer| answer.status == 200);
    ensure(is_open && seen.len() == 1, || {
        format!("not public: {answer:?} {seen:?}")
    })?;
    is_nobody(&seen[0])
}

fn is_nobody(seen: &Seen) -> Outcome {
    let names_somebody = seen.headers.iter().any(|(name, value)| {
        let name = name.replace('_', "-");
        (name.starts_with("x-nightlatch") || name.starts_with("remote-")) && !value.is_empty()
    });
    ensure(!names_somebody, || format!("names somebody: {seen:?}"))
}

/// The app is not reached, or with a plain public path and in nobody's name.
fn leads_nowhere(scene: &Scene, line: &str, headers: &[(&str, &str)]) -> Outcome {
    let (answer, seen) = scene.send(line, headers)?;
    for seen in &seen {
        let path = seen.line.split(' ').nth(1).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default();
        let is_plain = path.starts_with("/public/")
            && !["..", "//", "%", ";", "\\"]
                .iter()
                .any(|odd| path.contains(odd));
        ensure(is_plain, || {
            format!("{line} {headers:?} reached the app: {answer:?} {seen:?}")
        })?;
        is_nobody(seen)?;
    }
    Ok(())
}

fn by_path(scene: &Scene) -> Outcome {
    let origin = &scene.origin;
    let absolute = format!("{origin}/secret");
    for target in [
        "/secret",
        "//secret",
        "///secret",
        "/./secret",
        "/%73ecret",
        "/secret%00",
        "/secret/.nightlatch/",
        "/secret?/.nightlatch/",
        "/secret?/public/",
        "/secret#/public/",
        "/secret;/public/",
        "/SECRET",
        "\\secret",
        "secret",
        "*",
        "/public",
        "/public/../secret",
        "/public/./../secret",
        "/public//../secret",
        "/public/%2e%2e/secret",
        "/public/%2E%2E/secret",
        "/public/.%2e/secret",
        "/public/..%2fsecret",
        "/public/..%2Fsecret",
        "/public/..%5csecret",
        "/public/..\\secret",
        "/public/..;/secret",
        "/public/%252e%252e/secret",
        "/public/%c0%ae%c0%ae/secret",
        "/public%2f..%2fsecret",
        "/PUBLIC/../secret",
        "//public/../secret",
        "/.nightlatch",
        "/.nightlatch/../secret",
        "/.nightlatch/%2e%2e/secret",
        "/.nightlatch/..%2fsecret",
        "/.nightlatch/leave.js/../../secret",
        "/.nightlatch//../secret",
        "/.nightlatch/..;/secret",
        "/.nightlatch%2f..%2fsecret",
        "/.nightlatch\\..\\secret",
        "/.NIGHTLATCH/../secret",
        "/%2enightlatch/../secret",
        "//.nightlatch/../secret",
        "/.nightlatch/check",
        "/.nightlatch/check/../../secret",
        "/forward-auth/nginx",
        absolute.as_str(),
    ] {
        leads_nowhere(scene, &format!("GET {target}"), &[])?;
    }
    Ok(())
}

fn by_method(scene: &Scene) -> Outcome {
    for method in [
        "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "PURGE", "get",
        "Get", "FOO", "G-E_T",
    ] {
        leads_nowhere(
            scene,
            &format!("{method} /secret"),
            &[("Content-Length", "0")],
        )?;
    }
    let other = [("X-HTTP-Method-Override", "GET"), ("Content-Length", "0")];
    leads_nowhere(scene, "POST /secret", &other)
}

/// Whatever proxies say of a request, a client may say too.
fn by_what_only_proxies_say(scene: &Scene) -> Outcome {
    let url = scene.at("/public/page");
    let host = &scene.origin["http://".len()..];
    for (name, value) in [
        ("X-Forwarded-Uri", "/public/page"),
        ("x-forwarded-uri", "/public/page"),
        ("X_Forwarded_Uri", "/public/page"),
        ("X-Forwarded-Path", "/public/page"),
        ("X-Original-URL", &url),
        ("X_Original_URL", &url),
        ("X-Rewrite-URL", "/public/page"),
        ("X-Envoy-Original-Path", "/public/page"),
        ("X-Forwarded-Host", host),
        ("X-Forwarded-Method", "OPTIONS"),
        ("X-Original-Method", "OPTIONS"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Prefix", "/public"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("Forwarded", "for=127.0.0.1;proto=https"),
    ] {
        leads_nowhere(scene, "GET /secret", &[(name, value)])?;
        leads_nowhere(scene, "GET /secret", &[(name, value), (name, value)])?;
        // What stands in `Connection` belongs to one connection, and proxies take it away.
        let connection = format!("close, {name}");
        leads_nowhere(
            scene,
            "GET /secret",
            &[(name, value), ("Connection", &connection)],
        )?;
    }
    Ok(())
}

/// Ada may enter another app, and asks for this one by that app's name, or the other way round.
fn by_host(scene: &mut Scene) -> Outcome {
    let elsewhere = format!("{}/.nightlatch/sign-in?to=/", scene.elsewhere);
    let page = scene.phone.open(&elsewhere)?;
    scene.phone.sign_in(&page)?;
    let cookie = scene.phone.cookies("notes.localhost");
    ensure(cookie.contains("__Host-nightlatch-app="), || {
        format!("no cookie of the other app: {cookie}")
    })?;
    let own = scene.origin["http://".len()..].to_owned();
    let other = scene.elsewhere["http://".len()..].to_owned();
    let port = own.rsplit(':').next().unwrap_or_default();
    let hosts = [
        own.clone(),
        other.clone(),
        own.to_ascii_uppercase(),
        HOST.to_owned(),
        format!("{HOST}.:{port}"),
        format!("{HOST}:0{port}"),
        format!("{HOST}:80"),
        format!("{HOST}:{port}@{other}"),
        format!("{other}@{own}"),
        format!("{own}, {other}"),
        format!("127.0.0.1:{port}"),
        "localhost".to_owned(),
        String::new(),
    ];
    for host in &hosts {
        for line in [
            "GET /secret".to_owned(),
            format!("GET {}/secret", scene.origin),
            format!("GET {}/secret", scene.elsewhere),
        ] {
            leads_nowhere(scene, &line, &[("Host", host), ("Cookie", &cookie)])?;
        }
        let twice = [
            ("Host", host.as_str()),
            ("Host", &other),
            ("Cookie", &cookie),
        ];
        leads_nowhere(scene, "GET /secret", &twice)?;
    }
    Ok(())
}

/// Ada is signed in and claims to be somebody else. Whatever reaches the app says that she is Ada.
fn by_identity(scene: &Scene) -> Outcome {
    let cookie = scene.laptop.cookies(HOST);
    let mut reached = 0;
    for name in [
        "X-Nightlatch-User",
        "x-nightlatch-user",
        "X-NIGHTLATCH-USER",
        "X_Nightlatch_User",
        "X-Nightlatch_User",
        "X-Nightlatch-Email",
        "X_NIGHTLATCH_EMAIL",
        "X-Nightlatch-Name",
        "X-Nightlatch-Groups",
        "X_Nightlatch-Groups",
        "X-Nightlatch-Session",
        "X-Nightlatch-Token",
        "x_nightlatch_token",
        "Remote-User",
        "REMOTE_USER",
        "Remote_User",
        "remote-user",
        "Remote-Email",
        "Remote-Name",
        "Remote-Groups",
        "Remote_Groups",
        "X-Nightlatch-User ",
        " X-Nightlatch-User",
    ] {
        let connection = format!("close, {}", name.trim());
        let claims: [&[(&str, &str)]; 3] = [
            &[(name, "mallory")],
            &[(name, "mallory"), (name, "mallory")],
            &[(name, "mallory"), ("Connection", &connection)],
        ];
        for claim in claims {
            for (line, cookie) in [
                ("GET /secret", Some(&cookie)),
                ("GET /public/page", Some(&cookie)),
                ("GET /public/page", None),
                ("GET /secret", None),
            ] {
                let cookie = cookie.map(|cookie| ("Cookie", cookie.as_str()));
                let headers: Vec<(&str, &str)> = claim.iter().copied().chain(cookie).collect();
                let (_, seen) = scene.send(line, &headers)?;
                for seen in &seen {
                    reached += 1;
                    let claims = seen
                        .headers
                        .iter()
                        .any(|(_, value)| value.contains("mallory"));
                    ensure(!claims, || format!("{headers:?} reached the app: {seen:?}"))?;
                    has_no_cookie_of_ours(seen)?;
                    // Nor may they take her name away.
                    if seen.line.starts_with("GET /secret ") {
                        is_ada(seen)?;
                    }
                }
            }
        }
    }
    crate::report::say(format_args!(
        "   {reached} of the claims were overwritten, the others refused"
    ));
    // And without a claim she is in, so that it was the claims that were refused.
    let (_, seen) = scene.send("GET /secret", &[("Cookie", &cookie)])?;
    ensure(seen.len() == 1, || "she is not in".to_owned())?;
    is_ada(&seen[0])
}

/// Many cookies are no reason to be refused, and too many none to be let in.
fn by_size(scene: &Scene) -> Outcome {
    let (own, filler) = (scene.laptop.cookies(HOST), "x".repeat(6_000));
    let (_, seen) = scene.send(
        "GET /secret",
        &[("Cookie", &format!("{own}; filler={filler}"))],
    )?;
    let cookie = format!("filler={filler}");
    ensure(
        seen.len() == 1 && seen[0].values("cookie") == [cookie.as_str()],
        || format!("many cookies: {seen:?}"),
    )?;
    is_ada(&seen[0])?;
    let huge = "x".repeat(200_000);
    for (name, value) in [
        ("Cookie", format!("filler={huge}")),
        ("X-Filler", huge.clone()),
    ] {
        leads_nowhere(scene, "GET /secret", &[(name, &value)])?;
    }
    leads_nowhere(scene, &format!("GET /secret?{huge}"), &[])?;
    let many: Vec<(&str, &str)> = std::iter::repeat_n(("X-Filler", "x"), 2_000).collect();
    leads_nowhere(scene, "GET /secret", &many)
}
