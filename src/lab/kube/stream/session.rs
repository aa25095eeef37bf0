//! Input, output and end of a program that somebody far away talks to.

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;

/// What comes from the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    Data(Bytes),
    /// Nothing more comes.
    End,
    /// The terminal has another size.
    Size,
}

/// What goes to the client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Output {
    Stdout(Bytes),
    Stderr(Bytes),
    /// How it ended; the last there is.
    Status(Value),
}

/// The program's side. Input is closed when the client is gone.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) input: mpsc::UnboundedReceiver<Input>,
    pub(crate) output: mpsc::Sender<Output>,
}

/// The client's side.
#[derive(Debug)]
pub(crate) struct Far {
    pub(crate) input: mpsc::UnboundedSender<Input>,
    pub(crate) output: mpsc::Receiver<Output>,
}

/// Both sides of a session.
pub(crate) fn pair() -> (Session, Far) {
    // Input is not held back: while a program does not read, its output has to get on.
    let (input, from) = mpsc::unbounded_channel();
    let (output, to) = mpsc::channel(16);
    (Session { input: from, output }, Far { input, output: to })
}
