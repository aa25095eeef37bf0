//! The sockets under a session: the pump of a jump host, and stopping them from outside.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::error::{Error, Kind, Result};

/// A socket that a session runs over.
#[derive(Debug)]
pub(super) enum Wire {
    /// To the host itself.
    Tcp(TcpStream),
    /// To the pump that feeds a jump host's channel.
    Local(UnixStream),
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(s) => s.as_fd(),
            Self::Local(s) => s.as_fd(),
        }
    }
}

impl AsRawFd for Wire {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl Wire {
    pub(super) fn clone_wire(&self) -> Result<Self> {
        match self {
            Self::Tcp(s) => s.try_clone().map(Self::Tcp),
            Self::Local(s) => s.try_clone().map(Self::Local),
        }
        .map_err(|e| Error::new(Kind::Io, "a socket can't be duplicated").caused_by(&e))
    }

    fn shut(&self) {
        let _ = match self {
            Self::Tcp(s) => s.shutdown(Shutdown::Both),
            Self::Local(s) => s.shutdown(Shutdown::Both),
        };
    }

    /// Whether the peer closed the connection or it broke, as far as the system knows by now.
    pub(super) fn hung_up(&self) -> bool {
        let mut fds = [PollFd::new(self, PollFlags::RDHUP)];
        match poll(&mut fds, Some(&Timespec::default())) {
            Ok(_) => fds[0].revents().intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR),
            Err(_) => true,
        }
    }

    /// Waits until the session can go on, at most a quarter of a second.
    pub(super) fn wait(&self, session: &ssh2::Session) {
        let mut fds = [PollFd::new(self, interest(session))];
        let _ = poll(&mut fds, Some(&QUARTER));
    }
}

/// How long a wait for a socket lasts before the stop sign is looked at again.
const QUARTER: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };

fn interest(session: &ssh2::Session) -> PollFlags {
    match session.block_directions() {
        ssh2::BlockDirections::Outbound => PollFlags::OUT,
        ssh2::BlockDirections::Both => PollFlags::IN | PollFlags::OUT,
        _ => PollFlags::IN,
    }
}

/// Ends blocking work from outside: shuts every socket it was told of.
#[derive(Debug, Default)]
pub(super) struct Stop {
    stopped: AtomicBool,
    wires: Mutex<Vec<Wire>>,
    phase: Mutex<String>,
}

impl Stop {
    /// Adds a socket; shut at once when the sign was given already.
    pub(super) fn watch(&self, wire: &Wire) -> Result<()> {
        self.wires.lock().unwrap_or_else(PoisonError::into_inner).push(wire.clone_wire()?);
        if self.stopped() {
            self.stop();
        }
        Ok(())
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        for wire in self.wires.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            wire.shut();
        }
    }

    pub(super) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Notes what is going on, for the message when it takes too long.
    pub(super) fn phase(&self, what: String) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    pub(super) fn where_now(&self) -> String {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops when it is dropped, unless disarmed.
    pub(super) fn guard(self: &Arc<Self>) -> Guard {
        Guard(Some(self.clone()))
    }
}

/// See [`Stop::guard`].
#[derive(Debug)]
pub(super) struct Guard(Option<Arc<Stop>>);

impl Guard {
    pub(super) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(stop) = &self.0 {
            stop.stop();
        }
    }
}

/// Carries bytes between a jump host's channel and the socket that is returned, on a thread that ends
/// when either side does.
pub(super) fn pump(session: ssh2::Session, channel: ssh2::Channel, wire: Wire) -> Result<Wire> {
    let failed = |e: std::io::Error| Error::new(Kind::Io, "the pump of a jump host can't be set up").caused_by(&e);
    let (near, far) = UnixStream::pair().map_err(failed)?;
    far.set_nonblocking(true).map_err(failed)?;
    session.set_blocking(false);
    std::thread::Builder::new()
        .name("ssh-jump".into())
        .spawn(move || {
            let _ = carry(&session, channel, &wire, &far);
            let _ = far.shutdown(Shutdown::Both);
            wire.shut();
        })
        .map_err(failed)?;
    Ok(Wire::Local(near))
}

fn carry(session: &ssh2::Session, mut channel: ssh2::Channel, wire: &Wire, far: &UnixStream) -> std::io::Result<()> {
    let mut up = Pending::default();
    let mut down = Pending::default();
    loop {
        let moved = up.step(&mut &*far, &mut channel)? | down.step(&mut channel, &mut &*far)?;
        if (up.ended && up.is_empty()) || (down.ended && down.is_empty()) {
            return Ok(());
        }
        if !moved {
            let mut local = PollFlags::empty();
            local.set(PollFlags::IN, up.is_empty());
            local.set(PollFlags::OUT, !down.is_empty());
            let mut remote = PollFlags::IN;
            remote.set(PollFlags::OUT, !up.is_empty());
            // Both may be ready for what is not wanted; a short pause keeps that from spinning.
            let mut fds = [PollFd::new(wire, remote & (interest(session) | PollFlags::IN)), PollFd::new(far, local)];
            poll(&mut fds, Some(&QUARTER))?;
        }
    }
}

/// Bytes on their way in one direction.
struct Pending {
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    ended: bool,
}

impl Default for Pending {
    fn default() -> Self {
        Self { buffer: vec![0; 32 * 1024], from: 0, to: 0, ended: false }
    }
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// Reads when empty, writes when not; whether anything moved.
    fn step(&mut self, reader: &mut impl Read, writer: &mut impl Write) -> std::io::Result<bool> {
        let mut moved = false;
        if self.is_empty() && !self.ended {
            match reader.read(&mut self.buffer) {
                Ok(0) => (self.ended, moved) = (true, true),
                Ok(n) => (self.from, self.to, moved) = (0, n, true),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
        }
        if !self.is_empty() {
            match writer.write(&self.buffer[self.from..self.to]) {
                Ok(n) => {
                    self.from += n;
                    moved |= n > 0;
                }
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
        }
        Ok(moved)
    }
}
