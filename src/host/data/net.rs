//! `net::` — addresses and the ranges they lie in.

use std::net::IpAddr;

use ipnet::IpNet;
use rhai::Array;

use crate::error::{Error, Kind, Result};
use crate::host::context::HostResult;
use crate::host::registrar::{Module, Needs, Registrar};

pub(crate) const MODULE: Module =
    Module { name: "net", about: "addresses and the ranges they lie in", needs: Needs::Nothing, register };

fn register(m: &mut Registrar) {
    m.path("contains")
        .sig("(range: string | [string], address: string) -> bool")
        .doc(
            "Whether an address lies in a range, or in one of a list: `10.25.11.0/24`, `10.25.11.100-10.25.11.119`, \
             `10.25.11.100-119` or a single address. An empty list is an error: nothing could lie in it.",
        )
        .example(
            r#"net::contains("10.25.11.100-119", "10.25.11.110") && !net::contains(["10.0.0.0/8"], "192.168.0.1")"#,
        )
        .add(|range: &str, address: &str| -> HostResult<bool> { Ok(Range::parse(range)?.contains(parse(address)?)) })
        .add(|ranges: Array, address: &str| -> HostResult<bool> {
            let address = parse(address)?;
            if ranges.is_empty() {
                return Err(Error::new(Kind::Script, "net::contains: the list of ranges is empty").into());
            }
            for range in &ranges {
                if Range::parse(&range.to_string())?.contains(address) {
                    return Ok(true);
                }
            }
            Ok(false)
        });
}

#[derive(Debug, PartialEq)]
enum Range {
    Net(IpNet),
    Between(IpAddr, IpAddr),
}

impl Range {
    fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let wrong = || {
            Error::new(Kind::Script, format!("\"{text}\" is no range of addresses"))
                .hint("10.25.11.0/24, 10.25.11.100-10.25.11.119, 10.25.11.100-119, or an address")
        };
        if let Ok(net) = text.parse::<IpNet>() {
            return Ok(Self::Net(net));
        }
        let (from, to) = match text.split_once('-') {
            Some((from, to)) => (from.trim(), to.trim()),
            None => (text, text),
        };
        let first: IpAddr = from.parse().map_err(|_| wrong())?;
        // The short form gives the last part alone.
        let last = match to.parse::<IpAddr>() {
            Ok(last) => last,
            Err(_) => {
                let separator = if first.is_ipv4() { '.' } else { ':' };
                let (head, _) = from.rsplit_once(separator).ok_or_else(wrong)?;
                format!("{head}{separator}{to}").parse().map_err(|_| wrong())?
            }
        };
        if first.is_ipv4() != last.is_ipv4() || first > last {
            return Err(wrong());
        }
        Ok(Self::Between(first, last))
    }

    fn contains(&self, address: IpAddr) -> bool {
        match self {
            Self::Net(net) => net.contains(&address),
            Self::Between(first, last) => first.is_ipv4() == address.is_ipv4() && *first <= address && address <= *last,
        }
    }
}

fn parse(address: &str) -> Result<IpAddr> {
    address.trim().parse().map_err(|_| {
        Error::new(Kind::Script, format!("\"{address}\" is no IP address"))
            .hint("an IPv4 or IPv6 address without a prefix length")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_in_every_form() {
        for (range, inside, outside) in [
            ("10.25.11.0/24", "10.25.11.255", "10.25.12.0"),
            ("10.25.11.100-119", "10.25.11.119", "10.25.11.120"),
            ("10.25.11.250-10.25.12.5", "10.25.12.0", "10.25.12.6"),
            ("10.25.11.1", "10.25.11.1", "10.25.11.2"),
            ("fd00::1-ff", "fd00::80", "fd00::100"),
        ] {
            let parsed = Range::parse(range).expect(range);
            assert!(parsed.contains(parse(inside).expect("an address")), "{range} has {inside}");
            assert!(!parsed.contains(parse(outside).expect("an address")), "{range} has not {outside}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for range in ["", "10.25.11", "10.0.0.9-10.0.0.1", "10.0.0.1-fd00::1", "10.0.0.0/33", "10.0.0.1-300"] {
            assert!(Range::parse(range).is_err(), "{range}");
        }
    }
}
