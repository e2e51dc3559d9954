//! The command line. The flags of `gateway` and `agent` are made from the table of settings, so that a flag, a
//! variable and a key of the file are always the same thing.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::settings::key::{Fallback, Key, Origin, Role};
use crate::settings::source::Entry;
use crate::settings::table::keys_of;

const ABOUT: &str = "Exposes services of a private network at public names, on servers of your own.";

const EXAMPLES: &str = "\
Examples:
  Try it, all on this machine:
      octoporty demo

  On the public server (behind a TLS proxy that forwards to port 17200):
      export Gateway__ApiKey=$(openssl rand -hex 32)
      octoporty gateway

  At home, with the same key; its console is at http://localhost:17201:
      export Agent__GatewayFqdn=gateway.example.com Agent__ApiKey=...
      export Agent__Auth__PasswordHash=\"$(octoporty hash-password)\"
      octoporty agent

Settings come from flags, the environment (Gateway__Port) and octoporty.toml, in this order.
`octoporty gateway --help` and `octoporty agent --help` name all of them; `--check` shows what holds.";

/// The whole command line.
#[derive(Parser, Debug)]
#[command(name = "octoporty", version, about = ABOUT, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run the public side: takes visitors and agents.
    Gateway(RoleArgs),
    /// Run the private side: dials the gateway, forwards to targets, has the console.
    Agent(RoleArgs),
    /// Run a gateway, an agent, its console and a sample site on this machine.
    Demo(DemoArgs),
    /// Make the hash of a console password, for Agent__Auth__PasswordHash.
    ///
    /// Reads the password from the terminal without showing it, or from standard input.
    HashPassword,
    /// Put a backup in the place of the agent's database, with the agent stopped.
    ///
    /// The backup is checked first; the database that was there is kept beside it.
    Restore(RestoreArgs),
    /// Take mappings and landing page over from a database of the original Octoporty, with the agent stopped.
    ///
    /// They are merged by id, else by domain; what is there already stays. The file itself is only read; where it lies in
    /// the very place of this agent's database, it is kept beside the new one. Exit code 1: some rows were left out.
    Import(ImportArgs),
    /// Ask a running gateway or console for its health; exit code 0 is healthy, 1 is not.
    Health(HealthArgs),
}

/// Of `gateway` and `agent`, beside the table's flags.
#[derive(Args, Debug)]
pub(crate) struct RoleArgs {
    /// Configuration file [default: octoporty.toml here or in /etc/octoporty, if there is one].
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Check the configuration, show what holds and where it comes from, and start nothing.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Of `demo`.
#[derive(Args, Debug, Clone)]
pub(crate) struct DemoArgs {
    /// Folder for the database and the console's password.
    #[arg(long, value_name = "DIR", default_value = "./octoporty-demo")]
    pub(crate) data: PathBuf,
    /// Port of the gateway on 127.0.0.1; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 17200)]
    pub(crate) gateway_port: u16,
    /// Port of the console on 127.0.0.1; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 17201)]
    pub(crate) console_port: u16,
}

/// Of `restore`.
#[derive(Args, Debug)]
pub(crate) struct RestoreArgs {
    /// The backup: what the console's Download SQLite backup gave, or a copy of a database.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// The agent's database [default: the one of ConnectionStrings__DefaultConnection].
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,
    /// Configuration file that names the database [default: as for `agent`].
    #[arg(long, value_name = "FILE", conflicts_with = "database")]
    pub(crate) config: Option<PathBuf>,
}

/// Of `import`.
#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The original's database, mostly /app/data/octoporty.db. Stop the original first.
    #[arg(long, value_name = "FILE")]
    pub(crate) from_octoporty: PathBuf,
    /// The agent's database [default: the one of ConnectionStrings__DefaultConnection]. Made if it is not there.
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,
    /// Configuration file that names the database [default: as for `agent`].
    #[arg(long, value_name = "FILE", conflicts_with = "database")]
    pub(crate) config: Option<PathBuf>,
    /// Tell what would be done and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Of `health`.
#[derive(Args, Debug)]
pub(crate) struct HealthArgs {
    /// What to ask [default: /health of the role that the environment has settings of].
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) url: Option<String>,
}

/// What was asked for, with the flags of the table.
#[derive(Debug)]
pub(crate) struct Asked {
    /// What to do.
    pub(crate) command: Command,
    /// The table's flags that were given.
    pub(crate) flags: Vec<Entry>,
}

