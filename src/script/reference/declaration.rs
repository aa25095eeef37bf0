//! A function's line in a `.d.rhai` file, in the grammar of definition files: typed parameters, none optional.

/// The lines that declare a function: one for each number of arguments it takes. `receiver` is the type of a method.
pub(super) fn function(receiver: Option<&str>, name: &str, signature: &str) -> Vec<String> {
    let (inside, result) = halves(signature);
    let receiver = receiver.map(|receiver| format!("self: {}", of(receiver)));
    let params = split(inside, ',');
    let needed = params.iter().take_while(|param| !is_optional(param)).count();
    (needed..=params.len())
        .map(|count| {
            let given = params[..count].iter().map(|param| parameter(param));
            let all: Vec<String> = receiver.iter().cloned().chain(given).collect();
            let result = result.map(|ty| format!(" -> {}", of(ty))).unwrap_or_default();
            format!("fn {name}({}){result};", all.join(", "))
        })
        .collect()
}

/// The line that declares a property.
pub(super) fn property(receiver: &str, name: &str, ty: &str) -> String {
    format!("fn get {name}(self: {}) -> {};", of(receiver), of(ty))
}

/// What stands between the parentheses of a signature, and what behind `->`.
fn halves(signature: &str) -> (&str, Option<&str>) {
    let (mut depth, mut end) = (0_usize, signature.len());
    for (at, c) in signature.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            end = at;
            break;
        }
    }
    let inside = signature.get(..end).unwrap_or_default().trim_start_matches('(');
    let rest = signature.get(end + 1..).unwrap_or_default();
    (inside, rest.trim().strip_prefix("->").map(str::trim))
}

/// The parts of a text between separators that stand outside of brackets.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            c if c == separator && depth == 0 => {
                parts.push(text[from..at].trim());
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text[from..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn is_optional(param: &str) -> bool {
    param.split(':').next().is_some_and(|name| name.trim().ends_with('?'))
}

fn parameter(param: &str) -> String {
    let (name, ty) = param.split_once(':').unwrap_or((param, "any"));
    format!("{}: {}", name.trim().trim_end_matches('?'), of(ty))
}

/// A type in the words of definition files. What they have no word for is `?`.
fn of(text: &str) -> String {
    let text = text.trim();
    // A closure's bars are none of a choice.
    if text.starts_with('|') || text == "closure" {
        return "Fn".into();
    }
    let choices = split(text, '|');
    if choices.len() > 1 && !text.starts_with('[') {
        let all: Vec<String> = choices.into_iter().map(of).collect();
        return all.join(" | ");
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return format!("[{}]", of(inner));
    }
    match text {
        "()" => "()".into(),
        "any" | "value" => "?".into(),
        "number" => "int | float".into(),
        "array of strings" => "[string]".into(),
        "array of maps" => "[map]".into(),
        "list of numbers or durations" => "list | array".into(),
        word => word.replace(' ', "_"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_optional_parameter_makes_a_line_more() {
        assert_eq!(
            function(Some("cluster"), "get", "(kind: string, name: string, options?: map) -> object | ()"),
            [
                "fn get(self: cluster, kind: string, name: string) -> object | ();",
                "fn get(self: cluster, kind: string, name: string, options: map) -> object | ();",
            ]
        );
        assert_eq!(
            function(None, "summary", "(host, options?)"),
            ["fn summary(host: ?);", "fn summary(host: ?, options: ?);"]
        );
    }

    #[test]
    fn types_are_in_the_words_of_definition_files() {
        assert_eq!(
            property("cluster of the step", "name", "string | ()"),
            "fn get name(self: cluster_of_the_step) -> string | ();"
        );
        assert_eq!(function(None, "parallel", "(bodies: [||]) -> list"), ["fn parallel(bodies: [Fn]) -> list;"]);
        assert_eq!(function(None, "finally", "(body: ||)"), ["fn finally(body: Fn);"]);
        assert_eq!(
            function(None, "p", "(percent: number, at: string | [string]) -> any"),
            ["fn p(percent: int | float, at: string | [string]) -> ?;"]
        );
        assert_eq!(function(Some("time"), "str", "() -> string"), ["fn str(self: time) -> string;"]);
    }
}
