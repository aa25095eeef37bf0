//! `psql` and `pg_isready`: on an instance itself, or through a Service to the primary or a pooler.
//!
//! What is asked is answered from the cluster's pods and objects: replication, databases, settings; and tables of one
//! column can be made. There is no SQL engine behind it; a query that is none of these is told so, as PostgreSQL tells of
//! what it does not understand.
//!
//! Source: postgresql.org, `psql`, `pg_stat_replication`.

mod tables;

use serde_json::Value;

use super::{At, Said, is_ready};

const VERSION: &str = "PostgreSQL 16.10 (Debian 16.10-1.pgdg110+1) on x86_64-pc-linux-gnu, compiled by gcc (Debian 10.2.1-6) 10.2.1 20210110, 64-bit";

/// Where a connection ends.
struct Session<'a> {
    /// The instance that answers.
    pod: &'a Value,
    cluster: &'a str,
    user: &'a str,
    database: &'a str,
}

pub(super) fn run(at: &At<'_>, name: &str) -> Said {
    let host = at.flag(&["-h", "--host"]);
    let session = match connect(at, host) {
        Ok(session) => session,
        Err(why) if name == "pg_isready" => {
            return (
                format!("{}:5432 - no response\n", host.unwrap_or("/controller/run")),
                String::new(),
                if why.is_empty() { 3 } else { 2 },
            );
        }
        Err(why) => return (String::new(), format!("psql: error: {why}\n"), 2),
    };
    if name == "pg_isready" {
        return (format!("{}:5432 - accepting connections\n", host.unwrap_or("/controller/run")), String::new(), 0);
    }
    let query = at.flag(&["-c", "--command"]).unwrap_or(at.input).trim();
    let bare = at.has(&["-t", "-At", "-tA", "-tAc", "-Atc", "-qtAX", "-A"]);
    let query = at.flag(&["-tAc", "-Atc"]).unwrap_or(query);
    match answer(at, &session, query) {
        Ok(table) => (shown(&table, bare), String::new(), 0),
        Err(why) => (String::new(), why, 1),
    }
}

fn connect<'a>(at: &At<'a>, host: Option<&'a str>) -> Result<Session<'a>, String> {
    let user = at.flag(&["-U", "--username"]).unwrap_or("postgres");
    let database = at.flag(&["-d", "--dbname"]).unwrap_or(user);
    let own = |pod: &'a Value| pod["metadata"]["labels"]["cnpg.io/cluster"].as_str();
    let pod = match host.filter(|host| !matches!(*host, "localhost" | "127.0.0.1") && !host.starts_with('/')) {
        None => {
            if own(at.pod).is_none() {
                return Err("connection to server on socket \"/var/run/postgresql/.s.PGSQL.5432\" failed: No such file or directory\n\tIs the server running locally and accepting connections on that socket?".into());
            }
            at.pod
        }
        Some(host) => {
            let Some((namespace, service)) = at.service(host) else {
                return Err(format!("could not translate host name \"{host}\" to address: Name or service not known"));
            };
            let ip = service["spec"]["clusterIP"].as_str().unwrap_or_default();
            let refused = format!(
                "connection to server at \"{host}\" ({ip}), port 5432 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?"
            );
            let behind = at.behind(namespace, service);
            let first = *behind.first().ok_or(refused)?;
            let pooler = first["metadata"]["labels"]["cnpg.io/poolerName"].as_str();
            let cluster = own(first).unwrap_or_default();
            match pooler {
                None => first,
                Some(name) => {
                    let place = crate::lab::kube::store::Place::new("poolers.postgresql.cnpg.io", namespace, name);
                    let object = at.objects.store.get(&place);
                    if object.is_some_and(|one| one.value["spec"]["pgbouncer"]["paused"] == true) {
                        return Err(format!(
                            "connection to server at \"{host}\" ({ip}), port 5432 failed: FATAL:  query_wait_timeout"
                        ));
                    }
                    let primary = instances(at, namespace, cluster)
                        .into_iter()
                        .find(|pod| primary(pod) && is_ready(pod) && !at.cut(pod));
                    primary.ok_or_else(|| format!("connection to server at \"{host}\" ({ip}), port 5432 failed: FATAL:  server login has been failing, cached error: connect failed (server_login_retry)"))?
                }
            }
        }
    };
    let cluster = own(pod).unwrap_or_default();
    let session = Session { pod, cluster, user, database };
    let databases = databases(at, &session);
    let roles: Vec<&str> =
        databases.iter().map(|(_, owner)| owner.as_str()).chain(["postgres", "app", "streaming_replica"]).collect();
    let place = host
        .map_or("on socket \"/controller/run/.s.PGSQL.5432\"".to_owned(), |host| format!("at \"{host}\", port 5432"));
    if !roles.contains(&user) {
        return Err(format!("connection to server {place} failed: FATAL:  role \"{user}\" does not exist"));
    }
    let known = databases
        .iter()
        .map(|(name, _)| name.as_str())
        .chain(["postgres", "app", "template1"])
        .any(|name| name == database);
    if !known {
        return Err(format!("connection to server {place} failed: FATAL:  database \"{database}\" does not exist"));
    }
    Ok(session)
}

