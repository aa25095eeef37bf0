//! Packs of objects: written whole, and read with deltas against named objects.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use flate2::bufread::ZlibDecoder;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use super::{Kind, Object};

/// The largest object that is taken.
const LARGEST: u64 = 64 * 1024 * 1024;
/// A delta against an object that is named by its digest.
const DELTA: u8 = 7;

pub(super) fn sha1(bytes: &[u8]) -> Vec<u8> {
    // What git names its objects by; nothing is kept safe with it.
    ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An object's name.
pub(super) fn name(kind: Kind, body: &[u8]) -> String {
    let mut whole = format!("{} {}\0", kind.word(), body.len()).into_bytes();
    whole.extend(body);
    hex(&sha1(&whole))
}

/// A pack with these objects; of each, where it begins, and its checksum there (CRC-32).
pub(super) fn write<'o>(objects: impl ExactSizeIterator<Item = &'o Object>) -> (Vec<u8>, Vec<(usize, u32)>) {
    let count = u32::try_from(objects.len()).unwrap_or(u32::MAX);
    let mut out = b"PACK\0\0\0\x02".to_vec();
    out.extend(count.to_be_bytes());
    let mut places = Vec::new();
    for object in objects {
        let begin = out.len();
        let mut size = object.body.len();
        let mut byte = ((object.kind as u8) << 4) | (size & 15) as u8;
        size >>= 4;
        while size > 0 {
            out.push(byte | 128);
            byte = (size & 127) as u8;
            size >>= 7;
        }
        out.push(byte);
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        // Writing into memory does not fail.
        let _ = packed.write_all(&object.body);
        out.extend(packed.finish().unwrap_or_default());
        let mut sum = Crc::new();
        sum.update(&out[begin..]);
        places.push((begin, sum.sum()));
    }
    let sum = sha1(&out);
    out.extend(sum);
    (out, places)
}

/// The objects of a pack. `known` are those that deltas may be against, besides its own.
///
/// # Errors
/// It is no pack, or cut off.
pub(super) fn read(pack: &[u8], known: &BTreeMap<String, Object>) -> Result<Vec<Object>, String> {
    let short = || "a pack that is cut off".to_owned();
    let head = pack.get(..12).ok_or_else(short)?;
    if !head.starts_with(b"PACK") {
        return Err("no pack".into());
    }
    let count = head[8..12].iter().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
    let (mut at, mut out) = (12, Vec::new());
    let mut own: BTreeMap<String, Object> = BTreeMap::new();
    for _ in 0..count {
        let first = *pack.get(at).ok_or_else(short)?;
        let mut byte = first;
        while byte & 128 != 0 {
            at += 1;
            byte = *pack.get(at).ok_or_else(short)?;
        }
        at += 1;
        let number = (first >> 4) & 7;
        let mut base = None;
        if number == DELTA {
            let id = hex(pack.get(at..at + 20).ok_or_else(short)?);
            at += 20;
            base = Some(own.get(&id).or_else(|| known.get(&id)).cloned().ok_or(format!("missing object {id}"))?);
        }
        let mut packed = ZlibDecoder::new(pack.get(at..).ok_or_else(short)?);
        let mut body = Vec::new();
        (&mut packed).take(LARGEST).read_to_end(&mut body).map_err(|e| e.to_string())?;
        at += usize::try_from(packed.total_in()).unwrap_or(usize::MAX);
        let object = match base {
            Some(base) => Object { kind: base.kind, body: applied(&base.body, &body).ok_or("a delta that is wrong")? },
            None => Object { kind: Kind::numbered(number).ok_or(format!("an object of the kind {number}"))?, body },
        };
        own.insert(name(object.kind, &object.body), object.clone());
        out.push(object);
    }
    Ok(out)
}

/// What a delta makes of its base; none where it does not fit.
pub(super) fn applied(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = delta.iter().copied();
    let mut number = || {
        let (mut value, mut shift) = (0usize, 0);
        loop {
            let byte = bytes.next()?;
            value |= usize::from(byte & 127) << shift;
            shift += 7;
            if byte & 128 == 0 {
                return Some(value);
            }
        }
    };
    let (from, to) = (number()?, number()?);
    if from != base.len() {
        return None;
    }
    let mut out = Vec::new();
    while let Some(code) = bytes.next() {
        if code & 128 == 0 {
            out.extend((0..code).map_while(|_| bytes.next()));
            continue;
        }
        let mut part = |first: u8, count: u8| -> Option<usize> {
            (0..count)
                .filter(|at| code & (1 << (first + at)) != 0)
                .try_fold(0usize, |sum, at| Some(sum | usize::from(bytes.next()?) << (8 * at)))
        };
        let (offset, length) = (part(0, 4)?, part(4, 3)?);
        out.extend(base.get(offset..offset + if length == 0 { 65536 } else { length })?);
    }
    (out.len() == to).then_some(out)
}
