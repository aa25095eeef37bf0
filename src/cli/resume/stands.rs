//! Which passes of an earlier run stand. A pass of a text that has changed is no pass of this text, nor is one of
//! another cluster, with other settings, or without the evidence and values that it left.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Before;
use crate::cli::identity;
use crate::cli::prepare::{Planned, all_settings};
use crate::config::Config;
use crate::error::Error;
use crate::event::SettingInfo;
use crate::host::redact::programs;
use crate::playbook::On;
use crate::playbook::plan::Planned as Step;
use crate::record::ClusterInfo;
use crate::script::load::Loaded;

/// The steps of a plan that passed before and have to run again, with the reason, a clause.
pub(super) fn again(
    before: &Before,
    planned: &Planned,
    clusters: &[ClusterInfo],
    places: &str,
) -> BTreeMap<String, String> {
    let info = &before.recorded.info;
    let moved = (!info.places.is_empty() && info.places != places)
        .then(|| "the hosts, endpoints or networks of pb.toml have changed".to_string());
    let of_playbook: BTreeMap<&str, String> = planned
        .loaded
        .iter()
        .filter_map(|l| Some((l.info.id.as_str(), playbook(before, l).or_else(|| moved.clone())?)))
        .collect();
    let mut again: BTreeMap<String, String> = BTreeMap::new();
    for step in &planned.plan.steps {
        let id = &step.info.id;
        if before.passed(id).is_none() {
            continue;
        }
        let needs = || {
            let open = |need: &&usize| {
                let id = &planned.plan.steps[**need].info.id;
                again.contains_key(id) || before.passed(id).is_none()
            };
            let need = step.needs.iter().find(open)?;
            Some(format!("{}, which it needs, runs again", planned.plan.steps[*need].info.id))
        };
        let why = of_playbook
            .get(step.info.playbook.as_str())
            .cloned()
            .or_else(|| elsewhere(before, step, clusters))
            .or_else(|| lost(before, id))
            .or_else(needs);
        if let Some(why) = why {
            again.insert(id.clone(), why);
        }
    }
    again
}

/// What has changed of the playbooks of a plan since then, each a clause.
pub(super) fn changed(before: &Before, planned: &Planned) -> Vec<String> {
    let of_plan = |l: &&Loaded| planned.plan.playbooks.contains(&l.info.id);
    planned.loaded.iter().filter(of_plan).filter_map(|l| playbook(before, l)).collect()
}

/// What has changed of a playbook: its text, that of a module, a setting.
fn playbook(before: &Before, now: &Loaded) -> Option<String> {
    let id = &now.info.id;
    let then = before.recorded.info.playbooks.iter().find(|p| p.id == *id)?;
    if then.sha256 != now.info.sha256 {
        return Some(format!("playbook {id} has changed"));
    }
    let of_then: BTreeSet<(String, String)> = before
        .course
        .modules
        .iter()
        .filter(|m| m.playbooks.contains(id))
        .map(|m| (m.name.clone(), m.sha256.clone()))
        .collect();
    let of_now: BTreeSet<(String, String)> = now.modules.iter().map(|m| (m.stem().to_string(), m.sha256())).collect();
    if let Some((module, _)) = of_now.symmetric_difference(&of_then).next() {
        return Some(format!("module {module}, which playbook {id} imports, has changed"));
    }
    setting(&before.recorded.info.settings, &all_settings(std::slice::from_ref(now)), id)
}

/// The first setting of a playbook whose value differs.
fn setting(then: &[SettingInfo], now: &[SettingInfo], playbook: &str) -> Option<String> {
    type Values<'a> = BTreeMap<(&'a str, Option<&'a str>), &'a Value>;
    fn values<'a>(rows: &'a [SettingInfo], playbook: &str) -> Values<'a> {
        let mine = rows.iter().filter(|s| s.playbook == playbook);
        mine.map(|s| ((s.name.as_str(), s.cluster.as_deref()), &s.value)).collect()
    }
    let (then, now) = (values(then, playbook), values(now, playbook));
    // A cluster has a row of its own only where its value is another than that of all.
    let of = |all: &Values<'_>, (name, cluster): (&str, Option<&str>)| {
        all.iter()
            .find(|((n, c), _)| *n == name && *c == cluster)
            .or_else(|| all.iter().find(|((n, c), _)| *n == name && c.is_none()))
            .map(|(_, value)| (*value).clone())
    };
    let keys: BTreeSet<(&str, Option<&str>)> = then.keys().chain(now.keys()).copied().collect();
    keys.into_iter().find_map(|key| {
        let (was, is) = (of(&then, key), of(&now, key));
        let cluster = key.1.map(|c| format!("@{c}")).unwrap_or_default();
        if was != is && programs::holds(key.0) {
            return Some(format!("setting {playbook}.{}{cluster} is another one than then", key.0));
        }
        let shown = |value: Option<Value>| value.map_or_else(|| "nothing".to_string(), |v| v.to_string());
        (was != is).then(|| format!("setting {playbook}.{}{cluster} is {}, was {}", key.0, shown(is), shown(was)))
    })
}

