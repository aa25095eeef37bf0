//! Schedules: the number of their fields, and what is in them.

use super::{View, id};
use crate::gitops::finding::Findings;

/// Where schedules are: group, kind, path, number of fields.
const SCHEDULES: &[(&str, &str, &str, usize)] = &[
    ("batch", "CronJob", "spec.schedule", 5),
    // CNPG reads seconds first: five fields are refused (its ScheduledBackup API).
    ("postgresql.cnpg.io", "ScheduledBackup", "spec.schedule", 6),
    ("volsync.backube", "ReplicationSource", "spec.trigger.schedule", 5),
    ("volsync.backube", "ReplicationDestination", "spec.trigger.schedule", 5),
    ("velero.io", "Schedule", "spec.schedule", 5),
];

/// The fields: name, least, most, names.
const FIELDS: [(&str, u32, u32, &[&str]); 6] = [
    ("second", 0, 59, &[]),
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of the month", 1, 31, &[]),
    ("month", 1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    ("day of the week", 0, 7, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

pub(super) fn judge(view: &View<'_>, findings: &mut Findings) {
    for (_, object) in view.cluster.objects() {
        for (group, kind, path, count) in SCHEDULES {
            if !object.is(group, kind) {
                continue;
            }
            let Some(node) = object.node.at_path(path).filter(|node| !node.is_unknown()) else { continue };
            let text = node.as_text().unwrap_or_default();
            if let Err(why) = wrong(text, *count) {
                let words = object.words();
                let message = format!("the schedule \"{text}\" of {words} {why}");
                findings.add(id::CRON, node.at, &words, message, &object.chain);
            }
        }
    }
}

fn wrong(text: &str, count: usize) -> Result<(), String> {
    if text.starts_with('@') {
        let known = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
        let fits = known.contains(&text) || text.starts_with("@every ");
        return fits.then_some(()).ok_or_else(|| format!("is none of {}", known.join(", ")));
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != count {
        let first = if count == 6 { ", seconds first" } else { "" };
        return Err(format!("has {} fields, and {count} are read{first}", fields.len()));
    }
    fields.iter().zip(&FIELDS[6 - count..]).try_for_each(|(field, (name, least, most, names))| {
        let value = |one: &str| {
            let named =
                names.iter().position(|known| one.eq_ignore_ascii_case(known)).and_then(|n| u32::try_from(n).ok());
            named.map(|n| n + least).or_else(|| one.parse().ok()).filter(|n| (*least..=*most).contains(n))
        };
        let fits = field.split(',').all(|one| {
            let (range, step) = one.split_once('/').map_or((one, None), |(range, step)| (range, Some(step)));
            let stepped = step.is_none_or(|step| step.parse::<u32>().is_ok_and(|step| step > 0));
            let ranged = matches!(range, "*" | "?")
                || match range.split_once('-') {
                    Some((from, to)) => value(from).zip(value(to)).is_some_and(|(from, to)| from <= to),
                    None => value(range).is_some(),
                };
            stepped && ranged
        });
        fits.then_some(()).ok_or_else(|| format!("has \"{field}\" for the {name}, which goes from {least} to {most}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules() {
        for text in ["0 3 * * *", "*/5 0-6,22 1 JAN-MAR mon", "@daily", "@every 1h", "0 0 ? * 7"] {
            assert_eq!(wrong(text, 5), Ok(()), "{text}");
        }
        assert_eq!(wrong("0 0 3 * * *", 6), Ok(()));
        assert!(wrong("0 3 * * *", 6).unwrap_err().contains("has 5 fields, and 6"));
        assert!(wrong("0 24 * * *", 5).unwrap_err().contains("hour"));
        for text in ["", "* * * *", "*/0 * * * *", "5-1 * * * *", "@often", "x * * * *"] {
            assert!(wrong(text, 5).is_err(), "{text}");
        }
    }
}
