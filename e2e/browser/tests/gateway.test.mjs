// What only the gateway can tell or do, seen from the console: an update of it, and the Caddy before it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { goTo, launch, logIn, openPage, overflow, picture, statusWord } from "../harness/browser.mjs";
import { freePort, startWorld, until, visit } from "../harness/processes.mjs";
import { field, startRelay } from "../harness/relay.mjs";

const fits = async (page) => assert.ok((await overflow(page)) <= 0, "the page is wider than its window");

for (const size of ["desk", "phone"]) {
  describe(`an update of the gateway (${size})`, { timeout: 120_000 }, () => {
    let world;
    let browser;
    let page;
    let complaints;
    let release;
    const older = () => release.replace(/\d/g, "0");
    const signal = () => join(world.folder, "signals/update-signal");

    before(async () => {
      const settings = (folder) => ({ Gateway__UpdateSignalPath: join(folder, "signals/update-signal") });
      world = await startWorld({ settings, relay: startRelay });
      release = JSON.parse((await world.visit("127.0.0.1", "/health")).body).version;
      browser = await launch();
      ({ page, complaints } = await openPage(browser, size));
      await logIn(page, world.url);
    });

    after(async () => {
      await browser?.close();
      await world?.stop();
    });

    const banner = () => page.getByText(/gateway update available/i);
    const question = () => page.getByRole("alertdialog", { name: "Update the gateway?" });
    const ask = () => page.getByRole("region", { name: "Gateway update" }).getByRole("button", { name: "Update Gateway" });

    it("is offered while the gateway's release is older", async () => {
      await statusWord(page).getByText("ONLINE").waitFor();
      assert.equal(await banner().count(), 0, "both are of one release");
      world.relay.down = [[field("gateway_version", release), field("gateway_version", older())]];
      world.relay.cut();
      await banner().waitFor();
      const text = await page.getByRole("region", { name: "Gateway update" }).innerText();
      assert.ok(text.includes(`v${older()}`) && text.includes(`v${release}`), text);
      await goTo(page, "Settings");
      await banner().waitFor();
      await fits(page);
      await picture(page, `${size}-update-banner`);
      await page.getByTitle("Dismiss").click();
      assert.equal(await banner().count(), 0);
      await page.reload();
      await banner().waitFor();
    });

    it("is refused by the gateway in words, where it was asked for", async () => {
      await ask().click();
      await question().getByText(/visitors get errors for some seconds/).waitFor();
      await fits(page);
      await picture(page, `${size}-update-question`);
      await question().getByRole("button", { name: "Update Gateway" }).click();
      // It knows better than the relay which release it is.
      await question().getByText(`Rejected: The gateway runs ${release} already; ${release} is not newer.`).waitFor();
      assert.equal(existsSync(signal()), false);
      await question().getByRole("button", { name: "Cancel" }).click();
      await question().waitFor({ state: "detached" });
    });

    it("is followed until the gateway answers with the new release", async () => {
      // As an agent of a release that is newer than the gateway's would ask.
      const newer = release.replace(/^\d/, "9");
      world.relay.up = [[field("target_version", release), field("target_version", newer)]];
      await ask().click();
      await question().getByRole("button", { name: "Update Gateway" }).click();
      const modal = page.getByRole("dialog", { name: "Gateway Update Pending" });
      await modal.getByText("Queued", { exact: true }).waitFor();
      await modal.getByText(`v${older()}`).waitFor();
      const written = JSON.parse(readFileSync(signal(), "utf8"));
      assert.deepEqual([written.targetVersion, written.currentVersion, written.requestedBy], [newer, release, "Agent@browser-test"]);
      await fits(page);
      await picture(page, `${size}-update-pending`);
      // The test is the updater: it takes the request, and the gateway comes back as the new release.
      rmSync(signal());
      world.relay.down = [];
      await world.gateway.stop();
      await modal.getByText("Gateway restarting").waitFor();
      world.gateway.start();
      await page.getByText(`The gateway runs v${release} now`).waitFor();
      await modal.waitFor({ state: "detached" });
      assert.equal(await banner().count(), 0);
      assert.deepEqual(complaints, []);
    });
  });
}

