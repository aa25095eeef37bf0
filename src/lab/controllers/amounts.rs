//! Amounts of resources as numbers: `500m`, `1Gi`, `2`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::list;

/// An amount in thousandths; none for what is no amount.
pub(crate) fn milli(amount: &Value) -> Option<i128> {
    let text = match amount {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let power = |base: i128, exponent: u32| base.checked_pow(exponent);
    let scale = match unit {
        "m" => 1,
        "" => 1000,
        "k" => 1000 * power(10, 3)?,
        "M" => 1000 * power(10, 6)?,
        "G" => 1000 * power(10, 9)?,
        "T" => 1000 * power(10, 12)?,
        "P" => 1000 * power(10, 15)?,
        "Ki" => 1000 * power(1024, 1)?,
        "Mi" => 1000 * power(1024, 2)?,
        "Gi" => 1000 * power(1024, 3)?,
        "Ti" => 1000 * power(1024, 4)?,
        "Pi" => 1000 * power(1024, 5)?,
        _ => return None,
    };
    let number: i128 = format!("{whole}{part}").parse().ok()?;
    Some(number.checked_mul(scale)? / power(10, u32::try_from(part.len()).ok()?)?)
}

/// Amounts by the resource's name, in thousandths.
pub(crate) type Amounts = BTreeMap<String, i128>;

fn of(map: &Value) -> Amounts {
    let all = map.as_object().into_iter().flatten();
    all.filter_map(|(name, amount)| Some((name.clone(), milli(amount)?))).collect()
}

/// What a node has to give.
pub(crate) fn allocatable(node: &Value) -> Amounts {
    of(&node["status"]["allocatable"])
}

/// What a pod asks for: all of its containers together, or its largest init container.
pub(crate) fn requests(pod: &Value) -> Amounts {
    let mut sum = Amounts::new();
    for container in list(pod, "/spec/containers") {
        for (name, amount) in of(&container["resources"]["requests"]) {
            *sum.entry(name).or_default() += amount;
        }
    }
    for container in list(pod, "/spec/initContainers") {
        for (name, amount) in of(&container["resources"]["requests"]) {
            let most = sum.entry(name).or_default();
            *most = (*most).max(amount);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_are_numbers() {
        for (text, thousandths) in [("500m", 500), ("2", 2000), ("1.5", 1500), ("1Ki", 1_024_000), ("1k", 1_000_000)] {
            assert_eq!(milli(&json!(text)), Some(thousandths), "{text}");
        }
        assert_eq!((milli(&json!(3)), milli(&json!("many"))), (Some(3000), None));
    }

    #[test]
    fn a_pod_asks_for_its_containers_together() {
        let one = |cpu: &str| json!({ "resources": { "requests": { "cpu": cpu } } });
        let pod = json!({ "spec": { "containers": [one("100m"), one("1")], "initContainers": [one("3")] } });
        assert_eq!(requests(&pod)["cpu"], 3000);
    }
}
