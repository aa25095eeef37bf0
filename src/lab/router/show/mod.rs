//! What the router shows, a file a command, in text and in JSON as FRRouting 8.4 prints it.

pub mod neighbour;
pub mod neighbour_json;
pub mod prefix;
pub mod route;
pub mod running;
pub mod summary;
pub mod table;

/// FRR's version, whose output this is.
pub const VERSION: &str = "8.4.4";

/// Which family a command is about. The lab's clusters advertise IPv4 alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4 unicast.
    V4,
    /// IPv6 unicast.
    V6,
}

/// `show version`
pub fn version(host: &str) -> String {
    format!(
        "FRRouting {VERSION} ({host}) on Linux(6.12.0).\nCopyright 1996-2005 Kunihiro Ishiguro, et al.\n\
         configured with:\n    '--sysconfdir=/etc/frr' '--enable-multipath=256' '--enable-user=frr'\n"
    )
}
