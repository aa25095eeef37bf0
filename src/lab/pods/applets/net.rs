//! Programs that reach others: `nslookup`, `dig`, `wget`, `curl`, `nc`, `ping`, and `httpd`, which is reached.

use std::net::IpAddr;
use std::time::Duration;

use super::{Context, Outcome, Takes, flag};
use crate::lab::pods::reach::{self, Asker, Miss};
use crate::lab::services::outside::Outside;

/// How long a program waits for somebody who does not answer, unless it is told otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn run(context: &Context<'_>, name: &str, words: &[String], input: &str) -> Option<Outcome> {
    Some(match name {
        "nslookup" => nslookup(context, words),
        "dig" => dig(context, words),
        "wget" => wget(context, words),
        "curl" => curl(context, words),
        "nc" | "netcat" => nc(context, words, input),
        "ping" => ping(context, words),
        "httpd" => Outcome::takes(if words.iter().any(|word| word == "-f") { Takes::Forever } else { Takes::Nothing }),
        "ip" | "ifconfig" => Outcome::printed(format!("    inet {}/24 scope global eth0\n", own(context))),
        _ => return None,
    })
}

fn own(context: &Context<'_>) -> String {
    crate::lab::pods::words::text(context.pod, "/status/podIP").to_owned()
}

fn asker<'c>(context: &Context<'c>) -> Asker<'c> {
    Asker { objects: context.objects, pod: context.pod, now: context.now }
}

/// The addresses that the cluster's DNS has for a name: its own, and those outside as far as they are known here.
fn addresses(context: &Context<'_>, name: &str) -> Vec<IpAddr> {
    let own = reach::addresses(context.objects, context.pod, name);
    if own.is_empty() { reach::outsider(name).map(Outside::address).into_iter().collect() } else { own }
}

/// A host's address: as it is written, or by the cluster's DNS.
fn address(context: &Context<'_>, host: &str) -> Option<IpAddr> {
    if host == "localhost" {
        return "127.0.0.1".parse().ok();
    }
    host.parse().ok().or_else(|| {
        reach::resolver(asker(context))?;
        addresses(context, host).first().copied()
    })
}

/// busybox' `nslookup NAME`.
fn nslookup(context: &Context<'_>, words: &[String]) -> Outcome {
    let Some(name) = words.iter().find(|word| !word.starts_with('-')) else {
        return Outcome::failed("Usage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]\n", 1);
    };
    let Some(server) = reach::resolver(asker(context)) else {
        return Outcome::failed(";; connection timed out; no servers could be reached\n\n", 1);
    };
    let head = format!("Server:\t\t{server}\nAddress:\t{server}:53\n\n");
    let found = addresses(context, name);
    if found.is_empty() {
        let out = format!("{head}** server can't find {name}: NXDOMAIN\n\n");
        return Outcome { out, code: 1, ..Outcome::default() };
    }
    let rows: String = found.iter().map(|address| format!("Name:\t{name}\nAddress: {address}\n")).collect();
    Outcome::printed(format!("{head}{rows}\n"))
}

fn dig(context: &Context<'_>, words: &[String]) -> Outcome {
    let Some(name) = words.iter().find(|word| !word.starts_with(['-', '+', '@'])) else { return Outcome::ended(10) };
    let Some(server) = reach::resolver(asker(context)) else {
        return Outcome {
            out: ";; connection timed out; no servers could be reached\n".into(),
            code: 9,
            ..Outcome::default()
        };
    };
    let found = addresses(context, name);
    if words.iter().any(|word| word == "+short") {
        return Outcome::printed(found.iter().map(|address| format!("{address}\n")).collect::<String>());
    }
    let status = if found.is_empty() { "NXDOMAIN" } else { "NOERROR" };
    let rows: String = found.iter().map(|address| format!("{name}.\t30\tIN\tA\t{address}\n")).collect();
    Outcome::printed(format!(
        ";; ->>HEADER<<- opcode: QUERY, status: {status}, id: 4711\n\n;; ANSWER SECTION:\n{rows}\n;; SERVER: {server}#53({server})\n"
    ))
}

/// `http://host:port/path`
struct Url {
    host: String,
    port: u16,
    path: String,
}

fn url(text: &str) -> Option<Url> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let (authority, path) = rest.split_once('/').map_or((rest, String::new()), |(host, path)| (host, path.to_owned()));
    let usual = if scheme == "https" { 443 } else { 80 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, usual),
    };
    (!host.is_empty()).then(|| Url { host: host.to_owned(), port, path: format!("/{path}") })
}

/// The status and the body of an answer, or why there is none.
type Got = Result<(u16, String), Miss>;

