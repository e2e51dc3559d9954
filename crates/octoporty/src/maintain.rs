//! `octoporty restore` and `octoporty import`: what is done to the agent's database while the agent is stopped.

use std::path::{Path, PathBuf};

use octoporty_console::maintenance::{self, Effect, Line, MaintenanceError, TakenOver};

use crate::cli::{ImportArgs, RestoreArgs};
use crate::exit::Exit;
use crate::settings::agent;
use crate::settings::source::{self, Sources};
use crate::{complain, say};

/// Puts a backup in the database's place.
pub(crate) fn restore(args: &RestoreArgs) -> Exit {
    on_database(args.database.as_deref(), args.config.as_deref(), async |database| {
        let restored = maintenance::restore(&args.from, database).await?;
        let page = if restored.has_landing_page { "a landing page" } else { "the default landing page" };
        let mappings = counted(restored.mappings, "mapping");
        say(&format!("restored {}: {mappings} and {page}", database.display()));
        if let Some(kept) = restored.kept {
            say(&format!("the database from before is kept as {}", kept.display()));
        }
        say("start the agent again; everybody logs in anew");
        Ok(Exit::Clean)
    })
}

/// Takes over what a database of the original has.
pub(crate) fn import(args: &ImportArgs) -> Exit {
    on_database(args.database.as_deref(), args.config.as_deref(), async |database| {
        let effect = if args.dry_run { Effect::Preview } else { Effect::Store };
        let report = maintenance::import_original(&args.from_octoporty, database, effect).await?;
        tell(&report, database, effect);
        Ok(if report.count("left out") > 0 { Exit::No } else { Exit::Clean })
    })
}

fn on_database(
    named: Option<&Path>,
    config: Option<&Path>,
    work: impl AsyncFnOnce(&Path) -> Result<Exit, MaintenanceError>,
) -> Exit {
    let database = match named.map_or_else(|| configured(config), |path| Ok(path.to_owned())) {
        Ok(database) => database,
        Err(words) => {
            complain(&words);
            return Exit::Configuration;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("cannot start a runtime: {error}"));
            return Exit::Internal;
        }
    };
    runtime.block_on(work(&database)).unwrap_or_else(|error| {
        complain(&format!("{error}"));
        complain("nothing was changed");
        match error {
            MaintenanceError::File { .. } => Exit::Configuration,
            _ => Exit::Unavailable,
        }
    })
}

/// The database that an agent of this machine would use.
fn configured(config: Option<&Path>) -> Result<PathBuf, String> {
    let file = source::file(config).map_err(|error| error.to_string())?;
    let sources = Sources { flags: Vec::new(), environment: source::environment(), file };
    agent::database_of(&sources).map_err(|refused| refused.to_string())
}

fn tell(report: &TakenOver, database: &Path, effect: Effect) {
    let width = report.lines.iter().map(|line| line.address.chars().count()).max().unwrap_or_default();
    for Line { what, address, detail } in &report.lines {
        say(&format!("{what:8}  {address:width$}  {detail}"));
    }
    say(report.landing_page);
    let counts = ["created", "updated", "skipped", "left out"].map(|what| format!("{} {what}", report.count(what)));
    say(&format!("{} in {}", counts.join(", "), database.display()));
    if let Some(kept) = &report.kept {
        say(&format!("the database of the original is kept as {}", kept.display()));
    }
    if effect == Effect::Preview {
        say("this was a preview: nothing was changed");
    }
}

fn counted(number: usize, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}
