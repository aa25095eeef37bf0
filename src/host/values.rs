//! placeholder until merged
pub fn from_dynamic(value: &rhai::Dynamic) -> serde_json::Value {
    rhai::serde::from_dynamic(value).unwrap_or_default()
}
