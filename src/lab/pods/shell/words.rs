//! Text taken apart into words and signs, as a shell does it: quotes, comments, and variables that are filled in later.

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// As it stands.
    Plain(String),
    /// A variable's value; in quotes it stays one word.
    Variable { name: String, quoted: bool },
    /// What a command prints.
    Output { script: String, quoted: bool },
}

/// A word, or a sign between words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(Vec<Part>),
    /// `;`, `|`, `&&`, `||`, `>`, `>>`, `<`, `2>`, `2>>`, `2>&1`, `&>`, `(`, `)`, and a new line as `;`.
    Sign(&'static str),
}

impl Token {
    /// A word that is all plain.
    pub(super) fn plain(&self) -> Option<&str> {
        match self {
            Self::Word(parts) => match parts.as_slice() {
                [Part::Plain(text)] => Some(text),
                _ => None,
            },
            Self::Sign(_) => None,
        }
    }
}

/// Longer ones first.
const SIGNS: [&str; 15] = ["2>&1", "2>>", ">&2", "&>", "2>", "&&", "||", ">>", ">", "<", "|", ";", "&", "(", ")"];

/// Takes a script apart.
///
/// # Errors
/// The shell's words for quotes that are not closed.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r']);
        if rest.is_empty() {
            return Ok(out);
        }
        if let Some(after) = rest.strip_prefix("\\\n") {
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix('\n') {
            out.push(Token::Sign(";"));
            rest = after;
            continue;
        }
        if rest.starts_with('#') {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            continue;
        }
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            out.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
            continue;
        }
        let (parts, after) = word(rest)?;
        out.push(Token::Word(parts));
        rest = after;
    }
}

/// A word's parts, and what comes behind it.
fn word(text: &str) -> Result<(Vec<Part>, &str), String> {
    let mut parts: Vec<Part> = Vec::new();
    let plain = |parts: &mut Vec<Part>, text: &str| match parts.last_mut() {
        Some(Part::Plain(last)) => last.push_str(text),
        _ => parts.push(Part::Plain(text.to_owned())),
    };
    let mut rest = text;
    let mut quoted = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match c {
            '"' => {
                quoted = !quoted;
                plain(&mut parts, "");
                rest = after;
            }
            '\'' if !quoted => {
                let end = after.find('\'').ok_or("syntax error: unterminated quoted string")?;
                plain(&mut parts, &after[..end]);
                rest = &after[end + 1..];
            }
            '\\' => {
                let next = after.chars().next().unwrap_or('\\');
                let escapes = !quoted || matches!(next, '"' | '\\' | '$' | '`' | '\n');
                if !escapes {
                    plain(&mut parts, "\\");
                }
                if next != '\n' {
                    plain(&mut parts, &next.to_string());
                }
                rest = after.get(next.len_utf8()..).unwrap_or_default();
            }
            '$' => {
                let (part, behind) = dollar(after, quoted)?;
                match part {
                    Some(part) => parts.push(part),
                    None => plain(&mut parts, "$"),
                }
                rest = behind;
            }
            ' ' | '\t' | '\n' | ';' | '|' | '&' | '<' | '>' | '(' | ')' if !quoted => break,
            _ => {
                plain(&mut parts, &c.to_string());
                rest = after;
            }
        }
    }
    if quoted { Err("syntax error: unterminated quoted string".into()) } else { Ok((parts, rest)) }
}

/// What a `$` stands for, and what comes behind.
fn dollar(text: &str, quoted: bool) -> Result<(Option<Part>, &str), String> {
    if let Some(inner) = text.strip_prefix('{') {
        let end = inner.find('}').ok_or("syntax error: missing '}'")?;
        return Ok((Some(Part::Variable { name: inner[..end].to_owned(), quoted }), &inner[end + 1..]));
    }
    if let Some(inner) = text.strip_prefix('(') {
        let mut depth = 1;
        for (at, c) in inner.char_indices() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok((Some(Part::Output { script: inner[..at].to_owned(), quoted }), &inner[at + 1..]));
            }
        }
        return Err("syntax error: missing ')'".into());
    }
    if let Some(c) = text.chars().next().filter(|c| matches!(c, '?' | '$' | '#' | '@' | '*') || c.is_ascii_digit()) {
        return Ok((Some(Part::Variable { name: c.to_string(), quoted }), &text[1..]));
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if end == 0 {
        return Ok((None, text));
    }
    Ok((Some(Part::Variable { name: text[..end].to_owned(), quoted }), &text[end..]))
}
