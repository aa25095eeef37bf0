//! A repository that was judged, as plain data: a record can answer the call again.

use rhai::{Dynamic, Map};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{Error, Kind, did_you_mean};
use crate::gitops::{self, RULES};
use crate::host::object::List;
use crate::host::values::to_dynamic;
use crate::host::{HostResult, Options};

/// The options of `findings`.
pub(super) const FINDINGS: &[&str] = &["cluster", "group", "rule", "severity"];

/// What is kept of a repository: plain data, so that a record can answer the call again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Repository {
    path: String,
    files: Vec<String>,
    kustomizations: Vec<Kustomization>,
    findings: Vec<Finding>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kustomization {
    cluster: String,
    name: String,
    namespace: String,
    path: String,
    file: String,
    line: u32,
    built: bool,
    depends_on: Vec<String>,
    health_checks: Vec<String>,
    variables: Vec<String>,
    objects: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Finding {
    rule: String,
    group: String,
    severity: String,
    file: String,
    line: u32,
    object: String,
    message: String,
    clusters: Vec<String>,
    chain: Vec<String>,
    waived: Option<String>,
    text: String,
}

impl Repository {
    /// What is kept of a repository that was loaded from a folder.
    pub(super) fn of(path: &str, loaded: &gitops::Repository) -> Self {
        let kustomizations = loaded.clusters.iter().flat_map(|cluster| {
            cluster.units.iter().map(|unit| Kustomization {
                cluster: cluster.name.clone(),
                name: unit.name.clone(),
                namespace: unit.namespace.clone(),
                path: unit.path.clone(),
                file: unit.object.as_ref().map(|o| loaded.files.name(o.at().file).to_owned()).unwrap_or_default(),
                line: unit.at().line,
                built: unit.built,
                depends_on: texts(unit.spec("dependsOn"), |one| one.text_at("name").to_owned()),
                health_checks: texts(unit.spec("healthChecks"), |one| {
                    format!("{} {}/{}", one.text_at("kind"), one.text_at("namespace"), one.text_at("name"))
                }),
                variables: unit.variables.values.keys().cloned().collect(),
                objects: unit.objects.iter().map(gitops::object::Object::words).collect(),
            })
        });
        let findings = loaded.findings.iter().map(|(one, waived)| {
            let rule = RULES.iter().find(|rule| rule.id == one.rule);
            let file = loaded.files.name(one.at.file).to_owned();
            Finding {
                rule: one.rule.into(),
                group: rule.map_or("", |rule| rule.group).into(),
                severity: rule.map_or("", |rule| rule.severity).into(),
                line: one.at.line,
                object: one.object.clone(),
                text: format!("{file}:{}: {} ({})", one.at.line, one.message, one.rule),
                file,
                message: one.message.clone(),
                clusters: one.clusters.clone(),
                chain: one.chain.clone(),
                waived: waived.clone(),
            }
        });
        Self {
            path: path.into(),
            files: loaded.files.names().to_vec(),
            kustomizations: kustomizations.collect(),
            findings: findings.collect(),
        }
    }

    /// It in a few numbers.
    pub(super) fn words(&self) -> String {
        let (waived, found): (Vec<_>, Vec<_>) = self.findings.iter().partition(|one| one.waived.is_some());
        let (files, units) = (self.files.len(), self.kustomizations.len());
        format!("{files} files, {units} Kustomizations, {} findings, {} waived", found.len(), waived.len())
    }

    pub(super) fn findings(&self, options: Map, waived: bool) -> HostResult<List> {
        let options = Options::new(options, "findings", FINDINGS)?;
        let [cluster, group, rule, severity] = [
            options.string("cluster")?,
            options.string("group")?,
            options.string("rule")?,
            options.string("severity")?,
        ];
        let known = |name: &str, given: &Option<String>, known: &[&str]| match given {
            Some(given) if !known.contains(&given.as_str()) => Err(Error::new(
                Kind::Script,
                format!("findings: there is no {name} \"{given}\"; there is {}", known.join(", ")),
            )
            .maybe_hint(did_you_mean(given, known.iter().copied()))),
            _ => Ok(()),
        };
        let mut clusters: Vec<&str> = self.kustomizations.iter().map(|one| one.cluster.as_str()).collect();
        clusters.dedup();
        known("cluster", &cluster, &clusters)?;
        known("rule", &rule, &RULES.iter().map(|rule| rule.id).collect::<Vec<_>>())?;
        known("severity", &severity, &["error", "warning"])?;
        let mut groups: Vec<&str> = RULES.iter().map(|rule| rule.group).collect();
        groups.dedup();
        known("group", &group, &groups)?;
        let same = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
        let fits = |one: &&Finding| {
            one.waived.is_some() == waived
                && same(&group, &one.group)
                && same(&rule, &one.rule)
                && same(&severity, &one.severity)
                && cluster.as_ref().is_none_or(|cluster| one.clusters.contains(cluster))
        };
        let rows = self.findings.iter().filter(fits).map(|one| {
            let mut value = json!(one);
            if let Some(map) = value.as_object_mut().filter(|_| !waived) {
                map.remove("waived");
            }
            to_dynamic(&value)
        });
        // That nothing was found says something where something was built.
        let looked = self.files.len() + self.kustomizations.iter().map(|one| one.objects.len()).sum::<usize>();
        Ok(List::of_population(rows.collect(), looked, "findings"))
    }

    pub(super) fn kustomizations(&self, cluster: Option<&str>) -> HostResult<List> {
        let of = |one: &&Kustomization| cluster.is_none_or(|cluster| one.cluster == cluster);
        let rows = self.kustomizations.iter().filter(of).map(|one| to_dynamic(&json!(one))).collect();
        Ok(List::of_population(rows, self.kustomizations.len(), "Kustomizations"))
    }

    /// The names of the files that were read.
    pub(super) fn files(&self) -> Vec<Dynamic> {
        self.files.iter().map(|name| name.clone().into()).collect()
    }

    pub(super) fn summary(&self) -> HostResult<Map> {
        let mut clusters: Vec<&str> = self.kustomizations.iter().map(|one| one.cluster.as_str()).collect();
        clusters.dedup();
        let waived = self.findings.iter().filter(|one| one.waived.is_some()).count();
        let numbers = [
            ("clusters", clusters.len()),
            ("kustomizations", self.kustomizations.len()),
            ("objects", self.kustomizations.iter().map(|one| one.objects.len()).sum()),
            ("files", self.files.len()),
            ("findings", self.findings.len() - waived),
            ("waived", waived),
        ];
        let number = |n: usize| Dynamic::from(i64::try_from(n).unwrap_or(i64::MAX));
        Ok(numbers.into_iter().map(|(name, n)| (name.into(), number(n))).collect())
    }
}

fn texts(list: Option<&gitops::yaml::Node>, text: impl Fn(&gitops::yaml::Node) -> String) -> Vec<String> {
    list.map_or(&[][..], gitops::yaml::Node::items).iter().map(text).collect()
}
