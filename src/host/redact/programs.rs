//! Secrets that programs are given and print, known by a name: of a variable (`PGPASSWORD=…`), of an option
//! (`--password=…`, `--token …`), of a field in what they read (`password=…`).

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::Redactor;
use super::named::{is_secret, is_template};
use super::patterns::pattern;

/// So much of what a program printed is looked at.
const LOOKED_AT: usize = 4 * 1024 * 1024;
/// JSON within strings of JSON within strings of JSON.
const NESTED: usize = 3;
/// Secrets of one text.
const MOST: usize = 200;

/// What a variable's name ends in that has to do with a secret and holds none: `SSH_AUTH_SOCK`, `GIT_CREDENTIAL_HELPER`.
const ELSEWHERE: &[&str] =
    &["sock", "socket", "address", "addr", "dir", "home", "host", "port", "user", "helper", "jar"];
/// Options whose word that follows is the name of a secret or a way, as often as it is one.
const VAGUE: &[&str] = &["secret", "auth", "cookie", "credential", "credentials", "sig", "sid", "signature"];

/// Whether a variable or an option of this name holds a secret. A desktop's sessions (`XDG_SESSION_ID`) are none.
pub(crate) fn holds(name: &str) -> bool {
    let lower = name.to_lowercase();
    let last = lower.rsplit(['_', '-', '.']).next().unwrap_or_default();
    let session =
        lower.contains("session") && !["token", "secret", "key", "cookie", "pass"].iter().any(|w| lower.contains(w));
    is_secret(name) && !session && !ELSEWHERE.contains(&last)
}

/// A program's variable: its value as it may be shown, where its name is a secret's.
pub(crate) fn variable(redactor: &Redactor, name: &str, value: &str) -> Option<String> {
    let meant = holds(name) && !value.is_empty() && !value.starts_with("<secret");
    meant.then(|| format!("<secret:{}>", redactor.register(value)))
}

/// The words of a command line as they may be shown; what is secret in them is known from now on.
pub(crate) fn words(redactor: &Redactor, words: Vec<String>) -> Vec<String> {
    let mut follows = false;
    let shown = words.into_iter().map(|word| {
        let option = std::mem::replace(&mut follows, names_what_follows(&word));
        match option && !word.starts_with('-') && !word.is_empty() && !is_template(&word) {
            true => format!("<secret:{}>", redactor.register(&word)),
            false => text(redactor, &word),
        }
    });
    shown.collect()
}

fn names_what_follows(word: &str) -> bool {
    let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-').filter(|name| name.len() > 1));
    name.is_some_and(|name| !name.contains(['=', ' ']) && holds(name) && !VAGUE.contains(&name))
}

/// A script, a command line or what a program reads, as it may be shown; what is secret in it is known from now on.
pub(crate) fn text(redactor: &Redactor, text: &str) -> String {
    let (mut shown, mut done) = (String::new(), 0);
    for place in places(text) {
        shown.push_str(&text[done..place.start]);
        shown.push_str(&format!("<secret:{}>", redactor.register(&text[place.clone()])));
        done = place.end;
    }
    shown + &text[done..]
}

/// Learns what a program printed, or a file has, under a secret's name: variables, one a line (`env`, `export -p`), fields
/// of JSON, also of JSON within its strings, headers and lines of YAML.
pub(crate) fn printed(redactor: &Redactor, text: &str) {
    within(redactor, &text[..text.floor_char_boundary(LOOKED_AT)], NESTED);
}

