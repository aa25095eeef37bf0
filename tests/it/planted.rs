//! Secrets that are planted wherever a run can meet one, and are found in no file and no output of it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::Test;
use crate::support::Planted;

/// A server that answers with the request itself, in chunks of five bytes; to `/login` with what a server hands out.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Whoever asked has gone: nobody misses the answer.
            let _ = stream.and_then(answer);
        }
    });
    address
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => request.extend(&buffer[..count]),
        }
    }
    if request.starts_with(b"GET /login") || request.starts_with(b"POST /login") {
        let body = format!(r#"{{"access_token":"{HANDED_OUT}-body","user":{{"apiKey":"{HANDED_OUT}-deep"}}}}"#);
        return write!(
            stream,
            "HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: /to?page=2&access_token={HANDED_OUT}-location\r\n\
             link: </next?sig={HANDED_OUT}-link>; rel=next\r\nset-cookie: session={HANDED_OUT}-cookie; Path=/\r\n\
             set-cookie: pin=7q3x; Path=/\r\nx-refresh-token: {HANDED_OUT}-answer\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
    }
    write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n")?;
    for chunk in request.chunks(5) {
        write!(stream, "{:x}\r\n", chunk.len())?;
        stream.write_all(chunk)?;
        write!(stream, "\r\n")?;
        stream.flush()?;
    }
    write!(stream, "0\r\n\r\n")
}

/// What the server hands out begins with it.
const HANDED_OUT: &str = "handed-Planted0out";

/// Where each comes from, and a value with everything that is written differently somewhere.
fn planted() -> Planted {
    let of = |from: &str| format!("{from}-Planted/s3cr\"et+<v>&'a' 7");
    let plain = |from: &str| format!("{from}-Planted0s3cret");
    Planted(vec![
        ("the environment", of("env")),
        ("a program's output", plain("output")),
        ("a file", of("file")),
        ("a header", plain("header")),
        ("a URL", plain("url")),
        ("a query", of("query")),
        ("a token of pb.toml", plain("token")),
        ("a password of pb.toml", plain("password")),
        ("a pattern", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC".into()),
    ])
}

/// Each step meets some of them, and shows them in every way that there is.
const PLAYBOOK: &str = r#"
fn show(t, text) {
    print(text);
    t.note(text);
    t.note(`in the middle ${text} of a note`);
    t.warn(text);
    t.publish("text", text);
    t.publish("map", #{ list: [text, #{ deep: text }] });
    t.evidence("text", text);
    t.evidence("map", #{ list: [text] });
    t.evidence(text, "its name");
    expect(text, "what came").softly().to_be("other");
    expect([#{ a: text }], "a list").softly().to_contain(#{ a: "other" });
    try { throw text; } catch (e) { t.warn(`${e}`); }
}

step("environment", #{ on: "none", effect: "write" }, |t| {
    let s = secret::env("PLANTED_ENV");
    show(t, sh::run("printenv", ["PLANTED_ENV"]).stdout);
    show(t, sh::script("printenv PLANTED_ENV | base64; echo \"user:$PLANTED_ENV\" | base64; printenv PLANTED_ENV >&2").stdout);
    sh::script("printenv PLANTED_ENV >&2; printenv PLANTED_ENV; exit 3", #{ check: false });
    try { sh::script("printenv PLANTED_ENV >&2; exit 3"); } catch (e) { t.warn(`${e}`); }
    show(t, `${s}`);
    let undo = sh::run("printenv", ["PLANTED_ENV"]).stdout.replace("'", "'\\''");
    sh::script("true", #{ undo: `test -n '${undo}'` });
});
step("file", #{ on: "none", effect: "write" }, |t| {
    let s = secret::file("home/planted");
    show(t, sh::run("cat", ["home/planted"]).stdout);
    show(t, file::read("home/planted"));
    sh::run("cat", [], #{ stdin: s, undo: `echo ${s}` });
});
step("chunks", #{ on: "none", effect: "write" }, |t| {
    // Split by the program: two writes, a while between them.
    secret::env("PLANTED_OUTPUT");
    let text = sh::script("printf '%s' \"${PLANTED_OUTPUT:0:9}\"; sleep 0.2; printf '%s' \"${PLANTED_OUTPUT:9}\"").stdout;
    show(t, text);
    expect(text.len(), "both halves came").to_be_above(15);
});
step("header", #{ on: "none", effect: "write" }, |t| {
    // Nobody said that it is one, until it is in a header.
    let plain = sh::run("printenv", ["PLANTED_HEADER"]).stdout;
    t.evidence("early", `before it was known: ${plain}`);
    t.evidence("early-map", #{ plain: plain });
    t.publish("early", plain);
    t.note(plain);
    sh::script("true", #{ undo: `echo ${plain} > /dev/null` });
    show(t, http::get(`http://${setting("echo")}/`, #{ headers: #{ "X-Api-Key": plain } }).text);
});
step("url", #{ on: "none", effect: "write" }, |t| {
    let plain = sh::run("printenv", ["PLANTED_URL"]).stdout;
    show(t, http::get(`http://someone:${plain}@${setting("echo")}/`).text);
    try { http::get(`http://someone:${plain}@127.0.0.1:1/`); } catch (e) { show(t, `${e}`); }
    let q = secret::env("PLANTED_QUERY");
    show(t, http::get(`http://${setting("echo")}/`, #{ query: #{ q: q } }).text);
});
step("endpoints", #{ on: "none", effect: "write" }, |t| {
    show(t, http("token").get("/").text);
    show(t, http("basic").get("/").text);
});
step("pattern", #{ on: "none", effect: "write" }, |t| {
    show(t, sh::script("printf -- '-----BEGIN PRIVATE KEY-----\\n'; printenv PLANTED_PATTERN; printf -- '-----END PRIVATE KEY-----'").stdout);
});
"#;

/// Values that are shortened wherever they are told, by whoever tells them.
const CUT: &str = r#"
playbook(#{ id: "c", title: "Cut" });
let token = setting("api_token", "none", "a token");
step("cut", #{ on: "none", effect: "write" }, |t| {
    secret::env("PLANTED_LONG");
    let secret = sh::run("printenv", ["PLANTED_LONG"]).stdout;
    for before in [0, 90, 110, 120, 130, 135, 140, 150, 180, 190, 195, 205, 270, 290, 470, 490] {
        let text = sh::script("printf 'z%.0s' $(seq 0 \"$1\"); printenv PLANTED_LONG; echo and so on", #{ args: [before] }).stdout;
        expect(text, "text").softly().to_be("other");
        expect([text], "list").softly().to_contain("other");
        expect([text], "empty").softly().to_be_empty();
        expect(#{ a: text, b: 1 }, "map").softly().to_equal(#{ a: "z", c: text });
        expect(text, "match").softly().to_match("^other$");
        expect([text, "a"], "all").softly().all(|v| v == "a");
        for f in [|x| json::parse(x), |x| yaml::parse("{" + x), |x| table::parse(x), |x| prom::parse(x), |x| duration(x)] {
            try { f.call(text); } catch (e) { t.warn(`${e.message} ${e}`); }
        }
        try { sh::script("echo \"$1\" >&2; exit 4", #{ args: [text] }); } catch (e) { t.warn(`${e}`); }
        try { sh::run("printf", ["%s", text + text], #{ max_output: size("1Ki") }); } catch (e) { t.note(`${e}`); }
        try { http::get(`http://ECHO/${text.len()}`, #{ headers: #{ "X-Long": secret }, expect_status: 500 }); } catch (e) { t.warn(`${e}`); }
    }
});
step("named", #{ on: "none", effect: "write" }, |t| {
    sh::run("sh", ["-c", "echo $API_TOKEN"], #{ env: #{ API_TOKEN: "NAMED-env" } });
    t.note(sh::run("echo", ["--password=NAMED-option", "--token", "NAMED-word", "-v"]).stdout);
    t.note(sh::script("PGPASSWORD=NAMED-assigned true; echo NAMED-assigned").stdout);
    t.note(sh::run("cat", [], #{ stdin: "user=u\npassword=NAMED-stdin\n" }).stdout);
    t.note(sh::run("env").stdout);
    t.evidence("env", sh::run("printenv").stdout);
    sh::run("true", [], #{ env: #{ PIN_TOKEN: "7q3x" } });
    t.note(`a setting: ${token}`);
    expect(1, "one").to_be(2);
});
"#;

#[test]
fn a_secret_that_is_cut_or_named_by_a_program_is_in_no_file_and_no_output() {
    let (long, named, set) = ("long-Planted/part\"-".repeat(17), "named-Planted0", "set-Planted0s3cret");
    let playbook = CUT.replace("ECHO", &echo()).replace("NAMED", named);
    let test = Test::new()
        .env("PLANTED_LONG", &long)
        .env("SOME_DB_PASSWORD", "inherited-Planted0")
        .env("PB_SET_ROUTER_PASSWORD", set)
        .file(
            "c.rhai",
            playbook.replace("step(\"cut\"", "let p = setting(\"router_password\", \"none\", \"p\");\nstep(\"cut\""),
        );
    let planted = Planted(vec![
        ("a long one", long),
        ("a program's words", named.into()),
        ("the environment", "inherited-Planted0".into()),
        ("a setting", set.into()),
        ("--set", "typed-Planted0s3cret".into()),
        ("a short one", "7q3x".into()),
    ]);
    let args = "run c.rhai --explain -v --set api_token=typed-Planted0s3cret --report json=r.json --report junit=r.xml";
    let ran = pb(&test, args);
    let out = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(ran.status.code(), Some(1), "{out}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(out.contains("2 failed") && out.contains("<secret") && !out.contains("errored"), "{out}");
    planted.was_not_said("run", &ran);
    planted.was_not_said("show", &pb(&test, "show latest --explain -v"));
    let again = pb(&test, "run --resume latest");
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(again.status.code() == Some(2) && said.contains("--set api_token"), "{said}");
    planted.was_not_said("run --resume", &again);
    let names = planted.is_in_no_file(test.path(), &["c.rhai"]);
    for name in ["journal.jsonl", "calls.jsonl.gz", "run.json", "r.json", "r.xml", "env.txt"] {
        assert!(names.iter().any(|n| n.ends_with(name)), "{name} was not looked at: {names:?}");
    }
}

/// Words of the events' own form, and names that the run goes by: what services and charts put into their Secrets.
#[test]
fn a_secret_that_is_a_word_of_the_record_or_a_name_leaves_the_run_whole() {
    for word in
        ["recorded", "evidence", "attempts", "finished", "undo_recorded", "networking", "make-things", "kube-of-it"]
    {
        let test = Test::new().toml("[clusters.kube-of-it]\nkubeconfig = \"none\"\n").env("WORD_SECRET", word).file(
            "networking.rhai",
            r#"playbook(#{ id: "networking", title: "Names" });
                   step("make-things", #{ on: "none", effect: "write" }, |t| {
                       secret::env("WORD_SECRET");
                       sh::script("true", #{ undo: "touch undone" });
                       t.evidence("e", "text");
                       t.publish("v", 7);
                       expect(1, "one").to_be(1);
                   });
                   step("last", #{ on: "none", needs: ["make-things"] }, |t| {
                       expect(t.value("networking/make-things", "v"), "v").to_be(7);
                   });"#,
        );
        let ran = pb(&test, "run networking.rhai --report json=r.json");
        let out = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && out.contains("2 passed") && !out.contains("withheld"), "{word}: {out}");
        assert!(test.path().join("undone").exists(), "{word}");
        let report = std::fs::read_to_string(test.path().join("r.json")).expect("a report");
        let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
        assert_eq!(report["steps"][0]["id"], "networking/make-things", "{word}");
        assert_eq!(pb(&test, "show latest --report json=s.json").status.code(), Some(0), "{word}");
        let again = String::from_utf8_lossy(&pb(&test, "run --resume latest").stdout).into_owned();
        assert!(again.contains("2 steps that passed there stand"), "{word}: {again}");
    }
}

fn planted_test() -> (Test, Planted) {
    let planted = planted();
    let value =
        |from: &str| planted.0.iter().find(|(name, _)| *name == from).map(|(_, value)| value.clone()).expect("planted");
    let echo = echo();
    let playbook = PLAYBOOK.replace("setting(\"echo\")", &format!("\"{echo}\""));
    let test = Test::new()
        .env("PLANTED_ENV", &value("the environment"))
        .env("PLANTED_OUTPUT", &value("a program's output"))
        .env("PLANTED_HEADER", &value("a header"))
        .env("PLANTED_URL", &value("a URL"))
        .env("PLANTED_QUERY", &value("a query"))
        .env("PLANTED_TOKEN", &value("a token of pb.toml"))
        .env("PLANTED_PASSWORD", &value("a password of pb.toml"))
        .env("PLANTED_PATTERN", &value("a pattern"))
        .file("home/planted", value("a file"))
        .toml(&format!(
            "[clusters.infra]\n[clusters.apps]\n[endpoints.token]\nurl = \"http://{echo}\"\ntoken = \"env:PLANTED_TOKEN\"\n\
             [endpoints.basic]\nurl = \"http://{echo}\"\nuser = \"u\"\npassword = \"env:PLANTED_PASSWORD\"\n"
        ))
        .playbook(&playbook);
    (test, planted)
}

/// What a run never wrote.
const OURS: [&str; 3] = ["p.rhai", "pb.toml", "home/planted"];

fn pb(test: &Test, args: &str) -> Output {
    test.command(args).output().expect("pb runs")
}

#[test]
fn a_planted_secret_is_in_no_file_and_no_output_of_a_run() {
    let (test, planted) = planted_test();
    // What is printed before anybody knows stays printed; here are those that are known, or look like one, from the
    // first on.
    let early = ["environment", "file", "chunks", "endpoints", "pattern"];
    for args in ["--explain -v", "-q"] {
        let args = format!("run p.rhai --only {} --jobs 1 {args}", early.join(","));
        let ran = pb(&test, &args);
        assert_eq!(ran.status.code(), Some(1), "{}", String::from_utf8_lossy(&ran.stderr));
        planted.was_not_said(&args, &ran);
    }
    let reports = "--report json=report.json --report junit=report.xml";
    let ran = pb(&test, &format!("run p.rhai --jobs 2 --explain -v {reports}"));
    let out = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(ran.status.code(), Some(1), "{out}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(out.contains("7 failed") && !out.contains("errored"), "{out}");
    let (_, summary) = out.split_once("────").expect("a summary");
    planted.is_not_in("the summary", summary);
    for args in
        ["runs", "show latest", "show latest --explain -v", "show latest -q", "clean latest --yes", "clean --all"]
    {
        planted.was_not_said(args, &pb(&test, args));
    }
    let shown = pb(&test, "show latest --report json=shown.json --report junit=shown.xml");
    assert_eq!(shown.status.code(), Some(0), "{}", String::from_utf8_lossy(&shown.stderr));
    assert_eq!(std::fs::read(test.path().join("shown.xml")).ok(), std::fs::read(test.path().join("report.xml")).ok());
    planted.was_not_said("run --resume latest", &pb(&test, "run --resume latest --jobs 1 -q"));
    let names = planted.is_in_no_file(test.path(), &OURS);
    for name in
        ["journal.jsonl", "ledger.jsonl", "calls.jsonl.gz", "run.json", "early.txt", "early-map.json", "map.json"]
    {
        assert!(names.iter().filter(|n| n.ends_with(name)).count() > 0, "{name} was not looked at: {names:?}");
    }
}

#[test]
fn evidence_that_is_freed_of_a_secret_later_has_the_hash_of_what_is_there() {
    let (test, _) = planted_test();
    pb(&test, "run p.rhai --only header --report json=report.json");
    let read = |path: &std::path::Path| std::fs::read_to_string(path).expect("readable");
    let report: serde_json::Value = serde_json::from_str(&read(&test.path().join("report.json"))).expect("JSON");
    let files = report["steps"][0]["evidence_files"].as_array().expect("evidence").clone();
    let id = String::from_utf8(pb(&test, "runs --latest").stdout).expect("text");
    let folder = test.path().join(".pb/runs").join(id.trim());
    let mut early = 0;
    for file in &files {
        let name = file["file"].as_str().expect("a file");
        let output = std::process::Command::new("sha256sum").arg(folder.join(name)).output().expect("sha256sum");
        let there = String::from_utf8(output.stdout).expect("text");
        assert_eq!(there.split_whitespace().next(), file["sha256"].as_str(), "{name}");
        early += usize::from(name.contains("early") && read(&folder.join(name)).contains("<secret:1>"));
    }
    assert_eq!(early, 2, "{files:?}");
    // So its passes, had there been any, would stand.
    let shown = pb(&test, "show latest --report json=shown.json");
    assert_eq!(shown.status.code(), Some(0));
    let shown: serde_json::Value = serde_json::from_str(&read(&test.path().join("shown.json"))).expect("JSON");
    assert_eq!(shown["steps"], report["steps"]);
}

#[test]
fn a_killed_run_and_what_cleans_up_after_it_show_no_secret() {
    let (test, planted) = planted_test();
    let test = test.file(
        "k.rhai",
        r#"playbook(#{ id: "k", title: "Killed" });
           step("k", #{ on: "none", effect: "write" }, |t| {
               let s = secret::env("PLANTED_OUTPUT");
               let plain = sh::run("printenv", ["PLANTED_OUTPUT"]).stdout;
               t.publish("p", plain);
               t.evidence("e", plain);
               sh::script("true", #{ undo: `echo ${plain} > undone` });
               sh::script("true", #{ undo: "touch cleaned" });
               sh::script(`touch began; echo ${plain}; exec sleep 20`);
           });"#,
    );
    let mut run = test.command("run k.rhai").stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("pb runs");
    let until = Instant::now() + Duration::from_secs(60);
    while !test.path().join("began").exists() {
        assert!(Instant::now() < until, "the run does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    run.kill().expect("killed");
    run.wait().expect("ended");
    for args in
        ["runs", "show latest --explain -v", "clean latest", "run --resume latest", "clean latest --yes", "show latest"]
    {
        let ran = pb(&test, args);
        assert!(ran.status.code().is_some(), "{args}");
        planted.was_not_said(args, &ran);
    }
    assert!(test.path().join("cleaned").exists() && !test.path().join("undone").exists());
    assert!(planted.is_in_no_file(test.path(), &OURS).len() > 5);
}

/// Nobody says that they are secrets: only the names of what they stand in do.
const NAMED: &str = r##"
playbook(#{ id: "n", title: "Named" });
fn show(t, text) {
    print(text);
    t.note(`in the middle ${text} of a note`);
    t.warn(text);
    t.publish("map", #{ list: [text, #{ deep: text }] });
    t.evidence("text", text);
    expect(text, "what came").softly().to_be("other");
}
step("named", #{ on: "none", effect: "write" }, |t| {
    let url = "http://ECHO/";
    show(t, http::get(url, #{ headers: #{ "X-Vault-Token": "PLANTED-vault", "PRIVATE-TOKEN": "PLANTED-private" } }).text);
    show(t, http::get(url, #{ headers: #{ Cookie: "a=1; session=PLANTED-sent" } }).text);
    show(t, http::get(`${url}?access_token=PLANTED-access&page=2&sig=PLANTED%2Fsig#id_token=PLANTED-fragment`).text);
    show(t, http::get(url, #{ query: #{ token: "PLANTED-query/+", limit: 500 } }).text);
    show(t, http::get(`${url}?continue=readable-continue-token`).text);
    show(t, http("named").get("/x?api_key=PLANTED-key").text);
    try { http::get("http://127.0.0.1:1/?api_key=PLANTED-refused"); } catch (e) { show(t, `${e}`); }
    show(t, http::post(url, #{ json: #{ user: "u", login: #{ password: "PLANTED-json" } } }).text);
    show(t, http::post(url, #{ form: #{ user: "u", password: "PLANTED form" } }).text);
    show(t, http::post(url, #{ body: "user=u&client_secret=PLANTED-text" }).text);
    let short = #{ json: #{ pwd: "7q3x" }, headers: #{ "X-Auth-Token": "7q3x" }, query: #{ sid: "7q3x" }, follow: false,
        expect_status: 302 };
    http::post(`${url}login`, short);
    http::post(`${url}login`, #{ body: `{"password": "7q3x"}`, follow: false, expect_status: 302 });
    let login = http::get(`${url}login`, #{ follow: false, expect_status: 302 });
    show(t, login.text);
    show(t, login.header("location"));
    show(t, `${login.headers["link"]} ${login.headers["x-refresh-token"]}`);
    t.note(login.header("set-cookie").split(";")[0]);
    show(t, http::get(`${url}login`).url);
    try { http::get(`${url}login`, #{ follow: false }); } catch (e) { show(t, `${e}`); }
});
"##;

#[test]
fn what_stands_under_a_secrets_name_is_in_no_file_and_no_output() {
    let echo = echo();
    let value = "named-Planted0s3cret";
    let playbook = NAMED.replace("ECHO", &echo).replace("PLANTED", value);
    let test = Test::new()
        .file("n.rhai", &playbook)
        .toml(&format!("[clusters.infra]\n[clusters.apps]\n[endpoints.named]\nurl = \"http://{echo}\"\n"));
    let planted =
        Planted(vec![("a name", value.into()), ("the server", HANDED_OUT.into()), ("a short one", "7q3x".into())]);
    let ran = pb(&test, "run n.rhai --explain -v --report json=report.json --report junit=report.xml");
    let out = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(ran.status.code(), Some(1), "{out}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(out.contains("1 failed") && !out.contains("errored"), "{out}");
    for readable in ["continue=readable-continue-token", "limit=500", "page=2", "access_token=<secret"] {
        assert!(out.contains(readable), "{readable}: {out}");
    }
    planted.was_not_said("run", &ran);
    planted.was_not_said("show", &pb(&test, "show latest --explain -v"));
    let names = planted.is_in_no_file(test.path(), &["n.rhai", "pb.toml"]);
    for name in ["journal.jsonl", "calls.jsonl.gz", "report.json", "report.xml", "text.txt"] {
        assert!(names.iter().any(|n| n.ends_with(name)), "{name} was not looked at: {names:?}");
    }
}
