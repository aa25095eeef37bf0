//! Every recorded answer, whole and cut off anywhere; the library against the real router.

use rhai::{Dynamic, Map};

use super::*;
use crate::config::Config;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/bgp");

fn text(name: &str) -> String {
    std::fs::read_to_string(format!("{FIXTURES}/{name}")).unwrap()
}

/// A reader as the library makes it for this fixture.
fn reader<'t>(name: &str, text: &'t str) -> Reader<'t> {
    let dialect = name.split('-').next().unwrap();
    let mut about = Map::new();
    about.insert("host".into(), "edge-1".into());
    about.insert("command".into(), "show it".into());
    about.insert("dialect".into(), dialect.into());
    about.insert("json".into(), name.ends_with(".json").into());
    if name.contains("ipv6") {
        about.insert("family".into(), "ipv6".into());
    }
    let counts: &[(&str, i64)] = match name {
        "ios-summary.txt" | "ios-neighbours.txt" => &[("neighbours", 4)],
        "ios-summary-ipv6.txt" => &[("neighbours", 2)],
        "eos-summary.txt" | "eos-neighbours.txt" => &[("neighbours", 3)],
        "frr-neighbours.txt" => &[("neighbours", 6)],
        "ios-routes.txt" => &[("networks", 6), ("paths", 8)],
        "ios-routes-ipv6.txt" => &[("networks", 2), ("paths", 3)],
        "eos-routes.txt" => &[("paths", 5)],
        _ => &[],
    };
    for (key, count) in counts {
        about.insert((*key).into(), Dynamic::from(*count));
    }
    Reader::new("test", text, about).unwrap()
}

fn summary_of(name: &str, text: &str) -> crate::error::Result<model::Summary> {
    let reader = reader(name, text);
    if reader.json { json::summary(&reader) } else { summary_text::read(&reader) }
}

fn neighbours_of(name: &str, text: &str) -> crate::error::Result<Vec<model::Neighbour>> {
    let reader = reader(name, text);
    if reader.json { json::neighbours(&reader) } else { neighbours_text::read(&reader) }
}

fn routes_of(name: &str, text: &str) -> crate::error::Result<Vec<model::Route>> {
    let reader = reader(name, text);
    if reader.json { json::routes(&reader) } else { routes_text::read(&reader) }
}

#[test]
fn text_and_json_of_frr_say_the_same() {
    let json = summary_of("frr-summary.json", &text("frr-summary.json")).unwrap();
    let plain = summary_of("frr-summary.txt", &text("frr-summary.txt")).unwrap();
    assert_eq!(json.asn, 64501);
    assert_eq!(json.router_id, "10.99.0.1");
    let row =
        |n: &model::Neighbour| (n.address.clone(), n.asn, n.state.clone(), n.received, n.sent, n.description.clone());
    assert_eq!(
        json.neighbours.iter().map(row).collect::<Vec<_>>(),
        plain.neighbours.iter().map(row).collect::<Vec<_>>()
    );
    assert_eq!(json.neighbours[1].description.as_deref(), Some("infra-02"));
    assert_eq!(summary_of("frr-summary-wrapped.json", &text("frr-summary-wrapped.json")).unwrap().neighbours.len(), 6);

    let sorted = |mut rows: Vec<model::Route>| {
        rows.sort_by(|a, b| (&a.prefix, &a.next_hop).cmp(&(&b.prefix, &b.next_hop)));
        rows.into_iter().map(|r| model::Route { peer: None, ..r }).collect::<Vec<_>>()
    };
    let json = routes_of("frr-routes.json", &text("frr-routes.json")).unwrap();
    assert_eq!(json.len(), 10);
    assert_eq!(json[0].peer.as_deref(), Some("10.99.0.10"));
    assert_eq!(sorted(json), sorted(routes_of("frr-routes.txt", &text("frr-routes.txt")).unwrap()));

    let json = neighbours_of("frr-neighbours.json", &text("frr-neighbours.json")).unwrap();
    let plain = neighbours_of("frr-neighbours.txt", &text("frr-neighbours.txt")).unwrap();
    let row = |n: &model::Neighbour| {
        (n.address.clone(), n.asn, n.state.clone(), n.received, n.description.clone(), n.router_id.clone(), n.hold_time)
    };
    assert_eq!(json.iter().map(row).collect::<Vec<_>>(), plain.iter().map(row).collect::<Vec<_>>());
    assert_eq!(json[0].hold_time.unwrap().as_secs(), 9);
}

