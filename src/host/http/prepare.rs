//! From a script's method, URL and options to a request, and to the words that are shown of it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use rhai::{Dynamic, Map, NativeCallContext};
use serde_json::Value;

use super::credentials::{Credentials, Held, hide_header};
use super::endpoint::Endpoint;
use super::expect::Expect;
use super::explain::Line;
use super::secrets;
use crate::client::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use crate::client::http::{FOLLOW, Method, Request, Url};
use crate::client::trust::Trust;
use crate::error::{Error, Kind, Result};
use crate::event::Effect;
use crate::host::call::{CALL_LIMIT, CONNECT_LIMIT, Call, Limit};
use crate::host::redact::named;
use crate::host::values::{Secret, from_dynamic, to_array};
use crate::host::{Context, Options, World, paths};

/// The options of every request.
pub(super) const OPTIONS: &[&str] = &[
    "headers",
    "query",
    "json",
    "form",
    "body",
    "expect_status",
    "follow",
    "within",
    "max_size",
    "ca",
    "resolve",
    "insecure",
    "effect",
    "token",
    "user",
    "password",
];

/// A request that is ready for the gate.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) request: Request,
    pub(super) expect: Expect,
    pub(super) call: Call,
    /// Put into the request when it is about to be sent.
    pub(super) credentials: Credentials,
    /// `cluster/namespace/service:port`, to be forwarded first.
    pub(super) service: Option<String>,
    /// How long it may take.
    pub(super) within: Duration,
}

/// Where a request goes: a URL, or a path below an endpoint.
#[derive(Debug, Clone, Copy)]
pub(super) enum To<'a> {
    Url(&'a str),
    Path(&'a Endpoint, &'a str),
}

impl To<'_> {
    fn url(self) -> Result<Url> {
        match self {
            To::Url(text) => parse_url(text),
            To::Path(endpoint, path) => endpoint.join(path),
        }
    }
}

/// Reads a URL with a scheme that is understood.
pub(super) fn parse_url(text: &str) -> Result<Url> {
    let wrong = |what: &str| Error::new(Kind::Script, format!("\"{text}\" is no HTTP URL: {what}"));
    let url = Url::parse(text).map_err(|e| {
        wrong(&e.to_string()).hint("http(\"NAME\").get(\"/path\") takes a path, of an endpoint of pb.toml")
    })?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(wrong(&format!("its scheme is {other}"))),
    }
}

/// Understands a call. `more` are the options that the function has besides [`OPTIONS`].
pub(super) fn prepare(
    cx: &Context,
    at: &NativeCallContext,
    function: &'static str,
    method: &str,
    to: To<'_>,
    mut options: Map,
    more: &[&str],
) -> Result<(Prepared, Options)> {
    let world = &*cx.world;
    let method = Method::from_bytes(method.to_uppercase().as_bytes())
        .map_err(|_| Error::new(Kind::Script, format!("{function}: \"{method}\" is no HTTP method")))?;
    // `()` is an answer here: any status is fine.
    let expect = options.remove("expect_status").map(|v| Expect::parse(function, &v)).transpose()?.unwrap_or_default();
    hide(world, &mut options);
    let mut shown = Value::Object(options.iter().map(|(k, v)| (k.to_string(), from_dynamic(v))).collect());
    let known: Vec<&str> = OPTIONS.iter().chain(more).copied().collect();
    let options = Options::new(options, function, &known)?;
    if let Some(Value::String(text)) = shown.get_mut("body") {
        *text = named::hide_fields(text);
    }

    let mut url = to.url()?;
    let (mut credentials, service) = match to {
        To::Path(endpoint, _) => (endpoint.credentials(world)?, endpoint.config.service.clone()),
        To::Url(_) => (Credentials::None, None),
    };
    if let Some(own) = from_options(world, &options, &mut url)? {
        credentials = own;
    }
    let mut shown_url = url.clone();
    if let Some(query) = options.map("query")? {
        add_query(function, &mut url, &query, &|v| exposed(v))?;
        add_query(function, &mut shown_url, &query, &from_dynamic)?;
    }
    let mut line = Line::new(&method, &shown_url);
    let mut request = Request::new(method.clone(), url, CONNECT_LIMIT);
    for (name, value) in options.texts("headers")?.unwrap_or_default() {
        let hidden = hide_header(world, &name, &value);
        let wrong = |what| Error::new(Kind::Script, format!("{function}: header \"{name}\": {what} can't be sent"));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("the name"))?;
        let mut sent = HeaderValue::from_str(&value).map_err(|_| wrong("the value"))?;
        sent.set_sensitive(hidden);
        request.headers.insert(key, sent);
        line.header(&name, shown["headers"][name.as_str()].as_str().unwrap_or(&value));
    }
    line.credentials(world, &credentials);
    body(function, &options, &mut request, &mut line)?;
    secrets::learn_request(&world.redactor, &request);
    connection(cx, at, function, &options, to, &mut request, &mut line)?;

    let reads = matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
    let usual = if reads { Effect::Read } else { Effect::Write };
    let effect = match options.string("effect")? {
        Some(word) => Effect::parse(&word).ok_or_else(|| crate::host::tcp::unknown_effect(function, &word))?,
        None => usual,
    };
    let target = match to {
        To::Path(endpoint, _) => endpoint.name.to_string(),
        To::Url(_) => shown_url.host_str().unwrap_or_default().to_string(),
    };
    let within = options.duration("within")?;
    let call = Call::new(function, line.finish(within))
        .effect(effect)
        .usual(usual)
        .target(&target)
        .args(serde_json::json!({ "method": method.as_str(), "url": shown_url.as_str(), "options": shown,
            "expect_status": expect.to_string() }))
        .limit(within.map_or(Limit::Call, Limit::Within));
    let within = within.unwrap_or(CALL_LIMIT);
    Ok((Prepared { request, expect, call, credentials, service, within }, options))
}

