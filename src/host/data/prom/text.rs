//! The text exposition format of Prometheus 0.0.4 (prometheus.io, "Exposition formats"), and what
//! OpenMetrics 1.0 adds to it: `# EOF`, `# UNIT`, exemplars, timestamps in seconds.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{Error, Kind};

/// One line with a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: Labels,
    pub(super) value: f64,
    /// `counter`, `gauge` …; `untyped` where the page does not say.
    pub(super) kind: Arc<str>,
    pub(super) help: Arc<str>,
    /// Milliseconds since 1970.
    pub(super) timestamp: Option<i64>,
}

/// Names and values, in the order of the page.
type Labels = Vec<(String, String)>;

/// What a page says of a family of metrics.
#[derive(Default)]
struct Family {
    kind: Option<Arc<str>>,
    help: Option<Arc<str>>,
}

/// What a family's name may be followed by in its samples.
const SUFFIXES: [&str; 6] = ["_bucket", "_sum", "_count", "_total", "_created", "_info"];

/// The samples of a page.
///
/// # Errors
/// [`Kind::Unreadable`] for a malformed line, by its number, and for a page without a sample.
pub(super) fn parse(page: &str) -> Result<Vec<Sample>, Error> {
    let mut families: HashMap<String, Family> = HashMap::new();
    let mut samples = Vec::new();
    let open_metrics = page.trim_end().ends_with("# EOF");
    for (number, line) in page.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if let Some(comment) = line.strip_prefix('#') {
            describe(comment.trim_start(), &mut families);
            continue;
        }
        let sample = sample(line, open_metrics).map_err(|why| {
            let shown = crate::error::beginning(line, 200);
            Error::new(Kind::Unreadable, format!("line {} is no metric: {why}", number + 1))
                .because(format!("the line: {shown}"))
        })?;
        samples.push(sample);
    }
    if samples.is_empty() {
        let shown = crate::error::beginning(page, 200);
        return Err(
            Error::new(Kind::Unreadable, "the page holds no metric").because(format!("it begins with {shown:?}"))
        );
    }
    let (untyped, no_help): (Arc<str>, Arc<str>) = ("untyped".into(), "".into());
    for sample in &mut samples {
        let stem = || SUFFIXES.iter().find_map(|suffix| families.get(sample.name.strip_suffix(suffix)?));
        let family = families.get(&sample.name).or_else(stem);
        sample.kind = family.and_then(|f| f.kind.clone()).unwrap_or_else(|| untyped.clone());
        sample.help = family.and_then(|f| f.help.clone()).unwrap_or_else(|| no_help.clone());
    }
    Ok(samples)
}

/// `TYPE name kind`, `HELP name words`; any other comment is one.
fn describe(comment: &str, families: &mut HashMap<String, Family>) {
    let mut words = comment.splitn(3, [' ', '\t']);
    let (Some(what), Some(name), rest) = (words.next(), words.next(), words.next().unwrap_or_default()) else { return };
    match what {
        "TYPE" => families.entry(name.into()).or_default().kind = Some(rest.trim().into()),
        "HELP" => families.entry(name.into()).or_default().help = Some(unescaped(rest.trim()).into()),
        _ => {}
    }
}

fn sample(line: &str, open_metrics: bool) -> Result<Sample, String> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace()).ok_or("a value is missing")?;
    let (mut name, rest) = (line[..end].to_string(), line[end..].trim_start());
    let (mut labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    // A name in quotation marks stands as the first thing in the braces.
    if name.is_empty() && labels.first().is_some_and(|(key, _)| key.is_empty()) {
        name = labels.remove(0).1;
    } else if !is_name(&name, true) {
        return Err(format!("{name:?} is no name of a metric"));
    }
    if let Some((key, value)) = labels.iter().find(|(key, _)| key.is_empty()) {
        return Err(format!("{key:?} before {value:?} is no name of a label"));
    }
    // An exemplar: ` # {trace_id="…"} 0.67`
    let rest = rest.split(" # ").next().unwrap_or_default();
    let mut words = rest.split_whitespace();
    let value = words.next().ok_or("a value is missing")?;
    let value = number(value).ok_or_else(|| format!("{value:?} is no number"))?;
    let timestamp = match words.next() {
        None => None,
        Some(word) if open_metrics => Some(word.parse::<f64>().map(|seconds| (seconds * 1000.0).round() as i64).ok()),
        Some(word) => Some(word.parse::<i64>().ok()),
    };
    if timestamp == Some(None) {
        return Err("what follows the value is no timestamp".into());
    }
    if let Some(word) = words.next() {
        return Err(format!("{word:?} follows the timestamp"));
    }
    let (kind, help) = ("".into(), "".into());
    Ok(Sample { name, labels, value, kind, help, timestamp: timestamp.flatten() })
}

/// The labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> Result<(Labels, &str), String> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix('}') {
            return Ok((labels, rest));
        }
        let mut key = String::new();
        if rest.starts_with('"') {
            let (text, after) = quoted(rest)?;
            rest = after.trim_start();
            if !rest.starts_with('=') {
                // The metric's own name.
                labels.push((String::new(), text));
                rest = separator(rest)?;
                continue;
            }
            key = text;
        }
        let equals = rest.find('=').ok_or("a label's \"=\" is missing")?;
        if key.is_empty() {
            key = rest[..equals].trim().to_string();
            if !is_name(&key, false) {
                return Err(format!("{key:?} is no name of a label"));
            }
        }
        let (value, after) = quoted(rest[equals + 1..].trim_start())?;
        labels.push((key, value));
        rest = separator(after)?;
    }
}

