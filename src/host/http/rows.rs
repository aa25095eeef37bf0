//! The rows of the module `http`.

use rhai::{ImmutableString, Map, NativeCallContext};

use super::bench::{MORE, bench};
use super::endpoint::Endpoint;
use super::prepare::{OPTIONS, To};
use super::response::Response;
use super::send::exchange;
use crate::event::Effect;
use crate::host::{Context, HostResult, Module, Needs, Registrar};

pub(crate) const MODULE: Module = Module {
    name: "http",
    about: "Requests to URLs and to the endpoints of pb.toml, and measurements.",
    needs: Needs::Web,
    register,
};

/// Verbs whose requests have no body, and those whose requests may have one.
const READS: [(&str, &str, &str); 2] = [("get", "http::get", "endpoint.get"), ("head", "http::head", "endpoint.head")];
const WRITES: [(&str, &str, &str); 4] = [
    ("post", "http::post", "endpoint.post"),
    ("put", "http::put", "endpoint.put"),
    ("patch", "http::patch", "endpoint.patch"),
    ("delete", "http::delete", "endpoint.delete"),
];

fn register(m: &mut Registrar) {
    m.raw().set_custom_type::<Endpoint>("endpoint");
    m.raw().set_custom_type::<Response>("response");
    for name in ["to_string", "to_debug"] {
        m.raw().set_native_fn(name, |response: &mut Response| Ok(response.to_string()));
        m.raw().set_native_fn(name, |endpoint: &mut Endpoint| Ok(format!("endpoint {}", endpoint.name)));
    }
    functions(m);
    endpoints(m);
    responses(m);
}

/// What a verb does, for its page.
fn doc(verb: &str) -> &'static str {
    match verb {
        "get" => {
            "Sends a GET request and returns the answer. Options: `headers` (map; values may be secrets), `query` \
             (map of texts, numbers, bools, or lists of them), `expect_status` (`200`, `\"2xx\"`, a list, `\"any\"` \
             or `()` for all; by default `\"2xx\"`), `follow` (`false`, or a number of redirects; 10), `within` (a \
             duration, 30 s), `max_size` (a size, 16Mi), `ca` (a file of authorities, trusted in place of the \
             system's), `resolve` (the address, with or without port, to connect to in place of DNS), `insecure` \
             (`true`: trust any certificate), `token`, or `user` and `password` (texts or secrets), `effect`. \
             Throws `status` with the beginning of the body when the status is not expected, `unreachable` with URL \
             and address when no whole answer comes (also when the certificate is not trusted), `timeout`, and \
             `unreadable` when the answer is greater than `max_size`. Nothing is ever sent twice."
        }
        "head" => "Sends a HEAD request: the head of the answer without its body. Options and errors: see `http::get`.",
        "post" => {
            "Sends a POST request. Options besides those of `http::get`: one of `json` (any value), `form` (map), \
             `body` (text, secret or bytes), which set the content type unless `headers` does. Counts as `write` \
             unless `effect` says otherwise: `#{ effect: \"read\" }` for a query."
        }
        "put" => "Sends a PUT request. Options and effect: see `http::post`.",
        "patch" => "Sends a PATCH request. Options and effect: see `http::post`.",
        _ => "Sends a DELETE request. Options and effect: see `http::post`.",
    }
}

fn example(verb: &str) -> &'static str {
    match verb {
        "get" => r#"let r = http::get(http("web").url + "/json"); r.status == 200 && r.json().ok"#,
        "head" => r#"http::head(http("web").url).size == size("0")"#,
        "post" => r#"http::post(http("web").url + "/echo", #{ json: #{ a: 1 } }).json().a == 1"#,
        "put" => r#"http::put(http("web").url + "/nowhere", #{ body: "x", expect_status: 404 }).status == 404"#,
        "patch" => r#"!http::patch(http("web").url + "/nowhere", #{ expect_status: "any" }).ok"#,
        _ => r#"http::delete(http("web").url + "/nowhere", #{ expect_status: [200, 404] }).status == 404"#,
    }
}

