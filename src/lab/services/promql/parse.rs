//! From words to an expression, by the precedence of Prometheus' operators.

use regex::Regex;

use super::lexer::{Token, words};
use super::{Binary, Expr, Group, Grouping, Matcher, Matching, Selector, aggregate, functions};

/// Expressions inside of others; beyond, nobody wrote it.
const DEEPEST: usize = 100;

struct Parser {
    words: Vec<Token>,
    at: usize,
    depth: usize,
}

type Parsed<T> = Result<T, String>;

/// Reads an expression.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(text: &str) -> Parsed<Expr> {
    let mut parser = Parser { words: words(text)?, at: 0, depth: 0 };
    if parser.words.is_empty() {
        return Err("missing expression".into());
    }
    let expr = parser.binary(0)?;
    match parser.peek() {
        None => Ok(expr),
        Some(left) => Err(format!("unparsed data left: {left:?}")),
    }
}

/// Reads a series' selector, as `match[]` has it.
///
/// # Errors
/// It is none.
pub(crate) fn selector(text: &str) -> Parsed<Vec<Matcher>> {
    match parse(text)? {
        Expr::Select(Selector { matchers, range: None, .. }) => Ok(matchers),
        _ => Err(format!("expecting metricSelector; got {text:?}")),
    }
}

