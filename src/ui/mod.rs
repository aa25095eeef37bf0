//! What the terminal can do, and the words, colours and columns that everything shown to a person is made of.
//!
//! Nothing here writes: functions give text, and `cli`, `repl` and the terminal report write it.

mod error;
mod style;
mod table;
mod text;

use std::io::IsTerminal;

pub use error::{kind_name, show_error, show_warning, snippet};
pub use style::Role;
pub use table::{columns, fitted, table};
pub use text::{clean, joined, left, plural, right, truncate, width, wrap};

/// What the place that text goes to can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ui {
    /// Colours may be used.
    pub color: bool,
    /// Columns; [`Ui::UNLIMITED`] where text goes to a file or a pipe: nothing is cut or wrapped there.
    pub width: usize,
    /// A person watches: lines may be drawn again.
    pub interactive: bool,
    /// Whether the size is asked again each time.
    follows: bool,
    /// Whether the terminal breaks long lines anew when it is made narrower. Most do.
    reflows: bool,
}

impl Ui {
    /// The width of what is no terminal.
    pub const UNLIMITED: usize = usize::MAX;

    /// Fixed properties: for tests, and for text that goes to a file.
    pub fn fixed(color: bool, width: usize, interactive: bool) -> Self {
        Self { color, width, interactive, follows: false, reflows: true }
    }

    /// Plain text of any width.
    pub fn plain() -> Self {
        Self::fixed(false, Self::UNLIMITED, false)
    }

    /// What standard output can do, by the environment.
    pub fn stdout() -> Self {
        Self::of(&Surroundings::new(std::io::stdout().is_terminal()))
    }

    /// What standard error can do, by the environment.
    pub fn stderr() -> Self {
        Self::of(&Surroundings::new(std::io::stderr().is_terminal()))
    }

    fn of(around: &Surroundings) -> Self {
        let interactive = around.terminal && !around.dumb;
        let color = match (around.no_color, around.force_color) {
            (true, _) => false,
            (false, Some(force)) => force,
            (false, None) => interactive,
        };
        let width = if around.terminal { around.columns.unwrap_or(80) } else { Self::UNLIMITED };
        Self { color, width, interactive, follows: interactive, reflows: around.reflows }
    }

    /// The same without colours, or with them: `--color never|always`.
    #[must_use]
    pub fn colored(self, color: bool) -> Self {
        Self { color, ..self }
    }

    /// The same with another width, for text that is put beside something.
    #[must_use]
    pub fn within(self, width: usize) -> Self {
        Self { width, ..self }
    }

    /// The same, with the width that the terminal has now.
    #[must_use]
    pub fn measured(self) -> Self {
        if !self.follows {
            return self;
        }
        match terminal_size::terminal_size() {
            Some((terminal_size::Width(width), _)) if width > 0 => Self { width: usize::from(width), ..self },
            _ => self,
        }
    }

    /// The terminal's lines now; 24 where that is not known.
    pub fn height(self) -> usize {
        let unknown = 24;
        if !self.follows {
            return unknown;
        }
        terminal_size::terminal_size().map_or(unknown, |(_, height)| usize::from(height.0))
    }

    /// The rows that a line of so many columns takes on the terminal as it is now, wherever it was drawn.
    pub fn rows(self, columns: usize) -> usize {
        if self.reflows { columns.div_ceil(self.width.max(1)).max(1) } else { 1 }
    }

    /// The text in the colour of its meaning.
    pub fn paint(self, role: Role, text: impl AsRef<str>) -> String {
        let text = text.as_ref();
        let style = role.style();
        if !self.color || text.is_empty() || style.is_plain() {
            return text.to_string();
        }
        format!("{style}{text}{style:#}")
    }
}

/// What the environment says; apart from [`Ui`] so that tests need not change it.
#[derive(Debug, Default)]
struct Surroundings {
    terminal: bool,
    dumb: bool,
    /// `NO_COLOR` is set and not empty (<https://no-color.org>).
    no_color: bool,
    /// `CLICOLOR_FORCE` other than 0 is yes, `CLICOLOR=0` is no (<https://bixense.com/clicolors>).
    force_color: Option<bool>,
    columns: Option<usize>,
    reflows: bool,
}

impl Surroundings {
    fn new(terminal: bool) -> Self {
        let get = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let measured = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Self {
            terminal,
            dumb: get("TERM").is_none_or(|term| term == "dumb"),
            no_color: get("NO_COLOR").is_some(),
            force_color: match (get("CLICOLOR_FORCE").as_deref(), get("CLICOLOR").as_deref()) {
                (Some(force), _) if force != "0" => Some(true),
                (_, Some("0")) => Some(false),
                _ => None,
            },
            // xterm, GNU screen and the console of Linux cut long lines instead.
            reflows: get("XTERM_VERSION").is_none()
                && get("STY").is_none()
                && get("TERM").is_none_or(|term| term != "linux"),
            columns: measured.or_else(|| get("COLUMNS")?.parse().ok()).filter(|width| *width > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_gets_no_colours_and_is_never_cut() {
        let ui = Ui::of(&Surroundings { columns: Some(80), ..Surroundings::default() });
        assert_eq!((ui.color, ui.width, ui.interactive), (false, Ui::UNLIMITED, false));
    }

    #[test]
    fn a_terminal_gets_colours_unless_it_is_dumb_or_they_are_refused() {
        let terminal = || Surroundings { terminal: true, columns: Some(132), ..Surroundings::default() };
        let ui = Ui::of(&terminal());
        assert_eq!((ui.color, ui.width, ui.interactive), (true, 132, true));
        let dumb = Ui::of(&Surroundings { dumb: true, ..terminal() });
        assert_eq!((dumb.color, dumb.interactive), (false, false));
        assert!(!Ui::of(&Surroundings { no_color: true, force_color: Some(true), ..terminal() }).color);
        assert!(!Ui::of(&Surroundings { force_color: Some(false), ..terminal() }).color);
    }

    #[test]
    fn colours_can_be_forced_into_a_pipe_without_drawing_again() {
        let ui = Ui::of(&Surroundings { force_color: Some(true), ..Surroundings::default() });
        assert!(ui.color && !ui.interactive);
    }

    #[test]
    fn painting_without_colours_changes_nothing() {
        assert_eq!(Ui::plain().paint(Role::Bad, "x"), "x");
        assert_eq!(Ui::fixed(true, 80, false).paint(Role::Bad, "x"), "\u{1b}[1m\u{1b}[31mx\u{1b}[0m");
    }
}
