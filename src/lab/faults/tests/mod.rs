//! Every row of the table on a running lab: switched on, something that can be asked answers otherwise within minutes of
//! the lab's time; switched off, all is as it was.

mod probe;

use std::fmt::Write as _;
use std::time::Duration;

use super::*;
use crate::lab::clock::{LabClock, Pace};
use crate::lab::faults::observe::{Difference, look};
use crate::lab::up::Lab;
use crate::lab::world::{read, wrong};

/// How fast the lab's time goes besides the jumps: so that a late answer is late in a test, too, and one that is not is
/// not late on a machine that has much else to do.
const RATE: f64 = 3.0;

struct Bench {
    lab: Lab,
    _dir: tempfile::TempDir,
}

impl Bench {
    async fn open(topology: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Fails only where another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = LabClock::new("2026-11-23T12:00:00Z".parse().unwrap(), Pace::Rate(RATE));
        let lab = Lab::open(read::embedded(topology).unwrap(), clock, dir.path()).await.unwrap();
        let bench = Self { lab, _dir: dir };
        bench.pass(12).await;
        bench
    }

    /// Lets five seconds pass, so often.
    async fn pass(&self, times: usize) {
        settle(&self.lab, Duration::from_secs(5) * u32::try_from(times).unwrap()).await;
    }

    /// Everything that can be seen, and what those say who are asked for something because of these causes.
    async fn seen(&self, causes: &[Cause]) -> observe::Seen {
        let mut seen = look(&self.lab);
        for (place, answer) in probe::answers(&self.lab, causes).await {
            seen.all.insert((place, "asked".into()), answer);
        }
        seen
    }
}

/// Whether a difference is the change itself, and nothing that follows from it.
fn own(difference: &Difference, causes: &[Cause]) -> bool {
    causes.iter().any(|cause| match cause {
        Cause::Changed { cluster, object, .. } => {
            let wrong::Object { namespace, name, .. } = object;
            let thing = if namespace.is_empty() { name.clone() } else { format!("{namespace}/{name}") };
            difference.place.starts_with(&format!("kube/{cluster}/")) && difference.thing == thing
        }
        _ => false,
    })
}

/// One fault: what went wrong with it; or what was otherwise because of it.
async fn held(bench: &Bench, fault: &Fault) -> Result<Held, String> {
    let broken = match bench.lab.faults.look(fault) {
        Ok(broken) => broken,
        Err(why) if why.is_empty() => return Err("not possible, without a reason".into()),
        Err(_) => return Ok(Held::NotHere),
    };
    let before = bench.seen(&broken.causes).await;
    bench.lab.faults.on(fault.name).map_err(|e| e.to_string())?;
    if let Some(cause) = broken.causes.iter().find(|cause| !bench.lab.world.has(cause)) {
        return Err(format!("the world does not have it that {cause}"));
    }
    let mut differences = Vec::new();
    for _ in 0..5 {
        bench.pass(12).await;
        differences = before.differences(&bench.seen(&broken.causes).await);
        if differences.iter().any(|difference| !own(difference, &broken.causes)) {
            break;
        }
    }
    let followed = differences.iter().any(|difference| !own(difference, &broken.causes));
    bench.lab.faults.off(fault.name).map_err(|e| e.to_string())?;
    let mut left = Vec::new();
    for _ in 0..10 {
        bench.pass(12).await;
        left = before.differences(&bench.seen(&broken.causes).await);
        if left.is_empty() {
            break;
        }
    }
    match (differences.is_empty(), left.first()) {
        (true, _) => Err("nothing that can be seen or asked is otherwise".into()),
        (false, Some(_)) => {
            let mut told = format!("{} things are otherwise after it was mended:", left.len());
            for one in left.iter().take(5) {
                let [before, after] = apart(&one.before, &one.after);
                let _ = write!(told, "\n{} {}:\n    before {before}\n    after  {after}", one.place, one.thing);
            }
            Err(told)
        }
        (false, None) if followed => Ok(Held::Followed),
        (false, None) => Ok(Held::Alone),
    }
}

/// Where two texts begin to differ, with a little of what comes before.
fn apart<'t>(before: &'t str, after: &'t str) -> [&'t str; 2] {
    let alike = before.bytes().zip(after.bytes()).take_while(|(one, other)| one == other).count();
    [before, after].map(|text| {
        let from = text.floor_char_boundary(alike.saturating_sub(80));
        &text[from..text.floor_char_boundary(from + 300)]
    })
}

/// What was otherwise because of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    /// This platform can't have it.
    NotHere,
    /// The broken object itself.
    Alone,
    /// More than the broken object itself.
    Followed,
}

fn part(number: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (part, rows) = TABLE[number];
    let only = std::env::var("PB_FAULT").ok();
    let mut problems = String::new();
    let mut told = String::new();
    runtime.block_on(async {
        let mut bench = Bench::open("monosense").await;
        for fault in rows.iter().filter(|fault| only.as_ref().is_none_or(|only| fault.name.contains(only.as_str()))) {
            match held(&bench, fault).await {
                Ok(held) => {
                    let _ = writeln!(told, "{:<32} {held:?}", fault.name);
                }
                Err(why) => {
                    let _ = writeln!(problems, "{}: {why}", fault.name);
                    bench = Bench::open("monosense").await;
                }
            }
        }
    });
    // For whoever asks with --nocapture: how far each of them reaches.
    println!("{part}:\n{told}");
    assert!(problems.is_empty(), "{part}:\n{problems}");
}

#[test]
#[ignore = "takes a minute: .ci/run runs it"]
fn routes_and_addresses() {
    part(0);
}

#[test]
#[ignore = "takes a minute: .ci/run runs it"]
fn names_and_policies() {
    part(1);
}

#[test]
#[ignore = "takes a minute: .ci/run runs it"]
fn machines() {
    part(2);
}

#[test]
#[ignore = "takes a minute: .ci/run runs it"]
fn api_servers_and_logins() {
    part(3);
}

#[test]
#[ignore = "takes a minute: .ci/run runs it"]
fn delivery() {
    part(4);
}

#[test]
#[ignore = "takes a minute: .ci/run runs it"]
fn pods_and_images() {
    part(5);
}

#[test]
#[ignore = "takes a minute: .ci/run runs it"]
fn storage_and_databases() {
    part(6);
}

#[test]
#[ignore = "takes a minute: .ci/run runs it"]
fn services() {
    part(7);
}

#[test]
#[ignore = "takes a minute: .ci/run runs it"]
fn applications() {
    part(8);
}

#[test]
fn no_part_of_the_table_is_left_out_and_most_of_it_is_possible_here() {
    assert_eq!(TABLE.len(), 9);
    let found = in_topology(&read::embedded("monosense").unwrap());
    let possible = found.values().filter(|broken| broken.is_ok()).count();
    assert!(possible >= 60, "{possible} of {}", found.len());
    for broken in found.values().flatten() {
        assert!(!broken.causes.is_empty() && !broken.names.is_empty() && !broken.object.is_empty(), "{broken:?}");
    }
}
