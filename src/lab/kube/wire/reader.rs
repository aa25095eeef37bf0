//! The wire format of protobuf: fields with numbers, one after the other.

/// A part of a message.
#[derive(Debug)]
pub(super) enum Part<'a> {
    Number(u64),
    Fixed(u64),
    Bytes(&'a [u8]),
}

/// What is still to be read.
#[derive(Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or("the message breaks off")?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number is too long".to_owned())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        if length > self.0.len() {
            return Err("the message breaks off".to_owned());
        }
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        Ok(taken)
    }

    /// The next field: its number, and what it holds.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Part<'a>)>, String> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let part = match key & 7 {
            0 => Part::Number(self.varint()?),
            1 => Part::Fixed(self.take(8)?.iter().rev().fold(0, |n, b| (n << 8) | u64::from(*b))),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| "a length is too large")?;
                Part::Bytes(self.take(length)?)
            }
            5 => Part::Fixed(self.take(4)?.iter().rev().fold(0, |n, b| (n << 8) | u64::from(*b))),
            other => return Err(format!("wire type {other} is unknown")),
        };
        Ok(Some((key >> 3, part)))
    }
}

/// Bytes that are a text.
pub(super) fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