fn within(redactor: &Redactor, text: &str, depth: usize) {
    variables(redactor, text);
    if !text.contains(':') {
        return;
    }
    let mut learnt = 0;
    for found in FIELD.captures_iter(text) {
        let (Some(name), Some(value)) = (found.name("name"), found.name("value")) else { continue };
        let (name, value) = (name.as_str(), value.range());
        let bare = !text[value.clone()].starts_with(['"', '\'']);
        // `secret: grafana-admin` says where it is.
        if learnt < MOST && holds(name) && !(bare && VAGUE.contains(&name.to_lowercase().as_str())) {
            let Some(place) = unquoted(text, value) else { continue };
            let written = &text[place];
            let plain = serde_json::from_str::<String>(&format!("\"{written}\""));
            redactor.register(plain.as_deref().unwrap_or(written));
            learnt += 1;
        } else if depth > 0 && !bare && text[value.clone()].contains(['\\', '=']) {
            let plain = serde_json::from_str::<String>(&text[value]);
            plain.iter().for_each(|plain| within(redactor, plain, depth - 1));
        }
    }
}

fn variables(redactor: &Redactor, text: &str) {
    let mut learnt = 0;
    for line in text.lines() {
        let Some((name, value)) = line.split_once('=') else { continue };
        let name = name.trim_start().trim_start_matches("export ").trim_start_matches("declare -x ");
        let value = value.trim().trim_matches(['"', '\'']);
        let is_name = name.len() <= 100 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if is_name && !value.is_empty() && !is_template(value) && holds(name) && learnt < MOST {
            redactor.register(value);
            learnt += 1;
        }
    }
}

/// Where values stand behind a secret's name, in order and apart.
fn places(text: &str) -> Vec<Range<usize>> {
    if !text.contains(['=', '-', ':']) {
        return Vec::new();
    }
    let mut places = Vec::new();
    for (found, vague) in [(&*ASSIGNED, &[][..]), (&*OPTION, VAGUE), (&*FIELD, &[][..])] {
        for found in found.captures_iter(text).take(MOST) {
            let (Some(name), Some(value)) = (found.name("name"), found.name("value")) else { continue };
            if holds(name.as_str()) && !vague.contains(&name.as_str()) {
                places.extend(unquoted(text, value.range()));
            }
        }
    }
    places.sort_unstable_by_key(|place| place.start);
    let mut end = 0;
    places.retain(|place| {
        let apart = place.start >= end;
        end = end.max(place.end);
        apart
    });
    places
}

/// A value without its quotes; none where something else is put in.
fn unquoted(text: &str, place: Range<usize>) -> Option<Range<usize>> {
    let value = &text[place.clone()];
    let quoted = value.len() > 1 && value.starts_with(['"', '\'']) && value.chars().next() == value.chars().next_back();
    let end = place.start + value.trim_end().len();
    let place = if quoted { place.start + 1..place.end - 1 } else { place.start..end };
    let value = &text[place.clone()];
    (!value.is_empty() && !is_template(value) && !value.contains("<secret")).then_some(place)
}

