//! Sessions, the table and the command line, without a clock or a socket.

use std::time::Duration;

use super::cli::{Then, answer, next_words};
use super::*;

/// Two nodes of a cluster and one of another; `10.25.11.119` comes from the first two.
struct Bench {
    router: Router,
    speakers: Vec<Speaker>,
    begin: Instant,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let speakers = vec![
            speaker("infra-01", 11, 64512, &["10.25.11.110/32", "10.25.11.119/32"]),
            speaker("infra-02", 12, 64512, &["10.25.11.119/32"]),
            speaker("apps-01", 14, 64513, &["10.25.11.121/32"]),
        ];
        let neighbours = speakers.iter().map(|s| Neighbour { address: s.address, asn: s.asn, name: s.host.clone() });
        let begin = Instant::now();
        let config = crate::lab::world::read::embedded("monosense").unwrap().router;
        let router = Router::new(config, neighbours.collect(), begin);
        let mut bench = Self { router, speakers, begin, now: begin };
        bench.hear();
        bench.after(600);
        bench
    }

    fn hear(&mut self) {
        self.router.hear(self.now, &self.speakers);
    }

    /// Seconds later.
    fn after(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.router.run(self.now);
    }

    fn ask(&self, line: &str) -> String {
        let wall: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let passed = self.now - self.begin;
        answer(self.router.seen(self.now, wall.checked_add(passed).unwrap()), line).text
    }

    /// The summary's state or number of prefixes, and how long it is so.
    fn state(&self, name: &str) -> String {
        let text = self.ask("show ip bgp summary");
        let line = text.lines().find(|line| line.ends_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
        let words: Vec<&str> = line.split_whitespace().collect();
        format!("{} {}", words[9], words[8])
    }
}

fn speaker(host: &str, last: u8, asn: u32, prefixes: &[&str]) -> Speaker {
    Speaker {
        address: IpAddr::from([10, 25, 11, last]),
        host: host.into(),
        asn,
        voice: Voice::Speaks,
        prefixes: prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect(),
    }
}

#[test]
fn sessions_come_up_after_the_retry_time() {
    let bench = Bench::new();
    assert_eq!(bench.state("infra-01"), "2 00:09:58");
    assert_eq!(bench.state("apps-01"), "1 00:09:58");
}

#[test]
fn a_killed_speaker_goes_after_the_hold_time() {
    let mut bench = Bench::new();
    bench.speakers[0].voice = Voice::Silent;
    bench.hear();
    bench.after(8);
    assert_eq!(bench.state("infra-01"), "2 00:10:06");
    assert!(bench.ask("show ip bgp").contains("10.25.11.110/32"));
    bench.after(1);
    assert_eq!(bench.state("infra-01"), "Idle 00:00:00");
    let table = bench.ask("show ip bgp");
    assert!(!table.contains("10.25.11.110/32") && table.contains("*> 10.25.11.119/32  10.25.11.12 "), "{table}");
    bench.after(20);
    assert_eq!(bench.state("infra-01"), "Active 00:00:20");
    assert!(bench.ask("show ip bgp neighbors 10.25.11.11").contains("Hold Timer Expired"));
}

#[test]
fn one_that_says_good_bye_goes_at_once_and_comes_back() {
    let mut bench = Bench::new();
    bench.speakers[1].voice = Voice::Stopped;
    bench.hear();
    assert_eq!(bench.state("infra-02"), "Idle 00:00:00");
    bench.after(60);
    bench.speakers[1].voice = Voice::Speaks;
    bench.hear();
    bench.after(1);
    assert_eq!(bench.state("infra-02"), "Active 00:01:01");
    bench.after(2);
    assert_eq!(bench.state("infra-02"), "1 00:00:01");
    let prefix = bench.ask("show bgp ipv4 unicast 10.25.11.119/32");
    assert!(
        prefix.contains("(2 available, best #2, table default)") && prefix.contains("best (Older Path)"),
        "{prefix}"
    );
}

#[test]
fn routes_that_come_together_are_judged_by_the_router_id_and_later_ones_by_age() {
    let mut bench = Bench::new();
    let shared = |bench: &mut Bench| bench.ask("show bgp ipv4 unicast 10.25.11.119/32");
    let text = shared(&mut bench);
    assert!(text.contains("best #2") && text.contains("best (Router ID)"), "{text}");
    bench.speakers[0].voice = Voice::Stopped;
    bench.hear();
    let text = shared(&mut bench);
    assert!(text.contains("(1 available, best #1, table default)"), "{text}");
    bench.after(60);
    bench.speakers[0].voice = Voice::Speaks;
    bench.hear();
    bench.after(10);
    let text = shared(&mut bench);
    assert!(text.contains("best (Older Path)"), "who comes back has a lower id and is younger: {text}");
}

#[test]
fn silence_that_ends_in_time_costs_nothing() {
    let mut bench = Bench::new();
    let version = bench.router.rib.version;
    bench.speakers[0].voice = Voice::Silent;
    bench.hear();
    bench.after(5);
    bench.speakers[0].voice = Voice::Speaks;
    bench.hear();
    bench.after(60);
    assert_eq!(bench.state("infra-01"), "2 00:11:03");
    assert_eq!(bench.router.rib.version, version);
}

