// What visitors asked for and how the tunnel fared, as the console shows it: the causes are made outside of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { goTo } from "../harness/browser.mjs";
import { until } from "../harness/processes.mjs";
import { story } from "../harness/story.mjs";

const DOMAIN = "shop.localhost";
const BROKEN = "broken.localhost";

const prepare = async ({ api, world }) => {
  await api("POST", "/mappings", mapping("Shop", DOMAIN, world.target.port));
  await api("POST", "/mappings", mapping("Broken", BROKEN, 1));
  await until("the gateway serves it", async () => (await world.visit(DOMAIN, "/")).status === 200);
  await until("the gateway knows the other", async () => (await world.visit(BROKEN, "/")).status === 502);
};

story("the logs", { name: "logs", prepare }, (step, scene) => {
  const row = (name) => scene.page.getByRole("row", { name }).first();

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
    await dialog.getByText("start the service, or correct host and port", { exact: false }).waitFor();
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
    await page.getByText(/^7\d\d requests/).waitFor();
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

  step("shows the session that stands, and why it ended when it did", async ({ world, page, fits, shot }) => {
    await goTo(page, "Connections");
    await row(/Stands/).waitFor();
    await fits();
    await shot("connections");
    await world.gateway.stop("SIGKILL");
    await row(/Connection lost|Went silent|Gateway stopped/).waitFor();
    assert.equal(await row(/Stands/).count(), 0);
    world.gateway.start();
    await row(/Stands/).waitFor();
    await row(/Connection lost|Went silent|Gateway stopped/).click();
    const dialog = page.getByRole("dialog", { name: "Session" });
    await dialog.getByText(/gateway v\d+\.\d+/).waitFor();
    await fits();
    await shot("connections-detail");
    await page.keyboard.press("Escape");
    await page.getByLabel("State").selectOption({ label: "Stands" });
    await until("only one is left", async () => (await page.getByRole("row", { name: /websocket|v\d/ }).count()) === 1);
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
