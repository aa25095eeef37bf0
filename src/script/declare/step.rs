//! `step(id, #{ … }, |t| …)`: its options, and the closures among them.

use std::time::Duration;

use rhai::{Dynamic, Map, NativeCallContext};

use super::options::Reader;
use super::{Body, Declaring};
use crate::error::{Error, Kind, Place, Result, did_you_mean};
use crate::event::Effect;
use crate::host::closure::Closure;
use crate::playbook::{Later, On, Retry, StepDecl};

pub(super) fn step(
    declaring: &mut Declaring,
    at: &NativeCallContext,
    place: Place,
    id: &str,
    options: Map,
    run: Option<Closure>,
) -> Result<()> {
    if declaring.found.playbook.is_none() {
        return Err(Error::new(Kind::Playbook, format!("step(\"{id}\") before playbook(…)"))
            .hint("playbook(#{ id: …, title: … }) comes first"));
    }
    let of = format!("step \"{id}\"");
    let mut problems = Vec::new();
    let mut o = Reader { of: &of, map: options, problems: &mut problems };
    let guard = o.closure("guard").map(|f| Closure::keep(at, f));
    let (later, check) = o.take("later").and_then(|value| later(&mut o, at, value)).unzip();
    let decl = StepDecl {
        id: id.to_string(),
        title: o.string("title").unwrap_or_else(|| id.to_string()),
        covers: o.strings("covers").unwrap_or_default(),
        priority: o.string("priority").unwrap_or_else(|| "P1".into()),
        on: On::parse(&o.string("on").unwrap_or_else(|| "each cluster".into())),
        effect: effect(&mut o),
        timeout: o.duration("timeout"),
        retry: o.take("retry").and_then(|value| retry(&mut o, value)),
        needs: o.strings("needs").unwrap_or_default(),
        alone: o.bool("alone").unwrap_or(false),
        guarded: guard.is_some(),
        later,
        // A manual that is wrong is told as that, and not as missing.
        manual: o.take("manual").map(|value| manual(&mut o, value)),
        risk: o.string("risk"),
        if_fails: o.strings("if_fails").unwrap_or_default(),
        has_body: run.is_some(),
        place,
    };
    let known: Vec<&str> = StepDecl::OPTIONS.iter().map(|(n, _)| *n).collect();
    o.nothing_else(&known);
    problems.extend(decl.problems());
    declaring.found.problems.extend(problems.into_iter().map(|e| e.at(decl.place.clone())));
    declaring.found.steps.push((decl, Body { run, guard, check }));
    Ok(())
}

fn effect(o: &mut Reader<'_>) -> Effect {
    let Some(word) = o.string("effect") else { return Effect::Read };
    Effect::parse(&word).unwrap_or_else(|| {
        let known = Effect::ALL.map(Effect::as_str);
        let error =
            Error::new(Kind::Playbook, format!("{}: effect is \"{word}\", expected {}", o.of, known.join(", ")));
        o.wrong(error.maybe_hint(did_you_mean(&word, known)));
        Effect::Read
    })
}

fn later(step: &mut Reader<'_>, at: &NativeCallContext, value: Dynamic) -> Option<(Later, Closure)> {
    let of = format!("{}, later", step.of);
    let Some(map) = value.try_cast::<Map>() else {
        step.refuse("later: expected #{ after: duration, check: |t, started| … }");
        return None;
    };
    let mut o = Reader { of: &of, map, problems: &mut *step.problems };
    for key in ["after", "check"] {
        if !o.map.contains_key(key) {
            o.refuse(format!("{key} is missing"));
        }
    }
    let (after, check) = (o.duration("after"), o.closure("check"));
    o.nothing_else(&["after", "check"]);
    Some((Later { after: after? }, Closure::keep(at, check?)))
}

fn retry(step: &mut Reader<'_>, value: Dynamic) -> Option<Retry> {
    let second = Duration::from_secs(1);
    let (key, times, wait) = if let Ok(times) = value.as_int() {
        ("retry", times, second)
    } else {
        let of = format!("{}, retry", step.of);
        let Some(map) = value.try_cast::<Map>() else {
            step.refuse("retry: expected a number, or #{ times, wait }");
            return None;
        };
        let mut o = Reader { of: &of, map, problems: &mut *step.problems };
        let (times, wait) = (o.int("times"), o.duration("wait"));
        o.nothing_else(&["times", "wait"]);
        ("retry, times", times.unwrap_or(1), wait.unwrap_or(second))
    };
    let Ok(times) = u32::try_from(times) else {
        step.refuse(format!("{key} is {times}, expected 0 or more"));
        return None;
    };
    Some(Retry { times, wait })
}

fn manual(step: &mut Reader<'_>, value: Dynamic) -> String {
    if let Ok(text) = value.clone().into_string() {
        return text;
    }
    let of = format!("{}, manual", step.of);
    let Some(map) = value.try_cast::<Map>() else {
        step.refuse("manual: expected a string, or #{ what, evidence }");
        return String::new();
    };
    let mut o = Reader { of: &of, map, problems: &mut *step.problems };
    if !o.map.contains_key("what") {
        o.refuse("what is missing");
    }
    let what = o.string("what").unwrap_or_default();
    let evidence = o.string("evidence");
    o.nothing_else(&["what", "evidence"]);
    match evidence {
        Some(evidence) => format!("{what}\nEvidence wanted: {evidence}"),
        None => what,
    }
}
