//! Images: which ones the lab's registries have, and what runs where a container names no command.
//!
//! What can be pulled: well-known images up to the newest version of a row below; what the cluster had when it was
//! planted, and earlier versions of it; and what the platform's own registry holds ([`Registry::hold`]), which is nothing
//! but what was pushed to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use super::reach::Listener;

/// A well-known image: its repository, the newest version, and what it does by itself.
#[derive(Debug)]
pub(crate) struct Program {
    repository: &'static str,
    newest: &'static str,
    pub(crate) does: Does,
    port: u16,
    /// What it writes when it starts.
    pub(crate) says: &'static str,
}

/// What an image's own command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    /// A shell: without a terminal it ends at once.
    Shell,
    /// It serves until it is told to end.
    Serves,
    /// It does its work, and ends.
    Ends,
}

const fn row(repository: &'static str, newest: &'static str, does: Does, port: u16, says: &'static str) -> Program {
    Program { repository, newest, does, port, says }
}

const NGINX: &str = "/docker-entrypoint.sh: Configuration complete; ready for start up\n";

/// What anybody can pull.
const PUBLIC: &[Program] = &[
    row("docker.io/library/busybox", "1.37", Does::Shell, 0, ""),
    row("docker.io/library/alpine", "3.22", Does::Shell, 0, ""),
    row("docker.io/library/debian", "13", Does::Shell, 0, ""),
    row("docker.io/library/ubuntu", "25.04", Does::Shell, 0, ""),
    row("docker.io/library/bash", "5.3", Does::Shell, 0, ""),
    row("docker.io/curlimages/curl", "8.16", Does::Ends, 0, "curl: try 'curl --help' for more information\n"),
    row(
        "docker.io/library/hello-world",
        "linux",
        Does::Ends,
        0,
        "\nHello from Docker!\nThis message shows that your installation appears to be working correctly.\n",
    ),
    row("docker.io/library/nginx", "1.29", Does::Serves, 80, NGINX),
    row("docker.io/nginxinc/nginx-unprivileged", "1.29", Does::Serves, 8080, NGINX),
    row("docker.io/library/httpd", "2.4", Does::Serves, 80, ""),
    row(
        "docker.io/library/postgres",
        "18.0",
        Does::Serves,
        5432,
        "LOG:  database system is ready to accept connections\n",
    ),
    row("docker.io/library/redis", "8.2", Does::Serves, 6379, "* Ready to accept connections tcp\n"),
    row("docker.io/appropriate/dnsperf", "0", Does::Ends, 0, ""),
    row("docker.io/williamyeh/hey", "0", Does::Ends, 0, ""),
    row("nixery.dev/fio", "0", Does::Ends, 0, ""),
    row("quay.io/strimzi/kafka", "0.48", Does::Serves, 9092, ""),
    row("registry.k8s.io/pause", "3.10", Does::Serves, 0, ""),
    row("registry.k8s.io/e2e-test-images/agnhost", "2.57", Does::Serves, 8080, ""),
];

/// A reference with its parts: `nginx` is `docker.io/library/nginx:latest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) repository: String,
    pub(crate) tag: String,
}

impl Reference {
    pub(crate) fn of(image: &str) -> Self {
        let bare = image.split('@').next().unwrap_or_default();
        let (path, tag) = match bare.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, tag),
            _ => (bare, "latest"),
        };
        let host = path.split('/').next().is_some_and(|first| first.contains(['.', ':']) || first == "localhost");
        let repository = match (path.contains('/'), host) {
            (true, true) => path.to_owned(),
            (true, false) => format!("docker.io/{path}"),
            (false, _) => format!("docker.io/library/{path}"),
        };
        Self { repository, tag: tag.to_owned() }
    }

    /// As a container runtime writes it.
    pub(crate) fn whole(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

/// What an image does by itself, where it is a well-known one.
pub(crate) fn program(image: &str) -> Option<&'static Program> {
    let wanted = Reference::of(image).repository;
    PUBLIC.iter().find(|program| program.repository == wanted)
}

impl Program {
    /// What listens at a port of it.
    pub(super) fn listens(&self, port: u16) -> Option<Listener> {
        if self.port == 0 || self.port != port {
            return None;
        }
        let web = self.says == NGINX;
        Some(match self.repository {
            _ if web => Listener::Answers("<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head>\n<body>\n<h1>Welcome to nginx!</h1>\n</body>\n</html>\n".into()),
            "docker.io/library/httpd" => Listener::Answers("<html><body><h1>It works!</h1></body></html>\n".into()),
            "registry.k8s.io/e2e-test-images/agnhost" => Listener::Answers("NOW\n".into()),
            _ => Listener::Opaque,
        })
    }
}

/// What a cluster's nodes can pull besides what anybody can.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    images: Mutex<BTreeSet<(String, String)>>,
    held: Mutex<Held>,
}

/// What the platform's own registry holds, as it was told last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Its names.
    pub(crate) hosts: BTreeSet<String>,
    /// By repository.
    pub(crate) repositories: BTreeMap<String, Kept>,
}

/// A repository of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Whether anybody may pull it.
    pub(crate) public: bool,
    /// Tags, and digests of manifests.
    pub(crate) names: BTreeSet<String>,
}

impl Registry {
    /// An image is there from now on.
    pub(crate) fn push(&self, image: &str) {
        let Reference { repository, tag } = Reference::of(image);
        self.images.lock().unwrap_or_else(PoisonError::into_inner).insert((repository, tag));
    }

