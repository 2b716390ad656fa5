//! Which addresses may be called for an app (BCL-08).
//!
//! Whoever registers an app, or answers for its name, chooses where we connect to. An
//! address inside of our own network would let them reach, from our place, what is
//! closed to them: the metadata of a cloud machine, a database, our own metrics.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Why an address is not called; prints what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is no address that can be called.
    NotAnAddress,
    /// It is neither `https` nor, where that is allowed, `http`.
    Scheme,
    /// It is `http`.
    PlainHttp,
    /// It lies in a private network or on this machine.
    Private,
    /// It serves the machine itself or many machines: link-local, metadata, multicast,
    /// unspecified, reserved. Never allowed.
    Never,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotAnAddress => "this is no address that can be called",
            Self::Scheme => "the address must begin with https://",
            Self::PlainHttp => {
                "the address begins with http://, and the app is not registered with \
                 --allow-private-network"
            }
            Self::Private => {
                "the address lies in a private network or on this machine, and the app is not \
                 registered with --allow-private-network"
            }
            Self::Never => {
                "the address is link-local, multicast, reserved, or one at which cloud machines \
                 keep their own secrets; it is never called"
            }
        })
    }
}

impl std::error::Error for Refusal {}

/// Judges an address to connect to.
pub fn judge(address: IpAddr, allow_private_network: bool) -> Result<(), Refusal> {
    let kind = match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    };
    match kind {
        Kind::Public => Ok(()),
        Kind::Private if allow_private_network => Ok(()),
        Kind::Private => Err(Refusal::Private),
        Kind::Never => Err(Refusal::Never),
    }
}

/// Judges an address as it was registered. One that is written in numbers is judged
/// here, since no name is looked up for it.
pub fn judge_url(url: &Url, allow_private_network: bool) -> Result<(), Refusal> {
    match url.scheme() {
        "https" => {}
        "http" if allow_private_network => {}
        "http" => return Err(Refusal::PlainHttp),
        _ => return Err(Refusal::Scheme),
    }
    match url.host() {
        None => Err(Refusal::NotAnAddress),
        Some(Host::Domain(_)) => Ok(()),
        Some(Host::Ipv4(address)) => judge(address.into(), allow_private_network),
        Some(Host::Ipv6(address)) => judge(address.into(), allow_private_network),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Public,
    Private,
    Never,
}

fn kind_of_v4(address: Ipv4Addr) -> Kind {
    let [first, second, third, fourth] = address.octets();
    match (first, second, third) {
        // "This network", link-local with the metadata of most clouds, multicast,
        // reserved, broadcast.
        (0 | 224..=255, _, _) | (169, 254, _) => Kind::Never,
        // Metadata and agents of clouds that use public numbers for it.
        (168, 63, 129) if fourth == 16 => Kind::Never,
        (100, 100, 100) if fourth == 200 => Kind::Never,
        (192, 0, 0) if fourth == 192 => Kind::Never,
        // RFC 1918, loopback, shared space of carriers (RFC 6598), protocol
        // assignments, benchmarks, and what is for documents.
        (10 | 127, _, _)
        | (172, 16..=31, _)
        | (192, 168, _)
        | (100, 64..=127, _)
        | (192, 0, 0 | 2)
        | (198, 18 | 19, _)
        | (198, 51, 100)
        | (203, 0, 113) => Kind::Private,
        _ => Kind::Public,
    }
}

fn kind_of_v6(address: Ipv6Addr) -> Kind {
    if let Some(inner) = inner_v4(address) {
        return kind_of_v4(inner);
    }
    let [first, second, ..] = address.segments();
    if address.is_loopback() {
        return Kind::Private;
    }
    // Metadata of clouds inside of private space.
    let metadata = [
        Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254),
        Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254),
        Ipv6Addr::new(0xfd00, 0x00c1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
    ];
    if metadata.contains(&address) {
        return Kind::Never;
    }
    match (first, second) {
        // Link-local, the site-local space of old, multicast; Teredo and its like, which
        // wrap addresses that we would not see.
        (0xfe80..=0xffff, _) | (0x2001, 0..=0x01ff) => Kind::Never,
        // Unique local; for documents.
        (0xfc00..=0xfdff, _) | (0x2001, 0x0db8) | (0x3fff, 0..=0x0fff) => Kind::Private,
        // Only this part of the space is given out at all.
        (0x2000..=0x3fff, _) => Kind::Public,
        _ => Kind::Never,
    }
}