/// Whether the clusters that it ran on are not those that it would run on.
fn elsewhere(before: &Before, step: &Step, now: &[ClusterInfo]) -> Option<String> {
    let then = &before.recorded.info.clusters;
    if then.is_empty() {
        return None;
    }
    if step.decl.on == On::All {
        let selected = before.recorded.info.asked.as_ref().map(|a| a.cluster.as_slice()).unwrap_or_default();
        let all = || then.iter().map(|c| c.name.as_str()).collect();
        let was: BTreeSet<&str> =
            if selected.is_empty() { all() } else { selected.iter().map(String::as_str).collect() };
        if was != step.clusters.iter().map(String::as_str).collect() {
            return Some("it ran on other clusters".into());
        }
    }
    // A step on no cluster may reach any of them.
    let reached = |cluster: &&ClusterInfo| step.clusters.is_empty() || step.clusters.contains(&cluster.name);
    let other = |now: &&ClusterInfo| !then.iter().any(|then| is_same(then, now));
    let other = now.iter().filter(reached).find(other)?;
    let id = then.iter().find(|then| is_same_place(then, other)).and_then(|then| then.id.as_deref());
    Some(match (id, other.id.as_deref()) {
        (Some(id), Some(now)) => format!("cluster {} is another one than then: {now}, was {id}", other.name),
        (Some(id), None) => format!("cluster {} does not say whether it is the one of then, {id}", other.name),
        _ => format!("cluster {} is another one than then", other.name),
    })
}

/// Where nothing was changed then, nobody asked which one it was, and the address has to do.
fn is_same(then: &ClusterInfo, now: &ClusterInfo) -> bool {
    is_same_place(then, now) && (then.id.is_none() || then.id == now.id)
}

/// Asks the clusters which ones they are, where the record of then says it.
pub(in crate::cli) fn identify(
    then: &[ClusterInfo],
    now: &mut [ClusterInfo],
    config: &Config,
) -> Result<(), Vec<Error>> {
    let id = |now: &ClusterInfo| then.iter().find(|then| is_same_place(then, now)).and_then(|then| then.id.clone());
    let names: Vec<String> = now.iter().filter(|c| id(c).is_some()).map(|c| c.name.clone()).collect();
    let answers = identity::ask(config, &names)?;
    for cluster in now {
        let answer = answers.get(&cluster.name).and_then(|answer| answer.as_ref().ok());
        cluster.id = id(cluster).and_then(|then| answer?.like(&then));
    }
    Ok(())
}

fn is_same_place(then: &ClusterInfo, now: &ClusterInfo) -> bool {
    let place = match (&then.server, &now.server) {
        (Some(then), Some(now)) => then == now,
        _ => then.kubeconfig == now.kubeconfig,
    };
    then.name == now.name && then.context == now.context && place
}

/// Whether something is missing of what it left: evidence, or a value that the record may not keep.
fn lost(before: &Before, id: &str) -> Option<String> {
    let published = before.course.published.get(id);
    let hidden = |(name, value): &(&String, &Value)| name.contains("<secret") || is_hidden(value);
    if let Some((name, _)) = published.and_then(|values| values.iter().find(hidden)) {
        return Some(format!("the value \"{name}\" that it published holds a secret, which no record keeps"));
    }
    let files = before.course.evidence.get(id).map(Vec::as_slice).unwrap_or_default();
    let named = &before.passed(id)?.evidence;
    if let Some(file) = named.iter().find(|file| !files.iter().any(|e| e.file == **file)) {
        return Some(format!("its evidence {file} was not written"));
    }
    files
        .iter()
        .find(|e| !is_there(&before.recorded.folder, &e.file, &e.sha256))
        .map(|e| format!("its evidence {} is not the file that was written then", e.file))
}

/// Whether redaction has put its mark in the place of a part.
fn is_hidden(value: &Value) -> bool {
    value.to_string().contains("<secret")
}

fn is_there(folder: &Path, file: &str, sha256: &str) -> bool {
    // A record that somebody has written by hand must not lead out of its folder.
    let inside = Path::new(file).components().all(|c| matches!(c, Component::Normal(_)));
    inside && std::fs::read(folder.join(file)).is_ok_and(|bytes| hex(&bytes) == sha256)
}

/// A hash over what `pb.toml` says of places besides the clusters.
pub(in crate::cli) fn places(config: &Config) -> String {
    let all = (&config.hosts, &config.endpoints, &config.networks);
    hex(serde_json::to_string(&all).unwrap_or_default().as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_the_same_when_it_says_so() {
        let cluster = |id: Option<&str>| ClusterInfo {
            name: "infra".into(),
            server: Some("https://a".into()),
            id: id.map(Into::into),
            ..ClusterInfo::default()
        };
        assert!(is_same(&cluster(None), &cluster(None)));
        assert!(is_same(&cluster(None), &cluster(Some("kube-system u-1"))));
        assert!(is_same(&cluster(Some("kube-system u-1")), &cluster(Some("kube-system u-1"))));
        assert!(!is_same(&cluster(Some("kube-system u-1")), &cluster(Some("kube-system u-2"))));
        assert!(!is_same(&cluster(Some("kube-system u-1")), &cluster(None)), "it could not be asked");
    }
}
