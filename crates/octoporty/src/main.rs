//! The `octoporty` binary.
//!
//! The cast:
//! * `cli`: the command line.
//! * `settings`: flags, environment and file into the roles' configurations; the only reader of any of them.
//! * `telemetry`: logs.
//! * `metrics`: figures for Prometheus.
//! * `supervise`: starts a role's parts in order and ends them in reverse.
//! * `demo`: all roles and a sample site in one process.
//! * `maintain`: restore and take-over of a database, with the agent stopped.
//! * `health`, `hash_password`: small commands.
//!
//! Nothing here knows how a tunnel works; the roles do.

mod banner;
mod cli;
mod demo;
mod exit;
mod hash_password;
mod health;
mod http_client;
mod maintain;
mod metrics;
mod platform;
mod settings;
mod supervise;
mod telemetry;

use std::io::Write;

use crate::cli::{Asked, Command, RoleArgs};
use crate::exit::Exit;
use crate::settings::Loaded;
use crate::settings::reader::Row;
use crate::settings::source::{self, Entry, Sources};

/// Bytes of freed memory that each thread's heap keeps. Links are read in blocks of 256 KiB and some eight are under way at
/// once: given back to the system each time, they cost more than the bytes in them, 100 000 page faults a GiB.
const KEPT: usize = 2 * 1024 * 1024;

/// Bytes from which on memory is asked of the system by itself, and given back: above the blocks that come and go.
const MAPPED: usize = 1024 * 1024;

fn main() {
    // Nothing depends on it: another allocator has its own ways.
    let _ = octoporty_sys::keep_freed(KEPT, MAPPED);
    let exit = match cli::parse(std::env::args_os()) {
        Ok(asked) => run(asked),
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Configuration } else { Exit::Clean };
            drop(error.print());
            exit
        }
    };
    std::process::exit(exit.code());
}

fn run(asked: Asked) -> Exit {
    match asked.command {
        Command::Gateway(args) => match sources(&args, asked.flags) {
            Ok(sources) => start(settings::gateway::load(&sources), &args, supervise::gateway),
            Err(exit) => exit,
        },
        Command::Agent(args) => match sources(&args, asked.flags) {
            Ok(sources) => start(settings::agent::load(&sources), &args, supervise::agent),
            Err(exit) => exit,
        },
        Command::Restore(args) => maintain::restore(&args),
        Command::Import(args) => maintain::import(&args),
        Command::Demo(args) => demo::run(args),
        Command::HashPassword => hash_password::run(),
        Command::Health(args) => health::run(args.url.as_deref()),
    }
}

fn sources(args: &RoleArgs, flags: Vec<Entry>) -> Result<Sources, Exit> {
    match source::file(args.config.as_deref()) {
        Ok(file) => Ok(Sources { flags, environment: source::environment(), file }),
        Err(error) => {
            complain(&error.to_string());
            Err(Exit::Configuration)
        }
    }
}

/// Refuses, shows or starts what was loaded.
fn start<T>(loaded: Loaded<T>, args: &RoleArgs, role: impl FnOnce(T, settings::Frame) -> Exit) -> Exit {
    if args.check {
        show(&loaded.rows);
    }
    match loaded.outcome {
        Err(refused) => {
            complain(&refused.to_string());
            Exit::Configuration
        }
        Ok((_, frame)) if args.check => {
            for warning in &frame.warnings {
                complain(&format!("warning: {warning}"));
            }
            say("\nThe configuration is valid.");
            Exit::Clean
        }
        Ok((settings, frame)) => role(settings, frame),
    }
}

/// The effective settings, aligned.
fn show(rows: &[Row]) {
    let width = |text: fn(&Row) -> usize| rows.iter().map(text).max().unwrap_or_default();
    let (path, value) = (width(|row| row.path.len()), width(|row| row.value.chars().count()));
    for row in rows {
        say(&format!("{:path$}  {:value$}  {}", row.path, row.value, row.origin));
    }
}

/// A line on standard output. A reader that went away is no reason to fail.
pub(crate) fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}

/// A line on standard error.
pub(crate) fn complain(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}
