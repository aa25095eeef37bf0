//! What `wait` waits for, and what it sees: a condition, a field, deletion, or a closure's word.

use rhai::{Dynamic, FnPtr, NativeCallContext};
use serde_json::Value;

use crate::error::{Error, Kind};
use crate::host::context::HostResult;
use crate::host::object::Object;

/// What an object has to be.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// A condition of its status with this value.
    Condition { name: String, status: String },
    /// A field with this text.
    Field { path: String, value: String },
    /// To be there.
    Exists,
    /// To be gone.
    Gone,
    /// What the closure says.
    Closure(FnPtr),
}

/// How an object stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) holds: bool,
    /// What was seen, in words: `Ready=False (ContainersNotReady)`.
    pub(crate) words: String,
}

impl Wanted {
    /// Reads what a script wants: `"Ready"`, `"condition=Ready"`, `"condition=Ready=False"`, `"delete"`, `"create"`,
    /// `"status.phase=Running"`, or a closure.
    ///
    /// # Errors
    /// [`Kind::Script`] for anything else.
    pub(crate) fn read(value: &Dynamic, option: &str) -> Result<Self, Error> {
        if let Some(call) = value.read_lock::<FnPtr>() {
            return Ok(Self::Closure(call.clone()));
        }
        let wrong = || {
            Error::new(
                Kind::Script,
                format!("cluster.wait: option \"{option}\" can't be {}", crate::host::values::show(value)),
            )
            .hint("\"condition=Ready\", \"delete\", \"create\", \"status.phase=Running\" or a closure |o| …")
        };
        if !value.is_string() {
            return Err(wrong());
        }
        let text = value.to_string();
        if text.is_empty() {
            return Err(wrong());
        }
        let parts: Vec<&str> = text.split('=').filter(|p| !p.is_empty()).collect();
        match parts.as_slice() {
            ["delete" | "deleted" | "gone"] => Ok(Self::Gone),
            ["create" | "created" | "exists"] => Ok(Self::Exists),
            ["condition", name] => Ok(Self::Condition { name: (*name).into(), status: "True".into() }),
            ["condition", name, status] => Ok(Self::Condition { name: (*name).into(), status: (*status).into() }),
            [name] if !name.contains('.') => Ok(Self::Condition { name: (*name).into(), status: "True".into() }),
            [path, value] if path.contains('.') => {
                Ok(Self::Field { path: path.trim_start_matches('.').into(), value: (*value).into() })
            }
            _ => Err(wrong()),
        }
    }

    /// In words: `condition Ready=True`.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Condition { name, status } => format!("condition {name}={status}"),
            Self::Field { path, value } => format!("{path}={value}"),
            Self::Exists => "to exist".into(),
            Self::Gone => "to be gone".into(),
            Self::Closure(_) => "the closure to be true".into(),
        }
    }

    /// Whether it is this condition, wanted True.
    pub(crate) fn is_condition(&self, wanted: &str) -> bool {
        matches!(self, Self::Condition { name, status } if name == wanted && status == "True")
    }

    /// As kubectl's `wait --for` has it, as far as it can be said there.
    pub(crate) fn kubectl(&self) -> String {
        match self {
            Self::Condition { name, status } if status == "True" => format!("condition={name}"),
            Self::Condition { name, status } => format!("condition={name}={status}"),
            Self::Field { path, value } => format!("jsonpath={{.{path}}}={value}"),
            Self::Exists => "create".into(),
            Self::Gone => "delete".into(),
            Self::Closure(_) => "jsonpath={.status}".into(),
        }
    }

    /// How an object that is there stands.
    ///
    /// # Errors
    /// What a closure throws; reading what is absent is a "not yet".
    pub(crate) fn see(&self, at: &NativeCallContext, object: &Object) -> HostResult<Seen> {
        Ok(match self {
            Self::Condition { name, status } => condition(object, name, status),
            Self::Field { path, value } => {
                let found = object.pointer(&format!("/{}", path.replace('.', "/")));
                match found.as_ref().map(text_of) {
                    Some(found) => Seen { holds: found == *value, words: format!("{path}={found}") },
                    None => Seen { holds: false, words: format!("{path} is absent") },
                }
            }
            Self::Exists => Seen { holds: true, words: "it exists".into() },
            Self::Gone => Seen { holds: false, words: still_there(object) },
            Self::Closure(call) => closure(at, call, object)?,
        })
    }
}

