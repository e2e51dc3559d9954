// What visitors asked for and how the tunnel fared, as the console shows it: the causes are made outside of it.
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fact, goTo, logIn, milliseconds } from "../harness/browser.mjs";
import { until } from "../harness/processes.mjs";
import { field, startRelay } from "../harness/relay.mjs";
import { story } from "../harness/story.mjs";

const DOMAIN = "shop.localhost";
const BROKEN = "broken.localhost";
/** How long a slow part of a target's answer takes, milliseconds. */
const SLOW = 1_000;

const later = (act) => setTimeout(act, SLOW);
/** What the target does, by the path. */
const ANSWERS = {
  "/not-there": (response) => response.writeHead(404).end("n".repeat(5_000)),
  "/moved": (response) => response.writeHead(302, { location: "/" }).end(),
  "/sick": (response) => response.writeHead(503).end(),
  "/thinks": (response) => later(() => response.end("at last")),
  "/drips": (response) => {
    response.write("drip");
    later(() => response.end("drop"));
  },
};

const prepare = async (scene) => {
  const { api, world } = scene;
  world.target.answer = (incoming, response) => {
    const answer = ANSWERS[new URL(incoming.url, "http://target").pathname];
    incoming.resume();
    // A connection that Node closes after five idle seconds could take a request with it, and a body is not sent again.
    response.setHeader("connection", "close");
    if (answer) answer(response);
    else response.end("as always");
  };
  await api("POST", "/mappings", mapping("Shop", DOMAIN, world.target.port));
  scene.broken = await api("POST", "/mappings", mapping("Broken", BROKEN, 1));
  await until("the gateway serves it", async () => (await world.visit(DOMAIN, "/")).status === 200);
  await until("the gateway knows the other", async () => (await world.visit(BROKEN, "/")).status === 502);
};

/** The relay is in this process: a tunnel through it is not to be given up as silent while that is busy. */
const world = () => ({ relay: startRelay, agentSettings: { Agent__HeartbeatIntervalSeconds: "30" } });

