//! What the modules `http`, `tls`, `dns` and `tcp` share in a run: clients, routes, and small helpers.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rhai::{Dynamic, Map, NativeCallContext};

use super::{Context, Options, World, paths};
use crate::client::http::Clients;
use crate::client::load::Summary;
use crate::client::route::Routes;
use crate::client::trust::Trust;
use crate::error::{Error, Kind, Result};
use crate::event::short;

/// What a run keeps for its network calls.
#[derive(Debug, Default)]
pub(crate) struct Net {
    /// The HTTP clients with their open connections.
    pub(crate) clients: Arc<Clients>,
    routes: OnceLock<Arc<Routes>>,
}

impl Net {
    /// The run's part.
    pub(crate) fn of(world: &World) -> Arc<Self> {
        world.part::<Self>()
    }

    /// The networks of `pb.toml`.
    pub(crate) fn routes(&self, world: &World) -> Result<Arc<Routes>> {
        if let Some(routes) = self.routes.get() {
            return Ok(routes.clone());
        }
        let routes = Arc::new(Routes::new(&world.config.networks)?);
        Ok(self.routes.get_or_init(|| routes).clone())
    }
}

/// The longest that a call waits by itself, so that its own error, which knows more, comes before the gate's.
pub(crate) fn gate(within: Duration) -> super::Limit {
    super::Limit::Within(within.saturating_add(Duration::from_millis(500)))
}

/// Whom a call trusts: the option `ca`, a file relative to the playbook.
pub(crate) fn trust(cx: &Context, at: &NativeCallContext, options: &Options) -> Result<(Trust, Option<PathBuf>)> {
    match options.string("ca")? {
        Some(file) => {
            let path = paths::resolve(cx, at, &file);
            Ok((Trust::file(&path)?, Some(path)))
        }
        None => Ok((Trust::System, None)),
    }
}

/// A measurement as a script reads it.
pub(crate) fn summary(summary: &Summary) -> Map {
    let int = |n: u64| Dynamic::from(i64::try_from(n).unwrap_or(i64::MAX));
    let mut map = Map::new();
    let kinds: Map = summary.error_kinds.iter().map(|(kind, n)| (kind.as_str().into(), int(*n))).collect();
    map.insert("count".into(), int(summary.count));
    map.insert("errors".into(), int(summary.errors));
    map.insert("error_kinds".into(), kinds.into());
    map.insert("first_error".into(), summary.first_error.clone().map_or(Dynamic::UNIT, Into::into));
    map.insert("per_second".into(), summary.per_second.into());
    for (name, span) in [
        ("min", summary.min),
        ("mean", summary.mean),
        ("p50", summary.p50),
        ("p90", summary.p90),
        ("p95", summary.p95),
        ("p99", summary.p99),
        ("max", summary.max),
        ("time", summary.time),
    ] {
        map.insert(name.into(), Dynamic::from(span));
    }
    map
}

/// A measurement in a few words, for the listeners.
pub(crate) fn summary_line(summary: &Summary) -> String {
    let Summary { count, errors, p50, p99, .. } = summary;
    format!("{count} answers, {errors} errors, p50 {}, p99 {}", short(*p50), short(*p99))
}

/// The word under which a failure of a measurement is counted.
pub(crate) fn kind_word(error: &Error) -> String {
    serde_json::to_value(error.kind).ok().and_then(|v| v.as_str().map(Into::into)).unwrap_or_else(|| "error".into())
}

/// A number of questions, from an option.
pub(crate) fn how_many(options: &Options, key: &str, default: u64) -> Result<u64> {
    let number = options.count(key)?.unwrap_or(default);
    if number == 0 {
        return Err(Error::new(Kind::Script, format!("option \"{key}\" is 0: nothing would be asked")));
    }
    Ok(number)
}
