//! What the vault of the platform holds: a value for each field of each item, which is the same wherever it is asked for.

use sha2::{Digest as _, Sha256};

/// The value of a field of an item. It follows from their names, so that whoever is given it by a Secret, by 1Password or by
/// the lab's own files has the same; it differs from field to field, and opens nothing but a lab.
pub fn value(item: &str, field: &str) -> String {
    let sum = Sha256::digest(format!("{item}/{field}").as_bytes());
    let digits: String = sum.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("lab-{item}-{digits}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn values_are_the_same_each_time_and_others_for_others() {
        assert_eq!(super::value("harbor", "password"), super::value("harbor", "password"));
        assert_ne!(super::value("harbor", "password"), super::value("harbor", "token"));
        assert!(super::value("harbor", "password").len() > 16);
    }
}
