//! busybox' `wget`.

use std::time::Duration;

use super::web::{self, Url};
use super::{Context, Outcome, Takes};
use crate::lab::pods::line::{Answer, Request, What};

/// How often it follows.
const REDIRECTS: usize = 5;

/// What it was told.
#[derive(Debug, Default)]
struct Told {
    target: Option<String>,
    output: Option<String>,
    quiet: bool,
    shows_head: bool,
    spider: bool,
    limit: Option<Duration>,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Told {
    fn of(words: &[String]) -> Result<Self, String> {
        let mut told = Self::default();
        let mut words = words.iter();
        let seconds = |text: &str| text.parse().ok().map(Duration::from_secs);
        while let Some(word) = words.next() {
            if let Some(long) = word.strip_prefix("--") {
                let (name, own) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
                let mut value = || own.map(str::to_owned).or_else(|| words.next().cloned()).unwrap_or_default();
                match name {
                    "header" => told.headers.extend(web::header(&value())),
                    "post-data" => told.body = Some(value()),
                    "timeout" => told.limit = seconds(&value()),
                    "output-document" => told.output = Some(value()),
                    "user-agent" => told.headers.push(("user-agent".into(), value())),
                    "tries" | "directory-prefix" => drop(value()),
                    "spider" => told.spider = true,
                    "quiet" => told.quiet = true,
                    "server-response" => told.shows_head = true,
                    "no-check-certificate" | "continue" | "no-verbose" => {}
                    _ => return Err(format!("wget: unrecognized option: {name}\n")),
                }
            } else if let Some(short) = word.strip_prefix('-').filter(|short| !short.is_empty()) {
                let mut rest = short;
                while let Some(flag) = rest.chars().next() {
                    rest = &rest[flag.len_utf8()..];
                    if "OTUtPYo".contains(flag) {
                        let value =
                            if rest.is_empty() { words.next().cloned().unwrap_or_default() } else { rest.to_owned() };
                        match flag {
                            'O' => told.output = Some(value),
                            'T' => told.limit = seconds(&value),
                            'U' => told.headers.push(("user-agent".into(), value)),
                            _ => {}
                        }
                        break;
                    }
                    match flag {
                        'q' => told.quiet = true,
                        'S' => told.shows_head = true,
                        'c' | 'n' | 'v' => {}
                        _ => return Err(format!("wget: unrecognized option: {flag}\n")),
                    }
                }
            } else {
                told.target = Some(word.clone());
            }
        }
        Ok(told)
    }

    /// Where what comes goes to.
    fn file(&self, url: &Url) -> String {
        self.output.clone().unwrap_or_else(|| {
            let path = url.path.split(['?', '#']).next().unwrap_or_default();
            let last = path.rsplit('/').next().unwrap_or_default();
            if last.is_empty() { "index.html".into() } else { last.to_owned() }
        })
    }
}

pub(super) fn run(context: &Context<'_>, words: &[String]) -> Outcome {
    let told = match Told::of(words) {
        Ok(told) => told,
        Err(why) => return Outcome::failed(why, 1),
    };
    let Some(target) = &told.target else { return Outcome::failed("wget: missing URL\n", 1) };
    let Some(mut url) = Url::of(target) else {
        return Outcome::failed(format!("wget: not an http or ftp url: {target}\n"), 1);
    };
    let limit = told.limit.unwrap_or(web::PATIENCE);
    let mut said = String::new();
    for _ in 0..=REDIRECTS {
        let mut headers = vec![("host".to_owned(), url.authority()), ("user-agent".to_owned(), "Wget".to_owned())];
        headers.extend(told.headers.iter().cloned());
        if told.body.is_some() {
            headers.push(("content-type".into(), "application/x-www-form-urlencoded".into()));
        }
        let request = Request {
            method: if told.body.is_some() { "POST" } else { "GET" }.into(),
            path: url.path.clone(),
            headers,
            body: told.body.clone().unwrap_or_default(),
            secure: url.secure,
            // busybox looks at no certificate.
            verify: false,
        };
        let Some(came) = web::ask(context, &url, request, limit) else { return Outcome::default() };
        let at = came.at.map(|at| at.to_string()).unwrap_or_default();
        if !told.quiet && came.at.is_some() {
            said.push_str(&format!("Connecting to {} ({at}:{})\n", url.host, url.port));
            if url.secure {
                said.push_str("wget: note: TLS certificate validation not implemented\n");
            }
        }
        let takes = if context.line.is_some() { Takes::Nothing } else { Takes::Sleep(limit) };
        let why = match came.what {
            What::Answer(answer) => match web::moved(&url, &answer) {
                Some(next) if told.body.is_none() => {
                    url = next;
                    continue;
                }
                _ => return received(context, &told, &url, answer, said),
            },
            What::NoName | What::NoServer | What::Names(_) => format!("bad address '{}'", url.host),
            What::Refused => format!("can't connect to remote host ({at}): Connection refused"),
            What::Silent | What::Late => {
                let err = format!("{said}wget: download timed out\n");
                return Outcome { takes, ..Outcome::failed(err, 1) };
            }
            What::NoTls => "error:0A00010B:SSL routines::wrong version number".into(),
            What::Untrusted(why) => why,
            What::Cut | What::Open => "error getting response".into(),
        };
        return Outcome::failed(format!("{said}wget: {why}\n"), 1);
    }
    Outcome::failed(format!("{said}wget: too many redirections\n"), 1)
}

fn received(context: &Context<'_>, told: &Told, url: &Url, answer: Answer, mut said: String) -> Outcome {
    if told.shows_head {
        said.extend(answer.head().lines().filter(|line| !line.is_empty()).map(|line| format!("  {line}\n")));
    }
    if !(200..300).contains(&answer.status) {
        return Outcome::failed(format!("{said}wget: server returned error: {}\n", answer.line()), 1);
    }
    if told.spider {
        if !told.quiet {
            said.push_str("remote file exists\n");
        }
        return Outcome { err: said, ..Outcome::default() };
    }
    let file = told.file(url);
    let standard = file == "-";
    if !told.quiet {
        let (to, done) = if standard {
            ("writing to stdout".to_owned(), "written to stdout".to_owned())
        } else {
            (format!("saving to '{file}'"), format!("'{file}' saved"))
        };
        let bar = "*".repeat(32);
        said.push_str(&format!("{to}\n{file:<20} 100% |{bar}| {:>5}  0:00:00 ETA\n{done}\n", answer.body.len()));
    }
    let code = i32::from(answer.broken);
    if answer.broken {
        said.push_str("wget: connection closed prematurely\n");
    }
    if standard {
        return Outcome { out: answer.body, err: said, code, ..Outcome::default() };
    }
    if file != "/dev/null"
        && let Err(why) = context.files().write(&file, &answer.body, false)
    {
        return Outcome::failed(format!("{said}wget: can't open '{file}': {why}\n"), 1);
    }
    Outcome { err: said, code, ..Outcome::default() }
}
