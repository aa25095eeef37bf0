//! Probes: whether a container has started, lives, and is ready, as its programs answer.
//!
//! Source: k8s.io/kubernetes `pkg/kubelet/prober`.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::cell::Cell;
use crate::lab::controllers::fields::{list, text};
use crate::lab::controllers::index::Pod;
use crate::lab::controllers::scene::Scene;
use crate::lab::pods::{programs, reach};

/// What a probe is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Startup,
    Liveness,
    Readiness,
}

impl Kind {
    pub(super) fn named(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
        }
    }
}

/// One probe, with what it has found so far.
#[derive(Debug)]
struct Probe {
    spec: Value,
    /// What it says now; before it has said anything, that a container lives, and is neither started nor ready.
    says: bool,
    first: bool,
    same: i64,
    next: Option<Timestamp>,
}

/// The probes of a container.
#[derive(Debug)]
pub(super) struct Probes {
    startup: Option<Probe>,
    liveness: Option<Probe>,
    readiness: Option<Probe>,
}

/// What a probe found that somebody has to hear of.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) message: String,
    /// It failed too often: the container is to be killed.
    pub(super) fatal: bool,
}

impl Probes {
    pub(super) fn of(container: &Value) -> Self {
        let one = |key: &str, says: bool| {
            let spec = container[key].clone();
            spec.is_object().then_some(Probe { spec, says, first: true, same: 0, next: None })
        };
        Self {
            startup: one("startupProbe", false),
            liveness: one("livenessProbe", true),
            readiness: one("readinessProbe", false),
        }
    }

    /// What is known of a container that was there before.
    pub(super) fn assume(&mut self, ready: bool) {
        for (probe, says) in [(&mut self.startup, true), (&mut self.readiness, ready)] {
            if let Some(probe) = probe {
                probe.says = says;
            }
        }
    }

    pub(super) fn is_started(&self) -> bool {
        self.startup.as_ref().is_none_or(|probe| probe.says)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.readiness.as_ref().is_none_or(|probe| probe.says)
    }

    /// Asks where it is time. When to ask next, and what was found.
    pub(super) fn ask(
        scene: &Scene<'_>,
        pod: &Pod,
        cell: &mut Cell,
        since: Timestamp,
    ) -> (Option<Timestamp>, Vec<Found>) {
        let (mut due, mut found) = (None, Vec::new());
        let spec = cell.spec.clone();
        let mut later = |at: Timestamp| due = Some(due.map_or(at, |other: Timestamp| other.min(at)));
        let started = cell.probes.is_started();
        let all = [
            (Kind::Startup, &mut cell.probes.startup),
            (Kind::Liveness, &mut cell.probes.liveness),
            (Kind::Readiness, &mut cell.probes.readiness),
        ];
        for (kind, probe) in all {
            let Some(probe) = probe else { continue };
            // The others begin once it has started, and the one for the start is done then.
            if (kind == Kind::Startup) == started {
                continue;
            }
            if let Some(one) = probe.ask(scene, pod, &spec, since, kind) {
                found.push(one);
            }
            if let Some(next) = probe.next {
                later(next);
            }
        }
        if !started && cell.probes.is_started() {
            later(scene.now);
        }
        (due, found)
    }
}

impl Probe {
    fn number(&self, key: &str, default: i64) -> i64 {
        self.spec[key].as_i64().unwrap_or(default)
    }

    fn ask(&mut self, scene: &Scene<'_>, pod: &Pod, container: &Value, since: Timestamp, kind: Kind) -> Option<Found> {
        let begin = since + SignedDuration::from_secs(self.number("initialDelaySeconds", 0));
        let due = self.next.unwrap_or(begin);
        if due > scene.now {
            self.next = Some(due);
            return None;
        }
        self.next = Some(scene.now + SignedDuration::from_secs(self.number("periodSeconds", 10).max(1)));
        let result = check(scene, pod, container, &self.spec);
        let good = result.is_ok();
        if self.first || good != (self.same > 0) {
            self.same = 0;
        }
        self.first = false;
        self.same += if good { 1 } else { -1 };
        if good {
            if self.same >= self.number("successThreshold", 1) {
                self.says = true;
            }
            return None;
        }
        let often = -self.same >= self.number("failureThreshold", 3);
        if often {
            self.says = false;
        }
        let message = format!("{} probe failed: {}", kind.named(), result.err().unwrap_or_default());
        Some(Found { kind, message, fatal: often && kind != Kind::Readiness })
    }
}

/// Asks once; the error is what the kubelet says.
fn check(scene: &Scene<'_>, pod: &Pod, container: &Value, probe: &Value) -> Result<(), String> {
    let now = &*scene.objects;
    let stored = scene.get(&pod.place);
    let object = stored.as_ref().map_or(&pod.stored.value, |stored| &stored.value);
    let address = text(object, "/status/podIP").to_owned();
    let port = |value: &Value| -> Option<u16> {
        let number = match value.as_str() {
            Some(name) => match name.parse() {
                Ok(number) => Some(number),
                Err(_) => list(container, "/ports").iter().find(|port| port["name"] == name)?["containerPort"].as_u64(),
            },
            None => value.as_u64(),
        };
        u16::try_from(number?).ok()
    };
    if let Some(words) = probe["exec"]["command"].as_array() {
        let words: Vec<String> = words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect();
        return match programs::run_in(now, object, container, &words, "", scene.now) {
            None if crate::lab::pods::images::program(text(container, "/image")).is_none() => Ok(()),
            None => Err(format!(
                "exec: {:?}: executable file not found in $PATH: unknown",
                words.first().map_or("", String::as_str)
            )),
            Some(ran) if ran.code == 0 && !ran.endless && late(probe, ran.took).is_none() => Ok(()),
            Some(ran) => Err(late(probe, ran.took).unwrap_or_else(|| format!("{}{}", ran.stdout, ran.stderr))),
        };
    }
    let get = &probe["httpGet"];
    if get.is_object() {
        let number = port(&get["port"]).ok_or("couldn't find port in container")?;
        let path = Some(text(get, "/path")).filter(|path| !path.is_empty()).unwrap_or("/");
        let scheme = if get["scheme"] == "HTTPS" { "https" } else { "http" };
        return match reach::answer(now, object, number, path) {
            Some((code, _)) if (200..400).contains(&code) => Ok(()),
            Some((code, _)) => Err(format!("HTTP probe failed with statuscode: {code}")),
            None => Err(format!(
                "Get \"{scheme}://{address}:{number}{path}\": dial tcp {address}:{number}: connect: connection refused"
            )),
        };
    }
    for way in ["tcpSocket", "grpc"] {
        if probe[way].is_object() {
            let number = port(&probe[way]["port"]).ok_or("couldn't find port in container")?;
            let open = reach::listener(object, number).is_some();
            return if open {
                Ok(())
            } else {
                Err(format!("dial tcp {address}:{number}: connect: connection refused"))
            };
        }
    }
    Ok(())
}

/// What is said of a command that took too long.
fn late(probe: &Value, took: std::time::Duration) -> Option<String> {
    let limit = probe["timeoutSeconds"].as_u64().unwrap_or(1);
    (took.as_secs() >= limit && !took.is_zero() && took.as_secs_f64() > limit as f64)
        .then(|| format!("command timed out after {limit}s"))
}