/// What came of a GET; none where the name is not known.
fn get(context: &Context<'_>, url: &Url) -> Option<(IpAddr, Got)> {
    let at = address(context, &url.host)?;
    if at.is_loopback() {
        let answer = reach::answer(context.objects, context.pod, url.port, &url.path).ok_or(Miss::Refused);
        return Some((at, answer));
    }
    let got = match reach::outsider(&url.host) {
        // What it would say is its own affair: that it is there is what a pod can find out here.
        Some(host) => reach::connects(asker(context), host, &url.host, url.port).map(|()| (200, "ok\n".to_owned())),
        None => reach::get(asker(context), at, url.port, &url.path),
    };
    Some((at, got))
}

fn wget(context: &Context<'_>, words: &[String]) -> Outcome {
    let Some(target) = words.iter().rev().find(|word| !word.starts_with('-') && *word != "-") else {
        return Outcome::failed("wget: missing URL\n", 1);
    };
    let Some(url) = url(target) else { return Outcome::failed(format!("wget: not an http or ftp url: {target}\n"), 1) };
    let quiet = words.iter().any(|word| word.starts_with("-q"));
    let limit = flag(words, "-T").and_then(|text| text.parse().ok()).map_or(PATIENCE, Duration::from_secs);
    let Some((at, answer)) = get(context, &url) else {
        return Outcome::failed(format!("wget: bad address '{}'\n", url.host), 1);
    };
    let head = if quiet { String::new() } else { format!("Connecting to {} ({at}:{})\n", url.host, url.port) };
    match answer {
        Ok((200, text)) => {
            let output = |word: &String| word.starts_with('-') && !word.starts_with("--") && word.contains('O');
            let file = words.iter().position(output);
            let to = file.and_then(|at| {
                let rest = words[at].split_once('O').map_or("", |(_, rest)| rest);
                if rest.is_empty() { words.get(at + 1).map(String::as_str) } else { Some(rest) }
            });
            let shown = match to {
                Some("-") => return Outcome { out: text, err: head, ..Outcome::default() },
                Some(file) => file.to_owned(),
                None => Some(url.path.rsplit('/').next().unwrap_or_default())
                    .filter(|name| !name.is_empty())
                    .unwrap_or("index.html")
                    .to_owned(),
            };
            if shown == "/dev/null" {
                return Outcome { err: head, ..Outcome::default() };
            }
            match context.files().write(&shown, &text, false) {
                Ok(()) => Outcome { err: head, ..Outcome::default() },
                Err(why) => Outcome::failed(format!("{head}wget: can't open '{shown}': {why}\n"), 1),
            }
        }
        Ok((code, _)) => {
            let words = if code == 404 { "404 Not Found".to_owned() } else { code.to_string() };
            Outcome::failed(format!("{head}wget: server returned error: HTTP/1.1 {words}\n"), 1)
        }
        Err(Miss::Refused) => {
            Outcome::failed(format!("{head}wget: can't connect to remote host ({at}): Connection refused\n"), 1)
        }
        Err(Miss::Silent) => {
            Outcome { takes: Takes::Sleep(limit), ..Outcome::failed(format!("{head}wget: download timed out\n"), 1) }
        }
    }
}

fn curl(context: &Context<'_>, words: &[String]) -> Outcome {
    let values = ["-o", "-m", "-w", "-H", "-X", "--max-time", "--connect-timeout", "-d", "--retry"];
    let mut at = 0;
    let mut target = None;
    while at < words.len() {
        if values.contains(&words[at].as_str()) {
            at += 1;
        } else if !words[at].starts_with('-') {
            target = Some(&words[at]);
        }
        at += 1;
    }
    let Some(url) = target.and_then(|text| url(text)) else {
        return Outcome::failed("curl: (2) no URL specified\n", 2);
    };
    let limit = ["-m", "--max-time", "--connect-timeout"].iter().find_map(|name| flag(words, name)?.parse().ok());
    let limit = limit.map_or(PATIENCE, Duration::from_secs);
    let Some((_, answer)) = get(context, &url) else {
        return Outcome::failed(format!("curl: (6) Could not resolve host: {}\n", url.host), 6);
    };
    let (host, port) = (&url.host, url.port);
    match answer {
        Ok((code, _))
            if code >= 400
                && words
                    .iter()
                    .any(|word| word.starts_with("-f") || (word.starts_with("-s") && word.contains('f'))) =>
        {
            Outcome::failed(format!("curl: (22) The requested URL returned error: {code}\n"), 22)
        }
        Ok((code, text)) => {
            let text = if flag(words, "-o") == Some("/dev/null") { String::new() } else { text };
            let format = words.iter().position(|word| word == "-w").and_then(|at| words.get(at + 1));
            let tail = format.map(|format| format.replace("%{http_code}", &code.to_string()).replace("\\n", "\n"));
            Outcome::printed(format!("{text}{}", tail.unwrap_or_default()))
        }
        Err(Miss::Refused) => Outcome::failed(
            format!("curl: (7) Failed to connect to {host} port {port} after 1 ms: Could not connect to server\n"),
            7,
        ),
        Err(Miss::Silent) => {
            let text = format!("curl: (28) Connection timed out after {} milliseconds\n", limit.as_millis());
            Outcome { takes: Takes::Sleep(limit), ..Outcome::failed(text, 28) }
        }
    }
}

