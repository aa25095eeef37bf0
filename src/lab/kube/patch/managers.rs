//! Who owns which field: `metadata.managedFields`, read, moved on by a change or by what is applied, and written.
//!
//! Source: k8s.io/apimachinery `util/managedfields`, sigs.k8s.io/structured-merge-diff `merge/update.go`.

use serde_json::{Value, json};

use super::compare::{applied, compare};
use super::fields::Fields;
use super::merged;
use super::owner::{Owner, refused};
use crate::lab::kube::kinds::{Kind, Schema};
use crate::lab::kube::refusal::{Answer, Refusal};

/// The managers of an object.
#[derive(Debug, Clone, Default)]
pub(crate) struct Managers(Vec<(Owner, Fields)>);

/// What nobody owns, since nobody decides it.
const NOBODYS: [&[&str]; 11] = [
    &["f:apiVersion"],
    &["f:kind"],
    &["f:metadata", "f:name"],
    &["f:metadata", "f:namespace"],
    &["f:metadata", "f:creationTimestamp"],
    &["f:metadata", "f:selfLink"],
    &["f:metadata", "f:uid"],
    &["f:metadata", "f:generation"],
    &["f:metadata", "f:managedFields"],
    &["f:metadata", "f:resourceVersion"],
    &["f:metadata", "f:clusterName"],
];

fn strip(mut fields: Fields) -> Fields {
    for path in NOBODYS {
        fields.without(path);
    }
    if let Some(metadata) = fields.below.get_mut("f:metadata") {
        metadata.own = false;
    }
    fields.own = false;
    if fields.below.get("f:metadata").is_some_and(Fields::is_empty) {
        fields.below.remove("f:metadata");
    }
    fields
}

