//! Clean-up: `finally` closures, then the ledger's rows in reverse order, each told as an event.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::event::{LedgerRow, Undo, What, short};
use crate::host::undo::{self, Undone};
use crate::host::{Context, World};
use crate::script::call::Caller;

/// How long the clean-up of one step may take; it runs outside the step's deadline.
const STEP_LIMIT: Duration = Duration::from_secs(120);
/// How long one `finally` closure may take, of that.
const FINALLY_LIMIT: Duration = Duration::from_secs(30);
/// How long undoing one row may take: the end of a namespace with pods in it.
const ROW_LIMIT: Duration = Duration::from_secs(60);

/// What a step's clean-up did not do.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// What `finally` closures threw, in order.
    pub(super) threw: Vec<Error>,
    /// Ledger rows that were not undone, in words.
    pub(super) problems: Vec<String>,
}

/// Cleans up after a step.
pub(super) fn step(context: &Arc<Context>, caller: &Caller) -> Left {
    let mut left = Left::default();
    let cleaning = context.for_cleaning(STEP_LIMIT);
    loop {
        let Some(closure) = context.state().finally.pop() else { break };
        // Each gets its own time: one that hangs must not take that of the others.
        let _entered = cleaning.narrowed(FINALLY_LIMIT, "the finally closure's").enter();
        if let Err(error) = caller.plain(&closure) {
            left.threw.push(error.context("a finally closure threw"));
        }
    }
    for row in context.world.ledger.take(Some(&context.step)) {
        if let Err(problem) = undo_row(&context.world, Some(&context.step), row) {
            left.problems.push(problem);
        }
    }
    // Port-forwards and sessions end after the clean-up, which may still use them.
    let kept = std::mem::take(&mut context.state().kept);
    drop(kept);
    left
}

/// Works off what belongs to the whole run; what is left in the clusters, in words.
pub(super) fn end_of_run(world: &Arc<World>) -> Vec<String> {
    let mut clusters: BTreeMap<Option<String>, Vec<LedgerRow>> = BTreeMap::new();
    for row in world.ledger.take(None) {
        clusters.entry(row.undo.cluster().map(Into::into)).or_default().push(row);
    }
    // A namespace takes seconds to end; those of two clusters end side by side.
    std::thread::scope(|scope| {
        for rows in clusters.into_values() {
            scope.spawn(move || {
                for row in rows {
                    // The event says why not; the row stays open and is named below.
                    let _ = undo_row(world, None, row);
                }
            });
        }
    });
    world.ledger.left()
}

fn undo_row(world: &Arc<World>, owner: Option<&str>, row: LedgerRow) -> Result<(), String> {
    // Of all that was told before nothing is lost by a kill now: one row at most is undone without the record's knowing.
    world.bus.flush();
    let result = world.runtime.block_on(perform(world, &row.undo));
    world
        .bus
        .emit(owner, What::UndoDone { row: row.row, error: result.as_ref().err().cloned(), by_hand: None, line: None });
    result.map(drop).map_err(|why| {
        let problem = format!("{}: not undone: {why}", row.change);
        world.ledger.put_back(owner, row, why);
        problem
    })
}

async fn perform(world: &World, undo: &Undo) -> Result<Gone, String> {
    judged(attempt(world, undo).await)
}

/// Performs an undo within the limit of a row.
pub(super) async fn attempt(world: &World, undo: &Undo) -> Result<Undone> {
    let limited = crate::clock::timeout(ROW_LIMIT, undo::perform(world, undo));
    match crate::clock::by(world.clock.clone(), limited).await {
        Ok(undone) => undone,
        Err(_) => Err(Error::new(Kind::Timeout, format!("not done within {}", short(ROW_LIMIT)))),
    }
}

/// Why a change does not stand any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// It was undone now.
    Undone,
    /// There was nothing to undo.
    Already,
}

/// Or why it still stands.
pub(super) fn judged(undone: Result<Undone>) -> Result<Gone, String> {
    match undone {
        Ok(Undone::Done) => Ok(Gone::Undone),
        Ok(Undone::Already) => Ok(Gone::Already),
        // Somebody else's since: nothing of this run may touch it, but the operator has to know.
        Ok(Undone::LeftAlone(reasons)) => Err(format!("left alone: {}", reasons.join("; "))),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::event::Effect;
    use crate::host::testing::world;

    #[test]
    fn what_is_left_alone_is_a_problem_with_its_reasons() {
        assert_eq!(judged(Ok(Undone::Done)), Ok(Gone::Undone));
        assert_eq!(judged(Ok(Undone::Already)), Ok(Gone::Already));
        let left = judged(Ok(Undone::LeftAlone(vec!["a is 7 now".into(), "b is 8 now".into()])));
        assert_eq!(left, Err("left alone: a is 7 now; b is 8 now".into()));
    }

    #[test]
    fn what_could_not_be_undone_is_named_at_the_end_with_why() {
        let world = world(Config::default());
        let run = |program: &str| Undo::Command { program: program.into(), args: Vec::new() };
        let context = Context::new(world.clone(), "t/s", None, Effect::Write, None);
        context.undo_at_end_of_run("start a thing", run("true")).expect("noted");
        context.undo_at_end_of_run("start another", run("false")).expect("noted");
        assert_eq!(end_of_run(&world), ["start another: false ended with exit code 1"]);
    }
}
