//! What differs between operating systems: who this process is, the host's name, the terminal's echo, systemd.

use std::io::{self, BufRead};

/// `uid:gid` of this process.
pub(crate) fn uid_gid() -> String {
    let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
    format!("{}:{}", uid.as_raw(), gid.as_raw())
}

/// The host's name as the system has it.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Reads one line from a terminal without showing what is typed; the echo is back afterwards whatever happens.
pub(crate) fn read_hidden_line() -> io::Result<String> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let terminal = io::stdin();
    let before = tcgetattr(&terminal)?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
    let mut line = String::new();
    let outcome = terminal.lock().read_line(&mut line);
    tcsetattr(&terminal, OptionalActions::Flush, &before)?;
    outcome.map(|_| line)
}
