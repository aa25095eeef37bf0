//! `ceph`, as Rook's toolbox has it: the cluster's status, health, disks and usage, in words and in JSON.
//!
//! Source: docs.ceph.com, `man/8/ceph`; the forms of Ceph 19.2.

use serde_json::{Value, json};

use super::{At, Said, table};
use crate::lab::controllers::platform::rook::{State, TOTAL, USED};
use crate::lab::world::{Cause, World};

const GIB: f64 = 1_073_741_824.0;

pub(super) fn run(at: &At<'_>, name: &str) -> Said {
    let Some((cluster, world)) = at.world() else {
        return (String::new(), "unable to get monitor info from DNS SRV with service name: ceph-mon\n".into(), 1);
    };
    let state = State::of(world, cluster, at.objects, at.namespace());
    if state.mons.is_empty() || !state.quorum() {
        let why = "2026-01-01T00:00:00.000+0000 7f0000000640  0 monclient(hunting): authenticate timed out after 300\n[errno 110] RADOS timed out (error connecting to the cluster)\n";
        return (String::new(), why.into(), 1);
    }
    let words = at.operands(&["-f", "--format", "-p", "--pool", "--connect-timeout"]);
    let as_json =
        matches!(at.flag(&["-f", "--format"]), Some("json" | "json-pretty")) || at.has(&["-fjson", "--format=json"]);
    if name == "rbd" {
        return images(at, &words, as_json);
    }
    let asked = if at.has(&["-s"]) { vec!["status"] } else { words };
    match asked.as_slice() {
        ["status"] if as_json => (status_json(&state).to_string() + "\n", String::new(), 0),
        ["status"] => (status(&state), String::new(), 0),
        ["health"] if as_json => (health_json(&state).to_string() + "\n", String::new(), 0),
        ["health"] => (headline(&state) + "\n", String::new(), 0),
        ["health", "detail"] if as_json => (health_json(&state).to_string() + "\n", String::new(), 0),
        ["health", "detail"] => (detail(&state), String::new(), 0),
        ["osd", "tree"] => (tree(&state, as_json), String::new(), 0),
        ["osd", "perf"] => (perf(&state, world, as_json), String::new(), 0),
        ["osd", "stat"] => (
            format!("{} osds: {} up, {} in; epoch: e214\n", state.osds.len(), up(&state), state.osds.len()),
            String::new(),
            0,
        ),
        ["mon", "stat"] => (
            format!(
                "e3: {} mons at {{{}}}, quorum {}\n",
                state.mons.len(),
                names(&state.mons, false),
                names(&state.mons, true)
            ),
            String::new(),
            0,
        ),
        ["df"] => (usage(as_json), String::new(), 0),
        ["version"] | ["--version"] | [] if at.has(&["-v", "--version"]) || asked == ["version"] => {
            ("ceph version 19.2.3 (c92aebb279828e9c3c1f5d24613efca272649e62) squid (stable)\n".into(), String::new(), 0)
        }
        ["fsid"] => (format!("{}\n", state.fsid), String::new(), 0),
        ["osd", "pool", "ls"] => (".mgr\nceph-blockpool\n".into(), String::new(), 0),
        other => (
            String::new(),
            format!(
                "no valid command found; 10 closest matches:\n{}\nError EINVAL: invalid command\n",
                other.join(" ")
            ),
            22,
        ),
    }
}

fn up(state: &State) -> usize {
    state.osds.iter().filter(|osd| osd.up).count()
}

fn names(all: &[(String, bool)], alive: bool) -> String {
    let names: Vec<&str> = all.iter().filter(|(_, up)| *up || !alive).map(|(name, _)| name.as_str()).collect();
    names.join(",")
}

fn headline(state: &State) -> String {
    let told: Vec<&str> = state.checks.iter().map(|(_, _, message)| message.as_str()).collect();
    if told.is_empty() { state.health().to_owned() } else { format!("{} {}", state.health(), told.join("; ")) }
}

fn detail(state: &State) -> String {
    let mut out = headline(state) + "\n";
    for (name, severity, message) in &state.checks {
        out.push_str(&format!(
            "[{}] {name}: {message}\n",
            severity.trim_start_matches("HEALTH_").chars().take(3).collect::<String>()
        ));
        if *name == "OSD_DOWN" {
            for osd in state.osds.iter().filter(|osd| !osd.up) {
                out.push_str(&format!("    osd.{} (root=default,host={}) is down\n", osd.id, osd.host));
            }
        }
        if *name == "MON_DOWN" {
            for (mon, _) in state.mons.iter().filter(|(_, up)| !up) {
                out.push_str(&format!("    mon.{mon} is down (out of quorum)\n"));
            }
        }
    }
    out
}

