// A gateway and an agent as the release binary runs them, a target, and what a visitor does.
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { createServer as createPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../../", import.meta.url));

/** The binary under test. */
export const BIN = process.env.OCTOPORTY_BIN ?? join(repository, "target/release/octoporty");

export const PASSWORD = "correct horse battery staple";
export const GATEWAY_NAME = "gw.localhost";

/** Nothing here takes this long when it works; milliseconds. */
export const DEADLINE = 30_000;

/** Waits until `check` gives something true, and returns it; `what` is in the error otherwise. */
export async function until(what, check, deadline = DEADLINE) {
  const end = Date.now() + deadline;
  let last;
  while (Date.now() < end) {
    try {
      const value = await check();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ${deadline} ms: ${what} (last: ${last instanceof Error ? last.message : JSON.stringify(last)})`);
}

/** A port that is free now. Gateway and agent have to know each other's before they start. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createPlain();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** One process of the binary, which can be ended and started again with the same settings. */
class Role {
  constructor(name, settings, folder) {
    this.name = name;
    this.settings = settings;
    this.folder = folder;
    this.output = "";
    this.child = undefined;
  }

  start() {
    this.child = spawn(BIN, [this.name], {
      cwd: this.folder,
      env: { PATH: process.env.PATH, HOME: this.folder, Logging__Format: "text", ...this.settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const keep = (chunk) => {
      this.output = (this.output + chunk).slice(-200_000);
    };
    this.child.stdout.on("data", keep);
    this.child.stderr.on("data", keep);
  }

  /** Ends the process and waits until it has ended. */
  async stop(signal = "SIGTERM") {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), 15_000);
    await ended;
    clearTimeout(late);
  }
}

/** What a process says of itself when a test has failed: whether it runs, and its last lines. */
export function lastWords({ name, child, output }, lines = 12) {
  const state = child?.exitCode ?? child?.signalCode ?? "running";
  return `--- ${name}, ${state === "running" ? state : `ended with ${state}`}\n${output.split("\n").slice(-lines).join("\n")}`;
}

/** A visitor's request to the gateway, by name; `from` is the visitor's address, of 127.0.0.0/8. */
export function visit(port, host, path = "/", options = {}) {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: "127.0.0.1",
        port,
        path,
        method: options.method ?? "GET",
        headers: { host, ...options.headers },
        localAddress: options.from,
        agent: false,
      },
      (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => {
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() });
        });
        response.on("error", reject);
      },
    );
    outgoing.setTimeout(DEADLINE, () => outgoing.destroy(new Error("the gateway did not answer")));
    outgoing.on("error", reject);
    outgoing.end(options.body);
  });
}

/** A target that answers with what it saw, or as `answer` does once that is set; after `stop`, `start` is at its old port. */
export async function startTarget() {
  const target = { seen: [], answer: undefined, port: 0 };
  const tellSeen = (incoming, response) => {
    response.writeHead(200, { "content-type": "text/plain" });
    response.end(`target saw ${incoming.method} ${incoming.url}\n`);
  };
  const server = createServer((incoming, response) => {
    target.seen.push({ method: incoming.method, url: incoming.url, host: incoming.headers.host });
    (target.answer ?? tellSeen)(incoming, response);
  });
  target.start = () =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(target.port, "127.0.0.1", resolve);
    });
  target.stop = () =>
    new Promise((done) => {
      server.closeAllConnections();
      server.close(done);
    });
  await target.start();
  target.port = server.address().port;
  return target;
}

/**
 * Gateway, agent and target on free ports in a folder of their own; `stop` ends and removes all of it. `settings` gives
 * settings of the gateway by the folder, `agentSettings` are the agent's, `relay` puts a relay between agent and gateway by
 * the gateway's port.
 */
export async function startWorld({ settings = () => ({}), agentSettings = {}, relay: makeRelay } = {}) {
  if (!existsSync(BIN)) throw new Error(`${BIN} is not there: run \`make build\`, or set OCTOPORTY_BIN`);
  const folder = mkdtempSync(join(tmpdir(), "octoporty-browser-"));
  const hash = spawnSync(BIN, ["hash-password"], { input: `${PASSWORD}\n`, encoding: "utf8" });
  if (hash.status !== 0) throw new Error(`hash-password failed: ${hash.stderr}`);
  const key = randomBytes(24).toString("hex");
  const [gatewayPort, consolePort] = [await freePort(), await freePort()];
  const own = { Gateway__ApiKey: key, Gateway__Port: `127.0.0.1:${gatewayPort}` };
  const gateway = new Role("gateway", { ...own, ...settings(folder) }, folder);
  const relay = await makeRelay?.(gatewayPort);
  const agent = new Role(
    "agent",
    {
      Agent__GatewayUrl: `ws://127.0.0.1:${relay?.port ?? gatewayPort}/tunnel`,
      Agent__GatewayFqdn: GATEWAY_NAME,
      Agent__ApiKey: key,
      Agent__Name: "browser-test",
      Agent__Port: `127.0.0.1:${consolePort}`,
      Agent__Auth__PasswordHash: hash.stdout.trim(),
      Agent__HeartbeatIntervalSeconds: "3",
      ConnectionStrings__DefaultConnection: `Data Source=${join(folder, "agent/octoporty.db")}`,
      ...agentSettings,
    },
    folder,
  );
  gateway.start();
  agent.start();
  const target = await startTarget();
  const world = {
    folder,
    gateway,
    agent,
    target,
    relay,
    gatewayPort,
    consolePort,
    url: `http://127.0.0.1:${consolePort}`,
    visit: (host, path, options) => visit(gatewayPort, host, path, options),
    async stop() {
      await agent.stop();
      await gateway.stop();
      await relay?.stop();
      await target.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await until("the gateway answers", async () => (await visit(gatewayPort, "localhost", "/health")).status === 200);
    await until("the console answers", async () => (await visit(consolePort, "localhost", "/ready")).status === 200);
  } catch (error) {
    await world.stop();
    throw new Error(`${error.message}\n${lastWords(agent, 200)}\n${lastWords(gateway, 200)}`);
  }
  return world;
}
