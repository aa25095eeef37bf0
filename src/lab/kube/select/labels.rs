//! Label selectors: parsed from a request's text or an object's `LabelSelector`, and held against labels.
//!
//! Source: k8s.io/apimachinery `pkg/labels/selector.go`.

use serde_json::Value;

use super::lexer::{Token, words};
use crate::lab::kube::validate::names;

/// What is asked of one label.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
    Greater(i64),
    Less(i64),
    Never,
}

/// Requirements, all of which have to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Labels(Vec<(String, Test)>);

impl Labels {
    /// Parses a selector; the error is what the server answers.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { words: words(text), at: 0 };
        parser.all().map(Self)
    }

    pub(crate) fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn holds(&self, labels: &Value) -> bool {
        self.0.iter().all(|(key, test)| {
            let value = labels.get(key).and_then(Value::as_str);
            match test {
                Test::In(wanted) => value.is_some_and(|v| wanted.iter().any(|w| w == v)),
                Test::NotIn(wanted) => value.is_none_or(|v| !wanted.iter().any(|w| w == v)),
                Test::Exists => value.is_some(),
                Test::Absent => value.is_none(),
                Test::Greater(than) => value.and_then(|v| v.parse::<i64>().ok()).is_some_and(|v| v > *than),
                Test::Less(than) => value.and_then(|v| v.parse::<i64>().ok()).is_some_and(|v| v < *than),
                Test::Never => false,
            }
        })
    }
}

/// Of an object's `LabelSelector`, or of a plain map; none selects nothing.
pub(crate) fn of_selector(selector: &Value) -> Labels {
    let Some(object) = selector.as_object() else { return Labels(vec![(String::new(), Test::Never)]) };
    let mut tests = Vec::new();
    let plain = !object.contains_key("matchLabels") && !object.contains_key("matchExpressions");
    let labels = if plain { selector } else { &selector["matchLabels"] };
    for (key, value) in labels.as_object().into_iter().flatten() {
        tests.push((key.clone(), Test::In(value.as_str().map(str::to_owned).into_iter().collect())));
    }
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or_default().to_owned();
        let values = expression["values"].as_array().into_iter().flatten();
        let values: Vec<String> = values.filter_map(|v| v.as_str().map(str::to_owned)).collect();
        let test = match expression["operator"].as_str() {
            Some("In") => Test::In(values),
            Some("NotIn") => Test::NotIn(values),
            Some("Exists") => Test::Exists,
            Some("DoesNotExist") => Test::Absent,
            _ => Test::Never,
        };
        tests.push((key, test));
    }
    Labels(tests)
}

struct Parser {
    words: Vec<(Token, String)>,
    at: usize,
}

impl Parser {
    /// The next word, where `in` and `notin` are words like any other.
    fn look(&self) -> (Token, &str) {
        let (token, literal) = &self.words[self.at.min(self.words.len() - 1)];
        let token = if matches!(token, Token::In | Token::NotIn) { Token::Word } else { *token };
        (token, literal)
    }

    fn take(&mut self) -> (Token, String) {
        let (token, literal) = self.look();
        let taken = (token, literal.to_owned());
        self.at += 1;
        taken
    }

    fn all(&mut self) -> Result<Vec<(String, Test)>, String> {
        let mut tests = Vec::new();
        loop {
            match self.look() {
                (Token::Word | Token::Not, _) => {
                    tests.push(self.one().map_err(|e| format!("unable to parse requirement: {e}"))?);
                    match self.take() {
                        (Token::End, _) => return Ok(tests),
                        (Token::Comma, _) => {
                            let (token, literal) = self.look();
                            if !matches!(token, Token::Word | Token::Not) {
                                return Err(format!("found '{literal}', expected: identifier after ','"));
                            }
                        }
                        (_, literal) => {
                            return Err(format!("found '{literal}', expected: ',' or 'end of string'"));
                        }
                    }
                }
                (Token::End, _) => return Ok(tests),
                (_, literal) => {
                    return Err(format!("found '{literal}', expected: !, identifier, or 'end of string'"));
                }
            }
        }
    }

