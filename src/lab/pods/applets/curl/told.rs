//! What `curl` was told.

use std::time::Duration;

use super::super::{Context, web};
use super::write_out::Facts;

/// The options that it knows, as far as they change anything here.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) target: Option<String>,
    pub(super) silent: bool,
    pub(super) shows_errors: bool,
    pub(super) fails: bool,
    pub(super) fails_with_body: bool,
    pub(super) follows: bool,
    pub(super) insecure: bool,
    pub(super) head_too: bool,
    pub(super) headers: Vec<(String, String)>,
    pub(super) user: Option<String>,
    /// `-w`
    pub(super) format: Option<String>,
    /// `-G`
    pub(super) in_query: bool,
    pub(super) media: &'static str,
    head_only: bool,
    asked: Option<String>,
    output: Option<String>,
    by_name: bool,
    data: Vec<(Data, String)>,
    limits: Vec<Duration>,
}

/// How data are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Data {
    /// `@file` without its line ends.
    Plain,
    Raw,
    /// `@file` as it is.
    Binary,
    Encoded,
}

/// Long names of short options.
const LONG: &[(&str, char)] = &[
    ("silent", 's'),
    ("show-error", 'S'),
    ("fail", 'f'),
    ("location", 'L'),
    ("insecure", 'k'),
    ("include", 'i'),
    ("head", 'I'),
    ("get", 'G'),
    ("remote-name", 'O'),
    ("verbose", 'v'),
    ("no-progress-meter", 's'),
    ("ipv4", '4'),
    ("ipv6", '6'),
    ("http1.1", '0'),
    ("http2", '0'),
    ("compressed", '0'),
    ("globoff", 'g'),
    ("no-buffer", 'N'),
    ("output", 'o'),
    ("max-time", 'm'),
    ("write-out", 'w'),
    ("header", 'H'),
    ("request", 'X'),
    ("data", 'd'),
    ("user", 'u'),
    ("user-agent", 'A'),
    ("cacert", 'E'),
    ("referer", 'e'),
];
/// Those with a value that have no short form, or that are not heeded.
const VALUES: &[&str] = &[
    "connect-timeout",
    "retry",
    "retry-delay",
    "retry-max-time",
    "data-raw",
    "data-binary",
    "data-ascii",
    "data-urlencode",
    "json",
    "url",
];

