//! Every key of `pb.toml`, with what it is: the file's reader, the messages and the reference go by this table.

/// A section of the file.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Its heading: `[clusters.NAME]`; empty for what stands above all sections.
    pub heading: &'static str,
    /// One line: what it is for.
    pub about: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

/// A key.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name; in capitals where the person chooses it.
    pub name: &'static str,
    /// What its value is.
    pub value: &'static str,
    /// What it says, and its default.
    pub about: &'static str,
}

impl Section {
    /// The names of its keys.
    pub fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|k| k.name).collect()
    }
}

const fn key(name: &'static str, value: &'static str, about: &'static str) -> Key {
    Key { name, value, about }
}

/// What stands at the top.
pub const ROOT: Section = Section {
    heading: "",
    about: "the whole file",
    keys: &[
        key("record", "path", "where the folders of the runs are; default `.pb/runs`"),
        key("answer_limit", "size", "how much of a call's answer the record keeps, for example `1Mi`; default `256Ki`"),
        key("checklist", "path", "the boxes that steps cover; default `playbooks/checklist.tsv`"),
        key("profile", "string", "the profile in force where `--profile` names none"),
        key("clusters", "sections", "the clusters; default `infra` and `apps`"),
        key("hosts", "sections", "what `ssh(\"NAME\")` reaches"),
        key("endpoints", "sections", "what `http(\"NAME\")` reaches"),
        key("networks", "section", "what is reached through a proxy"),
        key("tools", "section", "what programs find that playbooks start"),
        key("settings", "section", "values of the playbooks' settings"),
        key("profiles", "sections", "other sets of settings, with `--profile NAME`"),
    ],
};

/// A cluster.
pub const CLUSTER: Section = Section {
    heading: "[clusters.NAME]",
    about: "a Kubernetes cluster: `kube(\"NAME\")` and `talos(\"NAME\")`, and `t.kube` and `t.talos` of the steps that run on it",
    keys: &[
        key("kubeconfig", "path", "default `$KUBECONFIG`, then `~/.kube/config`"),
        key("context", "string", "the kubeconfig's context; default the cluster's name"),
        key("talosconfig", "path", "default `$TALOSCONFIG`, then `~/.talos/config`"),
        key("talos_context", "string", "the talosconfig's context; default the cluster's name"),
        key("talos_nodes", "list", "the nodes that `talos(\"NAME\")` asks; default those of that context"),
        key("protected", "bool", "whether an interactive session begins read-only on it; default false"),
        key("settings", "section", "values of settings on this cluster, as in `[settings]`"),
    ],
};

/// A host.
pub const HOST: Section = Section {
    heading: "[hosts.NAME]",
    about: "a host behind SSH: `ssh(\"NAME\")`. What is not said here is taken from `~/.ssh/config`",
    keys: &[
        key("address", "string", "name or address; default NAME"),
        key("port", "integer", "default 22"),
        key("user", "string", "who logs in"),
        key("key", "path", "the private key; an agent is asked, too"),
        key("passphrase", "secret", "the key's passphrase"),
        key("known_hosts", "path", "the file of known host keys; an unknown or changed key is refused"),
        key("jump", "string", "the host to go through: one of this file, one of `~/.ssh/config`, or `user@host:port`"),
        key("dialect", "string", "how a router is asked by `bgp`: `frr`, `ios` or `eos`; default: found out"),
    ],
};

/// An endpoint.
pub const ENDPOINT: Section = Section {
    heading: "[endpoints.NAME]",
    about: "an HTTP service: `http(\"NAME\")`. It has `url` or `service`, and for its credentials `token`, or `user` \
            and `password`, or none",
    keys: &[
        key("url", "string", "`https://…` or `http://…`"),
        key("service", "string", "`CLUSTER/NAMESPACE/SERVICE:PORT`, forwarded while it is used"),
        key("token", "secret", "a bearer token"),
        key("user", "string", "for basic authentication"),
        key("password", "secret", "the user's password"),
        key("ca", "path", "certificates to trust, in PEM"),
        key("resolve", "string", "the IP address to connect to, whatever DNS says"),
    ],
};

/// The networks.
pub const NETWORKS: Section = Section {
    heading: "[networks]",
    about: "what is not routed from here",
    keys: &[key(
        "\"NETWORK\"",
        "string",
        "how addresses of the network (`10.25.11.0/24`) are reached: `socks5://`, `socks5h://`, `http://` or `https://`, \
         host and port",
    )],
};

/// The tools.
pub const TOOLS: Section = Section {
    heading: "[tools]",
    about: "the programs that playbooks start with `sh::`: what they find, below what a call's own `env` says",
    keys: &[
        key("path", "list of paths", "folders in which programs are looked for before those of `PATH`"),
        key("env", "section", "`[tools.env]`: variables of their environment, each a string"),
    ],
};

/// The settings.
pub const SETTINGS: Section = Section {
    heading: "[settings]",
    about: "values of the playbooks' settings, of the type of their defaults; `pb plan` shows them all",
    keys: &[
        key("NAME", "any", "the setting of that name, in every playbook that declares it"),
        key("\"PLAYBOOK.NAME\"", "any", "the setting of one playbook"),
    ],
};

/// A profile.
pub const PROFILE: Section = Section {
    heading: "[profiles.NAME]",
    about: "settings that hold with `--profile NAME`, above those of the file, and above those of \
            `playbooks/profiles/NAME.toml`",
    keys: &[
        key("settings", "section", "as `[settings]`"),
        key("clusters", "sections", "`[profiles.NAME.clusters.CLUSTER.settings]`: the same on one cluster"),
    ],
};

/// All of them, in the order in which they are explained.
pub const SECTIONS: &[Section] = &[ROOT, CLUSTER, HOST, ENDPOINT, NETWORKS, TOOLS, SETTINGS, PROFILE];
