//! Flux' kinds, as its command line calls them.

/// A kind.
#[derive(Debug)]
pub(super) struct Kind {
    /// What `flux` prints.
    pub(super) kind: &'static str,
    pub(super) resource: &'static str,
    /// The version that `flux check` names.
    pub(super) version: &'static str,
    names: &'static [&'static str],
    /// `Kustomization`
    object: &'static str,
    pub(super) source: bool,
}

/// All of them, in the order in which `flux get all` has them.
pub(super) static ALL: [Kind; 6] = [
    Kind {
        kind: "GitRepository source",
        resource: "gitrepositories.source.toolkit.fluxcd.io",
        version: "v1",
        names: &["git"],
        object: "GitRepository",
        source: true,
    },
    Kind {
        kind: "OCIRepository source",
        resource: "ocirepositories.source.toolkit.fluxcd.io",
        version: "v1",
        names: &["oci"],
        object: "OCIRepository",
        source: true,
    },
    Kind {
        kind: "HelmRepository source",
        resource: "helmrepositories.source.toolkit.fluxcd.io",
        version: "v1",
        names: &["helm"],
        object: "HelmRepository",
        source: true,
    },
    Kind {
        kind: "HelmChart source",
        resource: "helmcharts.source.toolkit.fluxcd.io",
        version: "v1",
        names: &["chart"],
        object: "HelmChart",
        source: true,
    },
    Kind {
        kind: "Kustomization",
        resource: "kustomizations.kustomize.toolkit.fluxcd.io",
        version: "v1",
        names: &["kustomizations", "kustomization", "ks"],
        object: "Kustomization",
        source: false,
    },
    Kind {
        kind: "HelmRelease",
        resource: "helmreleases.helm.toolkit.fluxcd.io",
        version: "v2",
        names: &["helmreleases", "helmrelease", "hr"],
        object: "HelmRelease",
        source: false,
    },
];

impl Kind {
    /// What stands before names in `flux get all`.
    pub(super) fn prefix(&self) -> String {
        self.object.to_lowercase()
    }

    /// Whether its objects apply something.
    pub(super) fn applies(&self) -> bool {
        self.object == "Kustomization"
    }
}

/// By the word after a command.
pub(super) fn named(word: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| !kind.source && kind.names.contains(&word)).or_else(|| of_kind(word))
}

/// By the word after `source`.
pub(super) fn source(word: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| kind.source && kind.names.contains(&word))
}

/// By the kind of an object.
pub(super) fn of_kind(word: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| kind.object.eq_ignore_ascii_case(word))
}
