// The dashboard and the frame around every page: what they show follows its cause, on a page that is never loaded anew.
import assert from "node:assert/strict";
import { goTo, SIZES, statusWord } from "../harness/browser.mjs";
import { until } from "../harness/processes.mjs";
import { field, startRelay } from "../harness/relay.mjs";
import { story } from "../harness/story.mjs";

const DOMAIN = "first.localhost";
/** The figures of times are right to within some percent. */
const SLOW_MS = 400;
const FAR_MS = 80;
const VERY_FAR_MS = 1_500;
const FIGURES = ["Requests/s", "Success rate", "p95", "Bytes/s"];

/** What the target does with some paths. */
const ANSWERS = {
  "/slow": (response) => setTimeout(() => response.end("late"), SLOW_MS),
  "/big": (response) => response.end(Buffer.alloc(4 << 20, "x")),
  "/fails": (response) => response.writeHead(500).end("broken"),
};

const STORY = {
  name: "dashboard",
  sizes: ["desk"],
  world: () => ({
    relay: startRelay,
    // A machine that is busy for some seconds is no outage.
    agentSettings: {
      Agent__HeartbeatIntervalSeconds: "12",
      Agent__ReconnectDelaySeconds: "1",
      Agent__MaxReconnectDelaySeconds: "1",
    },
  }),
  async prepare(scene) {
    const { page, world } = scene;
    world.target.answer = (incoming, response) => {
      incoming.resume();
      // A connection that is kept for the next request keeps its stream.
      response.setHeader("connection", "close");
      if (incoming.url === "/held") scene.held = response;
      else (ANSWERS[incoming.url] ?? ((answer) => answer.end("fine")))(response);
    };
    scene.release = JSON.parse((await world.visit("127.0.0.1", "/health")).body).version;
    await statusWord(page).getByText("ONLINE").waitFor();
    await page.evaluate(() => {
      window.sameDocument = true;
    });
  },
};

