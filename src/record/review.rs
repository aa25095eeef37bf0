//! What is hidden at the end: a text that was told before it became known as a secret stands in the files of the run. A
//! file that has such a text is written anew, whole, and takes the old one's place; any other is left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::lines::Lines;
use super::{JOURNAL, RecordedCall, RunInfo};
use crate::error::{Error, Kind, Place, Result};
use crate::event::{Event, Failure, Filter, What};

/// So much is looked at in one go.
const CHUNK: usize = 256 * 1024;

/// Where evidence stands, in a run's folder.
const EVIDENCE: &str = "evidence";

/// What is known of the run, through the filter: its content goes as that of the events which tell the same, and what
/// it goes by stays.
pub(crate) fn info(mut info: RunInfo, filter: &Filter) -> RunInfo {
    let set = info.asked.as_mut().map(|asked| std::mem::take(&mut asked.set)).unwrap_or_default();
    let typed = info.arguments.len();
    let begun = What::RunStarted {
        run: String::new(),
        arguments: std::mem::take(&mut info.arguments).into_iter().chain(set).collect(),
        playbooks: std::mem::take(&mut info.playbooks),
        modules: Vec::new(),
        steps: Vec::new(),
        settings: std::mem::take(&mut info.settings),
        jobs: 0,
        not_selected: 0,
        record: None,
        former: info.former.take().map(Box::new),
    };
    if let What::RunStarted { mut arguments, playbooks, settings, former, .. } = through(begun, filter) {
        let set = arguments.split_off(typed.min(arguments.len()));
        info.asked.iter_mut().for_each(|asked| asked.set.clone_from(&set));
        (info.arguments, info.playbooks, info.settings) = (arguments, playbooks, settings);
        info.former = former.map(|former| *former);
    }
    if let Some(end) = &mut info.end {
        let ended = What::RunFinished { exit_code: 0, seconds: 0.0, left: std::mem::take(&mut end.left) };
        if let What::RunFinished { left, .. } = through(ended, filter) {
            end.left = left;
        }
    }
    info
}

fn through(what: What, filter: &Filter) -> What {
    filter(Event { at: Timestamp::UNIX_EPOCH, step: None, what }).what
}

