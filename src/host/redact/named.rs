//! Secrets that are known by the name of what they stand in: a header, a parameter of a URL, a field of a body.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::patterns::{HIDDEN, pattern};

/// Words that make a name a secret's, wherever they stand in it: `access_token`, `X-Vault-Token`, `clientSecret`.
const WORDS: &[&str] = &[
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "auth",
    "authorization",
    "signature",
    "sig",
    "hmac",
    "session",
    "sessionid",
    "sid",
    "jsessionid",
    "phpsessid",
    "credential",
    "credentials",
    "cookie",
    "cookies",
    "jwt",
    "otp",
];
/// The same, also within a word of a name that is written without gaps: `accesstoken`.
const PARTS: &[&str] = &["token", "secret", "password", "passwd", "apikey", "signature"];
/// Two words beside each other.
const PAIRS: &[(&str, &str)] = &[
    ("api", "key"),
    ("access", "key"),
    ("private", "key"),
    ("encryption", "key"),
    ("signing", "key"),
    ("master", "key"),
];

/// What a name ends in that only speaks of a secret: `secretName`, `token_type`, `password_policy`, `auth_url`.
const ABOUT: &[&str] = &[
    "name",
    "names",
    "ref",
    "type",
    "types",
    "url",
    "uri",
    "endpoint",
    "endpoints",
    "policy",
    "expiry",
    "expires",
    "ttl",
    "length",
    "limit",
    "limits",
    "count",
    "method",
    "methods",
    "mode",
    "duration",
    "timeout",
    "at",
    "in",
    "path",
    "file",
    "format",
    "algorithm",
    "version",
    "field",
    "enabled",
    "required",
    "hint",
    "kind",
    "status",
    "state",
    "domain",
    "namespace",
    "lifetime",
    "age",
    "class",
    "provider",
    "backend",
    "server",
    "realm",
    "scope",
    "size",
    "level",
    "affinity",
];
/// Whose token is a place in a long list, and no credential: `next_token`, `nextPageToken`, `continuationToken`.
const PAGES: &[&str] =
    &["next", "page", "continue", "continuation", "sync", "marker", "cursor", "max", "prev", "previous"];

/// Values that are ordinary words: hidden in their place, and nowhere else.
const ORDINARY: &[&str] = &[
    "username",
    "namespace",
    "default",
    "metadata",
    "postgres",
    "postgresql",
    "database",
    "administrator",
    "required",
    "optional",
    "disabled",
    "enabled",
    "anonymous",
    "undefined",
    "password",
    "passwort",
    "external",
    "internal",
    "kubernetes",
    "bearer_token",
    "client_credentials",
    "authorization_code",
    "localhost",
    "redacted",
    "<redacted>",
    "********",
    "RS256-HMAC",
    "HMAC-SHA256",
];

/// Parameters of one text, and cookies, that are looked at.
const MOST: usize = 200;

/// Whether what has this name is a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    if name.len() > 100 {
        return false;
    }
    let words = words(name);
    let (Some(last), Some(first)) = (words.last(), words.first()) else { return false };
    if ABOUT.contains(&last.as_str()) && words.len() > 1 {
        return false;
    }
    let page = words.iter().any(|word| PAGES.contains(&word.as_str()))
        || ["nextpage", "nexttoken", "pagetoken", "continu"].iter().any(|begin| first.starts_with(begin));
    if page && last.ends_with("token") {
        return false;
    }
    words.iter().any(|word| {
        let word = word.as_str();
        // `tokens`, `secrets` count or list; the words for one are meant.
        WORDS.contains(&word) || PARTS.iter().any(|part| word.ends_with(part))
    }) || words.windows(2).any(|pair| PAIRS.contains(&(pair[0].as_str(), pair[1].as_str())))
}

/// Whether a value under such a name tells nothing by itself, and must not be hidden everywhere.
pub(super) fn is_ordinary(value: &str) -> bool {
    ORDINARY.iter().any(|word| word.eq_ignore_ascii_case(value))
        || ["true", "false", "null", "none"].contains(&value)
        || value.contains("<secret")
}

/// The words of `X-Vault-Token`, `access_token`, `clientSecret`, `APIKey`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let characters: Vec<char> = name.chars().collect();
    for (at, c) in characters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| characters.get(at));
        let upper_ends = c.is_uppercase()
            && before.is_some_and(|b| {
                b.is_lowercase() || b.is_ascii_digit() || {
                    b.is_uppercase() && characters.get(at + 1).is_some_and(|next| next.is_lowercase())
                }
            });
        if !c.is_alphanumeric() || upper_ends {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The values of the secret parameters in a text with URLs, as they stand there.
pub(crate) fn in_urls(text: &str) -> impl Iterator<Item = &str> {
    PARAMETER.captures_iter(text).take(MOST).filter_map(|found| {
        let (_, [_, name, value]) = found.extract();
        (is_secret(name) && !is_template(value)).then_some(value)
    })
}

/// The values of the cookies that an answer's `Set-Cookie` headers set, joined by commas or not.
pub(crate) fn in_set_cookie(text: &str) -> impl Iterator<Item = &str> {
    COOKIE.captures_iter(text).take(MOST).filter_map(|found| found.get(2)).map(|value| value.as_str().trim_matches('"'))
}

/// The same header with each cookie's value hidden, however short.
pub(super) fn hide_cookies(text: &str) -> String {
    COOKIE
        .replace_all(text, |found: &Captures<'_>| match found[2].is_empty() || found[2].starts_with('<') {
            true => found[0].to_string(),
            false => format!("{}{HIDDEN}", &found[1]),
        })
        .into_owned()
}

