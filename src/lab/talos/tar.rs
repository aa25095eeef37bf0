//! One file in a gzipped tar archive (POSIX.1-1988, ustar).

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// The archive.
///
/// # Errors
/// Where it can't be packed.
pub(super) fn of(name: &str, contents: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut header = [0_u8; 512];
    let mut put = |at: usize, text: &[u8]| {
        for (place, byte) in header[at..].iter_mut().zip(text) {
            *place = *byte;
        }
    };
    put(0, name.as_bytes());
    put(100, b"0000600\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", contents.len()).as_bytes());
    put(136, b"00000000000\0");
    // Blank while the checksum is counted.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    let mut put = |at: usize, text: &[u8]| {
        for (place, byte) in header[at..].iter_mut().zip(text) {
            *place = *byte;
        }
    };
    put(148, format!("{sum:06o}\0 ").as_bytes());
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&header)?;
    packed.write_all(contents)?;
    packed.write_all(&vec![0; contents.len().next_multiple_of(512) - contents.len() + 1024])?;
    packed.finish()
}
