//! What an undo does, in words.

use crate::client::sh::quoted;
use crate::event::{FieldChange, Undo};
use crate::host::kube::secrets;
use crate::record::LeftRow;
use crate::ui::clean;

/// How much of a value is shown.
const VALUE: usize = 40;

/// `delete Pod web/a`, `put /spec/replicas of Deployment web/shop back to 3`
pub(super) fn of(undo: &Undo) -> String {
    let text = match undo {
        Undo::Delete { object } if object.uid.is_none() => format!("delete {object}, if it carries the run's label"),
        Undo::Delete { object } => format!("delete {object}"),
        Undo::Uncordon { object } => format!("uncordon {object}"),
        Undo::Restore { object, fields, .. } => match fields.as_slice() {
            [field] => format!("put {} of {object} back: {}", field.pointer, before(field, &object.kind)),
            [] => format!("give fields of {object} back to their former managers"),
            several => {
                let pointers: Vec<&str> = several.iter().map(|f| f.pointer.as_str()).collect();
                format!("put {} of {object} back", pointers.join(", "))
            }
        },
        Undo::Http { method, url, endpoint: None } => format!("send {method} {url}"),
        Undo::Http { method, url, endpoint: Some(endpoint) } => format!("send {method} {url} ({endpoint})"),
        Undo::Command { program, args } => {
            let words: Vec<_> = [program].into_iter().chain(args).map(|word| quoted(word)).collect();
            format!("run {}", words.join(" "))
        }
    };
    clean(&text).replace('\n', "⏎")
}

/// How much of a reason is told where no terminal says how wide it is.
const LINE: usize = 300;

/// A line as the terminal has room for it: reasons may quote whole lists. `-v` shows it all.
pub(super) fn cut(text: &str, room: usize, verbose: bool) -> String {
    let room = if room > LINE { LINE } else { room.max(VALUE) };
    if verbose || crate::ui::width(text) <= room {
        return text.into();
    }
    let more = " (-v shows it all)";
    format!("{}{more}", crate::ui::truncate(text, room.saturating_sub(more.len())))
}

/// What is done and the reason why it is not, on one line: the reason has at least half of it.
pub(super) fn fitted(what: &str, why: &str, room: usize, verbose: bool) -> String {
    let half = room.clamp(VALUE, LINE) / 2;
    let what = if verbose { what.into() } else { crate::ui::truncate(what, half) };
    cut(&format!("{what}{why}"), room, verbose)
}

fn before(field: &FieldChange, kind: &str) -> String {
    match &field.before {
        None => "it was absent".into(),
        // What was hidden says so itself.
        Some(value) if kind != secrets::KIND || secrets::is_hidden(value) => {
            crate::ui::truncate(&value.to_string(), VALUE)
        }
        Some(_) => "as it was".into(),
    }
}

/// A row of the list: its number in the ledger, the undo, and where it acts.
pub(super) fn row(left: &LeftRow, context: impl Fn(&str) -> String) -> Vec<String> {
    let place = match (left.row.undo.cluster(), &left.row.undo) {
        (Some(cluster), _) => format!("on {cluster} (context {})", context(cluster)),
        (None, Undo::Command { .. }) => "on this machine".into(),
        _ => String::new(),
    };
    vec![format!("{:>3}.", left.row.row), of(&left.row.undo), place]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ObjectRef;
    use serde_json::json;

    #[test]
    fn a_reason_takes_a_line_and_no_more_unless_all_of_it_is_wanted() {
        let long = "x".repeat(5000);
        for (room, length) in [(120, 120), (usize::MAX - 9, 300), (3, 40)] {
            let line = cut(&long, room, false);
            assert_eq!(crate::ui::width(&line), length, "{room}");
            assert!(line.ends_with("… (-v shows it all)"), "{line}");
        }
        assert_eq!(cut(&long, 80, true), long);
        assert_eq!(fitted(&long, ": no", 80, false), format!("{}…: no", "x".repeat(39)));
        assert_eq!(fitted("put it back", &format!(": {long}"), 80, true), format!("put it back: {long}"));
        assert_eq!(cut("short", 80, false), "short");
    }

    #[test]
    fn each_undo_says_what_it_does_to_what() {
        let object = |uid: Option<&str>| ObjectRef {
            cluster: "infra".into(),
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            plural: "deployments".into(),
            namespace: Some("web".into()),
            name: "shop".into(),
            uid: uid.map(Into::into),
        };
        let field = |pointer: &str, before| FieldChange {
            pointer: pointer.into(),
            before,
            after: Some(json!(0)),
            made: None,
            ..FieldChange::default()
        };
        let restore = |fields| Undo::Restore { object: object(None), subresource: None, fields, owners: Vec::new() };
        let bash = |text: &str| Undo::Command { program: "bash".into(), args: vec!["-c".into(), text.into()] };
        let http = Undo::Http { method: "DELETE".into(), url: "https://g/x".into(), endpoint: Some("g".into()) };
        for (undo, words) in [
            (Undo::Delete { object: object(Some("u")) }, "delete Deployment web/shop"),
            (Undo::Delete { object: object(None) }, "delete Deployment web/shop, if it carries the run's label"),
            (Undo::Uncordon { object: object(None) }, "uncordon Deployment web/shop"),
            (
                restore(vec![field("/spec/replicas", Some(json!(3)))]),
                "put /spec/replicas of Deployment web/shop back: 3",
            ),
            (restore(vec![field("/a", None)]), "put /a of Deployment web/shop back: it was absent"),
            (restore(vec![field("/a", None), field("/b", None)]), "put /a, /b of Deployment web/shop back"),
            (restore(vec![]), "give fields of Deployment web/shop back to their former managers"),
            (http, "send DELETE https://g/x (g)"),
            (bash("rm x\nrm y"), "run bash -c 'rm x⏎rm y'"),
        ] {
            assert_eq!(of(&undo), words);
        }
    }
}
