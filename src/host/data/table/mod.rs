//! `table::parse` — the tables that command-line tools print, as maps by column title.

mod columns;

use rhai::{Array, Dynamic, Map};

use crate::error::{Error, Kind};
use crate::host::{HostResult, Module, Needs, Options, Registrar};
use columns::{Columns, titles};

pub(crate) const MODULE: Module =
    Module { name: "table", about: "Tables that command-line tools print", needs: Needs::Nothing, register };

const OPTIONS: &[&str] = &["columns", "skip", "after"];

fn register(m: &mut Registrar) {
    m.path("parse")
        .sig("(text: string, options?: map) -> array of maps")
        .options(OPTIONS)
        .doc("The rows of a table as kubectl, ceph and flux print it. The first line that is not blank holds the titles, separated by tabs or by two or more spaces; a value belongs to the title that it stands under, to whichever side it is aligned. A key is the title in lower case, every run of other characters than letters and digits an underscore, none at the ends: `NOMINATED NODE` is `nominated_node`, `%USE` is `use`, `PORT(S)` is `port_s`; where two titles give the same key, the second gets `_2`. Values are strings, `\"\"` where the cell is empty. `options`: `columns` the titles as printed, for tables whose titles contain wide gaps or stand one space apart; `skip` lines to pass over at the beginning; `after` a text: the table begins below the first line that contains it and ends at a blank line. An empty text, titles without a single row, rows that cannot be told apart, and text after a blank line (unless `after` is given) throw `unreadable`, never an empty table.")
        .example("let t = table::parse(\"NAME      READY   STATUS\\nweb-abc   1/1     Running\"); t[0].status == \"Running\"")
        .add(|text: &str| -> HostResult<Array> { Ok(script_rows(text, Map::new())?) })
        .add(|text: &str, options: Map| -> HostResult<Array> { Ok(script_rows(text, options)?) });
}

fn script_rows(text: &str, options: Map) -> Result<Array, Error> {
    let options = Options::new(options, "table::parse", OPTIONS)?;
    let how = How {
        columns: options.strings("columns")?,
        skip: options.count("skip")?.unwrap_or(0) as usize,
        after: options.string("after")?,
    };
    let row = |row: Vec<(String, String)>| {
        let map: Map = row.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Dynamic::from(map)
    };
    Ok(rows(text, &how)?.into_iter().map(row).collect())
}

/// Where the table stands in the text.
#[derive(Debug, Default)]
struct How {
    columns: Option<Vec<String>>,
    skip: usize,
    after: Option<String>,
}

/// The rows, each a list of key and value in the order of the columns.
fn rows(text: &str, how: &How) -> Result<Vec<Vec<(String, String)>>, Error> {
    if text.trim().is_empty() {
        return Err(unreadable("there is no table: the text is empty"));
    }
    let mut lines = text.lines().enumerate().skip(how.skip).peekable();
    if let Some(after) = &how.after
        && !lines.any(|(_, line)| line.contains(after.as_str()))
    {
        return Err(unreadable(format!("there is no table: no line contains {after:?}")).because(beginning(text)));
    }
    let blank = |line: &str| line.trim().is_empty();
    while lines.next_if(|(_, line)| blank(line)).is_some() {}
    let Some((_, header)) = lines.next() else {
        return Err(unreadable("there is no table: no line with titles").because(beginning(text)));
    };
    let columns = Columns::new(header, titles(header, how.columns.as_deref())?);
    let keys = columns.keys();
    let mut rows = Vec::new();
    for (number, line) in lines.by_ref().take_while(|(_, line)| !blank(line)) {
        let cells = columns.cells(line).map_err(|why| {
            unreadable(format!("line {} of the table cannot be split: {why}", number + 1))
                .because(format!("titles: {header}"))
                .because(format!("line: {line}"))
                .hint("`columns` names the titles where they stand close together")
        })?;
        rows.push(keys.iter().cloned().zip(cells).collect());
    }
    if how.after.is_none()
        && let Some((number, line)) = lines.find(|(_, line)| !blank(line))
    {
        return Err(unreadable(format!("line {} follows a blank line: is there a second table?", number + 1))
            .because(format!("line: {line}"))
            .hint("`after: \"…\"` takes the table below a line, up to the next blank one"));
    }
    if rows.is_empty() {
        return Err(unreadable("the table has titles and no row").because(format!("titles: {header}")));
    }
    Ok(rows)
}

fn unreadable(message: impl Into<String>) -> Error {
    Error::new(Kind::Unreadable, message)
}

fn beginning(text: &str) -> String {
    format!("the text begins with {:?}", crate::error::beginning(text, 200))
}

#[cfg(test)]
mod tests;
