//! What a step tells: notes, warnings, metrics, evidence.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rhai::{Dynamic, Map, NativeCallContext};
use sha2::{Digest, Sha256};

use super::{Step, here, shown};
use crate::error::{Error, Kind, Result};
use crate::event::{Failure, Metric, What};
use crate::host::context::{Context, HostResult};
use crate::host::covers::of_step;
use crate::host::kube::secrets::for_record;
use crate::host::options::Options;
use crate::host::registrar::Registrar;
use crate::host::values::{Secret, from_dynamic};

const OF_METRIC: &[&str] = &["covers", "max", "of"];

pub(super) fn register(m: &mut Registrar) {
    m.method("step", "note")
        .sig("(text: string)")
        .doc("Keeps a remark: it stands in the reports and, with `-v`, on the terminal.")
        .example(r#"t.note("two paths for one prefix"); true"#)
        .add(|_: &mut Step, text: Dynamic| -> HostResult<()> {
            let cx = here()?;
            let text = text.to_string();
            cx.state().notes.push(text.clone());
            cx.emit(What::Note { text });
            Ok(())
        });
    m.method("step", "warn")
        .sig("(text: string)")
        .doc("Tells of something that is not right and not wrong enough: a step that would pass is `warned`.")
        .example(r#"t.warn("one replica less than usual"); true"#)
        .add(|_: &mut Step, text: Dynamic| -> HostResult<()> {
            let cx = here()?;
            let text = text.to_string();
            cx.state().warnings.push(text.clone());
            cx.emit(What::Warning { text });
            Ok(())
        });
    m.method("step", "evidence")
        .sig("(name: string, value: any)")
        .doc(
            "Keeps a value as a file of the run: a string as text, objects, lists and maps as JSON. Secrets are \
             redacted before it is written, the values of Secret objects whatever their length; the event carries the SHA-256 of the bytes.",
        )
        .example(r#"t.evidence("table", #{ prefixes: ["10.0.0.1/32"] }); true"#)
        .add(|_: &mut Step, name: &str, value: Dynamic| -> HostResult<()> { Ok(evidence(&here()?, name, &value)?) });
    m.method("step", "metric")
        .sig("(name: string, value: number | duration | map, unit?: string, options?: map)")
        .options(OF_METRIC)
        .doc(
            "Keeps a measured value. A duration is converted to `unit` (`s` by default; `ms`, `us`, `m`); a map is a \
             summary as `stats::summary` and `http::bench` give it, of which `of` (`\"mean\"` by default) is the \
             value. Options: `max`, the greatest value that is right (a number in the unit, or a duration): a greater \
             one fails the step, which goes on; `of`; `covers`, with `max`: the boxes among the step's that the limit \
             judges, as `expectation.covers` says it.",
        )
        .example(r#"t.metric("pod start", duration("2s"), "s", #{ max: 30 }); true"#)
        .add(|at: NativeCallContext, _: &mut Step, name: &str, value: Dynamic| {
            metric(&at, name, &value, "", Map::new())
        })
        .add(|at: NativeCallContext, _: &mut Step, name: &str, value: Dynamic, unit: &str| {
            metric(&at, name, &value, unit, Map::new())
        })
        .add(|at: NativeCallContext, _: &mut Step, name: &str, value: Dynamic, unit: &str, options: Map| {
            metric(&at, name, &value, unit, options)
        });
}

fn metric(at: &NativeCallContext, name: &str, value: &Dynamic, unit: &str, options: Map) -> HostResult<()> {
    let cx = here()?;
    let options = Options::new(options, "t.metric", OF_METRIC)?;
    let max = options.value("max")?;
    let of = options.string("of")?;
    let covers = covers(&cx, name, &options)?;
    let summary = value.read_lock::<Map>().map(|m| m.clone());
    let (unit, chosen) = match &summary {
        Some(map) => {
            let of = of.as_deref().unwrap_or("mean");
            let chosen = map.get(of).cloned().ok_or_else(|| {
                let keys: Vec<&str> = map.keys().map(rhai::Identifier::as_str).collect();
                Error::new(
                    Kind::Script,
                    format!("t.metric(\"{name}\"): the summary has no \"{of}\" (it has {})", keys.join(", ")),
                )
            })?;
            (unit, chosen)
        }
        None => (unit, value.clone()),
    };
    let unit = match unit {
        "" if chosen.is::<Duration>() => "s",
        "" => "1",
        unit => unit,
    };
    let number = |what: &str, value: &Dynamic| {
        if value.is::<Secret>() {
            return Err(Error::new(
                Kind::Script,
                format!("t.metric(\"{name}\"): {what} is a secret, and a secret can't be a metric"),
            )
            .hint("the record keeps metrics as they are; measure what may be read"));
        }
        in_unit(value, unit).ok_or_else(|| {
            Error::new(
                Kind::Script,
                format!("t.metric(\"{name}\"): {what} is {}, expected a number or a duration", shown(value, at)),
            )
        })
    };
    let chosen = number("the value", &chosen)?;
    let max = max.as_ref().map(|max| number("max", max)).transpose()?;
    if let Some((what, value)) = [("the value", Some(chosen)), ("max", max)]
        .into_iter()
        .find_map(|(what, v)| Some((what, v.filter(|v| !v.is_finite())?)))
    {
        // Neither above nor below any limit, or above each: a verdict by it would be one over nothing.
        return Err(Error::new(Kind::Script, format!("t.metric(\"{name}\"): {what} is not a number ({value})"))
            .hint("a mean or a percentile over no samples is none: look at how many there are first")
            .into());
    }
    let metric = Metric {
        name: name.to_string(),
        value: chosen,
        unit: unit.to_string(),
        max,
        summary: summary.map(|map| summary_in(&map, unit)),
    };
    cx.emit(What::Measured(metric.clone()));
    let mut state = cx.state();
    state.metrics.push(metric);
    let Some(max) = max else { return Ok(()) };
    state.judged += 1;
    if chosen > max {
        let of = of.map(|of| format!(" ({of})")).unwrap_or_default();
        let failure = Failure {
            label: format!("{name}{of}"),
            expected: format!("at most {} {unit}", rounded(max)),
            actual: format!("{} {unit}", rounded(chosen)),
            at: cx.place(at),
            covers,
            ..Failure::default()
        };
        state.failures.push(failure.clone());
        drop(state);
        cx.emit(What::Failed(failure));
    }
    Ok(())
}

/// The boxes that the limit judges.
fn covers(cx: &Context, name: &str, options: &Options) -> Result<Vec<String>> {
    let Some(ids) = options.strings("covers")? else { return Ok(Vec::new()) };
    let what = format!("t.metric(\"{name}\"), covers");
    if !options.has("max") {
        let error = Error::new(Kind::Script, format!("{what}: without max nothing is judged, and no box can be"));
        return Err(error.hint("max: the greatest value that is right"));
    }
    of_step(cx, &what, &ids)
}

/// Every duration of a summary in the unit; numbers as they are.
fn summary_in(map: &Map, unit: &str) -> serde_json::Value {
    let value = |v: &Dynamic| match v.read_lock::<Duration>() {
        Some(_) => in_unit(v, unit).map_or(serde_json::Value::Null, Into::into),
        None => from_dynamic(v),
    };
    map.iter().map(|(k, v)| (k.to_string(), value(v))).collect()
}

fn in_unit(value: &Dynamic, unit: &str) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a measurement")]
    if let Ok(int) = value.as_int() {
        return Some(int as f64);
    }
    if let Ok(float) = value.as_float() {
        return Some(float);
    }
    let seconds = value.read_lock::<Duration>()?.as_secs_f64();
    Some(match unit {
        "us" | "µs" => seconds * 1e6,
        "ms" => seconds * 1e3,
        "m" | "min" => seconds / 60.0,
        _ => seconds,
    })
}

fn rounded(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// Writes a value into the run's folder.
///
/// # Errors
/// [`Kind::Io`] where the file can't be written.
pub(super) fn evidence(cx: &Arc<Context>, name: &str, value: &Dynamic) -> Result<()> {
    let (text, ending) = match value.clone().into_string() {
        Ok(text) => (cx.world.redactor.redact(&text), "txt"),
        Err(_) => {
            let mut json = for_record(value);
            cx.world.redactor.redact_json(&mut json);
            let pretty = serde_json::to_string_pretty(&json)
                .map_err(|e| Error::new(Kind::Script, format!("evidence \"{name}\" has no JSON form")).because(e))?;
            (pretty + "\n", "json")
        }
    };
    let file = format!("evidence/{}/{}.{ending}", safe(&cx.step), safe(&cx.world.redactor.redact(name)));
    if let Some(folder) = &cx.world.folder {
        write(&folder.join(&file), text.as_bytes())?;
    }
    let sha256 = Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    cx.state().evidence.push(file.clone());
    cx.emit(What::Evidence { name: name.to_string(), file, sha256, bytes: text.len() as u64 });
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed =
        |e: std::io::Error| Error::new(Kind::Io, format!("evidence can't be written to {}", path.display())).because(e);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, bytes).map_err(failed)
}

/// A name as one part of a path.
fn safe(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || "-_.@".contains(c) { c } else { '-' };
    let name: String = name.chars().map(kept).collect();
    if name.starts_with('.') { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leaves_the_folder() {
        assert_eq!(safe("t5/bgp-table@infra"), "t5-bgp-table@infra");
        assert_eq!(safe("../x"), "_..-x");
    }

    #[test]
    fn a_duration_is_measured_in_the_unit_asked_for() {
        assert_eq!(in_unit(&Dynamic::from(Duration::from_millis(1500)), "ms"), Some(1500.0));
        assert_eq!(in_unit(&Dynamic::from(Duration::from_millis(1500)), "s"), Some(1.5));
        assert_eq!(in_unit(&Dynamic::from("x"), "s"), None);
    }
}
