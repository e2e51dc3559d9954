// What has to do with being let in: lockout, a console that is away, a console under a sub-path.
import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import { after, before, describe, it } from "node:test";
import { goTo, launch, logIn, openPage, picture, statusWord } from "../harness/browser.mjs";
import { PASSWORD, startWorld, until } from "../harness/processes.mjs";

let world;
let browser;

before(async () => {
  world = await startWorld();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await world?.stop();
});

describe("a console under a sub-path", { timeout: 120_000 }, () => {
  let proxy;
  before(async () => {
    proxy = await subPathProxy(world.consolePort, "/deep/console");
  });
  after(() => proxy.close());

  it("works, deep links included", async () => {
    const { page, context, complaints } = await openPage(browser, "desk");
    const url = `http://127.0.0.1:${proxy.address().port}/deep/console/`;
    await logIn(page, url);
    await statusWord(page).getByText("ONLINE").waitFor();
    await goTo(page, "Mappings");
    await page.getByRole("link", { name: "New Mapping" }).click();
    await page.getByRole("heading", { level: 1, name: "New mapping" }).waitFor();
    assert.equal(page.url(), `${url}mappings/new`);
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "New mapping" }).waitFor();
    assert.deepEqual(complaints, []);
    await context.close();
  });
});

describe("a proxy that fails before the console", { timeout: 120_000 }, () => {
  let proxy;
  before(async () => {
    proxy = await subPathProxy(world.consolePort, "/deep/console");
  });
  after(() => proxy.close());

  it("is named on the page, which loads what is missing when asked to", async () => {
    const { page, context } = await openPage(browser, "desk");
    const url = `http://127.0.0.1:${proxy.address().port}/deep/console/`;
    await logIn(page, url);
    proxy.fails = true;
    await page.goto(`${url}settings`);
    const problem = page.getByRole("alert").filter({ hasText: "The landing page could not be loaded" });
    await problem.getByText("The console answered 502.").waitFor();
    await picture(page, "desk-load-error");
    proxy.fails = false;
    await problem.getByRole("button", { name: "Try again" }).click();
    await page.getByLabel("HTML Editor").waitFor();
    assert.equal(await problem.count(), 0);
    await context.close();
  });
});

describe("a console that asks for a user name", { timeout: 120_000 }, () => {
  it("says so, and lets nobody in by the password alone", async () => {
    const { page, context } = await openPage(browser, "desk");
    await world.agent.stop();
    world.agent.settings.Agent__Auth__Username = "owner";
    world.agent.start();
    await until("the console answers", async () => (await fetch(`${world.url}/ready`)).ok);
    await page.goto(`${world.url}/mappings`);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("This console asks for a user name as well.").waitFor();
    await picture(page, "desk-login-user-name");
    await page.getByLabel("User name").fill("guest");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("Wrong user name or password.").waitFor();
    await page.getByLabel("User name").fill("owner");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("heading", { level: 1, name: "Mappings" }).waitFor();
    await context.close();
    await world.agent.stop();
    delete world.agent.settings.Agent__Auth__Username;
    world.agent.start();
    await until("the console answers", async () => (await fetch(`${world.url}/ready`)).ok);
  });
});

describe("many wrong passwords", { timeout: 120_000 }, () => {
  it("lock the login; the page says for how long, and counts down", async () => {
    const { page, context } = await openPage(browser, "desk");
    await page.goto(`${world.url}/login`);
    const button = page.getByRole("button", { name: "Log in" });
    const locked = page.getByText("Locked after too many failed attempts");
    for (let attempt = 0; attempt < 6 && !(await locked.isVisible()); attempt += 1) {
      await page.getByLabel("Password").fill(`guess ${attempt}`);
      await button.click();
      await page.getByText("Wrong password.").or(locked).first().waitFor();
    }
    await locked.waitFor();
    assert.equal(await button.isDisabled(), true);
    const left = async () => {
      const [, minutes, seconds] = /(\d+):(\d\d)/.exec(await page.getByRole("alert").innerText()) ?? [];
      return Number(minutes) * 60 + Number(seconds);
    };
    const first = await left();
    assert.ok(first > 0 && first <= 60, `${first} s are left`);
    await picture(page, "desk-login-locked");
    await page.waitForFunction((before) => {
      const [, minutes, seconds] = /(\d+):(\d\d)/.exec(document.querySelector('[role="alert"]')?.textContent ?? "") ?? [];
      return Number(minutes) * 60 + Number(seconds) < before;
    }, first);
    await context.close();
  });
});

describe("a console that is away", { timeout: 120_000 }, () => {
  it("is not mistaken for a wrong password", async () => {
    const { page, context } = await openPage(browser, "phone");
    await page.goto(`${world.url}/login`);
    await page.getByLabel("Password").fill("anything");
    await world.agent.stop();
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("The console does not answer").waitFor();
    await picture(page, "phone-login-away");
    world.agent.start();
    await context.close();
  });
});

/**
 * A proxy that serves the console under a prefix and takes the prefix off, as people set up by hand; while it `fails`, it
 * does not reach the API.
 */
function subPathProxy(port, prefix) {
  const proxy = { fails: false };
  const server = createServer((incoming, response) => {
    if (!incoming.url?.startsWith(`${prefix}/`)) {
      response.writeHead(404).end();
      return;
    }
    const path = incoming.url.slice(prefix.length);
    if (proxy.fails && path.startsWith("/api/")) {
      response.writeHead(502).end();
      return;
    }
    const outgoing = request(
      { host: "127.0.0.1", port, path, method: incoming.method, headers: incoming.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    outgoing.on("error", () => response.destroy());
    response.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      proxy.address = () => server.address();
      proxy.close = () => {
        server.closeAllConnections();
        return new Promise((done) => server.close(done));
      };
      resolve(proxy);
    });
  });
}
