//! Follows what a step's closures call, and gathers what judges there: expectations, metrics with a limit, waits.

use std::collections::BTreeSet;
use std::rc::Rc;

use rhai::{ASTNode, Expr, FnCallExpr, Position};

use super::super::tree::{CallNode, call_of, chain};
use super::known::{Closure, Env, Known, bind, closure};
use super::units::{Function, Unit, Units};
use super::words;
use crate::error::Place;
use crate::playbook::matrix::{How, Judge};

/// How deep calls are followed.
const DEEP: usize = 32;

/// One step's search.
pub(super) struct Follow<'a, 'u> {
    pub(super) units: &'a mut Units<'u>,
    /// The methods that end an expectation.
    pub(super) matchers: &'a BTreeSet<String>,
    /// The functions on the way, by file, name and number of parameters: a circle is gone through once.
    pub(super) way: Vec<(String, String, usize)>,
    pub(super) found: Vec<Judge>,
}

impl Follow<'_, '_> {
    /// Looks through an expression, which may be or hold closures.
    pub(super) fn expression(&mut self, unit: &Rc<Unit>, expr: &Expr, env: &Env) {
        expr.walk(&mut Vec::new(), &mut |path| {
            self.node(unit, path, env);
            true
        });
    }

    fn node(&mut self, unit: &Rc<Unit>, path: &[ASTNode<'_>], env: &Env) {
        let Some(node) = path.last() else { return };
        match node {
            ASTNode::Expr(Expr::Dot(binary, ..)) => match (&binary.lhs, &binary.rhs) {
                (Expr::FnCall(call, position), rest) if call.name == "expect" && call.namespace.is_empty() => {
                    self.expectation(unit, *position, rest, env);
                }
                (lhs, Expr::MethodCall(call, position)) if call.name == "call" => {
                    if let Known::Closure(closure) = Known::of(lhs, env) {
                        let with = Self::values(unit, call, *position, env);
                        self.closure(unit, &closure, with);
                    }
                }
                _ => {}
            },
            // A closure that is kept in a variable may be called in many ways.
            ASTNode::Expr(expr @ Expr::Variable(..)) => {
                if let Known::Closure(closure) = Known::of(expr, env) {
                    self.closure(unit, &closure, Vec::new());
                }
            }
            ASTNode::Expr(expr @ (Expr::FnCall(..) | Expr::DynamicConstant(..))) if !in_curry(path) => {
                if let Some(closure) = closure(expr, env) {
                    self.closure(unit, &closure, Vec::new());
                }
            }
            _ => {}
        }
        if let Some(call) = call_of(node) {
            self.call(unit, &call, env);
        }
    }

    /// A closure with what it captured, which comes first, and what it is called with, where that is known.
    fn closure(&mut self, unit: &Rc<Unit>, closure: &Closure, with: Vec<Known>) {
        let Some(function) = unit.closure(&closure.function).cloned() else { return };
        let mut inside = closure.captured.clone();
        let own = function.params.iter().filter(|name| !closure.captured.contains_key(name.as_str()));
        let values = with.into_iter().chain(std::iter::repeat(Known::Unknown));
        inside.extend(own.map(ToString::to_string).zip(values));
        self.body(unit, &function, inside);
    }

    fn call(&mut self, unit: &Rc<Unit>, node: &CallNode<'_>, env: &Env) {
        let call = node.call;
        if node.method && self.of_step(unit, call, node.position, env) {
            return;
        }
        let of = match call.namespace.is_empty() {
            true => Some(unit.clone()),
            false if call.namespace.path.len() == 1 => self.units.module(unit, call.namespace.root()),
            false => None,
        };
        let Some(of) = of else { return };
        let Some(function) = of.functions.get(&(call.name.to_string(), call.args.len())).cloned() else { return };
        let values = Self::values(unit, call, node.position, env);
        let inside: Env = function.params.iter().cloned().zip(values).collect();
        self.body(&of, &function, inside);
    }

    /// What a call gives along, as far as it is known.
    fn values(unit: &Unit, call: &FnCallExpr, position: Position, env: &Env) -> Vec<Known> {
        let mut written = None;
        let value = |(at, arg): (usize, &Expr)| match arg {
            Expr::InterpolatedString(..) => {
                let written = written.get_or_insert_with(|| words::arguments(&unit.source, position));
                written.get(at).map_or(Known::Unknown, |text| Known::Template(words::label(text)))
            }
            arg => Known::of(arg, env),
        };
        call.args.iter().enumerate().map(value).collect()
    }

    fn body(&mut self, unit: &Rc<Unit>, function: &Function, mut env: Env) {
        let here = (unit.source.name.clone(), function.name.clone(), function.params.len());
        if self.way.len() >= DEEP || self.way.contains(&here) {
            return;
        }
        self.way.push(here);
        bind(&function.tree, &mut env);
        function.tree.walk(&mut |path| {
            self.node(unit, path, &env);
            true
        });
        self.way.pop();
    }

    /// `expect(…)` with what is called on it.
    fn expectation(&mut self, unit: &Unit, position: Position, rest: &Expr, env: &Env) {
        let mut calls = Vec::new();
        chain(rest, &mut calls);
        if !calls.iter().any(|(call, _)| self.matchers.contains(call.name.as_str())) {
            return;
        }
        let named = calls.iter().filter(|(call, _)| call.name == "covers").flat_map(|(call, _)| &call.args);
        let boxes: Vec<Known> = named.map(|arg| Known::of(arg, env)).collect();
        let arguments = words::arguments(&unit.source, position);
        let label = arguments.get(1).or_else(|| arguments.first()).copied().unwrap_or("the value");
        self.add(unit, How::Expectation, position, spoken(label, env), &boxes);
    }

    /// `t.metric(…)` with a limit, and `kube.wait(…)`.
    fn of_step(&mut self, unit: &Unit, call: &FnCallExpr, position: Position, env: &Env) -> bool {
        let arguments = || words::arguments(&unit.source, position);
        let spoken_at = |at: usize| arguments().get(at).map(|label| spoken(label, env)).unwrap_or_default();
        match (call.name.as_str(), &call.args[..]) {
            ("metric", [.., options]) if call.args.len() == 4 => {
                if let Known::Map(options) = Known::of(options, env)
                    && options.contains_key("max")
                {
                    let boxes: Vec<Known> = options.get("covers").cloned().into_iter().collect();
                    self.add(unit, How::Limit, position, spoken_at(0), &boxes);
                }
                true
            }
            ("wait", [_, _] | [_, _, _]) => {
                let label = format!("wait for {} {}", spoken_at(0), spoken_at(1));
                self.add(unit, How::Wait, position, label, &[]);
                true
            }
            _ => false,
        }
    }

    fn add(&mut self, unit: &Unit, how: How, position: Position, label: String, named: &[Known]) {
        let texts: Vec<Option<Vec<String>>> = named.iter().map(Known::texts).collect();
        let certain: Vec<String> = named.iter().flat_map(Known::certain).collect();
        let computed = texts.iter().any(Option::is_none);
        let boxes: Vec<String> = texts.into_iter().flatten().flatten().collect();
        let (line, column) = (position.line().unwrap_or(0), position.position().unwrap_or(0));
        let place = Place { file: unit.source.name.clone(), line, column, source: None };
        let known = self.found.iter_mut().find(|judge| judge.place == place && judge.label == label);
        match known {
            // A function that is called twice, with other boxes each time.
            Some(judge) => {
                judge.boxes.extend(boxes);
                judge.certain.extend(certain);
                judge.computed |= computed;
            }
            None => self.found.push(Judge { how, label, place, boxes, certain, computed }),
        }
    }
}

/// Whether a node is the closure, or a captured variable, within `curry(closure, captured…)`.
fn in_curry(path: &[ASTNode<'_>]) -> bool {
    matches!(path.iter().rev().nth(1), Some(ASTNode::Expr(Expr::FnCall(call, _))) if call.name == "curry")
}

/// A label as it is written, or what the variable that it is holds.
fn spoken(argument: &str, env: &Env) -> String {
    match env.get(argument) {
        Some(Known::Text(text) | Known::Template(text)) => text.clone(),
        _ => words::label(argument),
    }
}