#[test]
fn another_as_than_configured_gets_no_session() {
    let mut bench = Bench::new();
    bench.speakers[2].asn = 64999;
    bench.hear();
    assert_eq!(bench.state("apps-01"), "Idle 00:00:00");
    bench.after(60);
    assert_eq!(bench.state("apps-01"), "Active 00:01:00");
    assert!(bench.ask("show ip bgp neighbors 10.25.11.14 json").contains(r"OPEN Message Error\/Bad Peer AS"));
    bench.speakers[2].asn = 64513;
    bench.hear();
    bench.after(3);
    assert_eq!(bench.state("apps-01"), "1 00:00:01");
}

#[test]
fn a_neighbour_that_is_shut_down_says_so() {
    let mut bench = Bench::new();
    bench.router.shut(bench.now, &BTreeSet::from([IpAddr::from([10, 25, 11, 11])]));
    let line = bench.ask("show ip bgp summary | include infra-01");
    assert!(line.contains("Idle (Admin)"), "{line}");
    assert!(bench.ask("show bgp summary json").contains(r#""peerState":"Admin""#));
    bench.router.shut(bench.now, &BTreeSet::new());
    bench.after(2);
    assert_eq!(bench.state("infra-01"), "2 00:00:00");
}

#[test]
fn more_paths_than_are_used_side_by_side_are_kept_and_not_used() {
    let mut bench = Bench::new();
    bench.router.rib.max_paths = 1;
    assert!(bench.ask("show ip bgp").contains("*  10.25.11.119/32  10.25.11.12 "));
    let route = bench.ask("show ip route bgp");
    assert!(route.contains("B>* 10.25.11.119/32 [20/0] via 10.25.11.11,") && !route.contains("  *"), "{route}");
}

#[test]
fn routes_of_equal_worth_are_all_used() {
    let route = Bench::new().ask("show ip route bgp");
    assert!(route.contains("B>* 10.25.11.119/32 [20/0] via 10.25.11.11, eth1, weight 1, 00:09:58\n"), "{route}");
    assert!(route.contains("\n  *                        via 10.25.11.12, eth1, weight 1, 00:09:58\n"), "{route}");
}

#[test]
fn words_may_be_cut_short() {
    let bench = Bench::new();
    assert_eq!(bench.ask("sh ip bg sum"), bench.ask("show ip bgp summary"));
    assert_eq!(bench.ask("sh ip b nei 10.25.11.11 ro"), bench.ask("show ip bgp neighbors 10.25.11.11 routes"));
    assert_eq!(bench.ask("show i"), "% Command incomplete: show i\n");
    assert_eq!(bench.ask("show foo"), "% Unknown command: show foo\n");
    assert_eq!(bench.ask("show ip bgp summary now"), "% Unknown command: show ip bgp summary now\n");
    assert_eq!(bench.ask("e"), "% Ambiguous command: e\n");
    assert_eq!(bench.ask(""), "");
    assert_eq!(bench.ask("show ip bgp summary | count"), "% Unknown command: show ip bgp summary | count\n");
}

#[test]
fn what_is_not_there_is_told_as_the_router_tells_it() {
    let bench = Bench::new();
    assert_eq!(bench.ask("show ip bgp 10.9.9.9"), "% Network not in table\n");
    assert_eq!(bench.ask("show ip bgp 10.9.9.9/32 json"), "{\n}\n");
    assert_eq!(bench.ask("show ip bgp neighbors 10.9.9.9"), "% No such neighbor in this view/vrf\n\n");
    assert_eq!(bench.ask("show bgp ipv6 unicast summary json"), "{}\n");
    assert!(bench.ask("show bgp ipv6 json").contains("\"routes\": {  }  } "));
}

#[test]
fn commands_that_move_in_the_session_do() {
    let bench = Bench::new();
    let then = |line: &str| answer(bench.router.seen(bench.now, Timestamp::UNIX_EPOCH), line).then;
    assert_eq!((then("conf t"), then("quit"), then("end")), (Then::Configure, Then::Leave, Then::End));
    assert_eq!((then("terminal length 0"), then("show version")), (Then::Stay, Then::Stay));
    assert_eq!(next_words(&["show", "ip"]), ["bgp", "route"]);
    assert!(next_words(&["show", "ip", "bgp"]).contains(&"<cr>".to_string()));
}

#[test]
fn the_json_is_json_and_agrees_with_the_text() {
    let bench = Bench::new();
    let read = |line: &str| -> serde_json::Value {
        let text = bench.ask(line);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{line}: {e}\n{text}"))
    };
    assert_eq!(read("show bgp summary json")["ipv4Unicast"]["peers"]["10.25.11.11"]["pfxRcd"], 2);
    assert_eq!(read("show bgp ipv4 unicast summary json")["as"], 64501);
    assert_eq!(read("show ip bgp json")["routes"]["10.25.11.119/32"][1]["bestpath"], true);
    assert_eq!(read("show ip bgp neighbors json")["10.25.11.14"]["bgpState"], "Established");
    assert_eq!(read("show ip bgp 10.25.11.119/32 json")["paths"].as_array().unwrap().len(), 2);
    assert_eq!(read("show ip route bgp json")["10.25.11.119/32"][0]["nexthops"].as_array().unwrap().len(), 2);
    assert_eq!(read("show ip bgp neighbors 10.25.11.11 advertised-routes json")["totalPrefixCounter"], 3);
    assert_eq!(read("show ip bgp summary failed json")["ipv4Unicast"]["failedPeersCount"], 0);
}
