//! Who owns which field: `metadata.managedFields`, read, moved on by a change or by what is applied, and written.
//!
//! Source: k8s.io/apimachinery `util/managedfields`, sigs.k8s.io/structured-merge-diff `merge/update.go`.

use serde_json::{Value, json};

use super::compare::{applied, compare};
use super::fields::Fields;
use super::merged;
use crate::lab::kube::kinds::{Kind, Schema};
use crate::lab::kube::refusal::{Answer, Refusal};

/// Who does something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) manager: String,
    /// `Apply` or `Update`.
    pub(crate) operation: &'static str,
    pub(crate) api_version: String,
    pub(crate) subresource: String,
    pub(crate) time: String,
}

impl Owner {
    /// Whether it is the same manager doing the same; for an applier the version does not matter.
    fn is(&self, other: &Self) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == "Apply" || self.api_version == other.api_version)
    }

    /// As a conflict names it.
    fn shown(&self) -> String {
        let mut text = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            text.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        if self.operation == "Update" {
            text.push_str(&format!(" using {}", self.api_version));
        }
        text
    }
}

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

/// The refusal that names the owners and their fields.
fn refused(conflicts: &[(Owner, Fields)]) -> Box<Refusal> {
    let mut by_owner: Vec<(String, Vec<String>)> =
        conflicts.iter().map(|(owner, fields)| (owner.shown(), fields.paths())).collect();
    by_owner.sort();
    let count: usize = by_owner.iter().map(|(_, paths)| paths.len()).sum();
    let causes: Vec<(String, String)> = by_owner
        .iter()
        .flat_map(|(owner, paths)| paths.iter().map(move |p| (format!("conflict with {owner}"), p.clone())))
        .collect();
    let message = match by_owner.as_slice() {
        [(owner, paths)] if paths.len() == 1 => format!("conflict with {owner}: {}", paths.concat()),
        _ => {
            let text = by_owner.iter().map(|(owner, paths)| {
                let lines: String = paths.iter().map(|p| format!("\n- {p}")).collect();
                format!("conflicts with {owner}:{lines}")
            });
            text.collect::<Vec<_>>().join("\n")
        }
    };
    let noun = if count == 1 { "conflict" } else { "conflicts" };
    Refusal::field_conflicts(format!("Apply failed with {count} {noun}: {message}"), &causes)
}
