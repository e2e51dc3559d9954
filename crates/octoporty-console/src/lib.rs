//! REST API, login, store, events and the embedded web page. The same router on either side; [`Capabilities`]
//! says what this side offers.
//!
//! The cast:
//! * `api`: one file a resource and verb group; `ApiError` is the one error at the HTTP edge.
//! * `auth`: password, JWT cookies, refresh families, lockout.
//! * `store`: the database. One writer with its own queue, pooled readers, embedded migrations. No SQL elsewhere.
//! * `events`: one broadcast with replay by id.
//! * `desired`: turns stored mappings into the [`octoporty_proto::model::DesiredState`] that the agent syncs.
//! * `recorder`: takes access and session records and writes them in batches.
//! * `web`: the embedded page.

pub mod config;
pub mod ports;

use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;

pub use config::ConsoleConfig;
pub use ports::{AgentControl, AgentPorts};

/// What this side's console offers; the API serves it and the page's navigation follows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// Whose console this is.
    pub side: Side,
}

/// Whose console this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// An agent's.
    Agent,
}

/// Why a console did not start. Each says what to change.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The port is in use or may not be taken.
    #[error("cannot listen on {address}: {source}; set Agent__Port to a free port")]
    Bind {
        /// Which address.
        address: SocketAddr,
        /// The system's word.
        source: std::io::Error,
    },
    /// The database's folder cannot be made or written.
    #[error("{path} is not writable by uid {uid}: {source}; chown the folder to that user (TrueNAS apps run as 568) or set ConnectionStrings__DefaultConnection")]
    Folder {
        /// The folder.
        path: String,
        /// Whose process this is.
        uid: u32,
        /// The system's word.
        source: std::io::Error,
    },
    /// The database was written by a newer release.
    #[error("{path} was written by a newer release (schema {found}, this one knows {known}); install that release or restore a backup")]
    NewerDatabase {
        /// The file.
        path: String,
        /// Its schema.
        found: i64,
        /// Newest that this release knows.
        known: i64,
    },
    /// The database cannot be opened.
    #[error("cannot open the database {path}: {reason}")]
    Database {
        /// The file.
        path: String,
        /// What is wrong and what to change.
        reason: String,
    },
}

/// A running console.
#[derive(Debug)]
pub struct Console {
    _private: (),
}

impl Console {
    /// Opens the store, publishes the desired state to the agent, binds, serves.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: ConsoleConfig, ports: AgentPorts) -> Result<Self, StartError> {
        let _ = (config, ports);
        todo!()
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        todo!()
    }

    /// Stops accepting, ends event streams, writes what is queued, closes the store.
    pub async fn stop(self, grace: Duration) {
        let _ = grace;
        todo!()
    }
}