#[test]
fn ios_tables_are_read_by_their_columns() {
    let rows = routes_of("ios-routes.txt", &text("ios-routes.txt")).unwrap();
    let short: Vec<_> = rows.iter().map(|r| (r.prefix.as_str(), r.next_hop.as_str(), r.best, r.multipath)).collect();
    assert_eq!(
        short,
        [
            ("0.0.0.0/0", "198.51.100.1", true, false),
            ("10.40.0.0/8", "198.51.100.1", false, true),
            ("10.40.0.0/8", "198.51.100.5", true, false),
            ("10.41.7.16/28", "0.0.0.0", true, false),
            ("10.41.128.240/29", "198.51.100.9", false, false),
            ("10.41.128.240/29", "198.51.100.10", true, false),
            ("172.20.0.0/16", "198.51.100.1", true, false),
            ("192.168.7.0/24", "198.51.100.5", true, false),
        ]
    );
    assert_eq!((rows[0].metric, rows[0].local_pref, rows[0].weight), (None, None, Some(0)));
    assert_eq!((rows[4].metric, rows[4].local_pref, rows[4].weight), (Some(20), Some(100), Some(40000)));
    assert_eq!(rows[4].as_path(), [65012, 65021, 65022]);
    assert_eq!((rows[4].origin_as(), rows[5].origin_as()), (None, Some(65021)));
    assert_eq!((rows[3].path.as_str(), rows[3].origin.as_str(), rows[3].origin_as()), ("", "igp", None));
    assert!(!rows[6].valid && rows[6].origin == "egp");

    let rows = routes_of("ios-routes-ipv6.txt", &text("ios-routes-ipv6.txt")).unwrap();
    let short: Vec<_> = rows.iter().map(|r| (r.prefix.as_str(), r.next_hop.as_str(), r.path.as_str())).collect();
    assert_eq!(
        short,
        [
            ("2001:db8:a::/48", "2001:db8:0:12::2", "65010"),
            ("2001:db8:beef:100::/56", "2001:db8:0:13::2", "65011 65020"),
            ("2001:db8:beef:100::/56", "2001:db8:0:12::2", "65010 65020"),
        ]
    );
}

#[test]
fn ios_neighbours_and_their_states() {
    let summary = summary_of("ios-summary.txt", &text("ios-summary.txt")).unwrap();
    let short: Vec<_> = summary.neighbours.iter().map(|n| (n.asn, n.state.as_str(), n.received)).collect();
    assert_eq!(
        short,
        [
            (65010, "Established", Some(3)),
            (65011, "Established", Some(2)),
            (65012, "Idle (Admin)", None),
            (65546, "Active", None)
        ]
    );
    assert_eq!(summary.neighbours[0].uptime.unwrap().as_secs(), 97_200);
    // Peers from a listen range have a star, and a trailer tells of them.
    let dynamic = text("ios-summary.txt").replace("198.51.100.5    4", "*198.51.100.5   4")
        + "* Dynamically created based on a listen range command\nDynamically created neighbors: 1, Subnet ranges: 1\n\n\
           BGP peergroup NODES listen range group members:\n198.51.100.0/24\n\n\
           Total dynamically created neighbors: 1/(100 max), Subnet ranges: 1\n\n";
    assert_eq!(summary_of("ios-summary.txt", &dynamic).unwrap(), summary);
    let dynamic = text("ios-neighbours.txt").replacen("BGP neighbor is ", "BGP neighbor is *", 1);
    assert_eq!(neighbours_of("ios-neighbours.txt", &dynamic).unwrap()[0].address, summary.neighbours[0].address);
    let six = summary_of("ios-summary-ipv6.txt", &text("ios-summary-ipv6.txt")).unwrap();
    assert_eq!(six.neighbours[0].address, "2001:DB8:0:12::2");
    let all = neighbours_of("ios-neighbours.txt", &text("ios-neighbours.txt")).unwrap();
    assert_eq!((all[0].received, all[0].sent), (Some(3), Some(6)));
    assert_eq!(all[0].description.as_deref(), Some("transit north"));
    assert_eq!(all[0].last_reset.as_deref(), Some("Peer closed the session"));
    assert_eq!((all[3].asn, all[3].state.as_str(), all[3].uptime), (65546, "Active", None));
}