fn status(state: &State) -> String {
    let mut out = format!("  cluster:\n    id:     {}\n    health: {}\n", state.fsid, state.health());
    for (_, _, message) in &state.checks {
        out.push_str(&format!("            {message}\n"));
    }
    let mgr: Vec<&str> = state.mgrs.iter().filter(|(_, up)| *up).map(|(name, _)| name.as_str()).collect();
    let active = mgr.first().map_or("no daemons active".to_owned(), |name| format!("{name}(active, since 3d)"));
    let standby = if mgr.len() > 1 { format!(", standbys: {}", mgr[1..].join(", ")) } else { String::new() };
    let out_of = names(&state.mons, true);
    out.push_str(&format!(
        " \n  services:\n    mon: {} daemons, quorum {out_of} (age 3d)\n    mgr: {active}{standby}\n    osd: {} osds: {} up (since 3d), {} in (since 3d)\n",
        state.mons.len(), state.osds.len(), up(state), state.osds.len()
    ));
    let clean = if up(state) == state.osds.len() {
        "33 active+clean".to_owned()
    } else {
        "33 active+undersized+degraded".to_owned()
    };
    out.push_str(&format!(
        " \n  data:\n    pools:   2 pools, 33 pgs\n    objects: 33.12k objects, 128 GiB\n    usage:   {:.0} GiB used, {:.1} TiB / {:.1} TiB avail\n    pgs:     {clean}\n \n  io:\n    client:   1.2 KiB/s rd, 214 KiB/s wr, 1 op/s rd, 18 op/s wr\n \n",
        USED as f64 / GIB, (TOTAL - USED) as f64 / GIB / 1024.0, TOTAL as f64 / GIB / 1024.0
    ));
    out
}

fn health_json(state: &State) -> Value {
    let checks: serde_json::Map<String, Value> = state
        .checks
        .iter()
        .map(|(name, severity, message)| {
            (
                (*name).to_owned(),
                json!({ "severity": severity, "summary": { "message": message, "count": 1 }, "muted": false }),
            )
        })
        .collect();
    json!({ "status": state.health(), "checks": checks, "mutes": [] })
}

fn status_json(state: &State) -> Value {
    let alive =
        |all: &[(String, bool)]| all.iter().filter(|(_, up)| *up).map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let mgrs = alive(&state.mgrs);
    let clean = if up(state) == state.osds.len() { "active+clean" } else { "active+undersized+degraded" };
    json!({
        "fsid": state.fsid, "health": health_json(state), "election_epoch": 34, "quorum": (0..alive(&state.mons).len()).collect::<Vec<_>>(),
        "quorum_names": alive(&state.mons), "quorum_age": 259_200,
        "monmap": { "epoch": 3, "min_mon_release_name": "squid", "num_mons": state.mons.len() },
        "osdmap": { "epoch": 214, "num_osds": state.osds.len(), "num_up_osds": up(state), "num_in_osds": state.osds.len(), "num_remapped_pgs": 0 },
        "pgmap": { "pgs_by_state": [{ "state_name": clean, "count": 33 }], "num_pgs": 33, "num_pools": 2, "num_objects": 33_120,
                   "data_bytes": USED / 3, "bytes_used": USED, "bytes_avail": TOTAL - USED, "bytes_total": TOTAL },
        "mgrmap": { "available": !mgrs.is_empty(), "num_standbys": mgrs.len().saturating_sub(1), "modules": ["dashboard", "prometheus"], "services": {} },
        "servicemap": { "epoch": 1, "modified": "0.000000", "services": {} }, "progress_events": {},
    })
}

fn tree(state: &State, as_json: bool) -> String {
    let hosts: Vec<&str> = state.osds.iter().map(|osd| osd.host.as_str()).collect();
    if as_json {
        let mut nodes = vec![
            json!({ "id": -1, "name": "default", "type": "root", "type_id": 11, "children": (0..hosts.len()).map(|n| -3 - 2 * n as i64).collect::<Vec<_>>() }),
        ];
        for (at, osd) in state.osds.iter().enumerate() {
            nodes.push(json!({ "id": -3 - 2 * at as i64, "name": osd.host, "type": "host", "type_id": 1, "children": [osd.id] }));
            nodes.push(json!({ "id": osd.id, "name": format!("osd.{}", osd.id), "type": "osd", "type_id": 0, "device_class": "ssd", "crush_weight": 1.746,
                               "status": if osd.up { "up" } else { "down" }, "reweight": 1.0, "primary_affinity": 1.0, "exists": 1 }));
        }
        return json!({ "nodes": nodes, "stray": [] }).to_string() + "\n";
    }
    let row = |cells: [&str; 7]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
    let mut rows = vec![row(["ID", "CLASS", "WEIGHT", "TYPE NAME", "STATUS", "REWEIGHT", "PRI-AFF"])];
    rows.push(row(["-1", "", "5.23979", "root default", "", "", ""]));
    for (at, osd) in state.osds.iter().enumerate() {
        rows.push(row([&format!("-{}", 3 + 2 * at), "", "1.74660", &format!("    host {}", osd.host), "", "", ""]));
        rows.push(row([
            &format!(" {}", osd.id),
            "ssd",
            "1.74660",
            &format!("        osd.{}", osd.id),
            if osd.up { "up" } else { "down" },
            "1.00000",
            "1.00000",
        ]));
    }
    table(&rows)
}

