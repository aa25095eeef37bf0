//! A field that is compared and is on no object: `nodes.none(|n| n.status.phsae == "NotReady")` would pass, since
//! what is missing equals nothing.
//!
//! Most fields of Kubernetes are optional, and `spec.unschedulable` is on no node of a healthy cluster: that a field is
//! on no object is no mistake by itself. It is one where all of this holds:
//! - the object has a kind (values of other JSON may have any key), and the place is not one where keys are data, as
//!   in labels;
//! - no built-in kind of any version that we know has a field of that name (`known_fields.txt`: Kubernetes 1.20 to
//!   1.37);
//! - a name is near it: of another field at that place or, for a built-in kind, of any field that there is;
//!   `hostIP` and `hostIPs` are not near, since newer versions add the plural;
//! - no object of the same answer has the field at that place.
//!
//! Then the step is inconclusive, and told which name was meant. It is not an error: for kinds of other groups only the
//! neighbours speak, and they may be wrong. Whoever knows better says so with `??` or `has`, which ask whether a field
//! is there; for built-in kinds, whose fields are all known, `??` with a misspelt name is told, too.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::{Arc, LazyLock, Weak};

use rhai::{Dynamic, Module};

use super::{Doc, List, Missing, Object, key_step};
use crate::error::nearest;
use crate::host::{Context, HostResult};

/// The names of all fields of the built-in kinds.
static KNOWN: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("known_fields.txt").split_ascii_whitespace().collect());

/// Groups whose kinds are all built in; the group without a name besides.
const BUILT_IN: &str = "apps batch autoscaling policy extensions networking.k8s.io rbac.authorization.k8s.io \
     storage.k8s.io apiextensions.k8s.io apiregistration.k8s.io admissionregistration.k8s.io coordination.k8s.io \
     discovery.k8s.io events.k8s.io node.k8s.io scheduling.k8s.io certificates.k8s.io";

/// Fields below which keys are data.
const FREE: &str = "labels annotations matchLabels nodeSelector selector data binaryData stringData limits requests \
     capacity allocatable hard used parameters config openAPIV3Schema properties";

/// What an alarm says.
const SAYS_NOTHING: &str = "what is compared with it says nothing";
/// How many misspelt fields are named.
const NAMED: usize = 3;

/// What was found of a field of an answer, for the next object of the same.
struct Judged {
    doc: Weak<Doc>,
    path: String,
    found: Option<String>,
}

/// Answers and fields that are remembered.
const REMEMBERED: usize = 16;

thread_local! {
    static JUDGED: RefCell<Vec<Judged>> = const { RefCell::new(Vec::new()) };
}

/// `==` and `!=` of what is missing with what is there.
pub(super) fn register(module: &mut Module) {
    module.set_native_fn("==", |a: &mut Missing, _: Dynamic| unequal(a).map(|()| false));
    module.set_native_fn("==", |_: Dynamic, b: Missing| unequal(&b).map(|()| false));
    module.set_native_fn("!=", |a: &mut Missing, _: Dynamic| unequal(a).map(|()| true));
    module.set_native_fn("!=", |_: Dynamic, b: Missing| unequal(&b).map(|()| true));
}

fn unequal(missing: &Missing) -> HostResult<()> {
    told(missing, false);
    Ok(())
}

/// Makes the step inconclusive if the missing field is misspelt; `asked` says that its absence was asked for.
pub(super) fn told(missing: &Missing, asked: bool) {
    let Some((object, key)) = missing.first_field() else { return };
    if KNOWN.contains(key) || (asked && !built_in(&object.whole())) {
        return;
    }
    let Some(why) = judged(object, key) else { return };
    if let Ok(context) = Context::current() {
        let mut state = context.state();
        // One line names the first few, since a step's result shows one.
        match state.inconclusive.iter_mut().find(|told| told.contains(SAYS_NOTHING)) {
            None => state.inconclusive.push(why),
            // The same field of another object is no news.
            Some(told) if told.contains(why.split_inclusive(" is ").next().unwrap_or_default()) => {}
            Some(told) if told.matches(SAYS_NOTHING).count() >= NAMED => {}
            Some(told) => told.push_str(&format!("; {why}")),
        }
    }
}

fn judged(object: &Object, key: &str) -> Option<String> {
    let parent = object.doc.path_to(object.start);
    let path = format!("{parent}{}", key_step(&parent, key));
    let known = JUDGED.with_borrow(|all| {
        let mut same = all.iter().filter(|j| std::ptr::eq(j.doc.as_ptr(), Arc::as_ptr(&object.doc)));
        same.find(|j| j.path == path).map(|j| j.found.clone())
    });
    if let Some(found) = known {
        return found;
    }
    let found = misspelt(object, &parent, key);
    JUDGED.with_borrow_mut(|all| {
        if all.len() >= REMEMBERED {
            all.remove(0);
        }
        all.push(Judged { doc: Arc::downgrade(&object.doc), path, found: found.clone() });
    });
    found
}

