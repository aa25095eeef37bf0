//! Programs that read text and write it otherwise: `cat`, `grep`, `head`, `wc`, `sort` …

use sha2::{Digest, Sha256};

use super::{Context, Outcome, Takes, flag, operands};

pub(super) fn run(context: &Context<'_>, name: &str, words: &[String], input: &str) -> Option<Outcome> {
    Some(match name {
        "cat" => each(context, "cat", words, input, str::to_owned),
        "tac" => {
            each(context, "tac", words, input, |text| text.lines().rev().map(|line| format!("{line}\n")).collect())
        }
        "head" => {
            let lines = count(words);
            let files = without_number(words);
            each(context, "head", &files, input, |text| {
                text.lines().take(lines).map(|line| format!("{line}\n")).collect()
            })
        }
        "tail" => {
            let lines = count(words);
            let files = without_number(words);
            let follows = words.iter().any(|word| word.starts_with("-f") || word == "-F");
            let mut outcome = each(context, "tail", &files, input, |text| {
                let all: Vec<&str> = text.lines().collect();
                all[all.len().saturating_sub(lines)..].iter().map(|line| format!("{line}\n")).collect()
            });
            if follows {
                outcome.takes = Takes::Forever;
            }
            outcome
        }
        "grep" => grep(context, words, input),
        "wc" => wc(context, words, input),
        "sort" => each(context, "sort", &files(words), input, |text| {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_unstable();
            if words.iter().any(|word| word == "-r") {
                lines.reverse();
            }
            if words.iter().any(|word| word == "-u") {
                lines.dedup();
            }
            lines.iter().map(|line| format!("{line}\n")).collect()
        }),
        "uniq" => each(context, "uniq", &files(words), input, |text| {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.dedup();
            lines.iter().map(|line| format!("{line}\n")).collect()
        }),
        "tr" => tr(words, input),
        "cut" => cut(words, input),
        "rev" => Outcome::printed(
            input.lines().map(|line| line.chars().rev().collect::<String>() + "\n").collect::<String>(),
        ),
        "tee" => {
            for path in files(words) {
                let append = words.iter().any(|word| word == "-a");
                if let Err(why) = context.files().write(&path, input, append) {
                    return Some(Outcome {
                        out: input.into(),
                        err: format!("tee: {path}: {why}\n"),
                        code: 1,
                        ..Outcome::default()
                    });
                }
            }
            Outcome::printed(input)
        }
        "sha256sum" => sums(context, words, input),
        "base64" => {
            use base64::Engine as _;
            let engine = base64::engine::general_purpose::STANDARD;
            if words.iter().any(|word| word == "-d") {
                let bytes = engine.decode(input.trim()).unwrap_or_default();
                Outcome::printed(String::from_utf8_lossy(&bytes))
            } else {
                each(context, "base64", &files(words), input, |text| engine.encode(text) + "\n")
            }
        }
        "sed" => sed(context, words, input),
        _ => return None,
    })
}

fn files(words: &[String]) -> Vec<String> {
    operands(words).into_iter().map(str::to_owned).collect()
}

/// Lines, words and bytes, of each file and of all together, as busybox lays them out.
fn wc(context: &Context<'_>, words: &[String], input: &str) -> Outcome {
    let flags: String = words.iter().filter_map(|word| word.strip_prefix('-')).collect();
    let wanted: Vec<usize> =
        "lwc".char_indices().filter(|(_, flag)| flags.is_empty() || flags.contains(*flag)).map(|(at, _)| at).collect();
    let row = |counts: &[usize; 3], name: &str| {
        let width = if wanted.len() > 1 { 9 } else { 0 };
        let cells: Vec<String> = wanted.iter().map(|at| format!("{:width$}", counts[*at])).collect();
        format!("{} {name}", cells.join(" ")).trim_end().to_owned() + "\n"
    };
    let paths = files(words);
    if paths.is_empty() || paths == ["-"] {
        return Outcome::printed(row(&counts(input), ""));
    }
    let mut outcome = Outcome::default();
    let mut total = [0; 3];
    for path in &paths {
        let one = each(context, "wc", std::slice::from_ref(path), input, |text| {
            let counts = counts(text);
            row(&counts, path)
        });
        if let Some(text) = source(context, path) {
            total.iter_mut().zip(counts(&text)).for_each(|(sum, count)| *sum += count);
        }
        outcome.out.push_str(&one.out);
        outcome.err.push_str(&one.err);
        outcome.code = outcome.code.max(one.code);
    }
    if paths.len() > 1 {
        outcome.out.push_str(&row(&total, "total"));
    }
    outcome
}

