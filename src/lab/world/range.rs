//! Ranges of addresses, as pools have them: `10.25.11.100-119`, `10.25.11.100-10.25.11.119`, `10.245.10.0/24`, `10.0.0.1`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::de::{Deserialize, Deserializer, Error as _};

/// From an address to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub first: IpAddr,
    /// The last.
    pub last: IpAddr,
}

impl Range {
    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && self.first <= address && address <= self.last
    }

    /// Its addresses, in order.
    pub fn addresses(self) -> impl Iterator<Item = IpAddr> {
        let mut next = Some(self.first);
        std::iter::from_fn(move || {
            let this = next.filter(|address| *address <= self.last)?;
            next = after(this, 1);
            Some(this)
        })
    }
}

/// The address so many places further; none beyond the last one that there is.
pub fn after(address: IpAddr, places: u32) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => u32::from(v4).checked_add(places).map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(v6) => u128::from(v6).checked_add(places.into()).map(|bits| IpAddr::V6(bits.into())),
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            |_| format!("\"{text}\" is no range of addresses: expected 10.0.0.1-9, 10.0.0.1-10.0.0.9 or 10.0.0.0/24");
        if let Ok(net) = text.parse::<IpNet>() {
            return Ok(Self { first: net.network(), last: net.broadcast() });
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let first: IpAddr = first.trim().parse().map_err(wrong)?;
        let last = last.trim();
        let last = match (first, last.parse::<u8>()) {
            (IpAddr::V4(v4), Ok(byte)) => {
                let [a, b, c, _] = v4.octets();
                IpAddr::from([a, b, c, byte])
            }
            _ => last.parse().map_err(wrong)?,
        };
        if last < first || last.is_ipv4() != first.is_ipv4() {
            return Err(format!("\"{text}\" ends before it begins"));
        }
        Ok(Self { first, last })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_in_every_form() {
        for text in ["10.25.11.100-119", "10.25.11.100 - 10.25.11.119"] {
            let range: Range = text.parse().unwrap();
            assert_eq!(range.to_string(), "10.25.11.100-10.25.11.119");
            assert_eq!(range.addresses().count(), 20);
        }
        let net: Range = "10.245.10.0/24".parse().unwrap();
        assert!(net.contains("10.245.10.255".parse().unwrap()) && !net.contains("10.245.11.0".parse().unwrap()));
        assert!(!net.contains("::1".parse().unwrap()));
        let one: Range = "fd00::7".parse().unwrap();
        assert_eq!(one.addresses().map(|a| a.to_string()).collect::<Vec<_>>(), ["fd00::7"]);
        assert_eq!("255.255.255.254/31".parse::<Range>().unwrap().addresses().count(), 2);
        for wrong in ["10.0.0.9-1", "10.0.0.300", "10.0.0.0/33", "", "10.0.0.1-::2"] {
            assert!(wrong.parse::<Range>().is_err(), "{wrong}");
        }
    }
}
