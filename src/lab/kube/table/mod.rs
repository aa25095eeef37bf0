//! `Table` answers: the columns that `kubectl get` prints, of built-in kinds and of registered ones.

mod age;
mod cells;
mod columns;
mod jsonpath;
mod parts;
mod pods;
mod rows;

use serde_json::{Value, json};

use super::kinds::Kind;
use super::refusal::{Answer, Refusal};
use super::verbs::{Asked, metadata};

/// One column: its name, type, format and priority.
#[derive(Debug, Clone)]
pub(super) struct Column {
    name: String,
    of: String,
    format: String,
    priority: i64,
    description: String,
}

/// Objects as a table; `own` is the list's metadata.
pub(crate) fn render(asked: &Asked, objects: &[&Value], mut own: Value) -> Answer<Value> {
    let include = asked.query.get("includeObject").unwrap_or_default();
    if !matches!(include, "" | "Metadata" | "Object" | "None") {
        let why = format!(
            "Unable to convert to Table as requested: includeObject: Invalid value: {include:?}: must be 'Metadata', 'Object', \
             'None', or empty"
        );
        return Err(Refusal::bad_request(why));
    }
    if own["continue"] == "" {
        own = json!({ "resourceVersion": own["resourceVersion"] });
    }
    let columns = of(&asked.kind);
    let definitions: Vec<Value> = columns
        .iter()
        .map(|c| {
            json!({"name": c.name, "type": c.of, "format": c.format, "description": c.description, "priority": c.priority})
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let shown = match include {
                "None" => Value::Null,
                "Object" => asked.shown(object),
                _ => metadata(object),
            };
            json!({ "cells": rows::cells(&asked.kind, object, asked.now), "object": shown })
        })
        .collect();
    let rows = if rows.is_empty() && asked.kind.custom.is_none() { Value::Null } else { json!(rows) };
    Ok(json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": own, "columnDefinitions": definitions, "rows": rows,
    }))
}

/// The columns of a kind.
fn of(kind: &Kind) -> Vec<Column> {
    let name = Column {
        name: "Name".to_owned(),
        of: "string".to_owned(),
        format: "name".to_owned(),
        priority: 0,
        description: "Name must be unique within a namespace.".to_owned(),
    };
    let rest: Vec<Column> = match &kind.custom {
        Some(custom) => custom.columns.iter().map(registered).collect(),
        None => columns::builtin(&kind.resource()),
    };
    // Events are told by when they happened; their names come last, and hardly anybody wants to see them.
    if names_last(kind) {
        return rest;
    }
    std::iter::once(name).chain(rest).collect()
}

fn names_last(kind: &Kind) -> bool {
    kind.custom.is_none() && kind.kind == "Event"
}

fn registered(column: &Value) -> Column {
    let text = |key: &str| column[key].as_str().unwrap_or_default().to_owned();
    let path = text("jsonPath");
    let description = text("description");
    Column {
        name: text("name"),
        of: text("type"),
        format: text("format"),
        priority: column["priority"].as_i64().unwrap_or(0),
        description: if description.is_empty() {
            format!("Custom resource definition column (in JSONPath format): {path}")
        } else {
            description
        },
    }
}
