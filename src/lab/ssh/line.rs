//! A line as it is typed at a terminal: what the terminal gets to see of it, and when it is whole.

/// What typing led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// To be shown.
    Echo(Vec<u8>),
    /// A whole line.
    Line(String),
    /// Help is wanted for what is there so far.
    Help(String),
    /// The word is to be made whole.
    Complete(String),
    /// The line is given up.
    Interrupted,
    /// Nothing comes any more.
    End,
}

/// The line so far.
#[derive(Debug, Clone, Default)]
pub struct Line {
    text: String,
    /// Inside of a sequence that began with Escape: arrows and the like, which move nothing here.
    escape: Escape,
    /// Bytes of a character that is not whole yet.
    partial: Vec<u8>,
    /// The last byte was a carriage return: a line feed after it is part of it.
    returned: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    Inside,
}

impl Line {
    /// What has been typed of the line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Adds to the line what completion found.
    pub fn add(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Takes a byte.
    pub fn take(&mut self, byte: u8) -> Option<Typed> {
        let after_return = std::mem::replace(&mut self.returned, byte == b'\r');
        match self.escape {
            Escape::Begun => {
                self.escape = if matches!(byte, b'[' | b'O') { Escape::Inside } else { Escape::None };
                return None;
            }
            Escape::Inside => {
                if byte.is_ascii_alphabetic() || byte == b'~' {
                    self.escape = Escape::None;
                }
                return None;
            }
            Escape::None => {}
        }
        match byte {
            b'\n' if after_return => None,
            b'\r' | b'\n' => Some(Typed::Line(std::mem::take(&mut self.text))),
            0x03 => {
                self.text.clear();
                Some(Typed::Interrupted)
            }
            0x04 => self.text.is_empty().then_some(Typed::End),
            0x08 | 0x7f => self.text.pop().map(|_| Typed::Echo(b"\x08 \x08".to_vec())),
            0x15 => {
                let back = "\x08 \x08".repeat(self.text.chars().count());
                self.text.clear();
                Some(Typed::Echo(back.into_bytes()))
            }
            0x1b => {
                self.escape = Escape::Begun;
                None
            }
            b'\t' => Some(Typed::Complete(self.text.clone())),
            b'?' => Some(Typed::Help(self.text.clone())),
            0..0x20 => None,
            _ => self.letter(byte),
        }
    }

    fn letter(&mut self, byte: u8) -> Option<Typed> {
        self.partial.push(byte);
        match std::str::from_utf8(&self.partial) {
            Ok(text) => {
                self.text.push_str(text);
                Some(Typed::Echo(std::mem::take(&mut self.partial)))
            }
            Err(e) if e.error_len().is_none() && self.partial.len() < 4 => None,
            Err(_) => {
                self.partial.clear();
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the terminal shows, and the lines that came of it.
    fn typed(bytes: &[u8]) -> (String, Vec<String>) {
        let (mut line, mut shown, mut lines) = (Line::default(), Vec::new(), Vec::new());
        for byte in bytes {
            match line.take(*byte) {
                Some(Typed::Echo(echo)) => shown.extend(echo),
                Some(Typed::Line(text)) => lines.push(text),
                Some(other) => lines.push(format!("{other:?}")),
                None => {}
            }
        }
        (String::from_utf8(shown).unwrap(), lines)
    }

    #[test]
    fn a_line_is_echoed_and_ends_once() {
        assert_eq!(typed(b"show\r\nend\n"), ("showend".into(), vec!["show".into(), "end".into()]));
        assert_eq!(typed("größe\r".as_bytes()).1, ["größe"]);
    }

    #[test]
    fn what_was_typed_can_be_taken_back() {
        assert_eq!(typed(b"shx\x7fow\r"), ("shx\x08 \x08ow".into(), vec!["show".into()]));
        assert_eq!(typed(b"wrong\x15right\r").1, ["right"]);
        assert_eq!(typed(b"gone\x03").1, ["Interrupted"]);
        assert_eq!(typed(b"\x7f\x04").1, ["End"]);
        assert_eq!(typed(b"a\x04\r").1, ["a"]);
    }

    #[test]
    fn arrows_and_broken_characters_are_passed_over() {
        assert_eq!(typed(b"a\x1b[Ab\x1bOPc\x1b[3~\xff\r").1, ["abc"]);
        assert_eq!(typed(b"show ?").1, [r#"Help("show ")"#]);
    }
}
