//! The thread that runs a script thread's jq filters: with a stack of its own, and left behind when its time is up.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::texts;
use crate::error::{Error, Kind};
use crate::host::Context;

/// Filters walk values on the stack, and jaq bounds no depth; what is not used costs no memory.
const STACK: usize = 256 << 20;
/// Between two looks at the step's deadline and cancellation.
const LOOK: Duration = Duration::from_millis(50);
/// The time of a filter at top level, where no step has a deadline.
const TOP_LEVEL: Duration = Duration::from_secs(10);

struct Job {
    filter: String,
    input: String,
    most: usize,
    stop: Arc<AtomicBool>,
    answer: Sender<Result<Vec<String>, Error>>,
}

thread_local! {
    // One for each thread that runs scripts; it ends with the sender.
    static WORKER: RefCell<Option<Sender<Job>>> = const { RefCell::new(None) };
}

/// The results of a filter over a JSON text, each as JSON text.
///
/// # Errors
/// The filter's own; [`Kind::Timeout`] and [`Kind::Cancelled`] of the step, while the filter's thread is left behind.
pub(super) fn run(filter: &str, input: String, most: usize) -> Result<Vec<String>, Error> {
    let stop = Arc::new(AtomicBool::new(false));
    let (answer, answers) = channel();
    let job = Job { filter: filter.to_string(), input, most, stop: stop.clone(), answer };
    // A worker is put back only after it has answered: one that is still busy is never asked again.
    let worker = match WORKER.take() {
        Some(worker) => worker,
        None => start()?,
    };
    if worker.send(job).is_err() {
        return Err(ended(filter));
    }
    let answer = wait(filter, &answers);
    match answer {
        Ok(answer) => {
            WORKER.set(Some(worker));
            answer
        }
        Err(error) => {
            stop.store(true, Ordering::Relaxed);
            Err(error)
        }
    }
}

fn wait(filter: &str, answers: &Receiver<Result<Vec<String>, Error>>) -> Result<Result<Vec<String>, Error>, Error> {
    let context = Context::current().ok();
    let started = Instant::now();
    loop {
        match answers.recv_timeout(LOOK) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Disconnected) => return Err(ended(filter)),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let running = |error: Error| error.because(format!("the jq filter {filter:?} was still running"));
        match &context {
            Some(context) => context.check().map_err(running)?,
            None if started.elapsed() >= TOP_LEVEL => {
                return Err(running(Error::new(
                    Kind::Script,
                    format!("a jq filter at top level did not end within {} s", TOP_LEVEL.as_secs()),
                )));
            }
            None => {}
        }
    }
}

fn start() -> Result<Sender<Job>, Error> {
    let (jobs, waiting) = channel::<Job>();
    let work = move || {
        for job in waiting {
            // Nobody waits for the answer of a filter that was left behind.
            let _ = job.answer.send(texts(&job.filter, &job.input, job.most, &job.stop));
        }
    };
    std::thread::Builder::new()
        .name("jq".into())
        .stack_size(STACK)
        .spawn(work)
        .map_err(|e| Error::new(Kind::Script, "no thread could be started for jq").because(e))?;
    Ok(jobs)
}

fn ended(filter: &str) -> Error {
    Error::new(Kind::Script, format!("jq panicked at the filter {filter:?}")).hint("standard error has its words")
}
