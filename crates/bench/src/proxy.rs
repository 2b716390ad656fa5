//! The check over HTTP, beside nginx that answers a bare `return 204`: the same
//! generator, connections and request, one after the other in pairs.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::Clock as _;
use nightlatch_domain::ending::Scope;
use nightlatch_flows::operator_endings::end_for_operator;
use nightlatch_server::config::Config;
use nightlatch_server::serve::Server;
use nightlatch_server::wire::{SystemClock, SystemRandom, World};
use tokio::runtime::Runtime;

use crate::machine::{children, processor_seconds, resident_bytes};
use crate::{median, row};
use nightlatch_bench::population::{HOST, add_person, found};

/// How long each side is asked at a time, and how many pairs there are.
const SECONDS: u32 = 3;
const PAIRS: usize = 5;

/// How many people are there to be ended while checks go on, and how many a second.
const ENDED: usize = 1_000;
const PAUSE: Duration = Duration::from_millis(60);

/// What one side did in its turn.
struct Turn {
    /// Requests a second.
    rate: f64,
    /// Microseconds of processor time for each.
    cost: f64,
}

pub(crate) fn run(_: &Runtime) {
    let directory = std::env::temp_dir().join(format!("nightlatch-bench-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let nginx = Nginx::start(&directory);
    let mut ours = Ours::start(&directory);
    row(
        "idle server, resident, beside the limit",
        ours.idle_bytes / 1e6,
        40.0,
        "MB",
    );
    let (mut quiet_rate, mut quiet_cost) = (f64::NAN, f64::NAN);
    for (what, endings) in [
        ("quiet", false),
        ("while 1,000 endings a minute happen", true),
    ] {
        if endings {
            ours.say("end");
        }
        let (mut our_rate, mut our_cost) = (Vec::new(), Vec::new());
        let (mut their_rate, mut their_cost) = (Vec::new(), Vec::new());
        for _ in 0..PAIRS {
            let theirs = turn(&nginx.address, &ours.cookie, &nginx.processes());
            let mine = turn(&ours.address, &ours.cookie, &[ours.child.id()]);
            our_rate.push(mine.rate);
            our_cost.push(mine.cost);
            their_rate.push(theirs.rate);
            their_cost.push(theirs.cost);
        }
        let (our_rate, our_cost) = (median(our_rate), median(our_cost));
        row(
            &format!("forward-auth, {what}: processor time"),
            our_cost,
            median(their_cost),
            "us",
        );
        row(
            &format!("forward-auth, {what}: rate"),
            our_rate / 1_000.0,
            median(their_rate) / 1_000.0,
            "k",
        );
        if endings {
            let what = "forward-auth, with endings beside quiet";
            row(
                &format!("{what}: processor time"),
                our_cost,
                quiet_cost,
                "us",
            );
            let (ours, quiet) = (our_rate / 1_000.0, quiet_rate / 1_000.0);
            row(&format!("{what}: rate"), ours, quiet, "k");
        }
        (quiet_rate, quiet_cost) = (our_rate, our_cost);
    }
    drop((ours, nginx));
    std::fs::remove_dir_all(&directory).expect("what was made");
}

/// Asks as a proxy does, for some seconds.
fn turn(address: &str, cookie: &str, processes: &[u32]) -> Turn {
    let before = processor_seconds(processes);
    let output = Command::new("wrk")
        .args(["-t", "1", "-c", "32", "-d"])
        .arg(format!("{SECONDS}s"))
        .args(["-H", &format!("X-Original-URL: {HOST}/page?id=7")])
        .args(["-H", "X-Original-Method: GET"])
        .args([
            "-H",
            &format!("Cookie: theme=dark; __Host-nightlatch-app={cookie}"),
        ])
        .args(["-H", "Sec-Fetch-Mode: cors", "-H", "Accept: */*"])
        .arg(format!("http://{address}/forward-auth/nginx"))
        .output()
        .expect("wrk, from Debian's package");
    let used = processor_seconds(processes) - before;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        !text.contains("Non-2xx"),
        "not everybody was let in:\n{text}"
    );
    let line = text.lines().find(|line| line.contains("requests in"));
    let count = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    let count = count.unwrap_or_else(|| panic!("wrk said:\n{text}"));
    Turn {
        rate: count / f64::from(SECONDS),
        cost: used * 1e6 / count,
    }
}

struct Nginx {
    child: Child,
    address: String,
}

impl Nginx {
    fn start(directory: &Path) -> Self {
        let port = free_port();
        let file = directory.join("nginx.conf");
        let home = directory.display();
        let text = format!(
            "daemon off; worker_processes 2; pid {home}/nginx.pid; error_log {home}/error.log crit;
             events {{ worker_connections 1024; }}
             http {{ access_log off; keepalive_requests 1000000000;
               client_body_temp_path {home}/a; proxy_temp_path {home}/b; fastcgi_temp_path {home}/c;
               uwsgi_temp_path {home}/d; scgi_temp_path {home}/e;
               server {{ listen 127.0.0.1:{port}; location / {{ return 204; }} }} }}"
        );
        std::fs::write(&file, text).expect("a configuration");
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx, from Debian's package nginx-light");
        let address = format!("127.0.0.1:{port}");
        wait_for(&address);
        Self { child, address }
    }

    fn processes(&self) -> Vec<u32> {
        children(self.child.id())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its master ends its workers, but only when asked kindly.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
    }
}

struct Ours {
    child: Child,
    address: String,
    cookie: String,
    /// What it held in memory before anybody was there.
    idle_bytes: f64,
}

impl Ours {
    fn start(directory: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .arg("serve")
            .arg(directory.join("data"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program again");
        let stdout = child.stdout.take().expect("its output");
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line)
            .expect("a line");
        let words: Vec<&str> = line.split_whitespace().collect();
        let [address, cookie, idle_bytes] = words.as_slice() else {
            panic!("the server said: {line}");
        };
        Self {
            address: (*address).to_owned(),
            cookie: (*cookie).to_owned(),
            idle_bytes: idle_bytes.parse().expect("a size"),
            child,
        }
    }

    fn say(&mut self, word: &str) {
        let stdin = self.child.stdin.as_mut().expect("its input");
        writeln!(stdin, "{word}").expect("somebody who listens");
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The child: a server with an app behind a proxy, until nobody speaks to it any more.
pub(crate) async fn serve() {
    let data = PathBuf::from(std::env::args().nth(2).expect("a directory"));
    let mut config = Config::local(&data);
    config.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    let server = Server::start(config, &World::system())
        .await
        .expect("a server");
    let app = Arc::clone(server.app());
    let idle_bytes = resident_bytes("self");
    let (now, store) = (SystemClock.now(), app.store.clone());
    let (cookie, ended) = tokio::task::spawn_blocking(move || {
        found(&store, now);
        let (_, cookie) = add_person(&store, now, &SystemRandom, 1);
        let ended: Vec<_> = (0..ENDED)
            .map(|_| add_person(&store, now, &SystemRandom, 1).0)
            .collect();
        (cookie, ended)
    })
    .await
    .expect("people");
    println!("{} {} {idle_bytes}", server.address(), cookie.reveal());
    // Lines come from a thread of their own; its end is the end of our input.
    let (heard, mut words) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let _ = heard.send(line);
        }
    });
    while words.recv().await.is_some() {
        let (app, ended) = (Arc::clone(&app), ended.clone());
        tokio::spawn(async move {
            for user in ended {
                let moment = app.moment();
                let scope = Scope::AllOf(user);
                let done = app
                    .store
                    .write_ending(move |tx| end_for_operator(tx, &moment, scope.clone(), None));
                done.await.expect("an ending");
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
    server.stop().await;
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its number").port()
}

#[expect(
    clippy::disallowed_methods,
    reason = "another program starts, and says nothing when it is ready"
)]
fn wait_for(address: &str) {
    for _ in 0..200 {
        if std::net::TcpStream::connect(address).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nothing listens at {address}");
}
