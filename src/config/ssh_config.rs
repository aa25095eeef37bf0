//! The names in `~/.ssh/config`, for telling whether a jump host exists. Its contents are read by the SSH client.

use std::path::Path;

/// The `Host` patterns of an OpenSSH client configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SshNames {
    patterns: Vec<glob::Pattern>,
    /// It includes other files, whose names are not known here.
    includes: bool,
}

impl SshNames {
    /// Reads `~/.ssh/config`; none is like an empty one.
    pub(super) fn of_home(home: Option<&Path>) -> Self {
        let text = home.and_then(|home| std::fs::read_to_string(home.join(".ssh/config")).ok());
        Self::parse(&text.unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let mut names = Self::default();
        for line in text.lines() {
            let words = line.trim().replace('=', " ");
            let mut words = words.split_whitespace();
            match words.next().map(str::to_ascii_lowercase).as_deref() {
                Some("include") => names.includes = true,
                // `Host *` gives defaults to every name; it makes none.
                Some("host") => names.patterns.extend(
                    words
                        .filter(|word| *word != "*" && !word.starts_with('!'))
                        .filter_map(|word| glob::Pattern::new(word.trim_matches('"')).ok()),
                ),
                _ => {}
            }
        }
        names
    }

    /// Whether a host of this name is configured there, or may be.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.includes || self.patterns.iter().any(|pattern| pattern.matches(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_patterns_are_known_but_defaults_name_nobody() {
        let names = SshNames::parse("Host bastion *.lab !x\n  User ada\nhost=jump\nHost *\n  Port 22\n");
        for known in ["bastion", "a.lab", "jump"] {
            assert!(names.knows(known), "{known}");
        }
        for unknown in ["x", "edge-1", "lab"] {
            assert!(!names.knows(unknown), "{unknown}");
        }
        assert!(SshNames::parse("Include conf.d/*\n").knows("anything"));
    }
}