/// The weight of an operator; the heavier binds first.
fn weight(operator: &str) -> Option<u8> {
    Some(match operator {
        "or" => 1,
        "and" | "unless" => 2,
        "==" | "!=" | "<" | ">" | "<=" | ">=" => 3,
        "+" | "-" => 4,
        "*" | "/" | "%" | "atan2" => 5,
        "^" => 6,
        _ => return None,
    })
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.words.get(self.at)
    }

    fn next(&mut self) -> Parsed<Token> {
        let word = self.words.get(self.at).cloned().ok_or("unexpected end of the query")?;
        self.at += 1;
        Ok(word)
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(own)) if *own == sign)
    }

    fn take(&mut self, sign: &str) -> bool {
        let is = self.is(sign);
        self.at += usize::from(is);
        is
    }

    fn want(&mut self, sign: &str) -> Parsed<()> {
        if self.take(sign) {
            return Ok(());
        }
        match self.peek() {
            Some(other) => Err(format!("unexpected token {other:?}; want {sign:?}")),
            None => Err(format!("unexpected end of the query; want {sign:?}")),
        }
    }

    fn word(&mut self, name: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Name(own)) if own.eq_ignore_ascii_case(name));
        self.at += usize::from(is);
        is
    }

    fn operator(&self) -> Option<String> {
        let text = match self.peek()? {
            Token::Sign(sign) => (*sign).to_string(),
            Token::Name(name) => name.to_lowercase(),
            _ => return None,
        };
        weight(&text).is_some().then_some(text)
    }

    fn binary(&mut self, least: u8) -> Parsed<Expr> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("the query is nested too deeply".into());
        }
        let mut left = self.unary()?;
        while let Some(operator) = self.operator() {
            let own = weight(&operator).unwrap_or(0);
            if own < least.max(1) {
                break;
            }
            self.at += 1;
            let bool = self.word("bool");
            let matching = self.matching()?;
            // Powers bind to the right, all others to the left.
            let right = self.binary(if operator == "^" { own } else { own + 1 })?;
            left = Expr::Binary(Box::new(Binary { operator, left, right, bool, matching }));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn matching(&mut self) -> Parsed<Option<Matching>> {
        let on = if self.word("on") {
            true
        } else if self.word("ignoring") {
            false
        } else {
            return Ok(None);
        };
        let labels = self.labels()?;
        let left = match (self.word("group_left"), self.word("group_right")) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        let group = match left {
            Some(left) => Some(Group { left, include: if self.is("(") { self.labels()? } else { Vec::new() } }),
            None => None,
        };
        Ok(Some(Matching { on, labels, group }))
    }

    /// `(a, b)`
    fn labels(&mut self) -> Parsed<Vec<String>> {
        self.want("(")?;
        let mut labels = Vec::new();
        while !self.take(")") {
            match self.next()? {
                Token::Name(name) | Token::Text(name) => labels.push(name),
                other => return Err(format!("unexpected token {other:?}; want a label's name")),
            }
            if !self.take(",") {
                self.want(")")?;
                break;
            }
        }
        Ok(labels)
    }

    fn unary(&mut self) -> Parsed<Expr> {
        if self.take("-") {
            // A power binds stronger than a sign.
            return Ok(Expr::Negative(Box::new(self.binary(6)?)));
        }
        if self.take("+") {
            return self.binary(6);
        }
        let expr = self.primary()?;
        self.suffixes(expr)
    }

    fn suffixes(&mut self, mut expr: Expr) -> Parsed<Expr> {
        loop {
            if self.take("[") {
                let range = self.seconds()?;
                let sub =
                    if self.take(":") { Some(if self.is("]") { None } else { Some(self.seconds()?) }) } else { None };
                self.want("]")?;
                expr = match (expr, sub) {
                    (Expr::Select(selector), None) if selector.range.is_none() => {
                        Expr::Select(Selector { range: Some(range), ..selector })
                    }
                    (of, step) => Expr::Sub { of: Box::new(of), range, step: step.flatten(), offset: 0.0 },
                };
            } else if self.word("offset") {
                let sign = if self.take("-") { -1.0 } else { 1.0 };
                let by = sign * self.seconds()?;
                match &mut expr {
                    Expr::Select(selector) => selector.offset = by,
                    Expr::Sub { offset, .. } => *offset = by,
                    _ => return Err("offset needs a selector or a range before it".into()),
                }
            } else {
                return Ok(expr);
            }
        }
    }

    fn seconds(&mut self) -> Parsed<f64> {
        match self.next()? {
            Token::Duration(seconds) | Token::Number(seconds) => Ok(seconds),
            other => Err(format!("unexpected token {other:?}; want a duration")),
        }
    }

    fn primary(&mut self) -> Parsed<Expr> {
        match self.next()? {
            Token::Number(number) | Token::Duration(number) => Ok(Expr::Number(number)),
            Token::Text(text) => Ok(Expr::Text(text)),
            Token::Sign("(") => {
                let inner = self.binary(0)?;
                self.want(")")?;
                Ok(inner)
            }
            Token::Sign("{") => self.braces(None),
            Token::Sign(sign) => Err(format!("unexpected token {sign:?}")),
            Token::Name(name) => self.named(&name),
        }
    }

    fn named(&mut self, name: &str) -> Parsed<Expr> {
        let lower = name.to_lowercase();
        match lower.as_str() {
            "inf" => return Ok(Expr::Number(f64::INFINITY)),
            "nan" => return Ok(Expr::Number(f64::NAN)),
            _ => {}
        }
        let grouped =
            matches!(self.peek(), Some(Token::Name(next)) if matches!(next.to_lowercase().as_str(), "by" | "without"));
        if aggregate::NAMES.contains(&lower.as_str()) && (grouped || self.is("(")) {
            return self.aggregate(lower);
        }
        if self.take("(") {
            if !functions::known(&lower) {
                return Err(format!("unsupported function {name:?}"));
            }
            let arguments = self.arguments()?;
            return Ok(Expr::Call { name: lower, arguments });
        }
        if self.take("{") { self.braces(Some(name)) } else { Ok(select(vec![equal("__name__", name)])) }
    }

    fn arguments(&mut self) -> Parsed<Vec<Expr>> {
        let mut all = Vec::new();
        while !self.take(")") {
            all.push(self.binary(0)?);
            if !self.take(",") {
                self.want(")")?;
                break;
            }
        }
        Ok(all)
    }

    fn aggregate(&mut self, name: String) -> Parsed<Expr> {
        let mut grouping = self.grouping()?;
        self.want("(")?;
        let mut arguments = self.arguments()?;
        if let Some(after) = self.grouping()? {
            grouping = Some(after);
        }
        let wanted = if aggregate::PARAMETER.contains(&name.as_str()) { 2 } else { 1 };
        if arguments.len() != wanted {
            return Err(format!("unexpected number of args for {name}(); got {}; want {wanted}", arguments.len()));
        }
        let of = arguments.pop().ok_or("missing args")?;
        Ok(Expr::Aggregate {
            name,
            parameter: arguments.pop().map(Box::new),
            of: Box::new(of),
            grouping: grouping.unwrap_or_default(),
        })
    }

    fn grouping(&mut self) -> Parsed<Option<Grouping>> {
        let without = if self.word("by") {
            false
        } else if self.word("without") {
            true
        } else {
            return Ok(None);
        };
        Ok(Some(Grouping { without, labels: self.labels()? }))
    }

    /// Conditions, after the opening brace.
    fn braces(&mut self, name: Option<&str>) -> Parsed<Expr> {
        let mut matchers: Vec<Matcher> = name.iter().map(|name| equal("__name__", name)).collect();
        while !self.take("}") {
            let label = match self.next()? {
                Token::Name(label) => label,
                // A name that is quoted within the braces is the metric's.
                Token::Text(name) if self.is(",") || self.is("}") => {
                    matchers.push(equal("__name__", &name));
                    self.take(",");
                    continue;
                }
                Token::Text(label) => label,
                other => return Err(format!("unexpected token {other:?}; want a label's name")),
            };
            let sign = match self.next()? {
                Token::Sign(sign @ ("=" | "!=" | "=~" | "!~")) => sign,
                other => return Err(format!("unexpected token {other:?}; want one of = != =~ !~")),
            };
            let Token::Text(value) = self.next()? else {
                return Err(format!("the value of {label:?} has to be quoted"));
            };
            matchers.push(matcher(label, sign, value)?);
            if !self.take(",") {
                self.want("}")?;
                break;
            }
        }
        if matchers.is_empty() {
            return Err("the selector {} has no conditions".into());
        }
        Ok(select(matchers))
    }
}

fn select(matchers: Vec<Matcher>) -> Expr {
    Expr::Select(Selector { matchers, range: None, offset: 0.0 })
}

fn equal(label: &str, value: &str) -> Matcher {
    Matcher { label: label.into(), value: value.into(), not: false, regex: None }
}

fn matcher(label: String, sign: &str, value: String) -> Parsed<Matcher> {
    let regex = match sign {
        "=~" | "!~" => Some(Regex::new(&format!("^(?:{value})$")).map_err(|e| format!("cannot parse regexp: {e}"))?),
        _ => None,
    };
    Ok(Matcher { label, value, not: sign.starts_with('!'), regex })
}
