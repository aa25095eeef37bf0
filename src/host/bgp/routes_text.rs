//! The text of `show … bgp …`: the table, by its header's columns.

use super::model::{Route, origin};
use super::reader::{Dialect, Reader, asn};
use crate::error::Result;

/// What may stand before a network: statuses, RPKI verdicts.
const FLAGS: &str = "*>=#%sdhrSRmbfxaicCeELNVIkuU";

pub(super) fn read(reader: &Reader<'_>) -> Result<Vec<Route>> {
    // IOS prints nothing for an empty table; then the summary says so.
    if reader.text.trim().is_empty() && reader.dialect != Dialect::Frr && reader.paths == Some(0) {
        return Ok(Vec::new());
    }
    reader.check()?;
    if reader.dialect == Dialect::Frr && reader.find(r"No BGP prefixes displayed, (0) exist").is_some() {
        return Ok(Vec::new());
    }
    let mut lines = reader.text.lines().skip_while(|l| !is_header(l));
    let header = lines.next().ok_or_else(|| reader.unreadable("the table's header is missing"))?;
    let columns =
        Columns::of(header, reader.dialect).ok_or_else(|| reader.unreadable("the table's header is another one"))?;
    let mut table = Table { reader, columns, rows: Vec::new(), open: None };
    let mut totals = None;
    for line in lines {
        if let Some(found) = trailer(line) {
            totals = Some(found);
            break;
        }
        if is_header(line) || line.starts_with("BGP routing table information") || line.starts_with("BGP table version")
        {
            return Err(reader.unreadable("there is more than one table in it"));
        }
        if !line.trim().is_empty() {
            table.line(line)?;
        }
    }
    let rows = table.end()?;
    reader.whole_lines()?;
    let mut networks: Vec<&str> = rows.iter().map(|r| r.prefix.as_str()).collect();
    networks.dedup();
    match totals {
        Some((routes, paths)) => {
            reader.agree("routes", Some(routes), networks.len())?;
            reader.agree("paths", Some(paths), rows.len())?;
        }
        None if reader.dialect == Dialect::Frr => {
            return Err(reader.unreadable("its last line, with the totals, is missing"));
        }
        // EOS counts what the neighbours sent; what the router announces itself comes on top.
        None if reader.dialect == Dialect::Eos => {
            let learned = rows.iter().filter(|r| !is_own(r)).count();
            reader.agree("paths from neighbours", reader.paths, learned)?;
        }
        None => {
            reader.agree("networks", reader.networks, networks.len())?;
            reader.agree("paths", reader.paths, rows.len())?;
        }
    }
    Ok(rows)
}

/// Whether the router announces it itself.
fn is_own(route: &Route) -> bool {
    matches!(route.next_hop.as_str(), "-" | "0.0.0.0" | "::")
}

fn is_header(line: &str) -> bool {
    line.contains("Network") && line.contains("Next Hop") && line.contains("Path")
}

/// FRR's last line.
fn trailer(line: &str) -> Option<(u64, u64)> {
    let rest = line.trim().strip_prefix("Displayed")?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    match words.as_slice() {
        [routes, "routes", "and", paths, "total", "paths"] => Some((routes.parse().ok()?, paths.parse().ok()?)),
        _ => None,
    }
}

/// Where the columns are.
struct Columns {
    network: usize,
    /// The right edges of Metric, LocPrf and Weight; values end there, or one further on folded lines.
    metric: usize,
    local_pref: usize,
    weight: usize,
    /// EOS fills every column and separates by spaces.
    aigp: bool,
}

impl Columns {
    fn of(header: &str, dialect: Dialect) -> Option<Self> {
        let edge = |name: &str| header.find(name).map(|at| at + name.len());
        let local_pref = if dialect == Dialect::Eos { "LocPref" } else { "LocPrf" };
        Some(Self {
            network: header.find("Network")?,
            metric: edge("Metric")?,
            local_pref: edge(local_pref)?,
            weight: edge("Weight")?,
            aigp: header.contains("AIGP"),
        })
    }
}

struct Table<'r, 't> {
    reader: &'r Reader<'t>,
    columns: Columns,
    rows: Vec<Route>,
    /// A row whose line was folded, and how much of it is there.
    open: Option<(Route, Part)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Network,
    NextHop,
}

impl Table<'_, '_> {
    fn wrong(&self, line: &str) -> crate::error::Error {
        self.reader.unreadable(format!("this line is no route: {}", line.trim_end()))
    }

    fn line(&mut self, line: &str) -> Result<()> {
        if !line.is_ascii() {
            return Err(self.wrong(line));
        }
        let at = self.columns.network.min(line.len());
        let (flags, rest) = line.split_at(at);
        if let Some((route, part)) = self.open.take() {
            // The rest of a folded line stands under its columns, after nothing.
            if !flags.trim().is_empty() || rest.starts_with(|c: char| !c.is_whitespace()) {
                return Err(self.reader.unreadable(format!("the line of {} is cut short", route.prefix)));
            }
            return self.further(line, at, route, part);
        }
        if flags.trim().is_empty() || !flags.chars().all(|c| c == ' ' || FLAGS.contains(c)) {
            return Err(self.wrong(line));
        }
        let mut route = Route {
            valid: flags.contains('*'),
            best: flags.contains('>'),
            multipath: flags.contains(['=', 'm', 'E', 'e']),
            ..Route::default()
        };
        let mut from = at;
        if rest.starts_with(|c: char| !c.is_whitespace()) {
            let network = rest.split_whitespace().next().unwrap_or_default();
            route.prefix = prefix(network).ok_or_else(|| self.wrong(line))?;
            from = at + network.len();
        } else {
            let last = self.rows.last().ok_or_else(|| self.wrong(line))?;
            route.prefix = last.prefix.clone();
        }
        self.further(line, from, route, Part::Network)
    }

