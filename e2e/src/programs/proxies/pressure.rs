//! What proxies make of us while we answer late, not at all, without a database, or very often at once (FWD-07, D7).

use std::io::Write as _;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use nightlatch_storage::DatabaseLocation;
use nightlatch_storage::testing::{TestDatabase, TestStore, fresh_store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Url;

use super::kind::Kind;
use super::scene::{Device, HOST, Scene, is_ada};
use crate::failure::{Failure, Outcome, ensure};
use crate::wait;

/// How many requests of one page come at once (D7).
const AT_ONCE: usize = 2_000;

pub(super) async fn nginx_refuses_while_we_hang() -> Outcome {
    hangs(Kind::Nginx).await
}

pub(super) async fn caddy_refuses_while_we_hang() -> Outcome {
    hangs(Kind::Caddy).await
}

pub(super) async fn traefik_refuses_while_we_hang() -> Outcome {
    hangs(Kind::Traefik).await
}

pub(super) async fn envoy_refuses_while_we_hang() -> Outcome {
    hangs(Kind::Envoy).await
}

/// We take the question and never answer it: whoever asks waits for seconds, and is then refused.
async fn hangs(kind: Kind) -> Outcome {
    let mut scene = Scene::new(kind).await?;
    let lived = live_while_we_hang(&mut scene).await;
    lived.map_err(|failure| scene.explain(failure))
}

async fn live_while_we_hang(scene: &mut Scene) -> Outcome {
    scene.sign_in(Device::Laptop, "/secret")?;
    scene.nightlatch.hang().await?;
    let asked = scene.look(Device::Laptop, "/secret");
    scene.nightlatch.go_on()?;
    let (answer, seen) = asked?;
    ensure(
        answer.status == scene.kind.unanswered() && seen.is_none(),
        || format!("not refused: {} {seen:?}", answer.in_short()),
    )?;
    is_in_again(scene).await
}

/// The same cookie opens the app as soon as there is an answer; nobody was logged out meanwhile.
async fn is_in_again(scene: &mut Scene) -> Outcome {
    let cookie = scene.laptop.cookies(HOST);
    let scene = &*scene;
    let seen = wait::until("her to be in again", wait::PATIENCE, async || {
        let (answer, mut seen) = scene.send("GET /secret", &[("Cookie", &cookie)])?;
        let status = answer.map_or(0, |answer| answer.status);
        ensure(![401, 302].contains(&status), || {
            format!("she is sent away: {status}")
        })?;
        Ok(seen.pop().filter(|_| status == 200))
    })
    .await?;
    is_ada(&seen)
}

pub(super) async fn nginx_says_unavailable_while_the_database_is_stopped() -> Outcome {
    without_a_database(Kind::Nginx).await
}

pub(super) async fn caddy_says_unavailable_while_the_database_is_stopped() -> Outcome {
    without_a_database(Kind::Caddy).await
}

pub(super) async fn traefik_says_unavailable_while_the_database_is_stopped() -> Outcome {
    without_a_database(Kind::Traefik).await
}

pub(super) async fn envoy_says_unavailable_while_the_database_is_stopped() -> Outcome {
    without_a_database(Kind::Envoy).await
}

/// On PostgreSQL, with a door before it that is closed: 503, never 200, and never the 401 or the way to the sign-in page
/// that would make a person believe they were logged out.
async fn without_a_database(kind: Kind) -> Outcome {
    let door = tokio::task::spawn_blocking(Door::open).await??;
    let database = ("NIGHTLATCH_DATABASE", door.address.clone());
    let mut scene = Scene::with(kind, &[database]).await?;
    let lived = live_without_a_database(&mut scene, &door).await;
    let lived = lived.map_err(|failure| scene.explain(failure));
    drop(scene);
    // Its store waits for connections to end, which no async task may.
    tokio::task::spawn_blocking(move || drop(door)).await?;
    lived
}

async fn live_without_a_database(scene: &mut Scene, door: &Door) -> Outcome {
    scene.sign_in(Device::Laptop, "/secret")?;
    door.close();
    let cookie = scene.laptop.cookies(HOST);
    for line in ["GET /secret", "GET /public/page", "POST /secret"] {
        for cookie in [Some(cookie.as_str()), Some("__Host-nightlatch-app=x"), None] {
            let cookie = cookie.map(|cookie| ("Cookie", cookie));
            let headers = [("Content-Length", "0"), ("Accept", "text/html")];
            let headers: Vec<_> = headers.into_iter().chain(cookie).collect();
            let (answer, seen) = scene.send(line, &headers)?;
            let refused = answer.as_ref().is_some_and(|answer| answer.status == 503);
            ensure(refused && seen.is_empty(), || {
                format!("{line} {cookie:?}: {answer:?} {seen:?}")
            })?;
        }
    }
    door.open_again();
    is_in_again(scene).await
}

/// A database of its own, and a door before it that can be closed.
struct Door {
    address: String,
    is_open: Arc<AtomicBool>,
    through: Arc<Mutex<Vec<TcpStream>>>,
    _database: TestStore,
}

impl Door {
    fn open() -> Outcome<Self> {
        let database = fresh_store(TestDatabase::Postgres);
        let DatabaseLocation::Postgres(address) = database.location() else {
            return Err(Failure::new("not on PostgreSQL"));
        };
        let mut address = Url::parse(&address)?;
        let behind = format!(
            "{}:{}",
            address.host_str().unwrap_or("127.0.0.1"),
            address.port().unwrap_or(5432)
        );
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let moved =
            address.set_host(Some("127.0.0.1")).is_ok() && address.set_port(Some(port)).is_ok();
        ensure(moved, || "the address has no host".to_owned())?;
        let (is_open, through) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let door = Self {
            address: address.to_string(),
            is_open: Arc::clone(&is_open),
            through: Arc::clone(&through),
            _database: database,
        };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if is_open.load(Ordering::SeqCst) {
                    // One that cannot be passed on is closed, as a database that is down would.
                    let _ = pass_on(&stream, &behind, &through);
                }
            }
        });
        Ok(door)
    }

    fn close(&self) {
        self.is_open.store(false, Ordering::SeqCst);
        let mut through = self.through.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in through.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn open_again(&self) {
        self.is_open.store(true, Ordering::SeqCst);
    }
}

