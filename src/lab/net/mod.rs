//! The world's network: which address leads where, and the SOCKS port through which it is reached, as through a bastion.

pub mod asked;
pub mod door;
pub mod places;
pub mod socks;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::net::TcpStream;

use crate::clock::Clock;

/// Talks to whoever connected.
pub type Handler = Arc<dyn Fn(TcpStream) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Says where a port of an address leads that no table has, because it comes and goes with the world.
pub type Finder = Arc<dyn Fn(IpAddr, u16) -> Option<Way> + Send + Sync>;

/// Says which address a name has that no table has.
pub type Namer = Arc<dyn Fn(&str) -> Option<IpAddr> + Send + Sync>;

/// Where an address and port lead.
#[derive(Clone)]
pub enum Way {
    /// To a listener of the lab's, on loopback.
    Listener(SocketAddr),
    /// To something in the lab that talks itself.
    Handler(Handler),
    /// To a machine that answers, and where nothing listens.
    Refused,
    /// To a machine that does not answer.
    Silent,
    /// Nowhere: nobody has the address.
    Unreachable,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listener(to) => write!(f, "Listener({to})"),
            Self::Handler(_) => f.write_str("Handler"),
            Self::Refused => f.write_str("Refused"),
            Self::Silent => f.write_str("Silent"),
            Self::Unreachable => f.write_str("Unreachable"),
        }
    }
}

/// The addresses, names and ports of the world. Clones are the same network.
#[derive(Clone, Default)]
pub struct Network {
    inner: Arc<RwLock<Tables>>,
}

#[derive(Default)]
struct Tables {
    ports: BTreeMap<(IpAddr, u16), Way>,
    machines: BTreeSet<IpAddr>,
    names: BTreeMap<String, IpAddr>,
    finders: Vec<Finder>,
    clock: Option<Arc<dyn Clock>>,
    namers: Vec<Namer>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Network").field("ports", &tables.ports).field("names", &tables.names).finish_non_exhaustive()
    }
}

impl Network {
    fn tables(&self) -> std::sync::RwLockWriteGuard<'_, Tables> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those who wait for an address are told to this clock.
    pub fn clock(&self, clock: Arc<dyn Clock>) {
        self.tables().clock = Some(clock);
    }

    /// Somebody waits for an address, until this is dropped.
    pub fn asked(&self) -> Option<Box<dyn Any + Send + Sync>> {
        let tables = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        tables.clock.as_ref().map(|clock| clock.asked())
    }

    /// A machine has this address: ports where nothing listens are refused.
    pub fn machine(&self, address: IpAddr) {
        self.tables().machines.insert(address);
    }

    /// A name stands for an address.
    pub fn name(&self, name: &str, address: IpAddr) {
        self.tables().names.insert(name.to_lowercase(), address);
    }

    /// Something listens.
    pub fn listen(&self, address: IpAddr, port: u16, way: Way) {
        let mut tables = self.tables();
        tables.machines.insert(address);
        tables.ports.insert((address, port), way);
    }

    /// Adds somebody to ask. The first one that knows an address and port decides, before the tables do: so that one
    /// that is added early can cut a machine off.
    pub fn ask(&self, finder: Finder) {
        self.tables().finders.push(finder);
    }

    /// Adds somebody to ask for names that no table has.
    pub fn ask_names(&self, namer: Namer) {
        self.tables().namers.push(namer);
    }

    /// The address of a name; an address is its own.
    pub fn resolve(&self, name: &str) -> Option<IpAddr> {
        let bare = name.trim_end_matches('.').to_lowercase();
        let known = || self.inner.read().unwrap_or_else(PoisonError::into_inner).names.get(&bare).copied();
        if let Some(address) = bare.parse().ok().or_else(known) {
            return Some(address);
        }
        let namers = self.inner.read().unwrap_or_else(PoisonError::into_inner).namers.clone();
        namers.iter().find_map(|namer| namer(&bare))
    }

    /// Where an address and port lead.
    pub fn way(&self, address: IpAddr, port: u16) -> Way {
        // A finder may take its time, and may look at the network itself.
        let finders = self.inner.read().unwrap_or_else(PoisonError::into_inner).finders.clone();
        if let Some(way) = finders.iter().find_map(|finder| finder(address, port)) {
            return way;
        }
        let tables = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        match tables.ports.get(&(address, port)) {
            Some(way) => way.clone(),
            None if tables.machines.contains(&address) => Way::Refused,
            None => Way::Unreachable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_lead_where_they_should() {
        let network = Network::default();
        let node = ip("10.25.11.11");
        network.listen(node, 6443, Way::Listener("127.0.0.1:1".parse().unwrap()));
        network.name("infra-k8s.monosense.io", node);
        assert_eq!(network.resolve("INFRA-k8s.monosense.io."), Some(node));
        assert_eq!((network.resolve("10.25.11.11"), network.resolve("apps-k8s")), (Some(node), None));
        assert_eq!(format!("{:?}", network.way(node, 6443)), "Listener(127.0.0.1:1)");
        assert!(matches!(network.way(node, 22), Way::Refused));
        assert!(matches!(network.way(ip("10.25.11.99"), 22), Way::Unreachable));
        network.ask(Arc::new(move |address, _| (address == node).then_some(Way::Silent)));
        assert!(matches!(network.way(node, 6443), Way::Silent));
    }
}
