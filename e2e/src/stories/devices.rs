//! Devices that no story drives: sessions of other browsers, begun without one.

use std::time::Duration;

use nightlatch_testkit::{Account, Jar, UserAgent};

use super::ground::House;
use crate::failure::Outcome;

/// A device: how it calls itself, what people read, where it is.
pub(crate) struct Device {
    /// What people read.
    pub(crate) phrase: &'static str,
    user_agent: &'static str,
    address: &'static str,
    /// Where that address is, on a server that knows places.
    pub(crate) place: &'static str,
}

pub(crate) const IPHONE: Device = Device {
    phrase: "Safari on iPhone",
    user_agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
    address: "198.51.100.23",
    place: "Vienna, Austria",
};
pub(crate) const TABLET: Device = Device {
    phrase: "Chrome on Android",
    user_agent: "Mozilla/5.0 (Linux; Android 16; Tab) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    address: "198.51.100.24",
    place: "Vienna, Austria",
};
pub(crate) const WINDOWS: Device = Device {
    phrase: "Edge on Windows",
    user_agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0",
    address: "203.0.113.80",
    place: "Graz, Austria",
};
pub(crate) const MACBOOK: Device = Device {
    phrase: "Safari on macOS",
    user_agent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
    address: "2001:db8:41::7",
    place: "Lisbon, Portugal",
};
pub(crate) const LIBRARY: Device = Device {
    phrase: "Firefox on Windows",
    user_agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0",
    address: "192.0.2.144",
    place: "Bratislava, Slovakia",
};

impl House {
    /// Somebody signs in with a device; returns its cookies.
    pub(crate) async fn sign_in_with(&self, device: &Device, account: &Account) -> Outcome<Jar> {
        let (agent, address) = (device.user_agent, device.address);
        let account = account.clone();
        self.with(move |site| {
            site.advance(Duration::from_secs(1));
            let agent = UserAgent::Other(agent.to_owned());
            let mut browser = site.browser().calling_itself(agent).at(address);
            browser.sign_in(&account);
            browser.steal_cookies()
        })
        .await
    }

    /// From now on the server knows where these devices were.
    pub(crate) async fn learn_places(&self, devices: &[&Device]) -> Outcome {
        let known: Vec<_> = devices
            .iter()
            .map(|device| (device.address, device.place))
            .collect();
        self.with(move |site| {
            site.write(move |tx| {
                for (address, place) in &known {
                    let values = [(*place).into(), (*address).into()];
                    tx.execute("UPDATE sessions SET place = $1 WHERE address = $2", &values)?;
                    tx.execute("UPDATE events SET place = $1 WHERE address = $2", &values)?;
                }
                Ok(())
            });
        })
        .await
    }
}
