//! The notation of `crds/*.txt`, in which a kind takes a few lines: what a CustomResourceDefinition says, without what
//! nobody looks at.
//!
//! ```text
//! Kind plural.group v1,v1beta1,!v1alpha1 namespaced short=a,b categories=c no-status
//!   scale .spec.replicas .status.replicas
//!   column Name_With_Spaces string/wide .status.path
//!   spec! object
//!   spec.interval! duration = 1m
//!   spec.rules[].name! string
//! ```
//!
//! The first version is the stored one, `!` before one says that it is not served any more, and after a field that it is
//! required. A field is `string`, `integer`, `number`, `boolean`, `duration`, `int-or-string`, `map` (of strings),
//! `strings`, `integers`, `a|b` (one of these), `any` (an object whose fields are not checked), `list` (of anything),
//! or, where its own fields follow, `object` or `array`. `status` is never checked.

use serde_json::{Value, json};

/// A kind, as far as its first line tells.
#[derive(Debug, Clone)]
pub(super) struct Head<'t> {
    pub(super) kind: &'t str,
    pub(super) plural: &'t str,
    pub(super) group: &'t str,
    /// With whether each is served; the first is stored.
    pub(super) versions: Vec<(&'t str, bool)>,
    pub(super) namespaced: bool,
    short: Vec<&'t str>,
    categories: Vec<&'t str>,
    singular: Option<&'t str>,
    status: bool,
    /// The lines below it.
    body: &'t str,
}

/// The kinds of a text.
pub(super) fn kinds(text: &str) -> impl Iterator<Item = Head<'_>> {
    text.split("\n\n").filter(|block| !block.starts_with('#')).filter_map(head)
}

fn head(block: &str) -> Option<Head<'_>> {
    let (line, body) = block.trim_matches('\n').split_once('\n').unwrap_or((block.trim_matches('\n'), ""));
    let mut words = line.split(' ');
    let (kind, (plural, group)) = (words.next()?, words.next()?.split_once('.')?);
    let version = |word: &'_ str| word.strip_prefix('!').map_or((false, 0), |_| (true, 1));
    let versions = words
        .next()?
        .split(',')
        .map(|word| {
            let (gone, skip) = version(word);
            (&word[skip..], !gone)
        })
        .collect();
    let namespaced = words.next()? == "namespaced";
    let mut head = Head {
        kind,
        plural,
        group,
        versions,
        namespaced,
        short: Vec::new(),
        categories: Vec::new(),
        singular: None,
        status: true,
        body,
    };
    for word in words {
        match word.split_once('=') {
            Some(("short", names)) => head.short = names.split(',').collect(),
            Some(("categories", names)) => head.categories = names.split(',').collect(),
            Some(("singular", name)) => head.singular = Some(name),
            _ => head.status &= word != "no-status",
        }
    }
    Some(head)
}

impl Head<'_> {
    /// `v1`, `kustomize.toolkit.fluxcd.io/v1`: the version that is stored.
    pub(super) fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.versions.first().map_or("v1", |(name, _)| name))
    }

    /// `spec.names` of the definition.
    pub(super) fn names(&self) -> Value {
        let mut names = json!({
            "plural": self.plural, "kind": self.kind, "listKind": format!("{}List", self.kind),
            "singular": self.singular.map_or_else(|| self.kind.to_lowercase(), str::to_owned),
        });
        for (key, words) in [("shortNames", &self.short), ("categories", &self.categories)] {
            if !words.is_empty() {
                names[key] = json!(words);
            }
        }
        names
    }

    /// `spec.versions` of the definition: all with the same schema.
    pub(super) fn rows(&self) -> Vec<Value> {
        let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        let string = json!({ "type": "string" });
        let mut schema = json!({
            "type": "object",
            "properties": { "apiVersion": string, "kind": string, "metadata": { "type": "object" } },
        });
        if self.status {
            schema["properties"]["status"] = open;
        }
        let mut columns = Vec::new();
        let mut subresources = json!({});
        if self.status {
            subresources["status"] = json!({});
        }
        for line in self.body.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["scale", spec, status, selector @ ..] => {
                    subresources["scale"] = json!({ "specReplicasPath": spec, "statusReplicasPath": status });
                    if let Some(path) = selector.first() {
                        subresources["scale"]["labelSelectorPath"] = (*path).into();
                    }
                }
                ["column", name, of, path @ ..] => {
                    let (of, wide) = of.strip_suffix("/wide").map_or((*of, false), |of| (of, true));
                    let mut column = json!({ "name": name.replace('_', " "), "type": of, "jsonPath": path.join(" ") });
                    if wide {
                        column["priority"] = 1.into();
                    }
                    columns.push(column);
                }
                [path, of, rest @ ..] => {
                    let (path, required) = path.strip_suffix('!').map_or((*path, false), |path| (path, true));
                    let steps: Vec<&str> = path.split('.').collect();
                    insert(&mut schema, &steps, required, leaf(of, rest.get(1).copied()));
                }
                _ => {}
            }
        }
        let one = |(at, (name, served)): (usize, &(&str, bool))| {
            let mut row = json!({
                "name": name, "served": served, "storage": at == 0, "schema": { "openAPIV3Schema": schema },
            });
            if !columns.is_empty() {
                row["additionalPrinterColumns"] = json!(columns);
            }
            if subresources.as_object().is_some_and(|all| !all.is_empty()) {
                row["subresources"] = subresources.clone();
            }
            row
        };
        self.versions.iter().enumerate().map(one).collect()
    }
}