describe("the page of Caddy's configuration", { timeout: 120_000 }, () => {
  const SECRET = "t0p-s3cret-of-caddys-owner";
  let world;
  let browser;
  let page;
  let complaints;
  let caddy;
  let admin;
  let site;

  const proxy = (port) => ({ handler: "reverse_proxy", upstreams: [{ dial: `127.0.0.1:${port}` }] });
  const route = (host, ...handle) => ({ match: [{ host: [host] }], handle });

  async function startCaddy() {
    const config = {
      admin: { listen: `127.0.0.1:${admin}`, config: { persist: false } },
      apps: {
        http: {
          servers: {
            front: {
              listen: [`127.0.0.1:${site}`],
              automatic_https: { disable: true },
              routes: [
                route(
                  "app.localhost",
                  { handler: "headers", response: { set: { Authorization: [SECRET] } } },
                  proxy(world.gatewayPort),
                ),
              ],
            },
          },
        },
      },
    };
    const file = join(world.folder, "caddy.json");
    writeFileSync(file, JSON.stringify(config));
    const env = { PATH: process.env.PATH, HOME: world.folder };
    caddy = spawn("caddy", ["run", "--config", file], { cwd: world.folder, env, stdio: "ignore" });
    await until("Caddy serves", async () => (await visit(site, "nobody.localhost")).status === 200);
  }

  async function stopCaddy() {
    if (!caddy || caddy.exitCode !== null || caddy.signalCode !== null) return;
    const ended = new Promise((resolve) => caddy.once("exit", resolve));
    caddy.kill();
    await ended;
  }

  before(async () => {
    [admin, site] = [await freePort(), await freePort()];
    world = await startWorld({ settings: () => ({ Gateway__CaddyAdminUrl: `http://127.0.0.1:${admin}` }) });
    browser = await launch();
    ({ page, complaints } = await openPage(browser, "desk"));
    await logIn(page, world.url);
  });

  after(async () => {
    await stopCaddy();
    await browser?.close();
    await world?.stop();
  });

  it("says what to change while there is no Caddy, and shows it once there is", async () => {
    await goTo(page, "Caddy Configuration");
    await page.getByText(`No Caddy answers at http://127.0.0.1:${admin}: connection refused`).waitFor();
    await page.getByText("Gateway__CaddyAdminUrl").waitFor();
    await startCaddy();
    await page.getByRole("button", { name: "Try again" }).click();
    const listed = page.getByRole("list", { name: "Routes" }).getByRole("listitem");
    await listed.filter({ hasText: "app.localhost" }).getByText("This gateway").waitFor();
    await page.getByRole("button", { name: "Text" }).click();
    const text = await page.getByRole("region", { name: "Configuration as text" }).innerText();
    assert.equal(JSON.parse(text).apps.http.servers.front.routes[0].handle[0].response.set.Authorization[0], "****");
    assert.ok(!(await page.content()).includes(SECRET));
    await page.getByRole("button", { name: "Tree" }).click();
  });

  it("follows a change that is made elsewhere, without a reload", async () => {
    await page.evaluate(() => {
      window.sameDocument = true;
    });
    const answer = await fetch(`http://127.0.0.1:${admin}/config/apps/http/servers/front/routes`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(route("elsewhere.localhost", proxy(world.target.port))),
    });
    assert.equal(answer.status, 200);
    const listed = page.getByRole("list", { name: "Routes" }).getByRole("listitem");
    await listed.filter({ hasText: "elsewhere.localhost" }).getByText("Elsewhere", { exact: true }).waitFor();
    assert.equal(await page.evaluate(() => window.sameDocument), true);
    await picture(page, "desk-caddy");
  });

  it("is unfolded by the keyboard, from a route to whom it dials", async () => {
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
    await fits(page);
    await picture(page, "phone-caddy");
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  it("shows nothing of before once Caddy is gone", async () => {
    await stopCaddy();
    await page.getByText("Caddy does not answer").waitFor();
    assert.equal(await page.getByRole("tree").count(), 0);
    assert.deepEqual(complaints, []);
  });
});
