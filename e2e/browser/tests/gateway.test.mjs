// What only the gateway can tell or do, seen from the console: an update of it, and the Caddy before it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fact, goTo, picture, statusWord } from "../harness/browser.mjs";
import { freePort, until, visit } from "../harness/processes.mjs";
import { field, startRelay } from "../harness/relay.mjs";
import { story } from "../harness/story.mjs";

const UPDATE = {
  name: "update",
  world: () => ({
    settings: (folder) => ({ Gateway__UpdateSignalPath: join(folder, "signals/update-signal") }),
    relay: startRelay,
  }),
  async prepare(scene) {
    scene.release = JSON.parse((await scene.world.visit("127.0.0.1", "/health")).body).version;
  },
};

story("an update of the gateway", UPDATE, (step, scene) => {
  const older = () => scene.release.replace(/\d/g, "0");
  const signal = () => join(scene.world.folder, "signals/update-signal");
  const banner = () => scene.page.getByText(/gateway update available/i);
  const question = () => scene.page.getByRole("alertdialog", { name: "Update the gateway?" });
  const ask = () => scene.page.getByRole("region", { name: "Gateway update" }).getByRole("button", { name: "Update Gateway" });

  step("is offered while the gateway's release is older", async ({ world, page, release, fits, shot, sees, withoutReload }) => {
    await statusWord(page).getByText("ONLINE").waitFor();
    assert.equal(await banner().count(), 0, "both are of one release");
    world.relay.down = [[field("gateway_version", release), field("gateway_version", older())]];
    const region = page.getByRole("region", { name: "Gateway update" });
    await withoutReload(async () => {
      world.relay.cut();
      await sees(region, new RegExp(`It runs v${older()}, this agent v${release}\\.`));
      const oldest = older().replace(/0$/, "1");
      world.relay.down = [[field("gateway_version", release), field("gateway_version", oldest)]];
      world.relay.cut();
      await sees(region, new RegExp(`It runs v${oldest}, this agent v${release}\\.`));
      world.relay.down = [[field("gateway_version", release), field("gateway_version", older())]];
      world.relay.cut();
      await sees(region, new RegExp(`It runs v${older()},`));
      await goTo(page, "Gateway Logs");
      await page.getByText(`What the gateway writes, v${older()}`, { exact: false }).waitFor();
    });
    await goTo(page, "Settings");
    await banner().waitFor();
    await fits();
    await shot("update-banner");
    await page.getByTitle("Dismiss").click();
    assert.equal(await banner().count(), 0);
    await page.reload();
    await banner().waitFor();
  });

  step("is refused by the gateway in words, where it was asked for", async ({ release, fits, shot, sees }) => {
    await ask().click();
    await sees(question(), new RegExp(`from v${older()} to this agent's v${release} and restarts it`));
    await question().getByText(/visitors get errors for some seconds/).waitFor();
    await fits();
    await shot("update-question");
    await question().getByRole("button", { name: "Update Gateway" }).click();
    // It knows better than the relay which release it is.
    await question().getByText(`Rejected: The gateway runs ${release} already; ${release} is not newer.`).waitFor();
    assert.equal(existsSync(signal()), false);
    await question().getByRole("button", { name: "Cancel" }).click();
    await question().waitFor({ state: "detached" });
  });

  step("is followed until the gateway answers with the new release", async ({ world, page, release, fits, shot, sees }) => {
    // The browser's clock, which is put on below, reaches into every frame: not where a page of one's own is shown.
    await goTo(page, "Dashboard");
    // As an agent of a release that is newer than the gateway's would ask.
    const newer = release.replace(/^\d/, "9");
    world.relay.up = [[field("target_version", release), field("target_version", newer)]];
    await ask().click();
    await question().getByRole("button", { name: "Update Gateway" }).click();
    const modal = page.getByRole("dialog", { name: "Gateway Update Pending" });
    await modal.getByText("Queued", { exact: true }).waitFor();
    await modal.getByText(`The update is queued: the host's updater finds it at ${signal()}.`).waitFor();
    await sees(fact(modal, "Agent"), new RegExp(`^v${release}$`));
    await sees(fact(modal, "Gateway"), new RegExp(`^v${older()}$`));
    // Both times go on, and one begins anew with each look.
    await sees(fact(modal, "Asked"), /^(\d+) s ago$/, ([, seconds]) => Number(seconds) >= 2);
    const [checked] = await sees(fact(modal, "Last checked"), /^(just now|\d+ s ago)$/);
    await sees(fact(modal, "Last checked"), /^(just now|\d+ s ago)$/, ([now]) => now !== checked);
    const written = JSON.parse(readFileSync(signal(), "utf8"));
    assert.deepEqual([written.targetVersion, written.currentVersion, written.requestedBy], [newer, release, "Agent@browser-test"]);
    await fits();
    await shot("update-pending");
    await modal.getByRole("button", { name: "Close" }).last().click();
    await modal.waitFor({ state: "detached" });
    await ask().click();
    await question().getByRole("button", { name: "Update Gateway" }).click();
    await modal.getByText("Already queued", { exact: true }).waitFor();
    await modal.getByText(/^An update was asked for \d+ s ago; the host's updater has not taken it yet\.$/).waitFor();
    await sees(fact(modal, "Asked"), /^(just now|\d s ago)$/);
    // Minutes go by without an updater, as the browser's clock has it.
    assert.equal(await modal.getByText(/^Not updated after/).count(), 0);
    await page.clock.setSystemTime(Date.now() + 185_000);
    await modal.getByText(/^Not updated after 3 min$/).waitFor();
    await modal.getByText("octoporty-updater", { exact: false }).first().waitFor();
    await sees(fact(modal, "Asked"), /^3 min ago$/);
    await page.clock.setSystemTime(Date.now());
    await modal.getByText(/^Not updated after/).waitFor({ state: "detached" });
    // The test is the updater: it takes the request, and the gateway comes back as the new release.
    rmSync(signal());
    world.relay.down = [];
    await world.gateway.stop();
    await modal.getByText("Gateway restarting").waitFor();
    world.gateway.start();
    await page.getByText(`The gateway runs v${release} now`).waitFor();
    await modal.waitFor({ state: "detached" });
    assert.equal(await banner().count(), 0);
  });
});

const SECRET = "t0p-s3cret-of-caddys-owner";
const proxy = (port) => ({ handler: "reverse_proxy", upstreams: [{ dial: `127.0.0.1:${port}` }] });
const route = (host, ...handle) => ({ match: [{ host: [host] }], handle });

async function startCaddy(scene) {
  const { admin, site, world } = scene;
  const secret = { handler: "headers", response: { set: { Authorization: [SECRET] } } };
  const front = {
    listen: [`127.0.0.1:${site}`],
    automatic_https: { disable: true },
    routes: [route("app.localhost", secret, proxy(world.gatewayPort))],
  };
  const config = {
    admin: { listen: `127.0.0.1:${admin}`, config: { persist: false } },
    apps: { http: { servers: { front } } },
  };
  const file = join(world.folder, "caddy.json");
  writeFileSync(file, JSON.stringify(config));
  const env = { PATH: process.env.PATH, HOME: world.folder };
  scene.caddy = spawn("caddy", ["run", "--config", file], { cwd: world.folder, env, stdio: "ignore" });
  await until("Caddy serves", async () => (await visit(site, "nobody.localhost")).status === 200);
}

async function stopCaddy({ caddy }) {
  if (!caddy || caddy.exitCode !== null || caddy.signalCode !== null) return;
  const ended = new Promise((resolve) => caddy.once("exit", resolve));
  caddy.kill();
  await ended;
}

const CADDY = {
  name: "caddy",
  sizes: ["desk"],
  async world(scene) {
    [scene.admin, scene.site] = [await freePort(), await freePort()];
    return { settings: () => ({ Gateway__CaddyAdminUrl: `http://127.0.0.1:${scene.admin}` }) };
  },
  end: stopCaddy,
};

story("the page of Caddy's configuration", CADDY, (step, scene) => {
  /** Changes Caddy's configuration there. */
  const configure = async (method, path, value) => {
    const answer = await fetch(`http://127.0.0.1:${scene.admin}/config/${path}`, {
      method,
      headers: { "content-type": "application/json" },
      body: value && JSON.stringify(value),
    });
    assert.equal(answer.status, 200, await answer.text());
  };

  step("says what to change while there is no Caddy, and shows it once there is", async ({ world, page, sees }) => {
    await goTo(page, "Caddy Configuration");
    await page.getByText(`No Caddy answers at http://127.0.0.1:${scene.admin}: connection refused`).waitFor();
    await page.getByText("Gateway__CaddyAdminUrl").waitFor();
    await startCaddy(scene);
    await page.getByRole("button", { name: "Try again" }).click();
    const listed = page.getByRole("list", { name: "Routes" }).getByRole("listitem");
    await listed.filter({ hasText: "app.localhost" }).getByText("This gateway").waitFor();
    await sees(listed, new RegExp(`^app.localhost to 127.0.0.1:${world.gatewayPort} This gateway`));
    await sees(page.getByRole("treeitem", { name: /this gateway/ }), /^0: ?\{app\.localhost\} ?this gateway$/);
    await page.getByRole("button", { name: "Text" }).click();
    const text = await page.getByRole("region", { name: "Configuration as text" }).innerText();
    assert.equal(JSON.parse(text).apps.http.servers.front.routes[0].handle[0].response.set.Authorization[0], "****");
    assert.ok(!(await page.content()).includes(SECRET));
    await page.getByRole("button", { name: "Tree" }).click();
  });

  step("follows a change that is made elsewhere, without a reload", async ({ world, page, shot, sees, withoutReload }) => {
    await withoutReload(async () => {
      await configure("POST", "apps/http/servers/front/routes", route("elsewhere.localhost", proxy(world.target.port)));
      const listed = page.getByRole("list", { name: "Routes" }).getByRole("listitem");
      const other = listed.filter({ hasText: "elsewhere.localhost" });
      await sees(other, new RegExp(`^elsewhere.localhost to 127.0.0.1:${world.target.port} Elsewhere`));
      // A route that leads to the gateway now, and one of every name.
      await configure("PATCH", "apps/http/servers/front/routes/1", route("elsewhere.localhost", proxy(world.gatewayPort)));
      await configure("POST", "apps/http/servers/front/routes", { handle: [proxy(world.target.port)] });
      await page.getByRole("button", { name: "Refresh" }).click();
      await sees(other, new RegExp(`to 127.0.0.1:${world.gatewayPort} This gateway`));
      await sees(listed.last(), new RegExp(`^Every name to 127.0.0.1:${world.target.port} Elsewhere`));
      await page.getByText(/^read just now$/).waitFor();
      await page.getByText(/^read \d s ago$/).waitFor();
      await configure("PATCH", "apps/http/servers/front/routes/1", route("elsewhere.localhost", proxy(world.target.port)));
      await page.getByRole("button", { name: "Refresh" }).click();
      await sees(other, /Elsewhere/);
    });
    await shot("caddy");
  });

  step("is unfolded by the keyboard, from a route to whom it dials", async ({ world, page, fits }) => {
    await page.getByRole("button", { name: "Show elsewhere.localhost in the configuration" }).focus();
    await page.keyboard.press("Enter");
    const focused = () => page.evaluate(() => document.activeElement.textContent);
    await until("the route has the focus", async () => (await focused()) === "1:{elsewhere.localhost}");
    await page.locator(":focus[aria-expanded=true][aria-selected=true]").waitFor();
    // The route is open: handle, its first, past the handler's kind, upstreams, its first, dial.
    for (const keys of ["Down Right", "Down Right", "Down", "Down Right", "Down Right", "Down"]) {
      for (const key of keys.split(" ")) await page.keyboard.press(`Arrow${key}`);
    }
    assert.equal(await focused(), `dial:"127.0.0.1:${world.target.port}"`);
    await page.setViewportSize({ width: 390, height: 844 });
    await fits();
    await picture(page, "phone-caddy");
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  step("says that no route leads to a proxy", async ({ page }) => {
    const refresh = () => page.getByRole("button", { name: "Refresh" }).click();
    const { apps, ...rest } = await (await fetch(`http://127.0.0.1:${scene.admin}/config/`)).json();
    await configure("DELETE", "apps");
    await refresh();
    await page.getByText("No route ends in a proxy, so nothing leads to this gateway.", { exact: false }).waitFor();
    await configure("POST", "", { ...rest, apps });
    await refresh();
    await page.getByRole("list", { name: "Routes" }).waitFor();
  });

  step("says that the gateway is away", async ({ world, page }) => {
    await world.gateway.stop();
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.getByText("The configuration could not be loaded").waitFor();
    assert.equal(await page.getByRole("tree").count(), 0);
    world.gateway.start();
    const again = page.getByRole("button", { name: "Try again" });
    await until("the routes are there again", async () => {
      if (await again.isVisible()) await again.click();
      return page.getByRole("list", { name: "Routes" }).isVisible();
    });
  });

  step("shows nothing of before once Caddy is gone", async ({ page }) => {
    await stopCaddy(scene);
    await page.getByText("Caddy does not answer").waitFor();
    assert.equal(await page.getByRole("tree").count(), 0);
  });
});