    /// The platform's own registry holds this from now on.
    pub(crate) fn hold(&self, held: Held) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }

    /// Whether an image's name is one of the platform's own registry.
    pub(crate) fn is_own(&self, image: &str) -> bool {
        let reference = Reference::of(image);
        let host = reference.repository.split('/').next().unwrap_or_default();
        self.held.lock().unwrap_or_else(PoisonError::into_inner).hosts.contains(host)
    }

    /// Whether the platform's own registry hands it out: none where it does not have it, and else whether to anybody.
    fn own(&self, image: &str, wanted: &Reference) -> Option<bool> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (host, path) = wanted.repository.split_once('/')?;
        let kept = held.repositories.get(path).filter(|_| held.hosts.contains(host))?;
        let name = image.split_once('@').map_or(wanted.tag.as_str(), |(_, digest)| digest);
        kept.names.contains(name).then_some(kept.public)
    }

    /// Whether it can be pulled; else what the runtime says. `secrets` says whether there are any to log in with.
    pub(crate) fn pull(&self, image: &str, secrets: bool) -> Result<(), String> {
        let wanted = Reference::of(image);
        match self.own(image, &wanted) {
            Some(public) if public || secrets => return Ok(()),
            Some(_) => {
                let (whole, host) = (wanted.whole(), wanted.repository.split('/').next().unwrap_or_default());
                return Err(format!(
                    "rpc error: code = Unknown desc = failed to pull and unpack image \"{whole}\": failed to resolve reference \
                     \"{whole}\": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to \
                     https://{host}/service/token: 401 Unauthorized"
                ));
            }
            None => {}
        }
        let own = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tags =
            own.iter().filter(|(repository, _)| *repository == wanted.repository).map(|(_, tag)| tag.as_str());
        let public =
            PUBLIC.iter().find(|program| program.repository == wanted.repository).map(|program| program.newest);
        let latest = public.is_some()
            && matches!(wanted.tag.as_str(), "latest" | "stable" | "alpine" | "slim" | "musl" | "glibc" | "mainline");
        let there = latest
            || public.into_iter().any(|newest| is_earlier(&wanted.tag, newest))
            || tags.any(|tag| tag == wanted.tag || is_earlier(&wanted.tag, tag));
        if there {
            return Ok(());
        }
        let whole = wanted.whole();
        Err(format!(
            "rpc error: code = NotFound desc = failed to pull and unpack image \"{whole}\": failed to resolve reference \"{whole}\": \
             {whole}: not found"
        ))
    }
}

/// Whether a tag is a version, and no later than another in its first two numbers.
pub(crate) fn is_earlier(tag: &str, newest: &str) -> bool {
    let numbers = |tag: &str| -> Option<(u32, u32)> {
        let bare = tag.strip_prefix('v').unwrap_or(tag);
        let version = bare.split(['-', '_', '+']).next()?;
        let mut parts = version.split('.').map(str::parse::<u32>);
        let major = parts.next()?.ok()?;
        Some((major, parts.next().map_or(Ok(0), |minor| minor).ok()?))
    };
    match (numbers(tag), numbers(newest)) {
        (Some(tag), Some(newest)) => tag <= newest,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_completed_as_a_runtime_does() {
        let whole = |image: &str| Reference::of(image).whole();
        assert_eq!(whole("nginx"), "docker.io/library/nginx:latest");
        assert_eq!(whole("curlimages/curl:8.1"), "docker.io/curlimages/curl:8.1");
        assert_eq!(whole("localhost:5000/a"), "localhost:5000/a:latest");
        assert_eq!(whole("quay.io/a/b:v1@sha256:00"), "quay.io/a/b:v1");
    }

    #[test]
    fn what_no_registry_has_cannot_be_pulled() {
        let registry = Registry::default();
        for image in ["busybox", "busybox:1.36", "nginx:1.29.1-alpine", "nginx:alpine", "postgres:16"] {
            assert_eq!(registry.pull(image, false), Ok(()), "{image}");
        }
        for image in ["busybox:nope", "nginx:1.161", "nobody/nothing", "quay.io/cilium/cilium:v1.18.2"] {
            assert!(registry.pull(image, false).unwrap_err().ends_with(": not found"), "{image}");
        }
        registry.push("quay.io/cilium/cilium:v1.18.2");
        assert_eq!(registry.pull("quay.io/cilium/cilium:v1.17.9", false), Ok(()));
        assert!(registry.pull("quay.io/cilium/cilium:v1.19.0", false).is_err());
    }
    #[test]
    fn the_platforms_own_registry_has_what_was_pushed_and_no_more() {
        let registry = Registry::default();
        let app = "harbor.example/library/app";
        assert!(registry.pull(&format!("{app}:v2"), false).is_err());
        let names = BTreeSet::from(["v2".to_owned(), "sha256:ab".to_owned()]);
        let kept = |public| Kept { public, names: names.clone() };
        registry.hold(Held {
            hosts: BTreeSet::from(["harbor.example".to_owned()]),
            repositories: [("library/app".to_owned(), kept(true)), ("secret/app".to_owned(), kept(false))].into(),
        });
        assert_eq!(registry.pull(&format!("{app}:v2"), false), Ok(()));
        assert_eq!(registry.pull(&format!("{app}@sha256:ab"), false), Ok(()));
        for gone in ["library/app:v1", "library/app", "library/app@sha256:cd", "library/other:v2"] {
            assert!(
                registry.pull(&format!("harbor.example/{gone}"), false).unwrap_err().contains("not found"),
                "{gone}"
            );
        }
        assert!(registry.pull("elsewhere.example/library/app:v2", false).is_err());
        let secret = "harbor.example/secret/app:v2";
        assert!(registry.pull(secret, false).unwrap_err().ends_with("401 Unauthorized"));
        assert_eq!(registry.pull(secret, true), Ok(()));
        registry.hold(Held::default());
        assert!(registry.pull(&format!("{app}:v2"), false).is_err(), "deleted there");
    }
}
