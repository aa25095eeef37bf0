//! `op`: reading secrets and items of the platform's vault.
//!
//! Source: developer.1password.com, "1Password CLI reference".

use serde_json::json;

use super::words::Words;
use super::{Bench, Call, Say, not_simulated};
use crate::lab::services::onepassword;
use crate::lab::world::Wrong;

const VALUED: [&str; 7] = ["vault", "format", "account", "fields", "field", "o", "out-file"];

pub(super) async fn run(bench: &Bench, call: &Call, say: &Say) -> i32 {
    let words = Words::of(&call.args, &VALUED);
    let wrong = bench.services.world.service("onepassword");
    if wrong.iter().any(|one| matches!(one, Wrong::Down | Wrong::Hangs | Wrong::Status(_) | Wrong::Unavailable(_))) {
        say.err("[ERROR] could not reach 1Password: the service does not answer\n");
        return 1;
    }
    let error = |why: &str| {
        say.err(format!("[ERROR] {why}\n"));
        1
    };
    match words.plain().as_slice() {
        ["whoami"] => {
            say.out("URL:          https://monosense.1password.com\nUser Type:    SERVICE_ACCOUNT\n");
            0
        }
        ["vault", "list"] => {
            say.out("ID                            NAME\nlab                           monosense\n");
            0
        }
        ["item", "list"] => {
            say.out("ID      TITLE      VAULT\n");
            say.out(
                onepassword::items(&bench.services)
                    .keys()
                    .map(|item| format!("{item}    {item}    monosense\n"))
                    .collect::<String>(),
            );
            0
        }
        ["item", "get", item] => {
            let Some(fields) = onepassword::items(&bench.services).remove(*item) else {
                return error(&format!("\"{item}\" isn't an item. Specify the item with its UUID, name, or domain."));
            };
            let value = |field: &str| onepassword::field(&bench.services, item, field);
            if let Some(wanted) = words.value(&["fields", "field"]) {
                let names: Vec<&str> = wanted.split(',').map(|name| name.trim_start_matches("label=")).collect();
                let Some(values) = names
                    .iter()
                    .map(|name| onepassword::has(&bench.services, item, name).then(|| value(name)))
                    .collect::<Option<Vec<_>>>()
                else {
                    return error(&format!("{wanted:?} isn't a field in the {item:?} item"));
                };
                say.out(values.join(",") + "\n");
                return 0;
            }
            let fields: Vec<_> = fields
                .iter()
                .map(|field| json!({ "id": field, "label": field, "type": "CONCEALED", "value": value(field) }))
                .collect();
            if words.value(&["format"]) == Some("json") {
                say.out(
                    json!({ "id": item, "title": item, "vault": { "name": "monosense" }, "fields": fields })
                        .to_string()
                        + "\n",
                );
            } else {
                say.out(format!("ID:          {item}\nTitle:       {item}\nVault:       monosense\nFields:\n"));
                say.out(
                    fields
                        .iter()
                        .map(|field| {
                            format!(
                                "  {}:    [use 'op item get {item} --reveal' to reveal]\n",
                                field["label"].as_str().unwrap_or_default()
                            )
                        })
                        .collect::<String>(),
                );
            }
            0
        }
        ["read", reference] => {
            let parts: Vec<&str> = reference.strip_prefix("op://").unwrap_or_default().split('/').collect();
            match parts.as_slice() {
                [_, item, .., field] if onepassword::has(&bench.services, item, field) => {
                    say.out(
                        onepassword::field(&bench.services, item, field)
                            + if words.has(&["n", "no-newline"]) { "" } else { "\n" },
                    );
                    0
                }
                [_, item, .., field] => error(&format!(
                    "could not read secret '{reference}': could not find field {field} on item {item} in vault"
                )),
                _ => error(&format!(
                    "invalid secret reference '{reference}': too few '/': secret references should match op://<vault>/<item>[/<section>]/<field>"
                )),
            }
        }
        ["inject"] => {
            let mut text = String::new();
            let mut rest = call.stdin.as_str();
            while let Some((before, after)) = rest.split_once("op://") {
                let end = after.find(|c: char| c.is_whitespace() || "\"'}".contains(c)).unwrap_or(after.len());
                let parts: Vec<&str> = after[..end].split('/').collect();
                let [_, item, .., field] = parts.as_slice() else {
                    return error(&format!("invalid secret reference 'op://{}'", &after[..end]));
                };
                if !onepassword::has(&bench.services, item, field) {
                    return error(&format!("could not resolve item 'op://{}'", &after[..end]));
                }
                text.push_str(before.trim_end_matches("{{ ").trim_end_matches("{{"));
                text.push_str(&onepassword::field(&bench.services, item, field));
                rest = after[end..].trim_start_matches(" }}").trim_start_matches("}}");
            }
            say.out(text + rest);
            0
        }
        _ => not_simulated(say, call),
    }
}
