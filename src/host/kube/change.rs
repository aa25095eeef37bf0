//! How a change is made: its undo goes into the ledger first, and comes out again where the server refused.

use serde_json::Value;

use super::{diff, identity, owners};
use crate::client::kube::{Cluster, FIELD_MANAGER, Meta};
use crate::error::{Error, Kind, Result};
use crate::event::{FieldChange, LedgerRow, ObjectRef, Owned, Undo, What};
use crate::host::context::Context;

/// Notes the creation that is about to be asked for.
pub(crate) async fn creating(cx: &Context, cluster: &Cluster, object: &ObjectRef) -> Result<LedgerRow> {
    identity::know(cx, cluster).await?;
    creates(cx, object)
}

fn creates(cx: &Context, object: &ObjectRef) -> Result<LedgerRow> {
    cx.undo(format!("create {object}"), Undo::Delete { object: object.clone() })
}

/// The subresource whose answers have no account of fields.
pub(super) const SCALE: &str = "scale";

/// What a change makes of an object: found out before, for the ledger.
#[derive(Debug)]
pub(crate) struct Trial {
    /// The object, or its subresource, as it was read.
    pub(crate) before: Value,
    /// The fields that the change sets.
    pub(crate) fields: Vec<FieldChange>,
    /// What it takes from whom of their ownership, where that is known before.
    pub(crate) owners: Vec<Owned>,
}

impl Trial {
    /// From the two states that the server tells, and the request: what that doesn't ask for the server allots.
    pub(crate) fn of(before: Value, after: Value, request: &Value, subresource: Option<&str>) -> Self {
        let (before, after) = (diff::whole(before, subresource), diff::whole(after, subresource));
        let mut fields = diff::changes(&before, &after, subresource);
        diff::mark_allotted(&mut fields, request);
        Self { fields, owners: owners::shift(&before, &after), before }
    }

    /// From a merge patch whose values the server takes as they are.
    pub(crate) fn of_merge(before: Value, patch: &Value, subresource: Option<&str>) -> Self {
        let before = diff::whole(before, subresource);
        Self { fields: diff::of_merge(&before, patch), owners: Vec::new(), before }
    }
}

/// Notes fields that are about to be changed, of the object that was read before and of no other of its name. None where
/// the object is the run's own, whose row of creation undoes all, or where nothing changes, not even whose a field is.
pub(crate) async fn changing(
    cx: &Context,
    cluster: &Cluster,
    verb: &str,
    object: &ObjectRef,
    subresource: Option<&str>,
    trial: &Trial,
) -> Result<Option<LedgerRow>> {
    let takes = subresource.is_none() && trial.owners.iter().any(|o| o.manager == FIELD_MANAGER && o.gained.is_some());
    if (trial.fields.is_empty() && !takes) || cx.world.ledger.is_ours(object) {
        return Ok(None);
    }
    identity::know(cx, cluster).await?;
    changes(cx, verb, object, subresource, trial).map(Some)
}

fn changes(
    cx: &Context,
    verb: &str,
    object: &ObjectRef,
    subresource: Option<&str>,
    trial: &Trial,
) -> Result<LedgerRow> {
    let Trial { before, fields, owners } = trial;
    let uid = before.pointer("/metadata/uid").and_then(Value::as_str).filter(|uid| !uid.is_empty());
    let seen = ObjectRef { uid: uid.map(Into::into), ..object.clone() };
    let undo = Undo::Restore {
        object: seen,
        subresource: subresource.map(Into::into),
        fields: fields.clone(),
        owners: owners.clone(),
    };
    cx.undo(format!("{verb} {object}"), undo)
}

/// After a creation: the row learns the uid, or goes where the server refused.
pub(crate) fn created(cx: &Context, row: &LedgerRow, result: &Result<String>) {
    match result {
        Ok(text) => cx.created(row.row, &Meta::of(text).uid),
        Err(e) => settle(cx, Some(row), Some(e)),
    }
}

