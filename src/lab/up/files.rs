//! What clients need, as files in one folder: `kubeconfig`, `talosconfig`, `ssh_config` with its keys, `pb.toml`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::Lab;
use crate::error::{Error, Kind, Result};
use crate::lab::net::socks;
use crate::lab::services::{endpoints, outside};
use crate::lab::ssh::Key;
use crate::lab::world::Topology;

fn failed(file: &Path) -> impl Fn(std::io::Error) -> Error {
    let text = format!("{} can't be written", file.display());
    move |e| Error::new(Kind::Io, text.clone()).caused_by(&e)
}

/// Makes the folder, where it is not there. Keys will be in it: nobody else may look.
pub(super) fn folder(dir: &Path) -> Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed(dir))
}

/// Writes all of them.
pub(super) fn write(lab: &Lab, kubeconfig: &str, user: &Key, host: &Key) -> Result<()> {
    user.write(&lab.dir.join("id_ed25519"))?;
    private(&lab.dir.join("kubeconfig"), kubeconfig)?;
    private(&lab.dir.join("talosconfig"), &lab.machines.talosconfig)?;
    let router = &lab.world.topology.router;
    let known = format!("{},{} {}\n", router.name, router.address, host.public()?);
    private(&lab.dir.join("known_hosts"), &known)?;
    private(&lab.dir.join("ssh_config"), &ssh_config(lab))?;
    private(&lab.dir.join("ca.crt"), &lab.services.authority.certificate)?;
    let (endpoints, secrets) = endpoints::sections(&lab.services);
    folder(&lab.dir.join("secrets"))?;
    for (file, secret) in secrets {
        private(&lab.dir.join(file), &secret)?;
    }
    private(&lab.dir.join("pb.toml"), &pb_toml(lab, &endpoints))
}

/// Writes a file that only its owner can read.
fn private(file: &Path, text: &str) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut opened = options.write(true).create(true).truncate(true).mode(0o600).open(file).map_err(failed(file))?;
    opened.write_all(text.as_bytes()).map_err(failed(file))
}

/// For an unmodified `ssh`: `ssh -F ssh_config edge-1`. It goes straight to the listener, since what leads `ssh` through
/// a SOCKS port is not everywhere.
fn ssh_config(lab: &Lab) -> String {
    let (router, dir) = (&lab.world.topology.router, lab.dir.display());
    let at = lab.ssh;
    format!(
        "# ssh -F {dir}/ssh_config {name}\nHost {name} {address}\n  HostName {ip}\n  Port {port}\n  \
         HostKeyAlias {name}\n  User {user}\n  IdentityFile \"{dir}/id_ed25519\"\n  IdentitiesOnly yes\n  \
         UserKnownHostsFile \"{dir}/known_hosts\"\n",
        name = router.name,
        address = router.address,
        ip = at.ip(),
        port = at.port(),
        user = router.user,
    )
}

/// For `pb`: clusters, hosts, endpoints, networks, and what the playbooks have to be told of this platform.
fn pb_toml(lab: &Lab, endpoints: &str) -> String {
    let topology = &lab.world.topology;
    let router = &topology.router;
    let mut out = format!("# Of an open lab, the topology {}: it is written anew each time.\n", topology.name);
    if let Some(profile) = &topology.profile {
        let _ = writeln!(out, "profile = {}", quoted(profile));
    }
    for (name, cluster) in &topology.clusters {
        let _ = write!(out, "\n[clusters.{}]\nkubeconfig = \"kubeconfig\"\ncontext = {}\n", key(name), quoted(name));
        let _ = write!(out, "talosconfig = \"talosconfig\"\ntalos_context = {}\n", quoted(name));
        if !cluster.settings.is_empty() {
            let _ = write!(out, "\n[clusters.{}.settings]\n{}", key(name), cluster.settings);
        }
    }
    let _ = write!(
        out,
        "\n[hosts.{}]\naddress = \"{}\"\nuser = {}\nkey = \"id_ed25519\"\nknown_hosts = \"known_hosts\"\n",
        key(&router.name),
        router.address,
        quoted(&router.user),
    );
    out.push_str(endpoints);
    out.push_str(&tools(lab));
    out.push_str("\n[networks]\n");
    for network in networks(topology).into_iter().chain([outside::NETWORK.to_string()]) {
        let _ = writeln!(out, "\"{network}\" = \"{}\"", socks::url(lab.socks));
    }
    let mut settings = topology.settings.clone();
    settings.entry("router").or_insert_with(|| router.name.clone().into());
    let repository = lab.dir.join(super::repository::FOLDER).to_string_lossy().into_owned();
    settings.entry("repository").or_insert_with(|| repository.into());
    let _ = write!(out, "\n[settings]\n{settings}");
    out
}

/// What programs find that are started: the lab's stand-ins, its clusters, and its SOCKS port for `curl`.
fn tools(lab: &Lab) -> String {
    let file = |name: &str| quoted(&lab.dir.join(name).to_string_lossy());
    format!(
        "\n[tools]\npath = [\"bin\"]\n\n[tools.env]\nKUBECONFIG = {}\nTALOSCONFIG = {}\nALL_PROXY = \"socks5h://{}\"\n\
         NO_PROXY = \"localhost,127.0.0.1\"\nCURL_CA_BUNDLE = {}\n",
        file("kubeconfig"),
        file("talosconfig"),
        lab.socks,
        file("ca.crt"),
    )
}

/// The networks that the world's addresses are in: by 24 bits, or 64.
fn networks(topology: &Topology) -> BTreeSet<String> {
    let of = |address: IpAddr| {
        let bits = if address.is_ipv4() { 24 } else { 64 };
        ipnet::IpNet::new(address, bits).map(|net| net.trunc().to_string())
    };
    let nodes = topology.nodes().map(|(_, node)| *node.address.get_ref());
    let pools = topology.clusters.values().flat_map(|cluster| cluster.pools.values().flatten());
    let ends = pools.flat_map(|range| [range.first, range.last]);
    nodes.chain(ends).chain([topology.router.address]).filter_map(|address| of(address).ok()).collect()
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A key of a table, quoted where it is not plain.
fn key(name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if plain { name.into() } else { quoted(name) }
}
