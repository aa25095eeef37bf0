//! A TLS stream that remembers why it broke: a server refuses a client certificate after the handshake, and what stands
//! above the stream passes on no more than that something failed.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What TLS said when it broke, if it did.
#[derive(Debug, Clone, Default)]
pub(super) struct Broke(Arc<Mutex<Option<rustls::Error>>>);

impl Broke {
    /// Looks for an error of TLS in one of the stream, and keeps the first.
    pub(super) fn saw(&self, error: &io::Error) {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(tls) = tls {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| tls.clone());
        }
    }

    /// What it was.
    pub(super) fn why(&self) -> Option<rustls::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it is of the same connection.
    pub(super) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The stream.
#[derive(Debug)]
pub(super) struct Watched<S> {
    inner: S,
    broke: Broke,
}

impl<S> Watched<S> {
    pub(super) fn new(inner: S, broke: Broke) -> Self {
        Self { inner, broke }
    }

    fn seen<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| self.broke.saw(error))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.inner).poll_read(cx, buffer));
        Poll::Ready(self.seen(result))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes));
        Poll::Ready(self.seen(result))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.inner).poll_flush(cx));
        Poll::Ready(self.seen(result))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.inner).poll_shutdown(cx));
        Poll::Ready(self.seen(result))
    }
}