/// Passes the evidence through the filter once more. What has to be told of a file that is another one now, its hash,
/// is given back, by step.
///
/// # Errors
/// [`Kind::Io`] where a file can't be read or put in place.
pub(super) fn evidence(folder: &Path, filter: &Filter) -> Result<Vec<(Option<String>, What)>> {
    let mut anew = BTreeMap::new();
    for path in files(&folder.join(EVIDENCE)) {
        // What is no text has nothing of this in it that could be told apart.
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let shown = match serde_json::from_str(&text) {
            Ok(json) if path.extension().is_some_and(|e| e == "json") => {
                let shown = hidden_in(serde_json::Value::clone(&json), filter);
                if shown == json { text.clone() } else { format!("{shown:#}\n") }
            }
            _ => hidden(&text, filter),
        };
        if shown != text {
            put(&path, |to| to.write_all(shown.as_bytes())).map_err(|e| failed(&path, e))?;
            let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            let sha256: String = Sha256::digest(shown.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
            anew.insert(name, (sha256, shown.len() as u64));
        }
    }
    if anew.is_empty() {
        return Ok(Vec::new());
    }
    let mut seen = BTreeSet::new();
    let told = Lines::<Event>::open(&folder.join(JOURNAL))?.filter_map(|event| match event.ok()? {
        Event { step, what: What::Evidence { name, file, .. }, .. } => {
            let (sha256, bytes) = anew.get(&file).cloned()?;
            seen.insert((step.clone(), file.clone())).then_some((step, What::Evidence { name, file, sha256, bytes }))
        }
        _ => None,
    });
    Ok(told.collect())
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn failed(path: &Path, e: std::io::Error) -> Error {
    Error::new(Kind::Io, format!("{} can't be freed of a secret that became known late", path.display())).because(e)
}

/// Passes a file's lines through the filter once more. Gives whether the file is another one now.
///
/// # Errors
/// [`Kind::Io`] where it can't be read or put in place; then it is as it was.
pub(super) fn file(path: &Path, filter: &Filter) -> Result<bool> {
    if !suspects(path, filter).map_err(|e| failed(path, e))? {
        return Ok(false);
    }
    put(path, |to| rewrite(path, to, filter)).map(|()| true).map_err(|e| failed(path, e))
}

/// Writes a file anew beside the one that is there, and puts it in its place.
fn put(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let written = File::create(&beside).and_then(|file| {
        let mut to = BufWriter::new(file);
        write(&mut to)?;
        to.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&beside, path)
    });
    if written.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// Whether the filter would change anything: it is asked of many lines at once, since nearly always it would not.
fn suspects(path: &Path, filter: &Filter) -> std::io::Result<bool> {
    let mut from = BufReader::new(File::open(path)?);
    let mut chunk = Vec::new();
    loop {
        let read = from.read_until(b'\n', &mut chunk)?;
        if chunk.len() >= CHUNK || read == 0 {
            let text = String::from_utf8_lossy(&chunk).into_owned();
            if hidden(&text, filter) != text {
                return Ok(true);
            }
            // More is hidden in the lines of scripts than in free text; whether it stands there the lines say.
            if in_source(&text, filter) && text.lines().any(|line| line_without(line, filter) != line) {
                return Ok(true);
            }
            chunk.clear();
        }
        if read == 0 {
            return Ok(false);
        }
    }
}

fn rewrite(path: &Path, to: &mut BufWriter<File>, filter: &Filter) -> std::io::Result<()> {
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        to.write_all(line_without(&line, filter).as_bytes())?;
        to.write_all(b"\n")?;
    }
    Ok(())
}

/// A line of a record without what is secret.
fn line_without(line: &str, filter: &Filter) -> String {
    let event = serde_json::from_str::<Event>(line).ok();
    let event = event.and_then(|event| serde_json::to_string(&filter(event)).ok());
    let call = || serde_json::to_string(&call(serde_json::from_str(line).ok()?, filter)).ok();
    // A line that was cut is text.
    event.or_else(call).unwrap_or_else(|| hidden(line, filter))
}

/// A call goes as the events that told of its beginning and its end, and its answer as a value.
fn call(mut call: RecordedCall, filter: &Filter) -> RecordedCall {
    let begun = What::CallStarted {
        call: call.call,
        function: call.function.clone(),
        effect: call.effect,
        target: call.target.take(),
        args: std::mem::take(&mut call.args),
        line: std::mem::take(&mut call.line),
        place: None,
    };
    if let What::CallStarted { target, args, line, .. } = through(begun, filter) {
        (call.target, call.args, call.line) = (target, args, line);
    }
    let summary = std::mem::take(&mut call.summary);
    let ended = What::CallFinished { call: 0, seconds: 0.0, summary, error: call.error.take() };
    if let What::CallFinished { summary, error, .. } = through(ended, filter) {
        (call.summary, call.error) = (summary, error);
    }
    call.cut = call.cut.map(|text| hidden(&text, filter));
    if let Some(answer) = call.answer.take() {
        let text = answer.get();
        call.answer = match (hidden(text, filter) == text, serde_json::from_str(text)) {
            (false, Ok(json)) => serde_json::value::to_raw_value(&hidden_in(json, filter)).ok(),
            _ => Some(answer),
        };
    }
    call
}

/// Whether the filter would change a text if it were the line of a script.
fn in_source(text: &str, filter: &Filter) -> bool {
    let place = Place { source: Some(text.into()), ..Place::default() };
    let failure = Failure { at: Some(place), ..Failure::default() };
    let What::Failed(failure) = through(What::Failed(failure), filter) else { return true };
    failure.at.and_then(|place| place.source).is_none_or(|source| source != text)
}

fn hidden(text: &str, filter: &Filter) -> String {
    match through(What::Note { text: text.into() }, filter) {
        What::Note { text } => text,
        _ => String::new(),
    }
}

/// The same for every string of a value.
fn hidden_in(value: serde_json::Value, filter: &Filter) -> serde_json::Value {
    let what = What::Published { name: String::new(), value };
    match through(what, filter) {
        What::Published { value, .. } => value,
        _ => serde_json::Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_a_secret_is_written_anew_and_any_other_is_left_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("journal.jsonl");
        let event =
            |text: &str| Event { at: Timestamp::UNIX_EPOCH, step: None, what: What::Note { text: text.into() } };
        let line = |text: &str| serde_json::to_string(&event(text)).expect("JSON");
        let text = format!("{}\n{{\"call\":1,\"answer\":\"hunter2\"}}\n{}\n", line("a"), line("b hunter2"));
        std::fs::write(&path, &text).expect("written");
        let hide = |word: &'static str| {
            move |mut event: Event| {
                if let What::Note { text } = &mut event.what {
                    *text = text.replace(word, "<secret:1>");
                }
                event
            }
        };
        assert_eq!(file(&path, &hide("not there")), Ok(false));
        assert_eq!(std::fs::read_to_string(&path).expect("read"), text);
        assert_eq!(file(&path, &hide("hunter2")), Ok(true));
        assert_eq!(std::fs::read_to_string(&path).expect("read"), text.replace("hunter2", "<secret:1>"));
        assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn a_short_secret_in_the_line_of_a_script_is_found_late_too() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("journal.jsonl");
        let source = |text: &str| Some(Place { file: "p".into(), line: 1, column: 1, source: Some(text.into()) });
        let line = |text: &str| {
            let what = What::Failed(Failure { at: source(text), ..Failure::default() });
            serde_json::to_string(&Event { at: Timestamp::UNIX_EPOCH, step: None, what }).expect("JSON") + "\n"
        };
        let filter = |mut event: Event| {
            if let What::Failed(Failure { at: Some(Place { source: Some(source), .. }), .. }) = &mut event.what {
                *source = source.replace(": hunter2", ": <secret:1>");
            }
            event
        };
        std::fs::write(&path, line("x hunter2")).expect("written");
        assert_eq!(file(&path, &filter), Ok(false));
        std::fs::write(&path, line("x: hunter2")).expect("written");
        assert_eq!(file(&path, &filter), Ok(true));
        assert_eq!(std::fs::read_to_string(&path).expect("read"), line("x: <secret:1>"));
    }
}
