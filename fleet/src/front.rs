//! The layout in which each HSM has an address of its own: 127.x, where Linux answers on all.
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// The third octet leaves room for the zones that follow.
const ZONES_MAX: u8 = 3;
/// HSM 1 has .10: KMS's interfaces take the lowest addresses.
const BEFORE_FIRST: u16 = 9;
/// The last address of a subnet that can be given out.
const LAST_HOST: u16 = 254;

/// The first three octets of a subnet's addresses: `127.3.7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Front([u8; 3]);

impl Front {
    /// Of addresses that nothing listens on.
    pub const SHOWN: Self = Self([10, 0, 1]);

    /// One of 127.x that presumably nobody else on this machine has.
    pub fn random() -> Self {
        let mut random = rand::rng();
        let second = random.random_range(1..=254);
        Self([127, second, random.random_range(1..=u8::MAX - ZONES_MAX)])
    }

    /// That of the zone with this number, from 0.
    pub fn of_zone(self, number: usize) -> Self {
        let Self([first, second, third]) = self;
        Self([first, second, third.saturating_add(u8::try_from(number).unwrap_or(u8::MAX))])
    }

    /// The next one, for one more subnet.
    #[must_use]
    pub fn next(self) -> Self {
        let Self([first, second, third]) = self;
        match third.checked_add(1) {
            Some(third) => Self([first, second, third]),
            None => Self([first, second.wrapping_add(1), 0]),
        }
    }

    /// Does something listen on its addresses, as in the layout of addresses?
    pub fn is_loopback(self) -> bool {
        self.0[0] == 127
    }

    /// The address of the HSM with this number in a zone.
    pub fn address(self, zone: usize, node: u16) -> Option<Ipv4Addr> {
        let host = node.checked_add(BEFORE_FIRST).filter(|host| *host <= LAST_HOST)?;
        let Self([first, second, third]) = self.of_zone(zone);
        Some(Ipv4Addr::new(first, second, third, u8::try_from(host).ok()?))
    }
}

impl fmt::Display for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([first, second, third]) = self;
        write!(f, "{first}.{second}.{third}")
    }
}

impl From<Front> for String {
    fn from(front: Front) -> Self {
        front.to_string()
    }
}

impl FromStr for Front {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let whole = format!("{text}.0").parse::<Ipv4Addr>();
        let [first, second, third, _] = whole.map_err(|e| format!("{text}: {e}"))?.octets();
        Ok(Self([first, second, third]))
    }
}

impl TryFrom<String> for Front {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_and_nodes_have_addresses_of_their_own() {
        let front: Front = "127.3.7".parse().unwrap();
        assert_eq!(front.address(0, 1), Some(Ipv4Addr::new(127, 3, 7, 10)));
        assert_eq!(front.address(2, 3), Some(Ipv4Addr::new(127, 3, 9, 12)));
        assert_eq!(front.address(0, 300), None);
        assert_eq!(front.of_zone(1).to_string(), "127.3.8");
        assert_eq!(front.next().to_string(), "127.3.8");
        assert_eq!("10.0.255".parse::<Front>().unwrap().next().to_string(), "10.1.0");
        assert!(front.is_loopback() && !Front::SHOWN.is_loopback());
        for wrong in ["127.3", "127.3.256", "", "a.b.c"] {
            assert!(wrong.parse::<Front>().is_err(), "{wrong}");
        }
        assert!(Front::random().to_string().starts_with("127."));
    }
}
