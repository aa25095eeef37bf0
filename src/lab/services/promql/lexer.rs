//! The words of PromQL.

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Number(f64),
    /// Seconds.
    Duration(f64),
    Text(String),
    /// An operator or a bracket.
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: [&str; 23] = [
    "=~", "!~", "!=", "==", ">=", "<=", "=", ">", "<", "+", "-", "*", "/", "%", "^", "(", ")", "{", "}", "[", "]", ",",
    ":",
];

/// A text's words.
///
/// # Errors
/// What can't be read, and what is left from there.
pub(super) fn words(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    // Within braces and before a colon in brackets, names have no colons.
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            rest = rest.trim_start();
        } else if first == '#' {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        } else if matches!(first, '"' | '\'' | '`') {
            let (text, after) = quoted(rest, first)?;
            out.push(Token::Text(text));
            rest = after;
        } else if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let (token, after) = number(rest)?;
            out.push(token);
            rest = after;
        } else if first.is_alphabetic() || first == '_' || (first == ':' && !within_brackets(&out)) {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':' | '.')));
            let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
            out.push(Token::Name(name.into()));
            rest = after;
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            out.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else {
            return Err(format!("cannot recognize {:?}", short(rest)));
        }
    }
    Ok(out)
}

fn within_brackets(words: &[Token]) -> bool {
    words.iter().rev().find_map(|word| match word {
        Token::Sign("[") => Some(true),
        Token::Sign("]") => Some(false),
        _ => None,
    }) == Some(true)
}

pub(super) fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

fn quoted(text: &str, mark: char) -> Result<(String, &str), String> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == mark {
            return Ok((out, &text[at + c.len_utf8()..]));
        }
        if c != '\\' || mark == '`' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some((_, 'n')) => out.push('\n'),
            Some((_, 't')) => out.push('\t'),
            Some((_, other)) => out.push(other),
            None => break,
        }
    }
    Err(format!("cannot find closing quote {mark:?} for the string {:?}", short(text)))
}

/// A number, or a duration such as `1h30m`.
fn number(text: &str) -> Result<(Token, &str), String> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(text.len());
    let (mut word, mut after) = text.split_at(end);
    // `1e-3`
    if word.ends_with(['e', 'E']) && after.starts_with(['+', '-']) && !word.starts_with("0x") {
        let more = after[1..].find(|c: char| !c.is_ascii_digit()).map_or(after.len(), |at| at + 1);
        (word, after) = text.split_at(end + more);
    }
    if let Ok(number) = word.parse::<f64>() {
        return Ok((Token::Number(number), after));
    }
    if let Some(hex) = word.strip_prefix("0x").and_then(|hex| i64::from_str_radix(hex, 16).ok()) {
        return Ok((Token::Number(hex as f64), after));
    }
    match duration(word) {
        Some(seconds) => Ok((Token::Duration(seconds), after)),
        None => Err(format!("cannot parse number {word:?}")),
    }
}

/// Seconds of `1h30m`.
pub(crate) fn duration(text: &str) -> Option<f64> {
    let (mut rest, mut seconds) = (text, 0.0);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, after) = rest.split_at(end);
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            "y" => 31_536_000.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * unit;
        rest = after;
    }
    (!text.is_empty()).then_some(seconds)
}
