//! A script's text as tokens: words with their quotes and variables, and what separates them.

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// As it is.
    Text { text: String, quoted: bool },
    /// `$name`, `${name:-default}`.
    Variable { name: String, default: Option<String>, quoted: bool },
    /// `$(command)`.
    Command { script: String, quoted: bool },
    /// `$((1 + i))`.
    Arithmetic(String),
}

/// A word, which may become none or several when it is expanded.
pub(crate) type Word = Vec<Part>;

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    /// `;`, `&&`, `||`, `|`, `&`, `(`, `)`, and a line's end as `;`.
    Mark(&'static str),
    /// `>`, `>>`, `<`, `>&`, with the stream before it.
    Redirect(u8, &'static str),
}

/// Takes a script apart.
pub(super) fn tokens(script: &str) -> Result<Vec<Token>, String> {
    let chars: Vec<char> = script.chars().collect();
    let mut reader = Reader { chars, at: 0 };
    let mut out = Vec::new();
    while let Some(token) = reader.next()? {
        out.push(token);
    }
    Ok(out)
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn starts(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(ahead, c)| self.peek(ahead) == Some(c))
    }

    fn next(&mut self) -> Result<Option<Token>, String> {
        loop {
            match self.peek(0) {
                None => return Ok(None),
                Some(' ' | '\t' | '\r') => self.at += 1,
                Some('\\') if self.peek(1) == Some('\n') => self.at += 2,
                Some('#') => {
                    while self.peek(0).is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                Some(_) => break,
            }
        }
        if self.starts("<<") {
            return Err("here-documents are not understood".into());
        }
        for (text, mark) in
            [("\n", ";"), (";;", ";;"), (";", ";"), ("&&", "&&"), ("||", "||"), ("|", "|"), ("(", "("), (")", ")")]
        {
            if self.starts(text) {
                self.at += text.len();
                return Ok(Some(Token::Mark(mark)));
            }
        }
        if self.starts("&>") {
            self.at += 2;
            return Ok(Some(Token::Redirect(3, ">")));
        }
        if self.starts("&") {
            self.at += 1;
            return Ok(Some(Token::Mark("&")));
        }
        let stream = self.peek(0).filter(char::is_ascii_digit).filter(|_| matches!(self.peek(1), Some('<' | '>')));
        if stream.is_some() {
            self.at += 1;
        }
        for kind in [">>", ">&", ">", "<"] {
            if self.starts(kind) {
                self.at += kind.len();
                let own = if kind == "<" { '0' } else { '1' };
                let stream = stream.unwrap_or(own).to_digit(10).unwrap_or(1);
                return Ok(Some(Token::Redirect(u8::try_from(stream).unwrap_or(1), kind)));
            }
        }
        self.word().map(|word| Some(Token::Word(word)))
    }

    fn word(&mut self) -> Result<Word, String> {
        let mut parts = Word::new();
        let mut text = String::new();
        let flush = |text: &mut String, parts: &mut Word, quoted: bool| {
            if !text.is_empty() || quoted {
                parts.push(Part::Text { text: std::mem::take(text), quoted });
            }
        };
        while let Some(c) = self.peek(0) {
            match c {
                ' ' | '\t' | '\n' | '\r' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => break,
                '\\' => {
                    self.at += 1;
                    if let Some(c) = self.peek(0) {
                        flush(&mut text, &mut parts, false);
                        parts.push(Part::Text { text: c.to_string(), quoted: true });
                        self.at += 1;
                    }
                }
                '\'' => {
                    flush(&mut text, &mut parts, false);
                    self.at += 1;
                    while self.peek(0).is_some_and(|c| c != '\'') {
                        text.extend(self.peek(0));
                        self.at += 1;
                    }
                    self.closed('\'')?;
                    flush(&mut text, &mut parts, true);
                }
                '"' => {
                    flush(&mut text, &mut parts, false);
                    self.at += 1;
                    parts.push(Part::Text { text: String::new(), quoted: true });
                    while let Some(c) = self.peek(0).filter(|c| *c != '"') {
                        match c {
                            '\\' if matches!(self.peek(1), Some('"' | '\\' | '$' | '`')) => {
                                text.extend(self.peek(1));
                                self.at += 2;
                            }
                            '$' | '`' => {
                                flush(&mut text, &mut parts, true);
                                parts.push(self.dollar(true)?);
                            }
                            c => {
                                text.push(c);
                                self.at += 1;
                            }
                        }
                    }
                    self.closed('"')?;
                    if !text.is_empty() {
                        flush(&mut text, &mut parts, true);
                    }
                }
                '$' | '`' => {
                    flush(&mut text, &mut parts, false);
                    parts.push(self.dollar(false)?);
                }
                c => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        flush(&mut text, &mut parts, false);
        Ok(parts)
    }

    fn closed(&mut self, quote: char) -> Result<(), String> {
        if self.peek(0) != Some(quote) {
            return Err("unterminated quoted string".into());
        }
        self.at += 1;
        Ok(())
    }

    /// What a dollar or a backtick begins.
    fn dollar(&mut self, quoted: bool) -> Result<Part, String> {
        if self.peek(0) == Some('`') {
            self.at += 1;
            let script = self.until("`")?;
            return Ok(Part::Command { script, quoted });
        }
        self.at += 1;
        if self.starts("((") {
            self.at += 2;
            let text = self.balanced(2)?;
            return Ok(Part::Arithmetic(text));
        }
        if self.starts("(") {
            self.at += 1;
            let script = self.balanced(1)?;
            return Ok(Part::Command { script, quoted });
        }
        if self.starts("{") {
            self.at += 1;
            let inner = self.until("}")?;
            let (name, default) = match inner.split_once(":-").or_else(|| inner.split_once('-')) {
                Some((name, default)) => (name.to_owned(), Some(default.to_owned())),
                None => (inner, None),
            };
            if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '?') {
                return Err(format!("${{{name}}} is not understood"));
            }
            return Ok(Part::Variable { name, default, quoted });
        }
        let mut name = String::new();
        while let Some(c) = self.peek(0) {
            let special = name.is_empty() && (matches!(c, '?' | '$' | '!' | '#' | '@' | '*') || c.is_ascii_digit());
            if special {
                name.push(c);
                self.at += 1;
                break;
            }
            if !(c.is_ascii_alphanumeric() || c == '_') {
                break;
            }
            name.push(c);
            self.at += 1;
        }
        if name.is_empty() {
            return Ok(Part::Text { text: "$".into(), quoted });
        }
        Ok(Part::Variable { name, default: None, quoted })
    }

    fn until(&mut self, end: &str) -> Result<String, String> {
        let mut text = String::new();
        while !self.starts(end) {
            text.push(self.peek(0).ok_or_else(|| format!("unexpected end of file (expecting \"{end}\")"))?);
            self.at += 1;
        }
        self.at += end.len();
        Ok(text)
    }

    /// The text up to so many closing parentheses, with those inside.
    fn balanced(&mut self, closing: usize) -> Result<String, String> {
        let (mut depth, mut text) = (0_usize, String::new());
        loop {
            let c = self.peek(0).ok_or("unexpected end of file (expecting \")\")")?;
            self.at += 1;
            match c {
                '(' => depth += 1,
                ')' if depth == 0 => {
                    for _ in 1..closing {
                        self.at += 1;
                    }
                    return Ok(text);
                }
                ')' => depth -= 1,
                _ => {}
            }
            text.push(c);
        }
    }
}
