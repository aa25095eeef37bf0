//! The logs of a machine: its kernel's and its services'.

use tonic::Status;

use super::grpc::Messages;
use super::route::Call;
use crate::client::talos::wire::{Data, LogsRequest};

/// How much comes in one message.
const PIECE: usize = 32 << 10;

/// Each message is one of the kernel's.
pub(super) fn dmesg(call: &Call) -> Result<Messages<Data>, Status> {
    let lines = call.machine.dmesg.iter().map(|line| Data { metadata: None, bytes: line.clone().into() });
    Ok(Messages::all(lines.collect()))
}

/// Pieces that know nothing of lines.
pub(super) fn service(call: &Call, question: &LogsRequest) -> Result<Messages<Data>, Status> {
    let id = &question.id;
    let Some(lines) = call.machine.logs.get(id) else {
        return Err(Status::unknown(format!("log \"{id}\" was not registered")));
    };
    let from = usize::try_from(question.tail_lines).map_or(0, |tail| lines.len().saturating_sub(tail));
    let text: String = lines.iter().skip(from).map(|line| format!("{line}\n")).collect();
    Ok(Messages::all(pieces(text.into_bytes())))
}

/// A text in messages.
pub(super) fn pieces(bytes: Vec<u8>) -> Vec<Data> {
    let bytes = bytes::Bytes::from(bytes);
    let from = (0..bytes.len()).step_by(PIECE);
    from.map(|from| Data { metadata: None, bytes: bytes.slice(from..bytes.len().min(from + PIECE)) }).collect()
}