fn misspelt(object: &Object, parent: &str, key: &str) -> Option<String> {
    let whole = object.whole();
    let kind = whole.kind()?;
    let steps: Vec<&str> = parent.split(['.', '[', ']', '"']).filter(|step| !step.is_empty()).collect();
    // A key that needs quotation marks is data, too.
    if parent.contains('"') || steps.iter().any(|step| FREE.split(' ').any(|free| free == *step)) {
        return None;
    }
    let siblings = object.keys();
    let near = |name: &&str| !plural(name, key) && !numbered(name, key) && !opposite(name, key);
    let meant = nearest(key, siblings.iter().map(String::as_str).filter(near)).or_else(|| {
        let known = KNOWN.iter().copied().filter(near);
        built_in(&whole).then(|| nearest(key, known)).flatten()
    })?;
    if object.doc.objects().any(|other| has(&Dynamic::from(other), &steps, key)) {
        return None;
    }
    let path = |key: &str| format!("{parent}{}", key_step(parent, key));
    let which = match object.doc.len() {
        1 => format!("is not on {}", whole.describe()),
        all => format!("is on none of {all} objects of kind {kind}"),
    };
    let (wrong, meant) = (path(key), path(meant));
    Some(format!("{wrong} {which}: {SAYS_NOTHING} (did you mean {meant}?)"))
}

/// Whether one is the plural of the other.
fn plural(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    long.strip_suffix('s') == Some(short) || long.strip_suffix("es") == Some(short)
}

/// Whether they differ in digits only: `ipv4` and `ipv6`.
fn numbered(a: &str, b: &str) -> bool {
    let bare = |name: &str| name.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    a != b && bare(a) == bare(b)
}

/// Whether one says the opposite of the other: `ready` and `unready`.
fn opposite(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let rest = |prefix: &&str| long.strip_prefix(*prefix).is_some_and(|rest| rest.eq_ignore_ascii_case(short));
    ["un", "in", "non", "dis", "not"].iter().any(rest)
}

/// Whether the field is there, in any element where the path leads through a list.
fn has(value: &Dynamic, steps: &[&str], key: &str) -> bool {
    if let Some(list) = value.read_lock::<List>() {
        // The step is the index of the one that was asked.
        let steps = steps.get(1..).unwrap_or_default();
        return list.items().iter().any(|item| has(item, steps, key));
    }
    let Some(object) = value.read_lock::<Object>() else { return false };
    match steps.split_first() {
        None => object.field(key).is_some(),
        Some((step, rest)) => object.field(step).is_some_and(|value| has(&value, rest, key)),
    }
}

fn built_in(whole: &Object) -> bool {
    whole.api_version().is_some_and(|version| match version.split_once('/') {
        Some((group, _)) => BUILT_IN.split(' ').any(|known| known == group),
        None => true,
    })
}

#[cfg(test)]
mod tests {
    use crate::host::testing::outcome;

