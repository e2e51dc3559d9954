//! `octoporty hash-password`: from a password to the value of `Agent__Auth__PasswordHash`.

use std::io::{self, BufRead, IsTerminal, Write};

use octoporty_console::config::{MAX_PASSWORD_BYTES, PasswordHash};
use thiserror::Error;

use crate::exit::{Exit, Signal};
use crate::supervise::signals::Signals;
use crate::{complain, say};

/// Why there is no hash.
#[derive(Debug, Error)]
#[non_exhaustive]
enum PasswordError {
    /// The terminal or standard input failed.
    #[error("the password cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// Nothing was typed.
    #[error("the password is empty")]
    Empty,
    /// No login could give it.
    #[error("the password is longer than {MAX_PASSWORD_BYTES} bytes, the most that a login takes")]
    TooLong,
    /// The second time was different.
    #[error("the two passwords differ")]
    Different,
    /// Ctrl-C, or an end from outside.
    #[error("no hash was made")]
    Interrupted(Signal),
}

/// Asks, hashes, prints.
pub(crate) fn run() -> Exit {
    let stdin = io::stdin();
    let password = if stdin.is_terminal() { ask_twice() } else { first_line(stdin.lock()) };
    match password.and_then(checked) {
        Ok(password) => {
            say(PasswordHash::of_password(&password).as_str());
            Exit::Clean
        }
        Err(error) => {
            complain(&error.to_string());
            error.exit()
        }
    }
}

impl PasswordError {
    const fn exit(&self) -> Exit {
        match self {
            Self::Interrupted(signal) => Exit::Forced(*signal),
            _ => Exit::Configuration,
        }
    }
}

fn checked(password: String) -> Result<String, PasswordError> {
    match password.len() {
        0 => Err(PasswordError::Empty),
        1..=MAX_PASSWORD_BYTES => Ok(password),
        _ => Err(PasswordError::TooLong),
    }
}

fn ask_twice() -> Result<String, PasswordError> {
    let once = checked(ask("Password: ")?)?;
    if ask("Again: ")? == once { Ok(once) } else { Err(PasswordError::Different) }
}

/// The prompt goes to standard error, so that `$(octoporty hash-password)` gets the hash alone.
fn ask(prompt: &str) -> Result<String, PasswordError> {
    let mut terminal = io::stderr();
    write!(terminal, "{prompt}")?;
    terminal.flush()?;
    let line = hidden_line();
    writeln!(terminal)?;
    Ok(line?.trim_end_matches(['\r', '\n']).to_owned())
}

/// A line that is not shown. Whatever ends the waiting, the terminal shows what is typed again.
fn hidden_line() -> Result<String, PasswordError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let line = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let _hidden = crate::platform::hide_typing()?;
        tokio::select! {
            biased;
            signal = signals.next() => Err(PasswordError::Interrupted(signal)),
            line = tokio::task::spawn_blocking(|| io::stdin().lines().next().transpose()) => {
                Ok(line.map_err(io::Error::other)??.unwrap_or_default())
            }
        }
    });
    // A read that nobody answers is left to the end of the process.
    runtime.shutdown_background();
    line
}

fn first_line(mut input: impl BufRead) -> Result<String, PasswordError> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_password_with_its_blanks() {
        assert_eq!(first_line(&b" pass word \r\nsecond\n"[..]).unwrap(), " pass word ");
    }

    #[test]
    fn an_empty_password_is_refused() {
        assert!(matches!(first_line(&b"\n"[..]).and_then(checked), Err(PasswordError::Empty)));
        assert!(matches!(first_line(&b""[..]).and_then(checked), Err(PasswordError::Empty)));
    }

    #[test]
    fn a_password_that_no_login_could_give_gets_no_hash() {
        let longest = "x".repeat(MAX_PASSWORD_BYTES);
        assert!(PasswordHash::of_password(&checked(longest.clone()).unwrap()).verifies(&longest));
        assert!(matches!(checked(longest + "x"), Err(PasswordError::TooLong)));
    }
}
