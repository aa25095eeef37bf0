//! `tls::` — the certificates that a server shows, trusted or not.

use jiff::Timestamp;
use rhai::{Dynamic, Map, NativeCallContext};
use serde_json::json;

use super::call::{CONNECT_LIMIT, Call};
use super::net::{Net, gate, trust};
use super::{Context, HostResult, Module, Needs, Options, Registrar};
use crate::client::certificate::Certificate;
use crate::client::route::host_and_port;
use crate::client::sh::quoted;
use crate::client::tls::{Peer, peer};
use crate::event::Effect;

const OPTIONS: &[&str] = &["ca", "within"];

pub(crate) const MODULE: Module = Module {
    name: "tls",
    about: "The certificates that a server shows, trusted or not.",
    needs: Needs::Nothing,
    register,
};

fn register(m: &mut Registrar) {
    m.path("peer")
        .sig("(address: string, name?: string, options?: map) -> map")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc(
            "Shakes hands with a TLS server and returns what it shows. `address` is `host:port` (443 where there is \
             no port); `name` is the name to ask for and to judge by, by default the host. Options: `ca` (a file of \
             certificate authorities, trusted in place of the system's), `within` (a duration, for the connection, \
             5 s).\n\nThe result has `chain`, a list with the server's own certificate first, each a map of \
             `subject`, `issuer`, `names` (list), `not_before`, `not_after` (RFC 3339), `expires_in` (a duration, \
             zero when it has expired), `expired`, `serial`, `sha256`, `self_signed`, `authority`; `trusted` \
             (whether the chain is valid for `name` now), `problem` (why not, else `()`), `protocol` (`TLSv1.3`), \
             `address`, `name`, `latency`. An expired or untrusted certificate is shown, not thrown. Throws \
             `unreachable` when nothing there speaks TLS, and `timeout` when nothing answers.",
        )
        .example(
            r#"let peer = tls::peer("192.0.2.10:443", "shop.test", #{ ca: "ca.pem" });
peer.trusted && peer.chain[0].names == ["shop.test"] && peer.chain[0].expires_in > duration("30d")"#,
        )
        .add(|at: NativeCallContext, address: &str| look(&at, address, None, Map::new()))
        .add(|at: NativeCallContext, address: &str, name: &str| look(&at, address, Some(name), Map::new()))
        .add(|at: NativeCallContext, address: &str, options: Map| look(&at, address, None, options))
        .add(|at: NativeCallContext, address: &str, name: &str, options: Map| look(&at, address, Some(name), options));
}

fn look(at: &NativeCallContext, address: &str, name: Option<&str>, options: Map) -> HostResult<Map> {
    let cx = Context::current()?;
    let shown = super::values::from_dynamic(&options.clone().into());
    let options = Options::new(options, "tls::peer", OPTIONS)?;
    let (host, port) = host_and_port(address, Some(443))?;
    let name = name.unwrap_or(&host).to_string();
    let (trust, ca) = trust(&cx, at, &options)?;
    let within = options.duration("within")?.unwrap_or(CONNECT_LIMIT);
    let net = Net::of(&cx.world);
    let routes = net.routes(&cx.world)?;
    let mut line = format!("openssl s_client -connect {} -servername {}", quoted(address), quoted(&name));
    if let Some(ca) = ca {
        line.push_str(&format!(" -CAfile {}", quoted(&ca.display().to_string())));
    }
    line.push_str(" -showcerts </dev/null");
    let call = Call::new("tls::peer", line)
        .target(address)
        .args(json!({ "address": address, "name": name, "options": shown }))
        .limit(gate(within.saturating_mul(2)));
    let summary = |peer: &Peer| match &peer.problem {
        Some(problem) => problem.clone(),
        None => format!("{} certificates, trusted", peer.chain.len()),
    };
    let found = cx.call_with(at, call, summary, async { peer(&routes, &host, port, &name, &trust, within).await })?;
    let now = cx.world.clock.now();
    let chain: rhai::Array = found.chain.iter().map(|c| certificate(c, now).into()).collect();
    let mut map = Map::new();
    map.insert("chain".into(), chain.into());
    map.insert("trusted".into(), found.problem.is_none().into());
    map.insert("problem".into(), found.problem.map_or(Dynamic::UNIT, Into::into));
    map.insert("protocol".into(), found.protocol.into());
    map.insert("address".into(), found.address.into());
    map.insert("name".into(), found.name.into());
    map.insert("latency".into(), Dynamic::from(found.latency));
    Ok(map)
}

fn certificate(certificate: &Certificate, now: Timestamp) -> Map {
    let left = std::time::Duration::try_from(certificate.not_after.duration_since(now)).unwrap_or_default();
    let names: rhai::Array = certificate.names.iter().map(|n| n.as_str().into()).collect();
    let mut map = Map::new();
    map.insert("subject".into(), certificate.subject.as_str().into());
    map.insert("issuer".into(), certificate.issuer.as_str().into());
    map.insert("names".into(), names.into());
    map.insert("not_before".into(), certificate.not_before.to_string().into());
    map.insert("not_after".into(), certificate.not_after.to_string().into());
    map.insert("expires_in".into(), Dynamic::from(left));
    map.insert("expired".into(), (certificate.not_after <= now).into());
    map.insert("serial".into(), certificate.serial.as_str().into());
    map.insert("sha256".into(), certificate.sha256.as_str().into());
    map.insert("self_signed".into(), certificate.self_signed.into());
    map.insert("authority".into(), certificate.authority.into());
    map
}

#[cfg(test)]
mod tests {
    use crate::client::testing::{Tls, tls_server};
    use crate::host::testing::{eval, runtime};

    #[test]
    fn an_expired_certificate_is_a_value() {
        let tls = Tls::new(&["web.test"], (2020, 2021));
        let server = runtime().block_on(tls_server(&tls));
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        std::fs::write(&ca, &tls.authority).unwrap();
        let script = format!(
            r#"let p = tls::peer("{server}", "web.test", #{{ ca: "{}" }});
            let c = p.chain[0];
            if !p.problem.contains("expired on 2021") {{ throw p.problem }}
            c.names == ["web.test"] && c.expired && !p.trusted && c.not_after == "2021-01-01T00:00:00Z""#,
            ca.display()
        );
        assert!(eval(&script).unwrap().as_bool().unwrap());
    }

    #[test]
    fn an_unknown_option_is_an_error() {
        let error = eval(r#"tls::peer("localhost:1", #{ cert: "x" })"#).unwrap_err();
        assert!(error.message.contains("tls::peer: there is no option \"cert\""), "{error}");
    }
}