fn nc(context: &Context<'_>, words: &[String], _input: &str) -> Outcome {
    if words.iter().any(|word| word.starts_with('-') && word.contains('l')) {
        return Outcome::takes(Takes::Forever);
    }
    let mut plain = Vec::new();
    let mut skip = false;
    for word in words {
        match word.as_str() {
            _ if skip => skip = false,
            "-w" | "-p" | "-s" | "-i" => skip = true,
            word if word.starts_with('-') => {}
            word => plain.push(word),
        }
    }
    let (Some(host), Some(port)) = (plain.first(), plain.get(1).and_then(|port| port.parse::<u16>().ok())) else {
        return Outcome::failed("Usage: nc [-l] [-p PORT] [IPADDR PORT]\n", 1);
    };
    let Some(at) = address(context, host) else { return Outcome::failed(format!("nc: bad address '{host}'\n"), 1) };
    let found = if at.is_loopback() {
        reach::listener(context.pod, port).map(|_| ()).ok_or(Miss::Refused)
    } else if let Some(outsider) = reach::outsider(host) {
        reach::connects(asker(context), outsider, host, port)
    } else {
        reach::find(asker(context), at, port)
            .and_then(|(pod, own)| reach::listener(&pod, own).map(|_| ()).ok_or(Miss::Refused))
    };
    let told = words.iter().any(|word| word.starts_with('-') && word.contains('v'));
    match found {
        Ok(()) if told => Outcome { err: format!("{host} ({at}:{port}) open\n"), ..Outcome::default() },
        Ok(()) => Outcome::default(),
        Err(Miss::Refused) => Outcome::failed(format!("nc: {host} ({at}:{port}): Connection refused\n"), 1),
        Err(Miss::Silent) => {
            let limit = flag(words, "-w").and_then(|text| text.parse().ok()).map_or(PATIENCE, Duration::from_secs);
            Outcome {
                takes: Takes::Sleep(limit),
                ..Outcome::failed(format!("nc: {host} ({at}:{port}): Connection timed out\n"), 1)
            }
        }
    }
}

fn ping(context: &Context<'_>, words: &[String]) -> Outcome {
    let Some(host) = words.iter().rev().find(|word| !word.starts_with('-') && word.parse::<u32>().is_err()) else {
        return Outcome::failed("ping: missing host\n", 1);
    };
    let Some(at) = address(context, host) else { return Outcome::failed(format!("ping: bad address '{host}'\n"), 1) };
    let count: u32 = flag(words, "-c").and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let text = at.to_string();
    // Pods and nodes answer; a Service's address alone does not.
    let there = at.is_loopback()
        || context.objects.store.list("pods", "").any(|(_, pod)| pod.value["status"]["podIP"] == text.as_str())
        || context.objects.store.list("nodes", "").any(|(_, node)| {
            crate::lab::pods::words::list(&node.value, "/status/addresses")
                .iter()
                .any(|one| one["address"] == text.as_str())
        });
    let mut out = format!("PING {host} ({at}): 56 data bytes\n");
    let shown = count.min(100);
    if there {
        for number in 0..shown {
            out.push_str(&format!("64 bytes from {at}: seq={number} ttl=63 time=0.{:03} ms\n", 80 + number % 40));
        }
    }
    let (received, loss) = if there { (count, 0) } else { (0, 100) };
    out.push_str(&format!("\n--- {host} ping statistics ---\n{count} packets transmitted, {received} packets received, {loss}% packet loss\n"));
    if there {
        out.push_str("round-trip min/avg/max = 0.080/0.099/0.119 ms\n");
    }
    let takes = if count >= 1_000 {
        Takes::Forever
    } else {
        Takes::Sleep(Duration::from_secs(u64::from(count.saturating_sub(1))))
    };
    Outcome { out, code: i32::from(!there), takes, ..Outcome::default() }
}
