//! The clusters of a recorded run, as they are reached today: the same servers, or none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::cli::identity;
use crate::client::kube::{Identity, connect};
use crate::config::{Cluster, Config};
use crate::error::{Error, Kind};
use crate::event::Undo;
use crate::record::{ClusterInfo, LeftRow, RunInfo};

/// How a cluster is reached.
struct Way {
    cluster: Cluster,
    /// `the recorded context infra of /home/ada/.kube/config`
    said: String,
}

/// The clusters that rows need.
pub(super) fn needed(rows: &[LeftRow], config: &Config) -> BTreeSet<String> {
    let of = |row: &LeftRow| match &row.row.undo {
        // An endpoint that is a service is reached through its cluster.
        Undo::Http { endpoint, .. } => {
            let service = config.endpoints.get(endpoint.as_ref()?)?.service.as_ref()?;
            service.split('/').next().map(Into::into)
        }
        undo => undo.cluster().map(Into::into),
    };
    rows.iter().filter_map(of).collect()
}

/// Turns the configuration into one whose clusters are those of the run: reached as recorded, or as configured today
/// where only that leads to the server of then, or where `mapped` says so. Gives the servers, by cluster.
///
/// # Errors
/// [`Kind::Config`] for every cluster that leads to another server today, or to none.
pub(super) fn reach(
    config: &mut Config,
    info: &RunInfo,
    needed: &BTreeSet<String>,
    mapped: &BTreeSet<String>,
    ids: &Ids,
) -> Result<BTreeMap<String, String>, Vec<Error>> {
    let (mut servers, mut wrong) = (BTreeMap::new(), Vec::new());
    for name in needed {
        let recorded = info.clusters.iter().find(|c| c.name == *name);
        // The same cluster may have another address by now: what it says of itself is asked after this.
        let then = if mapped.contains(name) && ids.contains_key(name) { None } else { recorded };
        match pick(name, then, &ways(config, info, name, recorded, mapped)) {
            Ok((cluster, server)) => {
                config.clusters.insert(name.clone(), cluster);
                servers.insert(name.clone(), server);
            }
            Err(error) => wrong.push(error),
        }
    }
    if wrong.is_empty() { Ok(servers) } else { Err(wrong) }
}

/// Which clusters they were, by name: more than one only where a record was put together.
pub(super) type Ids = BTreeMap<String, BTreeSet<String>>;

/// Which clusters the run changed: its rows say it, and `run.json` where these don't.
pub(super) fn ids(info: &RunInfo, rows: &[LeftRow], needed: &BTreeSet<String>) -> Ids {
    let mut ids = Ids::new();
    for row in rows {
        if let (Some(name), Some(id)) = (row.row.undo.cluster(), &row.row.cluster_id) {
            ids.entry(name.into()).or_default().insert(id.clone());
        }
    }
    for cluster in info.clusters.iter().filter(|cluster| needed.contains(&cluster.name)) {
        if let (Some(id), false) = (&cluster.id, ids.contains_key(&cluster.name)) {
            ids.insert(cluster.name.clone(), BTreeSet::from([id.clone()]));
        }
    }
    ids
}

/// The clusters that give no answer, with the reason: their rows can't be undone now.
///
/// # Errors
/// [`Kind::Config`] for every cluster that is not the one that the run changed, although its address is the same.
pub(super) fn identify(config: &Config, run: &str, ids: &Ids) -> Result<BTreeMap<String, String>, Vec<Error>> {
    let names: Vec<String> = ids.keys().cloned().collect();
    let (mut silent, mut wrong) = (BTreeMap::new(), Vec::new());
    for (name, answer) in identity::ask(config, &names)? {
        match answer {
            Ok(now) => wrong.extend(ids[&name].iter().filter_map(|then| another(&name, then, &now, run))),
            Err(error) => {
                silent.insert(name, error.to_string());
            }
        }
    }
    if wrong.is_empty() { Ok(silent) } else { Err(wrong) }
}

/// What is wrong where a cluster is not known to be the one of then.
fn another(name: &str, then: &str, now: &Identity, run: &str) -> Option<Error> {
    let what = match now.like(then) {
        Some(now) if now == then => return None,
        Some(now) => format!("the run changed the one with {then}, and the one that answers there today has {now}"),
        None => format!("the run changed the one with {then}, and the one that answers there today does not say it"),
    };
    Some(
        Error::new(Kind::Config, format!("cluster {name} is not the one of then: {what}"))
            .hint(format!("--context {name}=CONTEXT names a context that leads there; nothing was changed"))
            .hint(format!("if it is gone for good: pb clean {run} --done N, for each of its changes")),
    )
}