fn counts(text: &str) -> [usize; 3] {
    [text.lines().count(), text.split_whitespace().count(), text.len()]
}

/// Reads the files that are named, or the input where none is, and writes what becomes of them.
fn each(context: &Context<'_>, name: &str, words: &[String], input: &str, how: impl Fn(&str) -> String) -> Outcome {
    let paths = files(words);
    if paths.is_empty() || paths == ["-"] {
        return Outcome::printed(how(input));
    }
    let mut outcome = Outcome::default();
    for path in &paths {
        match source(context, path) {
            Some(text) => outcome.out.push_str(&how(&text)),
            None => {
                let what = if context.files().is_folder(path) { "Is a directory" } else { "No such file or directory" };
                let verb = if what.starts_with("Is") { "read error: " } else { "can't open " };
                outcome.err.push_str(&if verb.starts_with("can't") {
                    format!("{name}: can't open '{path}': {what}\n")
                } else {
                    format!("{name}: {verb}{what}\n")
                });
                outcome.code = 1;
            }
        }
    }
    outcome
}

fn source(context: &Context<'_>, path: &str) -> Option<String> {
    match path {
        "/dev/null" => Some(String::new()),
        "/proc/uptime" => Some("288000.00 2300000.00\n".into()),
        "/proc/version" => Some("Linux version 6.12.48-talos\n".into()),
        path => context.files().read(path),
    }
}

/// `-n 3`, `-3`; ten where it is not said.
fn count(words: &[String]) -> usize {
    let plain = words.iter().find_map(|word| word.strip_prefix('-')?.parse().ok());
    plain.or_else(|| flag(words, "-n")?.parse().ok()).unwrap_or(10)
}

fn without_number(words: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    let mut skip = false;
    for word in words {
        if skip {
            skip = false;
        } else if word == "-n" || word == "-c" {
            skip = true;
        } else if !word.starts_with('-') {
            out.push(word.clone());
        }
    }
    out
}

fn grep(context: &Context<'_>, words: &[String], input: &str) -> Outcome {
    let flags: String = words.iter().filter(|word| word.starts_with('-')).map(|word| &word[1..]).collect();
    let plain: Vec<&str> = words.iter().filter(|word| !word.starts_with('-')).map(String::as_str).collect();
    let Some((pattern, paths)) = plain.split_first() else {
        return Outcome::failed("Usage: grep PATTERN [FILE]...\n", 2);
    };
    let case = if flags.contains('i') { "(?i)" } else { "" };
    let wanted = if flags.contains('F') { regex::escape(pattern) } else { (*pattern).to_owned() };
    let Ok(pattern) = regex::Regex::new(&format!("{case}{wanted}")) else {
        return Outcome::failed(format!("grep: bad regex '{pattern}'\n"), 2);
    };
    let mut text = String::new();
    for path in paths {
        match source(context, path) {
            Some(more) => text.push_str(&more),
            None => return Outcome::failed(format!("grep: {path}: No such file or directory\n"), 2),
        }
    }
    let text = if paths.is_empty() { input } else { &text };
    let found: Vec<&str> = text.lines().filter(|line| pattern.is_match(line) != flags.contains('v')).collect();
    let code = i32::from(found.is_empty());
    if flags.contains('q') {
        return Outcome::ended(code);
    }
    let out = if flags.contains('c') {
        format!("{}\n", found.len())
    } else {
        found.iter().map(|line| format!("{line}\n")).collect()
    };
    Outcome { out, code, ..Outcome::default() }
}

