//! `calls.jsonl.gz`: the calls of a run that has ended. `zcat` shows them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::{CALLS, PACKED_CALLS};
use crate::error::{Error, Kind, Result};

const BESIDE: &str = ".calls.new";

/// Compresses the calls. Until all of it is on the disk, the plain file stays.
///
/// # Errors
/// [`Kind::Io`]; then the plain file is still there, and is read.
pub(super) fn pack(folder: &Path) -> Result<()> {
    replace(folder, CALLS, PACKED_CALLS, |mut from, to| {
        let mut packed = GzEncoder::new(to, Compression::fast());
        io::copy(&mut from, &mut packed)?;
        packed.finish()
    })
}

/// The other way, so that calls can be added.
///
/// # Errors
/// [`Kind::Io`]
pub(super) fn unpack(folder: &Path) -> Result<()> {
    if folder.join(CALLS).exists() || !folder.join(PACKED_CALLS).exists() {
        return Ok(());
    }
    replace(folder, PACKED_CALLS, CALLS, |from, mut to| {
        io::copy(&mut MultiGzDecoder::new(from), &mut to)?;
        Ok(to)
    })
}

fn replace(
    folder: &Path,
    from: &str,
    to: &str,
    turn: impl FnOnce(BufReader<File>, File) -> io::Result<File>,
) -> Result<()> {
    let (beside, from, to) = (folder.join(BESIDE), folder.join(from), folder.join(to));
    let turned = File::open(&from)
        .and_then(|plain| turn(BufReader::new(plain), File::create(&beside)?))
        .and_then(|mut file| file.flush().and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, &to))
        .and_then(|()| std::fs::remove_file(&from));
    turned.map_err(|e| {
        let _ = std::fs::remove_file(&beside);
        Error::new(Kind::Io, format!("{} can't be written", to.display()))
            .because(e)
            .hint(format!("{} has what was recorded", from.display()))
    })
}

/// The calls of a folder, whichever file has them; none where neither is there. Where both are, somebody was killed
/// between two lines above, and the plain one is whole.
pub(super) fn reader(folder: &Path) -> io::Result<Option<Box<dyn BufRead>>> {
    match File::open(folder.join(CALLS)) {
        Ok(file) => return Ok(Some(Box::new(BufReader::new(file)))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    match File::open(folder.join(PACKED_CALLS)) {
        Ok(file) => Ok(Some(Box::new(BufReader::new(MultiGzDecoder::new(BufReader::new(file)))))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_alike_packed_or_not() {
        let dir = tempfile::tempdir().expect("a folder");
        let read = || {
            let mut text = String::new();
            io::Read::read_to_string(&mut reader(dir.path()).expect("opened").expect("there"), &mut text)
                .expect("read");
            text
        };
        assert!(reader(dir.path()).expect("no error").is_none());
        let lines = "{\"call\":1}\n".repeat(1000);
        std::fs::write(dir.path().join(CALLS), &lines).expect("written");
        pack(dir.path()).expect("packed");
        assert!(!dir.path().join(CALLS).exists());
        assert!(dir.path().join(PACKED_CALLS).metadata().expect("there").len() < 1000);
        assert_eq!(read(), lines);
        unpack(dir.path()).expect("unpacked");
        assert_eq!(read(), lines);
        unpack(dir.path()).expect("nothing to do");
        assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 1);
    }
}
