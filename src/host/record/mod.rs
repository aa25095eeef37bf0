//! `record::` — what this run and former ones found, for playbooks that write it up.

mod export;
mod reading;
mod rows;
#[cfg(test)]
mod tests;

use std::path::{Component, Path};

use globset::{GlobSet, GlobSetBuilder};
use rhai::{Dynamic, Map, NativeCallContext};
use serde_json::{Value, json};

use super::object::List;
use super::values::to_dynamic;
use super::{Call, Context, HostResult, Module, Needs, Options, Registrar};
use crate::client::sh::quoted;
use crate::error::{Error, Kind, Result};
use crate::event::Effect;
use crate::record;
use reading::{Source, THIS};
use rows::Row;

/// The option that says which runs are read.
const OF_RUNS: &[&str] = &["runs"];
/// The options of what is read of steps.
const OF_STEPS: &[&str] = &["runs", "steps"];
/// The options of `record::write`.
const OF_WRITE: &[&str] = &["replace"];

pub(crate) const MODULE: Module = Module {
    name: "record",
    about: "What this run and former ones found: steps, metrics, evidence, settings; and files of it",
    needs: Needs::Nothing,
    register,
};

fn register(m: &mut Registrar) {
    m.path("steps")
        .sig("(options?: map) -> list")
        .options(OF_STEPS)
        .effect(Effect::Read)
        .doc(
            "The steps of this run as its record has them by now, in the order of the plan: `#{ run, step, id, playbook, name, \
             cluster, title, priority, covers, effect, risk, if_fails, outcome, ran, message, seconds, attempts, judged, \
             failures, error, warnings, notes, retries, evidence, metrics, instructions, taken_from, ended }`. `step` and `id` \
             are the same: `t5/bgp-table@infra`. `outcome` is that of a step that has ended, `\"unfinished\"` of one that has \
             begun, and `\"pending\"` of any other; `ran` is false for these and for steps that were skipped or blocked. \
             `failures` are maps (`label`, `expected`, `actual`, `object`, `covers`); `retries` what the attempts said that \
             did not count; `evidence` and `metrics` the names of what it kept; `ended` a time, or empty; `seconds` its wall \
             time.\n\nOptions: `runs`, the ids of runs (as `pb runs` shows them, or their beginnings), among them `\"this\"`; \
             default `[\"this\"]`. Of several runs that have a step, that counts in which it ran and ended last. `steps`, \
             patterns of steps (`\"t6/*\"`, `\"t6/ceph-*@infra\"`; without a cluster they mean all): where none of the plan \
             fits, nothing was looked at, and an `expect` that the empty list satisfies is inconclusive.\n\nThrows \
             `not_found` where no record is kept, `usage` where there is no such run, `unreadable` where a record is damaged, \
             and `refused` for a run on another platform, such as one in a lab.",
        )
        .example(r#"record::steps(#{ steps: ["t1/*"] }).any(|s| s.id == "t1/etcd@infra" && s.outcome == "passed" && s.ran)"#)
        .add(|at: NativeCallContext| steps(&at, Map::new()))
        .add(|at: NativeCallContext, options: Map| steps(&at, options));
    m.path("metrics")
        .sig("(options?: map) -> list")
        .options(OF_STEPS)
        .effect(Effect::Read)
        .doc(
            "What steps that have ended measured: `#{ run, step, cluster, outcome, ended, name, value, unit, max, samples, \
             summary }`. `value` is a number in `unit`; `max`, the greatest value that is right, is `()` where none was set; \
             `samples` is the number of measurements behind it; `summary` a map (`count`, `mean`, `p95` …), or `()`. Options \
             and errors are those of `record::steps`.",
        )
        .example(r#"record::metrics(#{ steps: "t1/etcd" })[0].value == 12.5"#)
        .add(|at: NativeCallContext| metrics(&at, Map::new()))
        .add(|at: NativeCallContext, options: Map| metrics(&at, options));
    m.path("evidence")
        .sig("(options?: map) -> list")
        .options(OF_STEPS)
        .effect(Effect::Read)
        .doc(
            "The files that steps which have ended kept as evidence: `#{ run, step, cluster, outcome, ended, name, file, sha256, \
             bytes }`. `file` is relative to the run's folder; `record::text` reads it. Options and errors are those of \
             `record::steps`.",
        )
        .example(r#"record::evidence(#{ steps: "t1/*" }).any(|e| e.name == "etcd-status" && e.bytes > 0)"#)
        .add(|at: NativeCallContext| evidence(&at, Map::new()))
        .add(|at: NativeCallContext, options: Map| evidence(&at, options));
    m.path("text")
        .sig("(evidence: map) -> string")
        .effect(Effect::Read)
        .doc(
            "The text of a file of evidence, an item of `record::evidence`. Throws `invalid` where the file does not have the \
             SHA-256 that the record says: it was changed after it was written; `io` where it can't be read.",
        )
        .example(r#"record::text(record::evidence(#{ steps: "t1/etcd" })[0]).contains("leader")"#)
        .add(|at: NativeCallContext, evidence: Map| text(&at, &evidence));
    m.path("settings")
        .sig("(options?: map) -> list")
        .options(OF_RUNS)
        .effect(Effect::Read)
        .doc(
            "The settings that a run went by: `#{ run, playbook, name, cluster, value, usual, from, about }`. `cluster` is `()` \
             where the value is the same for all; `usual` is the playbook's default, and `from` says where it came from (`default`, `pb.toml`, `profile …`, `--set`). \
             Those of several `runs` stand one after the other. A secret is redacted.",
        )
        .example(r#"record::settings().any(|s| s.playbook == "t1" && s.value != s.usual)"#)
        .add(|at: NativeCallContext| settings(&at, Map::new()))
        .add(|at: NativeCallContext, options: Map| settings(&at, options));
    m.path("runs")
        .sig("(options?: map) -> list")
        .options(OF_RUNS)
        .effect(Effect::Read)
        .doc(
            "This run, or `runs`, oldest first: `#{ id, own, state, started, seconds, exit_code, arguments, targets, dir, host, \
             pb, profile, platform, former, clusters, outcomes, steps, left }`. `state` is `running`, `ended` or `killed`; \
             `exit_code` is `()` without an end; `platform` names what was opened for the run alone (a lab), and is empty \
             where the clusters were the configured ones; `clusters` are `#{ name, context, server }`; `outcomes` counts \
             steps by how they ended, `steps` is how many were planned, and `left` says of each change that is not undone what \
             it was and why; of a run that goes on, only of those that could not be undone.",
        )
        .example(r#"record::runs()[0].own && record::runs()[0].steps > 0"#)
        .add(|at: NativeCallContext| runs(&at, Map::new()))
        .add(|at: NativeCallContext, options: Map| runs(&at, options));
    m.path("write")
        .sig("(folder: string, name: string, text: string, options?: map) -> map")
        .options(OF_WRITE)
        .effect(Effect::Write)
        .doc(
            "Writes a text as a file of a folder, whole or not at all, and never outside of that folder; secrets are redacted \
             first. A relative folder counts from that of `pb.toml`; in a lab that was opened for the run, from the run's own, \
             so that what a simulation says never lies beside evidence. The file's last line is a seal: the SHA-256 of what \
             stands above. A file that is there is replaced where its seal holds; one that somebody else wrote, or changed \
             since, is left alone with `conflict`, unless `replace: true`. Nothing undoes it. Gives `#{ name, path, bytes, \
             sha256, replaced }`.",
        )
        .example(r#"record::write("/tmp/pb-example-export", "a/status.txt", "all is well", #{ replace: true }).path == "/tmp/pb-example-export/a/status.txt""#)
        .add(|at: NativeCallContext, folder: &str, name: &str, text: &str| write(&at, folder, name, text, Map::new()))
        .add(|at: NativeCallContext, folder: &str, name: &str, text: &str, options: Map| {
            write(&at, folder, name, text, options)
        });
    m.path("written")
        .sig("(folder: string) -> list")
        .effect(Effect::Read)
        .doc(
            "The files of a folder that `record::write` writes to, at any depth, whoever wrote them: `#{ name, path, bytes, \
             sha256, sealed }`, by name. `sealed` says that pb wrote it and nobody changed it since. What is hidden, or a link, \
             is left out. Where there is no such folder, nothing was looked at.",
        )
        .example(
            "record::write(\"/tmp/pb-example-exported\", \"b.txt\", \"well\", #{ replace: true });\n\
             record::written(\"/tmp/pb-example-exported\").all(|f| f.sealed)",
        )
        .add(|at: NativeCallContext, folder: &str| written(&at, folder));
}

/// Which runs are meant; this one where nothing is said.
fn words(options: &Options) -> Result<Vec<String>> {
    one_or_more(options, "runs").map(|runs| runs.unwrap_or_else(|| vec![THIS.into()]))
}

/// A string, or a list of them.
fn one_or_more(options: &Options, key: &str) -> Result<Option<Vec<String>>> {
    match options.value(key)? {
        Some(value) if value.is_string() => Ok(Some(vec![value.to_string()])),
        _ => options.strings(key),
    }
}

/// Which steps are meant; none where all are.
fn patterns(options: &Options) -> Result<Option<(GlobSet, Vec<String>)>> {
    let Some(patterns) = one_or_more(options, "steps")? else { return Ok(None) };
    let mut set = GlobSetBuilder::new();
    for pattern in &patterns {
        let glob = globset::Glob::new(pattern)
            .map_err(|e| Error::new(Kind::Script, format!("steps: \"{pattern}\" is no pattern")).because(e))?;
        set.add(glob);
    }
    let set = set.build().map_err(|e| Error::new(Kind::Script, "steps: the patterns are too many").because(e))?;
    Ok(Some((set, patterns)))
}

/// Rows as they are recorded: how many were looked at, and what there is.
type Found = (usize, Vec<Value>);

/// Reads rows of the steps that are meant.
fn of_steps(
    at: &NativeCallContext,
    function: &'static str,
    what: &str,
    options: Map,
    rows: impl Fn(&Row<'_>) -> Vec<Value>,
) -> HostResult<List> {
    let given = Options::new(options, function, OF_STEPS)?;
    let (words, meant) = (words(&given)?, patterns(&given)?);
    let shown = meant.as_ref().map(|(_, patterns)| patterns.join(", "));
    let found = asked(at, function, &words, json!({ "runs": words, "steps": shown }), what, |sources| {
        let mut looked = 0;
        let mut all = Vec::new();
        for row in rows::steps(sources).into_iter().filter(|row| fits(meant.as_ref(), row)) {
            looked += 1;
            all.extend(rows(&row));
        }
        Ok((looked, all))
    })?;
    let (looked, rows) = found;
    if looked == 0 {
        let of = shown.map(|shown| format!(" fits {shown}")).unwrap_or_default();
        return Ok(List::of_nothing(what, &format!("no step of {}{of}", words.join(", "))));
    }
    Ok(List::of_population(rows.iter().map(to_dynamic).collect(), looked, what))
}

fn fits(meant: Option<&(GlobSet, Vec<String>)>, row: &Row<'_>) -> bool {
    let short = || row.step.id.split('@').next().unwrap_or_default();
    meant.is_none_or(|(set, _)| set.is_match(&row.step.id) || set.is_match(short()))
}

/// Reads something of runs, through the gate.
fn asked(
    at: &NativeCallContext,
    function: &'static str,
    words: &[String],
    args: Value,
    what: &str,
    read: impl FnOnce(&[Source]) -> Result<Found>,
) -> Result<Found> {
    let cx = Context::current()?;
    let id = |word: &String| if word == THIS { cx.world.run.clone() } else { word.clone() };
    let line: Vec<String> = words.iter().map(|word| format!("pb show {}", quoted(&id(word)))).collect();
    let call = Call::new(function, line.join("; ")).args(args);
    cx.call_with(at, call, |found: &Found| format!("{} {what}", found.1.len()), async {
        read(&reading::sources(&cx.world, words)?)
    })
}

fn steps(at: &NativeCallContext, options: Map) -> HostResult<List> {
    of_steps(at, "record::steps", "steps", options, |row| vec![row.step()])
}

fn metrics(at: &NativeCallContext, options: Map) -> HostResult<List> {
    of_steps(at, "record::metrics", "metrics", options, |row| row.metrics().iter().map(|m| row.metric(m)).collect())
}

fn evidence(at: &NativeCallContext, options: Map) -> HostResult<List> {
    of_steps(at, "record::evidence", "files of evidence", options, |row| {
        row.evidence().iter().map(|file| row.file(file)).collect()
    })
}

fn of_runs(
    at: &NativeCallContext,
    function: &'static str,
    what: &str,
    options: Map,
    rows: fn(&Source) -> Result<Vec<Value>>,
) -> HostResult<List> {
    let words = words(&Options::new(options, function, OF_RUNS)?)?;
    let (looked, rows) = asked(at, function, &words, json!({ "runs": words }), what, |sources| {
        let all = sources.iter().map(rows).collect::<Result<Vec<_>>>()?;
        Ok((sources.len(), all.into_iter().flatten().collect()))
    })?;
    Ok(List::of_population(rows.iter().map(to_dynamic).collect(), looked, what))
}

fn settings(at: &NativeCallContext, options: Map) -> HostResult<List> {
    of_runs(at, "record::settings", "settings", options, |source| Ok(rows::settings(source)))
}

fn runs(at: &NativeCallContext, options: Map) -> HostResult<List> {
    of_runs(at, "record::runs", "runs", options, |source| Ok(vec![rows::run(source)?]))
}

fn text(at: &NativeCallContext, evidence: &Map) -> HostResult<String> {
    let field = |key: &str| {
        evidence.get(key).filter(|value| value.is_string()).map(ToString::to_string).ok_or_else(|| {
            Error::new(
                Kind::Script,
                format!("record::text: the map has no {key}; it takes an item of record::evidence"),
            )
        })
    };
    let (run, file, sha256) = (field("run")?, field("file")?, field("sha256")?);
    let cx = Context::current()?;
    let own = reading::own(&cx.world)?;
    let path = own.parent().unwrap_or(own).join(&run).join(&file);
    let call = Call::new("record::text", format!("cat {}", quoted(&path.to_string_lossy())))
        .args(json!({ "run": run, "file": file }));
    Ok(cx.call_with(at, call, |text: &String| format!("{} bytes", text.len()), async {
        read(&cx.world, own, &run, &file, &sha256)
    })?)
}

/// The text of a file of evidence that has this hash.
fn read(world: &super::World, own: &Path, run: &str, file: &str, sha256: &str) -> Result<String> {
    let plain = Path::new(file).components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || !file.starts_with("evidence/") {
        return Err(Error::new(Kind::Script, format!("record::text: {file} is no file of evidence")));
    }
    let folder = if run == world.run { own.to_path_buf() } else { record::find(own.parent().unwrap_or(own), run)? };
    let text = super::data::file::text(&folder.join(file))?;
    let is = super::data::hash::sha256(text.as_bytes());
    if is == sha256 {
        return Ok(text);
    }
    Err(Error::new(Kind::Invalid, format!("{file} of run {run} was changed after it was written"))
        .because(format!("its SHA-256 is {is}, and the record says {sha256}")))
}

fn write(at: &NativeCallContext, folder: &str, name: &str, text: &str, options: Map) -> HostResult<Dynamic> {
    let replace = Options::new(options, "record::write", OF_WRITE)?.bool("replace")?.unwrap_or(false);
    let cx = Context::current()?;
    let folder = export::folder(&cx.world, folder)?;
    let text = cx.world.redactor.redact(text);
    let line = format!("cat > {} # {} bytes", quoted(&folder.join(name).to_string_lossy()), text.len());
    let call = Call::new("record::write", line).effect(Effect::Write).args(json!({
        "folder": folder, "name": name, "sha256": super::data::hash::sha256(text.as_bytes()), "replace": replace,
    }));
    let mark = cx.world.mark().to_string();
    let done = cx.call_with(at, call, |done: &Value| format!("{} bytes", done["bytes"]), async {
        export::write(&folder, name, &text, replace, &mark)
    })?;
    Ok(to_dynamic(&done))
}

fn written(at: &NativeCallContext, folder: &str) -> HostResult<List> {
    let cx = Context::current()?;
    let folder = export::folder(&cx.world, folder)?;
    let shown = folder.to_string_lossy().into_owned();
    let call = Call::new("record::written", format!("find {} -type f -exec sha256sum {{}} +", quoted(&shown)))
        .args(json!({ "folder": folder }));
    let rows =
        cx.call_with(at, call, |rows: &Vec<Value>| format!("{} files", rows.len()), async { export::files(&folder) })?;
    let what = format!("files in {shown}");
    if rows.is_empty() {
        return Ok(List::of_nothing(&what, &format!("no file is in {shown}")));
    }
    Ok(List::new(rows.iter().map(to_dynamic).collect(), &what))
}
