//! Matchers that look at every item of a list: a closure, readiness, a condition.

use rhai::{Dynamic, FnPtr, NativeCallContext};

use super::Expectation;
use super::verdict::{Offenders, Verdict};
use crate::error::{Error, Kind};
use crate::host::HostResult;
use crate::host::object::{List, Missing, Object, call, items};
use crate::host::values::{show, type_name};

/// How many items must satisfy the closure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    All,
    Any,
    None,
}

impl Expectation {
    /// `all`, `any` and `none`: names every offender.
    pub(super) fn share(&self, at: &NativeCallContext, share: Share, closure: &FnPtr) -> HostResult<Verdict> {
        let words = || {
            match share {
                Share::All => "to hold for all of them",
                Share::Any => "to hold for at least one of them",
                Share::None => "to hold for none of them",
            }
            .to_string()
        };
        if let Some(absent) = Verdict::absent(words, &[&self.value]) {
            return Ok(absent);
        }
        let Some(items) = items(&self.value) else {
            return Err(self.no_list(at.fn_name()).into());
        };
        if items.is_empty() {
            return Ok(match share {
                Share::Any if self.or_none => Verdict::Holds,
                Share::Any => Verdict::fails(words(), "an empty list"),
                Share::All | Share::None => Verdict::Empty(format!("the list is empty{}", self.filtered_from())),
            });
        }
        let mut satisfying = Offenders::default();
        let mut others = Offenders::default();
        for item in &items {
            match self.asked(at, closure, item)? {
                Answer::Yes => satisfying.add(|| show(item)),
                Answer::No => others.add(|| show(item)),
                Answer::Absent(words) => others.add(|| format!("{} ({words})", show(item))),
            }
        }
        let (holds, offenders, verb) = match share {
            Share::All => (others.is_empty(), &others, "not so for"),
            Share::Any => (!satisfying.is_empty(), &others, "not so for"),
            Share::None => (satisfying.is_empty(), &satisfying, "so for"),
        };
        if holds {
            return Ok(Verdict::Holds);
        }
        let actual = format!("{verb} {} of {}: {offenders}", offenders.len(), items.len());
        Ok(Verdict::fails(words(), actual))
    }

    fn asked(&self, at: &NativeCallContext, closure: &FnPtr, item: &Dynamic) -> HostResult<Answer> {
        let answer = call(at, closure, (item.clone(),))?;
        if let Ok(answer) = answer.as_bool() {
            return Ok(if answer { Answer::Yes } else { Answer::No });
        }
        if let Some(missing) = answer.read_lock::<Missing>() {
            return Ok(Answer::Absent(missing.to_string()));
        }
        let text = format!("{}: its closure must give true or false, and gave {}", at.fn_name(), type_name(&answer));
        Err(Error::new(Kind::Script, text).because(format!("for {}", show(item))).into())
    }

    fn filtered_from(&self) -> String {
        if let Some(why) = self.value.read_lock::<List>().and_then(|list| list.nothing().map(ToString::to_string)) {
            return format!(": {why}");
        }
        self.population().map(|population| format!(", filtered from {population}")).unwrap_or_default()
    }

    fn no_list(&self, matcher: &str) -> Error {
        Error::new(
            Kind::Script,
            format!("{matcher}: expected a list, got {}: {}", type_name(&self.value), show(&self.value)),
        )
    }

    /// `to_be_ready`, of an object or of every object of a list.
    ///
    /// What wants no replica is ready, and nothing of it was looked at: that says something only beside others.
    pub(super) fn ready(&self) -> HostResult<Verdict> {
        let all = match self.value.read_lock::<Object>() {
            Some(object) => vec![Dynamic::from(object.clone())],
            None => items(&self.value).unwrap_or_default(),
        };
        let of_none = |item: &Dynamic| item.read_lock::<Object>().is_some_and(|object| object.readiness().of_none);
        if !all.is_empty() && all.iter().all(of_none) {
            return Ok(Verdict::Empty("it is to have no replicas and runs on no node: nothing had to be ready".into()));
        }
        self.every("to_be_ready", "ready", |object| {
            let readiness = object.readiness();
            if readiness.ready { Ok(()) } else { Err(readiness.why) }
        })
    }

    /// `to_have_condition`, of an object or of every object of a list.
    pub(super) fn has_condition(&self, kind: &str, status: &str) -> HostResult<Verdict> {
        self.every("to_have_condition", &format!("condition {kind} = \"{status}\""), |object| {
            let Some(condition) = object.find_condition(kind) else {
                return Err(format!("it has no condition {kind}"));
            };
            let found = condition.string("/status").unwrap_or_default();
            if found == status {
                return Ok(());
            }
            let mut why = format!("condition {kind} is \"{found}\"");
            for detail in ["/reason", "/message"] {
                if let Some(text) = condition.string(detail).filter(|text| !text.is_empty()) {
                    why.push_str(&format!(": {text}"));
                }
            }
            Err(why)
        })
    }

    fn every(&self, matcher: &str, words: &str, judge: impl Fn(&Object) -> Result<(), String>) -> HostResult<Verdict> {
        if let Some(absent) = Verdict::absent(|| words.to_string(), &[&self.value]) {
            return Ok(absent);
        }
        if self.value.is_unit() {
            return Ok(Verdict::fails(words, show(&self.value)));
        }
        if let Some(object) = self.value.read_lock::<Object>() {
            return Ok(match judge(&object) {
                Ok(()) => Verdict::Holds,
                Err(why) => Verdict::fails(words, why),
            });
        }
        let Some(items) = items(&self.value) else {
            let text = format!("{matcher}: expected an object or a list of objects, got {}", type_name(&self.value));
            return Err(Error::new(Kind::Script, text).into());
        };
        if items.is_empty() {
            return Ok(Verdict::Empty(format!("the list is empty{}", self.filtered_from())));
        }
        let mut offenders = Offenders::default();
        for item in &items {
            let Some(object) = item.read_lock::<Object>() else {
                let text = format!("{matcher}: expected objects in the list, got {}", type_name(item));
                return Err(Error::new(Kind::Script, text).into());
            };
            if let Err(why) = judge(&object) {
                offenders.add(|| format!("{} ({why})", object.describe()));
            }
        }
        if offenders.is_empty() {
            return Ok(Verdict::Holds);
        }
        let actual = format!("{} of {} not: {offenders}", offenders.len(), items.len());
        Ok(Verdict::fails(format!("all {words}"), actual))
    }
}

/// What the closure says of one item.
enum Answer {
    Yes,
    No,
    Absent(String),
}
