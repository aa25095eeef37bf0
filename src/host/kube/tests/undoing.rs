//! Changes of what was there before, undone on a real server: as it was, with whom it belonged to.

use serde_json::{Value, json};

use super::Run;
use crate::error::Result;
use crate::event::{Effect, Undo};
use crate::host::testing;
use crate::host::undo::{self, Undone};

/// What the run finds: a namespace of somebody else's, with what is made in it.
struct Theirs {
    run: Run,
    namespace: String,
}

impl Theirs {
    fn new(name: &str) -> Self {
        let run = Run::new();
        let namespace = format!("undoing-{name}-{}", std::process::id());
        drop(run.ok(&format!(
            r#"kube("infra").create(#{{ apiVersion: "v1", kind: "Namespace", metadata: #{{ name: "{namespace}" }} }})"#
        )));
        Self { run, namespace }
    }

    fn path(&self, rest: &str) -> String {
        match rest.split_once('/') {
            Some(("apps", rest)) => format!("/apis/apps/v1/namespaces/{}/{rest}", self.namespace),
            _ => format!("/api/v1/namespaces/{}/{rest}", self.namespace),
        }
    }

    /// A request of somebody who is not the run.
    fn ask(&self, method: &str, path: &str, content: &str, body: &Value) -> Result<Value> {
        let cluster = self.run.cluster();
        let body = (!body.is_null()).then(|| (content, body.to_string()));
        let text = testing::runtime().block_on(cluster.raw(method, path, body))?;
        Ok(serde_json::from_str(&text).expect("JSON"))
    }

    fn get(&self, rest: &str) -> Value {
        self.ask("GET", &self.path(rest), "", &Value::Null).expect("there")
    }

    fn make(&self, collection: &str, body: &Value) {
        self.ask("POST", &self.path(collection), "application/json", body).expect("made");
    }

    fn patch(&self, rest: &str, body: &Value) {
        let path = format!("{}?fieldManager=them", self.path(rest));
        self.ask("PATCH", &path, "application/strategic-merge-patch+json", body).expect("patched");
    }

    fn apply(&self, rest: &str, body: &Value) -> Result<Value> {
        self.ask("PATCH", &format!("{}?fieldManager=gitops", self.path(rest)), "application/apply-patch+yaml", body)
    }

    fn deployment(&self, replicas: u8) {
        let labels = json!({ "app": "shop" });
        let env = json!([{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }]);
        let container = json!({ "name": "main", "image": "busybox", "imagePullPolicy": "IfNotPresent", "command": ["sleep", "600"], "env": env });
        self.make(
            "apps/deployments",
            &json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "shop" }, "spec": {
                "replicas": replicas, "selector": { "matchLabels": labels }, "template": { "metadata": { "labels": labels },
                "spec": { "terminationGracePeriodSeconds": 0, "nodeName": "nowhere", "containers": [container] } } } }),
        );
    }
}

