//! A script as operations: commands, and jumps between them.

use super::words::{Part, Token, Word, tokens};

/// Where a stream goes, or comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redirect {
    /// 0 to 2; 3 is both that are written.
    pub(crate) stream: u8,
    /// `>`, `>>`, `<`, `>&`.
    pub(crate) kind: &'static str,
    pub(crate) target: Word,
}

/// A program with its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) assignments: Vec<(String, Word)>,
    pub(crate) words: Vec<Word>,
    pub(crate) redirects: Vec<Redirect>,
}

/// Commands of which each reads what the one before wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pipeline {
    pub(crate) commands: Vec<Command>,
    pub(crate) background: bool,
    /// Somebody looks at how it ends, so `set -e` does not strike.
    pub(crate) tested: bool,
}

/// One step of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Op {
    Run(Pipeline),
    /// Turns success into failure, and back.
    Not,
    Jump(usize),
    /// Jumps where the last command failed.
    IfFailed(usize),
    /// Jumps where it did not.
    IfDone(usize),
    /// Fills a loop's list.
    Begin {
        slot: usize,
        words: Vec<Word>,
    },
    /// Takes the next of a loop's list, or jumps behind the loop.
    Next {
        slot: usize,
        variable: String,
        end: usize,
    },
    /// As if the last command had ended so.
    Code(i32),
}

/// Reads a script.
///
/// # Errors
/// What a shell says of it, or that it is beyond this one.
pub(crate) fn parse(script: &str) -> Result<Vec<Op>, String> {
    let mut parser = Parser { tokens: tokens(script)?, at: 0, ops: Vec::new(), slots: 0, tested: 0, loops: Vec::new() };
    parser.list(&[])?;
    match parser.tokens.get(parser.at) {
        None => Ok(parser.ops),
        Some(token) => Err(format!("syntax error: unexpected {}", shown(token))),
    }
}

struct Loop {
    start: usize,
    breaks: Vec<usize>,
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    ops: Vec<Op>,
    slots: usize,
    tested: usize,
    loops: Vec<Loop>,
}

fn shown(token: &Token) -> String {
    match token {
        Token::Mark(mark) => format!("\"{mark}\""),
        Token::Redirect(_, kind) => format!("\"{kind}\""),
        Token::Word(word) => plain(word).map_or_else(|| "word".into(), |text| format!("\"{text}\"")),
    }
}

/// A word that is nothing but text without quotes.
fn plain(word: &Word) -> Option<&str> {
    match word.as_slice() {
        [Part::Text { text, quoted: false }] => Some(text),
        _ => None,
    }
}

impl Parser {
    fn keyword(&self) -> Option<&str> {
        match self.tokens.get(self.at)? {
            Token::Word(word) => plain(word),
            _ => None,
        }
    }

