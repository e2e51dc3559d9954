// The Request Inspector in a real browser: both sides of a real target, and HTML of a target that stays text.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { goTo, launch, logIn, openPage, overflow, picture } from "../harness/browser.mjs";
import { startWorld, until } from "../harness/processes.mjs";

const PAGE = `<!doctype html><title>Mine</title><script>document.title = "taken over"</script><h1>Hello</h1>`;

for (const size of ["desk", "phone"]) {
  describe(`the inspector (${size})`, { timeout: 120_000 }, () => {
    let world;
    let browser;
    let page;
    let complaints;
    let target;

    before(async () => {
      world = await startWorld();
      browser = await launch();
      ({ page, complaints } = await openPage(browser, size));
      target = createServer((incoming, response) => {
        // The gateway is a visitor's proxy; who comes straight is told another word.
        const way = incoming.headers["x-forwarded-for"] ? "gateway" : "straight";
        response.writeHead(200, { "content-type": "text/html", "x-way": way });
        response.end(PAGE);
      });
      await new Promise((listening) => target.listen(0, "127.0.0.1", listening));
      await logIn(page, world.url);
      const made = await page.evaluate(
        async (port) => {
          const fields = { name: "App", externalDomain: "app.test", internalHost: "127.0.0.1", internalPort: port };
          const headers = { "content-type": "application/json" };
          return (await fetch("/api/v1/mappings", { method: "POST", headers, body: JSON.stringify(fields) })).status;
        },
        target.address().port,
      );
      assert.equal(made, 201);
      await until("the gateway serves it", async () => (await world.visit("app.test")).status === 200);
    });

    after(async () => {
      await browser?.close();
      target?.closeAllConnections();
      target?.close();
      await world?.stop();
    });

    it("shows both answers, marks what differs and runs nothing of them", async () => {
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
      assert.ok((await overflow(page)) <= 0, "the page is wider than its window");
      await picture(page, `${size}-inspector`);
    });

    it("names the reason when the target is gone, on both sides", async () => {
      target.closeAllConnections();
      await new Promise((closed) => target.close(closed));
      await page.getByRole("button", { name: "Inspect" }).click();
      await page.getByText("Both sides fail for the same reason: target refused.").waitFor();
      await goTo(page, "Dashboard");
      assert.deepEqual(complaints, []);
    });
  });
}
