//! The forms in which a secret may stand in a text: itself, its lines, base64, URL-encoded, on a command line, in JSON,
//! in XML.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::SHORTEST;

/// JSON within a string of JSON within a string of JSON: a manifest that a program's output quotes, in a call's answer.
const NESTED: usize = 3;
/// Where `base64`, PEM and `openssl` break their lines.
const WRAPPED: [usize; 2] = [76, 64];

/// Every form of a secret, the longest first.
pub(super) fn of(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_string(), value.replace('\'', r"'\''")];
    forms.push(on_bashs_line(value));
    forms.extend(in_xml(value));
    forms.extend(url_encoded(value));
    forms.extend(lines(value));
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        forms.push(engine.encode(value));
    }
    forms.extend(within_base64(value));
    forms.extend(wrapped(&STANDARD.encode(value)));
    for _ in 0..NESTED {
        let escaped: Vec<String> =
            forms.iter().flat_map(|form| [in_json(form), in_gos_json(form), in_ascii_json(form)]).collect();
        forms.extend(escaped);
        forms.sort_unstable();
        forms.dedup();
    }
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms
}

/// The lines of a text of several lines, which may be shown apart; those that are ordinary words are not meant.
fn lines(text: &str) -> impl Iterator<Item = String> {
    let telling = |line: &&str| line.len() >= 2 * SHORTEST && !line.contains(char::is_whitespace);
    text.lines().map(str::trim).filter(telling).map(String::from)
}

/// What stands in the base64 of a longer text that the value is a part of (`user:password`, a whole manifest): the
/// letters that nothing beside it changes, for each of the three places that its first byte can have.
fn within_base64(value: &str) -> Vec<String> {
    let mut found = Vec::new();
    for before in 0..3_usize {
        let mut bytes = vec![0; before];
        bytes.extend(value.as_bytes());
        let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(&bytes);
            found.extend(text.get(first..last).map(String::from));
        }
    }
    found
}

/// The lines of base64 that is broken into lines; a short last one is no sign of anything.
fn wrapped(text: &str) -> impl Iterator<Item = String> {
    let widths = WRAPPED.into_iter().filter(|width| text.len() > *width);
    widths
        .flat_map(|width| text.as_bytes().chunks(width))
        .filter(|line| line.len() >= SHORTEST)
        .map(|line| String::from_utf8_lossy(line).into_owned())
}

/// The text as it stands in JSON, without the quotes.
fn in_json(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json[1..json.len() - 1].to_string()
}