/// A run changes what it found. `ns` is the namespace.
fn changes(run: &Run, theirs: &Theirs, script: &str) {
    let script =
        format!(r#"let k = kube("infra"); let ns = "{}"; let n = #{{ namespace: ns }}; {script}"#, theirs.namespace);
    drop(run.eval(Effect::Disrupt, &script).unwrap_or_else(|e| panic!("{e}\n{script}")));
}

fn undone(run: &Run, undo: &Undo) -> Undone {
    testing::runtime().block_on(undo::perform(&run.world, undo)).expect("an answer")
}

/// Undoes everything of a run, newest first.
fn all_undone(run: &Run) {
    let rows = run.world.ledger.take(Some("test/step@infra"));
    assert!(!rows.is_empty(), "nothing was changed");
    for row in rows {
        assert_eq!(undone(run, &row.undo), Undone::Done, "{row:?}");
    }
}

#[test]
#[ignore = "needs the real clusters"]
fn real_scaling_to_none_and_from_none_is_undone() {
    for (before, after) in [(1, 0), (0, 1)] {
        let (theirs, run) = (Theirs::new(&format!("scale-{before}")), Run::new());
        theirs.deployment(before);
        changes(&run, &theirs, &format!(r#"k.scale("deployment", "shop", {after}, n)"#));
        assert_eq!(theirs.get("apps/deployments/shop")["spec"]["replicas"], after);
        all_undone(&run);
        assert_eq!(theirs.get("apps/deployments/shop")["spec"]["replicas"], before);
    }
}

#[test]
#[ignore = "needs the real clusters"]
fn real_what_the_server_allots_is_undone_whether_its_answer_came_or_not() {
    let (theirs, run) = (Theirs::new("allotted"), Run::new());
    theirs.make(
        "services",
        &json!({ "metadata": { "name": "web" }, "spec": { "ports": [{ "name": "a", "port": 80 }, { "name": "b", "port": 81 }] } }),
    );
    let before = theirs.get("services/web")["spec"].clone();
    let script = r#"k.patch("svc", "web", #{ spec: #{ type: "NodePort" } }, n)"#;
    changes(&run, &theirs, script);
    let row = run.world.ledger.open_rows().remove(0);
    let Undo::Restore { fields, .. } = &row.undo else { panic!("{row:?}") };
    let ports = theirs.get("services/web")["spec"]["ports"].clone();
    let noted =
        fields.iter().find(|f| f.pointer == "/spec/ports/[port=80,protocol=TCP]/nodePort").expect("a node port");
    assert_eq!(noted.after.as_ref(), Some(&ports[0]["nodePort"]));
    all_undone(&run);
    assert_eq!(theirs.get("services/web")["spec"], before);
    // Killed before the answer came: the row has what the trial was given.
    changes(&run, &theirs, script);
    let mut row = run.world.ledger.take(Some("test/step@infra")).remove(0);
    let Undo::Restore { fields, .. } = &mut row.undo else { panic!("{row:?}") };
    for field in fields.iter_mut().filter(|f| f.pointer.ends_with("/nodePort")) {
        (field.after, field.allotted) = (Some(json!(1)), true);
    }
    assert_eq!(undone(&run, &row.undo), Undone::Done);
    assert_eq!(theirs.get("services/web")["spec"], before);
    // Somebody sets another one.
    changes(&run, &theirs, script);
    let free = theirs.get("services/web")["spec"]["ports"][0]["nodePort"].as_u64().expect("a port") % 2000 + 30100;
    theirs.patch("services/web", &json!({ "spec": { "ports": [{ "port": 80, "nodePort": free }] } }));
    let row = run.world.ledger.take(Some("test/step@infra")).remove(0);
    let left = undone(&run, &row.undo);
    assert!(matches!(&left, Undone::LeftAlone(why) if why.iter().any(|w| w.contains("/nodePort"))), "{left:?}");
    // It would be gone with the type: that stays, too, however often it is tried.
    let there = theirs.get("services/web")["spec"].clone();
    assert_eq!((&there["type"], &there["ports"][0]["nodePort"]), (&json!("NodePort"), &json!(free)));
    assert!(matches!(undone(&run, &row.undo), Undone::LeftAlone(_)));
    assert_eq!(theirs.get("services/web")["spec"], there);
}

#[test]
#[ignore = "needs the real clusters"]
fn real_an_item_of_a_list_is_undone_beside_what_others_change_in_the_list() {
    let (theirs, run) = (Theirs::new("items"), Run::new());
    theirs.deployment(0);
    let script = r#"k.patch("deploy", "shop", #{ spec: #{ template: #{ spec: #{ containers: [
        #{ name: "main", env: [#{ name: "A", value: "run" }, #{ name: "NEW", value: "x" }] }, #{ name: "side", image: "busybox" }] } } } },
        #{ namespace: ns, type: "strategic" });"#;
    changes(&run, &theirs, script);
    let theirs_now =
        json!([{ "name": "main", "imagePullPolicy": "Always", "env": [{ "name": "B", "value": "theirs" }] }]);
    theirs.patch("apps/deployments/shop", &json!({ "spec": { "template": { "spec": { "containers": theirs_now } } } }));
    all_undone(&run);
    let containers = theirs.get("apps/deployments/shop")["spec"]["template"]["spec"]["containers"].clone();
    assert_eq!(containers.as_array().map(Vec::len), Some(1), "{containers}");
    assert_eq!(containers[0]["imagePullPolicy"], "Always");
    assert_eq!(containers[0]["env"], json!([{ "name": "A", "value": "1" }, { "name": "B", "value": "theirs" }]));
}

#[test]
#[ignore = "needs the real clusters"]
fn real_a_field_that_was_changed_and_put_back_is_its_former_managers_again() {
    let (theirs, run) = (Theirs::new("owners"), Run::new());
    let map = |name: &str, data: Value| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": data });
    for (name, data, next) in [
        ("some", json!({ "a": "1", "c": "1" }), json!({ "a": "7", "c": "1" })),
        // The change takes all that its manager has.
        ("all", json!({ "a": "1" }), json!({ "a": "7" })),
    ] {
        let rest = format!("configmaps/{name}");
        theirs.apply(&rest, &map(name, data)).expect("applied");
        let before = theirs.get(&rest)["metadata"]["managedFields"].clone();
        changes(
            &run,
            &theirs,
            &format!(
                r#"k.patch("cm", "{name}", #{{ data: #{{ a: "2" }} }}, n);
                   k.apply(#{{ apiVersion: "v1", kind: "ConfigMap", metadata: #{{ name: "{name}", namespace: ns }}, data: #{{ b: "9" }} }});
                   k.label("cm", "{name}", #{{ run: "x" }}, n);"#
            ),
        );
        let taken = theirs.apply(&rest, &map(name, next.clone())).expect_err("it is the run's now");
        assert!(taken.to_string().contains("conflict with \"pb\""), "{taken}");
        all_undone(&run);
        let fields = |account: &Value| {
            let all = account.as_array().cloned().unwrap_or_default();
            all.iter().map(|e| json!([e["manager"], e["operation"], e["fieldsV1"]])).collect::<Vec<_>>()
        };
        let after = theirs.get(&rest)["metadata"]["managedFields"].clone();
        assert_eq!(fields(&after), fields(&before), "{name}");
        theirs.apply(&rest, &map(name, next)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(theirs.get(&rest)["data"]["a"], "7");
        // What its manager no longer wants goes.
        theirs.apply(&rest, &map(name, json!({}))).expect("applied");
        assert_eq!(theirs.get(&rest)["data"], Value::Null, "{name}");
    }
}
