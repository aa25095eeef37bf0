//! Performs an undo of the ledger: at a step's end, at the run's end, or by `pb clean` after a run that was killed.

mod delete;
mod dependants;
mod plan;
mod restore;

use std::time::Duration;

use super::kube::Clusters;
use super::world::World;
use crate::client::kube::{Cluster, FIELD_MANAGER, node};
use crate::client::sh;
use crate::error::{Error, Kind, Result};
use crate::event::{ObjectRef, Undo, short};

/// How long a program that undoes something may run.
const COMMAND_LIMIT: Duration = Duration::from_secs(120);

/// What became of an undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undone {
    /// It was undone now.
    Done,
    /// There was nothing left to undo: the object is gone, or as it was before.
    Already,
    /// Not undone, because somebody else changed or made the thing since; one reason a field or object.
    LeftAlone(Vec<String>),
}

/// Performs an undo and waits until it has taken effect. Doing it twice does no harm.
///
/// # Errors
/// What the cluster or the program says; [`Kind::Timeout`] when an object is not gone in time.
pub async fn perform(world: &World, undo: &Undo) -> Result<Undone> {
    match undo {
        Undo::Delete { object } => delete::delete(&of(world, object).await?, object, &world.run, &*world.clock).await,
        Undo::Restore { object, subresource, fields, owners } => {
            let cluster = of(world, object).await?;
            restore::restore(&cluster, object, subresource.as_deref(), fields, owners).await
        }
        Undo::Uncordon { object } => uncordon(&of(world, object).await?, object).await,
        Undo::Http { method, url, endpoint } => super::http::undo(world, method, url, endpoint.as_deref()).await,
        Undo::Command { program, args } => command(world, program, args).await,
    }
}

async fn of(world: &World, object: &ObjectRef) -> Result<Cluster> {
    world.part::<Clusters>().get(world, &object.cluster).await
}

async fn uncordon(cluster: &Cluster, object: &ObjectRef) -> Result<Undone> {
    let found = match node::get(cluster, &object.name).await {
        Err(e) if e.kind == Kind::NotFound => return Ok(Undone::Already),
        other => other?,
    };
    // Another machine of the same name, or one that somebody opened again.
    let uid = found.pointer("/metadata/uid").and_then(|uid| uid.as_str());
    if (object.uid.is_some() && object.uid.as_deref() != uid) || !node::is_cordoned(&found) {
        return Ok(Undone::Already);
    }
    if let Some(who) = closed_by_others(&node::cordoned_by(&found)) {
        let why = format!("{object} was opened and closed again since, by {who}: whoever did that opens it");
        return Ok(Undone::LeftAlone(vec![why]));
    }
    node::uncordon(cluster, &object.name).await?;
    Ok(Undone::Done)
}

/// The others that a node is closed by, where this program is not among those that did.
fn closed_by_others(managers: &[String]) -> Option<String> {
    let ours = managers.is_empty() || managers.iter().any(|manager| manager == FIELD_MANAGER);
    (!ours).then(|| managers.join(" and "))
}

async fn command(world: &World, program: &str, args: &[String]) -> Result<Undone> {
    let line = [program].into_iter().chain(args.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    let command = sh::Command::new(program, args.iter().cloned());
    let output = tokio::select! {
        output = sh::run(&command) => output?,
        () = world.clock.sleep(COMMAND_LIMIT) => {
            return Err(Error::new(Kind::Timeout, format!("{line} did not end within {}", short(COMMAND_LIMIT))));
        }
    };
    if output.code == 0 {
        return Ok(Undone::Done);
    }
    let mut error = Error::new(Kind::ExitCode, format!("{line} ended with exit code {}", output.code));
    error.causes = sh::last_lines(&output.stderr, 5);
    Err(error)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_that_somebody_else_closed_since_is_left_alone() {
        let node = |managers: &[&str]| {
            let owns = |name| json!({ "manager": name, "fieldsV1": { "f:spec": { "f:unschedulable": {} } } });
            let other = json!({ "manager": "kubelet", "fieldsV1": { "f:status": {} } });
            let all: Vec<_> = managers.iter().map(owns).chain([other]).collect();
            closed_by_others(&node::cordoned_by(&json!({ "metadata": { "managedFields": all } })))
        };
        assert_eq!(node(&["kubectl-cordon"]), Some("kubectl-cordon".into()));
        assert_eq!(node(&["pb"]), None);
        assert_eq!(node(&["pb", "kubectl-cordon"]), None);
        // An API server that keeps no account.
        assert_eq!(node(&[]), None);
    }
}
