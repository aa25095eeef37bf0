//! An event's content without secrets. Which of its fields are content is written down here, field by field: what an
//! event is called, what it belongs to and what it acts on can't be touched, whatever the secrets are.

use std::sync::Arc;

use serde_json::Value;

use super::Redactor;
use crate::error::{Error, Place};
use crate::event::{
    Event, Failure, FieldChange, Filter, Former, LedgerRow, Metric, Outstanding, PlaybookInfo, SettingInfo, StepInfo,
    StepResult, Undo, What,
};

/// What stands before every listener: the content of every event loses its secrets there.
pub(crate) fn filter(redactor: Arc<Redactor>) -> Box<Filter> {
    Box::new(move |event: Event| {
        // Nearly every event is one with nothing to hide.
        match serde_json::to_string(&event).is_ok_and(|text| !redactor.suspects(&text)) {
            true => event,
            false => redactor.redact_event(event),
        }
    })
}

impl Redactor {
    /// The event with every secret in its content replaced. It stays the same kind of event, of the same step, about
    /// the same object, row and call.
    pub fn redact_event(&self, mut event: Event) -> Event {
        self.what(&mut event.what);
        event
    }

    /// No field is passed over by `..`: whoever adds one decides here whether it is content.
    fn what(&self, what: &mut What) {
        match what {
            What::RunStarted {
                run: _,
                arguments,
                playbooks,
                modules: _,
                steps,
                settings,
                jobs: _,
                not_selected: _,
                record: _,
                former,
            } => {
                self.redact_lines(arguments);
                playbooks.iter_mut().for_each(|playbook| self.playbook(playbook));
                steps.iter_mut().for_each(|step| self.step(step));
                settings.iter_mut().for_each(|setting| self.setting(setting));
                former.iter_mut().for_each(|former| self.former(former));
            }
            What::CallStarted { call: _, function: _, effect: _, target, args, line, place } => {
                // An address that a script wrote may hold anything.
                if let Some(target) = target.as_mut().filter(|target| !self.is_name(target)) {
                    self.text(target);
                }
                self.redact_json(args);
                self.text(line);
                self.place(place);
            }
            What::CallFinished { call: _, seconds: _, summary, error } => {
                self.text(summary);
                error.iter_mut().for_each(|error| self.error(error));
            }
            What::Failed(failure) => self.failure(failure),
            What::Waiting { message: text } | What::Note { text } | What::Warning { text } | What::Printed { text } => {
                self.text(text);
            }
            What::Measured(metric) => self.metric(metric),
            // The file has a name that was looked at when it was made.
            What::Evidence { name, file: _, sha256: _, bytes: _ } => self.text(name),
            What::Published { name, value } => {
                self.text(name);
                self.redact_json(value);
            }
            What::UndoRecorded(row) => self.row(row),
            What::UndoSettled { row: _, fields, owners: _ } => self.changes(fields),
            What::UndoDone { row: _, error, by_hand: _, line: _ } => error.iter_mut().for_each(|why| self.text(why)),
            What::StepFinished(result) => self.result(result),
            What::RunFinished { exit_code: _, seconds: _, left } => self.redact_lines(left),
            What::StepStarted { attempt: _ }
            | What::UndoIdentified { row: _, uid: _ }
            | What::CleaningStarted { rows: _ }
            | What::Interrupting { at_once: _ } => {}
        }
    }

    fn text(&self, text: &mut String) {
        *text = self.redact(text);
    }

    fn value(&self, value: &mut Option<Value>) {
        value.iter_mut().for_each(|value| self.redact_json(value));
    }

    fn playbook(&self, playbook: &mut PlaybookInfo) {
        let PlaybookInfo { id: _, title, path: _, sha256: _, source: _ } = playbook;
        self.text(title);
    }

    fn step(&self, step: &mut StepInfo) {
        let StepInfo {
            id: _,
            playbook: _,
            step: _,
            cluster: _,
            title,
            priority: _,
            covers: _,
            effect: _,
            risk: _,
            if_fails,
            place,
        } = step;
        self.text(title);
        self.redact_lines(if_fails);
        self.source(place);
    }

    fn setting(&self, setting: &mut SettingInfo) {
        let SettingInfo { playbook: _, name: _, cluster: _, value, default, from: _, about } = setting;
        self.redact_json(value);
        self.redact_json(default);
        self.text(about);
    }

