//! Exit codes (those of `sysexits.h` where one fits) and the end of the process.

/// Why the process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// As asked.
    Clean,
    /// A question was answered with no (`octoporty health`).
    No,
    /// The configuration or the command line has a mistake; nothing was started.
    Configuration,
    /// Something that is needed cannot be had: a port, a folder, a database.
    Unavailable,
    /// A defect, or the system has no room for a thread.
    Internal,
    /// A second signal: ended at once, with what was in flight.
    Forced(Signal),
}

/// What asks a process to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGINT, Ctrl-C.
    Interrupt,
}

impl Exit {
    /// The number that the parent sees.
    pub(crate) const fn code(self) -> i32 {
        match self {
            Self::Clean => 0,
            Self::No => 1,
            Self::Configuration => 64,
            Self::Unavailable => 69,
            Self::Internal => 70,
            Self::Forced(Signal::Interrupt) => 128 + 2,
            Self::Forced(Signal::Terminate) => 128 + 15,
        }
    }
}