fn tr(words: &[String], input: &str) -> Outcome {
    let set = |text: &str| -> Vec<char> {
        let plain =
            text.replace("\\n", "\n").replace("\\t", "\t").replace("[:upper:]", "A-Z").replace("[:lower:]", "a-z");
        let chars: Vec<char> = plain.chars().collect();
        let mut out = Vec::new();
        let mut at = 0;
        while at < chars.len() {
            if chars.get(at + 1) == Some(&'-') && at + 2 < chars.len() {
                out.extend(chars[at]..=chars[at + 2]);
                at += 3;
            } else {
                out.push(chars[at]);
                at += 1;
            }
        }
        out
    };
    match words {
        [flag, from] if flag == "-d" => {
            let from = set(from);
            Outcome::printed(input.chars().filter(|c| !from.contains(c)).collect::<String>())
        }
        [from, to] => {
            let (from, to) = (set(from), set(to));
            let map = |c: char| match from.iter().position(|f| *f == c) {
                Some(at) => to.get(at).or(to.last()).copied().unwrap_or(c),
                None => c,
            };
            Outcome::printed(input.chars().map(map).collect::<String>())
        }
        _ => Outcome::failed("Usage: tr [-cds] STRING1 [STRING2]\n", 1),
    }
}

fn cut(words: &[String], input: &str) -> Outcome {
    let between = flag(words, "-d").unwrap_or("\t").to_owned();
    let Some(fields) = flag(words, "-f") else {
        return Outcome::failed("cut: expected a list of bytes, characters, or fields\n", 1);
    };
    let wanted: Vec<usize> =
        fields.split(',').filter_map(|field| field.parse::<usize>().ok()?.checked_sub(1)).collect();
    let line = |line: &str| {
        let parts: Vec<&str> = line.split(between.as_str()).collect();
        let kept: Vec<&str> = wanted.iter().filter_map(|at| parts.get(*at).copied()).collect();
        kept.join(&between) + "\n"
    };
    Outcome::printed(input.lines().map(line).collect::<String>())
}

fn sums(context: &Context<'_>, words: &[String], input: &str) -> Outcome {
    let sum = |text: &str| Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let paths = files(words);
    if paths.is_empty() {
        return Outcome::printed(format!("{}  -\n", sum(input)));
    }
    let mut outcome = Outcome::default();
    for path in &paths {
        match source(context, path) {
            Some(text) => outcome.out.push_str(&format!("{}  {path}\n", sum(&text))),
            None => {
                outcome.err.push_str(&format!("sha256sum: can't open '{path}': No such file or directory\n"));
                outcome.code = 1;
            }
        }
    }
    outcome
}

/// `sed s/a/b/g`, which is what it is for nearly always.
fn sed(context: &Context<'_>, words: &[String], input: &str) -> Outcome {
    let plain = operands(words);
    let Some((script, paths)) = plain.split_first() else { return Outcome::failed("sed: no script\n", 1) };
    let mut chars = script.chars();
    let parts: Vec<&str> = match (chars.next(), chars.next()) {
        (Some('s'), Some(between)) => script[1..].split(between).collect(),
        _ => return Outcome::failed(format!("sed: unsupported command {script}\n"), 1),
    };
    let [_, from, to, flags] = parts.as_slice() else { return Outcome::failed("sed: unmatched '/'\n", 1) };
    let Ok(from) = regex::Regex::new(from) else { return Outcome::failed(format!("sed: bad regex '{from}'\n"), 1) };
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    each(context, "sed", &paths, input, |text| {
        let line = |line: &str| {
            if flags.contains('g') { from.replace_all(line, *to) } else { from.replace(line, *to) }.into_owned() + "\n"
        };
        text.lines().map(line).collect()
    })
}