/// Passes a comma, or stays before the closing brace.
fn separator(rest: &str) -> Result<&str, String> {
    let rest = rest.trim_start();
    match rest.strip_prefix(',') {
        Some(rest) => Ok(rest),
        None if rest.starts_with('}') => Ok(rest),
        None => Err("a \",\" or \"}\" is missing after a label".into()),
    }
}

/// The text in quotation marks at the beginning, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let inner = text.strip_prefix('"').ok_or("a label's value stands without quotation marks")?;
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            '"' if !escaped => return Ok((unescaped(&inner[..at]), &inner[at + 1..])),
            _ => escaped = c == '\\' && !escaped,
        }
    }
    Err("a label's value has no closing quotation mark".into())
}

/// `\\`, `\"` and `\n` resolved; any other backslash stays.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, false) => out.push(c),
            _ => match chars.next() {
                Some('n') => out.push('\n'),
                Some(c @ ('\\' | '"')) => out.push(c),
                other => {
                    out.push('\\');
                    out.extend(other);
                }
            },
        }
    }
    out
}

fn number(word: &str) -> Option<f64> {
    match word {
        "NaN" | "Nan" => Some(f64::NAN),
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        // Rust would also take the words infinity and nan in any spelling.
        _ if word.contains(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E')) => None,
        _ => word.parse().ok(),
    }
}

fn is_name(name: &str, colons: bool) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
    !name.is_empty() && name.chars().all(fits) && !name.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"
# HELP http_requests_total The total number of \\ HTTP requests.\nReally.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400",} 3

# A comment.
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find:\n\"FILE.TXT\", { or }"} 1.458255915e9
metric_without_labels 12.47
weird { a = "b" } +Inf
nan_one NaN -3982045
# TYPE rpc_seconds histogram
rpc_seconds_bucket{le="+Inf"} 7
rpc_seconds_sum 53.4
rpc_seconds_count 7
"#;

    #[test]
    fn the_format_s_own_examples() {
        let samples = parse(PAGE).unwrap();
        assert_eq!(samples.len(), 9 - 1 + 1);
        let first = &samples[0];
        assert_eq!((first.value, first.timestamp, first.kind.as_ref()), (1027.0, Some(1_395_066_363_000), "counter"));
        assert_eq!(first.help.as_ref(), "The total number of \\ HTTP requests.\nReally.");
        assert_eq!(first.labels, [("method".into(), "post".into()), ("code".into(), "200".into())]);
        assert_eq!(samples[2].labels[0].1, "C:\\DIR\\FILE.TXT");
        assert_eq!(samples[2].labels[1].1, "Cannot find:\n\"FILE.TXT\", { or }");
        assert_eq!((samples[3].value, samples[3].kind.as_ref()), (12.47, "untyped"));
        assert_eq!((samples[4].value, samples[4].labels[0].0.as_str()), (f64::INFINITY, "a"));
        assert!(samples[5].value.is_nan() && samples[5].timestamp == Some(-3_982_045));
        assert!(samples[6..].iter().all(|s| s.kind.as_ref() == "histogram"));
    }

    #[test]
    fn open_metrics_with_exemplar_and_seconds() {
        let page =
            "# TYPE foo histogram\nfoo_bucket{le=\"1.0\"} 11 1520879607.789 # {trace_id=\"KOO5S4vxi0o\"} 0.67\n# EOF\n";
        let samples = parse(page).unwrap();
        assert_eq!((samples[0].value, samples[0].timestamp), (11.0, Some(1_520_879_607_789)));
        assert_eq!(samples[0].kind.as_ref(), "histogram");
    }

    #[test]
    fn names_in_quotation_marks() {
        let samples = parse("{\"http.requests\", \"net.peer\"=\"a\"} 2").unwrap();
        assert_eq!((samples[0].name.as_str(), samples[0].labels[0].0.as_str()), ("http.requests", "net.peer"));
    }

    #[test]
    fn malformed_lines_are_named_by_their_number() {
        for (line, said) in [
            ("up", "a value is missing"),
            ("up{a=\"b\"}", "a value is missing"),
            ("up one", "\"one\" is no number"),
            ("up infinity", "is no number"),
            ("up{a=b} 1", "without quotation marks"),
            ("up{a=\"b} 1", "no closing quotation mark"),
            ("up{a=\"b\" c=\"d\"} 1", "is missing after a label"),
            ("up{=\"b\"} 1", "is no name of a label"),
            ("up{\"b\"} 1", "is no name of a label"),
            ("0up 1", "is no name of a metric"),
            ("<html> 1", "is no name of a metric"),
            ("up 1 x", "is no timestamp"),
            ("up 1 2 3", "follows the timestamp"),
        ] {
            let error = parse(&format!("good 1\n{line}\n")).unwrap_err();
            assert!(error.message.starts_with("line 2 is no metric: "), "{error}");
            assert!(error.message.contains(said), "{line}: {error}");
        }
    }

    #[test]
    fn a_page_without_a_metric_is_an_error() {
        for page in ["", "# TYPE up gauge\n"] {
            assert_eq!(parse(page).unwrap_err().message, "the page holds no metric");
        }
    }
}
