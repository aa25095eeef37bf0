//! A script as a tree: lists of pipes of commands, with loops and conditions.

use super::words::{Part, Token, tokens};

/// Commands, one after the other.
pub(crate) type Script = Vec<Step>;

/// A pipe, and when it is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(super) when: When,
    pub(super) negated: bool,
    pub(super) pipe: Vec<Command>,
}

/// When a step is run, seen from how the one before ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    Well,
    Badly,
}

/// One command, with where it reads from and writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(super) what: What,
    pub(super) redirections: Vec<(&'static str, Vec<Part>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Words(Vec<Vec<Part>>),
    Group(Script),
    /// In a shell of its own.
    Sub(Script),
    If {
        branches: Vec<(Script, Script)>,
        other: Script,
    },
    While {
        condition: Script,
        until: bool,
        body: Script,
    },
    For {
        name: String,
        among: Vec<Vec<Part>>,
        body: Script,
    },
}

/// Reads a script.
///
/// # Errors
/// The shell's words for what is none.
pub(crate) fn parse(text: &str) -> Result<Script, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    let script = parser.script(&[])?;
    match parser.peek() {
        None => Ok(script),
        Some(token) => Err(unexpected(token)),
    }
}

fn unexpected(token: &Token) -> String {
    let what = match token {
        Token::Sign(sign) => (*sign).to_owned(),
        Token::Word(_) => token.plain().unwrap_or("word").to_owned(),
    };
    format!("syntax error: unexpected \"{what}\"")
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn sign(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Sign(own)) if *own == sign);
        self.at += usize::from(is);
        is
    }

    fn word(&mut self, word: &str) -> bool {
        let is = self.peek().and_then(Token::plain) == Some(word);
        self.at += usize::from(is);
        is
    }

    fn want(&mut self, word: &str) -> Result<(), String> {
        if self.word(word) {
            return Ok(());
        }
        let there = self.peek().map_or_else(|| "syntax error: unexpected end of file".to_owned(), unexpected);
        Err(format!("{there} (expecting \"{word}\")"))
    }

    /// Steps up to one of these words, which stays.
    fn script(&mut self, ends: &[&str]) -> Result<Script, String> {
        let mut script = Vec::new();
        let mut when = When::Always;
        loop {
            while self.sign(";") || self.sign("&") {}
            let over =
                |token: &Token| token.plain().is_some_and(|word| ends.contains(&word)) || *token == Token::Sign(")");
            if self.peek().is_none_or(over) {
                return Ok(script);
            }
            let negated = self.word("!");
            let mut pipe = vec![self.command()?];
            while self.sign("|") {
                while self.sign(";") {}
                pipe.push(self.command()?);
            }
            script.push(Step { when, negated, pipe });
            when = match () {
                () if self.sign("&&") => When::Well,
                () if self.sign("||") => When::Badly,
                () => When::Always,
            };
            if when != When::Always {
                while self.sign(";") {}
            } else if let Some(token) = self.peek().filter(|token| !over(token) && !ends_step(token)) {
                return Err(unexpected(token));
            }
        }
    }

    fn command(&mut self) -> Result<Command, String> {
        let word = self.peek().and_then(Token::plain).map(str::to_owned);
        let what = match word.as_deref() {
            Some("if") => self.condition()?,
            Some(word @ ("while" | "until")) => {
                let until = word == "until";
                self.at += 1;
                let condition = self.script(&["do"])?;
                What::While { condition, until, body: self.body()? }
            }
            Some("for") => self.each()?,
            Some("{") => {
                self.at += 1;
                let script = self.script(&["}"])?;
                self.want("}")?;
                What::Group(script)
            }
            _ if self.sign("(") => {
                let script = self.script(&[])?;
                if !self.sign(")") {
                    return Err("syntax error: unexpected end of file (expecting \")\")".into());
                }
                What::Sub(script)
            }
            _ => What::Words(Vec::new()),
        };
        self.rest(what)
    }

    /// Words and redirections behind.
    fn rest(&mut self, mut what: What) -> Result<Command, String> {
        let mut redirections = Vec::new();
        loop {
            match self.peek().cloned() {
                Some(Token::Word(parts)) => match &mut what {
                    What::Words(words) => {
                        words.push(parts);
                        self.at += 1;
                    }
                    _ => break,
                },
                Some(Token::Sign(sign @ ("2>&1" | ">&2"))) => {
                    self.at += 1;
                    redirections.push((sign, Vec::new()));
                }
                Some(Token::Sign(sign @ (">" | ">>" | "<" | "2>" | "2>>" | "&>"))) => {
                    self.at += 1;
                    let Some(Token::Word(target)) = self.peek().cloned() else {
                        return Err("syntax error: unexpected redirection".into());
                    };
                    self.at += 1;
                    redirections.push((sign, target));
                }
                _ => break,
            }
        }
        match &what {
            What::Words(words) if words.is_empty() && redirections.is_empty() => {
                Err(self.peek().map_or_else(|| "syntax error: unexpected end of file".to_owned(), unexpected))
            }
            _ => Ok(Command { what, redirections }),
        }
    }

    fn body(&mut self) -> Result<Script, String> {
        while self.sign(";") {}
        self.want("do")?;
        let body = self.script(&["done"])?;
        self.want("done")?;
        Ok(body)
    }

    fn condition(&mut self) -> Result<What, String> {
        let (mut branches, mut other) = (Vec::new(), Vec::new());
        self.want("if")?;
        loop {
            let condition = self.script(&["then"])?;
            self.want("then")?;
            branches.push((condition, self.script(&["elif", "else", "fi"])?));
            if self.word("elif") {
                continue;
            }
            if self.word("else") {
                other = self.script(&["fi"])?;
            }
            self.want("fi")?;
            return Ok(What::If { branches, other });
        }
    }

    fn each(&mut self) -> Result<What, String> {
        self.want("for")?;
        let name = self.peek().and_then(Token::plain).ok_or("syntax error: bad for loop variable")?.to_owned();
        self.at += 1;
        let mut among = Vec::new();
        if self.word("in") {
            while let Some(Token::Word(parts)) = self.peek().cloned() {
                among.push(parts);
                self.at += 1;
            }
        }
        Ok(What::For { name, among, body: self.body()? })
    }
}

fn ends_step(token: &Token) -> bool {
    matches!(token, Token::Sign(";" | "&"))
}
