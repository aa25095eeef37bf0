//! The second net: secrets that nobody registered, known by how they look. Private keys, bearer tokens, the password
//! in a URL, and its parameters that are named like a secret.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What stands in place of a secret without a number.
pub(super) const HIDDEN: &str = "<secret>";

/// Whether there may be something to hide. Cheap, and right for text within JSON, too.
pub(super) fn suspects(text: &str) -> bool {
    SIGNS.is_match(text)
}

/// The text without what looks like a secret.
///
/// Of a private key that was cut, at its beginning or its end, the rest is hidden.
pub(crate) fn hide(text: &str) -> Cow<'_, str> {
    if !suspects(text) {
        return Cow::Borrowed(text);
    }
    let text = KEY.replace_all(text, HIDDEN);
    let text = KEY_END.replace_all(&text, HIDDEN);
    // A part of it may be hidden already, such as a known password in the base64 of `user:password`.
    let text = HEADER.replace_all(&text, |found: &Captures<'_>| match KNOWN.is_match(&found[2]) {
        true => found[0].to_string(),
        false => format!("{}{HIDDEN}", &found[1]),
    });
    let text = BARE.replace_all(&text, |found: &Captures<'_>| match is_word(&found[2]) {
        true => found[0].to_string(),
        false => format!("{}{HIDDEN}", &found[1]),
    });
    let text =
        BEARER.replace_all(&text, |found: &Captures<'_>| match found[2].contains(|c: char| c.is_ascii_digit()) {
            true => format!("{}{HIDDEN}", &found[1]),
            // Words of a sentence.
            false => found[0].to_string(),
        });
    let text = TOKEN.replace_all(&text, HIDDEN);
    let text = URL.replace_all(&text, format!("${{1}}{HIDDEN}@"));
    Cow::Owned(super::named::hide_parameters(&text).into_owned())
}

/// The same for lines that were one text: a key whose lines stand apart is hidden in each.
pub(super) fn hide_across(lines: &mut [String]) {
    let mut inside = false;
    for at in 0..lines.len() {
        let (begins, ends) = (KEY_BEGIN.is_match(&lines[at]), KEY_END.is_match(&lines[at]));
        if ends && !inside && !begins {
            // Its beginning was cut off.
            for line in lines[..at].iter_mut().rev().take_while(|line| BODY.is_match(line)) {
                *line = HIDDEN.into();
            }
        }
        if inside && !begins {
            lines[at] = if ends { KEY_END.replace_all(&lines[at], HIDDEN).into_owned() } else { HIDDEN.into() };
        }
        inside = (inside || begins) && !ends;
    }
}

/// Whether what stands alone after `Authorization:` is a scheme or a word of a sentence rather than a credential.
fn is_word(text: &str) -> bool {
    text.len() < 20 && text.chars().skip(1).all(|c| c.is_ascii_lowercase() || "-_./()[]{}".contains(c))
}

#[expect(clippy::expect_used, reason = "the patterns are constants, and a test uses each")]
pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

static SIGNS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) PRIVATE\ KEY | (?i:bearer|authorization|set-cookie) | eyJ | ://[^\s/?\#]*@
        | (?:[?&\#;]|\\u0026|%26) [A-Za-z0-9_.\-\[\]]*
          (?i:token|secret|pass|pwd|key|auth|sig|hmac|session|sid|sessid|credential|cookie|jwt|otp)
          [A-Za-z0-9_.\-\[\]]* =",
    )
});

