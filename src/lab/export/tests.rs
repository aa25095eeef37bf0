//! An export, as far as it can be judged without a real server; `tests/it/real/export.rs` loads it into one.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::clock::Clock as _;
use crate::lab::clock::LabClock;
use crate::lab::world::{objects, read};

fn of(topology: &str, cluster: &str, version: Option<Version>) -> Export {
    let topology = read::embedded(topology).unwrap();
    let clock = LabClock::real();
    let server = Cluster::new(cluster, Arc::new(clock.clone()));
    let mut world = server.world();
    for object in objects::all(&topology, cluster, clock.now()) {
        world.plant(&object, clock.now());
        if object["kind"] == "CustomResourceDefinition" {
            world.register(&object, true);
        }
    }
    drop(world);
    export(&server, version)
}

#[test]
fn nothing_that_a_server_gives_is_in_it_and_status_is_a_part_of_its_own() {
    let all = of("monosense", "infra", None);
    assert!(all.definitions.len() >= 5 && all.objects.len() > 30 && all.status.len() > 30, "{}", all.objects.len());
    assert!(all.left_out.is_empty());
    for object in all.definitions.iter().chain(&all.objects) {
        for given in ["uid", "resourceVersion", "creationTimestamp"] {
            assert!(object["metadata"][given].is_null(), "{object}");
        }
        assert!(object["status"].is_null(), "{object}");
        assert!(!object.to_string().contains(r#""namespace":"""#), "a server refuses the empty name: {object}");
    }
    assert_eq!(all.objects[0]["kind"], "Namespace", "what others are in comes first");
    assert!(all.objects.iter().all(|object| object["spec"]["clusterIP"].as_str().is_none_or(|ip| ip == "None")));
    assert!(all.status.iter().all(|object| object["status"].is_object()));
    let own = |object: &&Value| object["kind"] == "Service" && object["metadata"]["name"] == "kubernetes";
    assert!(!all.objects.iter().any(|object| own(&object)));
}

#[test]
fn what_was_said_of_the_last_generation_is_said_of_the_first_which_a_new_object_has() {
    let of = |generation: i64, observed: i64| {
        let object = json!({ "kind": "Kustomization", "metadata": { "name": "a", "generation": generation },
            "status": { "observedGeneration": observed, "conditions": [{ "observedGeneration": observed }] } });
        tidy::parts(&object).1.unwrap()
    };
    let told =
        |observed: i64| json!({ "observedGeneration": observed, "conditions": [{ "observedGeneration": observed }] });
    assert_eq!(of(3, 3), told(1));
    assert_eq!(of(3, 2), told(0), "it was not yet looked at");
}

#[test]
fn an_older_server_gets_its_own_versions() {
    let old = of("monosense", "infra", Version::parse("1.20").ok());
    let slices: Vec<&Value> = old.objects.iter().filter(|object| object["kind"] == "EndpointSlice").collect();
    assert!(!slices.is_empty());
    assert!(slices.iter().all(|slice| slice["apiVersion"] == "discovery.k8s.io/v1beta1"));
}

#[test]
fn it_is_yaml_that_reads_as_what_it_was() {
    let all = of("one-node", "infra", None);
    let text = all.to_yaml(&Part::ALL).unwrap();
    let documents: Vec<&str> = text.split("\n---\n").collect();
    assert_eq!(documents.len(), all.definitions.len() + all.objects.len() + all.status.len() + 1);
    for part in Part::ALL {
        let text = all.to_yaml(&[part]).unwrap();
        assert!(text.starts_with(&format!("# {}: {} documents; kubectl ", part.as_str(), all.part(part).len())));
        for (document, object) in text.split("---\n").skip(1).zip(all.part(part)) {
            let read: Value = serde_saphyr::from_str(document).unwrap();
            assert_eq!(read, *object);
        }
    }
}
