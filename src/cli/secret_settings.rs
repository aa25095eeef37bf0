//! Settings that are named like secrets (`api_token`): what they are set to is one from the beginning, and stands in no
//! record, report or plan. What the playbook itself says, their default, is none.

use serde_json::Value;

use crate::event::SettingInfo;
use crate::host::redact::{Redactor, programs};
use crate::script::load::Loaded;

/// What stands in the place of the value; `--resume` asks for it again.
const HIDDEN: &str = "<secret>";

fn is_secret(setting: &SettingInfo) -> bool {
    programs::holds(&setting.name) && setting.value != setting.default
}

/// Settings as they may be told.
pub(super) fn told(mut settings: Vec<SettingInfo>) -> Vec<SettingInfo> {
    settings.iter_mut().filter(|setting| is_secret(setting)).for_each(|setting| setting.value = HIDDEN.into());
    settings
}

/// Registers their values, so that they are hidden wherever a script shows them.
pub(super) fn register(loaded: &[Loaded], redactor: &Redactor) {
    let settings = loaded.iter().flat_map(|playbook| playbook.settings.values()).flatten();
    settings.filter(|setting| is_secret(setting)).for_each(|setting| leaves(&setting.value, redactor));
}

fn leaves(value: &Value, redactor: &Redactor) {
    match value {
        Value::String(text) if !text.is_empty() => {
            redactor.register(text);
        }
        Value::Number(number) => {
            redactor.register(&number.to_string());
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, redactor)),
        Value::Object(fields) => fields.values().for_each(|field| leaves(field, redactor)),
        _ => {}
    }
}

/// What was typed after `pb`, as it may be told.
pub(super) fn typed() -> Vec<String> {
    arguments(std::env::args().skip(1))
}

fn arguments(typed: impl Iterator<Item = String>) -> Vec<String> {
    let mut follows = false;
    let told = typed.map(|word| {
        let set = std::mem::replace(&mut follows, word == "--set");
        match word.strip_prefix("--set=") {
            _ if set => one(&word),
            Some(rest) => format!("--set={}", one(rest)),
            None => word,
        }
    });
    told.collect()
}

/// What stands after `--set`, as it may be told.
pub(super) fn hidden(set: &[String]) -> Vec<String> {
    set.iter().map(|set| one(set)).collect()
}

/// `[CLUSTER:][PLAYBOOK.]NAME=VALUE`
fn one(set: &str) -> String {
    let name = set.split('=').next().unwrap_or_default();
    match name.rsplit([':', '.']).next().is_some_and(programs::holds) {
        true if name.len() < set.len() => format!("{name}={HIDDEN}"),
        _ => set.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_lose_what_secret_settings_are_set_to() {
        let typed = "run x --set infra:t5.api_token=a=b --set=router_password=c --set router=d -q";
        let told = arguments(typed.split(' ').map(String::from));
        let expected = "run x --set infra:t5.api_token=<secret> --set=router_password=<secret> --set router=d -q";
        assert_eq!(told.join(" "), expected);
        assert_eq!(hidden(&["token=".into(), "token_url=u".into()]), ["token=<secret>", "token_url=u"]);
    }

    #[test]
    fn the_value_goes_and_a_default_stays() {
        let setting = |name: &str, value: &str| SettingInfo {
            playbook: "p".into(),
            name: name.into(),
            cluster: None,
            value: value.into(),
            default: "none".into(),
            from: "--set".into(),
            about: String::new(),
        };
        let told = told(vec![setting("api_token", "x"), setting("api_token", "none"), setting("bgp_session", "r")]);
        assert_eq!(told.iter().map(|s| s.value.clone()).collect::<Vec<_>>(), [HIDDEN, "none", "r"]);
        let redactor = Redactor::default();
        leaves(&serde_json::json!({ "a": ["value-of-it", 1_234_567_890] }), &redactor);
        assert_eq!(redactor.redact("value-of-it 1234567890"), "<secret:1> <secret:2>");
    }
}
