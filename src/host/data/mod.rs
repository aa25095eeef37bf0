//! Data modules: formats, text, numbers, files and time. Pure ones work at the top level of a playbook too.

pub(crate) mod base64;
pub(crate) mod file;
pub(crate) mod hash;
pub(crate) mod jq;
pub(crate) mod json;
mod lazy;
pub(crate) mod net;
pub(crate) mod prom;
pub(crate) mod regex;
pub(crate) mod stats;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod yaml;

pub(crate) use lazy::{from_text, from_value};

#[cfg(test)]
mod tests {
    use crate::host::testing::eval;
    use crate::host::{MODULES, Registrar};

    #[test]
    fn every_function_has_signature_doc_and_an_example_that_holds() {
        let mine = [
            "base64", "file", "hash", "jq", "json", "net", "prom", "regex", "secret", "sh", "stats", "table", "time",
            "yaml",
        ];
        let (_, _, functions) = Registrar::of(MODULES).finish();
        let functions: Vec<_> = functions.iter().filter(|f| mine.contains(&f.module)).collect();
        assert!(functions.len() > 40, "{}", functions.len());
        for function in functions {
            let name = function.full_name();
            assert!(!function.signature.is_empty() && function.doc.len() > 20, "{name}");
            // These two need a cluster and a signed-in password manager.
            if ["secret::kube", "secret::op"].contains(&name.as_str()) {
                continue;
            }
            let result = eval(function.example).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(result.as_bool(), Ok(true), "{name}: {}", function.example);
        }
    }
}
