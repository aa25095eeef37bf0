//! Names that nobody chose: uids, and the ends of `generateName`.

/// The letters that Kubernetes appends; without vowels, so that no words appear.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A source of names; the same seed gives the same.
#[derive(Debug)]
pub(crate) struct Naming(u64);

impl Naming {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number (splitmix64).
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A uid, of the form of a random UUID.
    pub(crate) fn uid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        let (third, fourth) = ((a & 0x0fff) | 0x4000, ((b >> 48) & 0x3fff) | 0x8000);
        format!("{:08x}-{:04x}-{third:04x}-{fourth:04x}-{:012x}", a >> 32, (a >> 16) & 0xffff, b & 0xffff_ffff_ffff)
    }

    /// `web-` → `web-x7k2p`; a base that is too long is cut.
    pub(crate) fn generate(&mut self, base: &str) -> String {
        let base: String = base.chars().take(58).collect();
        let end: String =
            (0..5).map(|_| LETTERS[usize::try_from(self.next() % LETTERS.len() as u64).unwrap_or(0)] as char).collect();
        format!("{base}{end}")
    }
}
