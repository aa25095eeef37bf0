//! How a host function is declared: its row in the module's table carries signature, effect, doc
//! comment and example, and help, completion, reference, `pb check` and tests read it from there.

use std::any::TypeId;

use rhai::{
    Dynamic, EvalAltResult, FuncRegistration, Module as RhaiModule, NativeCallContext, RhaiFunc, RhaiNativeFunc,
    Shared, Variant,
};

use crate::error::{Error, Place};
use crate::event::Effect;
use crate::host::place;
use crate::host::values::bounded;

/// What the examples of a module need around them to run in a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing but this machine.
    Nothing,
    /// Nothing, and it is a playbook's top level rather than a step's body.
    Declaring,
    /// The clusters `infra` and `apps`.
    Cluster,
    /// The router `edge-1` behind SSH.
    Router,
    /// An HTTP server of the test's, the endpoint `web`.
    Web,
    /// The Talos machines of cluster `infra`.
    Machines,
    /// The whole platform, as the lab has it: what the standard library is written for.
    Platform,
}

/// A row of [`super::MODULES`].
#[derive(Debug, Clone, Copy)]
pub struct Module {
    /// The name of its pages and, for path functions, the script's name: `dns`.
    pub name: &'static str,
    /// One line: what it is for.
    pub about: &'static str,
    /// What its examples need.
    pub needs: Needs,
    /// Declares its functions.
    pub register: fn(&mut Registrar),
}

/// What is known of a host function.
#[derive(Debug, Clone)]
pub struct Function {
    /// The module whose page it stands on.
    pub module: &'static str,
    /// What its example needs.
    pub needs: Needs,
    /// Its name, without module and receiver.
    pub name: &'static str,
    /// How it is called.
    pub form: Form,
    /// The parameters and the result: `(name: string, options?: map) -> list`.
    pub signature: &'static str,
    /// The strongest effect that it can have.
    pub effect: Effect,
    /// Whether it reaches outside the script, so that it is refused at top level.
    pub host_call: bool,
    /// The doc comment, in Markdown; the first sentence is its summary.
    pub doc: &'static str,
    /// Script lines that run as a test.
    pub example: &'static str,
    /// The keys of the map that it takes last; none where it takes no such map.
    pub options: Vec<&'static str>,
    /// The numbers of arguments it takes, the receiver not counted.
    pub arities: Vec<usize>,
    /// The types of the arguments of each, the receiver not counted.
    pub types: Vec<Vec<TypeId>>,
}

/// How a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `expect(x, "label")`
    Global,
    /// `dns::lookup(name)`
    Path,
    /// `k.list("pods")`, on the named type.
    Method(&'static str),
    /// `pod.name`, on the named type.
    Property(&'static str),
}

impl Function {
    /// The name as a script calls it: `dns::lookup`, `cluster.list`, `expect`.
    pub fn full_name(&self) -> String {
        match self.form {
            Form::Global => self.name.into(),
            Form::Path => format!("{}::{}", self.module, self.name),
            Form::Method(receiver) | Form::Property(receiver) => format!("{receiver}.{}", self.name),
        }
    }

    /// The first sentence of its doc comment.
    pub fn summary(&self) -> &'static str {
        let doc = self.doc.trim();
        let end = doc.find(". ").or_else(|| doc.find(".\n")).map_or(doc.len(), |i| i + 1);
        doc[..end].trim_end_matches('.')
    }
}

/// Collects the functions of all modules: for the engine and for the reference.
#[derive(Debug, Default)]
pub struct Registrar {
    module: &'static str,
    needs: Option<Needs>,
    global: RhaiModule,
    path: RhaiModule,
    paths: Vec<(&'static str, RhaiModule)>,
    functions: Vec<Function>,
}

impl Registrar {
    /// Runs every row of the table.
    pub fn of(modules: &[Module]) -> Self {
        let mut all = Self::default();
        for module in modules {
            all.module = module.name;
            all.needs = Some(module.needs);
            (module.register)(&mut all);
            if all.path.count().0 + all.path.count().1 > 0 {
                all.paths.push((module.name, std::mem::take(&mut all.path)));
            }
        }
        all
    }

    /// A function called by its bare name.
    pub fn global(&mut self, name: &'static str) -> Row<'_> {
        self.row(name, Form::Global)
    }

    /// A function called as `module::name`.
    pub fn path(&mut self, name: &'static str) -> Row<'_> {
        self.row(name, Form::Path)
    }

    /// A function called on a value: the receiver is its first parameter (`&mut T`).
    pub fn method(&mut self, receiver: &'static str, name: &'static str) -> Row<'_> {
        self.row(name, Form::Method(receiver))
    }

    /// A property read from a value: its function takes the receiver (`&mut T`) alone.
    pub fn property(&mut self, receiver: &'static str, name: &'static str) -> Row<'_> {
        self.row(name, Form::Property(receiver))
    }

    /// The global module itself, for what has no row: operators, indexers, iterators, `to_string`.
    pub fn raw(&mut self) -> &mut RhaiModule {
        &mut self.global
    }