fn primary(pod: &Value) -> bool {
    pod["metadata"]["labels"]["cnpg.io/instanceRole"] == "primary"
}

fn instances<'a>(at: &At<'a>, namespace: &'a str, cluster: &str) -> Vec<&'a Value> {
    let pods = at.objects.store.list("pods", namespace).map(|(_, pod)| &*pod.value);
    pods.filter(|pod| {
        pod["metadata"]["labels"]["cnpg.io/cluster"] == cluster
            && pod["metadata"]["labels"]["cnpg.io/podRole"] == "instance"
    })
    .collect()
}

/// Databases with their owners, as the objects that were applied say.
fn databases(at: &At<'_>, session: &Session<'_>) -> Vec<(String, String)> {
    let namespace = session.pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let rows = at.objects.store.list("databases.postgresql.cnpg.io", namespace);
    rows.filter(|(_, one)| {
        one.value["spec"]["cluster"]["name"] == session.cluster && one.value["status"]["applied"] == true
    })
    .map(|(_, one)| {
        let text = |key: &str| one.value["spec"][key].as_str().unwrap_or_default().to_owned();
        (text("name"), text("owner"))
    })
    .collect()
}

/// A result: names of columns, and rows.
type Table = (Vec<String>, Vec<Vec<String>>);

fn answer(at: &At<'_>, session: &Session<'_>, query: &str) -> Result<Table, String> {
    let asked = query.trim_end_matches(';').trim().to_lowercase();
    let one = |name: &str, value: &str| Ok((vec![name.to_owned()], vec![vec![value.to_owned()]]));
    if query.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    if asked.contains("pg_stat_replication") {
        return replication(at, session, &asked);
    }
    if asked.contains("pg_stat_wal_receiver") {
        let rows = if primary(session.pod) { Vec::new() } else { vec![vec!["streaming".to_owned()]] };
        return Ok((vec!["status".into()], rows));
    }
    if asked.contains("from pg_database") || asked == "\\l" {
        let mut names: Vec<Vec<String>> =
            ["postgres", "app", "template0", "template1"].iter().map(|name| vec![(*name).to_owned()]).collect();
        names.extend(databases(at, session).into_iter().map(|(name, _)| vec![name]));
        return Ok((vec!["datname".into()], names));
    }
    if let Some(told) = tables::answer(at, session, query) {
        return told;
    }
    match asked.as_str() {
        "select version()" => one("version", VERSION),
        "select pg_is_in_recovery()" => one("pg_is_in_recovery", if primary(session.pod) { "f" } else { "t" }),
        "select current_database()" => one("current_database", session.database),
        "select current_user" => one("current_user", session.user),
        "show synchronous_standby_names" => one("synchronous_standby_names", &standby_names(at, session)),
        "show server_version" => one("server_version", "16.10 (Debian 16.10-1.pgdg110+1)"),
        "show max_connections" => one("max_connections", "400"),
        other => match other.strip_prefix("select ").and_then(|rest| rest.trim().parse::<i64>().ok()) {
            Some(number) => one("?column?", &number.to_string()),
            None => Err(format!(
                "ERROR:  the lab's PostgreSQL does not understand this query\nLINE 1: {query}\n        ^\n"
            )),
        },
    }
}

fn standby_names(at: &At<'_>, session: &Session<'_>) -> String {
    let namespace = session.pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let place = crate::lab::kube::store::Place::new("clusters.postgresql.cnpg.io", namespace, session.cluster);
    let Some(cluster) = at.objects.store.get(&place) else { return String::new() };
    let rule = &cluster.value["spec"]["postgresql"]["synchronous"];
    let Some(number) = rule["number"].as_u64() else { return String::new() };
    let method = rule["method"].as_str().unwrap_or("any").to_uppercase();
    let names: Vec<String> = standbys(at, session)
        .iter()
        .map(|pod| format!("{:?}", pod["metadata"]["name"].as_str().unwrap_or_default()))
        .collect();
    format!("{method} {number} ({})", names.join(","))
}

