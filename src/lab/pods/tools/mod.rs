//! The programs that containers have, as busybox has them: small, and on the files of the container.
//!
//! | module | what lives there |
//! |---|---|
//! | `files` | `cat`, `ls`, `mkdir`, `rm`, `cp`, `test`, `tar` … |
//! | `text` | `echo`, `printf`, `head`, `wc`, `sort`, `grep` … |
//! | `place` | what is around: variables, mounted files, names |
//!
//! What neither has is asked of [`super::programs`], which acts on the cluster.

mod files;
mod place;
mod text;

use std::collections::BTreeMap;

use super::shell::Around;
use super::{platform, programs};

pub(crate) use place::{environment, file, listing};

/// What a program wrote, and how it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) code: i32,
}

impl Ran {
    fn printed(text: impl Into<Vec<u8>>) -> Self {
        Self { stdout: text.into(), ..Self::default() }
    }

    fn failed(text: impl Into<Vec<u8>>, code: i32) -> Self {
        Self { stderr: text.into(), code, ..Self::default() }
    }

    fn ended(code: i32) -> Self {
        Self { code, ..Self::default() }
    }
}

/// What a program reads of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    All,
    /// Up to the end of the archive that it is.
    Archive,
}

/// What the shell itself has.
const SHELLS: [&str; 4] = ["sh", "ash", "bash", "sleep"];

fn base(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or_default()
}

/// What a program reads of its input; none where it does not look at it.
pub(crate) fn reads(words: &[String]) -> Option<Reads> {
    let (name, arguments) = words.split_first()?;
    let plain = arguments.iter().filter(|word| !word.starts_with('-') || word.as_str() == "-");
    let files = plain.clone().count();
    let all = |reads: bool| reads.then_some(Reads::All);
    match base(name) {
        "cat" => all(files == 0 || plain.clone().any(|word| word == "-")),
        "wc" | "sort" | "uniq" | "base64" | "md5sum" | "sha256sum" | "tac" => all(files == 0),
        "head" | "tail" => all(plain.filter(|word| word.parse::<u64>().is_err()).count() == 0),
        "grep" | "sed" | "tr" | "cut" => all(files <= 1 + usize::from(base(name) == "tr")),
        "tee" | "xargs" => Some(Reads::All),
        _ if platform::reads(words) => Some(Reads::All),
        "tar" => files::extracts(arguments).then_some(Reads::Archive),
        _ => None,
    }
}

/// `1.5`, `10s`, `2m`, `1h` in seconds.
pub(crate) fn seconds(text: &str) -> Option<f64> {
    let (number, unit) = match text.chars().last()? {
        's' => (&text[..text.len() - 1], 1.0),
        'm' => (&text[..text.len() - 1], 60.0),
        'h' => (&text[..text.len() - 1], 3600.0),
        _ if text == "infinity" => return Some(f64::from(u32::MAX)),
        _ => (text, 1.0),
    };
    number.parse::<f64>().ok().filter(|number| *number >= 0.0).map(|number| number * unit)
}

/// Whether a container has a program.
pub(crate) fn knows(around: &Around, words: &[String]) -> bool {
    let name = words.first().map(String::as_str).unwrap_or_default();
    SHELLS.contains(&base(name))
        || files::NAMES.contains(&base(name))
        || text::NAMES.contains(&base(name))
        || place::NAMES.contains(&base(name))
        || platform::knows(&around.pod, name)
        || programs::run(&around.cluster.world(), &around.pod, words).is_some()
}

/// Runs a program in a folder. None where the container has no such program.
pub(crate) fn run(
    around: &Around,
    folder: &str,
    variables: &BTreeMap<String, String>,
    words: &[String],
    input: &[u8],
) -> Option<Ran> {
    let (name, arguments) = words.split_first()?;
    let name = base(name);
    let own = files::run(around, folder, name, arguments, input)
        .or_else(|| text::run(around, folder, name, arguments, input))
        .or_else(|| place::run(around, folder, variables, name, arguments));
    let own = own.or_else(|| {
        let input = String::from_utf8_lossy(input);
        let (out, err, code) = platform::run(&around.cluster.world(), &around.pod, words, &input)?;
        Some(Ran { stdout: out.into_bytes(), stderr: err.into_bytes(), code })
    });
    own.or_else(|| {
        let ran = programs::run(&around.cluster.world(), &around.pod, words)?;
        Some(Ran { stdout: ran.stdout.into_bytes(), stderr: ran.stderr.into_bytes(), code: ran.code })
    })
}
