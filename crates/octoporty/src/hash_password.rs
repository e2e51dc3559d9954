//! `octoporty hash-password`: from a password to the value of `Agent__Auth__PasswordHash`.

use std::io::{self, BufRead, IsTerminal, Write};

use octoporty_console::config::PasswordHash;
use thiserror::Error;

use crate::exit::Exit;
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
    /// The second time was different.
    #[error("the two passwords differ")]
    Different,
}

/// Asks, hashes, prints.
pub(crate) fn run() -> Exit {
    let stdin = io::stdin();
    let password = if stdin.is_terminal() { ask_twice() } else { first_line(stdin.lock()) };
    match password {
        Ok(password) => {
            say(PasswordHash::of_password(&password).as_str());
            Exit::Clean
        }
        Err(error) => {
            complain(&error.to_string());
            Exit::Configuration
        }
    }
}

fn ask_twice() -> Result<String, PasswordError> {
    let once = ask("Password: ")?;
    if once.is_empty() {
        return Err(PasswordError::Empty);
    }
    if ask("Again: ")? == once { Ok(once) } else { Err(PasswordError::Different) }
}

/// The prompt goes to standard error, so that `$(octoporty hash-password)` gets the hash alone.
fn ask(prompt: &str) -> Result<String, PasswordError> {
    let mut terminal = io::stderr();
    write!(terminal, "{prompt}")?;
    terminal.flush()?;
    let line = crate::platform::read_hidden_line()?;
    writeln!(terminal)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn first_line(mut input: impl BufRead) -> Result<String, PasswordError> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() { Err(PasswordError::Empty) } else { Ok(password.to_owned()) }
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
        assert!(matches!(first_line(&b"\n"[..]), Err(PasswordError::Empty)));
        assert!(matches!(first_line(&b""[..]), Err(PasswordError::Empty)));
    }
}
