//! `pods/log`: what a container wrote, as its kubelet hands it out.
//!
//! Source: k8s.io/kubernetes `pkg/apis/core/validation/validation.go`, `pkg/kubelet/kubelet_pods.go`,
//! `pkg/kubelet/kuberuntime/logs/logs.go`.

use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::mpsc;

use super::container::Target;
use super::log::{Line, Log};
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::refusal::{Answer, Fault, Named, Refusal};
use crate::lab::kube::verbs::Query;

/// What is asked for.
#[derive(Debug, Default)]
struct Options {
    container: Option<String>,
    follow: bool,
    previous: bool,
    since: Option<Timestamp>,
    timestamps: bool,
    tail: Option<u64>,
    /// How many bytes at most.
    limit: Option<usize>,
}

impl Options {
    fn of(query: &Query, pod: &str, now: Timestamp) -> Answer<Self> {
        let mut faults = Vec::new();
        let mut number = |key: &str, least: i64, words: &str| -> Answer<Option<i64>> {
            let value = query.number(key)?;
            if let Some(value) = value.filter(|value| *value < least) {
                faults.push(Fault::invalid(key, &json!(value), words));
            }
            Ok(value)
        };
        let tail = number("tailLines", 0, "must be greater than or equal to 0")?;
        let limit = number("limitBytes", 1, "must be greater than 0")?;
        let seconds = number("sinceSeconds", 1, "must be greater than 0")?;
        let text = query.get("sinceTime").filter(|text| !text.is_empty());
        let time = text.map(|text| text.parse::<Timestamp>().map_err(|_| not_a_time(text))).transpose()?;
        if seconds.is_some() && time.is_some() {
            let why = "at most one of `sinceTime` or `sinceSeconds` may be specified";
            faults.push(Fault::forbidden("[]", why));
        }
        if !faults.is_empty() {
            return Err(Refusal::invalid(&Named { group: "", kind: "PodLogOptions", name: pod }, &faults));
        }
        let ago = |seconds: i64| now.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MIN);
        Ok(Self {
            container: query.get("container").map(str::to_owned),
            follow: query.is("follow"),
            previous: query.is("previous"),
            since: seconds.map(ago).or(time),
            timestamps: query.is("timestamps"),
            tail: tail.and_then(|n| u64::try_from(n).ok()),
            limit: limit.and_then(|n| usize::try_from(n).ok()),
        })
    }
}

fn not_a_time(text: &str) -> Box<Refusal> {
    let form = "2006-01-02T15:04:05Z07:00";
    let why = format!("parsing time {text:?} as {form:?}: cannot parse {text:?} as \"2006\"");
    Refusal::bad_request(why)
}

/// A log that is handed out.
#[derive(Debug)]
pub(crate) enum Told {
    /// The pod has no node: there is nobody to ask.
    Nobody,
    Whole(String),
    /// Piece by piece, until the container ends.
    Followed(mpsc::Receiver<Bytes>),
}

/// Answers a request for a container's log.
pub(crate) fn tell(cluster: &Arc<Cluster>, place: (&str, &str), query: &Query) -> Answer<Told> {
    let options = Options::of(query, place.1, cluster.clock.now())?;
    let target = Target::of(cluster, place, options.container.as_deref())?;
    let Some(node) = target.node() else { return Ok(Told::Nobody) };
    cluster.reached(node, "containerLogs")?;
    let log = instance(cluster, &target, place.1, options.previous)?;
    // Whoever follows hears of what is written while the first lines are read.
    let bell = log.listen();
    let from = options.tail.map_or(0, |tail| log.tail(tail)).max(options.since.map_or(0, |time| log.since(time)));
    let mut room = options.limit.unwrap_or(usize::MAX);
    let piece = log.read(from);
    let text = written(&piece.lines, &options, &mut room);
    if !options.follow || piece.ended || room == 0 {
        return Ok(Told::Whole(text));
    }
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(follow(log, bell, (piece.next, text), options, room, sender));
    Ok(Told::Followed(receiver))
}

/// The log of the instance that is meant, as a kubelet chooses it.
fn instance(cluster: &Cluster, target: &Target, pod: &str, previous: bool) -> Answer<Arc<Log>> {
    let container = &target.container;
    let no = |why: String| Refusal::bad_request(why);
    let Some(status) = target.status() else {
        return Err(no(format!("container {container:?} in pod {pod:?} is not available")));
    };
    let (state, ended) = (&status["state"], status["lastState"]["terminated"].is_object());
    let waiting = &state["waiting"];
    let inside = cluster.world().inside.clone();
    let present = || Ok(inside.logs.present(target.uid(), container));
    if previous {
        let none = || no(format!("previous terminated container {container:?} in pod {pod:?} not found"));
        // While it waits to be started anew, the last instance is the one before.
        return match (ended, waiting.is_object()) {
            (false, _) => Err(none()),
            (true, true) => present(),
            (true, false) => inside.logs.previous(target.uid(), container).ok_or_else(none),
        };
    }
    if state["running"].is_object() || state["terminated"].is_object() || ended {
        return present();
    }
    let why = match waiting["reason"].as_str() {
        Some("ErrImagePull") => "image can't be pulled",
        Some("ImagePullBackOff") => "trying and failing to pull image",
        Some(reason) => reason,
        None => return Err(no(format!("container {container:?} in pod {pod:?} is waiting to start - no logs yet"))),
    };
    Err(no(format!("container {container:?} in pod {pod:?} is waiting to start: {why}")))
}

