//! Strategic merges and JSON patches on trees; what is merged in keeps the place that it came from.

use crate::gitops::yaml::{Node, Value};

/// Merges a patch into a value. Lists of Kubernetes' own kinds (`keyed`) whose items all have a name are merged item by
/// item; the lists of others are replaced, as kustomize does without a schema. False: the value is to be deleted.
pub(super) fn merge(into: &mut Node, patch: &Node, keyed: bool) -> bool {
    match patch.text_at("$patch") {
        "delete" => return false,
        "replace" => {
            *into = patch.clone();
            if let Value::Map(entries) = &mut into.value {
                entries.retain(|(key, _)| key.text != "$patch");
            }
            return true;
        }
        _ => {}
    }
    match (&mut into.value, &patch.value) {
        (Value::Map(entries), Value::Map(changes)) => {
            for (key, change) in changes {
                let index = entries.iter().position(|(known, _)| known.text == key.text);
                match index {
                    _ if change.is_null() => entries.retain(|(known, _)| known.text != key.text),
                    Some(index) if !merge(&mut entries[index].1, change, keyed) => {
                        entries.remove(index);
                    }
                    Some(_) => {}
                    None if change.text_at("$patch") == "delete" => {}
                    None => entries.push((key.clone(), change.clone())),
                }
            }
        }
        (Value::Seq(items), Value::Seq(changes)) if keyed && named(items) && named(changes) => {
            for change in changes {
                let name = change.text_at("name");
                match items.iter().position(|item| item.text_at("name") == name) {
                    Some(index) if !merge(&mut items[index], change, keyed) => {
                        items.remove(index);
                    }
                    Some(_) => {}
                    None => items.push(change.clone()),
                }
            }
        }
        _ => *into = patch.clone(),
    }
    true
}

fn named(items: &[Node]) -> bool {
    !items.is_empty() && items.iter().all(|item| item.get("name").is_some())
}

/// Does one operation of a JSON patch (RFC 6902).
///
/// # Errors
/// Why it can't be done, in words.
pub(super) fn operate(node: &mut Node, operation: &Node) -> Result<(), String> {
    let (op, path) = (operation.text_at("op"), operation.text_at("path"));
    let value = operation.entries().iter().find(|(key, _)| key.text == "value").map(|(_, value)| value.clone());
    let take = |node: &mut Node| {
        let from = operation.text_at("from");
        find(node, from).cloned().ok_or_else(|| format!("{op} from {from}, which is not there"))
    };
    match op {
        "add" => put(node, path, value.ok_or("add without a value")?),
        "replace" => {
            let target = find(node, path).ok_or_else(|| format!("replace {path}, which is not there"))?;
            *target = value.ok_or("replace without a value")?;
            Ok(())
        }
        "remove" => remove(node, path),
        "copy" => take(node).and_then(|value| put(node, path, value)),
        "move" => {
            let value = take(node)?;
            remove(node, operation.text_at("from"))?;
            put(node, path, value)
        }
        // What a test compares is seldom worth a false alarm; that its place is there is.
        "test" => find(node, path).map(|_| ()).ok_or_else(|| format!("test {path}, which is not there")),
        other => Err(format!("the operation \"{other}\", which JSON patches don't have")),
    }
}

fn parts(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}

fn find<'a>(node: &'a mut Node, path: &str) -> Option<&'a mut Node> {
    parts(path).iter().try_fold(node, |node, part| match &mut node.value {
        Value::Map(entries) => entries.iter_mut().find(|(key, _)| key.text == *part).map(|(_, value)| value),
        Value::Seq(items) => part.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
        Value::Scalar(_) => None,
    })
}

fn split(path: &str) -> (&str, String) {
    let (parent, last) = path.rsplit_once('/').unwrap_or(("", path));
    (parent, last.replace("~1", "/").replace("~0", "~"))
}

fn put(node: &mut Node, path: &str, value: Node) -> Result<(), String> {
    if path.is_empty() {
        *node = value;
        return Ok(());
    }
    let (parent, last) = split(path);
    let target = find(node, parent).ok_or_else(|| format!("add {path}, whose parent is not there"))?;
    match &mut target.value {
        Value::Seq(items) => {
            let index = if last == "-" { items.len() } else { last.parse().unwrap_or(usize::MAX) };
            if index > items.len() {
                return Err(format!("add {path}, and the list has {} items", items.len()));
            }
            items.insert(index, value);
        }
        Value::Map(_) => target.set(&[&last], value),
        Value::Scalar(_) => return Err(format!("add {path}, whose parent is no map")),
    }
    Ok(())
}

fn remove(node: &mut Node, path: &str) -> Result<(), String> {
    let missing = || format!("remove {path}, which is not there");
    let (parent, last) = split(path);
    let target = find(node, parent).ok_or_else(missing)?;
    match &mut target.value {
        Value::Seq(items) => {
            let index = last.parse().ok().filter(|index| *index < items.len()).ok_or_else(missing)?;
            items.remove(index);
        }
        Value::Map(entries) => {
            let index = entries.iter().position(|(key, _)| key.text == last).ok_or_else(missing)?;
            entries.remove(index);
        }
        Value::Scalar(_) => return Err(missing()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gitops::yaml::parse;

    fn tree(text: &str) -> Node {
        parse(text, 0, 1).documents.remove(0)
    }

    #[test]
    fn merges_by_name_where_the_kind_is_known() {
        let mut node = tree("c: [{name: a, x: 1}, {name: b}]\nd: 1");
        assert!(merge(&mut node, &tree("c: [{name: a, x: 2}, {name: b, $patch: delete}]\nd: null"), true));
        assert_eq!((node.list("c").len(), node.list("c")[0].text_at("x")), (1, "2"));
        assert!(node.get("d").is_none());
        let mut custom = tree("c: [{name: a}, {name: b}]");
        merge(&mut custom, &tree("c: [{name: z}]"), false);
        assert_eq!(custom.list("c").len(), 1);
        assert!(!merge(&mut custom, &tree("$patch: delete"), false));
    }

    #[test]
    fn json_patches_work_or_say_why_not() {
        let mut node = tree("a: {b/c: 1}\nl: [x]");
        let mut run = |text: &str| operate(&mut node, &tree(text));
        assert_eq!(run("{op: replace, path: /a/b~1c, value: 2}"), Ok(()));
        assert_eq!(run("{op: add, path: /l/-, value: y}"), Ok(()));
        assert_eq!(run("{op: remove, path: /l/0}"), Ok(()));
        assert!(run("{op: remove, path: /nope}").unwrap_err().contains("not there"));
        assert!(run("{op: add, path: /l/7, value: z}").unwrap_err().contains("1 items"));
        assert_eq!((node.at_path("a").unwrap().text_at("b/c"), node.list("l")[0].as_text()), ("2", Some("y")));
    }
}
