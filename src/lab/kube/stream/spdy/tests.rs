//! Streams over a pipe, with a client's frames as they go over the wire.

use flate2::{Compress, Compression, FlushCompress};
use sha2::{Digest as _, Sha256};

use super::*;

/// A block as a client packs it: compressed, and with the dictionary in front as history.
struct Client {
    deflate: Compress,
    begun: bool,
}

impl Client {
    fn block(&mut self, pairs: &[(&str, &str)]) -> Vec<u8> {
        let mut plain = u32::try_from(pairs.len()).unwrap().to_be_bytes().to_vec();
        for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
            plain.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
            plain.extend(text.bytes());
        }
        let mut out = Vec::new();
        if !std::mem::replace(&mut self.begun, true) {
            // As with a dictionary: it is packed, and what comes of it is thrown away.
            let mut thrown = Vec::with_capacity(8192);
            self.deflate.compress_vec(&headers::dictionary(), &mut thrown, FlushCompress::Sync).unwrap();
            out.extend([0x78, 0xbb, 0, 0, 0, 0]);
        }
        let mut packed = Vec::with_capacity(8192);
        self.deflate.compress_vec(&plain, &mut packed, FlushCompress::Sync).unwrap();
        out.extend(packed);
        out
    }

    fn open(&mut self, id: u32, pairs: &[(&str, &str)]) -> Vec<u8> {
        let mut rest = vec![0; 6];
        rest.extend(self.block(pairs));
        frame::control(Control::SynStream, id, &rest)
    }
}

#[test]
fn the_dictionary_is_the_protocols() {
    let dictionary = headers::dictionary();
    let digest: String = Sha256::digest(&dictionary).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(dictionary.len(), 1423);
    assert_eq!(digest, "51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02");
}

#[tokio::test]
async fn streams_are_opened_written_and_ended() {
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let (mut streams, writer) = start(near);
    let mut client = Client { deflate: Compress::new(Compression::default(), false), begun: false };
    far.write_all(&client.open(1, &[("streamtype", "error"), ("port", "80"), ("requestid", "0")])).await.unwrap();
    far.write_all(&frame::data(1, &[], true)).await.unwrap();
    far.write_all(&client.open(3, &[("streamtype", "data"), ("port", "80"), ("requestid", "0")])).await.unwrap();
    far.write_all(&frame::data(3, b"ping", false)).await.unwrap();
    far.write_all(&frame::control(Control::Ping, 7, &[])).await.unwrap();
    let mut error = streams.recv().await.unwrap();
    let mut data = streams.recv().await.unwrap();
    assert_eq!((error.id, error.headers["streamtype"].as_str()), (1, "error"));
    assert_eq!((data.id, data.headers["streamtype"].as_str(), data.headers["port"].as_str()), (3, "data", "80"));
    assert_eq!(error.input.recv().await, None, "the client has ended it");
    assert_eq!(data.input.recv().await.unwrap(), "ping");
    assert!(writer.data(3, Bytes::from_static(b"pong"), true).await);
    let mut frames = Vec::new();
    for _ in 0..4 {
        let mut head = [0; 8];
        far.read_exact(&mut head).await.unwrap();
        let frame = Frame::of(&head);
        let mut body = vec![0; frame.length()];
        far.read_exact(&mut body).await.unwrap();
        frames.push((frame, body));
    }
    let reply = |place: usize| matches!(frames[place].0, Frame::Control { kind: Control::SynReply, .. });
    assert!(reply(0) && reply(1), "{frames:?}");
    assert!(matches!(frames[2].0, Frame::Control { kind: Control::Ping, .. }));
    assert_eq!(frames[3], (Frame::Data { id: 3, last: true, length: 4 }, b"pong".to_vec()));
    // What the server packs is a zlib stream that a client unpacks to no headers.
    let mut inflate = flate2::Decompress::new(true);
    for (_, body) in &frames[..2] {
        let mut plain = Vec::with_capacity(64);
        inflate.decompress_vec(&body[4..], &mut plain, flate2::FlushDecompress::Sync).unwrap();
        assert_eq!(plain, [0; 4]);
    }
    drop(far);
    assert!(streams.recv().await.is_none(), "the client is gone");
}

#[tokio::test]
async fn a_stream_that_is_not_open_is_reset() {
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let (_streams, _writer) = start(near);
    far.write_all(&frame::data(9, b"lost", false)).await.unwrap();
    let mut answer = [0; 16];
    far.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer.to_vec(), frame::control(Control::Reset, 9, &frame::INVALID_STREAM));
}
