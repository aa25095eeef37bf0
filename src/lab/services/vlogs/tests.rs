//! Logs as they are asked for.

use super::*;

fn row(at: i64, cluster: &str, text: &str) -> Row {
    let row = Row::from([("cluster".into(), cluster.into()), ("_msg".into(), text.into())]);
    finished(row, Timestamp::from_second(at).unwrap(), &["cluster"])
}

fn found(text: &str) -> Result<Vec<String>, String> {
    let rows = vec![
        row(100, "infra", "database connected"),
        row(200, "apps", "cannot reach redis: error 42"),
        row(300, "infra", "ERROR: databases"),
    ];
    let query = query(text)?;
    let now = Timestamp::from_second(310).unwrap();
    let rows: Vec<Row> = rows.into_iter().filter(|row| query.filter.lets(row, now)).collect();
    let rows = query.pipes.iter().fold(rows, |rows, pipe| pipe.apply(rows));
    Ok(rows.iter().map(|row| row.get("_msg").cloned().unwrap_or_else(|| json!(row).to_string())).collect())
}

#[test]
fn filters_and_pipes_give_the_rows_that_they_name() {
    for (query, expected) in [
        ("*", vec!["database connected", "cannot reach redis: error 42", "ERROR: databases"]),
        ("{cluster=\"apps\"}", vec!["cannot reach redis: error 42"]),
        ("database", vec!["database connected"]),
        ("data*", vec!["database connected", "ERROR: databases"]),
        ("\"reach redis\"", vec!["cannot reach redis: error 42"]),
        ("error or database", vec!["database connected", "cannot reach redis: error 42"]),
        ("{cluster=\"infra\"} !database", vec!["ERROR: databases"]),
        ("cluster:=infra _time:1m", vec!["ERROR: databases"]),
        ("_msg:~\"(?i)error\" | sort by (_time) desc | limit 1", vec!["ERROR: databases"]),
        ("not (cluster:infra and database*)", vec!["cannot reach redis: error 42"]),
        (
            "* | stats by (cluster) count() as hits",
            vec!["{\"cluster\":\"apps\",\"hits\":\"1\"}", "{\"cluster\":\"infra\",\"hits\":\"2\"}"],
        ),
        ("nothing | stats count() hits", vec!["{\"hits\":\"0\"}"]),
        ("* | fields cluster | uniq by (cluster)", vec!["{\"cluster\":\"infra\"}", "{\"cluster\":\"apps\"}"]),
    ] {
        assert_eq!(found(query).unwrap_or_else(|e| vec![e]), expected, "{query}");
    }
}

#[test]
fn what_is_no_query_is_told() {
    for (query, why) in [
        ("", "empty"),
        ("{cluster=", "'}'"),
        ("(a", "missing ')'"),
        ("\"a", "closing quote"),
        ("* | explode", "unsupported pipe"),
        ("a:~\"(\"", "regexp"),
        ("* | limit x", "number of rows"),
    ] {
        let error = found(query).expect_err(query);
        assert!(error.contains(why), "{query}: {error}");
    }
}
