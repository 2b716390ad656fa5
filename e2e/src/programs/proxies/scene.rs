//! Nightlatch, a proxy, an app behind it, and Ada's browsers.

use url::Url;

use super::super::browser::{Answer, Browser, exchange};
use super::super::mail_server::free_port;
use super::super::nightlatch::{ADA, Nightlatch};
use super::super::process::Process;
use super::super::scratch::Scratch;
use super::app::{App, Seen};
use super::kind::{Kind, Ports};
use crate::failure::{Failure, Outcome, ensure};
use crate::wait;

/// The host of the app, without its port.
pub(super) const HOST: &str = "wiki.localhost";

pub(super) struct Scene {
    pub(super) kind: Kind,
    pub(super) nightlatch: Nightlatch,
    pub(super) app: App,
    /// The app, as it is registered.
    pub(super) client_id: String,
    /// `http://wiki.localhost:1234`.
    pub(super) origin: String,
    /// Another protected app, which another proxy would stand before.
    pub(super) elsewhere: String,
    pub(super) laptop: Browser,
    pub(super) phone: Browser,
    proxy: Process,
    // Dropped last: the others write into it.
    _scratch: Scratch,
}

impl Scene {
    pub(super) async fn new(kind: Kind) -> Outcome<Self> {
        Self::with(kind, &[]).await
    }

    /// One whose server has these settings besides.
    pub(super) async fn with(kind: Kind, settings: &[(&str, String)]) -> Outcome<Self> {
        let scratch = Scratch::new()?;
        let trusted = ("NIGHTLATCH_TRUSTED_PROXIES", "127.0.0.1/32".to_owned());
        let settings: Vec<_> = settings.iter().cloned().chain([trusted]).collect();
        let mut nightlatch = Nightlatch::install(&scratch, &settings)?;
        let app = App::start()?;
        let ports = Ports {
            host: HOST,
            proxy: free_port()?,
            nightlatch: nightlatch.port(),
            app: app.port(),
        };
        let origin = format!("http://{HOST}:{}", ports.proxy);
        // Its proxy is left out: its own pages, which is all of it that is needed, are ours.
        let elsewhere = format!("http://notes.localhost:{}", ports.nightlatch);
        let wiki = nightlatch.add_app(&[
            "--name=Wiki".to_owned(),
            format!("--protect={origin}"),
            "--public-path=/public/".to_owned(),
            "--signed-headers".to_owned(),
        ])?;
        nightlatch.add_app(&["--name=Notes".to_owned(), format!("--protect={elsewhere}")])?;
        nightlatch.start()?;
        let command = kind.command(&scratch, ports)?;
        let log = scratch.path().join("proxy.log");
        let proxy = Process::start(command, ports.proxy, log).await?;
        let scene = Self {
            kind,
            nightlatch,
            app,
            client_id: wiki.client_id,
            origin,
            elsewhere,
            laptop: Browser::default(),
            phone: Browser::default(),
            proxy,
            _scratch: scratch,
        };
        // Some listen before they have read what they are to do.
        wait::until("the proxy to know the app", wait::PATIENCE, async || {
            let (answer, _) = scene.send("GET /public/page", &[])?;
            Ok(answer.filter(|answer| answer.status == 200).map(|_| ()))
        })
        .await
        .map_err(|failure| scene.explain(failure))?;
        Ok(scene)
    }

    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// What one navigation of a browser made the app see; nothing if it was refused.
    pub(super) fn look(&mut self, which: Device, path: &str) -> Outcome<(Answer, Option<Seen>)> {
        let address = self.at(path);
        self.app.take();
        let answer = self.browser(which).look(&address)?;
        Ok((answer, self.app.take().pop()))
    }

    /// A request, letter by letter, and what the app saw of it. An answer is missing if the proxy only hung up.
    pub(super) fn send(
        &self,
        line: &str,
        headers: &[(&str, &str)],
    ) -> Outcome<(Option<Answer>, Vec<Seen>)> {
        let url = Url::parse(&self.origin)?;
        let mut head = vec![format!("{line} HTTP/1.1")];
        let says = |wanted: &str| {
            let mut names = headers.iter();
            names.any(|(name, _)| name.eq_ignore_ascii_case(wanted))
        };
        if !says("host") {
            head.push(format!("Host: {}", &self.origin["http://".len()..]));
        }
        if !says("connection") {
            head.push("Connection: close".to_owned());
        }
        head.extend(
            headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}")),
        );
        self.app.take();
        let answer = exchange(&url, &format!("{}\r\n\r\n", head.join("\r\n")));
        Ok((answer.ok(), self.app.take()))
    }

    pub(super) fn browser(&mut self, which: Device) -> &mut Browser {
        match which {
            Device::Laptop => &mut self.laptop,
            Device::Phone => &mut self.phone,
        }
    }

    /// Ada opens a page of the app, signs in, and sees that very page.
    pub(super) fn sign_in(&mut self, which: Device, path: &str) -> Outcome<Seen> {
        let (address, issuer) = (self.at(path), self.nightlatch.issuer());
        let browser = self.browser(which);
        let page = browser.open(&address)?;
        ensure(page.url.as_str().starts_with(&issuer), || {
            format!("she is not sent to us: {}", page.in_short())
        })?;
        let early = self.app.take();
        ensure(early.is_empty(), || {
            format!("the app was reached: {early:?}")
        })?;
        let entered = self.browser(which).sign_in(&page)?;
        ensure(entered.url.as_str() == address, || {
            format!("she does not come back: {}", entered.in_short())
        })?;
        entered.is_page("The app saw")?;
        let seen = self.app.take().pop();
        let seen = seen.ok_or_else(|| Failure::new("the app saw nothing"))?;
        ensure(seen.line == format!("GET {path} HTTP/1.1"), || {
            format!("the app was asked for {}", seen.line)
        })?;
        is_ada(&seen)?;
        Ok(seen)
    }

    /// A navigation is led to the sign-in page, and the app sees nothing of it.
    pub(super) fn is_refused(&mut self, which: Device) -> Outcome {
        let (answer, seen) = self.look(which, "/secret")?;
        let to = answer.leads_to()?;
        let expected = self.at("/.nightlatch/sign-in?to=/secret");
        ensure(
            seen.is_none() && to.as_ref().is_some_and(|to| to.as_str() == expected),
            || format!("not refused: {} {seen:?}", answer.in_short()),
        )
    }

    /// Adds what the programs complained of.
    pub(super) fn explain(&self, failure: Failure) -> Failure {
        let last = |text: String| {
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(12)..].join("\n")
        };
        failure.during(format!(
            "{:?} said: {}\nnightlatch said: {}\n",
            self.kind,
            last(self.proxy.log()),
            last(self.nightlatch.log())
        ))
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Device {
    Laptop,
    Phone,
}

/// The app learns who it is, and gets nothing that would open it.
pub(super) fn is_ada(seen: &Seen) -> Outcome {
    for name in ["x-nightlatch-email", "remote-user", "remote-email"] {
        ensure(seen.values(name) == [ADA], || {
            format!("{name} is not Ada's address: {seen:?}")
        })?;
    }
    ensure(seen.values("x-nightlatch-name") == ["Ada Lovelace"], || {
        format!("another name: {seen:?}")
    })?;
    has_no_cookie_of_ours(seen)
}

pub(super) fn has_no_cookie_of_ours(seen: &Seen) -> Outcome {
    let cookies = seen.values("cookie").join("; ").to_ascii_lowercase();
    ensure(!cookies.contains("nightlatch"), || {
        format!("the app got a cookie of ours: {seen:?}")
    })
}