/// The same as programs in Go write it, kubectl among them.
fn in_gos_json(text: &str) -> String {
    in_json(text).replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// The same as programs write it whose JSON is ASCII, as Python's is: `\u00e4`, and two of them for what lies beyond.
fn in_ascii_json(text: &str) -> String {
    let mut out = String::new();
    for c in in_json(text).chars() {
        match c.is_ascii() {
            true => out.push(c),
            false => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    out
}

/// As bash's `printf %q` writes it: a backslash before each sign that means something to a shell.
fn on_bashs_line(text: &str) -> String {
    let meant = |c: char| " \t'\"\\|&;()<>!{}*[]?^$`,".contains(c);
    text.chars().map(|c| if meant(c) { format!("\\{c}") } else { c.to_string() }).collect()
}

/// As it stands in XML and HTML, and in an attribute there.
fn in_xml(text: &str) -> [String; 2] {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let attribute = text.replace('"', "&quot;").replace('\'', "&apos;");
    [text, attribute]
}

/// As it stands in a URL. What is left as it is, besides letters and digits, differs: RFC 3986, Python's `quote`,
/// JavaScript's `encodeURIComponent`, HTML forms, and the WHATWG's rules for a query and for user and password.
fn url_encoded(text: &str) -> Vec<String> {
    let query = "!$%&()*+,-./:;=?@[\\]^_`{|}~";
    let kept = ["-_.~", "-_.~/", "-_.!~*'()", "*-._", query, "!$%&'()*+,-._~"];
    let escaped = |kept: &str, lower: bool, blank: &str| {
        let mut out = String::new();
        for byte in text.bytes() {
            match byte {
                b' ' => out.push_str(blank),
                _ if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) => out.push(byte.into()),
                _ if lower => out.push_str(&format!("%{byte:02x}")),
                _ => out.push_str(&format!("%{byte:02X}")),
            }
        }
        out
    };
    let all = kept.iter().flat_map(|kept| ["%20", "+"].map(|blank| (kept, blank)));
    let mut found: Vec<String> =
        all.flat_map(|(kept, blank)| [true, false].map(|lower| escaped(kept, lower, blank))).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::redact::Redactor;

    fn redacted(value: &str, text: &str) -> String {
        let redactor = Redactor::default();
        redactor.register(value);
        redactor.redact(text)
    }

    #[test]
    fn a_part_of_what_was_encoded_is_found_wherever_it_begins() {
        let secret = "planted-secret";
        for before in ["", "u:", "us:", "user:", "a longer text before it "] {
            for after in ["", "\n", " and after"] {
                for engine in [&STANDARD, &URL_SAFE_NO_PAD] {
                    let text = engine.encode(format!("{before}{secret}{after}"));
                    let shown = redacted(secret, &text);
                    assert!(shown.contains("<secret:1>"), "{before}{after}: {text}: {shown}");
                    let rest = shown.replace("<secret:1>", "");
                    assert!(text.len() - rest.len() >= 17, "most of it: {shown}");
                }
            }
        }
    }

    #[test]
    fn it_is_found_in_a_url_however_it_was_encoded() {
        let secret = "a'b/c+d &e~f";
        for text in ["a%27b%2Fc%2Bd%20%26e~f", "a'b%2fc%2bd%20%26e~f", "a%27b%2Fc%2Bd+%26e%7Ef", "a%27b/c+d%20&e~f"] {
            assert_eq!(redacted(secret, text), "<secret:1>");
        }
    }

    #[test]
    fn it_is_found_in_ascii_json_on_bashs_line_and_in_xml() {
        let secret = "pä<s>&w\"o'r €🔑d";
        for text in [
            "{\"a\": \"p\\u00e4<s>&w\\\"o'r \\u20ac\\ud83d\\udd11d\"}",
            "p\u{e4}\\<s\\>\\&w\\\"o\\'r\\ €🔑d",
            "<a b=\"pä&lt;s&gt;&amp;w&quot;o&apos;r €🔑d\"/>",
            "<a>pä&lt;s&gt;&amp;w\"o'r €🔑d</a>",
        ] {
            let shown = redacted(secret, text);
            assert!(
                shown.contains("<secret:1>") && !shown.contains("o'r") && !shown.contains("&gt;"),
                "{text}: {shown}"
            );
        }
    }

    #[test]
    fn a_long_one_is_found_in_base64_of_several_lines() {
        let secret: String = (0..40).map(|n| format!("{n:x}-Secret")).collect();
        let text = STANDARD.encode(&secret);
        for width in WRAPPED {
            let lines: Vec<&str> = text.as_bytes().chunks(width).filter_map(|l| std::str::from_utf8(l).ok()).collect();
            let shown = redacted(&secret, &lines.join("\n"));
            assert_eq!(shown, "<secret:1>");
            // A line of it alone, too.
            assert_eq!(redacted(&secret, lines[1]), "<secret:1>");
        }
    }

    #[test]
    fn it_is_found_in_json_in_json_in_json_also_of_a_program_in_go() {
        let secret = "a\"b\\c<d>&e'f";
        let once = serde_json::json!({ "password": secret }).to_string();
        let gos = r#"{"password":"a\"b\\c\u003cd\u003e\u0026e'f"}"#.to_string();
        for inner in [once, gos] {
            let twice = serde_json::json!({ "stdout": inner }).to_string();
            let thrice = serde_json::json!({ "cut": twice }).to_string();
            for text in [&inner, &twice, &thrice] {
                let shown = redacted(secret, text);
                assert!(shown.contains("<secret:1>") && !shown.contains("e'f"), "{text}: {shown}");
            }
        }
    }
}