    /// Reads on from a place in a line: next hop, numbers, path, as far as they are there.
    fn further(&mut self, line: &str, from: usize, mut route: Route, mut part: Part) -> Result<()> {
        let mut words = words(line, from);
        if part == Part::Network {
            let Some(hop) = words.first().copied() else {
                self.open = Some((route, part));
                return Ok(());
            };
            route.next_hop = match hop.1.parse::<std::net::IpAddr>() {
                // IOS writes IPv6 in capitals.
                Ok(address) => address.to_string(),
                Err(_) if hop.1 == "-" => hop.1.into(),
                Err(_) => return Err(self.wrong(line)),
            };
            words.remove(0);
            part = Part::NextHop;
        }
        if words.is_empty() {
            self.open = Some((route, part));
            return Ok(());
        }
        let path = if self.reader.dialect == Dialect::Eos {
            self.filled(&words, &mut route)
        } else {
            self.aligned(&words, &mut route)
        };
        let path = path.ok_or_else(|| self.wrong(line))?;
        self.path(line, &path, &mut route)?;
        self.rows.push(route);
        Ok(())
    }

    /// FRR and IOS: numbers end at their header's right edge, and some are left out. Gives where the path begins.
    fn aligned<'l>(&self, words: &[(usize, &'l str)], route: &mut Route) -> Option<Vec<&'l str>> {
        let at = |word: &(usize, &str), edge: usize| (word.0 + word.1.len()).abs_diff(edge) <= 1;
        let weight = words.iter().position(|w| at(w, self.columns.weight))?;
        route.weight = Some(words[weight].1.parse().ok()?);
        for word in &words[..weight] {
            let value = Some(word.1.parse().ok()?);
            if at(word, self.columns.metric) {
                route.metric = value;
            } else if at(word, self.columns.local_pref) {
                route.local_pref = value;
            } else {
                return None;
            }
        }
        Some(words[weight + 1..].iter().map(|w| w.1).collect())
    }

    /// EOS: every column is filled, with `-` where there is nothing.
    fn filled<'l>(&self, words: &[(usize, &'l str)], route: &mut Route) -> Option<Vec<&'l str>> {
        let mut words = words.iter().map(|w| w.1);
        let mut next = || -> Option<Option<i64>> {
            match words.next()? {
                "-" => Some(None),
                number => Some(Some(number.parse().ok()?)),
            }
        };
        route.metric = next()?;
        if self.columns.aigp {
            next()?;
        }
        route.local_pref = next()?;
        route.weight = next()?;
        Some(words.collect())
    }

    /// The path up to its origin code; EOS adds attributes after it.
    fn path(&self, line: &str, words: &[&str], route: &mut Route) -> Result<()> {
        let code = words.iter().position(|w| origin(w).is_some()).ok_or_else(|| self.wrong(line))?;
        let known = |w: &&str| {
            asn(w.trim_matches(['(', ')', '{', '}', '[', ']'])).is_some()
                || w.contains(',')
                || w.starts_with(['(', '{'])
        };
        let ended = code + 1 == words.len() || self.reader.dialect == Dialect::Eos;
        if !words[..code].iter().all(known) || !ended {
            return Err(self.wrong(line));
        }
        route.path = words[..code].join(" ");
        route.origin = origin(words[code]).unwrap_or_default().into();
        Ok(())
    }

    fn end(self) -> Result<Vec<Route>> {
        match &self.open {
            Some((route, _)) => Err(self.reader.unreadable(format!("the line of {} is cut short", route.prefix))),
            None => Ok(self.rows),
        }
    }
}

/// The words of a line from a place on, with where they begin.
fn words(line: &str, from: usize) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in line.char_indices().skip(from).chain([(line.len(), ' ')]) {
        match (start, c.is_whitespace()) {
            (None, false) => start = Some(at),
            (Some(begin), true) => {
                words.push((begin, &line[begin..at]));
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// A network with its length; one that is written without has that of its class (RFC 791), as IOS shows it.
fn prefix(text: &str) -> Option<String> {
    if let Some((address, length)) = text.split_once('/') {
        let address: std::net::IpAddr = address.parse().ok()?;
        let length: u8 = length.parse().ok()?;
        return (length <= if address.is_ipv4() { 32 } else { 128 }).then(|| format!("{address}/{length}"));
    }
    let address: std::net::Ipv4Addr = text.parse().ok()?;
    let length = match address.octets()[0] {
        0 if address.is_unspecified() => 0,
        0..128 => 8,
        128..192 => 16,
        _ => 24,
    };
    Some(format!("{address}/{length}"))
}
