//! `prom::` — metrics in Prometheus' text exposition format, and looking one up among them.

mod text;

use rhai::{Array, Dynamic, Map};

use crate::error::{Error, Kind};
use crate::host::object::Object;
use crate::host::object::population::marked;
use crate::host::values::{from_dynamic, to_array};
use crate::host::{HostResult, Module, Needs, Registrar};
use text::{Sample, parse};

pub(crate) const MODULE: Module =
    Module { name: "prom", about: "Metrics in Prometheus' text format", needs: Needs::Nothing, register };

fn register(m: &mut Registrar) {
    m.path("parse")
        .sig("(text: string) -> array of maps")
        .doc("The samples of a `/metrics` page, in order: `name`, `labels` (map of strings), `value` (float, also NaN and infinite), `type` (`counter`, `gauge`, `histogram`, `summary`, `untyped` …), `help`, and `timestamp` (in milliseconds since 1970, where the page has one, else `()`). The `_bucket`, `_sum` and `_count` of a histogram or summary carry its type and help. Also reads OpenMetrics; exemplars are passed over. A malformed line throws `unreadable` with its number, and so does a page without a sample.")
        .example("let s = prom::parse(\"# TYPE up gauge\\nup{job=\\\"node\\\"} 1\"); s[0].value == 1.0 && s[0].labels.job == \"node\"")
        .add(|text: &str| -> HostResult<Array> { Ok(parse(text)?.into_iter().map(map).collect()) });
    m.path("value")
        .sig("(samples: array of maps, name: string, labels?: map) -> float")
        .doc("The value of the one sample with this name and at least these labels. Throws `not_found` when there is none (and names the label sets or names that there are), and an error when several fit.")
        .example("prom::value(prom::parse(\"a{x=\\\"1\\\"} 5\\na{x=\\\"2\\\"} 7\"), \"a\", #{ x: \"2\" }) == 7.0")
        .add(|samples: Dynamic, name: &str| -> HostResult<f64> { Ok(value(&samples, name, &Map::new())?) })
        .add(|samples: Dynamic, name: &str, labels: Map| -> HostResult<f64> { Ok(value(&samples, name, &labels)?) });
    m.path("select")
        .sig("(samples: array of maps, name: string, labels?: map) -> array of maps")
        .doc("The samples with this name and at least these labels; none is an empty array. Where no sample has the name, whatever its labels, nothing was looked at: an `expect` that the empty array satisfies is inconclusive.")
        .example("prom::select(prom::parse(\"a{x=\\\"1\\\"} 5\\na{x=\\\"2\\\"} 7\"), \"a\").len() == 2")
        .add(|samples: Dynamic, name: &str| -> HostResult<Dynamic> { Ok(selected(&samples, name, &Map::new())?) })
        .add(|samples: Dynamic, name: &str, labels: Map| -> HostResult<Dynamic> { Ok(selected(&samples, name, &labels)?) });
}

/// What fits, with the number of samples that have the name.
fn selected(samples: &Dynamic, name: &str, labels: &Map) -> Result<Dynamic, Error> {
    let found = select(samples, name, labels)?;
    let named = if found.is_empty() { select(samples, name, &Map::new())?.len() } else { found.len() };
    Ok(marked(found.into(), named))
}

fn map(sample: Sample) -> Dynamic {
    let labels: Map = sample.labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    let mut map = Map::new();
    map.insert("name".into(), sample.name.into());
    map.insert("labels".into(), labels.into());
    map.insert("value".into(), sample.value.into());
    map.insert("type".into(), sample.kind.as_ref().into());
    map.insert("help".into(), sample.help.as_ref().into());
    map.insert("timestamp".into(), sample.timestamp.map_or(Dynamic::UNIT, Into::into));
    map.into()
}

/// A sample's name and one label, whichever kind of map it is.
fn field(sample: &Dynamic, key: &str) -> Option<String> {
    if let Some(map) = sample.read_lock::<Map>() {
        return map.get(key).map(ToString::to_string);
    }
    sample.read_lock::<Object>()?.string(&format!("/{key}"))
}

fn label(sample: &Dynamic, key: &str) -> Option<String> {
    if let Some(map) = sample.read_lock::<Map>() {
        return map.get("labels")?.read_lock::<Map>()?.get(key).map(ToString::to_string);
    }
    let labels = sample.read_lock::<Object>()?.pointer("/labels")?;
    labels.get(key)?.as_str().map(Into::into)
}