#[test]
fn eos_in_both_forms() {
    for name in ["eos-summary.txt", "eos-summary.json"] {
        let summary = summary_of(name, &text(name)).unwrap();
        assert_eq!((summary.asn, summary.router_id.as_str()), (65100, "192.0.2.33"), "{name}");
        let first = &summary.neighbours[0];
        assert_eq!((first.asn, first.state.as_str(), first.received), (65200, "Established", Some(3)), "{name}");
        assert_eq!(first.description.as_deref(), Some("spine 1 Ethernet49"), "{name}");
        assert!(summary.neighbours[2].state.starts_with("Idle"), "{name}");
    }
    let plain = routes_of("eos-routes.txt", &text("eos-routes.txt")).unwrap();
    let short: Vec<_> = plain.iter().map(|r| (r.prefix.as_str(), r.best, r.multipath, r.path.as_str())).collect();
    assert_eq!(
        short,
        [
            ("10.50.0.0/24", true, false, "65200"),
            ("10.50.1.0/24", true, true, "65200 65210"),
            ("10.50.1.0/24", false, true, "65201 65210"),
            ("10.50.2.0/24", true, false, ""),
            ("10.50.3.128/25", true, false, "65200 65211"),
            ("10.50.4.0/24", false, false, "65201"),
        ]
    );
    assert_eq!((plain[4].metric, plain[4].local_pref), (Some(5), Some(150)));
    let json = routes_of("eos-routes.json", &text("eos-routes.json")).unwrap();
    assert_eq!(json.len(), 4);
    assert_eq!((json[1].multipath, json[1].origin_as()), (true, Some(65210)));
    for name in ["eos-neighbours.txt", "eos-neighbours.json"] {
        let all = neighbours_of(name, &text(name)).unwrap();
        assert_eq!(
            (all[0].received, all[0].sent, all[0].hold_time.unwrap().as_secs()),
            (Some(3), Some(4), 180),
            "{name}"
        );
        assert_eq!(all[0].router_id.as_deref(), Some("192.0.2.41"), "{name}");
    }
}

#[test]
fn an_answer_cut_off_anywhere_is_never_a_shorter_table() {
    let mut cuts = 0;
    for entry in std::fs::read_dir(FIXTURES).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if ["version", "count", "README"].iter().any(|part| name.contains(part)) {
            continue;
        }
        let whole = text(&name);
        let read = |text: &str| {
            if name.contains("summary") {
                summary_of(&name, text).map(|s| s.neighbours.len())
            } else if name.contains("neighbours") {
                neighbours_of(&name, text).map(|n| n.len())
            } else {
                routes_of(&name, text).map(|r| r.len())
            }
        };
        let full = read(&whole).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(full > 1, "{name}");
        // A text's end in white space alone is nothing that could be missed.
        for at in (0..whole.trim_end().len()).step_by(1 + whole.len() / 150) {
            match read(&whole[..at]) {
                // Details of the last neighbour may be missing, never a neighbour.
                Ok(n) => assert!(n == full && name.contains("neighbours.txt"), "{name} cut at {at}: {n} of {full}"),
                Err(error) => assert_eq!(error.kind, Kind::Unreadable, "{name} cut at {at}: {error}"),
            }
            cuts += 1;
        }
        // The same with a line's end after it, as when whole lines are missing.
        for (at, _) in whole.trim_end().match_indices('\n') {
            if let Ok(n) = read(&whole[..=at]) {
                assert_eq!(n, full, "{name} cut after {at}");
            }
        }
    }
    assert!(cuts > 1_500, "{cuts}");
}

#[test]
fn refusals_and_strangers_are_errors_that_show_the_text() {
    for shown in [
        "",
        "{}\n",
        "{\n}\n",
        "null\n",
        "% Unknown command: show bgp ipv4 unicast summary json\n",
        "% BGP instance not found\n",
        "% No BGP neighbors found in VRF default\n",
        "No BGP neighbors found\n",
        "Welcome to edge-1\n--More--",
        "10.0.0.0/8 via 10.0.0.1\n",
    ] {
        for name in ["frr-summary.txt", "frr-summary.json", "ios-summary.txt", "eos-summary.txt", "eos-summary.json"] {
            let error = summary_of(name, shown).unwrap_err();
            assert_eq!(error.kind, Kind::Unreadable, "{name}: {shown}");
            assert!(error.to_string().contains(shown.trim()), "{error}");
        }
        for name in ["frr-routes.txt", "frr-routes.json", "ios-routes.txt", "eos-routes.txt", "eos-routes.json"] {
            assert_eq!(routes_of(name, shown).unwrap_err().kind, Kind::Unreadable, "{name}: {shown}");
        }
        for name in ["frr-neighbours.txt", "frr-neighbours.json", "ios-neighbours.txt", "eos-neighbours.json"] {
            assert_eq!(neighbours_of(name, shown).unwrap_err().kind, Kind::Unreadable, "{name}: {shown}");
        }
    }
}