static KEY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
    )
});
static KEY_BEGIN: LazyLock<Regex> = LazyLock::new(|| pattern(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY"));
/// The end of one, with what stands before it: base64, newlines, and these as `\n`.
static KEY_END: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[A-Za-z0-9+/=\s\\]*-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"));
/// A line of base64, the last one of a key too.
static BODY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^\s*(?:(?:[A-Za-z0-9+/]{4})*[A-Za-z0-9+/]{2}[A-Za-z0-9+/=]{2}|[A-Za-z0-9+/]{16,}={0,2})\s*$")
});
/// `Authorization: Basic …`, in headers, JSON and on command lines.
static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?i)(\bauthorization\\*["']?\s*[:=]\s*\\*["']?[a-z]+\s+)((?:[^\s"'`,;<\\]|<secret(?::[0-9]+)?>)+)"#)
});
/// A credential that is hidden as a whole.
static KNOWN: LazyLock<Regex> = LazyLock::new(|| pattern(r"^<secret(?::[0-9]+)?>$"));
/// `Authorization: glsa_0123…`: without a scheme, as some programs want it.
static BARE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?i)(\bauthorization\\*["']?\s*[:=]\s*\\*["']?)([^\s"'`,;<\\]{8,})"#));
static BEARER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)(\bbearer\s+)([a-z0-9._~+/-]{16,}=*)"));
/// A JSON web token, whoever carries it.
static TOKEN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\beyJ[A-Za-z0-9_-]{6,}\.eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?"));
static URL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"([A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@"'`<>]*:)[^\s/?#"'`<>]+@"#));

#[cfg(test)]
mod tests {
    use super::*;

    /// Base64 that is no key.
    const BODY_LINE: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";

    fn key() -> String {
        format!("-----BEGIN RSA PRIVATE KEY-----\n{BODY_LINE}\n{BODY_LINE}==\n-----END RSA PRIVATE KEY-----")
    }

    #[test]
    fn private_keys_go_whole_or_cut_or_escaped() {
        assert_eq!(hide(&format!("a\n{}\nb", key())), "a\n<secret>\nb");
        assert_eq!(hide(&key()[..60]), "<secret>");
        assert!(!hide(&key()[40..]).contains("QIBADAN"), "{}", hide(&key()[40..]));
        let json = serde_json::Value::from(key()).to_string();
        assert_eq!(hide(&json), "\"<secret>\"");
        let public = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
        assert_eq!(hide(public), public);
    }

    #[test]
    fn the_lines_of_a_key_go_one_by_one() {
        let lines = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(|line| hide(line).into_owned()).collect();
            let mut raw: Vec<String> = text.lines().map(String::from).collect();
            hide_across(&mut raw);
            lines.clone_from_slice(&raw.iter().map(|line| hide(line).into_owned()).collect::<Vec<_>>());
            lines
        };
        assert_eq!(lines(&format!("a\n{}\nb", key())), ["a", "<secret>", "<secret>", "<secret>", "<secret>", "b"]);
        let (_, tail) = key().split_once('\n').map(|(a, b)| (a.to_string(), b.to_string())).expect("lines");
        assert_eq!(lines(&format!("some words\n{tail}\nb")), ["some words", "<secret>", "<secret>", "<secret>", "b"]);
    }

    #[test]
    fn tokens_go_and_sentences_stay() {
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2lnbmF0dXJl";
        for (text, shown) in [
            (format!("token {jwt}!"), "token <secret>!"),
            ("Authorization: Basic dTpw".into(), "Authorization: Basic <secret>"),
            (r#"{"authorization":"Bearer abc"}"#.into(), r#"{"authorization":"Bearer <secret>"}"#),
            (r#"{\"Authorization\": \"token abc\"}"#.into(), r#"{\"Authorization\": \"token <secret>\"}"#),
            ("Authorization: glsa_0123456789abcdef".into(), "Authorization: <secret>"),
            (r#"{"authorization":"0aF3-77bQ"}"#.into(), r#"{"authorization":"<secret>"}"#),
            ("proxy-authorization=aaaabbbbccccddddeeeeffff;x".into(), "proxy-authorization=<secret>;x"),
            ("authorization: forbidden".into(), "authorization: forbidden"),
            ("Authorization: Negotiate".into(), "Authorization: Negotiate"),
            ("Authorization: Basic dXNlcjp<secret:1>4=".into(), "Authorization: Basic <secret>"),
            ("Authorization: Basic <secret:1>4=".into(), "Authorization: Basic <secret>"),
            ("Authorization: Bearer <secret:1>".into(), "Authorization: Bearer <secret:1>"),
            (format!("Bearer {jwt}"), "Bearer <secret>"),
            ("bearer 0123456789abcdef0123".into(), "bearer <secret>"),
            ("the bearer authentication_of_this is off".into(), "the bearer authentication_of_this is off"),
            (r#"Bearer realm="https://auth.docker.io/token""#.into(), r#"Bearer realm="https://auth.docker.io/token""#),
        ] {
            assert_eq!(hide(&text), shown);
        }
    }

    #[test]
    fn the_password_of_a_url_goes_and_nothing_else_of_it() {
        for (text, shown) in [
            (r#"http::get("https://user:pass@host/x")"#, r#"http::get("https://user:<secret>@host/x")"#),
            ("postgres://u:p@ss:w@db:5432/x?y=a@b", "postgres://u:<secret>@db:5432/x?y=a@b"),
            ("redis://:pw@cache", "redis://:<secret>@cache"),
            ("https://user@host:8080/a:b@c", "https://user@host:8080/a:b@c"),
            ("http://a:80/x and you@example.org", "http://a:80/x and you@example.org"),
            ("https://u:<secret:1>@h", "https://u:<secret:1>@h"),
        ] {
            assert_eq!(hide(text), shown);
        }
    }
}