/// `NAME=value`, `--name=value`, in a script as on a line of its own.
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?m)(?:^|[\s;&|("'`{,])-{0,2}(?<name>[A-Za-z_][A-Za-z0-9_.-]{1,60})=(?<value>"(?:[^"\\]|\\.)*"|'[^']*'|[^\s;&|"'`)]+)"#,
    )
});
/// `--name value`.
static OPTION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?m)(?:^|\s)--(?<name>[A-Za-z][A-Za-z0-9_-]{1,60})[ \t]+(?<value>"(?:[^"\\]|\\.)*"|'[^']*'|[^\s;&|"'`)-][^\s;&|"'`)]*)"#,
    )
});
/// `"name": "value"`, and `name: value` on a line of its own, as `curl -v` has it, too.
static FIELD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?m)(?:"|^[ \t<>-]*)(?<name>[A-Za-z_][A-Za-z0-9_.-]{1,60})(?:"\s*:\s*|:[ \t]+)(?<value>"(?:[^"\\]|\\.)+"|'[^']+'|[^\s"'\[{&|>#][^\s]*[ \t\r]*$)"#,
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_command_line_hide_what_options_and_variables_hold() {
        for (line, shown) in [
            ("psql --password=p4 --user=u", "psql --password=<secret:1> --user=u"),
            ("curl --token tok-12345 -v", "curl --token <secret:1> -v"),
            ("x -password pw --secret my-secret --token -v", "x -password <secret:1> --secret my-secret --token -v"),
            ("env PGPASSWORD=abc psql", "env PGPASSWORD=<secret:1> psql"),
            ("curl -d user=u&password=abc", "curl -d user=u&password=<secret:1>"),
            ("x --token <secret:1> --token-file f --auth-url=u", "x --token <secret:1> --token-file f --auth-url=u"),
        ] {
            let words = words(&Redactor::default(), line.split(' ').map(String::from).collect());
            assert_eq!(words.join(" "), shown);
        }
    }

    #[test]
    fn scripts_and_what_programs_read_hide_it_too() {
        for (script, shown) in [
            ("PGPASSWORD='a b' psql; x", "PGPASSWORD='<secret:1>' psql; x"),
            ("export TOKEN=\"abc\" && y --password zz|w", "export TOKEN=\"<secret:1>\" && y --password <secret:2>|w"),
            ("TOKEN=$1 x --token \"$TOKEN\" --password=${P}", "TOKEN=$1 x --token \"$TOKEN\" --password=${P}"),
            ("SSH_AUTH_SOCK=/tmp/s XDG_SESSION_ID=4 x", "SSH_AUTH_SOCK=/tmp/s XDG_SESSION_ID=4 x"),
            ("user=u\npassword=p w\n", "user=u\npassword=<secret:1> w\n"),
            ("{\"password\": \"p\", \"user\": \"u\"}", "{\"password\": \"<secret:1>\", \"user\": \"u\"}"),
            ("user: u\n  password: p4 \n", "user: u\n  password: <secret:1> \n"),
            ("echo token: is a word", "echo token: is a word"),
            ("nothing here", "nothing here"),
        ] {
            assert_eq!(text(&Redactor::default(), script), shown);
        }
        let redactor = Redactor::default();
        assert_eq!(variable(&redactor, "API_TOKEN", "abc"), Some("<secret:1>".into()));
        assert_eq!((variable(&redactor, "TOKEN", "<secret:1>"), variable(&redactor, "MODE", "on")), (None, None));
    }

    #[test]
    fn fields_and_headers_that_a_program_prints_are_learnt_also_within_strings() {
        let redactor = Redactor::default();
        let nested = serde_json::json!({ "config": serde_json::json!({ "password": "planted-\"four" }).to_string() });
        let out = format!(
            "{{\"password\":\"planted-one\",\"deep\":{{\"client_token\": \"planted-two\"}}}}\n> X-Vault-Token: planted-three\n{nested}\n\
             password: planted-five\nsecret: planted-name\ntoken: is a word\nX-Api-Key: planted-six\r\nsecretName: planted-name\n"
        );
        printed(&redactor, &out);
        let shown = redactor.redact(&out);
        for gone in ["one", "two", "three", "four", "five", "six"] {
            assert!(!shown.contains(&format!("planted-{gone}")) && !shown.contains("\"four"), "{gone}: {shown}");
        }
        assert!(shown.contains("secret: planted-name") && shown.contains("token: is a word"), "{shown}");
    }

    #[test]
    fn what_env_prints_is_learnt_by_its_name() {
        let redactor = Redactor::default();
        let out = "PATH=/usr/bin\nDB_PASSWORD=planted-one\nexport API_KEY=\"planted-two\"\ndeclare -x X_TOKEN=\"planted-three\"\n\
                   SSH_AUTH_SOCK=/tmp/planted-sock\nMODE=planted-mode\nTOKEN=$PLANTED_TOKEN\n";
        printed(&redactor, out);
        let shown = redactor.redact(out);
        for gone in ["planted-one", "planted-two", "planted-three"] {
            assert!(!shown.contains(gone), "{shown}");
        }
        for there in ["/usr/bin", "planted-sock", "planted-mode", "$PLANTED_TOKEN"] {
            assert!(shown.contains(there), "{shown}");
        }
    }
}