    fn mark(&self) -> Option<&'static str> {
        match self.tokens.get(self.at)? {
            Token::Mark(mark) => Some(mark),
            _ => None,
        }
    }

    fn take(&mut self, word: &str) -> Result<(), String> {
        if self.keyword() == Some(word) {
            self.at += 1;
            return Ok(());
        }
        let found = self.tokens.get(self.at).map_or_else(|| "end of file".into(), shown);
        Err(format!("syntax error: unexpected {found} (expecting \"{word}\")"))
    }

    fn jump(&mut self, op: Op) -> usize {
        self.ops.push(op);
        self.ops.len() - 1
    }

    /// Lets a jump lead to what comes next.
    fn land(&mut self, at: usize) {
        let here = self.ops.len();
        if let Op::Jump(to) | Op::IfFailed(to) | Op::IfDone(to) | Op::Next { end: to, .. } = &mut self.ops[at] {
            *to = here;
        }
    }

    /// Commands up to one of the words that end them.
    fn list(&mut self, ends: &[&str]) -> Result<(), String> {
        loop {
            while self.mark() == Some(";") {
                self.at += 1;
            }
            if self.at >= self.tokens.len() || self.mark() == Some(")") {
                return Ok(());
            }
            if self.keyword().is_some_and(|word| ends.contains(&word)) {
                return Ok(());
            }
            let first = self.ops.len();
            self.either()?;
            match self.mark() {
                Some("&") => {
                    self.at += 1;
                    match &mut self.ops[first..] {
                        [Op::Run(pipeline)] => pipeline.background = true,
                        _ => return Err("only a command can run in the background here".into()),
                    }
                }
                Some(";" | ")") | None if self.at >= self.tokens.len() || self.mark().is_some() => {}
                _ => {
                    let found = self.tokens.get(self.at).map_or_else(String::new, shown);
                    return Err(format!("syntax error: unexpected {found}"));
                }
            }
        }
    }

    /// `a && b || c`
    fn either(&mut self) -> Result<(), String> {
        self.pipeline()?;
        while let Some(mark @ ("&&" | "||")) = self.mark() {
            self.at += 1;
            while self.mark() == Some(";") {
                self.at += 1;
            }
            if let Some(Op::Run(pipeline)) = self.ops.last_mut() {
                pipeline.tested = true;
            }
            let jump = self.jump(if mark == "&&" { Op::IfFailed(0) } else { Op::IfDone(0) });
            self.pipeline()?;
            self.land(jump);
        }
        Ok(())
    }

    fn pipeline(&mut self) -> Result<(), String> {
        if self.keyword() == Some("!") {
            self.at += 1;
            self.tested += 1;
            self.pipeline()?;
            self.tested -= 1;
            self.ops.push(Op::Not);
            return Ok(());
        }
        match self.keyword() {
            Some("if") => return self.condition(),
            Some("while" | "until") => return self.repeat(),
            Some("for") => return self.each(),
            Some("{") => return self.group("}"),
            Some("case" | "function" | "select" | "[[") => {
                return Err(format!("{} is not understood", self.keyword().unwrap_or_default()));
            }
            _ => {}
        }
        if self.mark() == Some("(") {
            return self.group(")");
        }
        let mut commands = vec![self.command()?];
        while self.mark() == Some("|") {
            self.at += 1;
            if matches!(self.keyword(), Some("while" | "if" | "for" | "{")) || self.mark() == Some("(") {
                return Err("only commands can be in a pipe here".into());
            }
            commands.push(self.command()?);
        }
        self.ops.push(Op::Run(Pipeline { commands, background: false, tested: self.tested > 0 }));
        Ok(())
    }

    fn group(&mut self, end: &str) -> Result<(), String> {
        self.at += 1;
        self.list(&["}"])?;
        if end == ")" {
            if self.mark() != Some(")") {
                return Err("syntax error: unexpected end of file (expecting \")\")".into());
            }
            self.at += 1;
        } else {
            self.take("}")?;
        }
        self.after_group()
    }

    /// What a group or loop writes can be thrown away, and no more.
    fn after_group(&mut self) -> Result<(), String> {
        while let Some(Token::Redirect(_, kind)) = self.tokens.get(self.at).cloned() {
            self.at += 1;
            let silent = kind == ">&" || self.keyword() == Some("/dev/null");
            if !silent {
                return Err("a loop's or group's output can't be redirected here".into());
            }
            self.at += 1;
        }
        if self.mark() == Some("|") {
            return Err("only commands can be in a pipe here".into());
        }
        Ok(())
    }

    fn condition(&mut self) -> Result<(), String> {
        self.at += 1;
        let mut ends = Vec::new();
        loop {
            self.tested += 1;
            self.list(&["then"])?;
            self.tested -= 1;
            self.take("then")?;
            let skip = self.jump(Op::IfFailed(0));
            self.list(&["elif", "else", "fi"])?;
            ends.push(self.jump(Op::Jump(0)));
            self.land(skip);
            match self.keyword() {
                Some("elif") => self.at += 1,
                Some("else") => {
                    self.at += 1;
                    self.list(&["fi"])?;
                    self.take("fi")?;
                    break;
                }
                _ => {
                    self.take("fi")?;
                    self.ops.push(Op::Code(0));
                    break;
                }
            }
        }
        for end in ends {
            self.land(end);
        }
        self.after_group()
    }

    fn repeat(&mut self) -> Result<(), String> {
        let until = self.keyword() == Some("until");
        self.at += 1;
        let start = self.ops.len();
        self.tested += 1;
        self.list(&["do"])?;
        self.tested -= 1;
        let out = self.jump(if until { Op::IfDone(0) } else { Op::IfFailed(0) });
        self.body(start, out)
    }

    fn each(&mut self) -> Result<(), String> {
        self.at += 1;
        let Some(variable) = self.keyword().map(str::to_owned) else {
            return Err("syntax error: bad for loop variable".into());
        };
        self.at += 1;
        self.take("in")?;
        let mut words = Vec::new();
        while let Some(Token::Word(word)) = self.tokens.get(self.at).cloned() {
            words.push(word);
            self.at += 1;
        }
        while self.mark() == Some(";") {
            self.at += 1;
        }
        let slot = self.slots;
        self.slots += 1;
        self.ops.push(Op::Begin { slot, words });
        let start = self.ops.len();
        let out = self.jump(Op::Next { slot, variable, end: 0 });
        self.body(start, out)
    }

    fn body(&mut self, start: usize, out: usize) -> Result<(), String> {
        self.take("do")?;
        self.loops.push(Loop { start, breaks: Vec::new() });
        self.list(&["done"])?;
        self.take("done")?;
        self.ops.push(Op::Jump(start));
        self.land(out);
        for jump in self.loops.pop().map(|l| l.breaks).unwrap_or_default() {
            self.land(jump);
        }
        self.ops.push(Op::Code(0));
        self.after_group()
    }

    fn command(&mut self) -> Result<Command, String> {
        let mut command = Command::default();
        loop {
            match self.tokens.get(self.at).cloned() {
                Some(Token::Redirect(stream, kind)) => {
                    self.at += 1;
                    let Some(Token::Word(target)) = self.tokens.get(self.at).cloned() else {
                        return Err("syntax error: unexpected redirection".into());
                    };
                    self.at += 1;
                    command.redirects.push(Redirect { stream, kind, target });
                }
                Some(Token::Word(word)) => {
                    self.at += 1;
                    match assignment(&word).filter(|_| command.words.is_empty()) {
                        Some(assigned) => command.assignments.push(assigned),
                        None => command.words.push(word),
                    }
                }
                _ => break,
            }
        }
        if let Some(first) = command.words.first().and_then(plain) {
            if let ("break" | "continue", Some(mut own)) = (first, self.loops.pop()) {
                let leaves = first == "break";
                let jump = self.jump(Op::Jump(own.start));
                if leaves {
                    own.breaks.push(jump);
                }
                self.loops.push(own);
                return Ok(Command {
                    words: vec![vec![Part::Text { text: ":".into(), quoted: false }]],
                    ..Command::default()
                });
            }
            if matches!(self.mark(), Some("(")) {
                return Err("functions are not understood".into());
            }
        }
        if command == Command::default() {
            let found = self.tokens.get(self.at).map_or_else(|| "end of file".into(), shown);
            return Err(format!("syntax error: unexpected {found}"));
        }
        Ok(command)
    }
}

/// `name=value` in front of a command.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let Some(Part::Text { text, quoted: false }) = word.first() else { return None };
    let (name, rest) = text.split_once('=')?;
    let first = name.chars().next()?;
    let fits =
        (first.is_ascii_alphabetic() || first == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !fits {
        return None;
    }
    let mut value = word.clone();
    value[0] = Part::Text { text: rest.to_owned(), quoted: true };
    Some((name.to_owned(), value))
}