    fn former(&self, former: &mut Former) {
        let Former { run: _, how: _, stand: _, again, differs, outstanding } = former;
        self.redact_lines(again);
        self.redact_lines(differs);
        for Outstanding { id: _, outcome: _, why } in outstanding {
            why.iter_mut().for_each(|why| self.text(why));
        }
    }

    fn place(&self, place: &mut Option<Place>) {
        place.iter_mut().for_each(|place| self.source(place));
    }

    fn source(&self, place: &mut Place) {
        let Place { file: _, line: _, column: _, source } = place;
        source.iter_mut().for_each(|line| *line = self.redact_source(line));
    }

    fn failure(&self, failure: &mut Failure) {
        let Failure { label, expected, actual, object, at, diff, covers: _ } = failure;
        [label, expected, actual].into_iter().chain(object).for_each(|text| self.text(text));
        self.place(at);
        self.redact_lines(diff);
    }

    fn error(&self, error: &mut Error) {
        let Error { kind: _, message, causes, hints, place, stack, failure } = error;
        self.text(message);
        [causes, hints, stack].into_iter().for_each(|lines| self.redact_lines(lines));
        self.place(place);
        failure.iter_mut().for_each(|failure| self.failure(failure));
    }

    fn metric(&self, metric: &mut Metric) {
        let Metric { name, value: _, unit, max: _, summary } = metric;
        self.text(name);
        self.text(unit);
        self.value(summary);
    }

    fn row(&self, row: &mut LedgerRow) {
        let LedgerRow { row: _, change, undo, cluster_id: _ } = row;
        self.text(change);
        match undo {
            Undo::Delete { object: _ } | Undo::Uncordon { object: _ } => {}
            // Who owns which field names fields alone.
            Undo::Restore { object: _, subresource: _, fields, owners: _ } => {
                self.changes(fields);
            }
            Undo::Http { method: _, url, endpoint: _ } => self.text(url),
            Undo::Command { program: _, args } => self.redact_lines(args),
        }
    }

    fn changes(&self, fields: &mut [FieldChange]) {
        for FieldChange { pointer: _, before, after, made: _, index: _, allotted: _ } in fields {
            self.value(before);
            self.value(after);
        }
    }

    fn result(&self, result: &mut StepResult) {
        let StepResult {
            id: _,
            outcome: _,
            message,
            seconds: _,
            attempts: _,
            calls: _,
            judged: _,
            failures,
            error,
            warnings,
            notes,
            metrics,
            evidence: _,
            instructions,
            taken_from: _,
        } = result;
        self.text(message);
        failures.iter_mut().for_each(|failure| self.failure(failure));
        error.iter_mut().for_each(|error| self.error(error));
        self.redact_lines(warnings);
        self.redact_lines(notes);
        metrics.iter_mut().for_each(|metric| self.metric(metric));
        instructions.iter_mut().for_each(|text| self.text(text));
    }
}

#[cfg(test)]
mod tests {
    use std::mem::discriminant;

    use super::*;
    use crate::event::one_of_each;

    /// What content goes by, wherever it stands.
    const CONTENT: &[&str] = &[
        "about",
        "actual",
        "after",
        "again",
        "args",
        "arguments",
        "before",
        "causes",
        "change",
        "default",
        "diff",
        "differs",
        "error",
        "expected",
        "hints",
        "if_fails",
        "instructions",
        "label",
        "left",
        "line",
        "message",
        "name",
        "notes",
        "object",
        "source",
        "stack",
        "summary",
        "target",
        "text",
        "title",
        "unit",
        "url",
        "value",
        "warnings",
        "why",
    ];