impl Told {
    /// Reads them.
    ///
    /// # Errors
    /// What it says of one that it does not know.
    pub(super) fn of(words: &[String]) -> Result<Self, String> {
        let mut told = Self { media: "application/x-www-form-urlencoded", ..Self::default() };
        let unknown = |word: &str| {
            format!(
                "curl: option {word}: is unknown\ncurl: try 'curl --help' or 'curl --manual' for more information\n"
            )
        };
        let wanting = |word: &str| format!("curl: option {word}: requires parameter\n");
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty()) {
                if VALUES.contains(&long) {
                    told.named(long, words.next().ok_or_else(|| wanting(word))?);
                } else if matches!(long, "fail-with-body") {
                    (told.fails, told.fails_with_body) = (true, true);
                } else if matches!(long, "retry-connrefused" | "retry-all-errors" | "tcp-nodelay" | "path-as-is") {
                } else if let Some((_, short)) = LONG.iter().find(|(name, _)| *name == long) {
                    let value = if takes(*short) { words.next().ok_or_else(|| wanting(word))? } else { "" };
                    told.short(*short, value);
                } else {
                    return Err(unknown(word));
                }
            } else if let Some(mut rest) = word.strip_prefix('-').filter(|short| !short.is_empty()) {
                while let Some(flag) = rest.chars().next() {
                    rest = &rest[flag.len_utf8()..];
                    if takes(flag) {
                        let value = if rest.is_empty() { words.next().ok_or_else(|| wanting(word))? } else { rest };
                        told.short(flag, value);
                        break;
                    }
                    if !told.short(flag, "") {
                        return Err(unknown(word));
                    }
                }
            } else {
                told.target = Some(word.clone());
            }
        }
        Ok(told)
    }

    fn named(&mut self, name: &str, value: &str) {
        match name {
            "connect-timeout" => self.limits.extend(seconds(value)),
            "url" => self.target = Some(value.to_owned()),
            "json" => {
                self.media = "application/json";
                self.headers.push(("accept".into(), "application/json".into()));
                self.data.push((Data::Binary, value.to_owned()));
            }
            "data-raw" => self.data.push((Data::Raw, value.to_owned())),
            "data-binary" => self.data.push((Data::Binary, value.to_owned())),
            "data-ascii" => self.data.push((Data::Plain, value.to_owned())),
            "data-urlencode" => self.data.push((Data::Encoded, value.to_owned())),
            _ => {}
        }
    }

    /// Whether there is such an option.
    fn short(&mut self, flag: char, value: &str) -> bool {
        match flag {
            's' => self.silent = true,
            'S' => self.shows_errors = true,
            'f' => self.fails = true,
            'L' => self.follows = true,
            'k' => self.insecure = true,
            'i' => self.head_too = true,
            'I' => self.head_only = true,
            'G' => self.in_query = true,
            'O' => self.by_name = true,
            'o' => self.output = Some(value.to_owned()),
            'm' => self.limits.extend(seconds(value)),
            'w' => self.format = Some(value.to_owned()),
            'H' => self.headers.extend(web::header(value)),
            'X' => self.asked = Some(value.to_owned()),
            'd' => self.data.push((Data::Plain, value.to_owned())),
            'u' => self.user = Some(value.to_owned()),
            'A' => self.headers.push(("user-agent".into(), value.to_owned())),
            'e' => self.headers.push(("referer".into(), value.to_owned())),
            'v' | '4' | '6' | '0' | 'g' | 'N' | 'E' | '#' | 'q' => {}
            _ => return false,
        }
        true
    }

    /// How long it waits.
    pub(super) fn limit(&self) -> Duration {
        self.limits.iter().min().copied().unwrap_or(web::PATIENCE)
    }

    /// The verb.
    pub(super) fn method(&self, sends: bool) -> String {
        let usual = match (self.head_only, sends && !self.in_query) {
            (true, _) => "HEAD",
            (_, true) => "POST",
            _ => "GET",
        };
        self.asked.clone().unwrap_or_else(|| usual.to_owned())
    }

    /// Where what comes goes to; none where it is printed.
    pub(super) fn file(&self, facts: &Facts) -> Option<String> {
        if self.by_name && self.output.is_none() {
            let path = facts.url.split(['?', '#']).next().unwrap_or_default();
            return path.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned);
        }
        self.output.clone().filter(|file| file != "-")
    }

    /// What is sent; several pieces are joined as those of a form.
    ///
    /// # Errors
    /// What it says of a file that is not there.
    pub(super) fn body(&self, context: &Context<'_>, input: &str) -> Result<Option<String>, String> {
        if self.data.is_empty() {
            return Ok(None);
        }
        let mut all = Vec::new();
        for (kind, text) in &self.data {
            let file = text.strip_prefix('@').filter(|_| matches!(kind, Data::Plain | Data::Binary));
            let read = match file {
                None if *kind == Data::Encoded => match text.split_once('=') {
                    Some(("", value)) => encoded(value),
                    Some((name, value)) => format!("{name}={}", encoded(value)),
                    None => encoded(text),
                },
                None => text.clone(),
                Some("-") => input.to_owned(),
                Some(file) => context.files().read(file).ok_or_else(|| {
                    format!("curl: option -d: error encountered when reading a file\ncurl: Failed to open {file}\n")
                })?,
            };
            let whole = file.is_none() || *kind == Data::Binary;
            all.push(if whole { read } else { read.replace(['\n', '\r'], "") });
        }
        Ok(Some(all.join("&")))
    }
}

fn takes(flag: char) -> bool {
    "omwHXduAeE".contains(flag)
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).filter(|span| !span.is_zero())
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
