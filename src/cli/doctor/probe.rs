//! The table of what is asked whether it answers, and asking all of it side by side, each with a deadline.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, join_all};

use super::view::{Row, Section, State};
use super::{clusters, endpoints, hosts, talos};
use crate::error::{Error, Kind, Result};
use crate::host::World;

/// A kind of thing that can be asked: a section of the table.
struct Asked {
    title: &'static str,
    of: fn(&Arc<World>, Duration) -> Vec<Probe>,
}

/// Everything that is asked. Another kind is a file with its `probes`, and a row here.
const ASKED: &[Asked] = &[
    Asked { title: "clusters", of: clusters::probes },
    Asked { title: "talos", of: talos::probes },
    Asked { title: "hosts", of: hosts::probes },
    Asked { title: "endpoints", of: endpoints::probes },
];

/// One question.
pub(super) struct Probe {
    /// Its name in `pb.toml`.
    pub(super) name: String,
    /// What is asked: a context, an address.
    pub(super) what: String,
    /// Asks; the answer is one line. None where nobody can be asked.
    pub(super) ask: Option<BoxFuture<'static, Result<String>>>,
}

/// The same things without asking.
pub(super) fn listed(world: &Arc<World>) -> Vec<Section> {
    let section = |kind: &Asked| {
        let probes = (kind.of)(world, Duration::ZERO);
        Section { title: kind.title, rows: probes.into_iter().map(|p| Row::plain([p.name, p.what])).collect() }
    };
    ASKED.iter().map(section).collect()
}

/// Asks everything that is configured; the sections, and the exit code that the answers make.
pub(super) async fn all(world: &Arc<World>, limit: Duration) -> (Vec<Section>, u8) {
    let asked: Vec<_> = ASKED.iter().map(|kind| (kind.title, (kind.of)(world, limit))).collect();
    let sections = asked.into_iter().map(|(title, probes)| async move {
        let answers = join_all(probes.into_iter().map(|probe| one(probe, limit))).await;
        let (rows, codes): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
        (Section { title, rows }, codes)
    });
    let (sections, codes): (Vec<_>, Vec<_>) = join_all(sections).await.into_iter().unzip();
    let codes: Vec<u8> = codes.concat();
    let code = [2, 3].into_iter().find(|code| codes.contains(code)).unwrap_or(0);
    (sections, code)
}

/// One answer as a row, and 0, or 2 where the configuration is at fault, or 3.
async fn one(probe: Probe, limit: Duration) -> (Row, u8) {
    let Some(ask) = probe.ask else {
        return (Row::plain([probe.name, probe.what, "not asked".into()]), 0);
    };
    let started = Instant::now();
    let answer = tokio::time::timeout(limit, ask).await.unwrap_or_else(|_| {
        let limit = crate::config::units::show_duration(limit);
        Err(Error::new(Kind::Timeout, format!("no answer within {limit}")).hint("--timeout gives it longer"))
    });
    let took = format!("{} ms", started.elapsed().as_millis());
    match answer {
        Ok(answer) => (Row::new(State::Good, vec![probe.name, probe.what, answer, took]), 0),
        Err(error) => {
            let code = if matches!(error.kind, Kind::Config | Kind::Usage) { 2 } else { 3 };
            let mut row = Row::of_error(&probe.name, &error);
            row.cells.insert(1, probe.what);
            (row, code)
        }
    }
}
