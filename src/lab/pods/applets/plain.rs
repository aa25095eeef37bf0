//! Programs that need nothing but their words: `echo`, `sleep`, `test`, `date` …

use std::time::Duration;

use super::{Context, Outcome, Takes};
use crate::lab::pods::words::hostname;

pub(super) fn run(context: &Context<'_>, name: &str, words: &[String], input: &str) -> Option<Outcome> {
    let variable = |name: &str| context.variables.get(name).cloned();
    Some(match name {
        "true" | ":" => Outcome::default(),
        "false" => Outcome::ended(1),
        "echo" => echo(words),
        "printf" => printf(words),
        "sleep" => sleep(words),
        "usleep" => Outcome::takes(Takes::Sleep(Duration::from_micros(words.first()?.parse().ok()?))),
        "pause" => Outcome::takes(Takes::Forever),
        "hostname" => Outcome::printed(format!("{}\n", hostname(context.pod))),
        "whoami" => Outcome::printed(if user(context) == 0 { "root\n" } else { "nobody\n" }),
        "id" => match words.first().map(String::as_str) {
            Some("-u") => Outcome::printed(format!("{}\n", user(context))),
            Some("-g") => Outcome::printed("0\n"),
            _ if user(context) == 0 => Outcome::printed("uid=0(root) gid=0(root) groups=0(root),10(wheel)\n"),
            _ => Outcome::printed(format!("uid={} gid=0(root) groups=0(root)\n", user(context))),
        },
        "pwd" => Outcome::printed(format!("{}\n", context.folder)),
        "uname" => match words.first().map(String::as_str) {
            Some("-r") => Outcome::printed("6.12.48-talos\n"),
            Some("-m") => Outcome::printed("x86_64\n"),
            Some("-n") => Outcome::printed(format!("{}\n", hostname(context.pod))),
            Some("-a") => {
                Outcome::printed(format!("Linux {} 6.12.48-talos #1 SMP x86_64 GNU/Linux\n", hostname(context.pod)))
            }
            _ => Outcome::printed("Linux\n"),
        },
        "env" | "printenv" if words.is_empty() => Outcome::printed(
            context.variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect::<String>(),
        ),
        "printenv" => match variable(words.first()?) {
            Some(value) => Outcome::printed(format!("{value}\n")),
            None => Outcome::ended(1),
        },
        "env" => {
            let mut variables = context.variables.clone();
            let assigned = words.iter().take_while(|word| word.contains('=')).count();
            variables.extend(
                words[..assigned].iter().filter_map(|word| word.split_once('=')).map(|(k, v)| (k.into(), v.into())),
            );
            return super::run(&Context { variables: &variables, ..*context }, &words[assigned..], input);
        }
        "date" => date(context, words),
        "test" | "[" => {
            let words = if name == "[" { words.split_last().map_or(words, |(_, rest)| rest) } else { words };
            Outcome::ended(i32::from(!test(context, words)))
        }
        "expr" => {
            let value = crate::lab::pods::script::calculate(&words.join(" "));
            Outcome { code: i32::from(value == 0), ..Outcome::printed(format!("{value}\n")) }
        }
        "seq" => seq(words),
        "timeout" => return timeout(context, words, input),
        "yes" => Outcome { takes: Takes::Forever, ..Outcome::printed("y\n".repeat(100)) },
        "kill" | "sync" | "chmod" | "chown" | "ln" | "mount" | "clear" | "reset" | "stty" => Outcome::default(),
        "which" | "type" => match words.first().filter(|word| super::is_there(word)) {
            Some(word) => Outcome::printed(format!("/bin/{word}\n")),
            None => Outcome::ended(1),
        },
        "nproc" => Outcome::printed("8\n"),
        "uptime" => Outcome::printed(format!(
            "{} up 3 days,  8:00,  0 users,  load average: 0.42, 0.36, 0.31\n",
            context.now.strftime("%H:%M:%S")
        )),
        "ps" => {
            let own = crate::lab::pods::words::command(context.container).join(" ");
            Outcome::printed(format!("PID   USER     TIME  COMMAND\n    1 root      0:00 {own}\n"))
        }
        _ => return None,
    })
}

fn user(context: &Context<'_>) -> i64 {
    let of = |part: &serde_json::Value| part["securityContext"]["runAsUser"].as_i64();
    of(context.container).or_else(|| of(&context.pod["spec"])).unwrap_or(0)
}

fn echo(words: &[String]) -> Outcome {
    let flags = words.iter().take_while(|word| matches!(word.as_str(), "-n" | "-e" | "-ne" | "-en")).count();
    let has = |flag: char| words[..flags].iter().any(|word| word.contains(flag));
    let mut text = words[flags..].join(" ");
    if has('e') {
        text = escaped(&text);
    }
    if !has('n') {
        text.push('\n');
    }
    Outcome::printed(text)
}

fn escaped(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r").replace("\\\\", "\\")
}

fn printf(words: &[String]) -> Outcome {
    let Some((format, values)) = words.split_first() else {
        return Outcome::failed("printf: usage: printf FORMAT [ARG]...\n", 1);
    };
    let format = escaped(format);
    let mut out = String::new();
    let mut values = values.iter();
    loop {
        let before = values.len();
        let mut chars = format.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut width = String::new();
            while chars.peek().is_some_and(|c| c.is_ascii_digit() || matches!(c, '-' | '.')) {
                width.extend(chars.next());
            }
            match chars.next() {
                Some('%') => out.push('%'),
                Some('d' | 'i') => {
                    let number = values.next().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
                    let wide = width.trim_start_matches('0').parse().unwrap_or(0);
                    out.push_str(&if width.starts_with('0') {
                        format!("{number:0wide$}")
                    } else {
                        format!("{number:wide$}")
                    });
                }
                Some(_) => {
                    let wide = width.parse::<usize>().unwrap_or(0);
                    out.push_str(&format!("{:>wide$}", values.next().map_or("", String::as_str)));
                }
                None => out.push('%'),
            }
        }
        if values.len() == 0 || values.len() == before {
            return Outcome::printed(out);
        }
    }
}

