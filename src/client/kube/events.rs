//! The events of one object, as lines.

use serde_json::Value;

use super::rest::{self, segment};
use super::{Cluster, Query};
use crate::error::Result;

/// The events of the object with this uid, oldest first: `Warning FailedScheduling: 0/3 nodes … (×4)`.
///
/// # Errors
/// As the API server answers.
pub async fn of_uid(cluster: &Cluster, namespace: &str, uid: &str) -> Result<Vec<String>> {
    let fields = Some(format!("involvedObject.uid={uid}"));
    let query = Query { namespace: Some(segment(namespace)?.into()), fields, ..Query::default() };
    let mut events = rest::list(cluster, "events", &query).await?;
    events.sort_by_key(when);
    Ok(events.iter().map(line).collect())
}

fn when(event: &Value) -> String {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).filter(|t| !t.is_empty());
    text("/lastTimestamp")
        .or_else(|| text("/eventTime"))
        .or_else(|| text("/metadata/creationTimestamp"))
        .unwrap_or_default()
        .to_string()
}

fn line(event: &Value) -> String {
    let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default().trim();
    let times = match event.get("count").and_then(Value::as_i64) {
        Some(count) if count > 1 => format!(" (×{count})"),
        _ => String::new(),
    };
    format!("{} {}: {}{times}", text("type"), text("reason"), text("message"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_one_line() {
        let event =
            json!({ "type": "Warning", "reason": "BackOff", "message": "Back-off pulling image \"x\"", "count": 4 });
        assert_eq!(line(&event), "Warning BackOff: Back-off pulling image \"x\" (×4)");
    }
}