fn ways(
    config: &Config,
    info: &RunInfo,
    name: &str,
    recorded: Option<&ClusterInfo>,
    mapped: &BTreeSet<String>,
) -> Vec<Way> {
    let mut ways = Vec::new();
    let mut add = |word: &str, cluster: Cluster| {
        let context = cluster.context.as_deref().unwrap_or(name);
        let of = cluster.kubeconfig.as_ref().map(|file| format!(" of {}", file.display())).unwrap_or_default();
        ways.push(Way { said: format!("{word} context {context}{of}"), cluster });
    };
    if let Some(then) = recorded.filter(|_| !mapped.contains(name)) {
        let file = then.kubeconfig.as_ref().map(|file| Path::new(&info.dir).join(PathBuf::from(file)));
        let today = config.clusters.get(name).cloned().unwrap_or_default();
        add("the recorded", Cluster { kubeconfig: file, context: Some(then.context.clone()), ..today });
    }
    if let Some(today) = config.clusters.get(name) {
        add("today's", today.clone());
    }
    ways
}

fn pick(name: &str, recorded: Option<&ClusterInfo>, ways: &[Way]) -> Result<(Cluster, String), Error> {
    let then = recorded.and_then(|c| c.server.as_deref());
    let mut found = Vec::new();
    for Way { cluster, said } in ways {
        let context = cluster.context.as_deref().unwrap_or(name);
        match connect::look(name, cluster.kubeconfig.as_deref(), context) {
            Ok(leads) => match (leads.server, then) {
                (Some(server), Some(then)) if server != then => found.push(format!("{said} leads to {server}")),
                (Some(server), _) => {
                    // By its whole path: programs of the ledger run in another folder.
                    let kubeconfig = leads.kubeconfig.or_else(|| cluster.kubeconfig.clone());
                    return Ok((Cluster { kubeconfig, ..cluster.clone() }, server));
                }
                (None, _) => found.push(format!("{said} leads to no server")),
            },
            Err(error) => found.push(format!("{said}: {}", error.message)),
        }
    }
    let what = match then {
        Some(then) => format!("cluster {name}: the run changed {then}, and nothing is configured that leads there"),
        None => format!("cluster {name}: nothing is configured that leads there"),
    };
    found.dedup();
    let mut error = Error::new(Kind::Config, what);
    error.causes = found;
    Err(error.hint(format!("--context {name}=CONTEXT names a context that leads there; nothing was changed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(dir: &Path, file: &str, context: &str, server: &str) -> String {
        let path = dir.join(file);
        let text = format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n\
             users: [{{name: u, user: {{token: t}}}}]\ncontexts: [{{name: {context}, context: {{cluster: c, user: u}}}}]\n"
        );
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    fn run(file: &str, server: Option<&str>) -> RunInfo {
        let cluster = ClusterInfo {
            name: "infra".into(),
            context: "x".into(),
            kubeconfig: Some(file.into()),
            server: server.map(Into::into),
            id: None,
        };
        RunInfo { clusters: vec![cluster], ..RunInfo::default() }
    }

    fn today(file: &str, context: &str) -> Config {
        let cluster = Cluster { kubeconfig: Some(file.into()), context: Some(context.into()), ..Cluster::default() };
        Config { clusters: [("infra".to_string(), cluster)].into(), ..Config::default() }
    }

    #[test]
    fn the_same_address_does_not_make_it_the_same_cluster() {
        let now = Identity { uid: Some("u-2".into()), authority: Some("ab".into()) };
        assert_eq!(another("infra", "kube-system u-2", &now, "x"), None);
        assert_eq!(another("infra", "CA ab", &now, "x"), None);
        let error = another("infra", "kube-system u-1", &now, "x").expect("another one");
        assert_eq!(error.kind, Kind::Config);
        assert!(error.message.contains("u-1") && error.message.contains("u-2"), "{error}");
        let unread = Identity { uid: None, ..now };
        assert!(another("infra", "kube-system u-2", &unread, "x").is_some(), "nobody knows");
    }

    #[test]
    fn only_the_server_of_then_is_reached_whichever_way_leads_there() {
        let dir = tempfile::tempdir().expect("a folder");
        let (a, b) = ("https://a:6443", "https://b:6443");
        let then = kubeconfig(dir.path(), "then", "x", "https://a:6443/");
        let other = kubeconfig(dir.path(), "other", "y", b);
        let moved = kubeconfig(dir.path(), "moved", "y", a);
        let names = BTreeSet::from(["infra".to_string()]);
        let reach = |info: &RunInfo, mut config: Config, mapped: &BTreeSet<String>| {
            reach(&mut config, info, &names, mapped, &Ids::new())
                .map(|servers| (servers["infra"].clone(), config.clusters))
        };
        let none = BTreeSet::new();
        // As recorded, whatever pb.toml says now.
        let (server, clusters) = reach(&run(&then, Some(a)), today(&other, "y"), &none).expect("reached");
        assert_eq!((server.as_str(), clusters["infra"].context.as_deref()), (a, Some("x")));
        // The recorded file is gone, and today's leads there.
        let (_, clusters) = reach(&run("/nowhere", Some(a)), today(&moved, "y"), &none).expect("reached");
        assert_eq!(clusters["infra"].context.as_deref(), Some("y"));
        // Neither leads there, and both servers are named.
        let refused = reach(&run(&other, Some(a)), today(&other, "y"), &none).expect_err("refused").remove(0);
        assert_eq!(refused.kind, Kind::Config);
        assert!(refused.message.contains(a) && refused.causes.iter().any(|c| c.contains(b)), "{refused:?}");
        // What the operator maps counts alone, and is held to the server too.
        assert!(reach(&run(&then, Some(a)), today(&other, "y"), &names).is_err());
        assert!(reach(&run(&then, Some(a)), today(&moved, "y"), &names).is_ok());
        // A record that keeps no server goes by its context.
        assert_eq!(reach(&run(&then, None), Config::default(), &none).map(|(s, _)| s), Ok(a.to_string()));
    }

    #[test]
    fn the_rows_say_which_cluster_it_was_and_run_json_only_where_they_do_not() {
        let row = |row: u64, id: Option<&str>| {
            let object = crate::event::ObjectRef {
                cluster: "infra".into(),
                api_version: "v1".into(),
                kind: "Pod".into(),
                plural: "pods".into(),
                namespace: None,
                name: "a".into(),
                uid: None,
            };
            let (undo, cluster_id) = (Undo::Delete { object }, id.map(Into::into));
            let row = crate::event::LedgerRow { row, change: String::new(), undo, cluster_id };
            LeftRow { row, step: None, at: jiff::Timestamp::UNIX_EPOCH, why: None }
        };
        let named = |id: Option<&str>| {
            let mut info = run("x", None);
            info.clusters[0].id = id.map(Into::into);
            info
        };
        let needed = BTreeSet::from(["infra".to_string()]);
        let told = |info: &RunInfo, rows: &[LeftRow]| {
            ids(info, rows, &needed).remove("infra").map(|ids| ids.into_iter().collect::<Vec<_>>().join(" "))
        };
        // Without run.json.
        assert_eq!(told(&RunInfo::default(), &[row(1, Some("u-1")), row(2, None)]).as_deref(), Some("u-1"));
        assert_eq!(told(&named(Some("u-2")), &[row(1, Some("u-1"))]).as_deref(), Some("u-1"));
        assert_eq!(told(&named(Some("u-2")), &[row(1, None)]).as_deref(), Some("u-2"));
        assert_eq!(told(&named(None), &[row(1, None)]), None);
        // Where the operator says what leads there, it may have another address, since its uid is asked for.
        let dir = tempfile::tempdir().expect("a folder");
        let moved = kubeconfig(dir.path(), "moved", "y", "https://b:6443");
        let info = run("/nowhere", Some("https://a:6443"));
        let known = Ids::from([("infra".to_string(), BTreeSet::from(["u-1".to_string()]))]);
        let reached =
            |mapped: &BTreeSet<String>, ids: &Ids| reach(&mut today(&moved, "y"), &info, &needed, mapped, ids);
        assert!(reached(&needed, &known).is_ok());
        assert!(reached(&BTreeSet::new(), &known).is_err() && reached(&needed, &Ids::new()).is_err());
    }
}