impl Managers {
    /// Reads an object's.
    pub(crate) fn of(object: &Value) -> Self {
        let rows = object["metadata"]["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let read = rows.iter().map(|row| {
            let owner = Owner {
                manager: text(row, "manager"),
                operation: if row["operation"] == "Apply" { "Apply" } else { "Update" },
                api_version: text(row, "apiVersion"),
                subresource: text(row, "subresource"),
                time: text(row, "time"),
            };
            (owner, Fields::from_json(&row["fieldsV1"]))
        });
        Self(read.collect())
    }

    /// Whether nobody's are kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes them into an object.
    pub(crate) fn write(mut self, object: &mut Value) {
        self.0.retain(|(_, fields)| !fields.is_empty());
        self.0.sort_by(|(a, _), (b, _)| {
            let key = |o: &Owner| (o.operation, o.time.clone(), o.manager.clone(), o.api_version.clone());
            key(a).cmp(&key(b)).then_with(|| a.subresource.cmp(&b.subresource))
        });
        let rows = self.0.iter().map(|(owner, fields)| {
            let mut row = json!({
                "manager": owner.manager, "operation": owner.operation, "apiVersion": owner.api_version,
                "time": owner.time, "fieldsType": "FieldsV1", "fieldsV1": fields.to_json(),
            });
            if !owner.subresource.is_empty() {
                row["subresource"] = json!(owner.subresource);
            }
            row
        });
        let rows: Vec<Value> = rows.collect();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            if rows.is_empty() {
                metadata.remove("managedFields");
            } else {
                metadata.insert("managedFields".to_owned(), Value::Array(rows));
            }
        }
    }

    fn position(&self, owner: &Owner) -> Option<usize> {
        self.0.iter().position(|(o, _)| o.is(owner))
    }

    /// What everybody together owns.
    fn all(&self) -> Fields {
        self.0.iter().fold(Fields::default(), |all, (_, fields)| all.union(fields))
    }

    /// An object was changed, not applied: what changed is the changer's, what is gone is nobody's.
    pub(crate) fn updated(
        mut self,
        schema: &Schema,
        old: &Value,
        new: &Value,
        owner: &Owner,
        only: Option<&str>,
    ) -> Self {
        let difference = compare(schema, old, new);
        let mut taken = strip(difference.changed.union(&difference.added));
        if let Some(part) = only {
            taken = taken.only(&[part]);
        }
        let gone = difference.gone;
        for (other, fields) in &mut self.0 {
            if !other.is(owner) {
                *fields = fields.difference(&taken);
            }
            *fields = fields.difference(&gone);
        }
        if !taken.is_empty() {
            match self.position(owner) {
                Some(at) => self.0[at] = (owner.clone(), self.0[at].1.union(&taken)),
                None => self.0.push((owner.clone(), taken)),
            }
        }
        self
    }

    /// An object is applied: what comes of it, and who owns what then. `None` when nothing changes.
    pub(crate) fn applied(
        mut self,
        kind: &Kind,
        live: &Value,
        config: &Value,
        owner: &Owner,
        force: bool,
    ) -> Answer<(Value, Self)> {
        let schema = kind.schema();
        if let Some((list, item)) = merged::twice(schema, config, "") {
            let why = format!("failed to create typed patch object: {list}: duplicate entries for key {item}");
            return Err(Refusal::internal(why));
        }
        let mut merged = merged::over(schema, live, config);
        let set = strip(applied(schema, config));
        let last = match self.position(owner) {
            Some(at) => std::mem::replace(&mut self.0[at], (owner.clone(), set.clone())),
            None => {
                self.0.push((owner.clone(), set.clone()));
                (owner.clone(), Fields::default())
            }
        };
        let kept = self.all();
        let gone = last.1.difference(&kept);
        merged::take_out(schema, &mut merged, &gone, Some(&kept));
        let difference = compare(schema, live, &merged);
        self.contend(&difference, owner, force)?;
        if difference.is_none() && last.1 == set {
            // Nothing happened, so no time is noted.
            if let Some(at) = self.position(owner) {
                self.0[at] = last;
            }
        }
        Ok((merged, self))
    }

    /// Others that own what is changed or added: refused, or robbed by force.
    fn contend(&mut self, difference: &super::compare::Difference, owner: &Owner, force: bool) -> Answer<()> {
        let taken = strip(difference.changed.union(&difference.added));
        let mut conflicts: Vec<(Owner, Fields)> = Vec::new();
        for (other, fields) in &self.0 {
            let shared = fields.intersection(&taken);
            if !other.is(owner) && !shared.is_empty() {
                conflicts.push((other.clone(), shared));
            }
        }
        if !force && !conflicts.is_empty() {
            return Err(refused(&conflicts));
        }
        for (other, fields) in &mut self.0 {
            if other.is(owner) {
                continue;
            }
            if let Some((_, shared)) = conflicts.iter().find(|(o, _)| o == other) {
                *fields = fields.difference(shared);
            }
            *fields = fields.difference(&difference.gone);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::kube::kinds::Kinds;

    fn owner(manager: &str, operation: &'static str) -> Owner {
        Owner {
            manager: manager.to_owned(),
            operation,
            api_version: "v1".to_owned(),
            subresource: String::new(),
            time: "2026-01-01T00:00:00Z".to_owned(),
        }
    }

    /// Applies data of a ConfigMap for a manager.
    fn apply(live: &Value, manager: &str, data: &Value, force: bool) -> Answer<Value> {
        let kind = Kinds::builtin().get("", "v1", "configmaps").expect("config maps");
        let config = json!({"metadata": {"name": "a"}, "data": data});
        let (mut object, managers) =
            Managers::of(live).applied(&kind, live, &config, &owner(manager, "Apply"), force)?;
        managers.write(&mut object);
        Ok(object)
    }

    #[test]
    fn what_is_no_longer_applied_goes_unless_another_has_it_too() {
        let live = apply(&json!({}), "one", &json!({"k": "v", "m": "1"}), false).expect("applies");
        let live = apply(&live, "two", &json!({"k": "v"}), false).expect("shares");
        let live = apply(&live, "one", &json!({"x": "1"}), false).expect("lets go");
        assert_eq!(live["data"], json!({"k": "v", "x": "1"}));
        let owners = live["metadata"]["managedFields"].as_array().expect("owners");
        assert_eq!(owners[0]["fieldsV1"], json!({"f:data": {"f:x": {}}}));
        assert_eq!(owners[1]["fieldsV1"], json!({"f:data": {"f:k": {}}}));
    }

    #[test]
    fn another_owners_field_is_a_conflict_and_force_takes_it() {
        let live = apply(&json!({}), "one", &json!({"k": "v"}), false).expect("applies");
        let refused = apply(&live, "two", &json!({"k": "w"}), false).expect_err("a conflict");
        assert_eq!(refused.message, "Apply failed with 1 conflict: conflict with \"one\": .data.k");
        let taken = apply(&live, "two", &json!({"k": "w"}), true).expect("forced");
        assert_eq!(taken["data"]["k"], "w");
        let owners = taken["metadata"]["managedFields"].as_array().expect("owners");
        assert_eq!(owners.len(), 1, "who owns nothing is not listed: {owners:?}");
    }

    #[test]
    fn an_update_takes_what_it_changed_and_no_more() {
        let kind = Kinds::builtin().get("", "v1", "configmaps").expect("config maps");
        let old = apply(&json!({}), "one", &json!({"k": "v", "l": "w"}), false).expect("applies");
        let mut new = old.clone();
        new["data"]["k"] = json!("x");
        let managers = Managers::of(&old).updated(kind.schema(), &old, &new, &owner("two", "Update"), None);
        managers.write(&mut new);
        let owners = new["metadata"]["managedFields"].as_array().expect("owners");
        assert_eq!(owners[0]["fieldsV1"], json!({"f:data": {"f:l": {}}}));
        assert_eq!(owners[1]["fieldsV1"], json!({"f:data": {"f:k": {}}}));
    }

    #[test]
    fn nothing_new_is_no_change_at_all() {
        let live = apply(&json!({}), "one", &json!({"k": "v"}), false).expect("applies");
        let again = apply(&live, "one", &json!({"k": "v"}), false).expect("applies");
        assert_eq!(live, again);
    }
}
