//! A repository as the folder `.git` of a checkout that has nothing changed.
//!
//! Source: git's documentation, gitrepository-layout(5), gitformat-pack(5) (the index of a pack), gitformat-index(5).

use std::collections::BTreeMap;

use super::{BRANCH, Kind, Repository, pack};

/// How the index has a plain file (mode 100644).
const PLAIN: u32 = 0o100_644;
/// The longest name that its length is told of.
const LONGEST: usize = 0xfff;

impl Repository {
    /// The files of the folder, by their paths in it, for a checkout of these files.
    pub(crate) fn folder(&self, files: &BTreeMap<String, String>) -> BTreeMap<String, Vec<u8>> {
        let (packed, places) = pack::write(self.objects.values());
        let sum = packed.get(packed.len().saturating_sub(20)..).unwrap_or_default();
        let name = format!("objects/pack/pack-{}", pack::hex(sum));
        let config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = false\n\tbare = false\n";
        BTreeMap::from([
            ("HEAD".to_owned(), format!("ref: {BRANCH}\n").into_bytes()),
            ("config".to_owned(), config.into()),
            ("index".to_owned(), index(files)),
            (BRANCH.to_owned(), format!("{}\n", self.head()).into_bytes()),
            (format!("{name}.idx"), self.places(&places, sum)),
            (format!("{name}.pack"), packed),
        ])
    }

    /// Where each object is in the pack.
    fn places(&self, places: &[(usize, u32)], sum: &[u8]) -> Vec<u8> {
        let names: Vec<Vec<u8>> = self.objects.keys().map(|name| bytes(name)).collect();
        let mut out = b"\xfftOc\0\0\0\x02".to_vec();
        for first in 0..=u8::MAX {
            let up_to = names.partition_point(|name| name.first().is_some_and(|byte| *byte <= first));
            out.extend(word(up_to));
        }
        names.iter().for_each(|name| out.extend(name));
        places.iter().for_each(|(_, sum)| out.extend(sum.to_be_bytes()));
        places.iter().for_each(|(at, _)| out.extend(word(*at)));
        out.extend(sum);
        let own = pack::sha1(&out);
        out.extend(own);
        out
    }
}

/// What is staged: each file as it was committed. Nothing is said of the files on disk, so that git reads them itself.
fn index(files: &BTreeMap<String, String>) -> Vec<u8> {
    let mut out = b"DIRC\0\0\0\x02".to_vec();
    out.extend(word(files.len()));
    for (path, text) in files {
        let begin = out.len();
        // Times, device and inode; the mode; owner, group and size.
        out.extend([0; 24]);
        out.extend(PLAIN.to_be_bytes());
        out.extend([0; 12]);
        out.extend(bytes(&pack::name(Kind::Blob, text.as_bytes())));
        let length = u16::try_from(path.len().min(LONGEST)).unwrap_or_default();
        out.extend(length.to_be_bytes());
        out.extend(path.as_bytes());
        // One to eight zeros, to a multiple of eight.
        let zeros = 8 - (out.len() - begin) % 8;
        out.extend(std::iter::repeat_n(0, zeros));
    }
    let own = pack::sha1(&out);
    out.extend(own);
    out
}

/// A number as both have it: four bytes, the highest first.
fn word(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

/// A name in hexadecimal digits as bytes.
fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).filter_map(|at| u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok()).collect()
}
