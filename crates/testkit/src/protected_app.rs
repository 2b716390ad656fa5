//! An app behind a proxy, and what a browser and the proxy do together: the proxy asks
//! about each request, hands the answer on, and routes `/.nightlatch/` to the site.

use futures_util::future::join_all;
use nightlatch_domain::relying_party::protection::{ProtectedHost, Protection};
use nightlatch_domain::relying_party::{Registration, RelyingParty};
use nightlatch_protocols::forward_auth::Proxy;
use nightlatch_storage::testing::TestDatabase;
use url::Url;

use crate::answer::Answer;
use crate::ask::Ask;
use crate::browser::Browser;
use crate::site::{Site, SiteOptions};

/// Where the proxy of stories stands.
const PROXY: &str = "10.9.9.9";

/// An app behind a proxy.
#[derive(Debug, Clone)]
pub struct ProtectedApp {
    /// The app.
    pub app: RelyingParty,
    /// Its first host.
    pub host: ProtectedHost,
}

/// The way back in the address of a sign-in page.
///
/// # Panics
///
/// If it is no address.
pub fn way_back(address: &str) -> Option<String> {
    let url = Url::parse(address).expect("an address");
    let mut pairs = url.query_pairs();
    pairs
        .find(|(name, _)| name == "to")
        .map(|(_, value)| value.into_owned())
}

impl Site {
    /// A site that believes the proxy of stories.
    ///
    /// # Panics
    ///
    /// Never: the network is one.
    pub fn behind_proxy(which: TestDatabase) -> Self {
        let options = SiteOptions {
            trusted_proxies: vec![format!("{PROXY}/32").parse().expect("a network")],
            ..SiteOptions::default()
        };
        Self::with(which, options)
    }

    /// Registers an app that is reached at `https://{name}.example.net` and nothing but
    /// protected; `change` says how it differs from one that lets everybody in.
    ///
    /// # Panics
    ///
    /// If it cannot be registered so.
    pub fn protect_app(&self, name: &str, change: impl FnOnce(&mut Protection)) -> ProtectedApp {
        let host = format!("https://{}.example.net", name.to_lowercase());
        let host = ProtectedHost::parse(&host).expect("a host");
        let mut rule = Protection {
            hosts: vec![host.clone()],
            ..Protection::default()
        };
        change(&mut rule);
        let app = self.connect_app(name, |registration| {
            *registration = Registration {
                protection: Some(rule),
                ..Registration::default()
            };
            assert_eq!(registration.judge(), Ok(()));
        });
        ProtectedApp { app, host }
    }

    /// A browser that nobody has used yet, and what it keeps on an app's host.
    pub fn guest(&self, app: &ProtectedApp) -> Guest<'_> {
        let at_home = self.browser();
        let there = at_home.clone().visiting(app.host.origin());
        Guest {
            at_home,
            there,
            host: app.host.clone(),
            proxy: Proxy::Traefik,
        }
    }
}

/// One browser, at home on the site and on a protected host.
#[derive(Debug, Clone)]
pub struct Guest<'a> {
    /// What it does and keeps on the site.
    pub at_home: Browser<'a>,
    /// The same on the protected host.
    pub there: Browser<'a>,
    host: ProtectedHost,
    /// The proxy in front of the app.
    pub proxy: Proxy,
}

/// The headers of a navigation.
const NAVIGATION: [(&str, &str); 3] = [
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("accept", "text/html,application/xhtml+xml"),
];

/// The headers of a call.
const CALL: [(&str, &str); 3] = [
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
    ("accept", "application/json"),
];

impl<'a> Guest<'a> {
    /// The same browser on the host of another app.
    #[must_use]
    pub fn also_at(&self, app: &ProtectedApp) -> Self {
        let fresh = self.at_home.site.browser();
        Guest {
            at_home: self.at_home.clone(),
            there: fresh.visiting(app.host.origin()),
            host: app.host.clone(),
            proxy: self.proxy,
        }
    }

    /// The proxy asks about a request with these headers, and the browser's cookies.
    pub fn asks(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut proxy = self.there.clone().at(PROXY);
        self.question(&mut proxy, method, path, headers).send()
    }

