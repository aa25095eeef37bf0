//! `gitops::` — a Flux repository, judged without a cluster and without tools.

mod model;

use rhai::{Map, NativeCallContext};
use serde_json::json;

use super::object::List;
use super::values::to_dynamic;
use super::{Call, Context, HostResult, Module, Needs, Options, Registrar, paths};
use crate::client::sh::quoted;
use crate::error::{Error, Kind};
use crate::event::Effect;
use crate::gitops::{self, RULES};
use model::Repository;

/// The options of `gitops::load`.
const OPTIONS: &[&str] = &["clusters", "sources", "talos", "kubernetes", "waive"];
pub(crate) const MODULE: Module = Module {
    name: "gitops",
    about: "a Flux repository, judged without a cluster and without tools",
    needs: Needs::Nothing,
    register,
};

fn register(m: &mut Registrar) {
    m.raw().set_custom_type::<Repository>("repository");
    m.path("load")
        .sig("(path: string, options?: map) -> repository")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc(
            "Reads the Flux repository in a folder, and judges it: from the entry point of each cluster on, every Flux \
             Kustomization, what kustomize would build of its path, what Flux would substitute, and what the rules \
             (`gitops::rules`) say of that. A relative path counts from the playbook's folder. What no entry point reaches is \
             not read; where something comes from outside of the repository, the rules say nothing.\n\nOptions: `clusters` (a \
             map from names to folders of the entry points; default: each folder of `kubernetes/clusters`), `sources` (names of \
             Flux sources that hold this repository, besides `flux-system`), `talos` (folders with Talos configurations, \
             `[\"talos\", \"kubernetes/talos\"]`), `kubernetes` (the version that runs, `\"1.34\"`), `waive` (a map from \
             rules, or `\"rule path/of/file\"`, or `\"rule Kind namespace/name\"`, to the reason why it does not \
             count).\n\nThrows `io` where there is no such folder, and `not_found` where it has no such entry point.",
        )
        .example(
            "let dir = \"/tmp/pb-example-gitops\";\n\
             file::write(`${dir}/kubernetes/clusters/infra/apps.yaml`, \"apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\n\", #{ overwrite: true });\n\
             gitops::load(dir, #{ clusters: #{ infra: \"kubernetes/clusters/infra\" } }).findings().is_empty()",
        )
        .add(|at: NativeCallContext, path: &str| load(&at, path, Map::new()))
        .add(|at: NativeCallContext, path: &str, options: Map| load(&at, path, options));
    m.path("rules")
        .sig("() -> list")
        .doc("Every rule: `#{ id, group, severity, about }`. The groups are `build`, `flux`, `versions`, `substitution` and `values`; a `warning` is applied, and not as it is meant.")
        .example(r#"gitops::rules().any(|rule| rule.id == "cron-invalid" && rule.group == "values")"#)
        .add(|| -> HostResult<List> {
            let row = |rule: &gitops::Rule| {
                to_dynamic(&json!({ "id": rule.id, "group": rule.group, "severity": rule.severity, "about": rule.about }))
            };
            Ok(List::new(RULES.iter().map(row).collect(), "rules"))
        });
    m.method("repository", "findings")
        .sig("(options?: map) -> list")
        .options(model::FINDINGS)
        .doc("What is wrong, without what was waived, in the order of files and lines: `#{ rule, group, severity, file, line, object, message, clusters, chain, text }`. `object` is `Kind namespace/name`, or empty; `chain` leads from the entry point there; `text` is the finding in one line. Options keep those of one `cluster`, `group`, `rule` or `severity`. An empty list is an answer, where Kustomizations or objects were looked at.")
        .example("let dir = \"/tmp/pb-example-gitops-2\";\n\
             file::write(`${dir}/kubernetes/clusters/infra/apps.yaml`, \"kind: ConfigMap\", #{ overwrite: true });\n\
             let found = gitops::load(dir).findings(#{ group: \"build\" });\n\
             found[0].rule == \"not-an-object\" && found[0].file.ends_with(\"apps.yaml\") && found[0].line == 1")
        .add(|repository: &mut Repository| repository.findings(Map::new(), false))
        .add(|repository: &mut Repository, options: Map| repository.findings(options, false));
    m.method("repository", "waived")
        .sig("() -> list")
        .doc("What would be wrong, and was waived: as `findings()` gives it, with the reason in `waived`.")
        .example(
            "let dir = \"/tmp/pb-example-gitops-3\";\n\
             file::write(`${dir}/kubernetes/clusters/infra/apps.yaml`, \"kind: ConfigMap\", #{ overwrite: true });\n\
             let waive = #{}; waive[\"not-an-object\"] = \"on purpose\";\n\
             gitops::load(dir, #{ waive: waive }).waived()[0].waived == \"on purpose\"",
        )
        .add(|repository: &mut Repository| repository.findings(Map::new(), true));
    m.method("repository", "kustomizations")
        .sig("(cluster?: string) -> list")
        .doc("The Flux Kustomizations that an entry point reaches, the entry point's own folder first: `#{ cluster, name, namespace, path, file, line, built, depends_on, health_checks, variables, objects }`. `built` is false where the path is in another repository, or missing; `health_checks` and `objects` are `Kind namespace/name`; `variables` are the names that are known.")
        .example("let dir = \"/tmp/pb-example-gitops-4\";\n\
             file::write(`${dir}/kubernetes/clusters/infra/a.yaml`, \"apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\n\", #{ overwrite: true });\n\
             gitops::load(dir).kustomizations(\"infra\")[0].objects == [\"ConfigMap a\"]")
        .add(|repository: &mut Repository| repository.kustomizations(None))
        .add(|repository: &mut Repository, cluster: &str| repository.kustomizations(Some(cluster)));
    m.method("repository", "files")
        .sig("() -> list")
        .doc("The files that were read, as paths from the repository's root.")
        .example("let dir = \"/tmp/pb-example-gitops-5\";\n\
             file::write(`${dir}/kubernetes/clusters/infra/a.yaml`, \"apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\n\", #{ overwrite: true });\n\
             gitops::load(dir).files().contains(\"kubernetes/clusters/infra/a.yaml\")")
        .add(|repository: &mut Repository| -> HostResult<List> {
            Ok(List::new(repository.files(), "files"))
        });
    m.method("repository", "summary")
        .sig("() -> map")
        .doc("Numbers: `clusters`, `kustomizations`, `objects`, `files`, `findings`, `waived`.")
        .example("let dir = \"/tmp/pb-example-gitops-6\";\n\
             file::write(`${dir}/kubernetes/clusters/infra/a.yaml`, \"apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\n\", #{ overwrite: true });\n\
             gitops::load(dir).summary().objects == 1")
        .add(|repository: &mut Repository| repository.summary());
    let text = |repository: &mut Repository| -> HostResult<String> { Ok(repository.words()) };
    let _ = m.raw().set_native_fn("to_string", text);
    let _ = m.raw().set_native_fn("to_debug", text);
}

fn load(at: &NativeCallContext, path: &str, options: Map) -> HostResult<Repository> {
    let cx = Context::current()?;
    let shown = super::values::from_dynamic(&options.clone().into());
    let options = read(options)?;
    let root = paths::resolve(&cx, at, path);
    // The nearest that a person can type.
    let line = format!("flux build kustomization … --path {}/kubernetes/clusters/…", quoted(&root.to_string_lossy()));
    let call = Call::new("gitops::load", line).args(json!({ "path": root, "options": shown }));
    Ok(cx.call_with(at, call, Repository::words, async {
        let run = move || gitops::load(&root, &options).map(|loaded| Repository::of(&root.to_string_lossy(), &loaded));
        tokio::task::spawn_blocking(run)
            .await
            .map_err(|e| Error::new(Kind::Io, "the repository was not read").caused_by(&e))?
    })?)
}

fn read(map: Map) -> Result<gitops::Options, Error> {
    let given = Options::new(map, "gitops::load", OPTIONS)?;
    let usual = gitops::Options::default();
    Ok(gitops::Options {
        entries: given.texts("clusters")?.unwrap_or_default(),
        waive: given.texts("waive")?.unwrap_or_default(),
        sources: given.strings("sources")?.unwrap_or_default(),
        talos: given.strings("talos")?.unwrap_or(usual.talos),
        kubernetes: given.string("kubernetes")?.unwrap_or(usual.kubernetes),
    })
}
