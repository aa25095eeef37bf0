//! Connections that stop being HTTP: programs that are run in pods and ports that are forwarded, over WebSockets and SPDY.
//!
//! | module | what lives there |
//! |---|---|
//! | `upgrade` | what a client offers to speak, and the answer |
//! | `session` | input, output and end of a program, whatever carries them |
//! | `channels` | a session over a WebSocket, a byte in front of each message |
//! | `streams` | a session over SPDY |
//! | `tunnel` | a WebSocket as a connection, for what is spoken within |
//! | `spdy` | SPDY/3.1, as far as a client that opens streams needs it |

mod channels;
mod session;
pub(crate) mod spdy;
mod streams;
mod tunnel;
mod upgrade;

pub(crate) use channels::close;
pub(crate) use session::{Far, Input, Output, Session, pair};
pub(crate) use tunnel::tunnel;
pub(crate) use upgrade::{Headers, Offer, Spoken, Upgrade};

use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

/// A connection that was upgraded.
pub(crate) type Io = TokioIo<hyper::upgrade::Upgraded>;

/// The WebSocket on a connection, as its server.
pub(crate) async fn socket(io: Io) -> WebSocketStream<Io> {
    WebSocketStream::from_raw_socket(io, Role::Server, None).await
}

/// Carries a program's session over a connection, to the end of either.
pub(crate) async fn carry(io: Io, spoken: Spoken, wanted: Wanted, far: Far) {
    match spoken {
        Spoken::Channels { closes } => channels::carry(socket(io).await, closes, far).await,
        Spoken::Spdy => streams::carry(io, wanted, far).await,
        Spoken::Tunnel => streams::carry(tunnel(socket(io).await), wanted, far).await,
    }
}

/// The streams that a client asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) stdin: bool,
    pub(crate) stdout: bool,
    pub(crate) stderr: bool,
    pub(crate) tty: bool,
}

impl Wanted {
    /// How many streams a client opens over SPDY: these, one for the status, and one for the terminal's size.
    fn count(self) -> usize {
        [self.stdin, self.stdout, self.stderr && !self.tty, self.tty, true].into_iter().filter(|one| *one).count()
    }
}
