//! The programs of pods that speak HTTP: a row each, by the image that they are in.

use serde_json::Value;

use super::{
    Asked, Reply, Site, alertmanager, etcd, faults, gitlab, grafana, harbor, hubble, keycloak, metrics, minio, oci,
    onepassword, schema_registry, victoria, vlogs, web,
};
use crate::lab::world::World;

/// A program.
pub(crate) struct Program {
    /// Its name.
    pub(crate) name: &'static str,
    /// What faults know it by.
    pub(super) fault: &'static str,
    /// The last part of its image's name, or the label `app.kubernetes.io/name` or `app` of its pods.
    images: &'static [&'static str],
    /// Where it listens. Without any, wherever its container says.
    ports: &'static [u16],
    /// Whether it speaks TLS itself.
    pub(crate) tls: bool,
    pub(super) answer: fn(&Site<'_>, &Asked) -> Reply,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Program {
    const fn new(
        name: &'static str,
        images: &'static [&'static str],
        ports: &'static [u16],
        answer: fn(&Site<'_>, &Asked) -> Reply,
    ) -> Self {
        Self { name, fault: name, images, ports, tls: false, answer }
    }

    const fn known_as(self, fault: &'static str) -> Self {
        Self { fault, ..self }
    }

    const fn with_tls(self) -> Self {
        Self { tls: true, ..self }
    }

    /// Whether a cause has ended it.
    pub(super) fn down(&self, world: &World) -> bool {
        faults::down(world, self.fault)
    }
}

/// busybox' `httpd`, and others that are told by their command and not by their image.
static HTTPD: Program = Program::new("httpd", &[], &[], web::httpd);

/// All of them. Of two that fit, the first counts.
static ALL: [Program; 34] = [
    Program::new("vmselect", &["vmselect"], &[8481], victoria::vmselect),
    Program::new("vminsert", &["vminsert"], &[8480], victoria::vminsert),
    Program::new("vmstorage", &["vmstorage"], &[8482], victoria::vmstorage),
    Program::new("vmsingle", &["victoria-metrics", "vmsingle"], &[8428, 8429], victoria::vmsingle),
    Program::new("vmauth", &["vmauth"], &[8427], victoria::vmauth),
    Program::new("vmagent", &["vmagent"], &[8429], victoria::vmagent),
    Program::new("vmalert", &["vmalert"], &[8080, 8880], victoria::vmalert),
    Program::new(
        "vlogs",
        &["victoria-logs", "victorialogs", "vlselect", "vlinsert", "vlstorage"],
        &[9428, 9471, 9481, 9491],
        vlogs::answer,
    ),
    Program::new("alertmanager", &["alertmanager", "vmalertmanager"], &[9093], alertmanager::answer),
    Program::new("grafana", &["grafana"], &[3000], grafana::answer),
    Program::new("schema-registry", &["cp-schema-registry", "schema-registry"], &[8081], schema_registry::answer),
    Program::new("harbor-registry", &["registry-photon", "harbor-registry"], &[5000], oci::answer).known_as("harbor"),
    Program::new("harbor-core", &["harbor-core"], &[8080, 80], harbor::answer).known_as("harbor"),
    Program::new("harbor-nginx", &["nginx-photon", "harbor-nginx"], &[8080, 80], harbor::answer).known_as("harbor"),
    Program::new("harbor-portal", &["harbor-portal"], &[8080, 80], harbor::portal).known_as("harbor"),
    Program::new(
        "gitlab",
        &[
            "gitlab-webservice-ee",
            "gitlab-webservice-ce",
            "gitlab-workhorse-ee",
            "gitlab-workhorse-ce",
            "gitlab-webservice",
            "gitlab-webservice-default",
        ],
        &[8080, 8181],
        gitlab::answer,
    ),
    Program::new("gitlab-all", &["gitlab-ce", "gitlab-ee"], &[80], gitlab::answer).known_as("gitlab"),
    Program::new("keycloak", &["keycloak"], &[8080, 9000], keycloak::answer),
    Program::new("onepassword", &["connect-api", "onepassword-connect"], &[8080], onepassword::of_pod),
    Program::new("minio", &["minio"], &[9000], minio::answer),
    Program::new("hubble-ui", &["hubble-ui"], &[8081], hubble::ui),
    Program::new("clustermesh-apiserver", &["clustermesh-apiserver"], &[2379], etcd::answer).with_tls(),
    Program::new("spegel", &["spegel"], &[5000, 9090, 30020], metrics::spegel),
    Program::new("coredns", &["coredns"], &[8080, 8181, 9153], metrics::coredns),
    Program::new("cilium", &["cilium"], &[9962, 9965, 4240], metrics::plain),
    Program::new("flux", &["source-controller"], &[8080, 9090, 9440], metrics::plain),
    Program::new(
        "flux-controller",
        &["kustomize-controller", "helm-controller", "notification-controller"],
        &[8080, 9090, 9440],
        metrics::plain,
    ),
    Program::new("kube-state-metrics", &["kube-state-metrics"], &[8080, 8081], metrics::plain),
    Program::new("node-exporter", &["node-exporter"], &[9100], metrics::plain),
    Program::new("cert-manager", &["cert-manager-controller"], &[9402, 9403], metrics::plain),
    Program::new("nginx", &["nginx", "nginx-unprivileged"], &[80, 8080], web::nginx),
    Program::new("apache", &["httpd"], &[80], web::apache),
    Program::new(
        "echo",
        &["echo", "echo-server", "http-echo", "echoserver", "whoami", "podinfo", "http-https-echo"],
        &[80, 8080, 5678, 9898, 3000],
        web::echo,
    ),
    Program::new("agnhost", &["agnhost"], &[80, 8080, 9376], web::echo),
];

