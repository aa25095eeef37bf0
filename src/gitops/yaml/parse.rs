//! From the parser's events to trees. A text that ends in nonsense keeps the documents before it.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle};

use super::node::{At, Key, Node, Scalar, Value};

/// The most values that a file may have, aliases counted as often as they stand for something.
const MOST: usize = 500_000;

/// What a text holds.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Its documents that have content.
    pub documents: Vec<Node>,
    /// What is wrong with it: lines and words.
    pub faults: Vec<(u32, String)>,
}

enum Frame {
    Seq { at: At, anchor: usize, items: Vec<Node> },
    Map { at: At, anchor: usize, entries: Vec<(Key, Node)>, key: Option<Key> },
}

struct Builder {
    file: u32,
    first: u32,
    stack: Vec<Frame>,
    anchors: HashMap<usize, (Node, usize)>,
    count: usize,
    parsed: Parsed,
}

/// Reads a text of one or many documents. `first` is the line of the file that the text begins at, from 1.
pub fn parse(text: &str, file: u32, first: u32) -> Parsed {
    let options = granit_parser::options! { emit_comments: false };
    let mut builder =
        Builder { file, first, stack: Vec::new(), anchors: HashMap::new(), count: 0, parsed: Parsed::default() };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => builder.take(event, span.start.line()),
            Err(error) => {
                let line = builder.line(error.marker().line());
                builder.parsed.faults.push((line, format!("is not YAML: {}", error.info())));
                break;
            }
        }
        if builder.count > MOST {
            builder.parsed.faults.push((first, format!("has more than {MOST} values")));
            break;
        }
    }
    builder.parsed
}

impl Builder {
    fn line(&self, line: usize) -> u32 {
        u32::try_from(line).unwrap_or(1).max(1) - 1 + self.first
    }

    fn take(&mut self, event: Event<'_>, line: usize) {
        let at = At { file: self.file, line: self.line(line) };
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let scalar =
                    Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain, block, unknown: false };
                self.done(Node { at, value: Value::Scalar(scalar) }, anchor, 1);
            }
            Event::SequenceStart(_, anchor, _) => self.stack.push(Frame::Seq { at, anchor, items: Vec::new() }),
            Event::MappingStart(_, anchor, _) => {
                self.stack.push(Frame::Map { at, anchor, entries: Vec::new(), key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(Frame::Seq { at, anchor, items }) => self.done(Node { at, value: Value::Seq(items) }, anchor, 1),
                Some(Frame::Map { at, anchor, entries, .. }) => {
                    self.done(Node { at, value: Value::Map(entries) }, anchor, 1);
                }
                None => {}
            },
            Event::Alias(anchor) => {
                if let Some((node, size)) = self.anchors.get(&anchor).cloned() {
                    self.done(node, 0, size);
                }
            }
            _ => {}
        }
    }

    /// A value is whole: it goes to the collection around it, or is a document.
    fn done(&mut self, node: Node, anchor: usize, size: usize) {
        self.count += size;
        if anchor != 0 {
            let mut size = 0;
            node.walk(&mut |_| size += 1);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.stack.last_mut() {
            None if node.is_null() => {}
            None => self.parsed.documents.push(node),
            Some(Frame::Seq { items, .. }) => items.push(node),
            Some(Frame::Map { entries, key, .. }) => match key.take() {
                None => *key = Some(Key { text: node.as_text().unwrap_or_default().into(), at: node.at }),
                Some(key) if key.text == "<<" => merge(entries, &node),
                Some(key) => match entries.iter_mut().find(|(known, _)| known.text == key.text) {
                    Some(known) if known.0.at.line > 0 => {
                        let fault = format!("has the key \"{}\" twice, before in line {}", key.text, known.0.at.line);
                        self.parsed.faults.push((key.at.line, fault));
                        *known = (key, node);
                    }
                    Some(known) => *known = (key, node),
                    None => entries.push((key, node)),
                },
            },
        }
    }
}

/// A merge key: what it brings gives way to what the map says itself, which line 0 marks.
fn merge(entries: &mut Vec<(Key, Node)>, from: &Node) {
    for one in std::iter::once(from).chain(from.items()) {
        for (key, node) in one.entries() {
            if !entries.iter().any(|(known, _)| known.text == key.text) {
                entries.push((Key { text: key.text.clone(), at: At { line: 0, ..key.at } }, node.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line() {
        let parsed = parse("a: 1 # one\nb:\n  - x\n  - y: |\n      p\n      q\n---\nc: {d: e}\n", 7, 1);
        assert!(parsed.faults.is_empty(), "{:?}", parsed.faults);
        let [one, two] = &parsed.documents[..] else { panic!("{parsed:?}") };
        assert_eq!(one.get("a").unwrap().at, At { file: 7, line: 1 });
        assert_eq!(one.list("b")[0].at.line, 3);
        let block = one.list("b")[1].get("y").unwrap();
        assert_eq!((block.as_text(), block.line(1).line), (Some("p\nq\n"), 6));
        assert_eq!(two.at_path("c.d").unwrap().at.line, 8);
    }

    #[test]
    fn what_is_broken_has_a_line_and_keeps_what_stood_before() {
        let parsed = parse("a: 1\n---\nb: [1, 2\nc: 3\n", 0, 1);
        assert_eq!(parsed.documents.len(), 1);
        assert!(parsed.faults[0].0 >= 3 && parsed.faults[0].1.contains("not YAML"), "{:?}", parsed.faults);
        let twice = parse("a: 1\nb: 2\na: 3\n", 0, 10);
        assert_eq!(twice.faults, [(12, "has the key \"a\" twice, before in line 10".to_owned())]);
        assert!(!parse("a: *nowhere\n", 0, 1).faults.is_empty());
    }

    #[test]
    fn anchors_and_merge_keys_are_resolved() {
        let parsed = parse("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n", 0, 1);
        assert!(parsed.faults.is_empty(), "{:?}", parsed.faults);
        let y = parsed.documents[0].get("y").unwrap();
        assert_eq!((y.text_at("a"), y.text_at("b")), ("1", "3"));
    }

    #[test]
    fn aliases_of_aliases_end() {
        let mut text = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (one, other) in "bcdefgh".chars().zip("abcdefg".chars()) {
            text += &format!("{one}: &{one} [{}]\n", vec![format!("*{other}"); 9].join(", "));
        }
        assert!(parse(&text, 0, 1).faults[0].1.contains("more than"));
    }
}
