//! The table of faults, by what they are about. To add one, add a row to the file of its part.

mod applications;
mod delivery;
mod machines;
mod names;
mod network;
mod services;
mod storage;
mod transport;
mod workloads;

use super::fault::Fault;
use crate::error::{Error, Kind, Result, did_you_mean};

/// Every fault, by parts.
pub const TABLE: &[(&str, &[Fault])] = &[
    ("routes and addresses", network::ROWS),
    ("names and policies", names::ROWS),
    ("machines", machines::ROWS),
    ("API servers and logins", transport::ROWS),
    ("delivery", delivery::ROWS),
    ("pods and images", workloads::ROWS),
    ("storage and databases", storage::ROWS),
    ("services", services::ROWS),
    ("applications", applications::ROWS),
];

/// Every fault.
pub fn all() -> impl Iterator<Item = &'static Fault> {
    TABLE.iter().flat_map(|(_, rows)| rows.iter())
}

/// The fault of a name.
///
/// # Errors
/// [`Kind::Usage`], with what may be meant.
pub fn named(name: &str) -> Result<&'static Fault> {
    all().find(|fault| fault.name == name).ok_or_else(|| {
        let hint = did_you_mean(name, all().map(|fault| fault.name)).or_else(|| {
            let holding: Vec<&str> = all().map(|fault| fault.name).filter(|known| known.contains(name)).collect();
            (!holding.is_empty() && !name.is_empty()).then(|| format!("there are: {}", holding.join(", ")))
        });
        let hint = hint.unwrap_or_else(|| "pb lab faults lists them".into());
        Error::new(Kind::Usage, format!("there is no fault \"{name}\"")).hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_whole_and_there_once() {
        let mut names = BTreeSet::new();
        for fault in all() {
            assert!(names.insert(fault.name), "{} is there twice", fault.name);
            let plain = fault.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            assert!(plain && fault.name.len() <= 32, "{}", fault.name);
            assert!((12..=110).contains(&fault.about.len()), "{}: {}", fault.name, fault.about);
            assert!((12..=140).contains(&fault.effect.len()), "{}: {}", fault.name, fault.effect);
            let number = fault.risk.strip_prefix('R').and_then(|n| n.parse::<u8>().ok());
            assert!(fault.risk == "—" || number.is_some_and(|n| (1..=10).contains(&n)), "{}", fault.name);
        }
        assert!(names.len() >= 60, "{} faults", names.len());
    }

    #[test]
    fn every_risk_of_the_specification_can_come_true() {
        for number in 1..=10 {
            let risk = format!("R{number}");
            assert!(all().any(|fault| fault.risk == risk), "{risk}");
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_what_may_be_meant() {
        let hints = |name: &str| named(name).unwrap_err().hints.join(" ");
        assert!(hints("ip-pool-disable").contains("ip-pool-disabled"));
        assert!(hints("etcd").contains("etcd-no-leader"), "{}", hints("etcd"));
        assert!(hints("").contains("pb lab faults"));
    }
}
