//! What was configured of the playbooks' settings, and which of it is in force for one of them.
//!
//! Lowest first: default, `[settings]`, the cluster's, the profile's, the profile's for the cluster,
//! `PB_SET_NAME`, `--set`. Within each, `"t5.name"` stands above `name`, and a cluster above none.

use std::collections::BTreeSet;
use std::fmt;

use super::value::{Mismatch, Type, Value};
use crate::error::{Error, Kind, Place, Result, did_you_mean, nearest};

/// The prefix of the variables that set a setting.
pub const VARIABLE: &str = "PB_SET_";

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The playbook's own default.
    Default,
    /// `[settings]`, or a cluster's.
    File {
        /// The file's name: `pb.toml`.
        file: String,
        /// The cluster whose table it stands in.
        cluster: Option<String>,
    },
    /// The profile in force.
    Profile {
        /// Its name.
        name: String,
        /// The cluster whose table in it.
        cluster: Option<String>,
    },
    /// The variable's name: `PB_SET_ROUTER`.
    Environment(String),
    /// `--set`.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cluster = match self {
            Self::Default => return f.write_str("default"),
            Self::Flag => return f.write_str("--set"),
            Self::Environment(variable) => return f.write_str(variable),
            Self::File { file, cluster } => {
                f.write_str(file)?;
                cluster
            }
            Self::Profile { name, cluster } => {
                write!(f, "profile {name}")?;
                cluster
            }
        };
        cluster.as_ref().map_or(Ok(()), |cluster| write!(f, " (cluster {cluster})"))
    }
}

/// A configured value as it was found, before a playbook says what type it should have.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// From a file.
    Toml(toml::Value),
    /// From the command line or the environment.
    Text(String),
}

/// One configured value.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The playbook it is meant for alone.
    pub playbook: Option<String>,
    /// The setting; of a variable, what follows `PB_SET_`.
    pub name: String,
    /// The cluster it is meant for alone.
    pub cluster: Option<String>,
    /// The value.
    pub raw: Raw,
    /// Where it comes from.
    pub origin: Origin,
    /// How messages call its place: `[settings]`, `--set router=x`, `PB_SET_ROUTER`.
    pub table: String,
    /// Its line in the file.
    pub place: Option<Place>,
}

impl Row {
    /// Whether it speaks of this setting of this playbook.
    fn names(&self, playbook: &str, name: &str) -> bool {
        match self.origin {
            Origin::Environment(_) => self.name == variable_suffix(name),
            _ => self.name == name && self.playbook.as_deref().is_none_or(|p| p == playbook),
        }
    }

    fn rank(&self) -> (u8, bool, bool) {
        let layer = match self.origin {
            Origin::Default => 0,
            Origin::File { .. } => 1,
            Origin::Profile { .. } => 2,
            Origin::Environment(_) => 3,
            Origin::Flag => 4,
        };
        (layer, self.cluster.is_some(), self.playbook.is_some())
    }

    fn read(&self, playbook: &str, name: &str, kind: &Type) -> Result<Value> {
        let value = match &self.raw {
            Raw::Toml(value) => Value::from_toml(value, kind),
            Raw::Text(text) => Value::from_text(text, kind),
        };
        value.map_err(|Mismatch { expected, there }| {
            let message = format!("the setting {name} of {playbook} takes {expected}; {} has {there}", self.table);
            self.placed(Error::new(Kind::Config, message))
        })
    }

    fn placed(&self, error: Error) -> Error {
        match &self.place {
            Some(place) => error.at(place.clone()),
            None => error,
        }
    }
}

/// A setting as a playbook declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// The playbook's id.
    pub playbook: String,
    /// The setting's name.
    pub name: String,
    /// Its default, which gives the type; none where that can't be told, of a playbook that is broken.
    pub default: Option<Value>,
}

/// The value in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The value.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// Everything that was configured of settings, of the profile in force and of no other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// In the order in which they were found.
    pub rows: Vec<Row>,
}

impl Settings {
    /// The value in force for a setting, on a cluster or (for steps on `all` and `none`) on none.
    ///
    /// # Errors
    /// [`Kind::Config`] where the value in force has another type than the default.
    pub fn resolve(&self, playbook: &str, name: &str, cluster: Option<&str>, default: &Value) -> Result<Resolved> {
        let applies = |row: &&Row| {
            row.names(playbook, name) && row.cluster.as_deref().is_none_or(|wanted| Some(wanted) == cluster)
        };
        // Of equal ones the last wins, as with a flag that is given twice.
        match self.rows.iter().filter(applies).max_by_key(|row| row.rank()) {
            None => Ok(Resolved { value: default.clone(), origin: Origin::Default }),
            Some(row) => {
                let value = row.read(playbook, name, &default.kind())?;
                Ok(Resolved { value, origin: row.origin.clone() })
            }
        }
    }

    /// What is wrong with the configured settings, given all that any playbook declares: those that
    /// none declares, and those of a wrong type, whether they are in force or not.
    pub fn check(&self, declared: &[Declared]) -> Vec<Error> {
        let mut problems = Vec::new();
        for row in &self.rows {
            let mut kinds: Vec<Type> = Vec::new();
            let meant: Vec<&Declared> = declared.iter().filter(|d| row.names(&d.playbook, &d.name)).collect();
            if meant.is_empty() {
                problems.push(undeclared(row, declared));
            }
            for one in meant {
                let Some(kind) = one.default.as_ref().map(Value::kind) else { continue };
                if !kinds.contains(&kind) {
                    problems.extend(row.read(&one.playbook, &one.name, &kind).err());
                    kinds.push(kind);
                }
            }
        }
        problems
    }
}

