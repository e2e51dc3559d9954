//! One gateway, its agents and their folder.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;
use tokio::process::Command;

use crate::console::ConsoleClient;
use crate::process::{Process, binary};
use crate::visitor::{Reply, Visitor};

/// The gateway's key in tests.
pub const KEY: &str = "an-api-key-for-tests-of-40-characters-ok";
/// The console's password in tests.
pub const PASSWORD: &str = "correct horse battery";
/// Its hash, made by `openssl passwd -6`.
pub const PASSWORD_HASH: &str =
    "$6$octoportye2e$ueDOHu50B5WNBc7G2Xa6KBQRxYIQK/JvHBGL2wqsmTdwJjef.IR.LHrLVocifKvx5aVlAzzLJYZr9z2fY0coQ0";

/// A loopback address and a folder of a test's own.
#[derive(Debug)]
pub struct World {
    ip: Ipv4Addr,
    dir: TempDir,
    binary: PathBuf,
}

/// Settings of one process beyond the harness's own, as environment variables.
pub type Settings<'a> = &'a [(&'a str, &'a str)];

impl World {
    /// A new one. Its address is unique on this machine among tests that run now.
    ///
    /// # Panics
    /// If no folder can be made.
    #[must_use]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // 127.64.0.0/10 leaves the lower addresses to people; a process id and a counter make it unique.
        let mixed = (std::process::id() << 8).wrapping_add(number) & 0x003f_ffff;
        let ip = Ipv4Addr::from(0x7f40_0000 | mixed);
        let dir = tempfile::Builder::new().prefix("octoporty-e2e").tempdir().expect("a temporary folder");
        Self { ip, dir, binary: binary() }
    }

    /// The same with a copy of the binary that no other world runs: processes of one file share its pages, and memory
    /// that is shared counts only in part for each.
    ///
    /// # Panics
    /// If there is no room for it.
    #[must_use]
    pub fn with_own_binary(mut self) -> Self {
        let copy = self.path("octoporty");
        std::fs::copy(&self.binary, &copy).expect("room for a copy of the binary");
        self.binary = copy;
        self
    }

    /// The world's loopback address.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        IpAddr::V4(self.ip)
    }

    /// A path in the world's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where the gateway listens.
    #[must_use]
    pub fn gateway_address(&self) -> SocketAddr {
        SocketAddr::new(self.ip(), 17200)
    }

    /// Where the first agent's console listens.
    #[must_use]
    pub fn console_address(&self) -> SocketAddr {
        SocketAddr::new(self.ip(), 17201)
    }

    /// The release of the binary under test, as it tells it itself.
    ///
    /// # Panics
    /// If it does not.
    pub async fn release(&self) -> String {
        let output = self.command(&["--version"], &[]).output().await.expect("the binary runs");
        let told = String::from_utf8(output.stdout).expect("text");
        told.trim().strip_prefix("octoporty ").expect("name and release").to_owned()
    }

    /// The binary with a clean environment, in the world's folder.
    #[must_use]
    pub fn command(&self, args: &[&str], settings: Settings<'_>) -> Command {
        self.prepared(Command::new(&self.binary), args, settings)
    }

    fn prepared(&self, mut command: Command, args: &[&str], settings: Settings<'_>) -> Command {
        command.args(args).current_dir(self.dir.path()).env_clear();
        for kept in ["PATH", "HOME", "LANG", "SSL_CERT_FILE"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command.envs(settings.iter().copied());
        command
    }

    /// Starts a gateway and waits until it answers.
    pub async fn gateway(&self, settings: Settings<'_>) -> Process {
        self.gateway_by(Command::new(&self.binary), settings).await
    }

    async fn gateway_by(&self, command: Command, settings: Settings<'_>) -> Process {
        let address = self.gateway_address().to_string();
        let mut command = self.prepared(
            command,
            &["gateway"],
            &[("Gateway__ApiKey", KEY), ("Gateway__Port", &address), ("Gateway__HeartbeatIntervalSeconds", "3")],
        );
        command.envs(settings.iter().copied());
        let process = Process::spawn("gateway", self.dir.path(), &mut command);
        crate::target::listening(self.gateway_address()).await;
        process
    }

    /// Starts a gateway that may run on one core only and waits until it answers.
    pub async fn gateway_on_one_core(&self, settings: Settings<'_>) -> Process {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells it");
        let cores = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("Linux tells it");
        let first = cores.trim().split([',', '-']).next().expect("a process may run somewhere");
        let mut command = Command::new("taskset");
        command.args(["-c", first]).arg(&self.binary);
        self.gateway_by(command, settings).await
    }

    /// Starts the agent `name` (its console at `console`), which dials `gateway`. Does not wait for it.
    #[must_use]
    pub fn agent_named(&self, name: &str, console: SocketAddr, gateway: SocketAddr, settings: Settings<'_>) -> Process {
        let database = self.path(&format!("{name}.db"));
        let command = self.agent_command(Command::new(&self.binary), (name, &database), console, gateway);
        self.spawn_agent(name, command, settings)
    }

    /// Starts the first agent with its database on a disk of its own, of so many MiB, mounted at a folder that only its
    /// process sees; waits for its console. The folder is found from outside below `/proc/<pid>/root`.
    pub async fn agent_on_small_disk(&self, mib: u32) -> (Process, ConsoleClient, PathBuf) {
        let disk = self.path("disk");
        std::fs::create_dir(&disk).expect("the world's folder is writable");
        let mount = format!("mount -t tmpfs -o size={mib}m tmpfs \"$0\" && exec \"$@\"");
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "bash", "-c", &mount]).arg(&disk).arg(&self.binary);
        let place = ("agent", disk.join("agent.db"));
        let command = self.agent_command(command, (place.0, &place.1), self.console_address(), self.gateway_address());
        let process = self.spawn_agent("agent", command, &[]);
        crate::target::listening(self.console_address()).await;
        let outside = PathBuf::from(format!("/proc/{}/root{}", process.pid(), disk.display()));
        (process, ConsoleClient::login(self.console_address(), PASSWORD).await, outside)
    }

    fn spawn_agent(&self, name: &str, mut command: Command, settings: Settings<'_>) -> Process {
        command.envs(settings.iter().copied());
        Process::spawn(name, self.dir.path(), &mut command)
    }

    fn agent_command(
        &self,
        command: Command,
        (name, database): (&str, &Path),
        console: SocketAddr,
        gateway: SocketAddr,
    ) -> Command {
        let url = format!("ws://{gateway}/tunnel");
        let console = console.to_string();
        let database = format!("Data Source={}", database.display());
        self.prepared(
            command,
            &["agent"],
            &[
                ("Agent__GatewayUrl", &url),
                ("Agent__ApiKey", KEY),
                ("Agent__Name", name),
                ("Agent__Port", &console),
                ("Agent__Auth__PasswordHash", PASSWORD_HASH),
                ("Agent__HeartbeatIntervalSeconds", "3"),
                ("Agent__JwtSecret", "a-jwt-secret-for-tests-of-40-characters!"),
                ("ConnectionStrings__DefaultConnection", &database),
            ],
        )
    }

    /// Starts the first agent against `gateway` and waits for its console.
    pub async fn agent_via(&self, gateway: SocketAddr, settings: Settings<'_>) -> (Process, ConsoleClient) {
        let process = self.agent_named("agent", self.console_address(), gateway, settings);
        crate::target::listening(self.console_address()).await;
        (process, ConsoleClient::login(self.console_address(), PASSWORD).await)
    }

    /// Starts the first agent and waits until it is connected.
    pub async fn agent(&self, settings: Settings<'_>) -> (Process, ConsoleClient) {
        let (process, console) = self.agent_via(self.gateway_address(), settings).await;
        console.connection("Connected").await;
        (process, console)
    }

    /// A gateway and a connected agent.
    pub async fn pair(&self) -> Pair {
        let gateway = self.gateway(&[]).await;
        let (agent, console) = self.agent(&[]).await;
        Pair { gateway, agent, console }
    }

    /// A visitor's connection.
    pub async fn visitor(&self) -> Visitor {
        Visitor::connect(self.gateway_address()).await
    }

    /// One `GET` on a connection of its own.
    pub async fn get(&self, host: &str, path: &str) -> Reply {
        self.visitor().await.get(host, path).await
    }

    /// One `GET`; `None` when there is no gateway or no answer.
    pub async fn try_get(&self, host: &str, path: &str) -> Option<Reply> {
        Visitor::try_get(self.gateway_address(), host, path).await
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// A gateway and its agent.
#[derive(Debug)]
pub struct Pair {
    /// The gateway's process.
    pub gateway: Process,
    /// The agent's process.
    pub agent: Process,
    /// The agent's console.
    pub console: ConsoleClient,
}