    /// The question of the proxy, for stories that change it.
    ///
    /// # Panics
    ///
    /// Never: a host is an origin.
    pub fn question<'b>(
        &self,
        proxy: &'b mut Browser<'a>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Ask<'b, 'a> {
        let (scheme, authority) = self.host.origin().split_once("://").expect("an origin");
        let url = format!("{}{path}", self.host.origin());
        let (own_method, own_path) = match self.proxy {
            Proxy::Envoy => (method, format!("/forward-auth/envoy{path}")),
            other => ("GET", format!("/forward-auth/{}", other.name())),
        };
        let forwarded: Vec<(&str, &str)> = match self.proxy {
            Proxy::Nginx => vec![("x-original-url", &url), ("x-original-method", method)],
            Proxy::Traefik | Proxy::Caddy => vec![
                ("x-forwarded-method", method),
                ("x-forwarded-proto", scheme),
                ("x-forwarded-host", authority),
                ("x-forwarded-uri", path),
            ],
            Proxy::Envoy => vec![("x-forwarded-proto", scheme)],
        };
        let mut ask = proxy.ask(own_method, &own_path);
        for (name, value) in forwarded.into_iter().chain(headers.iter().copied()) {
            ask = ask.header(name, value);
        }
        ask
    }

    /// The proxy asks so many times at once about calls; the statuses of the answers.
    pub fn asks_at_once(&self, count: usize) -> Vec<u16> {
        let mut proxy = self.there.clone().at(PROXY);
        let site = self.at_home.site;
        let asked: Vec<_> = (0..count)
            .map(|_| self.question(&mut proxy, "GET", "/api", &CALL).build())
            .collect();
        let answers = asked
            .into_iter()
            .map(|(request, peer)| async move { site.connect(request, peer).await.status() });
        let statuses = site.block_on(join_all(answers));
        statuses.into_iter().map(|status| status.as_u16()).collect()
    }

    /// The proxy asks about a page that somebody opens.
    pub fn asks_for_page(&self, path: &str) -> Answer {
        self.asks("GET", path, &NAVIGATION)
    }

    /// The proxy asks about a call of a script.
    pub fn asks_for_call(&self, path: &str) -> Answer {
        self.asks("GET", path, &CALL)
    }

    /// Whether the app would get a call.
    ///
    /// # Panics
    ///
    /// If the check says neither yes nor no.
    pub fn is_in(&self) -> bool {
        match self.asks_for_call("/api/things").status.as_u16() {
            200 => true,
            401 | 403 => false,
            status => panic!("the check answered {status}"),
        }
    }

    /// Opens a page of the app, and goes wherever the browser is led: until the app
    /// gets the request (the path that it gets), or a page of ours is shown.
    ///
    /// # Panics
    ///
    /// If redirects do not end.
    pub fn open(&mut self, path: &str) -> Option<String> {
        let mut path = path.to_owned();
        for _ in 0..4 {
            let answer = self.asks_for_page(&path);
            if answer.status == 200 {
                return Some(path);
            }
            let to = answer
                .location()
                .or_else(|| answer.header("x-nightlatch-redirect"))
                .unwrap_or_else(|| panic!("{path}: {} leads nowhere", answer.status))
                .to_owned();
            path = self.goes_on(&to)?;
        }
        panic!("redirects without end, at last to {path}");
    }

    /// Follows an address between the two, until it is the app's; nothing if a page of
    /// ours is shown.
    ///
    /// # Panics
    ///
    /// If it leads elsewhere, or does not end.
    pub fn goes_on(&mut self, to: &str) -> Option<String> {
        let (mut to, site) = (to.to_owned(), self.at_home.site.origin());
        for _ in 0..8 {
            let answer = if let Some(path) = to.strip_prefix(self.host.origin()) {
                if !path.starts_with("/.nightlatch/") {
                    return Some(path.to_owned());
                }
                self.there.open(path)
            } else if let Some(path) = to.strip_prefix(site.as_str()) {
                self.at_home.open(path)
            } else {
                panic!("it leads to {to}");
            };
            match answer.location() {
                Some(next) => next.clone_into(&mut to),
                None => return None,
            }
        }
        panic!("redirects without end, at last to {to}");
    }

    /// Goes on from an answer of the site that leads back to the app.
    ///
    /// # Panics
    ///
    /// If it leads nowhere.
    pub fn goes_on_from(&mut self, answer: &Answer) -> Option<String> {
        let to = answer.location().expect("a way on").to_owned();
        self.goes_on(&to)
    }
}
