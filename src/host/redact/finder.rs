//! Where secrets stand in a text, however many are known: one look at each place of the text, by its next eight bytes.

use std::collections::HashMap;

use super::SHORTEST;

/// Bits of the table that nearly every place of a text ends at.
const BITS: u32 = 18;

/// The first eight bytes of every pattern.
#[derive(Debug, Default)]
pub(super) struct Finder {
    /// Which of them may begin a pattern, by hash; empty while there is none.
    may: Vec<u64>,
    /// Which patterns do, as the one who added them names them.
    begins: HashMap<[u8; SHORTEST], Vec<(usize, usize)>>,
}

impl Finder {
    /// Adds a pattern of at least eight bytes; a shorter one would be found everywhere, and is never.
    pub(super) fn add(&mut self, pattern: &str, name: (usize, usize)) {
        let Some(begin) = pattern.as_bytes().first_chunk::<SHORTEST>() else { return };
        if self.may.is_empty() {
            self.may = vec![0; 1 << (BITS - 6)];
        }
        let (word, bit) = slot(begin);
        if let Some(word) = self.may.get_mut(word) {
            *word |= bit;
        }
        self.begins.entry(*begin).or_default().push(name);
    }

    /// The patterns that begin like a place of the text, with the text from there on; whether they go on like it is
    /// for the caller to see.
    pub(super) fn candidates<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (&'a [u8], (usize, usize))> + 'a {
        let text = if self.may.is_empty() { &[] } else { text.as_bytes() };
        let places = (0..text.len()).map(|at| &text[at..]);
        let begins = places.filter_map(|rest| Some((rest, rest.first_chunk::<SHORTEST>()?)));
        let likely = begins.filter(|(_, begin)| {
            let (word, bit) = slot(begin);
            self.may.get(word).is_some_and(|word| word & bit != 0)
        });
        likely.flat_map(|(rest, begin)| self.begins.get(begin).into_iter().flatten().map(move |name| (rest, *name)))
    }
}

/// Where in the table the bit of these bytes is.
fn slot(begin: &[u8; SHORTEST]) -> (usize, u64) {
    // The upper bits of a product with the golden ratio depend on all bits of the number.
    let hash = u64::from_le_bytes(*begin).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - BITS);
    (usize::try_from(hash >> 6).unwrap_or_default(), 1 << (hash & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_that_begins_like_a_pattern_is_found_and_no_other() {
        let mut finder = Finder::default();
        assert_eq!(finder.candidates("abcdefgh").count(), 0);
        for (at, pattern) in ["abcdefgh-1", "abcdefgh-2", "short", "ünicöde-value"].into_iter().enumerate() {
            finder.add(pattern, (at, 7));
        }
        let found = |text: &str| {
            finder.candidates(text).map(|(rest, (at, _))| (text.len() - rest.len(), at)).collect::<Vec<_>>()
        };
        assert_eq!(found("abcdefgh-1 xabcdefgh"), [(0, 0), (0, 1), (12, 0), (12, 1)]);
        assert_eq!(found("an ünicöde-value"), [(3, 3)]);
        assert_eq!(found("short abcdefg"), []);
    }
}