fn select(samples: &Dynamic, name: &str, labels: &Map) -> Result<Array, Error> {
    let samples = to_array(samples)
        .ok_or_else(|| Error::new(Kind::Script, "the samples are what prom::parse gives, not the text of the page"))?;
    let fits = |sample: &Dynamic| {
        field(sample, "name").as_deref() == Some(name)
            && labels.iter().all(|(key, want)| label(sample, key).is_some_and(|l| l == want.to_string()))
    };
    Ok(samples.into_iter().filter(fits).collect())
}

fn value(samples: &Dynamic, name: &str, labels: &Map) -> Result<f64, Error> {
    let mut found = select(samples, name, labels)?;
    let wanted = describe(name, labels);
    let labels_of = |sample: &Dynamic| match sample.read_lock::<Map>() {
        Some(map) => map.get("labels").map(|labels| from_dynamic(labels).to_string()).unwrap_or_default(),
        None => String::new(),
    };
    match (found.len(), found.pop()) {
        (1, Some(sample)) => sample
            .read_lock::<Map>()
            .and_then(|map| map.get("value").and_then(|v| v.as_float().ok()))
            .ok_or_else(|| Error::new(Kind::Script, format!("the sample {wanted} has no number as its value"))),
        (0, _) => {
            let error = Error::new(Kind::NotFound, format!("there is no sample {wanted}"));
            let others = select(samples, name, &Map::new())?;
            if !others.is_empty() {
                let shown: Vec<_> = others.iter().take(5).map(labels_of).collect();
                return Err(error.because(format!("{} samples have that name: {}", others.len(), shown.join(" "))));
            }
            let all = to_array(samples).unwrap_or_default();
            let names: Vec<String> = all.iter().filter_map(|sample| field(sample, "name")).collect();
            Err(error.maybe_hint(crate::error::did_you_mean(name, names.iter().map(String::as_str))))
        }
        (count, last) => {
            let shown: Vec<_> = found.iter().take(4).chain(&last).map(labels_of).collect();
            Err(Error::new(Kind::Script, format!("{count} samples fit {wanted}, expected one"))
                .because(shown.join(" "))
                .hint("give more labels, or use prom::select"))
        }
    }
}

fn describe(name: &str, labels: &Map) -> String {
    let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={:?}", value.to_string())).collect();
    if labels.is_empty() { name.into() } else { format!("{name}{{{}}}", labels.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::eval;

    const PAGE: &str = r#"let s = prom::parse("up{job=\"a\"} 1\nup{job=\"b\"} 0\nload 2.5"); "#;

    fn run(script: &str) -> Result<Dynamic, Error> {
        eval(&format!("{PAGE}{script}"))
    }

    #[test]
    fn nothing_of_a_metric_that_is_not_there_is_no_pass() {
        let none =
            |select: &str| crate::host::testing::outcome(&format!("{PAGE}expect({select}, \"x\").to_be_empty()"));
        assert_eq!(none(r#"prom::select(s, "up", #{ job: "c" })"#), Ok(()));
        assert_eq!(none(r#"prom::select(s, "up").filter(|s| s.value > 1.0)"#), Ok(()));
        for select in [r#"prom::select(s, "upp", #{ job: "a" })"#, r#"prom::select(s, "upp").map(|s| s.value)"#] {
            assert!(none(select).is_err_and(|why| why.contains("nothing")), "{select}");
        }
    }

    #[test]
    fn one_sample_by_name_and_labels() {
        assert_eq!(run(r#"prom::value(s, "load")"#).unwrap().as_float().unwrap(), 2.5);
        assert_eq!(run(r#"prom::value(s, "up", #{ job: "b" })"#).unwrap().as_float().unwrap(), 0.0);
        assert_eq!(run(r#"prom::select(s, "up").len()"#).unwrap().as_int().unwrap(), 2);
    }

    #[test]
    fn none_and_several_are_errors_that_show_what_there_is() {
        let error = run(r#"prom::value(s, "up", #{ job: "c" })"#).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (Kind::NotFound, "there is no sample up{job=\"c\"}"));
        assert!(error.causes[0].contains(r#"{"job":"a"}"#), "{error}");
        let error = run(r#"prom::value(s, "laod")"#).unwrap_err();
        assert_eq!(error.hints, ["did you mean \"load\"?"]);
        let error = run(r#"prom::value(s, "up")"#).unwrap_err();
        assert!(error.message.starts_with("2 samples fit up"), "{error}");
        assert!(eval(r#"prom::value("up 1", "up")"#).unwrap_err().message.contains("prom::parse"));
    }
}