/// How long each OSD takes to commit and to apply what is written: that of a slow disk a hundred times as long.
fn perf(state: &State, world: &World, as_json: bool) -> String {
    let rows: Vec<(u32, u64)> = state
        .osds
        .iter()
        .filter(|osd| osd.up)
        .map(|osd| (osd.id, if world.has(&Cause::DiskSlow { node: osd.host.clone() }) { 190 } else { 2 }))
        .collect();
    if as_json {
        let rows: Vec<Value> = rows
            .iter()
            .map(|(id, ms)| {
                let ns = ms * 1_000_000;
                json!({ "id": id, "perf_stats": { "commit_latency_ms": ms, "apply_latency_ms": ms, "commit_latency_ns": ns, "apply_latency_ns": ns } })
            })
            .collect();
        return json!({ "pg_ready": true, "osdstats": { "osd_perf_infos": rows } }).to_string() + "\n";
    }
    let mut out = "osd  commit_latency(ms)  apply_latency(ms)\n".to_owned();
    for (id, ms) in rows {
        out.push_str(&format!("{id:>3}  {ms:>18}  {ms:>17}\n"));
    }
    out
}

fn usage(as_json: bool) -> String {
    if as_json {
        let stats = json!({ "total_bytes": TOTAL, "total_avail_bytes": TOTAL - USED, "total_used_bytes": USED, "total_used_raw_bytes": USED, "total_used_raw_ratio": USED as f64 / TOTAL as f64 });
        let pool = json!({ "name": "ceph-blockpool", "id": 2, "stats": { "stored": USED / 3, "objects": 33_118, "bytes_used": USED, "percent_used": USED as f64 / TOTAL as f64, "max_avail": (TOTAL - USED) / 3 } });
        return json!({ "stats": stats, "pools": [pool] }).to_string() + "\n";
    }
    let tib = |bytes: u64| format!("{:.1} TiB", bytes as f64 / GIB / 1024.0);
    let gib = |bytes: u64| format!("{:.0} GiB", bytes as f64 / GIB);
    let share = format!("{:.2}", USED as f64 / TOTAL as f64 * 100.0);
    let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
    let raw = table(&[
        row(&["CLASS", "SIZE", "AVAIL", "USED", "RAW USED", "%RAW USED"]),
        row(&["ssd", &tib(TOTAL), &tib(TOTAL - USED), &gib(USED), &gib(USED), &share]),
        row(&["TOTAL", &tib(TOTAL), &tib(TOTAL - USED), &gib(USED), &gib(USED), &share]),
    ]);
    let pools = table(&[
        row(&["POOL", "ID", "PGS", "STORED", "OBJECTS", "USED", "%USED", "MAX AVAIL"]),
        row(&[".mgr", "1", "1", "577 KiB", "2", "1.7 MiB", "0", &tib((TOTAL - USED) / 3)]),
        row(&["ceph-blockpool", "2", "32", &gib(USED / 3), "33.12k", &gib(USED), &share, &tib((TOTAL - USED) / 3)]),
    ]);
    format!("--- RAW STORAGE ---\n{raw} \n--- POOLS ---\n{pools}")
}

/// `rbd ls`: an image for each volume that the cluster has of Ceph.
fn images(at: &At<'_>, words: &[&str], as_json: bool) -> Said {
    if !matches!(words.first(), Some(&("ls" | "list"))) {
        return (String::new(), format!("rbd: error: unknown option {:?}\n", words.join(" ")), 22);
    }
    let volumes = at.objects.store.list("persistentvolumes", "");
    let names: Vec<String> = volumes
        .filter(|(_, one)| one.value["spec"]["csi"]["driver"] == "rook-ceph.rbd.csi.ceph.com")
        .map(|(place, one)| {
            let handle = one.value["spec"]["csi"]["volumeHandle"].as_str().unwrap_or(&place.name);
            format!("csi-vol-{}", handle.rsplit("0000000000000001-").next().unwrap_or(handle))
        })
        .collect();
    let text =
        if as_json { json!(names).to_string() + "\n" } else { names.iter().map(|name| format!("{name}\n")).collect() };
    (text, String::new(), 0)
}
