//! The words of a label selector. Source: k8s.io/apimachinery `pkg/labels/selector.go`.

/// A word of a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Closed,
    Comma,
    Not,
    Equals,
    DoubleEquals,
    NotEquals,
    Greater,
    Less,
    Open,
    In,
    NotIn,
    Word,
    End,
}

/// Splits a selector into words.
pub(super) fn words(text: &str) -> Vec<(Token, String)> {
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    let mut words = Vec::new();
    while at < chars.len() {
        let first = chars[at];
        if first.is_ascii_whitespace() {
            at += 1;
        } else if special(first) {
            let mut literal = first.to_string();
            at += 1;
            // The longest sign that is one.
            while at < chars.len() && special(chars[at]) && symbol(&format!("{literal}{}", chars[at])).is_some() {
                literal.push(chars[at]);
                at += 1;
            }
            words.push((symbol(&literal).unwrap_or(Token::Word), literal));
        } else {
            let start = at;
            while at < chars.len() && !special(chars[at]) && !chars[at].is_ascii_whitespace() {
                at += 1;
            }
            let literal: String = chars[start..at].iter().collect();
            let token = match literal.as_str() {
                "in" => Token::In,
                "notin" => Token::NotIn,
                _ => Token::Word,
            };
            words.push((token, literal));
        }
    }
    words.push((Token::End, String::new()));
    words
}

fn special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

fn symbol(literal: &str) -> Option<Token> {
    Some(match literal {
        ")" => Token::Closed,
        "," => Token::Comma,
        "!" => Token::Not,
        "==" => Token::DoubleEquals,
        "=" => Token::Equals,
        ">" => Token::Greater,
        "<" => Token::Less,
        "!=" => Token::NotEquals,
        "(" => Token::Open,
        _ => return None,
    })
}