/// The address of version 4 that one of version 6 stands for: mapped, compatible,
/// translated (RFC 6052, RFC 8215) or 6to4.
fn inner_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0xffff | 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x0064, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x0064, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => from(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Kind {
        let address: IpAddr = text.parse().expect("an address");
        match (judge(address, false), judge(address, true)) {
            (Ok(()), Ok(())) => Kind::Public,
            (Err(Refusal::Private), Ok(())) => Kind::Private,
            (Err(Refusal::Never), Err(Refusal::Never)) => Kind::Never,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn bcl_08_addresses_are_public_private_or_never_called() {
        let table = [
            (
                Kind::Public,
                "1.1.1.1 93.184.215.14 100.63.255.255 100.128.0.1",
            ),
            (
                Kind::Public,
                "172.15.255.255 172.32.0.1 192.167.1.1 169.253.1.1 223.255.255.255",
            ),
            (
                Kind::Public,
                "2606:4700:4700::1111 2a00:1450:4001:82f::200e 2001:200::1",
            ),
            (
                Kind::Public,
                "::ffff:1.1.1.1 64:ff9b::1.1.1.1 2002:101:101::1",
            ),
            (
                Kind::Private,
                "127.0.0.1 127.255.255.254 ::1 ::ffff:127.0.0.1 ::127.0.0.1",
            ),
            (
                Kind::Private,
                "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.127.255.255",
            ),
            (
                Kind::Private,
                "fc00::1 fd12:3456:789a::1 ::ffff:10.0.0.1 64:ff9b::192.168.1.1",
            ),
            (
                Kind::Private,
                "2002:a00:1:: 198.18.0.1 192.0.2.1 2001:db8::1",
            ),
            (
                Kind::Never,
                "169.254.169.254 169.254.0.1 ::ffff:169.254.169.254 64:ff9b::169.254.169.254",
            ),
            (
                Kind::Never,
                "64:ff9b:1::a9fe:a9fe 2002:a9fe:a9fe::1 ::ffff:0:169.254.169.254 ::169.254.169.254",
            ),
            (
                Kind::Never,
                "fd00:ec2::254 fd20:ce::254 100.100.100.200 168.63.129.16 192.0.0.192",
            ),
            (
                Kind::Never,
                "0.0.0.0 0.1.2.3 :: ::ffff:0.0.0.0 255.255.255.255 240.0.0.1",
            ),
            (
                Kind::Never,
                "224.0.0.1 239.255.255.250 ff02::1 ff0e::1 ::ffff:224.0.0.1",
            ),
            (
                Kind::Never,
                "fe80::1 febf::1 fec0::1 2001::1 4000::1 100::1",
            ),
        ];
        for (expected, texts) in table {
            for text in texts.split_whitespace() {
                assert_eq!(kind(text), expected, "{text}");
            }
        }
    }

    #[test]
    fn bcl_08_numbers_in_any_spelling_and_schemes_are_judged_in_addresses() {
        let judged = |text: &str, allow| judge_url(&Url::parse(text).expect("an address"), allow);
        for text in [
            "https://127.0.0.1/x",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://192.168.0.1:8443/logout",
        ] {
            assert_eq!(judged(text, false), Err(Refusal::Private), "{text}");
            assert_eq!(judged(text, true), Ok(()), "{text}");
        }
        for text in [
            "https://169.254.169.254/latest",
            "https://0xa9fea9fe/",
            "https://[fd00:ec2::254]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://0.0.0.0/",
        ] {
            assert_eq!(judged(text, true), Err(Refusal::Never), "{text}");
        }
        assert_eq!(
            judged("http://crm.example/", false),
            Err(Refusal::PlainHttp)
        );
        assert_eq!(judged("http://crm.example/", true), Ok(()));
        assert_eq!(judged("https://crm.example/", false), Ok(()));
        assert_eq!(judged("ftp://crm.example/", true), Err(Refusal::Scheme));
    }
}
