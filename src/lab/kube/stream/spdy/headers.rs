//! Blocks of headers: names and values with their lengths in front, in one stream of zlib per direction that begins with
//! a dictionary which both sides know.
//!
//! The library at hand takes no dictionary. It need not: a dictionary is what was there before, so it is handed over in
//! front, as a piece that is not compressed. What goes out is not compressed at all.

use std::collections::BTreeMap;

use flate2::{Decompress, FlushDecompress};

/// The largest block that is taken, unpacked.
const LARGEST: usize = 64 * 1024;
/// What zlib says first where a dictionary is used, and the dictionary's checksum.
const HEAD: usize = 6;
/// That there is a dictionary.
const DICTIONARY_USED: u8 = 0x20;

/// Names that the dictionary begins with, each with its length in front (SPDY draft 3.1, 2.6.10.1).
const NAMES: &str = "options head post put delete trace accept accept-charset accept-encoding accept-language \
    accept-ranges age allow authorization cache-control connection content-base content-encoding content-language \
    content-length content-location content-md5 content-range content-type date etag expect expires from host if-match \
    if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma \
    proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade \
    user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie \
    keep-alive origin";
/// What it ends with.
const REST: &str = "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 \
    Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not \
    Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov \
    Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,\
    application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,\
    utf-,*,enq=0.";

/// The dictionary.
pub(super) fn dictionary() -> Vec<u8> {
    let mut all = Vec::new();
    for name in NAMES.split(' ') {
        all.extend(u32::try_from(name.len()).unwrap_or(0).to_be_bytes());
        all.extend(name.replace('_', " ").bytes());
    }
    all.extend(REST.bytes());
    all
}

/// A piece that is not compressed (RFC 1951, 3.2.4), and is not the last.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut piece = vec![0];
    piece.extend(length.to_le_bytes());
    piece.extend((!length).to_le_bytes());
    piece.extend(bytes);
    piece
}

/// The blocks that a client sends.
#[derive(Debug)]
pub(super) struct Unpacked {
    inflate: Decompress,
    begun: bool,
}

impl Default for Unpacked {
    fn default() -> Self {
        Self { inflate: Decompress::new(false), begun: false }
    }
}

impl Unpacked {
    /// The headers of the next block; none where it is none.
    pub(super) fn block(&mut self, mut bytes: &[u8]) -> Option<BTreeMap<String, String>> {
        if !self.begun {
            self.begun = true;
            if bytes.get(1)? & DICTIONARY_USED != 0 {
                self.inflated(&stored(&dictionary()))?;
                bytes = bytes.get(HEAD..)?;
            } else {
                bytes = bytes.get(2..)?;
            }
        }
        read(&self.inflated(bytes)?)
    }

    fn inflated(&mut self, mut bytes: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(4096);
        loop {
            let before = (self.inflate.total_in(), out.len());
            self.inflate.decompress_vec(bytes, &mut out, FlushDecompress::Sync).ok()?;
            let taken = usize::try_from(self.inflate.total_in() - before.0).ok()?;
            bytes = bytes.get(taken..)?;
            if out.len() < out.capacity() && (bytes.is_empty() || (taken == 0 && out.len() == before.1)) {
                return bytes.is_empty().then_some(out);
            }
            if out.len() > LARGEST {
                return None;
            }
            out.reserve(4096);
        }
    }
}

fn read(block: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut at = 0;
    let number = |at: &mut usize| {
        let bytes = block.get(*at..*at + 4)?;
        *at += 4;
        usize::try_from(u32::from_be_bytes(bytes.try_into().ok()?)).ok()
    };
    let mut headers = BTreeMap::new();
    for _ in 0..number(&mut at)? {
        let mut text = || {
            let length = number(&mut at)?;
            let text = String::from_utf8_lossy(block.get(at..at.checked_add(length)?)?).into_owned();
            at += length;
            Some(text)
        };
        let (name, value) = (text()?, text()?);
        headers.insert(name.to_lowercase(), value);
    }
    Some(headers)
}

/// The blocks that go to the client.
#[derive(Debug, Default)]
pub(super) struct Packed {
    begun: bool,
}

impl Packed {
    /// A block without headers.
    pub(super) fn none(&mut self) -> Vec<u8> {
        // What zlib says first: a window of 32 KiB, no dictionary.
        let mut block = if std::mem::replace(&mut self.begun, true) { Vec::new() } else { vec![0x78, 0x01] };
        block.extend(stored(&0_u32.to_be_bytes()));
        // An empty piece, at which a reader hands out what it has.
        block.extend(stored(&[]));
        block
    }
}