story("the dashboard", STORY, (step, scene) => {
  const region = (name) => scene.page.getByRole("region", { name, exact: true });
  const station = (at) => scene.page.getByRole("list", { name: "Path of a request" }).getByRole("listitem").nth(at);
  const [visitors, gateway, agent, targets] = [0, 1, 2, 3].map((at) => () => station(at));
  const mappings = () => region("Active mappings");
  const failures = () => region("Newest failures");
  const reasons = () => region("Path").locator("ul");
  const fact = (name) => region("Path").locator("dl > div").filter({ hasText: name });
  const goals = () => scene.page.locator('dl[aria-label$="against the goals"]');
  const headline = () => scene.page.getByRole("main").locator("p").filter({ has: statusWord(scene.page) });
  const rail = () => scene.page.getByRole("complementary");

  step("begins with nobody and nothing", async ({ page, release, sees }) => {
    await sees(visitors(), /^Visitors ?: none\s+0 requests\s+in 15 min\s+Requests stands, no request in the last minute\. 0 req\/s$/);
    await sees(targets(), /^Targets ?: none\s+no active mapping$/);
    await sees(mappings(), /No mapping yet/);
    await sees(failures(), /No request has failed in the last 15 minutes\./);
    await sees(fact("Last disconnected"), /never since the start/);
    await sees(fact("Reconnect attempts"), /\b0$/);
    await sees(fact("Streams"), /\b0 open$/);
    const nothing = { "Requests/s": "0", "Success rate": "–", p95: "–", "Bytes/s": "0 B/s" };
    for (const label of FIGURES) {
      await sees(figure(page, label), new RegExp(`(minute|minutes) ${nothing[label]} 15 min ago now$`));
      assert.deepEqual(await drawn(page, label), [], `${label} draws what nobody caused`);
    }
    await sees(goals(), /Success rate, 24 hours\s+–\s+[A-Z].*\s+goal 99\.5 % · no request yet/);
    // Gateway and agent are the one binary: their releases are one.
    await sees(rail(), new RegExp(`\\bv${release}\\b`));
    await sees(agent(), new RegExp(`^Agent ?: running\\s+v${release}\\b`));
    await sees(gateway(), new RegExp(`^Gateway ?: reached\\s+127\\.0\\.0\\.1:\\d+\\s+v${release} · up `));
  });

  step("names mappings as somebody else makes, changes, switches and deletes them", async ({ world, sees, api }) => {
    const target = { internalHost: "127.0.0.1", internalPort: world.target.port };
    const { id } = await api("POST", "/mappings", { name: "Frist", externalDomain: "frist.localhost", ...target });
    await sees(mappings(), new RegExp(`Frist\\s[^]*frist\\.localhost →\\s*leads to http://127\\.0\\.0\\.1:${world.target.port}`));
    await sees(mappings(), /Not tried yet/);
    await sees(targets(), /^Targets ?: no failure\s+1 active mapping$/);
    await api("PUT", `/mappings/${id}`, { name: "First", externalDomain: DOMAIN, ...target, internalHost: "localhost" });
    await sees(mappings(), new RegExp(`First\\s[^]*first\\.localhost →\\s*leads to http://localhost:${world.target.port}`));
    await api("PATCH", `/mappings/${id}/toggle`, { enabled: false });
    await sees(mappings(), /No mapping is enabled/);
    await sees(targets(), /^Targets ?: none\s+no active mapping$/);
    await api("PATCH", `/mappings/${id}/toggle`, { enabled: true });
    await until("the gateway serves it", async () => (await world.visit(DOMAIN, "/")).status === 200);
    await sees(mappings(), /First\s[^]*OK/);
    const more = [];
    for (let n = 1; n <= 8; n += 1) more.push(await api("POST", "/mappings", { externalDomain: `n${n}.localhost`, ...target }));
    await sees(mappings(), /And 1 more\./);
    await sees(targets(), /9 active mappings/);
    for (const one of more) await api("DELETE", `/mappings/${one.id}`);
    await sees(targets(), /^Targets ?: no failure\s+1 active mapping$/);
    assert.doesNotMatch(await mappings().innerText(), /n1\.localhost|more/);
  });

  step("counts visitors, and draws how many they are, how long they wait and how much they get", async ({ world, page, sees }) => {
    const [, before] = await sees(visitors(), /^Visitors ?: seen\s+(\d+) requests?\s+in 15 min/);
    for (const path of ["/slow", "/slow", "/big"]) assert.equal((await world.visit(DOMAIN, path)).status, 200);
    await sees(visitors(), new RegExp(`^Visitors ?: seen\\s+${Number(before) + 3} requests\\s`));
    await sees(visitors(), /Requests carries requests\. ([\d.]+) req\/s$/, ([, rate]) => Number(rate) > 0);
    await sees(figure(page, "Requests/s"), /last minute\s+([\d.]+)\s/, ([, rate]) => Number(rate) > 0);
    await sees(figure(page, "Success rate"), /15 minutes\s+100 %/);
    await sees(figure(page, "p95"), /15 minutes\s+([\d.]+) (ms|s)\s/, ([, time, unit]) => unit === "s" || time >= SLOW_MS * 0.9);
    await sees(figure(page, "Bytes/s"), /last minute\s+[\d.]+ [KM]iB\/s/);
    await sees(agent(), /Targets carries requests\. [\d.]+ [KM]iB\/s$/);
    assert.equal((await world.visit(DOMAIN, "/fails")).status, 500);
    await sees(figure(page, "Success rate"), /15 minutes\s+([\d.]+) %/, ([, share]) => share < 100);
    const is = {
      "Requests/s": /^(0\.\d*[1-9]|[1-9])/,
      "Success rate": /^\d\d?(\.\d+)? % at \d\d:\d\d:\d\d$/,
      p95: /^([3-9]\d\d ms|[\d.]+ s) at /,
      "Bytes/s": /^[\d.]+ [KM]iB\/s at /,
    };
    for (const label of FIGURES) {
      await until(`${label} is drawn`, async () => (await drawn(page, label)).some((text) => is[label].test(text)));
    }
  });

  step("draws a day, a week and a month of it, and says how it stands against the goals", async ({ world, page, sees }) => {
    const range = (name) => region("Figures").getByRole("button", { name });
    // Of all kinds in one slice: the border of ten minutes may lie between those of the step before.
    const [, before] = await sees(visitors(), /seen\s+(\d+) requests\s/);
    const all = Number(before) + 3;
    for (const path of ["/slow", "/big", "/fails"]) await world.visit(DOMAIN, path);
    await sees(visitors(), new RegExp(`seen\\s+${all} requests\\s`));
    for (const [button, words] of Object.entries({ "7 d": "7 days", "30 d": "30 days", "24 h": "24 hours" })) {
      await range(button).click();
      await sees(goals(), new RegExp(`^Success rate, ${words}\\s[^]*Tunnel uptime, ${words}\\s`));
      await tells(page, `Requests/s, the last ${words}`, /: all \S*[1-9]\S*, failed \S*[1-9]\S*$/, comeBack);
      await tells(page, `Success rate, the last ${words}`, /: success [1-9]\d?(\.\d+)? %$/, comeBack);
      await tells(page, `Time of requests, the last ${words}`, /: p95 ([3-9]\d\d ms|[\d.]+ s), p50 [\d.]+ m?s$/, comeBack);
      await tells(page, `Bytes/s, the last ${words}`, /: to visitors [\d.]+ [KM]iB\/s, to targets \d+ B\/s$/, comeBack);
      await tells(page, `Tunnel connected, the last ${words}`, /: connected [\d.]+ %$/);
    }
    const [, failed, of] = await sees(goals(), /Missed\s+goal 99\.5 % · (\d+) of (\d+) failed/, (told) => Number(told[2]) === all);
    assert.equal((await world.visit(DOMAIN, "/fails", { method: "POST", body: "x".repeat(1 << 20) })).status, 500);
    // Figures of long ranges are asked for twice a minute, and whenever somebody comes back to the page.
    await until("the failure is counted", async () => {
      await comeBack(page);
      return (await goals().innerText()).includes(`${Number(failed) + 1} of ${Number(of) + 1} failed`);
    });
    await tells(page, "Bytes/s, the last 24 hours", /to targets [\d.]+ [KM]iB\/s$/, comeBack);
    await sees(goals(), /Tunnel uptime, 24 hours\s+[\d.]+ %\s+[A-Z].*\s+goal 99\.9 % · of .* recorded/);
  });

  step("names failures, whose they are and what to do, until the target is back", async ({ world, sees, api }) => {
    await sees(failures(), /500\s+POST first\.localhost\/fails\s[^]*ago|just now/);
    await sees(failures(), /First: answered by the target/);
    await world.target.stop();
    await until("visitors get 502", async () => (await world.visit(DOMAIN, "/gone")).status === 502);
    await sees(failures(), /502\s+GET first\.localhost\/gone\s[^]*First: target refused, \S+/);
    await sees(mappings(), /Target down\s[^]*refused/i);
    await sees(targets(), /^Targets ?: down\s+1 active mapping\s+1 target down$/);
    await sees(agent(), /Targets broken\. targets broken$/);
    await sees(reasons(), /^Targets\s+First: /);
    const target = { internalHost: "127.0.0.1", internalPort: world.target.port };
    const other = await api("POST", "/mappings", { name: "Other", externalDomain: "other.localhost", ...target, internalPort: 1 });
    await sees(targets(), /2 active mappings\s+1 target down$/);
    await sees(agent(), /Targets (carries requests|stands.*)\. /);
    await until("the gateway knows it", async () => (await world.visit("other.localhost", "/none")).status === 502);
    await sees(reasons(), /And 1 more\./);
    await sees(failures(), /Other: target refused/);
    await api("PUT", `/mappings/${other.id}`, { name: "Renamed", externalDomain: "other.localhost", ...target, internalPort: 1 });
    await sees(failures(), /Renamed: target refused/);
    await api("DELETE", `/mappings/${other.id}`);
    await sees(failures(), /other\.localhost\/none\s[^]*A deleted mapping: target refused/);
    await world.target.start();
    await until("visitors are served again", async () => (await world.visit(DOMAIN, "/")).status === 200);
    await sees(mappings(), /First\s[^]*OK/);
    await sees(targets(), /^Targets ?: no failure\s+1 active mapping$/);
    await reasons().waitFor({ state: "detached" });
  });

  step("counts the streams that are open", async ({ world, sees }) => {
    const answer = world.visit(DOMAIN, "/held");
    await sees(fact("Streams"), /\b1 open$/);
    scene.held.end("at last");
    assert.equal((await answer).status, 200);
    await sees(fact("Streams"), /\b0 open$/);
  });

  step("tells how far the gateway is", async ({ world, sees }) => {
    const tunnel = /Tunnel [a-z, ]+\. websocket · (\d+) links · ([\d.]+) ms$/;
    await sees(gateway(), tunnel, ([, links, ms]) => links > 1 && ms < FAR_MS);
    world.relay.delay = FAR_MS;
    await sees(gateway(), tunnel, ([, , ms]) => ms >= FAR_MS);
    world.relay.delay = 0;
    await sees(gateway(), tunnel, ([, , ms]) => ms < FAR_MS);
  });

  step("tells each step of a session and of a change that takes its time", async ({ world, page, sees, api }) => {
    world.relay.delay = VERY_FAR_MS;
    const target = { internalHost: "127.0.0.1", internalPort: world.target.port };
    const { id } = await api("POST", "/mappings", { name: "Late", externalDomain: "late.localhost", ...target });
    await sees(mappings(), /Late .*Syncing/);
    await sees(mappings(), /Late .*Not tried yet/);
    await api("DELETE", `/mappings/${id}`);
    await page.getByRole("button", { name: "Force Reconnect" }).click();
    await sees(headline(), /^AUTHENTICATING at /);
    await sees(gateway(), /Tunnel is being made\. authenticating…$/);
    await sees(headline(), /^SYNCING at /);
    world.relay.delay = 0;
    await sees(headline(), /^ONLINE at /);
  });

  step("says everywhere that the gateway is gone, since when and why, and that it is back", async ({ world, page, sees }) => {
    await sees(headline(), /^ONLINE\s+at 127\.0\.0\.1:\d+ for \d/);
    await sees(rail(), /127\.0\.0\.1:\d+\s+ONLINE/);
    const young = ([, count, unit]) => unit === "s" && count < 20;
    await sees(gateway(), / · up (\d+) (s|min)\s/, (match) => !young(match));
    await world.gateway.stop("SIGKILL");
    await sees(headline(), /^(RECONNECTING|OFFLINE)\s+at 127\.0\.0\.1:\d+$/);
    await sees(rail(), /127\.0\.0\.1:\d+\s+(RECONNECTING|OFFLINE)/);
    await sees(visitors(), /Requests unknown\.\s*$/);
    await sees(gateway(), /^Gateway ?: not reached[^]*Tunnel broken\. tunnel broken$/);
    assert.doesNotMatch(await gateway().innerText(), / · up /);
    await sees(reasons(), /^Tunnel\s+\S+/);
    await sees(mappings(), /First\s[^]*Agent away/);
    await sees(fact("Reconnect attempts"), /(\d+)$/, ([, attempts]) => attempts >= 3);
    await sees(fact("Last disconnected"), /just now|s ago/);
    await page.setViewportSize(SIZES.phone);
    await sees(page.getByRole("banner"), /(RECONNECTING|OFFLINE)\s+127\.0\.0\.1:\d+/);
    world.gateway.start();
    await sees(page.getByRole("banner"), /ONLINE\s+127\.0\.0\.1:\d+/);
    await page.setViewportSize(SIZES.desk);
    await sees(headline(), /^ONLINE\s+at .* for (\d+) (s)$/, young);
    await sees(agent(), /connected (\d+) (s)\s/, young);
    await sees(gateway(), / · up (\d+) (s)\s/, young);
    await sees(fact("Reconnect attempts"), /\b0$/);
    await reasons().waitFor({ state: "detached" });
    await until("the outage is counted", async () => {
      await comeBack(page);
      return /recorded, \d+ s away/.test(await goals().innerText());
    });
    await tells(page, "Tunnel connected, the last 24 hours", /connected \d\d(\.\d+)? %$/, comeBack);
  });

  step("says what the gateway refuses the agent for", async ({ world, page, sees }) => {
    const key = world.gateway.settings.Gateway__ApiKey;
    await world.gateway.stop();
    world.gateway.settings.Gateway__ApiKey = key.replace(/./g, "0");
    world.gateway.start();
    await sees(reasons(), /^Tunnel .*\bkey\b/);
    await world.gateway.stop();
    world.gateway.settings.Gateway__ApiKey = key;
    world.gateway.start();
    // The agent may have been told to wait for long.
    await page.getByRole("button", { name: "Force Reconnect" }).click();
    await sees(headline(), /^ONLINE/);
  });

  step("offers an update while the gateway's release is older, in the palette too", async ({ world, page, release, sees }) => {
    const older = release.replace(/\d/g, "0");
    const banner = page.getByRole("region", { name: "Gateway update" });
    const offer = page.getByRole("option", { name: "Update Gateway" });
    world.relay.down = [[field("gateway_version", release), field("gateway_version", older)]];
    world.relay.cut();
    await sees(banner, new RegExp(`It runs v${older}, this agent v${release}\\.`));
    await sees(gateway(), new RegExp(`\\bv${older}\\b`));
    await page.keyboard.press("Control+k");
    await sees(offer, new RegExp(`v${older} → v${release}`));
    world.relay.down = [];
    world.relay.cut();
    await offer.waitFor({ state: "detached" });
    await page.keyboard.press("Escape");
    await banner.waitFor({ state: "detached" });
    await sees(gateway(), new RegExp(`\\bv${release}\\b`));
  });

  step("finds by Ctrl-K what somebody else has made meanwhile", async ({ world, page, sees, api }) => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("new.localhost");
    await page.getByText("Nothing has this name.").waitFor();
    const target = { internalHost: "127.0.0.1", internalPort: world.target.port };
    const { id } = await api("POST", "/mappings", { name: "New", externalDomain: "new.localhost", pathPrefix: "/deep", ...target });
    await sees(page.getByRole("option"), /^New\s*new\.localhost\/deep/);
    await api("DELETE", `/mappings/${id}`);
    await page.getByText("Nothing has this name.").waitFor();
    await page.keyboard.press("Escape");
  });

  step("follows an agent that is started with other settings, and says meanwhile that it is gone", async ({ world, page, sees }) => {
    const reconnect = page.getByRole("button", { name: "Force Reconnect" });
    const toasts = page.getByRole("region", { name: "Notifications" });
    await reconnect.click();
    await sees(toasts, /Reconnecting to the gateway/);
    const lost = page.getByText("Lost the connection to this console.");
    await world.agent.stop();
    await lost.waitFor();
    assert.match(await headline().innerText(), /^OFFLINE\s+at /);
    await reconnect.click();
    await sees(toasts, /Not reconnected: The console does not answer\. See that it runs/);
    Object.assign(world.agent.settings, {
      Agent__GatewayUrl: world.agent.settings.Agent__GatewayUrl.replace("127.0.0.1", "localhost"),
      Agent__Links: "1",
    });
    world.agent.start();
    await lost.waitFor({ state: "hidden" });
    const name = `localhost:${world.relay.port}`;
    await sees(headline(), new RegExp(`^ONLINE\\s+at ${name}\\b`));
    await sees(rail(), new RegExp(`${name}\\s+ONLINE`));
    await sees(gateway(), new RegExp(`^Gateway ?: reached\\s+${name}\\s[^]* · 1 link ·`));
    await sees(fact("Last disconnected"), /never since the start/);
  });

  step("asks for the password once the session is ended elsewhere", async ({ world, context, page }) => {
    const cookies = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
    const answer = await fetch(`${world.url}/api/v1/auth/logout`, { method: "POST", headers: { cookie: cookies } });
    assert.ok(answer.ok, String(answer.status));
    await page.getByLabel("Password").waitFor();
    assert.equal(await page.evaluate(() => window.sameDocument), true, "the page was loaded anew");
  });
});

