// Mappings, one of them and the landing page, as somebody else changes them and as visitors use them.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { goTo } from "../harness/browser.mjs";
import { GATEWAY_NAME, until } from "../harness/processes.mjs";
import { story } from "../harness/story.mjs";

const DOMAIN = "first.localhost";
const RED = "/red";

const STORY = {
  name: "mappings",
  async prepare({ page, world }) {
    world.target.answer = (incoming, response) => {
      incoming.resume();
      response.writeHead(incoming.url === RED ? 503 : 200).end("y".repeat(3_000));
    };
    await page.evaluate(() => {
      window.sameDocument = true;
    });
  },
};

story("mappings that somebody else changes", STORY, (step, scene) => {
  const isPhone = () => scene.size === "phone";
  const line = (name) => {
    const list = scene.page.getByRole(isPhone() ? "list" : "table", { name: "Mappings" });
    return list.getByRole(isPhone() ? "listitem" : "row").filter({ hasText: name });
  };
  const count = (name) => scene.page.getByRole("group", { name: "Show" }).getByRole("button", { name });
  const fields = (changes = {}) => ({
    name: "First",
    externalDomain: DOMAIN,
    internalHost: "127.0.0.1",
    internalPort: scene.world.target.port,
    ...changes,
  });
  const change = (changes) => scene.api("PUT", `/mappings/${scene.id}`, fields(changes));
  const served = (status, path = "/") =>
    until(`visitors get ${status}`, async () => (await scene.world.visit(DOMAIN, path)).status === status);

  const asks = async (pattern) => {
    await scene.page.getByRole("button", { name: "Delete", exact: true }).click();
    const dialog = scene.page.getByRole("alertdialog");
    await scene.sees(dialog, pattern);
    await dialog.getByRole("button", { name: "Cancel" }).click();
  };

  step("are listed as they are made, changed and switched", async ({ page, world, sees, api }) => {
    await goTo(page, "Mappings");
    await page.getByText("No mapping yet").waitFor();
    await sees(count("All"), /^All 0$/);
    scene.id = (await api("POST", "/mappings", fields({ name: "Frist", externalDomain: "frist.localhost" }))).id;
    await sees(line("Frist"), new RegExp(`frist\\.localhost.* http://127\\.0\\.0\\.1:${world.target.port}\\b`));
    await sees(line("Frist"), /Not tried yet/);
    for (const [name, figure] of [["All", 1], ["Active", 1], ["Disabled", 0]]) await sees(count(name), new RegExp(`^${name} ${figure}$`));
    await change({ pathPrefix: "/deep", internalHost: "localhost" });
    await sees(line("First"), new RegExp(`first\\.localhost/deep.* http://localhost:${world.target.port}\\b`));
    if (!isPhone()) {
      const open = line("First").getByRole("link", { name: /^Open/ });
      assert.equal(await open.getAttribute("href"), `http://${DOMAIN}:${world.gatewayPort}/deep`);
      await change({ externalDomain: "*.first.localhost" });
      await sees(line("First"), /\*\.first\.localhost/);
      await open.waitFor({ state: "detached" });
    }
    await change();
    await served(200);
    await sees(line("First"), /\bOK\b/);
    await api("PATCH", `/mappings/${scene.id}/toggle`, { enabled: false });
    await line("First").getByRole("switch", { name: "First enabled", checked: false }).waitFor();
    await sees(line("First"), /\bDisabled\b/);
    for (const [name, figure] of [["All", 1], ["Active", 0], ["Disabled", 1]]) await sees(count(name), new RegExp(`^${name} ${figure}$`));
    await api("PATCH", `/mappings/${scene.id}/toggle`, { enabled: true });
    await line("First").getByRole("switch", { name: "First enabled", checked: true }).waitFor();
    await served(200);
  });

  step("tell their state, and why it is not good", async ({ page, world, sees, api }) => {
    // The state's reason is its title in the table, and a line of its own where there is room for one.
    const why = async (word, reason) => {
      await sees(line("First"), new RegExp(word));
      if (isPhone()) await sees(line("First"), reason);
      else await until(`${reason}`, async () => reason.test(await line("First").getByTitle(reason).getAttribute("title")));
    };
    await world.target.stop();
    await served(502);
    await why("Target down", /refused/);
    if (!isPhone()) {
      await page.getByRole("button", { name: "Grid view" }).click();
      const panel = page.getByRole("list", { name: "Mappings" }).getByRole("listitem");
      await sees(panel, new RegExp(`^First first\\.localhost → http://127\\.0\\.0\\.1:${world.target.port} .*refused.* Target down$`));
      await world.target.start();
      await served(200);
      await sees(panel, new RegExp(`^First first\\.localhost → http://127\\.0\\.0\\.1:${world.target.port} OK$`));
      await page.getByRole("button", { name: "Table view" }).click();
    } else {
      await world.target.start();
      await served(200);
    }
    await sees(line("First"), /\bOK\b/);
    await world.gateway.stop();
    await why("Agent away", /gateway/i);
    world.gateway.start();
    await sees(line("First"), /\bOK\b|Not tried yet/);
    // The gateway knows its own name when the agent has told it; it is not for a mapping.
    const own = await api("POST", "/mappings", fields({ name: "Taken", externalDomain: GATEWAY_NAME }));
    await sees(line("Taken"), /Refused/);
    await api("DELETE", `/mappings/${own.id}`);
    await line("Taken").waitFor({ state: "detached" });
    await sees(count("All"), /^All 1$/);
  });

  step("are followed on a page of their own, while a form keeps what it began with", async ({ page, world, sees, shot, fits }) => {
    const now = (name) => page.getByRole("region", { name: "Now" }).locator("dl > div").filter({ hasText: name });
    await line("First").getByRole("link", { name: "First", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "First" }).waitFor();
    await sees(now("Id"), new RegExp(scene.id));
    await sees(now("Public URL"), /first\.localhost$/);
    await asks(/^Delete First\? Visitors of first\.localhost get 404 at once/);
    await change({ name: "Second", pathPrefix: "/deep", internalHost: "localhost" });
    await page.getByRole("heading", { level: 1, name: "Second" }).waitFor();
    await sees(now("Public URL"), /first\.localhost\/deep$/);
    await sees(now("Target"), new RegExp(`http://localhost:${world.target.port}$`));
    await sees(now("Changed"), /^Changed (just now|\d+ s ago), made /);
    assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "First");
    await page.getByLabel("Name", { exact: true }).fill("Mine");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Somebody else changed this mapping since it was opened here.").waitFor();
    await fits();
    await shot("mapping-stale");
    await page.getByRole("button", { name: "Load what is stored" }).click();
    await until("the form has what is stored", async () => (await page.getByLabel("Name", { exact: true }).inputValue()) === "Second");
    assert.equal(await page.getByLabel("Path prefix").inputValue(), "/deep");
    assert.equal(await page.getByLabel("Host", { exact: true }).inputValue(), "localhost");
    await change();
    await page.getByRole("heading", { level: 1, name: "First" }).waitFor();
  });

  step("show their state and the requests of visitors", async ({ context, page, world, sees, api, fits, shot }) => {
    const state = page.getByRole("region", { name: "Now" }).locator("dl > div").filter({ hasText: "State" });
    const last = page.getByRole("region", { name: "Last requests" });
    const fresh = await api("POST", "/mappings", fields({ name: "Fresh", externalDomain: "fresh.localhost" }));
    await page.getByRole("link", { name: "Mappings", exact: true }).last().click();
    await line("Fresh").getByRole("link", { name: "Fresh", exact: true }).click();
    await sees(last, /No request yet\. Open the public URL/);
    await api("PATCH", `/mappings/${fresh.id}/toggle`, { enabled: false });
    await sees(last, /No request yet\. A disabled mapping gets none\./);
    await sees(state, /^State Disabled$/);
    await asks(/^Delete Fresh\? fresh\.localhost is disabled: no visitor will notice\./);
    await api("PATCH", `/mappings/${fresh.id}/toggle`, { enabled: true });
    await sees(state, /^State (Not tried yet|Syncing)/);
    await until("the gateway serves it", async () => (await world.visit("fresh.localhost", "/ok")).status === 200);
    await sees(state, /^State OK$/);
    const size = isPhone() ? "" : " 2\\.9 KiB";
    await sees(last, new RegExp(`200 GET /ok [\\d.]+ m?s${size} (just now|\\d+ s ago)`));
    assert.equal((await world.visit("fresh.localhost", RED, { method: "POST", body: "x" })).status, 503);
    await sees(last, /503 POST \/red [\d.]+ m?s/);
    await world.target.stop();
    assert.equal((await world.visit("fresh.localhost", "/gone")).status, 502);
    await sees(last, /502 GET \/gone target refused [\d.]+ m?s/);
    await sees(state, /^State Target down .*refused/);
    await world.target.start();
    assert.equal((await world.visit("fresh.localhost", "/ok")).status, 200);
    await sees(state, /^State OK$/);
    await api("DELETE", `/mappings/${fresh.id}`);
    await page.getByText("This mapping is deleted", { exact: true }).waitFor();
    await state.waitFor({ state: "detached" });
    await fits();
    await shot("mapping-deleted");
    await page.getByRole("button", { name: "Save" }).click();
    await sees(page.getByRole("alert").filter({ hasText: "Not saved" }), /mapping/);
    const other = await context.newPage();
    await other.goto(page.url());
    await other.getByText("There is no such page").waitFor();
    await other.close();
  });

  step("are made of what the agent sees and the server takes", async ({ page, world, sees }) => {
    await page.getByRole("link", { name: "Mappings", exact: true }).last().click();
    await page.getByRole("link", { name: "New Mapping" }).click();
    await page.getByPlaceholder("localhost").fill("127.0.0.1");
    await page.getByLabel("Port").fill(String(world.target.port));
    const test = page.getByRole("button", { name: "Test target" });
    const answer = page.getByRole("form", { name: "Mapping" }).getByRole("status");
    await world.target.stop();
    await test.click();
    await sees(answer, /^127\.0\.0\.1:\d+ refused the connection The target refused the connection: start the service,.* [\d.]+ m?s$/);
    await world.target.start();
    await test.click();
    await sees(answer, new RegExp(`HTTP 200 · 127\\.0\\.0\\.1:${world.target.port} · [\\d.]+ m?s$`));
    world.target.answer = (incoming, response) => response.writeHead(418).end();
    await test.click();
    await sees(answer, /HTTP 418 · /);
    await page.getByPlaceholder("localhost").fill("nowhere.invalid");
    await test.click();
    await sees(answer, /nowhere\.invalid/);
    await page.getByPlaceholder("e.g., My Web App").fill("Again");
    await page.getByPlaceholder("app.example.com").fill(DOMAIN);
    await page.getByLabel("Path prefix").fill("/a b");
    await page.getByPlaceholder("localhost").fill("no host");
    await page.getByRole("button", { name: "Save" }).click();
    await sees(wrong(page, "Path prefix"), /percent-encode/);
    await sees(wrong(page, "Host"), /no host/i);
    await page.getByLabel("Path prefix").fill("/");
    await page.getByPlaceholder("localhost").fill("127.0.0.1");
    await page.getByRole("button", { name: "Save" }).click();
    await sees(wrong(page, "Domain"), /First/);
    await page.getByRole("button", { name: "Cancel" }).click();
  });

  step("have a landing page beside them, which somebody else may store and reset as well", async ({ page, world, sees, api }) => {
    const editor = page.getByLabel("HTML Editor");
    const landing = page.getByRole("region", { name: "Landing page" });
    const preview = page.frameLocator('iframe[title="Live Preview"]').frameLocator("iframe");
    const store = (html) => api("PUT", "/settings/landing-page", { html });
    const shows = async (html, status) => {
      await until("the editor has it", async () => (await editor.inputValue()) === html);
      const hash = createHash("md5").update(html).digest("hex").slice(0, 8);
      await sees(landing, new RegExp(`Status: ${status} Hash: ${hash}\\b`));
    };
    await goTo(page, "Settings");
    const own = (await api("GET", "/settings/landing-page")).html;
    await shows(own, "Default");
    await store("<h1>Theirs</h1>");
    await shows("<h1>Theirs</h1>", "Custom");
    await preview.getByText("Theirs").waitFor();
    await until("strangers see it", async () =>
      (await world.visit(GATEWAY_NAME, "/", { headers: { accept: "text/html" } })).body.includes("Theirs"),
    );
    await editor.fill("<h1>Mine</h1>");
    await store("<h1>Theirs again</h1>");
    await page.getByRole("button", { name: "Save Changes" }).click();
    await page.getByText("Somebody else stored another page since you began.").waitFor();
    await page.getByRole("button", { name: "Load what is stored" }).click();
    await shows("<h1>Theirs again</h1>", "Custom");
    await api("DELETE", "/settings/landing-page");
    await shows(own, "Default");
  });

  // Once is enough.
  if (scene.size === "desk") {
    step("are drawn some hundred at a time", async ({ page, sees, api }) => {
      await goTo(page, "Mappings");
      const some = Array.from({ length: 200 }, (_, n) => fields({ name: `Some ${n}`, externalDomain: `n${n}.localhost` }));
      // A console takes no more than some connections of one source at a time.
      for (let at = 0; at < some.length; at += 20) {
        await Promise.all(some.slice(at, at + 20).map((one) => api("POST", "/mappings", one)));
      }
      await sees(page.getByRole("main"), /200 of 201 Show more$/);
      await page.getByRole("button", { name: "Show more" }).click();
      await until("all are drawn", async () => (await page.getByRole("switch").count()) === 201);
    });
  }

  step("were followed all the time by one document", async ({ page }) => {
    assert.equal(await page.evaluate(() => window.sameDocument), true, "the page was loaded anew");
  });
});

/** What stands at a field that is marked as wrong. */
function wrong(page, label) {
  const field = page.getByLabel(label, { exact: true });
  return {
    innerText: async () => {
      assert.equal(await field.getAttribute("aria-invalid"), "true");
      return field.evaluate((element) =>
        (element.getAttribute("aria-describedby") ?? "")
          .split(" ")
          .map((id) => document.getElementById(id)?.textContent)
          .join(" "),
      );
    },
  };
}
