//! Programs that measure and fill disks: `dd` and `fio`.

use std::time::Duration;

use super::{Context, Outcome, Takes};
use crate::lab::controllers::platform::rook::State;
use crate::lab::kube::store::Place;
use crate::lab::pods::words::{list, text};
use crate::lab::world::Cause;

/// What the lab's disks write in a second.
const SPEED: u64 = 800 * 1024 * 1024;

pub(super) fn run(context: &Context<'_>, name: &str, words: &[String], input: &str) -> Option<Outcome> {
    match name {
        "dd" => Some(dd(context, words, input)),
        "fio" => Some(fio(context, words)),
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

/// What `fio` says of the disks behind a pod's volume, in the shape of its version 3: latencies in nanoseconds, with their
/// percentiles. A disk that is slow takes a hundred times as long.
///
/// Source: fio.readthedocs.io, "Normal output" and "JSON output".
fn fio(context: &Context<'_>, words: &[String]) -> Outcome {
    let value = |key: &str| words.iter().find_map(|word| word.strip_prefix("--")?.strip_prefix(key)?.strip_prefix('='));
    let seconds = value("runtime").and_then(|text| text.trim_end_matches('s').parse().ok()).unwrap_or(5_u64);
    let block = value("bs").and_then(bytes).unwrap_or(4096);
    let (disks, slow) = behind(context);
    let share = slow as f64 / disks.max(1) as f64;
    // Of a hundred operations, in order of their latency: how long the one at a place takes.
    let quick = if value("rw").is_some_and(|way| way.contains("rand")) { 240_000.0 } else { 110_000.0 };
    let at = |place: f64| {
        let factor = if place / 100.0 > 1.0 - share { 100.0 } else { 1.0 };
        (quick * factor * (0.6 + place / 125.0)) as u64
    };
    let mean = (1..=100).map(|place| at(f64::from(place))).sum::<u64>() / 100;
    let rate = (1_000_000_000 / mean.max(1)).min(SPEED / block.max(1));
    let way = if value("rw").is_some_and(|way| way.contains("read")) { "read" } else { "write" };
    let (name, total) = (value("name").unwrap_or("job"), rate * seconds);
    let out = if value("output-format") == Some("json") {
        let percentiles: serde_json::Map<String, serde_json::Value> = [1.0, 5.0, 50.0, 90.0, 95.0, 99.0, 99.9]
            .iter()
            .map(|place| (format!("{place:.6}"), at(*place).into()))
            .collect();
        let latency = serde_json::json!({ "min": at(0.0), "max": at(100.0), "mean": mean, "stddev": mean / 4, "N": total,
                                          "percentile": percentiles });
        let row = serde_json::json!({ "io_bytes": total * block, "total_ios": total, "iops": rate, "bw": rate * block / 1024,
                                      "runtime": seconds * 1000, "clat_ns": latency, "lat_ns": { "min": at(0.0), "max": at(100.0), "mean": mean, "N": total } });
        let job = serde_json::json!({ "jobname": name, "error": 0, (way): row });
        serde_json::json!({ "fio version": "fio-3.38", "jobs": [job] }).to_string() + "\n"
    } else {
        let speed = rate * block / (1 << 20);
        let (low, high) = (at(50.0) / 1000, at(95.0) / 1000);
        format!(
            "{name}: (groupid=0, jobs=1): err= 0: pid=1\n  {way}: IOPS={rate}, BW={speed}MiB/s ({speed}MiB/s)({}MiB/{}msec)\n    clat percentiles (usec):\n     | 50.00th=[{low:>5}], 95.00th=[{high:>5}]\n",
            speed * seconds,
            seconds * 1000
        )
    };
    Outcome { out, takes: Takes::Sleep(Duration::from_secs(seconds)), ..Outcome::default() }
}

/// How many disks a pod's volume is spread over, and how many of them are slow: those of Ceph's OSDs for a claim of Ceph,
/// else that of the pod's node.
fn behind(context: &Context<'_>) -> (usize, usize) {
    let Some((cluster, world)) = context.objects.lies.as_ref() else { return (1, 0) };
    let namespace = text(context.pod, "/metadata/namespace");
    let driver = list(context.pod, "/spec/volumes").iter().find_map(|volume| {
        let claim = volume["persistentVolumeClaim"]["claimName"].as_str()?;
        let claim = context.objects.store.get(&Place::new("persistentvolumeclaims", namespace, claim))?;
        let volume = text(&claim.value, "/spec/volumeName");
        let volume = context.objects.store.get(&Place::new("persistentvolumes", "", volume))?;
        volume.value["spec"]["csi"]["driver"].as_str()?.strip_suffix(".rbd.csi.ceph.com").map(str::to_owned)
    });
    let nodes = match driver {
        Some(rook) => State::of(world, cluster, context.objects, &rook).osds.into_iter().map(|osd| osd.host).collect(),
        None => vec![text(context.pod, "/spec/nodeName").to_owned()],
    };
    let slow = nodes.iter().filter(|node| world.has(&Cause::DiskSlow { node: (*node).clone() })).count();
    (nodes.len(), slow)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::lab::controllers::platform::testing::Bench;
    use crate::lab::pods::programs;
    use crate::lab::world::Cause;

    /// The 95th percentile that fio tells of a pod's node's disk, in nanoseconds, and of how many reads.
    fn measured(bench: &Bench, pod: &Value) -> (u64, u64) {
        let line = "fio --name=x --rw=randread --bs=4k --runtime=2 --output-format=json";
        let ran = programs::run(&bench.cluster.world(), pod, &shlex::split(line).unwrap()).unwrap();
        let job = serde_json::from_str::<Value>(&ran.stdout).unwrap()["jobs"][0]["read"].clone();
        let p95 = job["clat_ns"]["percentile"]["95.000000"].as_u64().unwrap();
        (p95, job["total_ios"].as_u64().unwrap())
    }

    #[test]
    fn fio_feels_a_slow_disk() {
        let bench = Bench::new("spec", "infra");
        let pod = json!({ "kind": "Pod", "metadata": { "name": "fio", "namespace": "default", "uid": "u" },
                          "spec": { "nodeName": "infra-01", "containers": [{ "name": "c", "image": "nixery.dev/fio" }] } });
        let (quick, many) = measured(&bench, &pod);
        assert!(quick < 1_000_000 && many > 1000, "{quick} {many}");
        bench.world.put(Cause::DiskSlow { node: "infra-01".into() });
        let (slow, few) = measured(&bench, &pod);
        assert!(slow > 10_000_000 && few < many, "{slow} {few}");
    }
}
