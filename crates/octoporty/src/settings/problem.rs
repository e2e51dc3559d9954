//! Mistakes in a configuration, collected so that all are told in one run.

use std::fmt;

use super::key::{Origin, Role};

/// One mistake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    /// The key, as the document writes it, or as it was written when it is not known.
    pub(crate) name: String,
    /// Where it was set; `None` when the mistake is that it was not.
    pub(crate) origin: Option<Origin>,
    /// What is wrong and what to change; completes "`name` …". Never holds a secret.
    pub(crate) text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.text)?;
        match &self.origin {
            Some(origin) => write!(f, " ({origin})"),
            None => Ok(()),
        }
    }
}

/// All mistakes of a configuration. Nothing was started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refused {
    /// Whose configuration it is.
    pub(crate) role: Role,
    /// At least one.
    pub(crate) problems: Vec<Problem>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let what = if count == 1 { "1 setting needs".to_owned() } else { format!("{count} settings need") };
        writeln!(f, "octoporty {}: {what} a change; nothing was started.", self.role.word())?;
        for problem in &self.problems {
            write!(f, "\n  * {problem}")?;
        }
        Ok(())
    }
}
