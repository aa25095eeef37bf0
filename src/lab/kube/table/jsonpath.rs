//! The paths of printer columns: `.spec.size`, `.status.conditions[?(@.type=="Ready")].status`, `.items[0]`, `[*]`.

use serde_json::Value;

/// The first value at a path.
pub(super) fn find<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    walk(object, path.trim_start_matches('$'))
}

fn walk<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() {
        return Some(value);
    }
    if let Some(rest) = path.strip_prefix('.') {
        let mut key = String::new();
        let mut chars = rest.char_indices();
        let mut end = rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => key.extend(chars.next().map(|(_, c)| c)),
                '.' | '[' => {
                    end = at;
                    break;
                }
                _ => key.push(c),
            }
        }
        let rest = &rest[end..];
        return match key.as_str() {
            "" => walk(value, rest),
            "*" => value.as_array().into_iter().flatten().find_map(|v| walk(v, rest)),
            _ => walk(value.get(&key)?, rest),
        };
    }
    let inner = path.strip_prefix('[')?;
    let end = closing(inner)?;
    let (inside, rest) = (&inner[..end], &inner[end + 1..]);
    if let Some(condition) = inside.strip_prefix("?(").and_then(|c| c.strip_suffix(')')) {
        let (key, wanted) = condition.split_once("==")?;
        let wanted = wanted.trim().trim_matches(['"', '\'']);
        let key = key.trim().trim_start_matches('@');
        let holds = |item: &&Value| walk(item, key).is_some_and(|v| v.as_str().map_or(*v == wanted, |t| t == wanted));
        return value.as_array()?.iter().filter(holds).find_map(|v| walk(v, rest));
    }
    if inside == "*" {
        return value.as_array()?.iter().find_map(|v| walk(v, rest));
    }
    if let Ok(at) = inside.parse::<i64>() {
        let list = value.as_array()?;
        let at = if at < 0 { list.len().checked_sub(usize::try_from(-at).ok()?)? } else { usize::try_from(at).ok()? };
        return walk(list.get(at)?, rest);
    }
    walk(value.get(inside.trim_matches(['"', '\'']))?, rest)
}

/// Where the bracket closes; one inside quotes does not.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (']', None) => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::find;

    #[test]
    fn the_forms_of_printer_columns() {
        let object = json!({
            "spec": {"size": 3, "a.b": 1},
            "status": {"conditions": [{"type": "X", "status": "no"}, {"type": "Ready", "status": "True"}]},
        });
        assert_eq!(find(&object, ".spec.size"), Some(&json!(3)));
        assert_eq!(find(&object, ".status.conditions[?(@.type==\"Ready\")].status"), Some(&json!("True")));
        assert_eq!(find(&object, ".status.conditions[0].type"), Some(&json!("X")));
        assert_eq!(find(&object, ".spec['a.b']"), Some(&json!(1)));
        assert_eq!(find(&object, ".spec.a\\.b"), Some(&json!(1)));
        assert_eq!(find(&object, ".status.nonesuch"), None);
    }
}
