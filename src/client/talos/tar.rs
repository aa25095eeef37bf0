//! The one file in a tar archive: Talos sends a kubeconfig as such (POSIX.1-1988, ustar).

/// The size of a header, and what contents are filled up to.
const BLOCK: usize = 512;

/// The contents of the regular files of an archive, by name; none where it is no archive, or cut off.
pub(super) fn files(mut archive: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    while archive.len() >= BLOCK {
        let (header, rest) = archive.split_at(BLOCK);
        // Two empty blocks end it.
        if header.iter().all(|byte| *byte == 0) {
            return Some(files);
        }
        let text = |from: usize, to: usize| {
            let field = &header[from..to];
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            String::from_utf8_lossy(&field[..end]).trim().to_string()
        };
        let number = |from: usize, to: usize| usize::from_str_radix(&text(from, to), 8).ok();
        // The checksum is counted with its own field blank.
        let sum: usize = header
            .iter()
            .enumerate()
            .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { usize::from(*byte) })
            .sum();
        let size = number(124, 136)?;
        if number(148, 156)? != sum || rest.len() < size {
            return None;
        }
        if matches!(header[156], 0 | b'0') {
            files.push((text(0, 100), rest[..size].to_vec()));
        }
        archive = rest.get(size.div_ceil(BLOCK) * BLOCK..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, kind: u8, contents: &[u8]) -> Vec<u8> {
        let mut header = [0; BLOCK];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", contents.len()).as_bytes());
        header[156] = kind;
        header[148..156].fill(b' ');
        let sum: usize = header.iter().map(|byte| usize::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let mut all = header.to_vec();
        all.extend(contents);
        all.resize(all.len().div_ceil(BLOCK) * BLOCK, 0);
        all
    }

    #[test]
    fn the_regular_files_are_found_and_a_broken_archive_is_none() {
        let mut archive = [entry("folder", b'5', b""), entry("kubeconfig", b'0', &[b'x'; 600])].concat();
        assert_eq!(files(&archive), None, "it does not end");
        archive.extend([0; 2 * BLOCK]);
        assert_eq!(files(&archive), Some(vec![("kubeconfig".into(), vec![b'x'; 600])]));
        assert_eq!(files(&archive[..1200]), None, "cut off");
        archive[BLOCK] = b'X';
        assert_eq!(files(&archive), None, "another checksum");
        assert_eq!(files(b""), None);
    }
}