fn pass_on(here: &TcpStream, behind: &str, through: &Mutex<Vec<TcpStream>>) -> Outcome {
    let there = TcpStream::connect(behind)?;
    for (from, to) in [(here, &there), (&there, here)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.flush();
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    let mut through = through.lock().unwrap_or_else(PoisonError::into_inner);
    through.extend([here.try_clone()?, there]);
    Ok(())
}

/// One page, two thousand times at once, with a cookie that is good: nobody is told that it is not (D7).
pub(super) async fn nginx_refuses_nobody_of_two_thousand_at_once() -> Outcome {
    let mut scene = Scene::new(Kind::Nginx).await?;
    let burst = burst(&mut scene).await;
    burst.map_err(|failure| scene.explain(failure))
}

async fn burst(scene: &mut Scene) -> Outcome {
    scene.sign_in(Device::Laptop, "/secret")?;
    let url = Url::parse(&scene.origin)?;
    let port = url.port().unwrap_or_default();
    let whole = Arc::new(format!(
        "GET /secret HTTP/1.1\r\nHost: {HOST}:{port}\r\nCookie: {}\r\nConnection: close\r\n\r\n",
        scene.laptop.cookies(HOST)
    ));
    scene.app.take();
    let asked: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let whole = Arc::clone(&whole);
            tokio::spawn(async move { status(port, &whole).await })
        })
        .collect();
    let (mut let_in, mut others) = (0, Vec::new());
    for one in asked {
        match one.await? {
            Ok(200) => let_in += 1,
            other => others.push(other),
        }
    }
    crate::report::say(format_args!("   {let_in} of {AT_ONCE} were let in"));
    ensure(others.is_empty(), || {
        format!(
            "{} were not let in, the first: {:?}",
            others.len(),
            others.first()
        )
    })?;
    let seen = scene.app.take();
    ensure(seen.len() == AT_ONCE, || {
        format!("the app saw {}", seen.len())
    })?;
    seen.iter().try_for_each(is_ada)
}

/// The status of one answer that is read to its end.
async fn status(port: u16, whole: &str) -> Outcome<u16> {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(whole.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let status = text.split(' ').nth(1).unwrap_or_default();
    Ok(status.parse()?)
}