/// The text with the secret parameters of URLs hidden, however short.
pub(super) fn hide_parameters(text: &str) -> std::borrow::Cow<'_, str> {
    PARAMETER.replace_all(text, |found: &Captures<'_>| match is_secret(&found[2]) && !is_template(&found[3]) {
        true => format!("{}{}={HIDDEN}", &found[1], &found[2]),
        false => found[0].to_string(),
    })
}

/// The text of a form or of JSON with the values of secret fields hidden, however short.
pub(crate) fn hide_fields(text: &str) -> String {
    let text = FIELD.replace_all(text, |found: &Captures<'_>| match is_secret(&found[2]) && !is_template(&found[4]) {
        true => format!("{}{}{}{HIDDEN}", &found[1], &found[2], &found[3]),
        false => found[0].to_string(),
    });
    FORM.replace_all(&text, |found: &Captures<'_>| match is_secret(&found[2]) && !is_template(&found[3]) {
        true => format!("{}{}={HIDDEN}", &found[1], &found[2]),
        false => found[0].to_string(),
    })
    .into_owned()
}

/// Whether it stands for a value that is put in, or was hidden already.
pub(super) fn is_template(value: &str) -> bool {
    value.starts_with(['$', '{', '<', '*']) || value.starts_with("%3Csecret")
}

/// `?access_token=…`, `&sig=…`, `#id_token=…`; within HTML and JSON, too.
static PARAMETER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"((?:[?&#]|\\u0026|%26)(?:amp;)?)([A-Za-z0-9_.\-\[\]]{2,60})=([^&#\s"'`<>\\]+)"#));
/// `{"password": "…"}`.
static FIELD: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(")([^"\\]{2,60})("\s*:\s*")((?:[^"\\]|\\.)+)"#));
/// `a=1&password=…`, from its beginning.
static FORM: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(^|&)([A-Za-z0-9_.\-\[\]]{2,60})=([^&\s"'`<>\\]+)"#));
/// `session=…; Path=/, theme=…`. What follows the comma of a date is no name.
static COOKIE: LazyLock<Regex> = LazyLock::new(|| pattern(r"((?:^|,\s*)[^=;,\s]+=)([^;,]*)"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_names_about_them() {
        for name in [
            "X-Vault-Token",
            "PRIVATE-TOKEN",
            "access_token",
            "accessToken",
            "accesstoken",
            "sig",
            "Signature",
            "X-Amz-Signature",
            "X-Amz-Security-Token",
            "X-Amz-Credential",
            "api_key",
            "api-key",
            "apikey",
            "APIKey",
            "x-api-key",
            "password",
            "passwd",
            "userPassword",
            "client_secret",
            "secret_id",
            "session",
            "sessionid",
            "session_id",
            "JSESSIONID",
            "Cookie",
            "Authorization",
            "Proxy-Authorization",
            "X-Auth-Token",
            "auth",
            "x-csrf-token",
            "id_token",
            "refresh_token",
            "DB_PASSWORD",
            "credential",
            "jwt",
            "user[password]",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "continue",
            "limit",
            "author",
            "authority",
            "authors",
            "next_token",
            "nextPageToken",
            "pageToken",
            "page_token",
            "continuationToken",
            "syncToken",
            "max_tokens",
            "tokens",
            "secretName",
            "secretRef",
            "token_type",
            "tokenType",
            "password_policy",
            "auth_url",
            "session_duration",
            "sessionAffinity",
            "signal",
            "design",
            "assign",
            "keyboard",
            "key",
            "passenger",
            "compass",
            "X-Amz-SignedHeaders",
            "X-Amz-Date",
            "www-authenticate",
            "content-type",
            "fieldManager",
            "resourceVersion",
            "cookieDomain",
            "side",
            "",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn parameters_of_urls_go_however_short_and_others_stay() {
        for (text, shown) in [
            (
                "GET https://h/x?access_token=abc&page=2&sig=a%2Bb",
                "GET https://h/x?access_token=<secret>&page=2&sig=<secret>",
            ),
            ("location: /back#id_token=abc&state=1", "location: /back#id_token=<secret>&state=1"),
            (r"https://h/?a=1\u0026api_key=abc", r"https://h/?a=1\u0026api_key=<secret>"),
            ("<https://h/?page=2&private_token=abc>; rel=next", "<https://h/?page=2&private_token=<secret>>; rel=next"),
            ("/api/v1/pods?limit=500&continue=eyJ2IjoibWV0YS5r", "/api/v1/pods?limit=500&continue=eyJ2IjoibWV0YS5r"),
            ("http::get(`https://h/?token=${token}`)", "http::get(`https://h/?token=${token}`)"),
            ("https://h/?token=<secret:1>&a", "https://h/?token=<secret:1>&a"),
            ("a && token=b", "a && token=b"),
        ] {
            assert_eq!(hide_parameters(text), shown);
        }
        assert_eq!(in_urls("https://h/?a=1&token=x1#sid=y2").collect::<Vec<_>>(), ["x1", "y2"]);
    }

    #[test]
    fn cookies_and_fields_lose_their_values_and_keep_their_names() {
        let set = "sid=abc; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/, theme=\"dark\"; HttpOnly";
        assert_eq!(in_set_cookie(set).collect::<Vec<_>>(), ["abc", "dark"]);
        let hidden = "sid=<secret>; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/, theme=<secret>; HttpOnly";
        assert_eq!(hide_cookies(set), hidden);
        assert_eq!(hide_cookies(hidden), hidden);
        assert_eq!(hide_fields(r#"{"user":"u","password": "a\"b"}"#), r#"{"user":"u","password": "<secret>"}"#);
        assert_eq!(hide_fields("user=u&password=p&x=1"), "user=u&password=<secret>&x=1");
        assert_eq!(hide_fields("a sentence = b"), "a sentence = b");
    }
}
