//! Frames: what stands in front of each, and how they are written.

/// What a control frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    SynStream,
    SynReply,
    Reset,
    Ping,
    GoAway,
    Headers,
    /// Settings and windows, which nobody heeds.
    Other,
}

/// SPDY's version, in a control frame's first two bytes.
const VERSION: u16 = 0x8003;
/// The flag of a stream's last frame.
const LAST: u8 = 1;
/// The status of a reset: the stream is not there.
pub(super) const INVALID_STREAM: [u8; 4] = [0, 0, 0, 2];

/// What a frame's first eight bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    Data { id: u32, last: bool, length: usize },
    Control { kind: Control, last: bool, length: usize },
}

impl Frame {
    pub(super) fn of(head: &[u8; 8]) -> Self {
        let [a, b, c, d, flags, x, y, z] = *head;
        let length = usize::from(x) << 16 | usize::from(y) << 8 | usize::from(z);
        let last = flags & LAST != 0;
        if a & 0x80 == 0 {
            return Self::Data { id: u32::from_be_bytes([a, b, c, d]), last, length };
        }
        let kind = match u16::from_be_bytes([c, d]) {
            1 => Control::SynStream,
            2 => Control::SynReply,
            3 => Control::Reset,
            6 => Control::Ping,
            7 => Control::GoAway,
            8 => Control::Headers,
            _ => Control::Other,
        };
        Self::Control { kind, last, length }
    }

    /// How many bytes follow; at most 16 MiB.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Data { length, .. } | Self::Control { length, .. } => length,
        }
    }
}

/// A number of four bytes; streams have no more than 31 bits.
pub(super) fn number(body: &[u8], at: usize) -> Option<u32> {
    let bytes = body.get(at..at + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?) & 0x7fff_ffff)
}

fn length(bytes: usize) -> [u8; 3] {
    let [_, x, y, z] = u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    [x, y, z]
}

/// A control frame about a stream, or a ping.
pub(super) fn control(kind: Control, id: u32, rest: &[u8]) -> Vec<u8> {
    let number: u16 = match kind {
        Control::SynStream => 1,
        Control::SynReply => 2,
        Control::Reset => 3,
        Control::Ping => 6,
        Control::GoAway => 7,
        Control::Headers => 8,
        Control::Other => 4,
    };
    let mut frame = VERSION.to_be_bytes().to_vec();
    frame.extend(number.to_be_bytes());
    frame.push(0);
    frame.extend(length(rest.len() + 4));
    frame.extend(id.to_be_bytes());
    frame.extend(rest);
    frame
}

/// Bytes of a stream.
pub(super) fn data(id: u32, bytes: &[u8], last: bool) -> Vec<u8> {
    let mut frame = id.to_be_bytes().to_vec();
    frame.push(if last { LAST } else { 0 });
    frame.extend(length(bytes.len()));
    frame.extend(bytes);
    frame
}