fn functions(m: &mut Registrar) {
    for (verb, function, _) in READS.into_iter().chain(WRITES) {
        let effect = if READS.iter().any(|r| r.0 == verb) { Effect::Read } else { Effect::Write };
        m.path(verb)
            .sig("(url: string, options?: map) -> response")
            .options(OPTIONS)
            .effect(effect)
            .doc(doc(verb))
            .example(example(verb))
            .add(move |at: NativeCallContext, url: &str| exchange(&at, function, verb, To::Url(url), Map::new()))
            .add(move |at: NativeCallContext, url: &str, options: Map| {
                exchange(&at, function, verb, To::Url(url), options)
            });
    }
    m.path("request")
        .sig("(method: string, url: string, options?: map) -> response")
        .options(OPTIONS)
        .effect(Effect::Write)
        .doc("Sends a request with any method; GET, HEAD and OPTIONS count as `read`. Options: see `http::post`.")
        .example(r#"http::request("GET", http("web").url).text.len() > 0"#)
        .add(|at: NativeCallContext, method: &str, url: &str| {
            exchange(&at, "http::request", method, To::Url(url), Map::new())
        })
        .add(|at: NativeCallContext, method: &str, url: &str, options: Map| {
            exchange(&at, "http::request", method, To::Url(url), options)
        });
    m.path("bench")
        .sig("(url: string, options?: map) -> map")
        .options(OPTIONS)
        .options(MORE)
        .effect(Effect::Write)
        .doc(
            "Sends the same request many times and measures. Options: `requests` (100, at most 1,000,000), \
             `concurrency` (10, at most 1,000), `method` (`GET`), and those of `http::post`; `within` is for all of \
             it (by default the step's deadline), one answer is waited for 30 s. The result has `count` (good \
             answers), `errors`, `error_kinds` (a map of their numbers, by `timeout`, `unreachable`, `status 503` \
             …), `first_error`, `min`, `mean`, `p50`, `p90`, `p95`, `p99`, `max` (durations, from an HDR histogram), \
             `time` (the whole), `per_second`. Errors are not among the latencies; when every request failed the \
             first error is thrown.",
        )
        .example(
            r#"let b = http::bench(http("web").url, #{ requests: 20, concurrency: 4 });
b.count == 20 && b.errors == 0 && b.p50 <= b.p99"#,
        )
        .add(|at: NativeCallContext, url: &str| bench(&at, "http::bench", To::Url(url), Map::new()))
        .add(|at: NativeCallContext, url: &str, options: Map| bench(&at, "http::bench", To::Url(url), options));
}

fn endpoints(m: &mut Registrar) {
    m.global("http")
        .sig("(endpoint: string) -> endpoint")
        .effect(Effect::Read)
        .doc(
            "An endpoint of `pb.toml` by its name, with its URL, credentials, authority and address. One that is a \
             `service` of a cluster is forwarded while the step uses it. Throws `config` when there is none.",
        )
        .example(r#"http("web").get("/json").json().items.len() == 2"#)
        .add(|name: &str| -> HostResult<Endpoint> { Ok(Endpoint::named(&Context::current()?.world, name)?) });
    m.property("endpoint", "url")
        .sig("string")
        .doc("The URL below which its paths lie, without a slash at the end; for a service, its name in the cluster.")
        .example(r#"http("web").url.starts_with("http://")"#)
        .add(|endpoint: &mut Endpoint| -> HostResult<String> {
            Ok(endpoint.base()?.as_str().trim_end_matches('/').to_string())
        });
    m.property("endpoint", "name")
        .sig("string")
        .doc("Its name in `pb.toml`.")
        .example(r#"http("web").name == "web""#)
        .add(|endpoint: &mut Endpoint| ImmutableString::from(&*endpoint.name));
    for (verb, doc, example) in [
        (
            "get",
            "GET of a path, which may have a query. Options and errors: see `http::get`.",
            r#"http("web").get("/").ok"#,
        ),
        ("head", "HEAD of a path. Options and errors: see `http::get`.", r#"http("web").head("/").status == 200"#),
        (
            "post",
            "POST to a path. Options and effect: see `http::post`.",
            r#"http("web").post("/echo", #{ form: #{ a: 1, b: "x y" } }).text == "a=1&b=x+y""#,
        ),
        (
            "put",
            "PUT to a path. Options and effect: see `http::post`.",
            r#"http("web").put("/nowhere", #{ expect_status: 404 }).status == 404"#,
        ),
        (
            "patch",
            "PATCH of a path. Options and effect: see `http::post`.",
            r#"http("web").patch("/nowhere", #{ expect_status: "4xx" }).status == 404"#,
        ),
        (
            "delete",
            "DELETE of a path. Options and effect: see `http::post`.",
            r#"http("web").delete("/nowhere", #{ expect_status: [204, 404] }).status == 404"#,
        ),
    ] {
        let effect = if READS.iter().any(|r| r.0 == verb) { Effect::Read } else { Effect::Write };
        let all = READS.into_iter().chain(WRITES);
        let function = all.filter(|row| row.0 == verb).map(|row| row.2).next().unwrap_or("endpoint.request");
        m.method("endpoint", verb)
            .sig("(path: string, options?: map) -> response")
            .options(OPTIONS)
            .effect(effect)
            .doc(doc)
            .example(example)
            .add(move |at: NativeCallContext, endpoint: &mut Endpoint, path: &str| {
                exchange(&at, function, verb, To::Path(endpoint, path), Map::new())
            })
            .add(move |at: NativeCallContext, endpoint: &mut Endpoint, path: &str, options: Map| {
                exchange(&at, function, verb, To::Path(endpoint, path), options)
            });
    }
    m.method("endpoint", "request")
        .sig("(method: string, path: string, options?: map) -> response")
        .options(OPTIONS)
        .effect(Effect::Write)
        .doc("A request with any method. Options and effect: see `http::request`.")
        .example(r#"http("web").request("GET", "/json").json().ok"#)
        .add(|at: NativeCallContext, endpoint: &mut Endpoint, method: &str, path: &str| {
            exchange(&at, "endpoint.request", method, To::Path(endpoint, path), Map::new())
        })
        .add(|at: NativeCallContext, endpoint: &mut Endpoint, method: &str, path: &str, options: Map| {
            exchange(&at, "endpoint.request", method, To::Path(endpoint, path), options)
        });
    m.method("endpoint", "bench")
        .sig("(path: string, options?: map) -> map")
        .options(OPTIONS)
        .options(MORE)
        .effect(Effect::Write)
        .doc("Measures requests to a path. Options and result: see `http::bench`.")
        .example(r#"http("web").bench("/", #{ requests: 10 }).count == 10"#)
        .add(|at: NativeCallContext, endpoint: &mut Endpoint, path: &str| {
            bench(&at, "endpoint.bench", To::Path(endpoint, path), Map::new())
        })
        .add(|at: NativeCallContext, endpoint: &mut Endpoint, path: &str, options: Map| {
            bench(&at, "endpoint.bench", To::Path(endpoint, path), options)
        });
}

fn responses(m: &mut Registrar) {
    m.property("response", "status")
        .sig("int")
        .doc("The status: `200`.")
        .example(r#"http("web").get("/").status == 200"#)
        .add(|r: &mut Response| r.status());
    m.property("response", "ok")
        .sig("bool")
        .doc("Whether the status is of class 2xx.")
        .example(r#"http("web").get("/").ok"#)
        .add(|r: &mut Response| r.ok());
    m.property("response", "headers")
        .sig("map")
        .doc("The headers, with lower-case names; several of one name are joined by `, `.")
        .example(r#"http("web").get("/json").headers["content-type"] == "application/json""#)
        .add(|r: &mut Response| r.headers());
    m.method("response", "header")
        .sig("(name: string) -> string")
        .doc("One header, whatever the case of its name; `()` when it is not there.")
        .example(r#"http("web").get("/").header("X-None") == ()"#)
        .add(|r: &mut Response, name: &str| r.header(name));
    m.property("response", "text")
        .sig("string")
        .doc("The body as text; bytes that are no UTF-8 become replacement characters.")
        .example(r#"http("web").get("/").text != """#)
        .add(|r: &mut Response| r.text());
    m.method("response", "json")
        .sig("() -> object | list | value")
        .doc("The body parsed as JSON: a lazy object, a list, or a plain value. Throws `unreadable` when it is none.")
        .example(r#"http("web").get("/json").json().ok == true"#)
        .add(|r: &mut Response| -> HostResult<rhai::Dynamic> { Ok(r.json()?) });
    m.property("response", "bytes")
        .sig("blob")
        .doc("The body's bytes.")
        .example(r#"http("web").get("/").bytes.len() > 0"#)
        .add(|r: &mut Response| r.bytes());
    m.property("response", "size")
        .sig("size")
        .doc("The body's size.")
        .example(r#"http("web").get("/json").size == size("25")"#)
        .add(|r: &mut Response| r.size());
    m.property("response", "time")
        .sig("duration")
        .doc("From asking to the last byte, with looking the name up, connecting, and redirects.")
        .example(r#"let r = http("web").get("/"); r.time >= r.first_byte"#)
        .add(|r: &mut Response| r.time());
    m.property("response", "first_byte")
        .sig("duration")
        .doc("From asking until the answer's head was there.")
        .example(r#"http("web").get("/").first_byte < duration("10s")"#)
        .add(|r: &mut Response| r.first_byte());
    m.property("response", "url")
        .sig("string")
        .doc("The URL that answered, after redirects.")
        .example(r#"http("web").get("/json").url.ends_with("/json")"#)
        .add(|r: &mut Response| r.url());
    m.property("response", "address")
        .sig("string")
        .doc("The address that answered, with its port; a proxy's where there is one between.")
        .example(r#"http("web").get("/").address.contains(":")"#)
        .add(|r: &mut Response| r.address());
    m.property("response", "redirects")
        .sig("int")
        .doc("The number of redirects that were followed.")
        .example(r#"http("web").get("/").redirects == 0"#)
        .add(|r: &mut Response| r.redirects());
}
