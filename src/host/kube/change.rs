//! How a change is made: its undo goes into the ledger first, and comes out again where the server refused.

use crate::client::kube::Meta;
use crate::error::{Error, Kind, Result};
use crate::event::{FieldChange, LedgerRow, ObjectRef, Undo, What};
use crate::host::context::Context;

/// Notes the creation that is about to be asked for.
pub(crate) fn creating(cx: &Context, object: &ObjectRef) -> Result<LedgerRow> {
    cx.undo(format!("create {object}"), Undo::Delete { object: object.clone() })
}

/// Notes fields that are about to be changed. None where the object is the run's own, whose row of creation
/// undoes all, or where nothing changes.
pub(crate) fn changing(
    cx: &Context,
    verb: &str,
    object: &ObjectRef,
    subresource: Option<&str>,
    fields: Vec<FieldChange>,
) -> Result<Option<LedgerRow>> {
    if fields.is_empty() || cx.world.ledger.is_ours(object) {
        return Ok(None);
    }
    let undo = Undo::Restore { object: object.clone(), subresource: subresource.map(Into::into), fields };
    cx.undo(format!("{verb} {object}"), undo).map(Some)
}

/// After a creation: the row learns the uid, or goes where the server refused.
pub(crate) fn created(cx: &Context, row: &LedgerRow, result: &Result<String>) {
    match result {
        Ok(text) => cx.created(row.row, &Meta::of(text).uid),
        Err(e) => settle(cx, Some(row), Some(e)),
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
        cx.emit(What::UndoDone { row: row.row, error: None, by_hand: None });
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
            let row = creating(&cx, &object).expect("noted");
            created(&cx, &row, &Err(Error::new(kind, "no")));
            assert_eq!(world.ledger.open_rows().len(), left, "{kind:?}");
        }
        let row = creating(&cx, &object).expect("noted");
        created(&cx, &row, &Ok(r#"{"metadata":{"name":"a","uid":"u-1"}}"#.into()));
        assert!(world.ledger.is_ours(&object));
        let rows = world.ledger.open_rows();
        let Some(Undo::Delete { object }) = rows.last().map(|r| r.undo.clone()) else { panic!("a deletion") };
        assert_eq!(object.uid.as_deref(), Some("u-1"));
    }
}
