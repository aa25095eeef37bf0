//! `tar` as containers have it: what `kubectl cp` runs in a pod, both ways.
//!
//! The format is ustar (POSIX.1-1988), with the long names that GNU's and Go's write.

/// A block.
const BLOCK: usize = 512;

/// What is in an archive: a name, and the bytes of a file; none for a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) bytes: Option<Vec<u8>>,
}

fn octal(field: &mut [u8], value: u64) {
    let text = format!("{value:0width$o}", width = field.len() - 1);
    field[..text.len()].copy_from_slice(text.as_bytes());
}

fn number(field: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(|c: char| c == '\0' || c == ' ');
    if text.is_empty() { Some(0) } else { usize::from_str_radix(text, 8).ok() }
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

fn checksum(head: &[u8]) -> u64 {
    let blank = |at: usize| (148..156).contains(&at);
    head.iter().enumerate().map(|(at, byte)| u64::from(if blank(at) { b' ' } else { *byte })).sum()
}

/// An archive of entries; `time` in seconds since 1970.
pub(crate) fn write(entries: &[Entry], time: i64) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let name = match &entry.bytes {
            Some(_) => entry.name.clone(),
            None => format!("{}/", entry.name.trim_end_matches('/')),
        };
        let (kind, mode) = if entry.bytes.is_some() { (b'0', 0o644) } else { (b'5', 0o755) };
        if name.len() > 100 {
            head(&mut out, "././@LongLink", b'L', 0, name.len() + 1, time);
            padded(&mut out, format!("{name}\0").as_bytes());
        }
        let bytes = entry.bytes.as_deref().unwrap_or_default();
        head(&mut out, &name, kind, mode, bytes.len(), time);
        padded(&mut out, bytes);
    }
    out.extend([0; 2 * BLOCK]);
    out
}

fn head(out: &mut Vec<u8>, name: &str, kind: u8, mode: u64, size: usize, time: i64) {
    let mut head = [0_u8; BLOCK];
    let short = &name.as_bytes()[..name.len().min(100)];
    head[..short.len()].copy_from_slice(short);
    octal(&mut head[100..108], mode);
    octal(&mut head[108..116], 0);
    octal(&mut head[116..124], 0);
    octal(&mut head[124..136], size as u64);
    octal(&mut head[136..148], u64::try_from(time).unwrap_or(0));
    head[156] = kind;
    head[257..263].copy_from_slice(b"ustar\0");
    head[263..265].copy_from_slice(b"00");
    let sum = checksum(&head);
    octal(&mut head[148..155], sum);
    head[155] = b' ';
    out.extend(head);
}

fn padded(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(bytes);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

/// The entries of an archive.
///
/// # Errors
/// The words of `tar` for what is none.
pub(crate) fn read(archive: &[u8]) -> Result<Vec<Entry>, &'static str> {
    let (mut entries, mut long, mut at) = (Vec::new(), None::<String>, 0);
    while let Some(head) = archive.get(at..at + BLOCK) {
        if head.iter().all(|byte| *byte == 0) {
            return Ok(entries);
        }
        if number(&head[148..156]) != usize::try_from(checksum(head)).ok() {
            return Err("tar: invalid tar magic");
        }
        let size = number(&head[124..136]).ok_or("tar: invalid tar header")?;
        at += BLOCK;
        let bytes = archive.get(at..at + size).ok_or("tar: short read")?;
        at += size.next_multiple_of(BLOCK);
        let prefix = text(&head[345..500]);
        let own = text(&head[..100]);
        let own = if prefix.is_empty() { own } else { format!("{prefix}/{own}") };
        match head[156] {
            b'L' => long = Some(text(bytes)),
            b'x' | b'g' => long = path(bytes).or(long),
            b'5' => entries.push(Entry { name: long.take().unwrap_or(own), bytes: None }),
            b'0' | 0 => entries.push(Entry { name: long.take().unwrap_or(own), bytes: Some(bytes.to_vec()) }),
            // Links and devices: nothing of theirs is kept.
            _ => long = None,
        }
    }
    if archive.is_empty() || at != archive.len() { Err("tar: short read") } else { Ok(entries) }
}

/// The name in the records of a PAX header: `27 path=some/long/name`.
fn path(records: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(records);
    text.lines().find_map(|line| Some(line.split_once(" path=")?.1.to_owned()))
}

/// Whether an archive is whole: two blocks of nothing are its end.
pub(crate) fn ends(archive: &[u8]) -> bool {
    let whole = archive.len() - archive.len() % BLOCK;
    let from = whole.saturating_sub(2 * BLOCK);
    whole >= 2 * BLOCK && archive[from..whole].iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let long = format!("{}/file", "folder/".repeat(20));
        let entries = [
            Entry { name: "www/index.html".into(), bytes: Some(b"hello\n".to_vec()) },
            Entry { name: long, bytes: Some(vec![7; 1500]) },
            Entry { name: "empty/".into(), bytes: None },
        ];
        let archive = write(&entries, 1_700_000_000);
        assert_eq!(archive.len() % BLOCK, 0);
        assert!(ends(&archive) && !ends(&archive[..BLOCK]));
        assert_eq!(read(&archive).unwrap(), entries);
        assert_eq!(read(&archive[..700]), Err("tar: short read"));
        assert_eq!(read(&[b'x'; 600]), Err("tar: invalid tar magic"));
    }
}
