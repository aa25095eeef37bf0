//! What a run's record costs: tells the events and answers of a recorded run once more, as fast as they go, to a bus
//! with the record as its listener, or without.
//!
//!     cargo bench --bench record -- FOLDER with|without
//!
//! prints JSON: `calls` and `steps` told, `run`, the recorded run's own seconds, `seconds` for telling all of it up to
//! the end of the record, and `peak`, the most memory that the process held, in MB. `with` less `without` is what the
//! record adds; that it works on a thread of its own beside a run which waits for its platform is not counted in its
//! favour, and making the answers' JSON on the steps' threads is counted.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a program for the one who measures")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use pb::clock::System;
use pb::event::{Answer, Body, Bus, Event, Listener, What};
use pb::host::redact::Redactor;
use pb::record::{Record, Recorded, RunInfo};
use serde_json::Value;
use serde_json::value::to_raw_value;

/// After so many events what was told is waited for, so that the queue does not count as memory of the record.
const BATCH: usize = 100;

fn main() {
    // Cargo adds `--bench`.
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [folder, how] = args.as_slice() else {
        println!("cargo bench --bench record -- FOLDER with|without");
        std::process::exit(2);
    };
    let recorded = Recorded::open(Path::new(folder)).expect("a run's folder");
    let events: Vec<_> = recorded.events().expect("a journal").map(|e| e.expect("an event")).collect();
    let answers: HashMap<u64, Value> = recorded
        .calls()
        .expect("calls")
        .map(|c| c.expect("a call"))
        .filter_map(|c| Some((c.call, serde_json::from_str(c.answer?.get()).expect("JSON"))))
        .collect();
    let dir = tempfile::tempdir().expect("a folder");
    let with = how == "with";

    let redactor = Arc::new(Redactor::default());
    let began = Instant::now();
    let mut unwritten = None;
    let mut listeners: Vec<Box<dyn Listener>> = Vec::new();
    if with {
        let (_, record) = Record::create(dir.path(), RunInfo::here(jiff::Timestamp::now())).expect("made");
        unwritten = Some(record.unwritten());
        let learning = redactor.clone();
        listeners.push(Box::new(record.knowing(move || learning.known())));
    }
    let looks = move |event: Event| {
        // What stands between emitting and listening looks at every event; where a secret became known meanwhile, at the whole
        // journal at the end, too.
        let found = serde_json::to_string(&event).is_ok_and(|text| redactor.suspects(&text));
        assert!(!found, "the recorded run has secrets: take one without");
        event
    };
    let bus = Bus::new(Arc::new(System), Box::new(looks), listeners);
    let (mut calls, mut steps) = (0_u64, 0_u64);
    for batch in events.chunks(BATCH) {
        for event in batch {
            match &event.what {
                What::CallFinished { call, .. } => {
                    calls += 1;
                    if let Some(value) = answers.get(call).filter(|_| with) {
                        let body = Body::Whole(to_raw_value(value).expect("JSON"));
                        bus.answer(Answer { call: *call, body });
                    }
                }
                What::StepFinished(_) => steps += 1,
                _ => {}
            }
            bus.emit(event.step.as_deref(), event.what.clone());
        }
        bus.settle().expect("kept");
    }
    bus.close();
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(unwritten.map(|u| u.take()).unwrap_or_default(), []);
    let run = recorded.info.end.map_or(0.0, |end| end.seconds);
    println!(
        "{}",
        serde_json::json!({ "calls": calls, "steps": steps, "run": run, "seconds": seconds, "peak": peak() })
    );
}

/// The most memory that this process held so far, in MB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a line");
    let kib: f64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    kib * 1.024 / 1000.0
}
