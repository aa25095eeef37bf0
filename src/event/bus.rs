//! The way from whoever emits an event to every listener, in one order, on one thread.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Answer, Event, What};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};

/// Whatever wants to know what happens: the terminal, the record, a report.
pub trait Listener: Send {
    /// One thing happened.
    fn on(&mut self, event: &Event);

    /// The run is about to end: what was told before may hold what became known as a secret only later. Whoever kept
    /// something to tell it at the end passes it through the filter again. What has to be told once more for that, by
    /// step, is given back, and told to every listener.
    fn review(&mut self, _filter: &Filter) -> Vec<(Option<String>, What)> {
        Vec::new()
    }

    /// A call was answered, just before its end is told: for whoever keeps answers.
    fn answered(&mut self, _answer: &Answer) {}

    /// Whether all that was told so far is where a kill can't take it away. Where it is not, nothing is changed.
    ///
    /// # Errors
    /// What could not be kept, and why.
    fn kept(&mut self) -> Result<()> {
        Ok(())
    }

    /// Nothing more will happen.
    fn close(&mut self) {}

    /// Nothing happened for a moment: redraw what moves with time.
    fn tick(&mut self) {}

    /// How often [`Listener::tick`] is wanted.
    fn tick_every(&self) -> Option<Duration> {
        None
    }
}

/// What stands between emitting and listening: redaction.
pub type Filter = dyn Fn(Event) -> Event + Send + Sync;

enum Message {
    Event(Box<Event>),
    Answer(Box<Answer>),
    Flush(Sender<Result<()>>),
    Close,
}

/// The sending side. Cheap to share; events of one thread keep their order.
pub struct Bus {
    sender: Mutex<Sender<Message>>,
    filter: Arc<Filter>,
    /// The first undo that could not be told as what it is.
    untold: Mutex<Option<Error>>,
    clock: Arc<dyn Clock>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bus")
    }
}

impl Bus {
    /// Starts the thread that hands events to the listeners.
    pub fn new(clock: Arc<dyn Clock>, filter: Box<Filter>, listeners: Vec<Box<dyn Listener>>) -> Arc<Self> {
        let (sender, receiver) = channel();
        let filter: Arc<Filter> = filter.into();
        let again = filter.clone();
        let thread = std::thread::Builder::new()
            .name("events".into())
            .spawn(move || deliver(&receiver, &*again, listeners))
            .ok();
        Arc::new(Self {
            sender: Mutex::new(sender),
            filter,
            untold: Mutex::default(),
            clock,
            thread: Mutex::new(thread),
        })
    }

    /// A bus that nobody listens to.
    pub fn silent(clock: Arc<dyn Clock>) -> Arc<Self> {
        Self::new(clock, Box::new(|event| event), Vec::new())
    }

    /// Tells every listener, after redaction.
    pub fn emit(&self, step: Option<&str>, what: What) {
        let row = what.undo_row();
        let event = (self.filter)(Event { at: self.clock.now(), step: step.map(Into::into), what });
        if row.is_some() && event.what.undo_row() != row {
            let error = Error::new(Kind::Io, "an undo could not be told to the record as what it is");
            self.untold.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
        // The receiver is gone only after `close`: then nobody listens any more.
        let _ = self.lock().send(Message::Event(Box::new(event)));
    }

    /// Hands on what a call answered. It was redacted where it was made: here it is only bytes.
    pub fn answer(&self, answer: Answer) {
        let _ = self.lock().send(Message::Answer(Box::new(answer)));
    }

    /// Returns when everything emitted so far has reached the listeners.
    pub fn flush(&self) {
        // Whether it was kept matters to those alone who are about to change something.
        let _ = self.settle();
    }

    /// Returns when everything emitted so far is kept by all who keep it: then something may be changed.
    ///
    /// # Errors
    /// What a listener could not keep; [`Kind::Io`] when nobody listens any more, and where an undo has not reached the
    /// listeners as what it is.
    pub fn settle(&self) -> Result<()> {
        if let Some(error) = self.untold.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        let (done, wait) = channel();
        let sent = self.lock().send(Message::Flush(done));
        match sent.ok().and_then(|()| wait.recv().ok()) {
            Some(kept) => kept,
            None => Err(Error::new(Kind::Io, "what happens is no longer recorded")),
        }
    }

    /// Delivers what is under way and ends the thread.
    pub fn close(&self) {
        let _ = self.lock().send(Message::Close);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Sender<Message>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn deliver(receiver: &Receiver<Message>, filter: &Filter, mut listeners: Vec<Box<dyn Listener>>) {
    let every = listeners.iter().filter_map(|l| l.tick_every()).min().unwrap_or(Duration::from_secs(3600));
    loop {
        match receiver.recv_timeout(every) {
            Ok(Message::Event(event)) => {
                if matches!(event.what, What::RunFinished { .. }) {
                    let corrected: Vec<_> = listeners.iter_mut().flat_map(|l| l.review(filter)).collect();
                    for (step, what) in corrected {
                        let event = filter(Event { at: event.at, step, what });
                        listeners.iter_mut().for_each(|l| l.on(&event));
                    }
                }
                listeners.iter_mut().for_each(|l| l.on(&event));
            }
            Ok(Message::Answer(answer)) => listeners.iter_mut().for_each(|l| l.answered(&answer)),
            Ok(Message::Flush(done)) => {
                let mut kept: Vec<Result<()>> = listeners.iter_mut().map(|l| l.kept()).collect();
                let failed = kept.iter().position(Result::is_err);
                let _ = done.send(failed.map_or(Ok(()), |at| kept.swap_remove(at)));
            }
            Err(RecvTimeoutError::Timeout) => listeners.iter_mut().for_each(|l| l.tick()),
            Ok(Message::Close) | Err(RecvTimeoutError::Disconnected) => {
                return listeners.iter_mut().for_each(|l| l.close());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::System;

    struct Keep(Arc<Mutex<Vec<String>>>);

    impl Listener for Keep {
        fn on(&mut self, event: &Event) {
            if let What::Note { text } = &event.what {
                self.0.lock().expect("not poisoned").push(text.clone());
            }
        }
    }

    #[test]
    fn nothing_is_changed_whose_undo_was_not_told_as_one() {
        let row = |row| {
            let undo = crate::event::Undo::Command { program: "true".into(), args: Vec::new() };
            What::UndoRecorded(crate::event::LedgerRow { row, change: "x".into(), undo, cluster_id: None })
        };
        let note = |mut event: Event| {
            if event.what.undo_row() == Some(2) {
                event.what = What::Note { text: "withheld".into() };
            }
            event
        };
        let bus = Bus::new(Arc::new(System), Box::new(note), Vec::new());
        bus.emit(None, row(1));
        assert_eq!(bus.settle(), Ok(()));
        bus.emit(None, row(2));
        assert_eq!(bus.settle().map_err(|e| e.kind), Err(Kind::Io));
        bus.emit(None, row(3));
        assert_eq!(bus.settle(), Ok(()));
    }

    #[test]
    fn events_arrive_in_order_and_filtered() {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let filter = |mut event: Event| {
            if let What::Note { text } = &mut event.what {
                *text = text.replace("hunter2", "<secret:1>");
            }
            event
        };
        let bus = Bus::new(Arc::new(System), Box::new(filter), vec![Box::new(Keep(kept.clone()))]);
        for n in 0..100 {
            bus.emit(None, What::Note { text: format!("{n} hunter2") });
        }
        bus.flush();
        let kept = kept.lock().expect("not poisoned");
        assert_eq!(kept.len(), 100);
        assert_eq!(kept[42], "42 <secret:1>");
    }
}