/// Parses a command line; the error knows how to print itself (help and version are errors, too).
pub(crate) fn parse(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Asked, clap::Error> {
    let matches = command().try_get_matches_from(arguments)?;
    let flags = match matches.subcommand() {
        Some(("gateway", matches)) => flags_of(Role::Gateway, matches),
        Some(("agent", matches)) => flags_of(Role::Agent, matches),
        _ => Vec::new(),
    };
    Ok(Asked { command: Cli::from_arg_matches(&matches)?.command, flags })
}

/// The derived command with the table's flags in it.
fn command() -> clap::Command {
    Cli::command()
        .mut_subcommand("gateway", |command| with_flags(command, Role::Gateway))
        .mut_subcommand("agent", |command| with_flags(command, Role::Agent))
}

fn with_flags(mut command: clap::Command, role: Role) -> clap::Command {
    for key in keys_of(role) {
        command = command.arg(flag(key));
        if let Some(twin) = key.twin() {
            let id: &'static str = twin.leak();
            let long: &'static str = format!("{}-file", key.flag()).leak();
            let help = format!("File that holds {}", key.path);
            command = command.arg(Arg::new(id).long(long).value_name("FILE").help(help).help_heading("Settings"));
        }
    }
    command
}

/// The flag of a key. Names live as long as the process; there are a few dozen of them.
fn flag(key: &'static Key) -> Arg {
    let long: &'static str = key.flag().leak();
    let default = match key.fallback {
        Fallback::Text(text) | Fallback::Words(text) => text,
    };
    let help = format!("{} [default: {default}] [env: {}]", key.doc, key.path);
    let arg = Arg::new(key.path)
        .long(long)
        .visible_aliases(key.flags.iter().copied())
        .value_name("VALUE")
        .help(help)
        .help_heading("Settings")
        .action(ArgAction::Set);
    if key.switch { arg.num_args(0..=1).require_equals(true).default_missing_value("true") } else { arg }
}

fn flags_of(role: Role, matches: &ArgMatches) -> Vec<Entry> {
    let mut entries = Vec::new();
    for key in keys_of(role) {
        let names = [(Some(key.path.to_owned()), key.flag()), (key.twin(), format!("{}-file", key.flag()))];
        for (name, flag) in names {
            let Some(name) = name else { continue };
            if let Some(text) = matches.get_one::<String>(&name) {
                entries.push(Entry { name, text: text.clone(), origin: Origin::Flag(format!("--{flag}")) });
            }
        }
    }
    entries
}

/// Loopback with a port, for the demo.
pub(crate) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<std::ffi::OsString> {
        line.split_whitespace().map(Into::into).collect()
    }

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn a_flag_is_its_key_in_kebab_case() {
        let asked =
            parse(words("octoporty gateway --port 8080 --limits-header-bytes=9000 --api-key-file /run/key")).unwrap();
        let found: Vec<(String, String)> =
            asked.flags.iter().map(|entry| (entry.name.clone(), entry.text.clone())).collect();
        assert!(found.contains(&("Gateway__Port".into(), "8080".into())));
        assert!(found.contains(&("Gateway__Limits__HeaderBytes".into(), "9000".into())));
        assert!(found.contains(&("Gateway__ApiKeyFile".into(), "/run/key".into())));
        assert_eq!(asked.flags[0].origin.to_string(), "flag --api-key-file");
    }

    #[test]
    fn a_switch_alone_is_true_and_takes_a_value_after_an_equals_sign() {
        let value = |line: &str| parse(words(line)).unwrap().flags[0].text.clone();
        assert_eq!(value("octoporty agent --insecure"), "true");
        assert_eq!(value("octoporty agent --insecure-skip-verify=false"), "false");
    }

    #[test]
    fn flags_of_one_role_are_unknown_to_the_other() {
        assert!(parse(words("octoporty agent --trusted-proxies ::1")).is_ok());
        assert!(parse(words("octoporty gateway --gateway-url wss://x")).is_err());
    }

    #[test]
    fn a_restore_names_its_backup_and_an_import_its_original() {
        assert!(parse(words("octoporty restore --from b.db --database o.db")).is_ok());
        assert!(parse(words("octoporty restore --database o.db")).is_err());
        assert!(parse(words("octoporty import --from-octoporty o.db --dry-run")).is_ok());
        assert!(parse(words("octoporty import --dry-run")).is_err());
        assert!(parse(words("octoporty restore --from b.db --database o.db --config c.toml")).is_err());
    }
}
