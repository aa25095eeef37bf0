//! `curl`.

mod told;
mod write_out;

use base64::Engine as _;

use self::told::Told;
use self::write_out::Facts;
use super::web::{self, Url};
use super::{Context, Outcome, Takes};
use crate::lab::pods::line::{Answer, Came, Request, What};

/// How often it follows, unless it is told otherwise.
const REDIRECTS: usize = 50;

pub(super) fn run(context: &Context<'_>, words: &[String], input: &str) -> Outcome {
    let told = match Told::of(words) {
        Ok(told) => told,
        Err(why) => return Outcome::failed(why, 2),
    };
    let Some(target) = &told.target else { return Outcome::failed("curl: (2) no URL specified\n", 2) };
    let Some(mut url) = Url::of(target) else {
        let scheme = target.split("://").next().unwrap_or_default();
        return failed(&told, &Facts::default(), 1, &format!("Protocol \"{scheme}\" not supported"), "");
    };
    let body = match told.body(context, input) {
        Ok(body) => body,
        Err(why) => return Outcome::failed(why, 26),
    };
    if let (true, Some(body)) = (told.in_query, &body) {
        let joint = if url.path.contains('?') { '&' } else { '?' };
        url.path = format!("{}{joint}{body}", url.path);
    }
    let mut method = told.method(body.is_some());
    let mut facts = Facts::default();
    let mut shown = String::new();
    loop {
        let sent = body.clone().filter(|_| !told.in_query && !matches!(method.as_str(), "GET" | "HEAD"));
        let request = Request {
            method: method.clone(),
            path: url.path.clone(),
            headers: headers(&told, &url, sent.is_some()),
            body: sent.unwrap_or_default(),
            secure: url.secure,
            verify: !told.insecure,
        };
        facts.sends(&url, &request);
        let Some(came) = web::ask(context, &url, request, told.limit()) else { return Outcome::default() };
        facts.came(&came);
        let answer = match answer(&told, &url, came) {
            Ok(answer) => answer,
            Err((code, why, takes)) => return Outcome { takes, ..failed(&told, &facts, code, &why, &shown) },
        };
        facts.answered(&url, &answer);
        if told.head_too || method == "HEAD" {
            shown.push_str(&answer.head());
        }
        if let Some(next) = web::moved(&url, &answer).filter(|_| told.follows) {
            if facts.redirects >= REDIRECTS {
                return failed(&told, &facts, 47, "Maximum (50) redirects followed", &shown);
            }
            facts.redirects += 1;
            if answer.status == 303 || (matches!(answer.status, 301 | 302) && method == "POST") {
                method = "GET".into();
            }
            url = next;
            continue;
        }
        return ended(context, &told, &facts, &answer, shown);
    }
}

fn headers(told: &Told, url: &Url, sends: bool) -> Vec<(String, String)> {
    let mut all = vec![
        ("host".to_owned(), url.authority()),
        ("user-agent".to_owned(), "curl/8.16.0".to_owned()),
        ("accept".to_owned(), "*/*".to_owned()),
    ];
    if let Some(user) = told.user.as_ref().or(url.user.as_ref()) {
        let text = base64::engine::general_purpose::STANDARD.encode(user);
        all.push(("authorization".into(), format!("Basic {text}")));
    }
    if sends {
        all.push(("content-type".into(), told.media.into()));
    }
    for (name, value) in &told.headers {
        all.retain(|(own, _)| own != name);
        all.push((name.clone(), value.clone()));
    }
    all
}

/// The answer, or the exit code and why there is none.
fn answer(told: &Told, url: &Url, came: Came) -> Result<Answer, (i32, String, Takes)> {
    let (host, port, limit) = (&url.host, url.port, told.limit().as_millis());
    // Whoever was asked by oneself has not waited yet.
    let waits = if came.took.is_zero() { Takes::Sleep(told.limit()) } else { Takes::Nothing };
    let none = Takes::Nothing;
    Err(match came.what {
        What::Answer(answer) => return Ok(answer),
        What::NoName | What::NoServer | What::Names(_) => (6, format!("Could not resolve host: {host}"), none),
        What::Refused => {
            let ms = came.took.as_millis().max(1);
            let why = format!("Failed to connect to {host} port {port} after {ms} ms: Could not connect to server");
            (7, why, none)
        }
        What::Silent => (28, format!("Connection timed out after {limit} milliseconds"), waits),
        What::Late => (28, format!("Operation timed out after {limit} milliseconds with 0 bytes received"), waits),
        What::Cut | What::Open => (52, "Empty reply from server".into(), none),
        What::NoTls => (35, "TLS connect error: error:0A00010B:SSL routines::wrong version number".into(), none),
        What::Untrusted(why) => {
            let more = "More details here: https://curl.se/docs/sslcerts.html\n\ncurl failed to verify the legitimacy of the \
                        server and therefore could not\nestablish a secure connection to it. To learn more about this \
                        situation and\nhow to fix it, please visit the webpage mentioned above.";
            (60, format!("{why}\n{more}"), none)
        }
    })
}

fn failed(told: &Told, facts: &Facts, code: i32, why: &str, shown: &str) -> Outcome {
    let err = if told.silent && !told.shows_errors { String::new() } else { format!("curl: ({code}) {why}\n") };
    let out = format!("{shown}{}", told.format.as_ref().map(|format| facts.written(format, code)).unwrap_or_default());
    Outcome { out, err, code, ..Outcome::default() }
}

fn ended(context: &Context<'_>, told: &Told, facts: &Facts, answer: &Answer, shown: String) -> Outcome {
    if told.fails && answer.status >= 400 {
        let why = format!("The requested URL returned error: {}", answer.status);
        let shown = if told.fails_with_body { format!("{shown}{}", answer.body) } else { shown };
        return failed(told, facts, 22, &why, &shown);
    }
    let text = format!("{shown}{}", answer.body);
    let kept = match told.file(facts) {
        None => text,
        Some(file) if file == "/dev/null" => String::new(),
        Some(file) => match context.files().write(&file, &text, false) {
            Ok(()) => String::new(),
            Err(why) => {
                let said = format!("Warning: Failed to open the file {file}: {why}\n");
                let outcome = failed(told, facts, 23, "client returned ERROR on write, 0 bytes written", "");
                return Outcome { err: format!("{said}{}", outcome.err), ..outcome };
            }
        },
    };
    if answer.broken {
        return failed(told, facts, 56, "Recv failure: Connection reset by peer", &kept);
    }
    let tail = told.format.as_ref().map(|format| facts.written(format, 0)).unwrap_or_default();
    Outcome::printed(format!("{kept}{tail}"))
}
