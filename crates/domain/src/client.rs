//! The browser and address a request came from.
//!
//! All of it is said by the other side, so it is a hint for people and never a
//! reason to trust (DEV-05). The address is believed only as far as configured
//! proxies vouch for it (DEV-04).

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// The longest part of a `User-Agent` that is kept, in characters.
const LONGEST_USER_AGENT: usize = 400;

/// Where a session or an attempt came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientDetails {
    /// The client's address as configured proxies report it.
    pub address: Option<IpAddr>,
    /// A rough place, from a local database file.
    pub place: Option<String>,
    /// What the browser calls itself, shortened, without control characters.
    pub user_agent: String,
}

impl ClientDetails {
    /// Takes what a request said; `place` comes from a local database.
    pub fn new(address: Option<IpAddr>, place: Option<String>, user_agent: &str) -> Self {
        Self {
            address,
            place,
            user_agent: user_agent
                .chars()
                .filter(|character| !character.is_control())
                .take(LONGEST_USER_AGENT)
                .collect(),
        }
    }

    /// The browser and system in plain words.
    pub fn description(&self) -> BrowserDescription {
        describe_browser(&self.user_agent)
    }
}

/// The shape of a device, for its icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A laptop or desktop.
    Computer,
    /// A phone.
    Phone,
    /// A tablet.
    Tablet,
    /// Not known.
    Unknown,
}

/// A browser in plain words, without versions: an update must not turn a known
/// device into an unknown one (E5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserDescription {
    /// For example "Firefox"; `None` if not recognized.
    pub browser: Option<String>,
    /// For example "Windows"; `None` if not recognized.
    pub system: Option<String>,
    /// Its shape.
    pub device: DeviceKind,
}

impl BrowserDescription {
    /// One phrase: "Firefox on Windows".
    pub fn phrase(&self) -> String {
        match (&self.browser, &self.system) {
            (Some(browser), Some(system)) => format!("{browser} on {system}"),
            (Some(browser), None) => browser.clone(),
            (None, Some(system)) => format!("A browser on {system}"),
            (None, None) => "An unknown browser".to_owned(),
        }
    }
}

/// Reads a `User-Agent` into plain words.
pub fn describe_browser(user_agent: &str) -> BrowserDescription {
    let parsed = woothee::parser::Parser::new().parse(user_agent);
    let known = |text: &str| (!text.is_empty() && text != "UNKNOWN").then(|| text.to_owned());
    let Some(parsed) = parsed else {
        return BrowserDescription {
            browser: None,
            system: None,
            device: DeviceKind::Unknown,
        };
    };
    let system = match parsed.os {
        "Mac OSX" => Some("macOS".to_owned()),
        os if os.starts_with("Windows Phone") => Some("Windows Phone".to_owned()),
        os if os.starts_with("Windows") => Some("Windows".to_owned()),
        os => known(os),
    };
    let tablet = parsed.os == "iPad" || (parsed.os == "Android" && !user_agent.contains("Mobile"));
    let device = match parsed.category {
        _ if tablet => DeviceKind::Tablet,
        "pc" => DeviceKind::Computer,
        "smartphone" | "mobilephone" => DeviceKind::Phone,
        _ => DeviceKind::Unknown,
    };
    BrowserDescription {
        browser: known(parsed.name),
        system,
        device,
    }
}

/// The client's address behind trusted proxies (E2, DEV-04).
///
/// `forwarded_for` are the values of all `X-Forwarded-For` headers in order.
/// They count only if the peer itself is a trusted proxy; then the first
/// address from the right that is not a trusted proxy is the client. Whatever
/// stands further left was written by the client and could be anything.
pub fn client_address(peer: IpAddr, forwarded_for: &[&str], trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| {
        trusted
            .iter()
            .any(|network| network.contains(&address.to_canonical()))
    };
    let mut client = peer.to_canonical();
    let hops = forwarded_for.iter().flat_map(|value| value.split(','));
    for hop in hops.rev() {
        if !is_trusted(client) {
            break;
        }
        match parse_hop(hop.trim()) {
            Some(address) => client = address,
            None => break,
        }
    }
    client
}

/// An address, possibly with a port, possibly in brackets.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let address = hop.parse::<IpAddr>().ok().or_else(|| {
        hop.parse::<std::net::SocketAddr>()
            .ok()
            .map(|address| address.ip())
    });
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    address
        .or_else(bracketed)
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn dev_04_without_a_trusted_proxy_headers_are_ignored() {
        let forged = ["203.0.113.9"];
        assert_eq!(
            client_address(address("198.51.100.7"), &forged, &[]),
            address("198.51.100.7")
        );
        let proxies = ["10.0.0.0/8".parse().expect("a network")];
        assert_eq!(
            client_address(address("198.51.100.7"), &forged, &proxies),
            address("198.51.100.7")
        );
    }

    #[test]
    fn e2_the_right_address_is_chosen_from_the_right() {
        let proxies = ["10.0.0.0/8".parse().expect("a network")];
        let peer = address("10.0.0.1");
        for (header, expected) in [
            (vec!["203.0.113.9"], "203.0.113.9"),
            (vec!["6.6.6.6, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            (vec!["6.6.6.6", "203.0.113.9", "10.0.0.2"], "203.0.113.9"),
            (vec!["[2001:db8::1]:443"], "2001:db8::1"),
            (vec!["::ffff:203.0.113.9"], "203.0.113.9"),
            (vec!["nonsense, 10.0.0.2"], "10.0.0.2"),
            (vec![], "10.0.0.1"),
        ] {
            assert_eq!(
                client_address(peer, &header, &proxies),
                address(expected),
                "{header:?}"
            );
        }
    }

    #[test]
    fn browsers_in_plain_words() {
        for (agent, phrase, device) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0",
                "Firefox on Windows",
                DeviceKind::Computer,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
                "Safari on macOS",
                DeviceKind::Computer,
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
                "Chrome on Linux",
                DeviceKind::Computer,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0",
                "Edge on Windows",
                DeviceKind::Computer,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
                DeviceKind::Phone,
            ),
            (
                "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
                DeviceKind::Phone,
            ),
            (
                "Mozilla/5.0 (Linux; Android 16; Tab) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
                "Chrome on Android",
                DeviceKind::Tablet,
            ),
            (
                "<script>alert(1)</script>",
                "An unknown browser",
                DeviceKind::Unknown,
            ),
            ("", "An unknown browser", DeviceKind::Unknown),
        ] {
            let description = describe_browser(agent);
            assert_eq!(description.phrase(), phrase, "{agent}");
            assert_eq!(description.device, device, "{agent}");
        }
    }

    #[test]
    fn dev_05_client_text_is_shortened_and_cannot_forge_lines() {
        let details = ClientDetails::new(None, None, &format!("a\r\nb{}", "c".repeat(1000)));
        assert!(details.user_agent.starts_with("ab"));
        assert_eq!(details.user_agent.chars().count(), 400);
    }
}