/// Turns credentials that were written as plain text into secrets, before anything is shown.
fn hide(world: &World, options: &mut Map) {
    for key in ["token", "password"] {
        if let Some(value) = options.get_mut(key)
            && value.is_string()
        {
            *value = Dynamic::from(Secret::new(&world.redactor, &value.to_string()));
        }
    }
    if let Some(headers) = options.get("headers").and_then(|h| h.read_lock::<Map>().map(|m| m.clone())) {
        for (name, value) in &headers {
            if value.is_string() {
                hide_header(world, name, &value.to_string());
            }
        }
    }
    secrets::hide(&world.redactor, options);
}

/// Credentials of the call itself, in the options or in the URL, from which they are taken.
fn from_options(world: &World, options: &Options, url: &mut Url) -> Result<Option<Credentials>> {
    let secret = |text: String| Held::Here(Secret::new(&world.redactor, &text));
    let mut found = None;
    if !url.username().is_empty() {
        let password = url.password().unwrap_or_default().to_string();
        found = Some(Credentials::Basic(url.username().to_string(), secret(password)));
        // A URL that has a user has a host, so this can't fail.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
    }
    if let Some(token) = options.text("token")? {
        return Ok(Some(Credentials::Token(secret(token))));
    }
    match (options.text("user")?, options.text("password")?) {
        (Some(user), password) => Ok(Some(Credentials::Basic(user, secret(password.unwrap_or_default())))),
        (None, _) => Ok(found),
    }
}

fn add_query(function: &str, url: &mut Url, query: &Map, read: &dyn Fn(&Dynamic) -> Value) -> Result<()> {
    let mut pairs = url.query_pairs_mut();
    for (key, value) in query {
        for value in to_array(value).unwrap_or_else(|| vec![value.clone()]) {
            match read(&value) {
                Value::String(text) => pairs.append_pair(key, &text),
                Value::Null => &mut pairs,
                value @ (Value::Bool(_) | Value::Number(_)) => pairs.append_pair(key, &value.to_string()),
                other => {
                    return Err(Error::new(
                        Kind::Script,
                        format!("{function}: query \"{key}\" is {other}: expected a text, a number, a bool or a list"),
                    ));
                }
            };
        }
    }
    drop(pairs);
    if url.query() == Some("") {
        url.set_query(None);
    }
    Ok(())
}

/// A value as JSON with its secrets in clear, to be sent.
fn exposed(value: &Dynamic) -> Value {
    if let Some(secret) = value.read_lock::<Secret>() {
        return secret.expose().into();
    }
    if let Some(fields) = value.read_lock::<Map>() {
        return Value::Object(fields.iter().map(|(k, v)| (k.to_string(), exposed(v))).collect());
    }
    if let Some(items) = value.read_lock::<rhai::Array>() {
        return items.iter().map(exposed).collect();
    }
    from_dynamic(value)
}

