//! Bodies of answers that are not at their end: as long as one is there, somebody waits for the lab.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};

/// A body, with the clock's note that it has been asked for.
pub struct Asked<B> {
    body: B,
    note: Box<dyn Any + Send + Sync>,
}

impl<B> Asked<B> {
    /// A body that was asked for when the note was made.
    pub fn new(body: B, note: Box<dyn Any + Send + Sync>) -> Self {
        Self { body, note }
    }
}

impl<B: fmt::Debug> fmt::Debug for Asked<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("body", &self.body).finish_non_exhaustive()
    }
}

impl<B: Body + Unpin> Body for Asked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) {
            // Nobody waits for more, also where the body itself is kept.
            self.note = Box::new(());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