fn undeclared(row: &Row, declared: &[Declared]) -> Error {
    let names: BTreeSet<&str> = declared.iter().map(|d| d.name.as_str()).collect();
    let playbooks: BTreeSet<&str> = declared.iter().map(|d| d.playbook.as_str()).collect();
    let (what, hint) = match (&row.playbook, &row.origin) {
        (_, Origin::Environment(variable)) => {
            let variables: Vec<String> =
                names.iter().map(|name| format!("{VARIABLE}{}", variable_suffix(name))).collect();
            let hint = did_you_mean(variable, variables.iter().map(String::as_str));
            (format!("{variable}: no playbook declares such a setting"), hint)
        }
        (Some(playbook), _) if !playbooks.contains(playbook.as_str()) => {
            let hint = did_you_mean(playbook, playbooks.iter().copied());
            (format!("{}: no playbook {playbook} declares settings, so not {}", row.table, row.name), hint)
        }
        (Some(playbook), _) => {
            let own = declared.iter().filter(|d| d.playbook == *playbook).map(|d| d.name.as_str());
            let others = || {
                let owner = declared.iter().find(|d| d.name == row.name)?;
                Some(format!("{} declares it: \"{}.{}\"", owner.playbook, owner.playbook, row.name))
            };
            let hint = did_you_mean(&row.name, own).or_else(others);
            (format!("{}: {playbook} declares no setting {}", row.table, row.name), hint)
        }
        (None, _) => {
            let inner = match &row.raw {
                Raw::Toml(toml::Value::Table(table)) if playbooks.contains(row.name.as_str()) => table.keys().next(),
                _ => None,
            };
            let hint = match inner {
                Some(inner) => Some(format!("a playbook's own setting is written in quotes: \"{}.{inner}\"", row.name)),
                None => nearest(&row.name, names.iter().copied()).map(|name| {
                    let owners: Vec<&str> =
                        declared.iter().filter(|d| d.name == name).map(|d| d.playbook.as_str()).collect();
                    format!("did you mean \"{name}\" (of {})?", owners.join(", "))
                }),
            };
            (format!("{}: no playbook declares a setting {}", row.table, row.name), hint)
        }
    };
    row.placed(Error::new(Kind::Config, what)).maybe_hint(hint)
}

/// What follows `PB_SET_` in the variable of a setting: capitals, everything but letters and digits as `_`.
pub fn variable_suffix(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// Splits `t5.router` into playbook and name. None where it is neither a name nor that.
pub fn split_key(key: &str) -> Option<(Option<&str>, &str)> {
    let fine =
        |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    match key.split_once('.') {
        Some((playbook, name)) => {
            Some((Some(playbook).filter(fine)?, Some(name).filter(fine)?)).map(|(p, n)| (Some(p), n))
        }
        None => Some((None, Some(key).filter(fine)?)),
    }
}

/// Reads the argument of `--set`: `[CLUSTER:][PLAYBOOK.]NAME=VALUE`.
///
/// # Errors
/// [`Kind::Usage`] where it has another form, or names a cluster that is not configured.
pub fn from_flag<'a>(argument: &str, clusters: impl Iterator<Item = &'a str> + Clone) -> Result<Row> {
    let form = || {
        Error::new(Kind::Usage, format!("--set {argument}: expected [CLUSTER:][PLAYBOOK.]NAME=VALUE"))
            .hint("for example --set router=edge-1, --set infra:t5.bgp_asn=64512")
    };
    let (key, value) = argument.split_once('=').ok_or_else(form)?;
    let (cluster, key) = match key.split_once(':') {
        Some((cluster, key)) => (Some(cluster.trim()), key),
        None => (None, key),
    };
    let (playbook, name) = split_key(key.trim()).ok_or_else(form)?;
    if let Some(cluster) = cluster
        && !clusters.clone().any(|known| known == cluster)
    {
        let known: Vec<&str> = clusters.collect();
        let message = format!("--set {argument}: no cluster \"{cluster}\" (there are: {})", known.join(", "));
        return Err(Error::new(Kind::Usage, message).maybe_hint(did_you_mean(cluster, known)));
    }
    Ok(Row {
        playbook: playbook.map(Into::into),
        name: name.into(),
        cluster: cluster.map(Into::into),
        raw: Raw::Text(value.into()),
        origin: Origin::Flag,
        table: format!("--set {argument}"),
        place: None,
    })
}

/// The row of an environment variable, where it is one of `PB_SET_…`.
pub fn from_variable(variable: &str, value: &str) -> Option<Row> {
    let suffix = variable.strip_prefix(VARIABLE).filter(|suffix| !suffix.is_empty())?;
    Some(Row {
        playbook: None,
        name: suffix.into(),
        cluster: None,
        raw: Raw::Text(value.into()),
        origin: Origin::Environment(variable.into()),
        table: variable.into(),
        place: None,
    })
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