/// The replicas that the primary streams to.
fn standbys<'a>(at: &At<'a>, session: &Session<'a>) -> Vec<&'a Value> {
    let namespace = session.pod["metadata"]["namespace"].as_str().unwrap_or_default();
    instances(at, namespace, session.cluster)
        .into_iter()
        .filter(|pod| !primary(pod) && is_ready(pod) && !at.cut(pod))
        .collect()
}

/// The columns of the view, in its order.
const COLUMNS: &[&str] = &[
    "pid",
    "usesysid",
    "usename",
    "application_name",
    "client_addr",
    "client_hostname",
    "client_port",
    "backend_start",
    "backend_xmin",
    "state",
    "sent_lsn",
    "write_lsn",
    "flush_lsn",
    "replay_lsn",
    "write_lag",
    "flush_lag",
    "replay_lag",
    "sync_priority",
    "sync_state",
    "reply_time",
];

fn replication(at: &At<'_>, session: &Session<'_>, asked: &str) -> Result<Table, String> {
    let quorum = standby_names(at, session);
    let all = if primary(session.pod) { standbys(at, session) } else { Vec::new() };
    let row = |(number, pod): (usize, &&Value)| -> Vec<(&str, String)> {
        let text = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let state = match (quorum.starts_with("ANY"), quorum.is_empty(), number) {
            (_, true, _) => "async",
            (true, false, _) => "quorum",
            (false, false, 0) => "sync",
            (false, false, _) => "potential",
        };
        let value = |column: &str| match column {
            "pid" => (310 + number * 11).to_string(),
            "usesysid" => "16386".into(),
            "usename" => "streaming_replica".into(),
            "application_name" => text("/metadata/name"),
            "client_addr" => text("/status/podIP"),
            "client_port" => (41_000 + number).to_string(),
            "backend_start" => text("/status/startTime"),
            "state" => "streaming".into(),
            "sent_lsn" | "write_lsn" | "flush_lsn" | "replay_lsn" => "0/5A01B2C8".into(),
            "write_lag" => "00:00:00.000612".into(),
            "flush_lag" => "00:00:00.001443".into(),
            "replay_lag" => "00:00:00.001511".into(),
            "sync_priority" => if state == "async" { "0" } else { "1" }.into(),
            "sync_state" => state.to_owned(),
            "reply_time" => text("/status/startTime"),
            _ => String::new(),
        };
        COLUMNS.iter().map(|column| (*column, value(column))).collect()
    };
    let rows: Vec<Vec<(&str, String)>> = all.iter().enumerate().map(row).collect();
    let list = asked.strip_prefix("select ").and_then(|rest| rest.split(" from ").next()).unwrap_or("*").trim();
    if list.starts_with("count(") {
        let sync = asked.contains("sync_state");
        let count = rows.iter().filter(|_| !sync || !quorum.is_empty()).count();
        return Ok((vec!["count".into()], vec![vec![count.to_string()]]));
    }
    let wanted: Vec<&str> = if list == "*" { COLUMNS.to_vec() } else { list.split(',').map(str::trim).collect() };
    if let Some(unknown) = wanted.iter().find(|name| !COLUMNS.contains(name)) {
        return Err(format!("ERROR:  column \"{unknown}\" does not exist\nLINE 1: {asked}\n"));
    }
    let pick = |row: &Vec<(&str, String)>| {
        wanted
            .iter()
            .map(|name| row.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default())
            .collect()
    };
    Ok((wanted.iter().map(|name| (*name).to_owned()).collect(), rows.iter().map(pick).collect()))
}

/// A result as `psql` prints it; `bare` as with `-tA`.
fn shown((columns, rows): &Table, bare: bool) -> String {
    if bare {
        return rows.iter().map(|row| row.join("|") + "\n").collect();
    }
    if columns.is_empty() {
        // What a command says of itself.
        return rows.iter().map(|row| row.join("") + "\n").collect();
    }
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, name)| {
            rows.iter().filter_map(|row| row.get(at)).map(String::len).chain([name.len()]).max().unwrap_or(0)
        })
        .collect();
    let heads: Vec<String> = columns.iter().zip(&widths).map(|(name, width)| format!(" {name:^width$} ")).collect();
    let lines: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
    let mut out = format!("{}\n{}\n", heads.join("|").trim_end(), lines.join("+"));
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!(" {cell:<width$} ")).collect();
        out.push_str(cells.join("|").trim_end());
        out.push('\n');
    }
    out.push_str(&format!("({} row{})\n\n", rows.len(), if rows.len() == 1 { "" } else { "s" }));
    out
}
