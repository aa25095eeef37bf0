//! Colours by meaning. Eight-colour codes only: the person's terminal theme decides how they look.

use anstyle::{AnsiColor, Style};

use crate::event::{Effect, Outcome};

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is right.
    Good,
    /// It is right, with a warning.
    Warned,
    /// It is not right.
    Bad,
    /// It is not known, or waits for somebody.
    Unknown,
    /// It is under way.
    Running,
    /// Worth seeing first.
    Strong,
    /// The name of a step, a setting, an object.
    Name,
    /// What to do next.
    Hint,
    /// There for whoever looks for it.
    Quiet,
    /// Ordinary text.
    Plain,
}

impl Role {
    /// How it is shown.
    pub fn style(self) -> Style {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Self::Good => color(AnsiColor::Green),
            Self::Warned => color(AnsiColor::Yellow),
            Self::Bad => color(AnsiColor::Red).bold(),
            Self::Unknown => color(AnsiColor::Magenta),
            Self::Running => color(AnsiColor::Cyan),
            Self::Strong => Style::new().bold(),
            Self::Name => color(AnsiColor::Cyan),
            Self::Hint => color(AnsiColor::Blue),
            Self::Quiet => Style::new().dimmed(),
            Self::Plain => Style::new(),
        }
    }
}

impl From<Outcome> for Role {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Passed => Self::Good,
            Outcome::Warned => Self::Warned,
            Outcome::Failed => Self::Bad,
            Outcome::Skipped | Outcome::Blocked => Self::Warned,
            _ => Self::Unknown,
        }
    }
}

impl From<Effect> for Role {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Read => Self::Plain,
            Effect::Write => Self::Running,
            Effect::Disrupt => Self::Warned,
            Effect::Destroy => Self::Bad,
        }
    }
}
