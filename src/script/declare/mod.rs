//! `playbook`, `setting` and `step`: what the top level of a playbook may call.

mod options;
mod step;

use std::cell::RefCell;
use std::sync::Arc;

use rhai::{Dynamic, FnPtr, Map, NativeCallContext};

use options::Reader;

use crate::error::{Error, Kind, Place, Result};
use crate::event::SettingInfo;
use crate::host::closure::Closure;
use crate::host::{HostResult, Module, Needs, Registrar};
use crate::playbook::{PlaybookDecl, PlaybookKind, StepDecl};

/// The declaring functions' row in the table of modules.
pub const MODULE: Module = Module {
    name: "playbook",
    about: "declaring a playbook, its settings and its steps",
    needs: Needs::Declaring,
    register,
};

/// Gives a setting its value: playbook, name, cluster and default → value and where it is from.
pub type Resolve = dyn Fn(&str, &str, Option<&str>, &Dynamic) -> Result<(Dynamic, String)> + Send + Sync;

/// A step's closures.
#[derive(Debug, Clone)]
pub struct Body {
    /// `|t| …`; none for a manual step without one.
    pub run: Option<Closure>,
    /// `guard: |t| …`
    pub guard: Option<Closure>,
    /// `later: #{ check: |t, started| … }`
    pub check: Option<Closure>,
}

/// What one evaluation of a top level declared.
#[derive(Debug, Default)]
pub struct Declarations {
    /// `playbook(#{ … })`
    pub playbook: Option<PlaybookDecl>,
    /// The settings, with values.
    pub settings: Vec<SettingInfo>,
    /// Their values as the script got them.
    pub values: Vec<(String, Dynamic)>,
    /// The steps with their closures.
    pub steps: Vec<(StepDecl, Body)>,
    /// What is wrong with options and settings, each with its place; the defaults stand in.
    pub problems: Vec<Error>,
}

/// The text of a line of a source, by the name that positions carry.
type Lines = dyn Fn(&str, usize) -> Option<String>;

struct Declaring {
    cluster: Option<String>,
    resolve: Arc<Resolve>,
    lines: Box<Lines>,
    found: Declarations,
}

thread_local! {
    static DECLARING: RefCell<Option<Declaring>> = const { RefCell::new(None) };
}

/// Runs `evaluate` with the declaring functions open, for one cluster's values or for none's. `stand_in` is the
/// declaration of a playbook whose own could not be evaluated.
pub fn declaring<T>(
    cluster: Option<&str>,
    stand_in: Option<&PlaybookDecl>,
    resolve: Arc<Resolve>,
    lines: impl Fn(&str, usize) -> Option<String> + 'static,
    evaluate: impl FnOnce() -> T,
) -> (T, Declarations) {
    let found = Declarations { playbook: stand_in.cloned(), ..Declarations::default() };
    let state = Declaring { cluster: cluster.map(Into::into), resolve, lines: Box::new(lines), found };
    DECLARING.set(Some(state));
    let result = evaluate();
    let found = DECLARING.take().map(|d| d.found).unwrap_or_default();
    (result, found)
}

fn with<T>(at: &NativeCallContext, f: impl FnOnce(&mut Declaring, Place) -> Result<T>) -> HostResult<T> {
    let name = at.fn_name().to_string();
    let result = DECLARING.with_borrow_mut(|declaring| {
        let declaring = declaring.as_mut().ok_or_else(|| {
            Error::new(Kind::Playbook, format!("{name} declares, and belongs at the top level of a playbook"))
                .hint("inside a step it is too late: the plan stands")
        })?;
        let file = at.call_source().unwrap_or_default().to_string();
        let position = at.call_position();
        let line = position.line().unwrap_or(0);
        let source = (declaring.lines)(&file, line);
        let place = Place { file, line, column: position.position().unwrap_or(0), source };
        f(declaring, place.clone()).map_err(|e| e.at(place))
    });
    Ok(result?)
}

