//! What differs between operating systems: who this process is, the host's name, the terminal's echo, systemd.

use std::io;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// `uid:gid` of this process.
pub(crate) fn uid_gid() -> String {
    let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
    format!("{}:{}", uid.as_raw(), gid.as_raw())
}

/// The host's name as the system has it.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// While it lives, the terminal does not show what is typed.
#[derive(Debug)]
pub(crate) struct HiddenTyping {
    before: Termios,
}

/// Stops the terminal's echo.
pub(crate) fn hide_typing() -> io::Result<HiddenTyping> {
    let before = tcgetattr(io::stdin())?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
    Ok(HiddenTyping { before })
}

impl Drop for HiddenTyping {
    fn drop(&mut self) {
        // A terminal that went away needs no echo.
        tcsetattr(io::stdin(), OptionalActions::Flush, &self.before).unwrap_or_default();
    }
}