    fn one(&mut self) -> Result<(String, Test), String> {
        let mut absent = false;
        let (mut token, mut key) = self.take();
        if token == Token::Not {
            absent = true;
            (token, key) = self.take();
        }
        if token != Token::Word {
            return Err(format!("found '{key}', expected: identifier"));
        }
        if let Some(why) = names::label_key(&key).into_iter().next() {
            return Err(format!("invalid label key {key:?}: {why}"));
        }
        if absent {
            return Ok((key, Test::Absent));
        }
        if matches!(self.look().0, Token::End | Token::Comma) {
            return Ok((key, Test::Exists));
        }
        let (operator, literal) = self.words[self.at.min(self.words.len() - 1)].clone();
        self.at += 1;
        let test = match operator {
            Token::In => Test::In(self.several()?),
            Token::NotIn => Test::NotIn(self.several()?),
            Token::Equals | Token::DoubleEquals => Test::In(vec![self.single()?]),
            Token::NotEquals => Test::NotIn(vec![self.single()?]),
            Token::Greater => Test::Greater(self.number()?),
            Token::Less => Test::Less(self.number()?),
            _ => return Err(format!("found '{literal}', expected: in, notin, =, ==, !=, gt, lt")),
        };
        if let Test::In(values) | Test::NotIn(values) = &test {
            for value in values {
                if let Some(why) = names::label_value(value) {
                    return Err(format!("invalid label value: {value:?}: at key: {key:?}: {why}"));
                }
            }
        }
        Ok((key, test))
    }

    fn number(&mut self) -> Result<i64, String> {
        let value = self.single()?;
        value.parse().map_err(|_| "for 'Gt', 'Lt' operators, the value must be an integer".to_owned())
    }

    fn single(&mut self) -> Result<String, String> {
        if matches!(self.look().0, Token::End | Token::Comma) {
            return Ok(String::new());
        }
        match self.take() {
            (Token::Word, literal) => Ok(literal),
            (_, literal) => Err(format!("found '{literal}', expected: identifier")),
        }
    }

    fn several(&mut self) -> Result<Vec<String>, String> {
        let (token, literal) = self.take();
        if token != Token::Open {
            return Err(format!("found '{literal}', expected: '('"));
        }
        let mut values = Vec::new();
        loop {
            match self.take() {
                (Token::Word, literal) => {
                    values.push(literal);
                    match self.look() {
                        (Token::Comma, _) => {
                            self.at += 1;
                            if self.look().0 == Token::Closed {
                                values.push(String::new());
                            }
                        }
                        (Token::Closed, _) => {}
                        (_, literal) => return Err(format!("found '{literal}', expected: ',' or ')'")),
                    }
                }
                (Token::Comma, _) => values.push(String::new()),
                (Token::Closed, _) => return Ok(values),
                (_, literal) => return Err(format!("found '{literal}', expected: ',', ')' or identifier")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_selects_as_it_says() {
        let labels = json!({"tier": "web", "n": "5"});
        for (text, holds) in [
            ("tier=web", true),
            ("tier==web,n", true),
            ("tier!=web", false),
            ("tier in (db, web)", true),
            ("tier notin (web)", false),
            ("!x", true),
            ("n>4,n<6", true),
            ("x!=1", true),
            ("", true),
        ] {
            assert_eq!(Labels::parse(text).expect("parses").holds(&labels), holds, "{text}");
        }
    }

    #[test]
    fn errors_say_what_was_found_and_expected() {
        for (text, error) in [
            ("tier in (web", "unable to parse requirement: found '', expected: ',' or ')'"),
            ("tier===web", "unable to parse requirement: found '=', expected: identifier"),
            ("tier=a b", "found 'b', expected: ',' or 'end of string'"),
            ("tier=web,", "found '', expected: identifier after ','"),
        ] {
            assert_eq!(Labels::parse(text).expect_err("refused"), error, "{text}");
        }
    }

    #[test]
    fn a_selector_of_an_object_and_none_at_all() {
        let labels = json!({"a": "b"});
        assert!(of_selector(&json!({"matchLabels": {"a": "b"}})).holds(&labels));
        assert!(of_selector(&json!({"a": "b"})).holds(&labels));
        assert!(of_selector(&json!({})).holds(&labels));
        assert!(!of_selector(&Value::Null).holds(&labels));
    }
}
