//! What a text writes out, as far as it can be told without running it: strings, lists, maps, closures, and variables
//! that hold them.

use std::collections::BTreeMap;

use rhai::{AST, ASTNode, Expr, FnPtr, Stmt};

/// A value that is written out.
#[derive(Debug, Clone, Default)]
pub(super) enum Known {
    /// It is computed, or nothing that boxes and labels are made of.
    #[default]
    Unknown,
    Text(String),
    /// A string with `${…}` in it, as it is written: good for a label, and for no id.
    Template(String),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
    /// One of these: the variable of a loop over a list.
    Either(Vec<Self>),
    Closure(Closure),
}

/// A closure, with what it captured.
#[derive(Debug, Clone)]
pub(super) struct Closure {
    /// The name under which the tree keeps it.
    pub(super) function: String,
    pub(super) captured: Env,
}

/// Variables.
pub(super) type Env = BTreeMap<String, Known>;

impl Known {
    /// The value of an expression.
    pub(super) fn of(expr: &Expr, env: &Env) -> Self {
        match expr {
            Expr::StringConstant(text, _) => Self::Text(text.to_string()),
            Expr::Array(items, _) => Self::List(items.iter().map(|item| Self::of(item, env)).collect()),
            Expr::Map(map, _) => {
                Self::Map(map.0.iter().map(|(key, value)| (key.name.to_string(), Self::of(value, env))).collect())
            }
            Expr::Variable(variable, ..) if variable.2.is_empty() => {
                env.get(variable.1.as_str()).cloned().unwrap_or_default()
            }
            Expr::Dot(binary, ..) => Self::of(&binary.lhs, env).path(&binary.rhs),
            _ => closure(expr, env).map_or(Self::Unknown, Self::Closure),
        }
    }

    /// What lies at `.a.b` of it.
    fn path(&self, rest: &Expr) -> Self {
        match rest {
            Expr::Property(property, _) => self.get(property.2.as_str()),
            Expr::Dot(binary, ..) => self.path(&binary.lhs).path(&binary.rhs),
            _ => Self::Unknown,
        }
    }

    fn get(&self, key: &str) -> Self {
        match self {
            Self::Map(map) => map.get(key).cloned().unwrap_or_default(),
            Self::Either(any) => Self::Either(any.iter().map(|one| one.get(key)).collect()),
            _ => Self::Unknown,
        }
    }

    /// What a loop over it has in its turns.
    fn items(self) -> Self {
        match self {
            Self::List(items) => Self::Either(items),
            _ => Self::Unknown,
        }
    }

    /// The strings that it is, whatever happens.
    pub(super) fn certain(&self) -> Vec<String> {
        match self {
            Self::Text(text) => vec![text.clone()],
            Self::List(all) => all.iter().flat_map(Self::certain).collect(),
            _ => Vec::new(),
        }
    }

    /// The strings that it is or may be; none where some of them can't be told.
    pub(super) fn texts(&self) -> Option<Vec<String>> {
        match self {
            Self::Text(text) => Some(vec![text.clone()]),
            Self::List(all) | Self::Either(all) if !all.is_empty() => {
                let each: Option<Vec<Vec<String>>> = all.iter().map(Self::texts).collect();
                Some(each?.concat())
            }
            _ => None,
        }
    }
}

/// The closure that an expression is.
pub(super) fn closure(expr: &Expr, env: &Env) -> Option<Closure> {
    match expr {
        Expr::DynamicConstant(value, _) => {
            let function = value.read_lock::<FnPtr>()?.fn_name().to_string();
            Some(Closure { function, captured: Env::new() })
        }
        // A block that shares the captured variables, and gives the closure with them as its first arguments.
        Expr::Stmt(block) => block.iter().find_map(|stmt| match stmt {
            Stmt::Expr(expr) => curried(expr, env),
            _ => None,
        }),
        other => curried(other, env),
    }
}

fn curried(expr: &Expr, env: &Env) -> Option<Closure> {
    let Expr::FnCall(call, _) = expr else { return None };
    let (first, captured) = call.args.split_first().filter(|_| call.name == "curry")?;
    let mut closure = closure(first, env)?;
    for variable in captured {
        if let Expr::Variable(variable, ..) = variable {
            let name = variable.1.to_string();
            closure.captured.insert(name.clone(), env.get(&name).cloned().unwrap_or_default());
        }
    }
    Some(closure)
}

/// Adds the variables that a tree binds. One that is bound or assigned to twice may have either value.
pub(super) fn bind(tree: &AST, env: &mut Env) {
    let mut own: Vec<String> = Vec::new();
    let mut changed: Vec<String> = Vec::new();
    tree.walk(&mut |path| {
        let (name, value) = match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(var, ..))) => (var.0.name.to_string(), Known::of(&var.1, env)),
            Some(ASTNode::Stmt(Stmt::For(of, _))) => (of.0.name.to_string(), Known::of(&of.2.expr, env).items()),
            Some(ASTNode::Stmt(Stmt::Assignment(assigned))) => {
                changed.extend(root(&assigned.1.lhs));
                return true;
            }
            _ => return true,
        };
        let again = own.contains(&name);
        let before = env.remove(&name).filter(|_| again);
        own.push(name.clone());
        env.insert(name, before.map_or_else(|| value.clone(), |before| Known::Either(vec![before, value.clone()])));
        true
    });
    for name in changed {
        env.insert(name, Known::Unknown);
    }
}

/// The variable with which an expression begins.
fn root(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Variable(variable, ..) => Some(variable.1.to_string()),
        Expr::Dot(binary, ..) | Expr::Index(binary, ..) => root(&binary.lhs),
        _ => None,
    }
}
