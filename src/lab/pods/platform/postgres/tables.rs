//! Tables that a client makes: of texts, one column each, which is as much as a test needs to see that what it has written
//! can be read. Any other statement is none of these.

use super::{At, Session, Table};

/// Answers a statement about such a table; none where it is about something else.
///
/// # Errors
/// What PostgreSQL complains of.
pub(super) fn answer(at: &At<'_>, session: &Session<'_>, query: &str) -> Option<Result<Table, String>> {
    let namespace = session.pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let place = format!("postgres {namespace}/{}/{}", session.cluster, session.database);
    let kept = &at.objects.inside.kept;
    let words: Vec<&str> = query.trim_end_matches(';').split_whitespace().collect();
    let said: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    // The first text of a key is the column's name.
    let known = |name: &str| {
        let rows = kept.get(&place, name);
        if rows.is_empty() { Err(format!("ERROR:  relation \"{name}\" does not exist\n")) } else { Ok(rows) }
    };
    let tag = |text: &str| Ok((Vec::new(), vec![vec![text.to_owned()]]));
    match said.as_slice() {
        ["create", "table", name, column, "text)"] => {
            let column = column.strip_prefix('(')?;
            if known(name).is_ok() {
                return Some(Err(format!("ERROR:  relation \"{name}\" already exists\n")));
            }
            kept.set(&place, name, column);
            Some(tag("CREATE TABLE"))
        }
        ["insert", "into", name, "values", ..] => Some(known(name).and_then(|_| {
            let text = query.split_once("('").and_then(|(_, rest)| rest.rsplit_once("')")).map(|(text, _)| text);
            let text = text.ok_or_else(|| format!("ERROR:  syntax error at end of input\nLINE 1: {query}\n"))?;
            kept.add(&place, name, [text.replace("''", "'")]);
            tag("INSERT 0 1")
        })),
        ["select", column, "from", name] => Some(known(name).and_then(|rows| {
            if *column != "*" && *column != rows[0] {
                return Err(format!("ERROR:  column \"{column}\" does not exist\nLINE 1: {query}\n"));
            }
            Ok((vec![rows[0].clone()], rows[1..].iter().map(|text| vec![text.clone()]).collect()))
        })),
        ["drop", "table", name] => Some(known(name).and_then(|_| {
            kept.remove(&place, name);
            tag("DROP TABLE")
        })),
        _ => None,
    }
}
