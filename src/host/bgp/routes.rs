//! A BGP table as scripts see it.

use std::collections::BTreeSet;
use std::sync::Arc;

use rhai::Dynamic;
use serde_json::Value;

use super::model::Route;
use crate::host::context::HostResult;
use crate::host::object::List;
use crate::host::registrar::Registrar;
use crate::host::values::to_dynamic;

/// The paths that a router knows, several a prefix.
#[derive(Debug, Clone)]
pub struct Routes {
    rows: Arc<Vec<Route>>,
    /// Rows of the table that these were taken from: what was looked at.
    population: usize,
    /// `ipv4 routes of edge-1`
    what: String,
}

impl std::fmt::Display for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.rows.len(), self.what)
    }
}

impl Routes {
    pub(super) fn new(rows: Vec<Route>, host: &str, family: &str) -> Self {
        Self { population: rows.len(), rows: Arc::new(rows), what: format!("{family} routes of {host}") }
    }

    /// The rows as JSON.
    pub fn to_json(&self) -> Value {
        self.rows.iter().map(Route::to_json).collect()
    }

    /// The rows as maps.
    pub fn items(&self) -> Vec<Dynamic> {
        self.rows.iter().map(|r| to_dynamic(&r.to_json())).collect()
    }

    fn all(&self) -> List {
        List::of_population(self.items(), self.population, &self.what)
    }

    fn rows_where(&self, keep: impl Fn(&Route) -> bool) -> Self {
        let kept = self.rows.iter().filter(|r| keep(r)).cloned().collect();
        Self { rows: Arc::new(kept), population: self.population, what: self.what.clone() }
    }

    /// Distinct texts of the valid rows, in their first order.
    fn texts<'a>(&'a self, of: impl Fn(&'a Route) -> &'a str, what: &str) -> List {
        let mut seen = BTreeSet::new();
        let texts = self.rows.iter().filter(|r| r.valid).map(of).filter(|t| seen.insert(*t));
        List::of_population(texts.map(Into::into).collect(), self.population, &format!("{what} in the {}", self.what))
    }
}

/// Whether a prefix is meant: as text, or as the same network written otherwise.
fn same_prefix(stored: &str, asked: &str) -> bool {
    let parts = |text: &str| {
        let (address, length) = text.split_once('/').unwrap_or((text, ""));
        let address: std::net::IpAddr = address.trim().parse().ok()?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let length: u8 = if length.is_empty() { whole } else { length.parse().ok()? };
        Some((address, length))
    };
    stored == asked || (parts(asked).is_some() && parts(stored) == parts(asked))
}

pub(super) fn register(m: &mut Registrar) {
    m.raw().set_custom_type::<Routes>("routes");
    m.method("routes", "prefixes")
        .sig("() -> list")
        .doc("The prefixes that have a valid path, as strings (`10.25.11.110/32`), each once.")
        .example(r#"import "bgp" as bgp; bgp::routes(ssh("edge-1")).prefixes().contains("10.25.11.110/32")"#)
        .add(|routes: &mut Routes| routes.texts(|r| &r.prefix, "prefixes"));
    m.method("routes", "next_hops")
        .sig("() -> list")
        .doc("The next hops of all valid paths, as strings, each once.")
        .example(r#"import "bgp" as bgp; bgp::routes(ssh("edge-1")).next_hops().contains("10.99.0.10")"#)
        .add(|routes: &mut Routes| routes.texts(|r| &r.next_hop, "next hops"));
    m.method("routes", "of")
        .sig("(prefix: string) -> routes")
        .doc("The paths to a prefix, as a smaller table; an address without a length is a host route.")
        .example(r#"import "bgp" as bgp; bgp::routes(ssh("edge-1")).of("10.25.11.119/32").len() == 2"#)
        .add(|routes: &mut Routes, prefix: &str| routes.rows_where(|r| same_prefix(&r.prefix, prefix)));
    m.method("routes", "from")
        .sig("(neighbour: string | int) -> routes")
        .doc(
            "The paths from a neighbour, as a smaller table: by its address (where the router's text does not say from whom a path came, by its \
             next hop), or by AS number, that of the neighbour.",
        )
        .example(r#"import "bgp" as bgp; bgp::routes(ssh("edge-1")).from(64512).len() > 0"#)
        .add(|routes: &mut Routes, address: &str| {
            routes.rows_where(|r| r.peer.as_deref().unwrap_or(&r.next_hop) == address)
        })
        .add(|routes: &mut Routes, asn: i64| routes.rows_where(|r| r.as_path().first() == Some(&asn)));
    m.method("routes", "rows")
        .sig("() -> list")
        .doc(
            "Every path: `#{ prefix, next_hop, neighbour, as_path, origin_as, path, origin, valid, best, multipath, metric, \
             local_pref, weight }`; what the router does not say is `()`. `for row in routes` goes over the same.",
        )
        .example(r#"import "bgp" as bgp; bgp::routes(ssh("edge-1")).rows().len() >= 8"#)
        .add(|routes: &mut Routes| routes.all());
    m.method("routes", "len")
        .sig("() -> int")
        .doc("The number of paths.")
        .example(r#"import "bgp" as bgp; bgp::routes(ssh("edge-1")).len() >= 8"#)
        .add(|routes: &mut Routes| i64::try_from(routes.rows.len()).unwrap_or(i64::MAX));
    let raw = m.raw();
    let text = |routes: &mut Routes| -> HostResult<String> { Ok(routes.to_string()) };
    let _ = raw.set_native_fn("to_string", text);
    let _ = raw.set_native_fn("to_debug", text);
    raw.set_iter(std::any::TypeId::of::<Routes>(), |routes| {
        let items = routes.try_cast::<Routes>().map(|r| r.items()).unwrap_or_default();
        Box::new(items.into_iter())
    });
}
