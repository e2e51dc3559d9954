// A relay between agent and gateway that can make the gateway look older than it is (both are of one release here), and
// farther away.
import { connect, createServer } from "node:net";

/** Every place of `from` in the bytes becomes `to`, which is as long. */
function replaceAll(bytes, from, to) {
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + to.length)) to.copy(bytes, at);
}

/** The whole WebSocket frames at the begin of `bytes`, each as { payload, mask, end }. */
function* frames(bytes) {
  let at = 0;
  while (bytes.length >= at + 2) {
    const masked = (bytes[at + 1] & 0x80) !== 0;
    const short = bytes[at + 1] & 0x7f;
    const wide = { 126: 2, 127: 8 }[short] ?? 0;
    const head = 2 + wide + (masked ? 4 : 0);
    if (bytes.length < at + head) return;
    const length = wide === 0 ? short : bytes.readUIntBE(at + 2 + (wide === 8 ? 2 : 0), wide === 8 ? 6 : 2);
    const end = at + head + length;
    if (bytes.length < end) return;
    const mask = masked ? bytes.subarray(at + head - 4, at + head) : Buffer.alloc(4);
    yield { payload: bytes.subarray(at + head, end), mask, end };
    at = end;
  }
}

const unmask = (payload, mask) => {
  for (let index = 0; index < payload.length; index += 1) payload[index] ^= mask[index % 4];
};

/** Hands on what the agent sends, whole frames at a time, with changes in what they carry. */
function editFrames(edits, write) {
  let waiting = Buffer.alloc(0);
  let upgraded = false;
  return (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    if (!upgraded) {
      const end = waiting.indexOf("\r\n\r\n");
      if (end < 0) return;
      write(waiting.subarray(0, end + 4));
      waiting = waiting.subarray(end + 4);
      upgraded = true;
    }
    let done = 0;
    for (const { payload, mask, end } of frames(waiting)) {
      unmask(payload, mask);
      for (const [from, to] of edits()) replaceAll(payload, from, to);
      unmask(payload, mask);
      done = end;
    }
    if (done > 0) write(waiting.subarray(0, done));
    waiting = waiting.subarray(done);
  };
}

/** A field of a MessagePack map, as its bytes: the name, and a text of less than 32 bytes. */
export function field(name, text) {
  return Buffer.concat([Buffer.from(name), Buffer.from([0xa0 | text.length]), Buffer.from(text)]);
}

/** Hands on in order what comes, each piece as late as `delay` says. */
function late(delay, write) {
  let turn = Promise.resolve();
  return (piece) => {
    const due = Date.now() + delay();
    turn = turn.then(async () => {
      const left = due - Date.now();
      if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
      write(piece);
    });
  };
}

/**
 * Listens on a free port; `down` and `up` are lists of [from, to], `delay` holds back what the gateway says, milliseconds.
 * All may be changed at any time.
 */
export async function startRelay(gatewayPort) {
  const relay = { down: [], up: [], delay: 0, port: 0 };
  const sockets = new Set();
  const server = createServer((agent) => {
    const gateway = connect(gatewayPort, "127.0.0.1");
    for (const [socket, other] of [
      [agent, gateway],
      [gateway, agent],
    ]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    agent.on(
      "data",
      editFrames(
        () => relay.up,
        (bytes) => gateway.write(Buffer.from(bytes)),
      ),
    );
    const handOn = late(
      () => relay.delay,
      (chunk) => agent.write(chunk),
    );
    gateway.on("data", (chunk) => {
      for (const [from, to] of relay.down) replaceAll(chunk, from, to);
      handOn(chunk);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  relay.port = server.address().port;
  /** Ends the connections that stand. */
  relay.cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  relay.stop = () =>
    new Promise((resolve) => {
      server.close(resolve);
      relay.cut();
    });
  return relay;
}
