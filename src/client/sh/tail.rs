//! The end of what a program printed, for an error: the last lines, each kept short.

/// The most characters of a line that are shown.
const WIDTH: usize = 300;

/// The last `count` lines that are not blank, in order.
pub fn last_lines(text: &str, count: usize) -> Vec<String> {
    let mut lines: Vec<String> = text
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty())
        .take(count)
        .map(|line| {
            let line = line.trim_end();
            match line.char_indices().nth(WIDTH) {
                Some((at, _)) => format!("{} …", &line[..at]),
                None => line.to_string(),
            }
        })
        .collect();
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::last_lines;

    #[test]
    fn the_last_lines_come_in_order_without_blank_ones_and_cut() {
        assert_eq!(last_lines("a\nb\n\n c \n\n", 2), ["b", " c"]);
        let long = "ä".repeat(400);
        assert_eq!(last_lines(&long, 3), [format!("{} …", "ä".repeat(300))]);
        assert!(last_lines("\n \n", 3).is_empty());
    }
}