fn body(function: &str, options: &Options, request: &mut Request, line: &mut Line) -> Result<()> {
    let given: Vec<&str> = ["json", "form", "body"].into_iter().filter(|key| options.has(key)).collect();
    if given.len() > 1 {
        return Err(Error::new(
            Kind::Script,
            format!("{function}: {} are given; one body is sent", given.join(" and ")),
        ));
    }
    let mut set = |kind: &'static str, bytes: Vec<u8>| {
        request.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
        request.body = bytes.into();
    };
    if let Some(value) = options.value("json")? {
        set("application/json", exposed(&value).to_string().into_bytes());
        line.json(&from_dynamic(&value).to_string());
    }
    if let Some(fields) = options.map("form")? {
        let encode = |read: &dyn Fn(&Dynamic) -> Value| -> Result<String> {
            let mut url = Url::parse("http://form/").map_err(|e| Error::new(Kind::Script, e.to_string()))?;
            add_query(function, &mut url, &fields, read)?;
            Ok(url.query().unwrap_or_default().to_string())
        };
        set("application/x-www-form-urlencoded", encode(&exposed)?.into_bytes());
        line.data(&encode(&from_dynamic)?);
    }
    if let Some(value) = options.value("body")? {
        if let Some(bytes) = value.read_lock::<rhai::Blob>() {
            set("application/octet-stream", bytes.clone());
            line.bytes(bytes.len());
        } else {
            let text = options.text("body")?.unwrap_or_default();
            set("text/plain; charset=utf-8", text.into_bytes());
            line.data(&named::hide_fields(from_dynamic(&value).as_str().unwrap_or_default()));
        }
    }
    Ok(())
}

fn connection(
    cx: &Context,
    at: &NativeCallContext,
    function: &str,
    options: &Options,
    to: To<'_>,
    request: &mut Request,
    line: &mut Line,
) -> Result<()> {
    let of_endpoint = match to {
        To::Path(endpoint, _) => Some(&endpoint.config),
        To::Url(_) => None,
    };
    let ca: Option<PathBuf> = match options.string("ca")? {
        Some(file) => Some(paths::resolve(cx, at, &file)),
        None => of_endpoint.and_then(|e| e.ca.clone()),
    };
    if let Some(path) = ca {
        request.trust = Trust::file(&path)?;
        line.option("--cacert", &path.display().to_string());
    }
    if options.bool("insecure")?.unwrap_or(false) {
        request.trust = Trust::Anyone;
        line.flag("-k");
    }
    let resolve = options.string("resolve")?.or_else(|| of_endpoint.and_then(|e| e.resolve.clone()));
    if let Some(text) = resolve {
        let address = address(function, &text, &request.url)?;
        request.connect_to = Some(address);
        let (host, port) = (request.url.host_str().unwrap_or_default(), request.url.port_or_known_default());
        line.option("--connect-to", &format!("{host}:{}:{address}", port.unwrap_or_default()));
    }
    if let Some(value) = options.value("follow")? {
        request.follow = match (value.as_bool(), value.as_int()) {
            (Ok(false), _) => 0,
            (Ok(true), _) => FOLLOW,
            (_, Ok(n)) if (0..=100).contains(&n) => usize::try_from(n).unwrap_or_default(),
            _ => return Err(options.wrong("follow", "true, false or a number of redirects up to 100", &value)),
        };
    }
    if request.follow > 0 {
        line.flag("-L");
    }
    if let Some(size) = options.size("max_size")? {
        request.max_size = size.0;
    }
    Ok(())
}

/// `10.25.11.110`, with the URL's port, or `10.25.11.110:8443`.
fn address(function: &str, text: &str, url: &Url) -> Result<SocketAddr> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address);
    }
    let ip = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().map_err(|_| {
        Error::new(Kind::Script, format!("{function}: resolve is \"{text}\": expected an address, or address:port"))
    })?;
    Ok(SocketAddr::new(ip, url.port_or_known_default().unwrap_or(80)))
}

/// A request of an endpoint without a script behind it, for what is undone.
pub(super) async fn bare(world: &World, method: &str, url: &str, endpoint: Option<&Endpoint>) -> Result<Request> {
    let method = Method::from_bytes(method.to_uppercase().as_bytes())
        .map_err(|_| Error::new(Kind::Script, format!("\"{method}\" is no HTTP method")))?;
    let url = match endpoint {
        Some(endpoint) if !url.contains("://") => endpoint.join(url)?,
        _ => parse_url(url)?,
    };
    let mut request = Request::new(method, url, CONNECT_LIMIT);
    let Some(endpoint) = endpoint else { return Ok(request) };
    endpoint.credentials(world)?.put_into(world, &mut request).await?;
    if let Some(ca) = &endpoint.config.ca {
        request.trust = Trust::file(ca)?;
    }
    if let Some(text) = &endpoint.config.resolve {
        request.connect_to = Some(address("undo", text, &request.url)?);
    }
    Ok(request)
}

/// How long a bare request may take.
pub(super) const BARE_LIMIT: Duration = Duration::from_secs(30);
