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
    mut options: Map,
    run: Option<Closure>,
) -> Result<()> {
    if declaring.found.playbook.is_none() {
        return Err(Error::new(Kind::Playbook, format!("step(\"{id}\") before playbook(…)"))
            .hint("playbook(#{ id: …, title: … }) comes first"));
    }
    let of = format!("step \"{id}\"");
    let mut o = Reader { of: &of, map: &mut options };
    let guard = o.closure("guard")?.map(|f| Closure::keep(at, f));
    let later = o.take("later").map(|value| later(at, &of, value)).transpose()?;
    let (later, check) = match later {
        Some((later, check)) => (Some(later), Some(check)),
        None => (None, None),
    };
    let decl = StepDecl {
        id: id.to_string(),
        title: o.string("title")?.unwrap_or_else(|| id.to_string()),
        covers: o.strings("covers")?.unwrap_or_default(),
        priority: o.string("priority")?.unwrap_or_else(|| "P1".into()),
        on: On::parse(&o.string("on")?.unwrap_or_else(|| "each cluster".into())),
        effect: match o.string("effect")? {
            None => Effect::Read,
            Some(word) => Effect::parse(&word).ok_or_else(|| {
                let known = Effect::ALL.map(Effect::as_str);
                Error::new(Kind::Playbook, format!("{of}: effect is \"{word}\", expected {}", known.join(", ")))
                    .maybe_hint(did_you_mean(&word, known))
            })?,
        },
        timeout: o.duration("timeout")?,
        retry: o.take("retry").map(|value| retry(&of, value)).transpose()?,
        needs: o.strings("needs")?.unwrap_or_default(),
        alone: o.bool("alone")?.unwrap_or(false),
        guarded: guard.is_some(),
        later,
        manual: o.take("manual").map(|value| manual(&of, value)).transpose()?,
        risk: o.string("risk")?,
        if_fails: o.strings("if_fails")?.unwrap_or_default(),
        has_body: run.is_some(),
        place,
    };
    let known: Vec<&str> = StepDecl::OPTIONS.iter().map(|(n, _)| *n).collect();
    o.nothing_else(&known)?;
    decl.check()?;
    declaring.found.steps.push((decl, Body { run, guard, check }));
    Ok(())
}

fn later(at: &NativeCallContext, of: &str, value: Dynamic) -> Result<(Later, Closure)> {
    let of = format!("{of}, later");
    let mut map = value.try_cast::<Map>().ok_or_else(|| {
        Error::new(Kind::Playbook, format!("{of}: expected #{{ after: duration, check: |t, started| … }}"))
    })?;
    let mut o = Reader { of: &of, map: &mut map };
    let after = o.duration("after")?.ok_or_else(|| Error::new(Kind::Playbook, format!("{of}: after is missing")))?;
    let check = o.closure("check")?.ok_or_else(|| Error::new(Kind::Playbook, format!("{of}: check is missing")))?;
    o.nothing_else(&["after", "check"])?;
    Ok((Later { after }, Closure::keep(at, check)))
}

fn retry(of: &str, value: Dynamic) -> Result<Retry> {
    if let Ok(times) = value.as_int() {
        let times = u32::try_from(times)
            .map_err(|_| Error::new(Kind::Playbook, format!("{of}: retry is {times}, expected 0 or more")))?;
        return Ok(Retry { times, wait: Duration::from_secs(1) });
    }
    let of = format!("{of}, retry");
    let mut map = value
        .try_cast::<Map>()
        .ok_or_else(|| Error::new(Kind::Playbook, format!("{of}: expected a number, or #{{ times, wait }}")))?;
    let mut o = Reader { of: &of, map: &mut map };
    let times = o.int("times")?.unwrap_or(1);
    let wait = o.duration("wait")?.unwrap_or(Duration::from_secs(1));
    o.nothing_else(&["times", "wait"])?;
    let times = u32::try_from(times)
        .map_err(|_| Error::new(Kind::Playbook, format!("{of}: times is {times}, expected 0 or more")))?;
    Ok(Retry { times, wait })
}

fn manual(of: &str, value: Dynamic) -> Result<String> {
    if let Ok(text) = value.clone().into_string() {
        return Ok(text);
    }
    let of = format!("{of}, manual");
    let mut map = value
        .try_cast::<Map>()
        .ok_or_else(|| Error::new(Kind::Playbook, format!("{of}: expected a string, or #{{ what, evidence }}")))?;
    let mut o = Reader { of: &of, map: &mut map };
    let what = o.string("what")?.ok_or_else(|| Error::new(Kind::Playbook, format!("{of}: what is missing")))?;
    let evidence = o.string("evidence")?;
    o.nothing_else(&["what", "evidence"])?;
    Ok(match evidence {
        Some(evidence) => format!("{what}\nEvidence wanted: {evidence}"),
        None => what,
    })
}