/// Puts a field into a schema, below those that its path names.
fn insert(schema: &mut Value, steps: &[&str], required: bool, leaf: Value) {
    let Some((step, below)) = steps.split_first() else { return };
    let (name, many) = step.strip_suffix("[]").map_or((*step, false), |name| (name, true));
    let Some(fields) = schema.as_object_mut() else { return };
    let properties = fields.entry("properties").or_insert_with(|| json!({}));
    if below.is_empty() {
        if properties[name].is_null() {
            properties[name] = leaf;
        }
        if required {
            let list = fields.entry("required").or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(name.into());
            }
        }
        return;
    }
    if properties[name].is_null() {
        properties[name] = if many { array() } else { object() };
    }
    let inner = if many { &mut properties[name]["items"] } else { &mut properties[name] };
    insert(inner, below, required, leaf);
}

fn object() -> Value {
    json!({ "type": "object", "properties": {} })
}

fn array() -> Value {
    json!({ "type": "array", "items": object() })
}

/// The schema of a field's type, with what it is by default.
fn leaf(of: &str, default: Option<&str>) -> Value {
    let mut schema = match of {
        "string" | "integer" | "number" | "boolean" => json!({ "type": of }),
        "duration" => json!({ "type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$" }),
        "int-or-string" => json!({ "x-kubernetes-int-or-string": true }),
        "map" => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        "strings" => json!({ "type": "array", "items": { "type": "string" } }),
        "integers" => json!({ "type": "array", "items": { "type": "integer" } }),
        "list" => json!({ "type": "array", "items": { "x-kubernetes-preserve-unknown-fields": true } }),
        "object" => object(),
        "array" => array(),
        "any" => json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true }),
        words => {
            let words: Vec<&str> = words.split('|').map(|word| word.trim_matches('\'')).collect();
            json!({ "type": "string", "enum": words })
        }
    };
    if let Some(text) = default {
        schema["default"] = match of {
            "integer" | "boolean" => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
            _ => text.into(),
        };
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# A comment.\n\nThing things.x.io v1,!v1beta1 namespaced short=th categories=all\n  column Last_Sync date/wide \
                        .status.conditions[?(@.type == \"Ready\")].at\n  spec! object\n  spec.every! duration = 1m\n  \
                        spec.rules[].name! string\n  spec.rules[].mode on|off = on\n  spec.free any\n\nOther others.x.io v1 cluster no-status\n";

    #[test]
    fn a_kind_becomes_a_definition() {
        let all: Vec<Head<'_>> = kinds(TEXT).collect();
        assert_eq!(all.len(), 2);
        let (thing, other) = (&all[0], &all[1]);
        assert_eq!((thing.api_version().as_str(), thing.namespaced, other.namespaced), ("x.io/v1", true, false));
        assert_eq!(thing.names()["shortNames"], json!(["th"]));
        let rows = thing.rows();
        assert_eq!((&rows[0]["served"], &rows[1]["served"]), (&json!(true), &json!(false)));
        assert_eq!((&rows[0]["storage"], &rows[1]["name"]), (&json!(true), &json!("v1beta1")));
        let column = &rows[0]["additionalPrinterColumns"][0];
        assert_eq!((&column["name"], &column["priority"]), (&json!("Last Sync"), &json!(1)));
        assert_eq!(column["jsonPath"], ".status.conditions[?(@.type == \"Ready\")].at");
        let root = &rows[0]["schema"]["openAPIV3Schema"];
        assert_eq!(root["required"], json!(["spec"]));
        let spec = &root["properties"]["spec"];
        assert_eq!((&spec["required"], &spec["properties"]["every"]["default"]), (&json!(["every"]), &json!("1m")));
        let rule = &spec["properties"]["rules"]["items"];
        assert_eq!((&rule["required"], &rule["properties"]["mode"]["enum"]), (&json!(["name"]), &json!(["on", "off"])));
        assert_eq!(spec["properties"]["free"]["x-kubernetes-preserve-unknown-fields"], true);
        assert!(other.rows()[0].get("subresources").is_none());
    }
}