fn register(m: &mut Registrar) {
    m.global("playbook")
        .sig("(options: map)")
        .doc(
            "Declares the playbook: the first thing that its file says. Options: `id` (needed: `\"t5\"`), `title`, \
             `after` (ids of playbooks that come before where they are selected too), `kind` (`\"procedure\"` for \
             rollback and recovery, which run only when they are named), `gated` (`false`: its steps run also where a P0 \
             step of an earlier playbook has failed, for what writes up how it went).",
        )
        .example(r#"playbook(#{ id: "t5", title: "Networking", after: ["t4"] });"#)
        .add(|at: NativeCallContext, options: Map| with(&at, |d, place| playbook(d, place, options)));
    m.global("setting")
        .sig("(name: string, default: any, about: string) -> any")
        .doc(
            "Declares a setting and gives its value. The type is that of the default: a number, string, bool, list, \
             map, `duration` or `size`. Values come from `pb.toml` (also per cluster), a profile, the variable \
             `PB_SET_NAME` and `--set name=value`, and are checked against the type.",
        )
        .example(r#"playbook(#{ id: "t5" }); let router = setting("router", "edge-1", "the upstream router"); router == "edge-1""#)
        .add(|at: NativeCallContext, name: &str, default: Dynamic, about: &str| {
            with(&at, |d, place| setting(d, place, name, &default, about))
        });
    m.global("by_cluster")
        .sig("(values: map, otherwise: any) -> any")
        .doc(
            "A value that differs by cluster, for defaults: `by_cluster(#{ infra: 64512, apps: 64513 }, 0)`. The top \
             level is evaluated once for each cluster, with its name here; without a cluster, and for one that the map \
             does not name, `otherwise` is given.",
        )
        .example(r#"playbook(#{ id: "t5" }); let asn = setting("asn", by_cluster(#{ infra: 64512 }, 0), "the AS"); asn >= 0"#)
        .add(|at: NativeCallContext, values: Map, otherwise: Dynamic| -> HostResult<Dynamic> {
            let own = with(&at, |d, _| Ok(d.cluster.clone()))?;
            Ok(own.and_then(|c| values.get(c.as_str()).cloned()).unwrap_or(otherwise))
        });
    m.global("step")
        .sig("(id: string, options: map, body?: |t|)")
        .doc(
            "Declares a step. Options: `title`, `covers`, `priority`, `on`, `effect`, `timeout`, `retry`, `needs`, \
             `alone`, `guard`, `later`, `manual`, `risk`, `if_fails`. The closure runs with the step's handle `t`; it \
             shares nothing with other steps except by `t.publish` and `t.value`.",
        )
        .example(r#"playbook(#{ id: "t5" }); step("sum", #{ title: "One and one is two", on: "none" }, |t| { expect(1 + 1, "sum").to_be(2); });"#)
        .add(|at: NativeCallContext, id: &str, options: Map, body: FnPtr| {
            let body = Closure::keep(&at, body);
            with(&at, |d, place| step::step(d, &at, place, id, options, Some(body)))
        })
        .add(|at: NativeCallContext, id: &str, options: Map| {
            with(&at, |d, place| step::step(d, &at, place, id, options, None))
        });
}

fn playbook(declaring: &mut Declaring, place: Place, options: Map) -> Result<()> {
    // A stand-in has no place, and gives way.
    if let Some(first) = declaring.found.playbook.as_ref().filter(|first| first.place.line > 0) {
        let message = format!("a second playbook(…), the first is at {}", first.place);
        declaring.found.problems.push(Error::new(Kind::Playbook, message).at(place));
        return Ok(());
    }
    let mut problems = Vec::new();
    let mut o = Reader { of: "playbook", map: options, problems: &mut problems };
    let named = o.map.contains_key("id");
    let id = o.string("id");
    if !named {
        o.wrong(Error::new(Kind::Playbook, "playbook(…) has no id").hint("playbook(#{ id: \"t5\", title: \"…\" });"));
    }
    let has_id = id.is_some();
    let kind = match o.string("kind").as_deref() {
        None | Some("validation") => PlaybookKind::Validation,
        Some("procedure") => PlaybookKind::Procedure,
        Some(other) => {
            o.wrong(Error::new(
                Kind::Playbook,
                format!("playbook(…): kind is \"{other}\", expected \"validation\" or \"procedure\""),
            ));
            PlaybookKind::Validation
        }
    };
    let decl = PlaybookDecl {
        id: id.unwrap_or_default(),
        title: o.string("title").unwrap_or_default(),
        after: o.strings("after").unwrap_or_default(),
        kind,
        ungated: o.bool("gated") == Some(false),
        place,
    };
    o.nothing_else(&["id", "title", "after", "kind", "gated"]);
    if has_id {
        problems.extend(decl.check().err());
    }
    declaring.found.problems.extend(problems.into_iter().map(|e| e.at(decl.place.clone())));
    declaring.found.playbook = Some(decl);
    Ok(())
}

fn setting(declaring: &mut Declaring, place: Place, name: &str, default: &Dynamic, about: &str) -> Result<Dynamic> {
    let Some(playbook) = declaring.found.playbook.as_ref().map(|p| p.id.clone()) else {
        return Err(Error::new(Kind::Playbook, format!("setting(\"{name}\") before playbook(…)"))
            .hint("playbook(#{ id: …, title: … }) comes first"));
    };
    if let Some((_, first)) = declaring.found.values.iter().find(|(n, _)| n == name) {
        let error = Error::new(Kind::Playbook, format!("setting \"{name}\" is declared twice"));
        declaring.found.problems.push(error.at(place));
        return Ok(first.clone());
    }
    let (value, from) =
        (declaring.resolve)(&playbook, name, declaring.cluster.as_deref(), default).unwrap_or_else(|error| {
            declaring.found.problems.push(error.at(place));
            (default.clone(), "default".into())
        });
    declaring.found.settings.push(SettingInfo {
        playbook,
        name: name.to_string(),
        cluster: declaring.cluster.clone(),
        value: crate::host::values::from_dynamic(&value),
        default: crate::host::values::from_dynamic(default),
        from,
        about: about.to_string(),
    });
    declaring.found.values.push((name.to_string(), value.clone()));
    Ok(value)
}
