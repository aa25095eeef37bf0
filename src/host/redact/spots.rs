//! Where a secret stands in a text: whole, or its beginning where the text was cut within it.

use super::SHORTEST;

/// What stands where a text was cut: after the beginning of a secret, there was the rest of it.
pub(super) const CUT: &str = "…";

/// A secret's place in a text, in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) from: usize,
    pub(super) to: usize,
    /// The secret's place in the table.
    pub(super) secret: usize,
}

impl Spot {
    /// The spot of a pattern that may begin at this place of a text.
    pub(super) fn of(text: &str, from: usize, pattern: &str, secret: usize) -> Option<Self> {
        let rest = text.get(from..).filter(|_| !pattern.is_empty())?;
        if rest.starts_with(pattern) {
            return Some(Self { from, to: from + pattern.len(), secret });
        }
        let common = rest.bytes().zip(pattern.bytes()).take_while(|(a, b)| a == b).count();
        let common = rest.floor_char_boundary(common);
        let cut = rest[common..].trim_start_matches(' ').starts_with(CUT);
        (cut && common >= SHORTEST).then_some(Self { from, to: from + common, secret })
    }
}

/// The places in order, those that overlap as one: it has the secret of the longest.
pub(super) fn joined(mut spots: Vec<Spot>) -> Vec<Spot> {
    spots.sort_unstable_by_key(|spot| (spot.from, std::cmp::Reverse(spot.to), spot.secret));
    let mut joined: Vec<Spot> = Vec::new();
    let mut longest = 0;
    for spot in spots {
        let length = spot.to - spot.from;
        match joined.last_mut().filter(|last| spot.from < last.to) {
            Some(last) => {
                last.to = last.to.max(spot.to);
                if length > longest {
                    (last.secret, longest) = (spot.secret, length);
                }
            }
            None => {
                joined.push(spot);
                longest = length;
            }
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_overlap_are_one_and_neighbours_are_two() {
        let spot = |from, to, secret| Spot { from, to, secret };
        let all = vec![spot(9, 20, 3), spot(0, 4, 1), spot(0, 10, 2), spot(20, 28, 1), spot(19, 20, 5)];
        assert_eq!(joined(all), [spot(0, 20, 3), spot(20, 28, 1)]);
        assert_eq!(joined(Vec::new()), []);
    }

    #[test]
    fn a_beginning_counts_only_before_the_mark_of_a_cut() {
        let of = |text: &str| Spot::of(text, 0, "0123456789äb", 7).map(|spot| spot.to);
        assert_eq!(of("0123456789äb!"), Some(13));
        for (text, to) in [("01234567…", 8), ("0123456789ä …", 12), ("0123456789…", 10)] {
            assert_eq!(of(text), Some(to), "{text}");
        }
        for text in ["01234567", "0123456…", "01234567 8", "0123456789ö…"] {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(Spot::of("text", 0, "", 0), None);
    }
}