story("the logs", { name: "logs", world, prepare }, (step, scene) => {
  const row = (name) => scene.page.getByRole("row", { name }).first();
  const closed = async () => {
    await scene.page.keyboard.press("Escape");
    await scene.page.getByRole("dialog").waitFor({ state: "hidden" });
  };
  /** Opens a request's particulars and gives them. */
  const opened = async (name) => {
    await row(name).click();
    return scene.page.getByRole("dialog");
  };
  /** A hop of the request whose particulars are open: its milliseconds and its share, which is that of the whole. */
  const hop = async (dialog, name) => {
    const timing = dialog.getByRole("region", { name: "Timing" });
    const [, whole, unit] = await scene.sees(timing, /^Timing ([\d.,]+) (ms|s) /);
    const line = timing.getByRole("listitem").filter({ hasText: new RegExp(`^${name}`) });
    const [, figure, its, share] = await scene.sees(line, /([\d.,]+) (ms|s) ([\d.]+) %$/);
    const [ms, total] = [milliseconds(figure, its), milliseconds(whole, unit)];
    // Figures have two places.
    assert.ok(Math.abs((100 * ms) / total - Number(share)) < 12, `${ms} of ${total} ms are ${share} %`);
    return { ms, share: Number(share) };
  };

  step("shows a request as it ends, without a reload", async ({ world, page, fits, shot, withoutReload }) => {
    await goTo(page, "Requests");
    await page.getByRole("grid", { name: "Requests" }).waitFor();
    await withoutReload(async () => {
      await world.visit(DOMAIN, "/arrives-live", { method: "POST", body: "x".repeat(2_000) });
      await row(/POST.*arrives-live/).waitFor();
    });
    await fits();
    await shot("requests");
  });

  step("tells everything of a request beside the list, and gives the keys back to it", async ({ world, page, fits, shot }) => {
    await world.visit(DOMAIN, "/told?size=big", { method: "PUT", body: "y".repeat(3_000) });
    await row(/PUT.*told/).click();
    const dialog = page.getByRole("dialog", { name: "PUT /told" });
    await dialog.getByText("Tunnel", { exact: false }).first().waitFor();
    await dialog.getByText("?size=big").waitFor();
    await dialog.getByText("2.9 KiB").waitFor();
    assert.match(page.url(), /request=\d+/);
    await fits();
    await shot("requests-detail");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("role")), "grid");
  });

  step("has an address for a request that leads to it anew", async ({ page }) => {
    await page.getByRole("grid").press("Home");
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    const told = await dialog.getByRole("heading").first().innerText();
    await page.reload();
    await page.getByRole("dialog", { name: told }).waitFor();
    await page.keyboard.press("Escape");
  });

  step("names a failure, and what its owner can do", async ({ world, page }) => {
    await world.visit(BROKEN, "/nobody-there");
    await row(/502.*nobody-there.*target refused/).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Target refused", { exact: true }).waitFor();
    await dialog.getByText("start the service, or correct host and port", { exact: false }).waitFor();
    await dialog.getByText(/^target_refused: .*127\.0\.0\.1:1/).waitFor();
    await dialog.getByRole("link", { name: "Only its requests" }).first().click();
    await dialog.waitFor({ state: "hidden" });
    await until("only the broken ones are there", async () => (await row(/arrives-live/).count()) === 0);
    await row(/nobody-there/).waitFor();
    await openFilters(page);
    await page.getByRole("button", { name: "Clear filters" }).first().click();
    await row(/arrives-live/).waitFor();
  });

  step("filters by the address, for what is there and for what comes", async ({ world, page, fits, shot }) => {
    await page.goto(`${world.url}/logs/requests?status=5xx&path=%2Fno`);
    await row(/nobody-there/).waitFor();
    assert.equal(await row(/arrives-live/).count(), 0);
    await world.visit(DOMAIN, "/no-trouble");
    await world.visit(BROKEN, "/no-luck");
    await row(/no-luck/).waitFor();
    assert.equal(await row(/no-trouble/).count(), 0);
    await fits();
    await shot("requests-filtered");
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Export CSV" }).click(),
    ]);
    assert.equal(file.suggestedFilename(), "octoporty-requests.csv");
    const lines = readFileSync(await file.path(), "utf8").trim().split("\r\n");
    assert.match(lines[0], /^id,/);
    assert.equal(lines.filter((line) => line.includes("/no-luck")).length, 1);
    assert.ok(lines.slice(1).every((line) => line.includes(BROKEN)), lines.join("\n"));
  });

  step("holds still while it is paused, and says how many came", async ({ world, page, shot }) => {
    await page.goto(`${world.url}/logs/requests`);
    await row(/no-luck/).waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    for (const path of ["/p/1", "/p/2", "/p/3"]) await world.visit(DOMAIN, path);
    const news = page.getByRole("button", { name: "3 new requests" });
    await news.waitFor();
    assert.equal(await row(/\/p\/3/).count(), 0);
    await shot("requests-paused");
    await news.click();
    await row(/\/p\/3/).waitFor();
    await page.getByRole("button", { name: "Follow live" }).click();
  });

  step("shows of each request in the list who asked for what, and what became of it", async ({ world, page, size, withoutReload }) => {
    const wide = size === "desk";
    const quick = () => world.visit(DOMAIN, "/quick");
    await withoutReload(async () => {
      await quick();
      await row(wide ? /200 GET shop.localhost\/quick Shop 127\.0\.0\.1 .* 9 B/ : /200 GET shop.localhost\/quick Shop/).waitFor();
      await world.visit(DOMAIN, "/not-there", { method: "DELETE", from: "127.0.0.9" });
      await row(wide ? /404 DELETE shop.localhost\/not-there Shop 127\.0\.0\.9 .* 4\.9 KiB/ : /404 DELETE .*not-there/).waitFor();
      await world.visit(DOMAIN, "/moved", { method: "POST" });
      await row(wide ? /302 POST .*moved .* 0 B/ : /302 POST .*moved/).waitFor();
      await world.visit(DOMAIN, "/thinks");
      await row(/200 GET .*thinks .*\b[1-9]\.\d s/).waitFor();
      await world.visit(BROKEN, "/nobody");
      await row(/502 GET broken.localhost\/nobody .*target refused|502 GET broken.localhost\/nobody Broken/).waitFor();
      // Its age goes on by itself.
      await row(/\/quick .*\b[2-9] s ago|\/quick .*\d\d s ago|\/quick .* min ago/).waitFor();
    });
    const foot = page.getByText(/^\d+ requests$/);
    const [before] = await scene.sees(foot, /\d+/);
    await quick();
    await scene.sees(foot, /\d+/, ([count]) => Number(count) === Number(before) + 1);
    await page.getByText("No older ones").waitFor();
  });

  step("tells in the particulars what the visitor sent and got", async ({ world }) => {
    const sent = await world.visit(DOMAIN, "/particular?of=it", {
      method: "PUT",
      body: "b".repeat(2_048),
      from: "127.0.0.8",
      headers: { "user-agent": "test-browser/1.0" },
    });
    let dialog = await opened(/PUT .*particular/);
    await dialog.getByText("PUT shop.localhost/particular?of=it").waitFor();
    const is = (name, text) => scene.sees(fact(dialog, name), text);
    await is("Request id", new RegExp(sent.headers["x-octoporty-request-id"]));
    await is("Status", /^200$/);
    await is("Arrived", /\d:\d\d:\d\d .*(just now|ago)$/);
    await is("Mapping", /^Shop/);
    await is("Client", /^127\.0\.0\.8/);
    await is("User agent", /^test-browser\/1\.0$/);
    await is("Request body", /^2\.0 KiB$/);
    await is("Answer's body", /^9 B$/);
    assert.equal(await dialog.getByRole("alert").count(), 0);
    await closed();
    const plain = await world.visit(DOMAIN, "/sick");
    dialog = await opened(/503 GET .*sick/);
    await dialog.getByText("The target answered so itself").waitFor();
    await is("Request id", new RegExp(plain.headers["x-octoporty-request-id"]));
    await is("Status", /^503$/);
    await is("Client", /^127\.0\.0\.1/);
    await is("User agent", /^None sent$/);
    await is("Request body", /^0 B$/);
    await closed();
  });

  step("tells where the time of a request went", async ({ world, page, api }) => {
    let dialog = await opened(/GET .*thinks/);
    const thought = await hop(dialog, "Target");
    assert.ok(thought.ms >= SLOW * 0.8, JSON.stringify(thought));
    await closed();
    await world.visit(DOMAIN, "/drips");
    dialog = await opened(/GET .*drips/);
    const dripped = await hop(dialog, "Answer");
    assert.ok(dripped.ms >= SLOW * 0.8, JSON.stringify(dripped));
    await closed();
    dialog = await opened(/502 .*nobody/);
    await hop(dialog, "Waiting no answer came");
    await closed();
    // The tunnel becomes a long one; a new session measures its round trip.
    world.relay.delay = SLOW / 2;
    world.relay.cut();
    await until("a request's tunnel is long", async () => {
      await world.visit(DOMAIN, "/far");
      const { items } = await api("GET", "/logs/requests?path=/far&count=1");
      return items[0]?.tunnelMs >= SLOW * 0.4;
    });
    world.relay.delay = 0;
    await page.getByRole("grid").press("Home");
    dialog = await opened(/GET .*far/);
    const travelled = await hop(dialog, "Tunnel");
    assert.ok(travelled.ms >= SLOW * 0.4, JSON.stringify(travelled));
    await closed();
  });

  step("finds requests by each filter, as it is chosen", async ({ world, page, api }) => {
    const answer = await world.visit(DOMAIN, "/found", { method: "PATCH", from: "127.0.0.7" });
    const moment = new Date().toISOString();
    await world.visit(BROKEN, "/found-later");
    await until("both are in the log", async () => (await api("GET", "/logs/requests?path=/found")).items.length === 2);
    await page.goto(`${world.url}/logs/requests`);
    const [one, other] = [row(/PATCH .*\/found\b/), row(/GET .*found-later/)];
    const both = async () => {
      await one.waitFor();
      await other.waitFor();
    };
    const only = async (found, left) => {
      await until("the other is not found", async () => (await found.isVisible()) && (await left.count()) === 0);
      const clear = page.getByRole("button", { name: "Clear filters" }).first();
      if (!(await clear.isVisible())) await openFilters(page);
      await clear.click();
      await both();
    };
    await both();
    await openFilters(page);
    const choose = (label, option) => page.getByLabel(label, { exact: true }).selectOption({ label: option });
    await choose("Mapping", "Broken");
    await only(other, one);
    await choose("Status", "2xx success");
    await only(one, other);
    await choose("Method", "PATCH");
    await only(one, other);
    await page.getByLabel("Path begins with").fill("/found-l");
    await only(other, one);
    await page.getByLabel("Client address").fill("127.0.0.7");
    await only(one, other);
    await page.getByLabel("Search requests").fill(answer.headers["x-octoporty-request-id"]);
    await only(one, other);
    await page.goto(`${world.url}/logs/requests?range=custom&since=${moment}`);
    await only(other, one);
    await page.goto(`${world.url}/logs/requests?range=custom&until=${moment}`);
    await only(one, other);
  });

  step("has a mapping's name as it is now", async ({ world, page, api, broken, withoutReload }) => {
    await page.goto(`${world.url}/logs/requests`);
    await row(/found-later .*Broken/).waitFor();
    const option = (name) => page.getByLabel("Mapping", { exact: true }).locator("option", { hasText: name });
    const dialog = await opened(/found-later/);
    await scene.sees(fact(dialog, "Mapping"), /^Broken/);
    await withoutReload(async () => {
      await api("PUT", `/mappings/${broken.id}`, mapping("Mended", BROKEN, 1));
      await scene.sees(fact(dialog, "Mapping"), /^Mended/);
      await closed();
      await row(/found-later .*Mended/).waitFor();
      assert.deepEqual([await option("Broken").count(), await option("Mended").count()], [0, 1]);
      await api("DELETE", `/mappings/${broken.id}`);
      await row(/found-later .*Deleted/).waitFor();
      assert.equal(await row(/Mended/).count(), 0);
      await scene.sees(fact(await opened(/found-later/), "Mapping"), /^A deleted mapping$/);
      await closed();
      await row(/PATCH .*\/found Shop/).waitFor();
      await goTo(page, "Dashboard");
      await page.getByText("A deleted mapping: target refused").first().waitFor();
    });
  });

  step("keeps the document small and the reader's place, however many there are", async ({ world, page }) => {
    for (let round = 0; round < 12; round += 1) {
      await Promise.all(Array.from({ length: 60 }, (_, index) => world.visit(DOMAIN, `/many/${round}/${index}`)));
    }
    // The log is written some moments after the answers were given.
    await until("all of them are in the log", async () => {
      const answer = await page.request.get(`${world.url}/api/v1/logs/requests?path=/many/&count=1000`);
      return (await answer.json()).items.length === 720;
    });
    await page.goto(`${world.url}/logs/requests`);
    const grid = page.getByRole("grid", { name: "Requests" });
    await grid.press("End");
    await page.getByText(/^[78]\d\d requests/).waitFor();
    assert.ok((await page.getByRole("row").count()) < 120);
    const before = await firstInSight(page);
    await world.visit(DOMAIN, "/while-reading");
    await page.getByRole("button", { name: "1 new request" }).waitFor();
    assert.equal(await firstInSight(page), before);
    await page.getByRole("button", { name: "1 new request" }).click();
    await row(/while-reading/).waitFor();
  });

  step("says that no request matches", async ({ world, page, shot }) => {
    await page.goto(`${world.url}/logs/requests?q=nowhere`);
    await page.getByText("No request matches").waitFor();
    await shot("requests-none");
  });

  step("shows the session that stands, and why it ended when it did", async (scene) => {
    const { world, page, api, size, fits, shot, sees, withoutReload } = scene;
    await goTo(page, "Connections");
    const standing = row(/Stands/);
    await standing.waitFor();
    await fits();
    await shot("connections");
    await withoutReload(async () => {
      // A new one counts its seconds by itself.
      world.relay.cut();
      await row(/Connection lost/).waitFor();
      const seconds = /Stands (\d+) s/;
      const [, before] = await sees(standing, seconds);
      await sees(standing, seconds, ([, count]) => Number(count) > Number(before));
      const { sessionId } = await api("GET", "/status");
      await world.gateway.stop("SIGKILL");
      const lost = row(/Connection lost/);
      await standing.waitFor({ state: "detached" });
      const { items } = await api("GET", "/logs/connections");
      const { endDetail } = items.find((entry) => entry.sessionId === sessionId);
      if (size === "desk") await lost.getByText(endDetail).waitFor();
      const dialog = await opened(/Connection lost/);
      await dialog.getByText(endDetail, { exact: true }).waitFor();
      // How long it stood stays as it is, and its age does not.
      const [lasted] = await sees(fact(dialog, "Lasted"), /^\d+ .+$/);
      const [began] = await sees(fact(dialog, "Began"), /(\d+ (s|min) ago|just now)$/);
      await sees(fact(dialog, "Ended"), /\d:\d\d:\d\d$/);
      await sees(fact(dialog, "Session"), new RegExp(sessionId));
      await sees(fact(dialog, "Began"), /\d+ (s|min) ago$/, ([now]) => now !== began);
      assert.equal(await fact(dialog, "Lasted").innerText(), lasted);
      await fits();
      await shot("connections-detail");
      await closed();
      world.gateway.start();
      await standing.waitFor();
      const next = await opened(/Stands/);
      await sees(fact(next, "Session"), /./, ([text]) => !text.includes(sessionId));
      assert.equal(await fact(next, "Ended").count(), 0);
      await closed();
    });
  });

  step("shows with which release of the gateway each session was, where and over how many links", async (scene) => {
    const { world, page, size, sees, withoutReload } = scene;
    const { version } = JSON.parse((await world.visit("127.0.0.1", "/health")).body);
    const older = version.replace(/\d/g, "0");
    const links = async (count) => {
      // The first link begins the session, further ones join it.
      const word = count === 1 ? "1 link" : `${count} links`;
      if (size === "desk") await row(new RegExp(`Stands .*websocket · ${word}$`)).waitFor();
      const dialog = await opened(/Stands/);
      await sees(fact(dialog, "Transport"), new RegExp(`^websocket, at most ${word} at once$`));
      return dialog;
    };
    await withoutReload(async () => {
      await row(new RegExp(`Stands .*v${version} ↔ v${version}`)).waitFor();
      world.relay.down = [[field("gateway_version", version), field("gateway_version", older)]];
      world.relay.cut();
      await row(new RegExp(`Stands .*v${older} ↔ v${version}`)).waitFor();
      await sees(fact(await opened(/Stands/), "Versions"), new RegExp(`^gateway v${older}, agent v${version}$`));
      await closed();
      world.relay.down = [];
      await world.agent.stop();
      world.agent.settings.Agent__Links = "3";
      world.agent.start();
      await row(/Agent stopped/).waitFor();
      const before = await links(3);
      await sees(fact(before, "Gateway"), new RegExp(`127\\.0\\.0\\.1:${world.relay.port}/`));
      await closed();
      await world.agent.stop("SIGKILL");
      world.agent.settings.Agent__Links = "1";
      world.agent.settings.Agent__GatewayUrl = `ws://127.0.0.1:${world.gatewayPort}/tunnel`;
      // Nobody is there to serve it, as the gateway knows once it has seen the links end.
      await until("nobody is there", async () => (await world.visit(DOMAIN, "/nobody-home")).status === 503);
      world.agent.start();
      await row(/Agent process ended .*unknown/).waitFor();
      await sees(fact(await links(1), "Gateway"), new RegExp(`127\\.0\\.0\\.1:${world.gatewayPort}/`));
      await closed();
      await world.gateway.stop();
      await row(/Gateway stopped/).waitFor();
      world.gateway.start();
      await row(/Stands/).waitFor();
    });
  });

  step("finds sessions by how they ended and when they began", async ({ world, page }) => {
    const rows = page.getByRole("row", { name: /v\d/ });
    const many = await rows.count();
    assert.ok(many > 4, String(many));
    await scene.sees(page.getByText(/^\d+ sessions$/), /^(\d+)/, ([, count]) => Number(count) >= many);
    const some = page.getByText(/^\d+ of \d+ sessions$/);
    for (const state of ["Stands", "Agent stopped", "Gateway stopped", "Agent process ended"]) {
      await page.getByLabel("State").selectOption({ label: state });
      await row(new RegExp(state)).waitFor();
      await until("no other is left", async () => (await rows.count()) === (await rows.filter({ hasText: state }).count()));
      // A machine that stalls may end a session more meanwhile.
      await scene.sees(some, /^(\d+) of (\d+)/, ([, shown, of]) => Number(shown) >= 1 && Number(of) >= many);
    }
    const hour = new Date(Date.now() - 3_600_000).toISOString();
    await page.goto(`${world.url}/logs/connections?range=custom&until=${hour}`);
    await page.getByText("No session matches").waitFor();
    await page.goto(`${world.url}/logs/connections?range=custom&since=${hour}`);
    await until("all are there", async () => (await rows.count()) >= many);
  });

  step("tells of a request that came while the agent was away", async ({ page }) => {
    await goTo(page, "Requests");
    const dialog = await opened(/503 .*nobody-home/);
    await dialog.getByText("Agent away", { exact: true }).waitFor();
    await dialog.getByText("see that it runs and reaches the gateway", { exact: false }).waitFor();
    // It never left the gateway.
    assert.ok((await hop(dialog, "Gateway")).share > 90);
    await closed();
  });

  step("says that the requests cannot be loaded, and loads them when the console is back", async ({ world, page, withoutReload }) => {
    await withoutReload(async () => {
      await world.agent.stop();
      await page.getByLabel("Search requests").fill("nobody-home");
      await page.getByText("The requests could not be loaded").waitFor();
      world.agent.start();
      await row(/503 .*nobody-home/).waitFor();
      assert.equal(await page.getByText("The requests could not be loaded").count(), 0);
    });
  });

  step("says that there was nothing yet, until there is", async ({ world, page, api, withoutReload }) => {
    await world.agent.stop();
    await world.gateway.stop();
    rmSync(join(world.folder, "agent"), { recursive: true });
    world.agent.start();
    await until("the console is there", async () => (await page.request.get(`${world.url}/ready`)).ok());
    await logIn(page, world.url);
    await withoutReload(async () => {
      await goTo(page, "Requests");
      await page.getByText("No request yet").waitFor();
      await goTo(page, "Connections");
      await page.getByText("No session yet").waitFor();
      world.gateway.start();
      await row(/Stands/).waitFor();
      await scene.sees(page.getByText(/sessions?$/), /^1 session$/);
      await goTo(page, "Requests");
      await page.getByText("No request yet").waitFor();
      await api("POST", "/mappings", mapping("Anew", DOMAIN, world.target.port));
      await until("the gateway serves it", async () => (await world.visit(DOMAIN, "/first")).status === 200);
      await row(/200 GET .*\/first .*Anew/).waitFor();
      assert.equal(await page.getByText("No request yet").count(), 0);
    });
  });
});

function mapping(name, externalDomain, internalPort) {
  return { name, externalDomain, internalHost: "127.0.0.1", internalPort, internalProtocol: "Http" };
}

/** On a phone the filters are folded. */
async function openFilters(page) {
  const button = page.getByRole("button", { name: /^Filters/ });
  if (await button.isVisible()) await button.click();
}

/** The first row that the reader sees under the head, and how far from the top of the list. */
function firstInSight(page) {
  return page.evaluate(() => {
    const grid = document.querySelector('[role="grid"]');
    const top = grid.getBoundingClientRect().top + 32;
    const rows = [...grid.querySelectorAll('[role="row"][data-index]')];
    const first = rows.find((row) => row.getBoundingClientRect().bottom > top + 1);
    return `${first.id} ${Math.round(first.getBoundingClientRect().top - top)} ${first.textContent.slice(0, 20)}`;
  });
}