    const NODES: &str = r#"
let node = |name, more| { let n = #{ apiVersion: "v1", kind: "Node", metadata: #{ name: name, labels: #{ zone: "a" } }, spec: #{ podCIDR: "10.0.0.0/24" }, status: #{ phase: "Ready", addresses: [#{ type: "InternalIP", address: "10.0.0.1" }] } }; n.spec += more; object(n) };
let nodes = list([node.call("a", #{}), node.call("b", #{})], "nodes");
let crd = object(#{ apiVersion: "example.com/v1", kind: "Thing", metadata: #{ name: "t" }, spec: #{ sizeOfIt: 3, hostAddr: "a", ipv4: "a", unavailable: 2, ready: 1 } });
"#;

    fn judged(body: &str) -> Result<(), String> {
        outcome(&format!("{NODES}{body}"))
    }

    #[test]
    fn a_misspelt_field_is_no_pass_and_the_right_one_is_named() {
        for (body, meant) in [
            ("expect(nodes, \"x\").none(|n| n.status.phsae == \"NotReady\")", "status.phase"),
            ("expect(nodes.filter(|n| n.status.phsae == \"NotReady\"), \"x\").to_be_empty()", "status.phase"),
            ("expect(nodes.filter(|n| n.status.phsae != \"NotReady\").len(), \"x\").to_be(2)", "status.phase"),
            ("expect(nodes.any(|n| \"NotReady\" == n.status.phsae), \"x\").to_be(false)", "status.phase"),
            ("expect(nodes.any(|n| n.status.phsae in [\"NotReady\"]), \"x\").to_be(false)", "status.phase"),
            ("expect(nodes, \"x\").all(|n| n.status.phsae != \"NotReady\")", "status.phase"),
            ("expect(nodes, \"x\").none(|n| n.metadata.lables.zone == \"b\")", "metadata.labels"),
            ("expect(nodes, \"x\").none(|n| n.status.addresses[0].adress == \"::1\")", "status.addresses[0].address"),
            ("for n in nodes { expect(n.status.phsae == \"NotReady\", \"x\").to_be(false) }", "status.phase"),
            // No node has the field that is meant: it is known.
            ("expect(nodes, \"x\").none(|n| n.spec.unschedulabel == true)", "spec.unschedulable"),
            ("expect(nodes, \"x\").none(|n| n.spec.unschedulabel ?? false)", "spec.unschedulable"),
            ("expect(crd.spec.sizeOfTi == 4, \"x\").to_be(false)", "spec.sizeOfIt"),
        ] {
            let why = judged(body).expect_err(body);
            assert!(why.ends_with(&format!("says nothing (did you mean {meant}?)")), "{body}: {why}");
        }
        let why = judged("expect(nodes, \"x\").none(|n| n.status.phsae == \"NotReady\")").expect_err("misspelt");
        let expected =
            "status.phsae is not on Node a: what is compared with it says nothing (did you mean status.phase?)";
        assert_eq!(why, expected);
        let fields = ["phsae", "phaes", "pahse", "hpase"].map(|f| format!("n.status.{f} == \"x\"")).join(" || ");
        let why = judged(&format!("expect(nodes, \"x\").none(|n| {fields})")).expect_err("misspelt");
        assert_eq!(why.matches("did you mean status.phase?").count(), 3, "{why}");
    }

    #[test]
    fn what_is_optional_is_no_alarm() {
        for body in [
            "expect(nodes, \"x\").none(|n| n.spec.unschedulable == true)",
            "expect(nodes, \"x\").none(|n| n.metadata.deletionTimestamp != ())",
            "expect(nodes.filter(|n| n.metadata.deletionTimestamp == \"now\"), \"x\").to_be_empty()",
            "expect(nodes, \"x\").none(|n| n.spec.suspend == true)",
            "expect(nodes, \"x\").none(|n| n.spec.podCIDRs == [])",
            "expect(nodes, \"x\").none(|n| n.spec.taints[0].efect == \"NoExecute\")",
            // A key that is data, a field that nothing is near, and absence that was asked for.
            "expect(nodes, \"x\").none(|n| n.metadata.labels.zones == \"b\" || n.metadata.labels.zne == \"b\")",
            "expect(crd.spec.paused == true, \"x\").to_be(false)",
            "expect(crd.spec.hostAddrs == \"b\", \"x\").to_be(false)",
            // Not the same field: another number, or the opposite.
            "expect(crd.spec.ipv6 == \"b\", \"x\").to_be(false)",
            "expect(crd.spec.available == 1, \"x\").to_be(false)",
            "expect(crd.spec.unready == 1, \"x\").to_be(false)",
            "expect(crd.spec.notpaused == 1, \"x\").to_be(false)",
            "expect(crd.spec.sizeOfTi ?? 3, \"x\").to_be(3)",
            "expect(nodes.none(|n| n.status.phsae == ()), \"x\").to_be(false)",
            "expect(#{ phase: 1 }.phsae == 2, \"x\").to_be(false)",
        ] {
            assert_eq!(judged(body), Ok(()), "{body}");
        }
    }

    #[test]
    fn one_object_of_an_answer_that_has_the_field_is_enough() {
        let text = |fields: &str| {
            format!(
                r#"[{{"metadata":{{"name":"a"}},"spec":{{"sizes":[{{"kindly":1}},{fields}]}}}},{{"metadata":{{"name":"b"}},"spec":{{"sizes":[{{"kindly":2}}]}}}}]"#
            )
        };
        let second = |text: &str| {
            let middle = text.find(",{\"metadata\":{\"name\":\"b\"").expect("middle");
            let items = vec![1..middle as u32, middle as u32 + 1..text.len() as u32 - 1];
            let origin = super::super::Origin { kind: Some("Thing".into()), ..Default::default() };
            let list = super::super::List::of_docs(vec![super::Doc::new(text.into(), items, origin)], "things");
            let second = list.item(1).cast::<super::Object>();
            second.path("spec.sizes[0]").expect("there").cast::<super::Object>()
        };
        let found = super::judged(&second(&text("{}")), "kindyl").expect("nobody has it");
        assert!(found.starts_with("spec.sizes[0].kindyl is on none of 2 objects of kind Thing"), "{found}");
        assert_eq!(super::judged(&second(&text(r#"{"kindyl":3}"#)), "kindyl"), None);
    }
}
