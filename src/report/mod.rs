//! What people and programs are told about a run. Every report is a rendering of its events: the terminal's as they
//! come, the files' at the end, from what [`Run`] gathered.
//!
//! To add a format: a file with a `render` function, and a row in [`FORMATS`].

mod exit;
mod file;
mod json;
mod junit;
mod run;
mod terminal;
mod verdict;

#[cfg(test)]
mod sample;

use std::path::PathBuf;

use crate::error::{Error, Kind, Result, did_you_mean};

pub use exit::{EXIT_CODES, exit_code, exit_word, exit_words};
pub use file::{Problems, Target};
pub use run::{Finished, Run};
pub use terminal::{Detail, Terminal, TerminalOptions};
pub use verdict::{Verdict, Word};

/// A format that a run can be written in.
#[derive(Debug)]
pub struct Format {
    /// As in `--report NAME=FILE`.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// The whole file.
    pub render: fn(&Run) -> Result<String>,
}

/// The formats of `--report`.
pub static FORMATS: &[Format] = &[
    Format { name: "json", about: "everything, for programs (docs/report.schema.json)", render: json::render },
    Format { name: "junit", about: "JUnit XML, for CI servers", render: junit::render },
];

/// Reads `FORMAT=FILE`.
///
/// # Errors
/// [`Kind::Usage`] when there is no such format, no file, or no folder to write the file into: found out before the
/// run, not after it.
pub fn parse(text: &str) -> Result<Target> {
    let names: Vec<&str> = FORMATS.iter().map(|f| f.name).collect();
    let Some((name, path)) = text.split_once('=') else {
        let by_ending = text.rsplit_once('.').and_then(|(_, ending)| match ending {
            "json" => Some("json"),
            "xml" => Some("junit"),
            _ => None,
        });
        let hint = match by_ending {
            Some(format) => format!("--report {format}={text}"),
            None => format!("--report FORMAT=FILE, with one of the formats {}", names.join(", ")),
        };
        return Err(Error::new(Kind::Usage, format!("--report {text}: the file to write is missing")).hint(hint));
    };
    let Some(format) = FORMATS.iter().find(|f| f.name == name) else {
        return Err(Error::new(Kind::Usage, format!("--report {text}: there is no format \"{name}\""))
            .maybe_hint(did_you_mean(name, names.iter().copied()))
            .hint(format!("formats: {}", names.join(", "))));
    };
    Target::new(format, PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_asked_for_by_format_and_file() {
        let target = parse("json=out.json").expect("a target");
        assert_eq!((target.format.name, target.path.to_str()), ("json", Some("out.json")));
    }

    #[test]
    fn what_is_wrong_with_it_is_said_with_a_way_out() {
        let hints = |text: &str| {
            let error = parse(text).expect_err("refused");
            assert_eq!(error.kind, Kind::Usage);
            format!("{} | {}", error.message, error.hints.join(" | "))
        };
        assert_eq!(
            hints("jsno=x"),
            "--report jsno=x: there is no format \"jsno\" | did you mean \"json\"? | formats: json, junit"
        );
        assert_eq!(hints("x.xml"), "--report x.xml: the file to write is missing | --report junit=x.xml");
        assert!(hints("json").ends_with("one of the formats json, junit"));
        assert!(hints("json=").contains("the file to write is missing"));
        assert!(hints("json=/no/such/folder/x.json").contains("/no/such/folder"));
        assert!(hints("json=/").contains("is a folder"));
    }

    #[test]
    fn every_format_can_render_every_sample() {
        for run in [sample::run_of(&sample::mixed()), sample::run_of(&sample::good()), Run::default()] {
            for format in FORMATS {
                let text = (format.render)(&run).expect(format.name);
                assert!(text.ends_with('\n') && text.len() > 40, "{}: {text}", format.name);
            }
        }
    }
}
