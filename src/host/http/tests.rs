//! What scripts see of HTTP, against a web server on loopback.

use std::sync::{Arc, Mutex};

use rhai::Dynamic;

use crate::client::testing::{Tls, tls_web, web};
use crate::config::{Config, Endpoint};
use crate::error::{Error, Kind};
use crate::event::{Bus, Effect, Event, Listener, What};
use crate::host::testing::{eval_in, runtime};
use crate::host::{Context, World};

fn with_web(change: impl FnOnce(&mut Endpoint)) -> Config {
    let mut endpoint = Endpoint { url: Some(format!("http://{}", runtime().block_on(web()))), ..Endpoint::default() };
    change(&mut endpoint);
    Config { endpoints: [("web".to_string(), endpoint)].into(), ..Config::default() }
}

fn ask(script: &str) -> Result<Dynamic, Error> {
    eval_in(with_web(|_| ()), script)
}

fn holds(script: &str) {
    let value = ask(script).unwrap_or_else(|e| panic!("{script}: {e:?}"));
    assert!(value.as_bool().unwrap_or(false), "{script} gave {value}");
}

#[test]
fn an_answer_is_read_in_every_way() {
    holds(
        r#"let r = http("web").get("/json");
        r.status == 200 && r.ok && r.text.contains("items") && r.header("Content-Type") == "application/json"
            && r.bytes.len() == 25 && r.url.ends_with("/json") && r.redirects == 0"#,
    );
    let value = ask(r#"http("web").get("/json").json()"#).unwrap();
    let object = value.cast::<crate::host::object::Object>();
    assert_eq!(object.pointer("/items/1"), Some(2.into()));
}

#[test]
fn bodies_headers_and_queries_are_sent() {
    holds(r#"http("web").post("/echo", #{ body: "as it is" }).text == "as it is""#);
    holds(r#"http("web").post("/echo", #{ json: #{ a: [1, "x"] } }).text == `{"a":[1,"x"]}`"#);
    holds(r#"http("web").post("/echo", #{ form: #{ a: 1, b: "x y" } }).text == "a=1&b=x+y""#);
    holds(
        r#"let t = http("web").get("/request?z=0", #{ query: #{ a: ["x y", 2], b: true }, headers: #{ "X-Test": 7 } }).text;
        t.contains("/request?z=0&a=x+y&a=2&b=true") && t.contains("x-test: 7")"#,
    );
    let error = ask(r#"http("web").post("/echo", #{ body: "a", json: 1 })"#).unwrap_err();
    assert!(error.message.contains("json and body are given"), "{error}");
}

#[test]
fn a_status_that_is_not_expected_is_thrown_with_the_body() {
    let error = ask(r#"http("web").get("/status/503")"#).unwrap_err();
    assert_eq!(error.kind, Kind::Status);
    assert!(error.message.contains("/status/503: status 503 Service Unavailable, expected 2xx"), "{error}");
    assert_eq!(error.causes, ["it says: first line\nsecond line"]);
    assert_eq!(error.place.unwrap().line, 1);
    holds(r#"http("web").get("/status/503", #{ expect_status: [200, "5xx"] }).status == 503"#);
    holds(r#"http("web").get("/status/404", #{ expect_status: () }).status == 404"#);
    let error = ask(r#"http("web").get("/", #{ expect_status: 404 })"#).unwrap_err();
    assert!(error.message.ends_with("status 200 OK, expected 404"), "{error}");
}

#[test]
fn what_is_no_json_says_what_came() {
    let error = ask(r#"http("web").get("/").json()"#).unwrap_err();
    assert_eq!(error.kind, Kind::Unreadable);
    assert!(error.message.contains("(text/plain) is not JSON"), "{error}");
    assert!(error.causes[1].contains("hello from the test"), "{error}");
}

#[test]
fn an_endpoint_that_is_not_there_is_a_configuration_error() {
    let error = ask(r#"http("wep")"#).unwrap_err();
    assert_eq!(error.kind, Kind::Config);
    assert_eq!(error.hints[0], "did you mean \"web\"?");
    let error = ask(r#"http("web").get("http://elsewhere/")"#).unwrap_err();
    assert!(error.message.contains("takes a path"), "{error}");
}

#[test]
fn an_unknown_option_and_a_wrong_url_are_script_errors() {
    let error = ask(r#"http("web").get("/", #{ timeout: 5 })"#).unwrap_err();
    assert!(error.message.contains("no option \"timeout\""), "{error}");
    for url in ["web/x", "ftp://web/x"] {
        assert_eq!(ask(&format!(r#"http::get("{url}")"#)).unwrap_err().kind, Kind::Script);
    }
}

#[test]
fn a_deadline_of_the_call_strikes() {
    let error = ask(r#"http("web").get("/slow?5000", #{ within: duration("50ms") })"#).unwrap_err();
    assert_eq!(error.kind, Kind::Timeout);
    assert!(error.message.contains("within 50ms"), "{error}");
}

#[test]
fn an_endpoint_brings_authority_and_address() {
    let tls = Tls::new(&["web.test"], (2020, 2120));
    let server = runtime().block_on(tls_web(&tls));
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, &tls.authority).unwrap();
    let config = || {
        with_web(|endpoint| {
            endpoint.url = Some("https://web.test".into());
            endpoint.ca = Some(ca.clone());
            endpoint.resolve = Some(server.to_string());
        })
    };
    assert_eq!(eval_in(config(), r#"http("web").get("/").status"#).unwrap().as_int(), Ok(200));
    let script = format!(r#"http::get("https://web.test/", #{{ resolve: "{server}" }})"#);
    let error = eval_in(config(), &script).unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(error.message.contains("not trusted: CN=pb test authority"), "{error}");
    let script = format!(r#"http::get("https://web.test/", #{{ resolve: "{server}", insecure: true }}).ok"#);
    assert!(eval_in(config(), &script).unwrap().as_bool().unwrap());
}

#[test]
fn a_measurement_counts_answers_and_failures() {
    holds(
        r#"let b = http("web").bench("/", #{ requests: 40, concurrency: 4 });
        b.count == 40 && b.errors == 0 && b.error_kinds.len() == 0 && b.per_second > 1.0"#,
    );
    let error = ask(r#"http("web").bench("/status/503", #{ requests: 5 })"#).unwrap_err();
    assert_eq!(error.kind, Kind::Status);
    assert!(error.message.starts_with("all 5 requests failed; the first: GET "), "{error}");
    let error = ask(r#"http("web").bench("/", #{ requests: 0 })"#).unwrap_err();
    assert!(error.message.contains("\"requests\" is 0"), "{error}");
}

/// The events of the calls that a script makes.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<What>>>);

impl Listener for Calls {
    fn on(&mut self, event: &Event) {
        self.0.lock().unwrap().push(event.what.clone());
    }
}

fn watched(config: Config, effect: Effect, script: &str) -> (Result<Dynamic, Error>, Vec<What>) {
    let calls = Calls::default();
    let clock = Arc::new(crate::clock::System);
    let redactor = Arc::new(crate::host::redact::Redactor::default());
    let bus = Bus::new(clock.clone(), Box::new(|event| event), vec![Box::new(calls.clone())]);
    let world = World::new(
        "20260101-000000-abc123".into(),
        None,
        Arc::new(config),
        runtime().handle().clone(),
        bus.clone(),
        clock,
        redactor,
        crate::host::world::Permissions::default(),
    );
    let engine = crate::script::engine::build();
    let context = Context::new(world, "test/step", None, effect, None);
    let _entered = context.enter();
    let result = engine.eval::<Dynamic>(script).map_err(|e| crate::script::diagnose::from_rhai(&e, None));
    bus.close();
    let seen = calls.0.lock().unwrap().clone();
    (result, seen)
}

#[test]
fn the_curl_line_shows_everything_but_secrets() {
    let config = with_web(|endpoint| {
        endpoint.user = Some("admin".into());
        endpoint.password = Some("file:Cargo.toml".into());
    });
    let script = r#"http("web").post("/request", #{ json: #{ a: "it's" }, headers: #{ "X-A": "b c", Cookie: "sid=verysecret" } })"#;
    let (result, seen) = watched(Config { dir: env!("CARGO_MANIFEST_DIR").into(), ..config }, Effect::Write, script);
    // A password of many lines, to be sure that it is a file's; its header is sent all the same.
    let answer = result.unwrap().cast::<super::Response>();
    assert!(answer.to_string().starts_with("200 OK from http://"), "{answer}");
    assert!(answer.text().contains("authorization: Basic YWRtaW46"), "{}", answer.text());
    let Some(What::CallStarted { line, args, effect, target, .. }) = seen.first() else { panic!("{seen:?}") };
    assert!(line.starts_with("curl -sS -X POST -H "), "{line}");
    assert!(line.contains(r#"-u admin:"$(cat "#) && line.contains("'X-A: b c'"), "{line}");
    assert!(line.contains(r#"--data-raw '{"a":"it'\''s"}'"#), "{line}");
    assert!(!format!("{line}{args}").contains("rust-version"), "{line} {args}");
    assert!(!line.contains("verysecret"), "{line}");
    assert_eq!((*effect, target.as_deref()), (Effect::Write, Some("web")));
}

#[test]
fn writing_is_refused_to_a_step_that_only_reads_unless_it_is_marked() {
    let (result, _) = watched(with_web(|_| ()), Effect::Read, r#"http("web").post("/echo")"#);
    assert_eq!(result.unwrap_err().kind, Kind::Refused);
    let (result, _) = watched(with_web(|_| ()), Effect::Read, r#"http("web").post("/echo", #{ effect: "read" })"#);
    assert_eq!(result.map(|_| ()), Ok(()));
}

#[test]
fn a_missing_secret_is_named_by_its_place() {
    let config = with_web(|endpoint| endpoint.token = Some("env:PB_TEST_NO_SUCH_VARIABLE".into()));
    let error = eval_in(config, r#"http("web").get("/")"#).unwrap_err();
    assert_eq!(error.kind, Kind::Config);
    let says = "[endpoints.web] token: the environment variable PB_TEST_NO_SUCH_VARIABLE is not set";
    assert_eq!(error.message, says);
}

#[test]
fn what_is_undone_takes_the_endpoints_credentials() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "t0ken-of-the-test\n").unwrap();
    let token = |file: &str| Some(format!("file:{}", folder.path().join(file).display()));
    let world = crate::host::testing::world(with_web(|endpoint| endpoint.token = token("none")));
    let error = runtime().block_on(super::undo(&world, "POST", "/echo", Some("web"))).unwrap_err();
    assert_eq!(error.kind, Kind::Config);
    assert!(error.message.starts_with("[endpoints.web] token: "), "{error}");
    let world = crate::host::testing::world(with_web(|endpoint| endpoint.token = token("token")));
    let endpoint = super::endpoint::Endpoint::named(&world, "web").unwrap();
    let request = runtime().block_on(super::prepare::bare(&world, "DELETE", "/x", Some(&endpoint))).unwrap();
    assert_eq!(request.headers["authorization"], "Bearer t0ken-of-the-test");
    assert_eq!(world.redactor.redact("t0ken-of-the-test"), "<secret:1>");
    let undo = |method: &str, path: &str| runtime().block_on(super::undo(&world, method, path, Some("web")));
    assert_eq!(undo("DELETE", "/nowhere"), Ok(crate::host::undo::Undone::Already));
    assert_eq!(undo("POST", "/echo"), Ok(crate::host::undo::Undone::Done));
    let error = undo("POST", "/status/500").unwrap_err();
    assert_eq!(error.kind, Kind::Status);
}

#[test]
#[ignore = "needs the real clusters"]
fn real_a_service_that_is_not_there_is_named() {
    let config = with_web(|endpoint| {
        endpoint.url = None;
        endpoint.service = Some("infra/kube-system/pb-no-such:80".into());
    });
    let kubeconfig = Some("/var/tmp/realkube/kubeconfig".into());
    let infra = crate::config::Cluster { kubeconfig, ..crate::config::Cluster::default() };
    let clusters = [("infra".to_string(), infra)].into();
    let error = eval_in(Config { clusters, ..config }, r#"http("web").get("/metrics")"#).unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert_eq!(error.message, "no Service kube-system/pb-no-such on cluster infra");
}
