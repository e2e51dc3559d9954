// The Request Inspector in a real browser: both sides of a real target, and HTML of a target that stays text.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { goTo } from "../harness/browser.mjs";
import { until } from "../harness/processes.mjs";
import { story } from "../harness/story.mjs";

const PAGE = `<!doctype html><title>Mine</title><script>document.title = "taken over"</script><h1>Hello</h1>`;

const prepare = async (scene) => {
  const { api, world } = scene;
  scene.target = createServer((incoming, response) => {
    // The gateway is a visitor's proxy; who comes straight is told another word.
    const way = incoming.headers["x-forwarded-for"] ? "gateway" : "straight";
    response.writeHead(200, { "content-type": "text/html", "x-way": way });
    response.end(PAGE);
  });
  await new Promise((listening) => scene.target.listen(0, "127.0.0.1", listening));
  const internalPort = scene.target.address().port;
  await api("POST", "/mappings", { name: "App", externalDomain: "app.test", internalHost: "127.0.0.1", internalPort });
  await until("the gateway serves it", async () => (await world.visit("app.test")).status === 200);
};

const end = ({ target }) => {
  target?.closeAllConnections();
  target?.close();
};

story("the inspector", { name: "inspector", prepare, end }, (step) => {
  step("shows both answers, marks what differs and runs nothing of them", async ({ world, page, fits, shot }) => {
    const menu = page.getByRole("button", { name: "Open navigation" });
    if (await menu.isVisible()) await menu.click();
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Inspector" }).click();
    await page.getByRole("heading", { level: 1, name: "Request Inspector" }).waitFor();
    await until("the URL is there", async () =>
      (await page.getByLabel("URL").inputValue()) === `http://app.test:${world.gatewayPort}/`,
    );
    await page.getByRole("button", { name: "Inspect" }).click();
    await page.getByText("One difference between the two answers.").waitFor();
    const row = page.getByRole("region", { name: "Differences" }).getByText("x-way");
    await row.waitFor();
    const body = page.getByRole("region", { name: "Gateway Response" }).getByRole("region", { name: "Body" });
    assert.match(await body.innerText(), /<script>document\.title = "taken over"<\/script>/);
    assert.equal(await page.title(), "Request Inspector · Octoporty");
    await page.getByRole("list", { name: "Matching log rows" }).getByText("GET app.test/").waitFor();
    await fits();
    await shot("inspector");
  });

  step("names the reason when the target is gone, on both sides", async ({ page, target }) => {
    target.closeAllConnections();
    await new Promise((closed) => target.close(closed));
    await page.getByRole("button", { name: "Inspect" }).click();
    await page.getByText("Both sides fail for the same reason: target refused.").waitFor();
    await goTo(page, "Dashboard");
  });
});
