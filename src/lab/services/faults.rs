//! Faults of services: what the causes in the world make of an answer. Every service passes here, and no other place
//! knows of it.

use std::time::Duration;

use serde_json::Value;

use super::Reply;
use super::serve::Cut;
use crate::lab::world::{World, Wrong};

/// Whether nothing listens for a service of this name.
pub(super) fn down(world: &World, name: &str) -> bool {
    world.service(name).contains(&Wrong::Down)
}

/// An answer as the causes make it.
pub(crate) async fn under(world: &World, name: &str, answer: impl FnOnce() -> Reply) -> Result<Reply, Cut> {
    let mut reply = None;
    let mut answer = Some(answer);
    let mut real = move || answer.take().map(|answer| answer());
    let causes = world.service(name);
    for wrong in &causes {
        match wrong {
            Wrong::Down => return Err(Cut),
            // For as long as the client waits.
            Wrong::Hangs => std::future::pending().await,
            Wrong::Slow(ms) => world.clock.sleep(Duration::from_millis(u64::from(*ms))).await,
            Wrong::Status(status) => return Ok(plain(*status)),
            Wrong::TooMany(seconds) => return Ok(plain(429).with("retry-after", seconds.to_string())),
            Wrong::Unavailable(seconds) => return Ok(plain(503).with("retry-after", seconds.to_string())),
            _ => {}
        }
    }
    for wrong in causes {
        let Some(whole) = reply.take().or_else(&mut real) else { return Err(Cut) };
        reply = Some(match wrong {
            Wrong::Empty => with(whole, emptied),
            Wrong::Value(what) => with(whole, |value| other(value, &what)),
            Wrong::Reset => Reply { broken: true, ..whole },
            _ => whole,
        });
    }
    reply.or_else(real).ok_or(Cut)
}

fn plain(status: u16) -> Reply {
    let code = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let text = format!("{} {}\n", code.as_u16(), code.canonical_reason().unwrap_or("error"));
    let reply = Reply::text(code.as_u16(), text);
    if code == http::StatusCode::UNAUTHORIZED { reply.with("www-authenticate", "Bearer") } else { reply }
}

/// The answer with its JSON changed: one value, or a line each. What is no JSON is emptied.
fn with(reply: Reply, change: impl Fn(&mut Value)) -> Reply {
    let mut values: Vec<Value> = match serde_json::Deserializer::from_slice(&reply.body).into_iter().collect() {
        Ok(values) => values,
        Err(_) => return Reply { body: Default::default(), ..reply },
    };
    let lines = values.len() > 1 || reply.body.ends_with(b"\n");
    values.iter_mut().for_each(change);
    let texts =
        values.iter().filter(|value| !is_empty(value)).map(|value| value.to_string() + if lines { "\n" } else { "" });
    Reply { body: texts.collect::<String>().into(), ..reply }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// Lists have nothing in them; a line of a log goes.
fn emptied(value: &mut Value) {
    fn lists(value: &mut Value) -> bool {
        match value {
            Value::Array(all) => {
                all.clear();
                true
            }
            Value::Object(fields) => fields.values_mut().filter_map(|value| lists(value).then_some(())).count() > 0,
            _ => false,
        }
    }
    let line = value.get("_msg").is_some();
    if line || !lists(value) {
        *value = Value::Object(serde_json::Map::new());
    }
}

/// What is named has another value: a metric's samples, a field, the content of a record.
fn other(value: &mut Value, what: &str) {
    let Some((name, wanted)) = what.split_once('=') else { return };
    let new = serde_json::from_str(wanted).unwrap_or_else(|_| Value::from(wanted));
    change(value, name, &new, wanted);
}

fn change(value: &mut Value, name: &str, new: &Value, text: &str) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|one| change(one, name, new, text)),
        Value::Object(fields) => {
            if fields.get("metric").is_some_and(|metric| metric["__name__"] == name) {
                if let Some(sample) = fields.get_mut("value").and_then(|sample| sample.get_mut(1)) {
                    *sample = text.into();
                }
                let samples = fields.get_mut("values").and_then(Value::as_array_mut);
                for sample in samples.into_iter().flatten().filter_map(|sample| sample.get_mut(1)) {
                    *sample = text.into();
                }
            }
            if fields.get("name").is_some_and(|own| *own == name) {
                for key in ["content", "value", "status"] {
                    if let Some(field) = fields.get_mut(key) {
                        *field = new.clone();
                        break;
                    }
                }
            }
            for (key, field) in fields.iter_mut() {
                if key == name { *field = new.clone() } else { change(field, name, new, text) }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::lab::clock::LabClock;
    use crate::lab::world::{Cause, read};

    async fn seen(wrong: Vec<Wrong>, body: &Value) -> Result<Reply, Cut> {
        let world = World::new(read::embedded("one-node").unwrap(), Arc::new(LabClock::real()));
        for wrong in wrong {
            world.put(Cause::service("vmselect", wrong));
        }
        under(&world, "vmselect", || Reply::json(200, body)).await
    }

    #[tokio::test]
    async fn each_cause_has_its_effect() {
        let body = json!({ "status": "success", "data": { "result": [
            { "metric": { "__name__": "up" }, "value": [1, "1"] },
        ] } });
        assert_eq!(seen(vec![], &body).await.unwrap().value(), body);
        assert_eq!(seen(vec![Wrong::Down], &body).await, Err(Cut));
        let limited = seen(vec![Wrong::TooMany(7)], &body).await.unwrap();
        assert_eq!((limited.status.as_u16(), limited.headers["retry-after"].as_str()), (429, "7"));
        let empty = seen(vec![Wrong::Empty], &body).await.unwrap().value();
        assert_eq!(empty, json!({ "status": "success", "data": { "result": [] } }));
        let wrong = seen(vec![Wrong::Value("up=0".into())], &body).await.unwrap().value();
        assert_eq!(wrong["data"]["result"][0]["value"][1], "0");
        assert!(seen(vec![Wrong::Reset, Wrong::Slow(1)], &body).await.unwrap().broken);
        let record = json!({ "result": [{ "name": "app.monosense.io", "content": "10.25.11.110" }] });
        let wrong = seen(vec![Wrong::Value("app.monosense.io=10.0.0.1".into())], &record).await.unwrap().value();
        assert_eq!(wrong["result"][0]["content"], "10.0.0.1");
    }

    #[tokio::test]
    async fn lines_of_a_log_go_one_by_one() {
        let world = World::new(read::embedded("one-node").unwrap(), Arc::new(LabClock::real()));
        world.put(Cause::service("vlogs", Wrong::Empty));
        let lines = Reply::new(200, "application/stream+json", "{\"_msg\":\"a\"}\n{\"_msg\":\"b\"}\n");
        assert!(under(&world, "vlogs", || lines).await.unwrap().body.is_empty());
    }
}
