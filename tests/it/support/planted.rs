//! Secrets that a test plants, and the search for them in whatever a run has written.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Values that must be found nowhere, each with the word for where it came from.
pub(crate) struct Planted(pub(crate) Vec<(&'static str, String)>);

impl Planted {
    /// Fails where a text has one of the values, plain, base64, URL-encoded, or within JSON; or a part of it, as of a
    /// value that was cut.
    #[track_caller]
    pub(crate) fn is_not_in(&self, place: &str, text: &str) {
        for (from, value) in &self.0 {
            for form in forms(value).into_iter().chain(parts(value)) {
                let at = text.find(&form);
                assert!(at.is_none(), "the secret of {from}, as {form}, is in {place}:\n{}", around(text, at));
            }
        }
    }

    /// The same for what a command has said.
    #[track_caller]
    pub(crate) fn was_not_said(&self, what: &str, output: &Output) {
        self.is_not_in(&format!("the output of {what}"), &String::from_utf8_lossy(&output.stdout));
        self.is_not_in(&format!("what {what} complains of"), &String::from_utf8_lossy(&output.stderr));
    }

    /// The same for every file below a folder, packed ones too, and for their names, except these. Gives the names.
    #[track_caller]
    pub(crate) fn is_in_no_file(&self, folder: &Path, except: &[&str]) -> Vec<String> {
        let mut names = Vec::new();
        for path in files(folder) {
            let name = path.strip_prefix(folder).expect("below it").display().to_string();
            if except.contains(&name.as_str()) {
                continue;
            }
            let bytes = std::fs::read(&path).expect("readable");
            let mut text = String::from_utf8_lossy(&bytes).into_owned();
            if name.ends_with(".gz") {
                text.clear();
                flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text).expect("gzip");
            }
            self.is_not_in(&name, &text);
            self.is_not_in("a file's name", &name);
            names.push(name);
        }
        names.sort();
        names
    }
}

/// Every part of so many characters, plain and as it stands in JSON.
fn parts(value: &str) -> Vec<String> {
    let json = serde_json::Value::from(value).to_string();
    let of = |text: &str| {
        let signs: Vec<char> = text.chars().collect();
        signs.windows(PART).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>()
    };
    [of(value), of(json.trim_matches('"'))].concat()
}

/// What a part of a secret has at least.
const PART: usize = 12;

fn forms(value: &str) -> Vec<String> {
    let once = serde_json::Value::from(value).to_string();
    let once = once[1..once.len() - 1].to_string();
    let twice = serde_json::Value::from(once.as_str()).to_string();
    let url = value.bytes().map(|byte| match byte {
        b if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    });
    let url: String = url.collect();
    let mut forms = vec![value.to_string(), once, twice[1..twice.len() - 1].to_string(), url.replace("%20", "+"), url];
    // Also as a part of something longer: `user:password`.
    for before in ["", "x", "xy"] {
        for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(format!("{before}{value}"));
            let first = (before.len() * 8).div_ceil(6);
            forms.push(text[first..(before.len() + value.len()) * 8 / 6].to_string());
        }
    }
    forms
}

/// What stands around a place.
fn around(text: &str, at: Option<usize>) -> &str {
    let at = at.unwrap_or_default();
    &text[text.floor_char_boundary(at.saturating_sub(200))..text.floor_char_boundary(at + 200)]
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