    /// Every word of a JSON value: keys, tags, values.
    fn words(value: &Value, all: &mut Vec<String>) {
        match value {
            Value::String(text) => all.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| words(item, all)),
            Value::Object(fields) => fields.iter().for_each(|(key, field)| {
                all.push(key.clone());
                words(field, all);
            }),
            _ => {}
        }
    }

    /// What is not content: by its path, what stands there.
    fn identity(path: &str, value: &Value, all: &mut Vec<(String, String)>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| identity(path, item, all)),
            Value::Object(fields) => {
                all.extend(fields.keys().map(|key| (path.to_string(), key.clone())));
                let named = fields.contains_key("api_version");
                for (key, field) in fields {
                    let inside =
                        matches!(field, Value::Object(_)) && ["error", "object", "failure"].contains(&key.as_str());
                    if named || inside || !CONTENT.contains(&key.as_str()) {
                        identity(&format!("{path}/{key}"), field, all);
                    }
                }
            }
            other => all.push((path.to_string(), other.to_string())),
        }
    }

    #[test]
    fn every_event_stays_what_it_is_whatever_the_secrets_are() {
        let all = one_of_each();
        let redactor = Redactor::default();
        let mut secrets = Vec::new();
        all.iter().for_each(|event| words(&serde_json::to_value(event).expect("JSON"), &mut secrets));
        secrets.iter().for_each(|word| {
            redactor.register(word);
        });
        assert!(
            ["undo_recorded", "attempts", "evidence", "step_finished"].iter().all(|w| secrets.iter().any(|s| s == w))
        );
        let filter = filter(Arc::new(redactor));
        let mut hidden = 0;
        for event in all {
            let shown = filter(event.clone());
            assert_eq!((shown.at, &shown.step), (event.at, &event.step));
            assert_eq!(discriminant(&shown.what), discriminant(&event.what));
            let of = |event: &Event| {
                let (json, mut all) = (serde_json::to_value(event).expect("JSON"), Vec::new());
                identity("", &json, &mut all);
                assert_eq!(&serde_json::from_value::<Event>(json).expect("the same form"), event);
                all
            };
            assert_eq!(of(&shown), of(&event));
            hidden += usize::from(serde_json::to_string(&shown).expect("JSON").contains("<secret:"));
        }
        assert!(hidden > 15, "{hidden}");
    }

    #[test]
    fn all_content_of_every_event_loses_a_secret() {
        const SECRET: &str = "Planted0s3cret";
        let redactor = Redactor::default();
        redactor.register(SECRET);
        for event in one_of_each() {
            let mut json = serde_json::to_value(&event).expect("JSON");
            fill(&mut json, SECRET);
            let filled: Event = serde_json::from_value(json).expect("the same event");
            let shown = serde_json::to_string(&redactor.redact_event(filled)).expect("JSON");
            assert!(!shown.contains(SECRET), "{shown}");
        }
    }

    /// Puts a text in the place of every text that is content.
    fn fill(value: &mut Value, text: &str) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| fill(item, text)),
            Value::Object(fields) if !fields.contains_key("api_version") => {
                // A setting's and a module's name, where a playbook comes from, what was measured.
                let has = |key: &str| fields.contains_key(key);
                let (from, path, unit) = (has("from"), has("path"), has("unit"));
                for (key, field) in fields {
                    let other =
                        (key == "name" && (from || path)) || (key == "source" && path) || (key == "value" && unit);
                    match field {
                        field if other || !CONTENT.contains(&key.as_str()) => fill(field, text),
                        Value::String(there) => *there = text.into(),
                        Value::Array(items) if items.iter().all(Value::is_string) => {
                            items.iter_mut().for_each(|item| *item = text.into());
                        }
                        field => fill(field, text),
                    }
                }
            }
            _ => {}
        }
    }

    #[test]
    fn a_target_is_kept_where_it_is_a_name_of_the_run() {
        let redactor = Redactor::default();
        redactor.register("production");
        let target = |redactor: &Redactor, target: &str| {
            let mut what = What::CallStarted {
                call: 1,
                function: "kube.get".into(),
                effect: crate::event::Effect::Read,
                target: Some(target.into()),
                args: serde_json::json!({ "production": ["production"] }),
                line: "kubectl --context production".into(),
                place: None,
            };
            redactor.what(&mut what);
            let What::CallStarted { target, args, .. } = what else { panic!("a call") };
            (target.expect("kept"), args.to_string())
        };
        assert_eq!(target(&redactor, "https://production/").0, "https://<secret:1>/");
        redactor.name("production-1");
        assert_eq!(target(&redactor, "production-1").0, "production-1");
        assert_eq!(target(&redactor, "x").1, r#"{"<secret:1>":["<secret:1>"]}"#);
    }
}