/// What listens at a port of a pod.
pub(crate) fn of_pod(pod: &Value, port: u16) -> Option<&'static Program> {
    if crate::lab::pods::serve::httpd(pod, port).is_some() {
        return Some(&HTTPD);
    }
    let containers = pod["spec"]["containers"].as_array()?;
    let labels = &pod["metadata"]["labels"];
    let found = containers.iter().find_map(|container| {
        let image = bare(container["image"].as_str().unwrap_or_default());
        let ports = container["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
        let says = ports.iter().any(|one| one["containerPort"] == port);
        ALL.iter().find(|program| program.images.contains(&image) && (says || program.ports.contains(&port)))
    });
    found.or_else(|| {
        let named = ["app.kubernetes.io/name", "app"].map(|key| labels[key].as_str().unwrap_or_default());
        ALL.iter()
            .find(|program| program.ports.contains(&port) && program.images.iter().any(|image| named.contains(image)))
    })
}

/// The program that a pod is there for, whatever the port.
pub(crate) fn name_of(pod: &Value) -> Option<&'static str> {
    let containers = pod["spec"]["containers"].as_array()?;
    let image = |container: &Value| bare(container["image"].as_str().unwrap_or_default()).to_string();
    containers.iter().find_map(|container| {
        let image = image(container);
        ALL.iter().find(|program| program.images.contains(&image.as_str())).map(|program| program.name)
    })
}

/// The program that is in an image.
pub(super) fn of_image(image: &str) -> Option<&'static str> {
    let image = bare(image);
    ALL.iter().find(|program| program.images.contains(&image)).map(|program| program.name)
}

/// `nginx` of `docker.io/library/nginx:1.27@sha256:…`
pub(crate) fn bare(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or_default();
    last.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn program(image: &str, port: u16) -> Option<&'static str> {
        let pod = json!({ "spec": { "containers": [{ "image": image }] } });
        of_pod(&pod, port).map(|program| program.name)
    }

    #[test]
    fn an_image_tells_the_program() {
        assert_eq!(program("docker.io/victoriametrics/vmselect:v1.125.0-cluster", 8481), Some("vmselect"));
        assert_eq!(program("nginx", 80), Some("nginx"));
        assert_eq!(program("nginx@sha256:ab", 443), None, "it does not listen there");
        assert_eq!(program("postgres:16", 5432), None);
        let pod = json!({ "spec": { "containers": [{ "image": "busybox", "command": ["httpd", "-p", "8080"] }] } });
        assert_eq!(of_pod(&pod, 8080).map(|program| program.name), Some("httpd"));
    }
}