/// After a change of fields: the row learns what the server has made of it where that is not what was noted, and goes
/// where the server refused. The answer has managedFields.
pub(crate) fn changed(cx: &Context, row: Option<&LedgerRow>, before: &Value, result: &Result<String>) {
    let text = match result {
        Ok(text) => text,
        Err(error) => return settle(cx, row, Some(error)),
    };
    // An answer that is no object was not made by this change's fields, and is told by whoever reads it.
    let (Some(row), Ok(answer)) = (row, serde_json::from_str::<Value>(text)) else { return };
    let Undo::Restore { subresource, fields, owners, .. } = &row.undo else { return };
    let now = diff::settled(fields, before, &answer, subresource.as_deref());
    let scales = subresource.as_deref() == Some(SCALE);
    let taken = if scales { owners.clone() } else { owners::shift(before, &answer) };
    if now != *fields || taken != *owners {
        cx.settled(row.row, now, taken);
    }
}

/// After any change: the row goes where the server refused; after a timeout or a broken connection it stays,
/// since the change may have been made.
pub(crate) fn settle(cx: &Context, row: Option<&LedgerRow>, error: Option<&Error>) {
    if let (Some(row), Some(error)) = (row, error)
        && refused(error.kind)
    {
        cx.world.ledger.forget(row.row);
        // Whoever reads the ledger from the record must not look for something to undo.
        cx.emit(What::UndoDone { row: row.row, error: None, by_hand: None, line: None });
    }
}

fn refused(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::NotFound
            | Kind::Conflict
            | Kind::Invalid
            | Kind::Forbidden
            | Kind::Unauthorized
            | Kind::UnknownKind
            | Kind::Refused
            | Kind::Config
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::event::Effect;
    use crate::host::testing;

    #[test]
    fn a_refused_creation_leaves_no_row_and_one_of_unknown_end_keeps_it() {
        let world = testing::world(Config::default());
        let cx = Context::new(world.clone(), "t/s", None, Effect::Write, None);
        let object = ObjectRef {
            cluster: "infra".into(),
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            plural: "configmaps".into(),
            namespace: Some("web".into()),
            name: "a".into(),
            uid: None,
        };
        for (kind, left) in [(Kind::Conflict, 0), (Kind::Forbidden, 0), (Kind::Timeout, 1), (Kind::Unreachable, 2)] {
            let row = creates(&cx, &object).expect("noted");
            created(&cx, &row, &Err(Error::new(kind, "no")));
            assert_eq!(world.ledger.open_rows().len(), left, "{kind:?}");
        }
        let row = creates(&cx, &object).expect("noted");
        created(&cx, &row, &Ok(r#"{"metadata":{"name":"a","uid":"u-1"}}"#.into()));
        assert!(world.ledger.is_ours(&object));
        let rows = world.ledger.open_rows();
        let Some(Undo::Delete { object }) = rows.last().map(|r| r.undo.clone()) else { panic!("a deletion") };
        assert_eq!(object.uid.as_deref(), Some("u-1"));
    }

    #[test]
    fn a_row_of_fields_means_the_object_that_was_read_and_no_other_of_its_name() {
        let world = testing::world(Config::default());
        let cx = Context::new(world.clone(), "t/s", None, Effect::Disrupt, None);
        let object = ObjectRef {
            cluster: "infra".into(),
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            plural: "deployments".into(),
            namespace: Some("web".into()),
            name: "shop".into(),
            uid: None,
        };
        let before = serde_json::json!({ "metadata": { "uid": "u-1" }, "spec": { "replicas": 3 } });
        let after = serde_json::json!({ "spec": { "replicas": 0 } });
        let trial = Trial::of_merge(before.clone(), &after, Some("scale"));
        let row = changes(&cx, "scale", &object, Some("scale"), &trial).expect("noted");
        let Undo::Restore { object, .. } = row.undo.clone() else { panic!("a restoration") };
        assert_eq!(object.uid.as_deref(), Some("u-1"));
        // The answer leaves none out, as the API server does: nothing new.
        changed(&cx, Some(&row), &before, &Ok(r#"{"metadata":{"uid":"u-1"},"spec":{}}"#.into()));
        assert_eq!(world.ledger.open_rows(), std::slice::from_ref(&row));
        // It says otherwise than was noted, and that is what counts.
        changed(&cx, Some(&row), &before, &Ok(r#"{"metadata":{"uid":"u-1"},"spec":{"replicas":1}}"#.into()));
        let Undo::Restore { fields, .. } = &world.ledger.open_rows()[0].undo else { panic!("a restoration") };
        assert_eq!((fields[0].before.clone(), fields[0].after.clone()), (Some(3.into()), Some(1.into())));
        changed(&cx, Some(&row), &before, &Err(Error::new(Kind::Conflict, "no")));
        assert_eq!(world.ledger.open_rows(), []);
    }
}