/** One of the four figures with its sparkline. */
function figure(page, label) {
  return sparkline(page, label).locator("xpath=ancestor::div[3]");
}

function sparkline(page, label) {
  return page.getByRole("img", { name: `${label}, the last 15 minutes` });
}

/** What the cursor tells along the newest minutes of a sparkline, without what is nothing. */
async function drawn(page, label) {
  const line = sparkline(page, label);
  await line.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await line.boundingBox();
  const told = new Set();
  for (let back = 0; back <= 20; back += 1) {
    await page.mouse.move(x + (width - 1) * (1 - back / 179), y + height / 2);
    told.add(await line.locator("xpath=../p").innerText());
  }
  await page.mouse.move(0, 0);
  assert.ok([...told].some((text) => /^no data$| at \d\d:/.test(text)), "the cursor tells nothing");
  return [...told].filter((text) => / at \d\d:/.test(text) && !/^0( B\/s)? at /.test(text));
}

async function comeBack(page) {
  await goTo(page, "Mappings");
  await goTo(page, "Dashboard");
}

/** Waits until a chart tells that of one of its two newest slices: the newest may just have begun. */
function tells(page, label, pattern, first = () => {}) {
  const chart = page.getByRole("slider", { name: label });
  return until(`${label} tells ${pattern}`, async () => {
    await first(page);
    await chart.focus();
    const told = [];
    for (const key of ["End", "ArrowLeft"]) {
      await page.keyboard.press(key);
      told.push(await chart.getAttribute("aria-valuetext"));
    }
    if (!told.some((text) => pattern.test(text))) throw new Error(told.join());
    return true;
  });
}