fn closure(at: &NativeCallContext, call: &FnPtr, object: &Object) -> HostResult<Seen> {
    // The closure may make host calls of its own, which block on the runtime in turn.
    let result = tokio::task::block_in_place(|| call.call_within_context::<Dynamic>(at, (object.clone(),)));
    match result {
        Ok(value) => match value.as_bool() {
            Ok(holds) => Ok(Seen { holds, words: format!("the closure says {holds}{}", standing(object)) }),
            Err(actual) => Err(Error::new(
                Kind::Script,
                format!("cluster.wait: the closure must give true or false, and gave {actual}"),
            )
            .into()),
        },
        Err(thrown) => {
            let error = crate::script::diagnose::from_rhai(&thrown, at.call_source());
            match error.kind {
                Kind::NotFound | Kind::Expectation => Ok(Seen { holds: false, words: error.to_string() }),
                _ => Err(thrown),
            }
        }
    }
}

fn condition(object: &Object, name: &str, status: &str) -> Seen {
    let conditions = object.pointer("/status/conditions");
    let conditions = conditions.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is = |c: &&Value| c["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case(name));
    let Some(found) = conditions.iter().find(is) else {
        return Seen { holds: false, words: format!("it has no condition {name}{}", standing(object)) };
    };
    let actual = found["status"].as_str().unwrap_or("nothing");
    // A condition that was judged on an older spec says nothing about this one.
    let judged = found["observedGeneration"].as_i64();
    let now = object.pointer("/metadata/generation").and_then(|g| g.as_i64());
    let stale = matches!((judged, now), (Some(judged), Some(now)) if judged < now);
    let mut why: Vec<&str> =
        ["reason", "message"].iter().filter_map(|k| found[*k].as_str()).filter(|s| !s.is_empty()).collect();
    if stale {
        why.push("of an older generation");
    }
    let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(": ")) };
    Seen { holds: !stale && actual.eq_ignore_ascii_case(status), words: format!("{name}={actual}{why}") }
}

fn still_there(object: &Object) -> String {
    let finalizers = object.pointer("/metadata/finalizers").and_then(|f| {
        let names: Vec<String> = f.as_array()?.iter().filter_map(|n| n.as_str().map(Into::into)).collect();
        (!names.is_empty()).then(|| format!(", with the finalizers {}", names.join(", ")))
    });
    let going = object
        .string("/metadata/deletionTimestamp")
        .map_or("its deletion was not asked for".to_string(), |t| format!("being deleted since {t}"));
    format!("it is still there, {going}{}", finalizers.unwrap_or_default())
}

/// `, phase Pending`, where the object has one.
fn standing(object: &Object) -> String {
    object.string("/status/phase").map(|phase| format!(", phase {phase}")).unwrap_or_default()
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::object::Origin;

    fn object(text: &str) -> Object {
        Object::from_text(text.into(), Origin::default()).expect("an object")
    }

    #[test]
    fn what_is_wanted_is_read_as_kubectl_has_it() {
        let words = |text: &str| Wanted::read(&text.into(), "for").map(|w| w.words()).unwrap_or_else(|e| e.message);
        assert_eq!(words("condition=Ready"), "condition Ready=True");
        assert_eq!(words("condition=Ready=False"), "condition Ready=False");
        assert_eq!(words("Established"), "condition Established=True");
        assert_eq!(words(".status.phase=Running"), "status.phase=Running");
        assert_eq!(words("delete"), "to be gone");
        for bad in ["", "=", "a=b", "condition=a=b=c"] {
            assert!(Wanted::read(&bad.into(), "for").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_condition_of_an_older_generation_does_not_hold() {
        let text = |observed: i32| {
            format!(
                r#"{{"metadata":{{"generation":2}},"status":{{"conditions":[{{"type":"Ready","status":"True","reason":"Done","observedGeneration":{observed}}}]}}}}"#
            )
        };
        assert_eq!(
            condition(&object(&text(2)), "ready", "True"),
            Seen { holds: true, words: "ready=True (Done)".into() }
        );
        assert!(!condition(&object(&text(1)), "Ready", "True").holds);
        let none = condition(&object(r#"{"status":{"phase":"Pending"}}"#), "Ready", "True");
        assert_eq!(none, Seen { holds: false, words: "it has no condition Ready, phase Pending".into() });
    }

    #[test]
    fn what_is_not_gone_says_what_holds_it() {
        let words = still_there(&object(r#"{"metadata":{"deletionTimestamp":"T","finalizers":["a/b"]}}"#));
        assert_eq!(words, "it is still there, being deleted since T, with the finalizers a/b");
    }
}