#[test]
fn totals_that_disagree_are_errors() {
    let whole = text("frr-routes.txt");
    let without: String = whole.lines().filter(|l| !l.contains("10.25.11.112/32")).map(|l| format!("{l}\n")).collect();
    let error = routes_of("frr-routes.txt", &without).unwrap_err();
    assert!(error.message.contains("the router has 8 routes, and 7 can be read"), "{error}");
    let fewer = text("frr-summary.json").replace("\"totalPeers\":6", "\"totalPeers\":7");
    assert!(summary_of("frr-summary.json", &fewer).is_err());
}

#[test]
fn a_table_is_empty_only_where_the_router_says_so() {
    let empty = r#"{ "vrfId": 0, "routerId": "10.99.0.1", "localAS": 64501, "routes": {  }  } "#;
    assert!(routes_of("frr-routes.json", empty).unwrap().is_empty());
    assert!(routes_of("frr-routes.txt", "No BGP prefixes displayed, 0 exist\n").unwrap().is_empty());
    assert!(routes_of("frr-routes.txt", "No BGP prefixes displayed, 5 exist\n").is_err());
}

#[test]
fn dialects_are_told_by_the_version() {
    for dialect in ["frr", "ios", "eos"] {
        assert_eq!(dialect::detect(&text(&format!("{dialect}-version.txt"))), Some(dialect));
    }
    assert_eq!(dialect::detect("JUNOS 21.4R1"), None);
}

#[test]
fn counts_come_from_the_summary() {
    let counted = |name: &str, of: &str| {
        let mut about = Map::new();
        about.insert("dialect".into(), of.into());
        about.insert("neighbours".into(), Dynamic::from(3_i64));
        counts(&text(name), about).unwrap()
    };
    let ios = counted("ios-summary.txt", "ios");
    assert_eq!((ios["networks"].as_int(), ios["paths"].as_int()), (Ok(6), Ok(8)));
    assert_eq!(counted("eos-summary.txt", "eos")["paths"].as_int(), Ok(5));
    assert_eq!(
        neighbours_text::count(&reader("ios-neighbours-count.txt", &text("ios-neighbours-count.txt"))).unwrap(),
        4
    );
}

/// Runs a script in which `bgp` is the library, loaded as a module.
fn with_library(config: Config, body: &str) -> crate::error::Result<Dynamic> {
    let world = crate::host::testing::world(config);
    let context = crate::host::Context::new(world, "test/step", None, Effect::Read, None);
    let _entered = context.enter();
    let mut engine = crate::script::engine::build();
    let library = engine.compile(include_str!("../../../stdlib/bgp.rhai")).unwrap();
    let module = rhai::Module::eval_ast_as_new(rhai::Scope::new(), &library, &engine).unwrap();
    engine.register_static_module("bgp", module.into());
    engine.eval::<Dynamic>(body).map_err(|e| crate::script::diagnose::from_rhai(&e, None))
}

fn router() -> Config {
    crate::host::ssh::tests::config()
}

#[test]
#[ignore = "needs the real router"]
fn real_the_library_reads_the_router() {
    let script = r#"
        let edge = ssh("edge-1");
        let s = bgp::summary(edge);
        let up = 0;
        for n in s.neighbours { if n.established && n.asn == 64512 { up += 1; } }
        let table = bgp::routes(edge);
        let seen = [];
        for row in table { seen.push(row.prefix) }
        #{ asn: s.asn, up: up, names: bgp::neighbours(edge).len(), prefixes: table.prefixes(), rows: seen.len(),
           two: table.of("10.25.11.119").len(), from: table.from("10.99.0.11").len(), of_as: table.from(64513).len() }
    "#;
    let found = with_library(router(), script).unwrap();
    let found = crate::host::values::from_dynamic(&found);
    assert_eq!((&found["asn"], &found["names"]), (&64501.into(), &6.into()), "{found}");
    assert!(found["rows"].as_i64() > Some(5), "{found}");
    let table = with_library(router(), r#"bgp::routes(ssh("edge-1"))"#).unwrap();
    let rows = crate::host::values::from_dynamic(&table);
    assert_eq!(rows[0]["prefix"], "10.25.11.110/32", "{rows}");
    assert_eq!(crate::host::values::to_array(&table).map(|r| r.len()), rows.as_array().map(Vec::len));
    let error = with_library(router(), r#"bgp::summary(ssh("edge-1"), #{ family: "ipv6" })"#).unwrap_err();
    assert_eq!(error.kind, Kind::Unreadable, "{error}");
    assert!(error.message.contains("show bgp ipv6 unicast summary json"), "{error}");
}
