//! Pods and images: what starts, keeps running, and may be taken away.

use serde_json::json;

use crate::lab::faults::fault::{Broken, Fault, Target, made};
use crate::lab::faults::ground::Ground;
use crate::lab::world::Cause;

/// A Deployment that nothing else of the platform needs to run, with its one container's name and image.
fn deployment(ground: &Ground<'_>) -> Result<(Target, String, String), String> {
    let target = ground.named("deployments.apps", "hubble-ui").or_else(|_| ground.object("deployments.apps"))?;
    let container = &target.value["spec"]["template"]["spec"]["containers"][0];
    let text = |key: &str| container[key].as_str().unwrap_or_default().to_owned();
    let (name, image) = (text("name"), text("image"));
    Ok((target, name, image))
}

/// Its pods are made of another template: a merge patch has to have the whole list of containers.
fn template(target: &Target, change: impl Fn(&mut serde_json::Value)) -> Cause {
    let mut containers = target.value["spec"]["template"]["spec"]["containers"].clone();
    if let Some(first) = containers.get_mut(0) {
        change(first);
    }
    target.merged(&json!({ "spec": { "template": { "spec": { "containers": containers } } } }))
}

pub(super) const ROWS: &[Fault] = &[
    Fault {
        name: "crash-loop",
        about: "a release made a workload's program end at once",
        risk: "—",
        effect: "its new pod restarts again and again: CrashLoopBackOff; the Deployment does not get ready",
        wrong: |ground| {
            let (target, _, _) = deployment(ground)?;
            let cause = template(&target, |container| {
                container["command"] = json!(["false"]);
                container["args"] = serde_json::Value::Null;
            });
            Ok(target.broken(vec![cause]))
        },
    },
    Fault {
        name: "image-tag-missing",
        about: "a workload was released with an image tag that was never pushed",
        risk: "—",
        effect: "its new pod waits in ImagePullBackOff; the Deployment does not get ready",
        wrong: |ground| {
            let (target, _, image) = deployment(ground)?;
            let slash = image.rfind('/').map_or(0, |at| at + 1);
            let bare = image[slash..].find(':').map_or(image.as_str(), |at| &image[..slash + at]);
            let wrong = format!("{bare}:v0.0.0-nonesuch");
            let cause = template(&target, |container| container["image"] = wrong.as_str().into());
            let mut broken = target.broken(vec![Cause::Image { image: wrong.clone() }, cause]);
            broken.names.push(wrong);
            Ok(broken)
        },
    },
    Fault {
        name: "deployment-scaled-down",
        about: "a workload was scaled to nothing for a repair, and forgotten",
        risk: "—",
        effect: "it has no pods, and its Service no endpoints; its status says nothing is missing",
        wrong: |ground| {
            let target =
                ground.named("deployments.apps", "hubble-relay").or_else(|_| ground.object("deployments.apps"))?;
            Ok(target.broken(vec![target.merged(&json!({ "spec": { "replicas": 0 } }))]))
        },
    },
    Fault {
        name: "deployment-unschedulable",
        about: "a workload asks for nodes with a label that none has",
        risk: "—",
        effect: "its new pod stays Pending; the Deployment does not get ready",
        wrong: |ground| {
            let (target, _, _) = deployment(ground)?;
            let patch = json!({ "spec": { "template": { "spec": { "nodeSelector": { "disk": "fast" } } } } });
            Ok(target.broken(vec![target.merged(&patch)]))
        },
    },
    Fault {
        name: "budget-without-room",
        about: "a disruption budget of a workload allows no disruption at all",
        risk: "—",
        effect: "its pods can't be evicted: a drain of their nodes does not end",
        wrong: |ground| {
            let patch = json!({ "spec": { "minAvailable": null, "maxUnavailable": 0 } });
            if let Ok(budget) = ground.object("poddisruptionbudgets.policy") {
                return Ok(budget.broken(vec![budget.merged(&patch)]));
            }
            let dns = ground.named("deployments.apps", "coredns")?;
            let selector = dns.value["spec"]["selector"].clone();
            let budget = json!({
                "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
                "metadata": { "name": "coredns-always", "namespace": dns.namespace() },
                "spec": { "maxUnavailable": 0, "selector": selector },
            });
            let object = format!("PodDisruptionBudget {}/coredns-always of {}", dns.namespace(), dns.cluster);
            Ok(Broken::new(object, &["coredns-always", "coredns"], vec![made(&dns.cluster, &budget)]))
        },
    },
    Fault {
        name: "egress-blocked",
        about: "a firewall lets nothing of a cluster out",
        risk: "R2",
        effect: "images that no node has are not pulled; sources, stores and issuers outside are not reached",
        wrong: |ground| {
            let cluster = ground.cluster()?;
            Ok(Broken::new(format!("egress of {cluster}"), &[cluster], vec![Cause::egress(cluster, "*")]))
        },
    },
    Fault {
        name: "registry-unreachable",
        about: "a cluster does not reach Docker's registry",
        risk: "R2",
        effect: "pods with images of docker.io that a node does not have wait in ImagePullBackOff",
        wrong: |ground| {
            let cluster = ground.cluster()?;
            let cause = Cause::egress(cluster, "docker.io");
            Ok(Broken::new(format!("docker.io, from {cluster}"), &["docker.io"], vec![cause]))
        },
    },
    Fault {
        name: "registry-mirror-unusable",
        about: "the nodes' containerd is told a registry mirror that it can't use",
        risk: "R2",
        effect: "no image is pulled that a node does not have, from whatever registry: the mirror refuses connections",
        wrong: |ground| {
            let cluster = ground.cluster()?;
            let cause = Cause::Mirror { cluster: cluster.into() };
            Ok(Broken::new(format!("registry mirror of {cluster}"), &["mirror", "127.0.0.1:29999"], vec![cause]))
        },
    },
    Fault {
        name: "operator-scaled-down",
        about: "the helm controller was scaled to nothing for a repair, and forgotten",
        risk: "R4",
        effect: "HelmReleases stay as they are; a requested reconcile is not handled",
        wrong: |ground| {
            let target = ground.named("deployments.apps", "helm-controller")?;
            Ok(target.broken(vec![target.merged(&json!({ "spec": { "replicas": 0 } }))]))
        },
    },
];