/// Lines as text, no more than there is room for.
fn written(lines: &[Line], options: &Options, room: &mut usize) -> String {
    let mut text = String::new();
    for line in lines {
        if options.timestamps {
            text.push_str(&format!("{:.9} ", line.time));
        }
        text.push_str(&line.text);
        text.push('\n');
    }
    if text.len() > *room {
        let mut end = *room;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        *room = 0;
    } else {
        *room -= text.len();
    }
    text
}

async fn follow(
    log: Arc<Log>,
    mut bell: tokio::sync::watch::Receiver<u64>,
    (mut next, mut text): (u64, String),
    options: Options,
    mut room: usize,
    sender: mpsc::Sender<Bytes>,
) {
    let mut ended = false;
    loop {
        if !text.is_empty() && sender.send(Bytes::from(text)).await.is_err() {
            return;
        }
        if ended || room == 0 {
            return;
        }
        tokio::select! {
            changed = bell.changed() => if changed.is_err() { return },
            () = sender.closed() => return,
        }
        let piece = log.read(next);
        (next, ended) = (piece.next, piece.ended);
        text = written(&piece.lines, &options, &mut room);
    }
}

/// What a kubelet that is not reached makes of a request: the API server's own words.
pub(crate) fn unreached(address: &str, what: &str) -> Box<Refusal> {
    let why = format!("Get \"https://{address}:10250/{what}\": dial tcp {address}:10250: connect: connection refused");
    let mut refusal = Refusal::new(500, "InternalError", format!("Internal error occurred: {why}"));
    refusal.details = Some(json!({ "causes": [{ "message": why }] }));
    refusal
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::clock::Clock as _;
    use crate::lab::clock::LabClock;
    use crate::lab::pods::log::Stream;

    fn cluster(state: Value) -> Arc<Cluster> {
        let cluster = Cluster::new("infra", Arc::new(LabClock::real()));
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "default", "uid": "1" },
            "spec": { "nodeName": "n", "containers": [{ "name": "a" }, { "name": "b" }] },
        });
        pod["status"]["containerStatuses"] = Value::Array(vec![state]);
        cluster.world().plant(&pod, LabClock::real().now());
        cluster
    }

    fn asked(cluster: &Arc<Cluster>, query: &str) -> Result<String, String> {
        match tell(cluster, ("default", "p"), &Query::parse(query)) {
            Ok(Told::Whole(text)) => Ok(text),
            Ok(other) => Err(format!("{other:?}")),
            Err(refusal) => Err(refusal.message),
        }
    }

    #[tokio::test]
    async fn lines_are_told_from_the_end_since_a_time_and_up_to_a_length() {
        let cluster = cluster(json!({ "name": "a", "state": { "running": {} }, "lastState": {} }));
        let log = cluster.world().inside.logs.begin("1", "a");
        let at = |second| Timestamp::from_second(second).unwrap();
        log.append(at(1), Stream::Stdout, "one\ntwo\n");
        log.append(at(5), Stream::Stderr, "three\n");
        assert_eq!(asked(&cluster, "container=a").unwrap(), "one\ntwo\nthree\n");
        assert_eq!(asked(&cluster, "container=a&tailLines=1").unwrap(), "three\n");
        assert_eq!(asked(&cluster, "container=a&limitBytes=5").unwrap(), "one\nt");
        let query = "container=a&sinceTime=1970-01-01T00:00:02Z&timestamps=true";
        assert_eq!(asked(&cluster, query).unwrap(), "1970-01-01T00:00:05.000000000Z three\n");
        for (query, words) in [
            ("", "a container name must be specified for pod p, choose one of: [a b]"),
            ("container=x", "container x is not valid for pod p"),
            ("container=b", "container \"b\" in pod \"p\" is not available"),
            ("container=a&previous=true", "previous terminated container \"a\" in pod \"p\" not found"),
            (
                "container=a&sinceTime=x",
                "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\"",
            ),
        ] {
            assert_eq!(asked(&cluster, query).unwrap_err(), words, "{query}");
        }
        assert!(asked(&cluster, "container=a&tailLines=-1").unwrap_err().contains("greater than or equal to 0"));
    }

    #[tokio::test]
    async fn a_log_is_followed_to_its_end() {
        let cluster = cluster(json!({ "name": "a", "state": { "running": {} }, "lastState": {} }));
        let log = cluster.world().inside.logs.begin("1", "a");
        let now = Timestamp::UNIX_EPOCH;
        log.append(now, Stream::Stdout, "one");
        let told = tell(&cluster, ("default", "p"), &Query::parse("container=a&follow=true")).unwrap();
        let Told::Followed(mut pieces) = told else { panic!("{told:?}") };
        assert_eq!(pieces.recv().await.unwrap(), "one\n");
        log.append(now, Stream::Stdout, "two");
        assert_eq!(pieces.recv().await.unwrap(), "two\n");
        log.end();
        assert!(pieces.recv().await.is_none());
        assert_eq!(asked(&cluster, "container=a&follow=true").unwrap(), "one\ntwo\n", "it has ended");
    }

    #[tokio::test]
    async fn a_container_that_waits_has_the_log_of_its_last_instance() {
        let terminated = json!({ "terminated": { "exitCode": 3 } });
        let waiting = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
        let again = cluster(json!({ "name": "a", "state": waiting, "lastState": terminated }));
        again.world().inside.logs.begin("1", "a").append(Timestamp::UNIX_EPOCH, Stream::Stdout, "crashed");
        for query in ["container=a", "container=a&previous=true"] {
            assert_eq!(asked(&again, query).unwrap(), "crashed\n", "{query}");
        }
        let new =
            cluster(json!({ "name": "a", "state": { "waiting": { "reason": "ErrImagePull" } }, "lastState": {} }));
        let words = "container \"a\" in pod \"p\" is waiting to start: image can't be pulled";
        assert_eq!(asked(&new, "container=a").unwrap_err(), words);
    }
}
