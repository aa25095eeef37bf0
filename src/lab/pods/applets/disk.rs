//! Programs that measure and fill disks: `dd` and `fio`.

use std::time::Duration;

use super::{Context, Outcome, Takes};

/// What the lab's disks write in a second.
const SPEED: u64 = 800 * 1024 * 1024;

pub(super) fn run(context: &Context<'_>, name: &str, words: &[String], input: &str) -> Option<Outcome> {
    match name {
        "dd" => Some(dd(context, words, input)),
        "fio" => Some(fio(words)),
        _ => None,
    }
}

fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let factor: u64 = match text[end..].to_ascii_lowercase().trim_end_matches(['b', 'i']) {
        "" | "c" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    text[..end].parse::<u64>().ok()?.checked_mul(factor)
}

/// `dd if=/dev/zero of=/data/f bs=1M count=100`: the file that comes of it says how large it is.
fn dd(context: &Context<'_>, words: &[String], input: &str) -> Outcome {
    let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    let size = value("bs").and_then(bytes).unwrap_or(512);
    let files = context.files();
    let source = match value("if") {
        None => input.to_owned(),
        Some("/dev/zero" | "/dev/urandom" | "/dev/random") => String::new(),
        Some(path) => match files.read(path) {
            Some(text) => text,
            None => return Outcome::failed(format!("dd: can't open '{path}': No such file or directory\n"), 1),
        },
    };
    let endless = matches!(value("if"), Some("/dev/zero" | "/dev/urandom" | "/dev/random"));
    let count = value("count").and_then(bytes);
    let total = if endless { count.unwrap_or(1024).saturating_mul(size) } else { source.len() as u64 };
    let text = if endless { format!("({total} bytes)\n") } else { source };
    let mut outcome = Outcome::default();
    match value("of") {
        None => outcome.out = text,
        Some("/dev/null") => {}
        Some(path) => {
            if let Err(why) = files.write(path, &text, false) {
                return Outcome::failed(format!("dd: can't open '{path}': {why}\n"), 1);
            }
        }
    }
    let blocks = total.div_ceil(size.max(1));
    let took = Duration::from_nanos(total.saturating_mul(1_000_000_000 / (SPEED >> 20)) >> 20);
    outcome.err = format!(
        "{blocks}+0 records in\n{blocks}+0 records out\n{total} bytes copied, {:.6} seconds, 800.0MB/s\n",
        took.as_secs_f64()
    );
    outcome.takes = if took > Duration::from_millis(1) { Takes::Sleep(took) } else { Takes::Nothing };
    outcome
}

/// What `fio` says of one of the lab's disks, in brief.
fn fio(words: &[String]) -> Outcome {
    let value = |key: &str| words.iter().find_map(|word| word.strip_prefix("--")?.strip_prefix(key)?.strip_prefix('='));
    let seconds = value("runtime").and_then(|text| text.trim_end_matches('s').parse().ok()).unwrap_or(5_u64);
    let block = value("bs").and_then(bytes).unwrap_or(4096);
    let rate: u64 = if value("rw").is_some_and(|way| way.contains("rand")) { 42_000 } else { 160_000 };
    let operations = rate.min(SPEED / block.max(1));
    let way = if value("rw").is_some_and(|way| way.contains("read")) { "read" } else { "write" };
    let name = value("name").unwrap_or("job");
    let speed = operations * block / (1 << 20);
    let out = if value("output-format") == Some("json") {
        let row = serde_json::json!({ "iops": operations, "bw": operations * block / 1024, "runtime": seconds * 1000 });
        serde_json::json!({ "fio version": "fio-3.38", "jobs": [{ "jobname": name, (way): row }] }).to_string() + "\n"
    } else {
        format!(
            "{name}: (groupid=0, jobs=1): err= 0: pid=1\n  {way}: IOPS={operations}, BW={speed}MiB/s ({speed}MiB/s)({}MiB/{}msec)\n",
            speed * seconds,
            seconds * 1000
        )
    };
    Outcome { out, takes: Takes::Sleep(Duration::from_secs(seconds)), ..Outcome::default() }
}
