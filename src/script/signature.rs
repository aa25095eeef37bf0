//! Reading signatures as the rows of host functions write them: `(within: duration, body: ||) -> any`.

/// The parameters: `kind: string`, `options?: map`.
pub(in crate::script) fn parameters(signature: &str) -> Vec<&str> {
    let Some((_, text)) = signature.split_once('(') else { return Vec::new() };
    let (mut found, mut depth, mut from, mut closure, mut before) = (Vec::new(), 0_usize, 0, false, ' ');
    for (at, c) in text.char_indices() {
        match c {
            // Where a type begins, a bar begins a closure's parameters; elsewhere it stands between two types.
            '|' if closure || [':', '['].contains(&before) => closure = !closure,
            '(' | '[' => depth += 1,
            ')' if depth == 0 => {
                found.push(&text[from..at]);
                break;
            }
            ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 && !closure => {
                found.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
        if c != ' ' {
            before = c;
        }
    }
    found.into_iter().map(str::trim).filter(|p| !p.is_empty()).collect()
}

/// The type of a parameter; none where it takes anything.
pub(in crate::script) fn type_of(parameter: &str) -> Option<&str> {
    parameter.split_once(':').map(|(_, of)| of.trim())
}

/// The fewest and the most parameters that a closure may have which is given here: `|item, index?|`.
pub(in crate::script) fn closure(of: &str) -> Option<(usize, usize)> {
    let inside = of.strip_prefix('|')?.strip_suffix('|')?;
    let names: Vec<&str> = inside.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    Some((names.iter().filter(|name| !name.ends_with('?')).count(), names.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_begin_closures_and_stand_between_types() {
        let step = "(step: |so_far, item?|, first: string | (), more: [||]) -> list";
        assert_eq!(parameters(step), ["step: |so_far, item?|", "first: string | ()", "more: [||]"]);
        assert_eq!(parameters("(value, label?: string) -> expectation"), ["value", "label?: string"]);
        assert!(parameters("() -> list").is_empty() && parameters("string").is_empty());
        assert_eq!(type_of("label?: string"), Some("string"));
        assert_eq!(type_of("value"), None);
        assert_eq!([closure("|so_far, item?|"), closure("||"), closure("map")], [Some((1, 2)), Some((0, 0)), None]);
    }
}
