//! Names and policies: what pods resolve, and whom they may talk to.

use serde_json::json;

use crate::lab::faults::fault::{Broken, Fault, made};
use crate::lab::world::Cause;

pub(super) const ROWS: &[Fault] = &[
    Fault {
        name: "dns-scaled-down",
        about: "CoreDNS has no replicas",
        risk: "—",
        effect: "pods resolve no name",
        wrong: |ground| {
            let dns = ground.named("deployments.apps", "coredns")?;
            Ok(dns.broken(vec![dns.merged(&json!({ "spec": { "replicas": 0 } }))]))
        },
    },
    Fault {
        name: "dns-address-of-other-cluster",
        about: "kubelets tell pods the CoreDNS address of the other cluster",
        risk: "R1",
        effect: "pods of the cluster resolve no name: their server's address leads nowhere",
        wrong: |ground| {
            let (cluster, (_, other)) = (ground.cluster()?, ground.other()?);
            let address = other.dns;
            let text = address.to_string();
            let causes = vec![Cause::Resolver { cluster: cluster.into(), address }];
            Ok(Broken::new(format!("clusterDNS of {cluster} ({text})"), &[&text], causes))
        },
    },
    Fault {
        name: "dns-service-gone",
        about: "the Service kube-dns was pruned",
        risk: "—",
        effect: "pods resolve no name: nobody has the server's address",
        wrong: |ground| {
            let service = ground.named("services", "kube-dns")?;
            Ok(service.broken(vec![service.deleted()]))
        },
    },
    Fault {
        name: "policy-cuts-all-pods",
        about: "a policy default cut all traffic of all pods",
        risk: "R2",
        effect: "pods reach neither each other nor DNS nor anything outside",
        wrong: |ground| {
            ground.definition("ciliumclusterwidenetworkpolicies.cilium.io")?;
            let cluster = ground.cluster()?;
            let policy = json!({
                "apiVersion": "cilium.io/v2", "kind": "CiliumClusterwideNetworkPolicy",
                "metadata": { "name": "default-deny" },
                "spec": {
                    "endpointSelector": {}, "enableDefaultDeny": { "ingress": true, "egress": true },
                    "ingress": [{}], "egress": [{}],
                },
            });
            let object = format!("CiliumClusterwideNetworkPolicy default-deny of {cluster}");
            Ok(Broken::new(object, &["default-deny"], vec![made(cluster, &policy)]))
        },
    },
    Fault {
        name: "policy-without-dns",
        about: "a network policy of a namespace lets its pods out, but not to DNS",
        risk: "R2",
        effect: "pods of external-secrets resolve no name, so that the operator reaches no store",
        wrong: |ground| {
            let operator = ground.find("pods", |pod| pod["metadata"]["namespace"] == "external-secrets")?;
            let policy = json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": { "name": "allow-egress", "namespace": operator.namespace() },
                "spec": {
                    "podSelector": {}, "policyTypes": ["Egress"],
                    "egress": [{ "ports": [{ "port": 443, "protocol": "TCP" }, { "port": 6443, "protocol": "TCP" }] }],
                },
            });
            let object = format!("NetworkPolicy {}/allow-egress of {}", operator.namespace(), operator.cluster);
            let mut causes = vec![made(&operator.cluster, &policy)];
            // Where a policy lets all pods ask for names, it leaves these out: what policies allow counts together.
            for one in ground.all(&operator.cluster, "ciliumclusterwidenetworkpolicies.cilium.io") {
                let mut rules = one.value["spec"]["egress"].as_array().into_iter().flatten();
                if rules.any(|rule| rule["toPorts"].to_string().contains("\"53\"")) {
                    let out = json!([{ "key": "k8s:io.kubernetes.pod.namespace", "operator": "NotIn", "values": [operator.namespace()] }]);
                    causes.push(one.merged(&json!({ "spec": { "endpointSelector": { "matchExpressions": out } } })));
                }
            }
            Ok(Broken::new(object, &["allow-egress"], causes))
        },
    },
    Fault {
        name: "policy-without-vault",
        about: "a network policy lets the secrets' operator reach DNS, but not 1Password",
        risk: "R9",
        effect: "the store is not ready, and no ExternalSecret is refreshed",
        wrong: |ground| {
            let operator = ground.find("pods", |pod| pod["metadata"]["namespace"] == "external-secrets")?;
            let policy = json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": { "name": "dns-only", "namespace": operator.namespace() },
                "spec": {
                    "podSelector": {}, "policyTypes": ["Egress"],
                    "egress": [{ "ports": [{ "port": 53, "protocol": "UDP" }, { "port": 53, "protocol": "TCP" }] }],
                },
            });
            let object = format!("NetworkPolicy {}/dns-only of {}", operator.namespace(), operator.cluster);
            Ok(Broken::new(object, &["dns-only"], vec![made(&operator.cluster, &policy)]))
        },
    },
    Fault {
        name: "dns-record-wrong",
        about: "a public record leads to an address that is none of the gateway's",
        risk: "—",
        effect: "the name resolves, and leads to somebody else",
        wrong: |ground| {
            let route = ground.object("httproutes.gateway.networking.k8s.io")?;
            let host = route.value["spec"]["hostnames"][0].as_str().unwrap_or_default().to_owned();
            if host.is_empty() {
                return Err(format!("HTTPRoute {} has no host name", route.name()));
            }
            let wrong = crate::lab::world::Wrong::Value(format!("{host}=192.0.2.1"));
            Ok(Broken::new(format!("record {host}"), &[&host, "192.0.2.1"], vec![Cause::service("cloudflare", wrong)]))
        },
    },
    Fault {
        name: "gateway-certificate-missing",
        about: "the listeners of a Gateway name a Secret that does not exist",
        risk: "—",
        effect: "the listener does not resolve its references, and TLS is not served",
        wrong: |ground| {
            let gateway = ground.object("gateways.gateway.networking.k8s.io")?;
            let mut listeners = gateway.value["spec"]["listeners"].clone();
            let mut any = false;
            for listener in listeners.as_array_mut().into_iter().flatten() {
                if listener["tls"].is_object() {
                    listener["tls"]["certificateRefs"] = json!([{ "kind": "Secret", "name": "wildcard-tsl" }]);
                    any = true;
                }
            }
            if !any {
                return Err(format!("Gateway {} has no listener with TLS", gateway.name()));
            }
            let mut broken = gateway.broken(vec![gateway.merged(&json!({ "spec": { "listeners": listeners } }))]);
            broken.names.push("wildcard-tsl".into());
            Ok(broken)
        },
    },
    Fault {
        name: "route-to-no-service",
        about: "an HTTPRoute leads to a Service that does not exist",
        risk: "—",
        effect: "the route's references are not resolved; its host answers 500",
        wrong: |ground| {
            let route = ground.object("httproutes.gateway.networking.k8s.io")?;
            let mut rules = route.value["spec"]["rules"].clone();
            let first = rules.get_mut(0).and_then(|rule| rule.get_mut("backendRefs")).and_then(|refs| refs.get_mut(0));
            let backend = first.ok_or_else(|| format!("HTTPRoute {} has no backend", route.name()))?;
            backend["name"] = "nonesuch".into();
            let mut broken = route.broken(vec![route.merged(&json!({ "spec": { "rules": rules } }))]);
            broken.names.push("nonesuch".into());
            Ok(broken)
        },
    },
];