/// `sleep 5`, `sleep 1m`, `sleep infinity`
fn sleep(words: &[String]) -> Outcome {
    let mut span = Duration::ZERO;
    for word in words {
        if matches!(word.as_str(), "infinity" | "inf") {
            return Outcome::takes(Takes::Forever);
        }
        match seconds(word) {
            Some(part) => span += part,
            None => return Outcome::failed(format!("sleep: invalid number '{word}'\n"), 1),
        }
    }
    if words.is_empty() {
        return Outcome::failed("BusyBox v1.37.0 () multi-call binary.\n\nUsage: sleep [N]...\n", 1);
    }
    Outcome::takes(Takes::Sleep(span))
}

fn seconds(text: &str) -> Option<Duration> {
    let (number, unit) = match text.char_indices().last()? {
        (at, 's') => (&text[..at], 1.0),
        (at, 'm') => (&text[..at], 60.0),
        (at, 'h') => (&text[..at], 3600.0),
        (at, 'd') => (&text[..at], 86_400.0),
        _ => (text, 1.0),
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()
}

/// `timeout 5 wget …`
fn timeout(context: &Context<'_>, words: &[String], input: &str) -> Option<Outcome> {
    let at = words.iter().position(|word| seconds(word).is_some())?;
    let limit = seconds(&words[at])?;
    let outcome = super::run(context, &words[at + 1..], input)?;
    let over = match outcome.takes {
        Takes::Nothing => false,
        Takes::Sleep(span) => span > limit,
        Takes::Forever => true,
    };
    Some(if over { Outcome { code: 143, takes: Takes::Sleep(limit), ..outcome } } else { outcome })
}

fn date(context: &Context<'_>, words: &[String]) -> Outcome {
    let format = words.iter().find_map(|word| word.strip_prefix('+'));
    let utc = context.now.to_zoned(jiff::tz::TimeZone::UTC);
    let text = match format {
        Some(format) => jiff::fmt::strtime::format(format, &utc).unwrap_or_default(),
        None if words.iter().any(|word| word.starts_with("-I")) => utc.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
        None => utc.strftime("%a %b %e %H:%M:%S UTC %Y").to_string(),
    };
    Outcome::printed(text + "\n")
}

fn seq(words: &[String]) -> Outcome {
    let numbers: Vec<i64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let (first, step, last) = match numbers.as_slice() {
        [last] => (1, 1, *last),
        [first, last] => (*first, 1, *last),
        [first, step, last] => (*first, *step, *last),
        _ => return Outcome::failed("Usage: seq [-w] [-s SEP] [FIRST [INC]] LAST\n", 1),
    };
    let mut out = String::new();
    let mut at = first;
    while step != 0 && (if step > 0 { at <= last } else { at >= last }) && out.len() < 1_000_000 {
        out.push_str(&format!("{at}\n"));
        at += step;
    }
    Outcome::printed(out)
}

fn test(context: &Context<'_>, words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let Some(at) = words.iter().position(|word| *word == "-o") {
        return of(context, &words[..at]) || of(context, &words[at + 1..]);
    }
    match words.iter().position(|word| *word == "-a") {
        Some(at) => of(context, &words[..at]) && of(context, &words[at + 1..]),
        None => of(context, &words),
    }
}

fn of(context: &Context<'_>, words: &[&str]) -> bool {
    let files = context.files();
    let number = |text: &str| text.trim().parse::<i64>().unwrap_or(0);
    match words {
        ["!", rest @ ..] => !of(context, rest),
        ["-n", text] => !text.is_empty(),
        ["-z", text] => text.is_empty(),
        ["-f", path] => files.read(path).is_some(),
        ["-d", path] => files.is_folder(path),
        ["-e" | "-r" | "-w", path] => files.read(path).is_some() || files.is_folder(path),
        ["-s", path] => files.read(path).is_some_and(|text| !text.is_empty()),
        [a, "=" | "==", b] => a == b,
        [a, "!=", b] => a != b,
        [a, "-eq", b] => number(a) == number(b),
        [a, "-ne", b] => number(a) != number(b),
        [a, "-lt", b] => number(a) < number(b),
        [a, "-le", b] => number(a) <= number(b),
        [a, "-gt", b] => number(a) > number(b),
        [a, "-ge", b] => number(a) >= number(b),
        [text] => !text.is_empty(),
        _ => false,
    }
}

/// The words of a line that stands in an argument.
#[cfg(test)]
pub(super) fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_printed_as_they_are_asked_for() {
        assert_eq!(echo(&words("a b")).out, "a b\n");
        assert_eq!(echo(&words("-n a")).out, "a");
        assert_eq!(printf(&["%s=%d\\n".into(), "a".into(), "3".into(), "b".into(), "4".into()]).out, "a=3\nb=4\n");
        assert_eq!(printf(&["%03d".into(), "7".into()]).out, "007");
        assert_eq!(seq(&words("2 4")).out, "2\n3\n4\n");
        assert_eq!(sleep(&words("1m")).takes, Takes::Sleep(Duration::from_secs(60)));
        assert_eq!(sleep(&words("infinity")).takes, Takes::Forever);
        assert_eq!(crate::lab::pods::applets::operands(&words("-a -b x -c")), ["x", "-c"]);
    }
}