    /// The global module, the modules by name, and what is known of every function.
    pub fn finish(self) -> (RhaiModule, Vec<(&'static str, RhaiModule)>, Vec<Function>) {
        (self.global, self.paths, self.functions)
    }

    fn row(&mut self, name: &'static str, form: Form) -> Row<'_> {
        let function = Function {
            module: self.module,
            needs: self.needs.unwrap_or(Needs::Nothing),
            name,
            form,
            signature: "",
            effect: Effect::Read,
            host_call: false,
            doc: "",
            example: "",
            options: Vec::new(),
            arities: Vec::new(),
            types: Vec::new(),
        };
        Row { registrar: self, function }
    }
}

/// A row under construction; it enters the table when it is dropped.
#[derive(Debug)]
pub struct Row<'a> {
    registrar: &'a mut Registrar,
    function: Function,
}

impl Row<'_> {
    /// Parameters and result, the receiver left out: `(kind: string, options?: map) -> list`.
    #[must_use]
    pub fn sig(mut self, signature: &'static str) -> Self {
        self.function.signature = signature;
        self
    }

    /// The keys of its last parameter, a map: the very list that its reader gets. Called again, it adds keys.
    #[must_use]
    pub fn options(mut self, keys: &'static [&'static str]) -> Self {
        self.function.options.extend(keys);
        self
    }

    /// Marks a host call with the strongest effect that it can have.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.function.effect = effect;
        self.function.host_call = true;
        self
    }

    /// The doc comment: shapes, units, errors.
    #[must_use]
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.function.doc = doc;
        self
    }

    /// Script lines that show it and run as a test; they end in a `bool` that is true, or assert.
    #[must_use]
    pub fn example(mut self, example: &'static str) -> Self {
        self.function.example = example;
        self
    }

    /// What the example needs, where that is not what its module needs.
    #[must_use]
    pub fn needs(mut self, needs: Needs) -> Self {
        self.function.needs = needs;
        self
    }

    /// Adds the Rust function; called again for each further number or type of arguments.
    #[expect(clippy::should_implement_trait, reason = "nothing is summed here; the rows of a module read well so")]
    pub fn add<A: 'static, const N: usize, const X: bool, R, const F: bool, Func>(self, function: Func) -> Self
    where
        R: Variant + Clone,
        Func: RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
    {
        self.add_typed(function, Func::param_types())
    }

    /// Adds a method of arrays that takes the value whole (`&mut Dynamic`), with the mark of what it was filtered from.
    pub fn add_for_array<A: 'static, const N: usize, const X: bool, R, const F: bool, Func>(
        self,
        function: Func,
    ) -> Self
    where
        R: Variant + Clone,
        Func: RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
    {
        let mut types = Func::param_types();
        if let Some(receiver) = types.first_mut() {
            *receiver = TypeId::of::<rhai::Array>();
        }
        self.add_typed(function, types)
    }

    fn add_typed<A: 'static, const N: usize, const X: bool, R, const F: bool, Func>(
        mut self,
        function: Func,
        types: [TypeId; N],
    ) -> Self
    where
        R: Variant + Clone,
        Func: RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
    {
        let receiver = matches!(self.function.form, Form::Method(_) | Form::Property(_));
        let arity = N - usize::from(receiver);
        if !self.function.arities.contains(&arity) {
            self.function.arities.push(arity);
        }
        self.function.types.push(types[N - arity..].to_vec());
        let name = self.function.name;
        let registration = match self.function.form {
            Form::Property(_) => FuncRegistration::new_getter(name),
            _ => FuncRegistration::new(name),
        };
        let function = placed(function.into_rhai_function(true, true));
        let (registration, module) = match self.function.form {
            // In the global namespace `json::parse` would also answer to a bare `parse`, and `text.replace(…)` to
            // `regex::replace`.
            Form::Path => (registration.in_internal_namespace(), &mut self.registrar.path),
            _ => (registration.in_global_namespace(), &mut self.registrar.global),
        };
        let _ = registration.set_into_module_raw(module, types, function);
        self
    }
}

/// Puts errors at the call's place: Rhai does not where a function is called through a module, and a script that
/// catches the error would never know.
fn placed(function: RhaiFunc) -> RhaiFunc {
    match function {
        RhaiFunc::Pure { func, has_context, is_pure, is_volatile } => {
            RhaiFunc::Pure { func: placing(func, has_context), has_context: true, is_pure, is_volatile }
        }
        RhaiFunc::Method { func, has_context, is_pure, is_volatile } => {
            RhaiFunc::Method { func: placing(func, has_context), has_context: true, is_pure, is_volatile }
        }
        other => other,
    }
}

type Native =
    dyn Fn(Option<NativeCallContext>, &mut [&mut Dynamic]) -> Result<Dynamic, Box<EvalAltResult>> + Send + Sync;

fn placing(func: Shared<Native>, has_context: bool) -> Shared<Native> {
    Shared::new(move |at: Option<NativeCallContext<'_>>, args: &mut [&mut Dynamic]| {
        let Some(call) = at else { return func(None, args) };
        place::passed(&call);
        let same =
            (call.engine(), call.fn_name(), call.call_source(), call.global_runtime_state(), call.call_position());
        let bounded = args.iter().try_for_each(|arg| bounded(arg)).map_err(Into::into);
        bounded.and_then(|()| func(has_context.then(|| same.into()), args)).map_err(|mut error: Box<EvalAltResult>| {
            if error.position().is_none() {
                let position = call.call_position();
                error.set_position(position);
                if let EvalAltResult::ErrorRuntime(value, _) = error.as_mut()
                    && let (Some(mut error), Some(file), Some(line)) =
                        (value.write_lock::<Error>(), call.call_source(), position.line())
                {
                    let column = position.position().unwrap_or(0);
                    let place = Place { file: file.to_string(), line, column, source: None };
                    error.place.get_or_insert(place);
                }
            }
            error
        })
    })
}

impl Drop for Row<'_> {
    fn drop(&mut self) {
        self.registrar.functions.push(self.function.clone());
    }
}
