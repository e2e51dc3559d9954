// The Request Inspector in a real browser: both sides of a real target, and HTML of a target that stays text.
import assert from "node:assert/strict";
import { fact, milliseconds, reload } from "../harness/browser.mjs";
import { until } from "../harness/processes.mjs";
import { story } from "../harness/story.mjs";

const PAGE = `<!doctype html><title>Mine</title><script>document.title = "taken over"</script><h1>Hello</h1>`;

/** How long a slow target takes, milliseconds. */
const SLOW = 1_000;

/** The gateway is a visitor's proxy; who comes straight is told another word. */
const way = (incoming) => (incoming.headers["x-forwarded-for"] ? "gateway" : "straight");

const app = (internalPort, part = {}) => ({
  name: "App",
  externalDomain: "app.test",
  internalHost: "127.0.0.1",
  internalPort,
  internalProtocol: "Http",
  ...part,
});

const prepare = async (scene) => {
  const { api, world } = scene;
  world.target.answer = (incoming, response) => {
    response.writeHead(200, { "content-type": "text/html", "x-way": way(incoming) });
    response.end(PAGE);
  };
  scene.mapping = await api("POST", "/mappings", app(world.target.port));
  await until("the gateway serves it", async () => (await world.visit("app.test")).status === 200);
};

story("the inspector", { name: "inspector", prepare }, (step, scene) => {
  const region = (name) => scene.page.getByRole("region", { name });
  const gateway = () => region("Gateway Response");
  const agent = () => region("Agent Direct Response");
  const log = () => region("Request log");
  const inspect = () => scene.page.getByRole("button", { name: "Inspect" }).click();
  const says = (verdict) => scene.page.getByText(verdict, { exact: true }).waitFor();
  /** Asks for a path of the target that answers so, and waits for what it comes to. */
  const answers = async (path, answer, verdict) => {
    const { page, world } = scene;
    scene.heard = [];
    world.target.answer = (incoming, response) => {
      scene.heard.push({ way: way(incoming), id: incoming.headers["x-octoporty-request-id"] });
      answer(response, way(incoming));
    };
    await page.getByLabel("URL").fill(`http://app.test:${world.gatewayPort}${path}`);
    await inspect();
    // Not of the inspection before.
    await scene.sees(gateway(), new RegExp(`${path} · Host: app.test:${world.gatewayPort}`.replaceAll("?", "\\?")));
    await says(verdict);
  };
  const SAME = "Both sides gave the same answer.";

  step("shows both answers, marks what differs and runs nothing of them", async ({ world, page, fits, shot }) => {
    const menu = page.getByRole("button", { name: "Open navigation" });
    if (await menu.isVisible()) await menu.click();
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Inspector" }).click();
    await page.getByRole("heading", { level: 1, name: "Request Inspector" }).waitFor();
    await until("the URL is there", async () =>
      (await page.getByLabel("URL").inputValue()) === `http://app.test:${world.gatewayPort}/`,
    );
    await inspect();
    await says("One difference between the two answers.");
    const row = region("Differences").getByRole("row", { name: /Header x-way/ });
    await scene.sees(row, /gateway .*straight$/);
    await scene.sees(gateway().getByRole("row", { name: /x-way/ }), /differs gateway$/);
    const body = gateway().getByRole("region", { name: "Body" });
    assert.match(await body.innerText(), /<script>document\.title = "taken over"<\/script>/);
    assert.equal(await page.title(), "Request Inspector · Octoporty");
    await page.getByRole("list", { name: "Matching log rows" }).getByText("GET app.test/").waitFor();
    await fits();
    await shot("inspector");
  });

  step("tells of each side what was dialled, asked and answered, and how long it took", async ({ world, page, sees }) => {
    for (const side of [gateway(), agent()]) {
      await sees(fact(side, "Status"), /^200 HTTP\/1\.1$/);
      await sees(fact(side, "Content-Type"), /^text\/html$/);
      await sees(fact(side, "Body Size"), new RegExp(`^${PAGE.length} B$`));
    }
    await sees(fact(gateway(), "Dialled"), new RegExp(`127\\.0\\.0\\.1:${world.gatewayPort}`));
    await sees(fact(agent(), "Dialled"), new RegExp(`127\\.0\\.0\\.1:${world.target.port}`));
    const slow = (response) => setTimeout(() => response.writeHead(418, { "content-type": "application/json" }).end("{}"), SLOW);
    await answers("/slow?q=1", slow, SAME);
    const long = ([, figure, unit]) => milliseconds(figure, unit) >= SLOW * 0.8;
    for (const side of [gateway(), agent()]) {
      await sees(fact(side, "Status"), /^418 /);
      await sees(fact(side, "Content-Type"), /^application\/json$/);
      await sees(fact(side, "Body Size"), /^2 B$/);
      await sees(fact(side, "Duration"), /^([\d.,]+) (ms|s)$/, long);
      await sees(fact(side, "Steps"), /connect .*first byte ([\d.,]+) (ms|s), total/, long);
      await sees(side.getByRole("region", { name: "Body" }), /\{\}$/);
    }
    await sees(log(), /418 GET app\.test\/slow\?q=1 .*target ([\d.,]+) (ms|s) .*from 127\.0\.0\.1$/, long);
    assert.equal(await region("Differences").count(), 0);
    assert.deepEqual(scene.heard.map((one) => one.way).sort(), ["gateway", "straight"]);
    await sees(page.getByText(/^Request id/), new RegExp(scene.heard.find((one) => one.way === "gateway").id));
    await page.getByText("2 real requests were made.", { exact: false }).waitFor();
    await page.getByLabel("Method").selectOption("HEAD");
    await answers("/head", (response) => response.writeHead(200, { "content-length": "9" }).end(), SAME);
    await sees(fact(agent(), "Asked"), /^HEAD \/head/);
    await sees(agent().getByRole("region", { name: "Body" }), /Empty\.$/);
    await page.getByLabel("Method").selectOption("GET");
  });

  step("says how a name was reached, as it is told to", async ({ page, sees }) => {
    await sees(gateway(), /Reached by the gateway's address\. .*app\.test/);
    await page.getByLabel("Reach the name by").selectOption("gateway");
    await answers("/straight", (response) => response.end("ok"), SAME);
    assert.equal(await gateway().getByText("Reached by the gateway's address").count(), 0);
    await page.getByLabel("Reach the name by").selectOption("dns");
    await inspect();
    await says("The target answers, but not through the gateway.");
    await sees(gateway(), /public_dns/);
    await page.getByLabel("Reach the name by").selectOption("auto");
  });

  step("marks bodies that are not text, too long or broken off", async ({ sees }) => {
    const body = (side) => side.getByRole("region", { name: "Body" });
    const binary = (response) => response.writeHead(200, { "content-type": "image/png" }).end(Buffer.from([0, 255, 1, 2]));
    await answers("/binary", binary, SAME);
    await sees(body(agent()), /Not text; shown in base64\. AP8BAg==$/);
    await answers("/long", (response) => response.end("x".repeat(200_000)), SAME);
    await sees(fact(gateway(), "Body Size"), /^more than 128 KiB$/);
    await sees(body(gateway()), /Cut after 128 KiB\./);
    const broken = (response) => {
      response.writeHead(200, { "content-length": "10" }).write("half");
      setTimeout(() => response.destroy(), 50);
    };
    await answers("/broken", broken, SAME);
    for (const side of [gateway(), agent()]) await sees(body(side), /Incomplete: .+\. half$/);
  });

  step("names each difference of the two answers", async ({ sees }) => {
    const other = (response, of) => {
      if (of === "gateway") response.writeHead(500, { "x-only": "here", "content-length": 14 }).end("by the gateway");
      else response.end("straight");
    };
    await answers("/other", other, "4 differences between the two answers.");
    const row = (name) => region("Differences").getByRole("row", { name });
    await sees(row(/^Status/), /500 .*200$/);
    await sees(row(/^Body/), /./);
    await sees(row(/^Header x-only/), /here .*not there$/);
    await sees(row(/^Header content-length/), /14 .*8$/);
    await sees(fact(gateway(), "Status"), /^500 HTTP\/1\.1 differs$/);
    await sees(gateway().getByRole("row", { name: /^x-only/ }), /only here here$/);
    await sees(gateway().getByRole("heading", { name: /^Body/ }), /differs$/);
    const close = (side) => (response, of) => (of === side ? response.destroy() : response.end("ok"));
    await answers("/closes", close("straight"), "The agent does not get an answer of the target.");
    await sees(agent(), /target_closed/);
    await sees(row(/^Outcome/), /./);
    await answers("/shuts", close("gateway"), "The target answers, but not through the gateway.");
    await sees(gateway(), /target_closed, said by the gateway/);
    await sees(log(), /502 GET app\.test\/shuts .*target closed/);
  });

  step("names the mapping that takes the URL, and whether it is served", async ({ world, page, api, mapping, sees }) => {
    const { port } = world.target;
    const taken = page.getByText(/ leads to /);
    await sees(taken, new RegExp(`^Mapping App leads to http://127.0.0.1:${port}\\. 2 real`));
    await page.getByRole("option", { name: /^App · app\.test/ }).waitFor({ state: "attached" });
    await api("PUT", `/mappings/${mapping.id}`, app(port, { name: "Shop", internalHost: "localhost" }));
    await page.getByRole("option", { name: /^Shop · app\.test/ }).waitFor({ state: "attached" });
    await answers("/renamed", (response) => response.end("ok"), SAME);
    await sees(taken, new RegExp(`^Mapping Shop leads to http://localhost:${port}\\.`));
    await api("PATCH", `/mappings/${mapping.id}/toggle`, { enabled: false });
    await until("the gateway serves it no longer", async () => (await world.visit("app.test")).status === 404);
    await inspect();
    await says("The mapping is disabled: the gateway does not serve it, the target was asked all the same.");
    await sees(log(), /The gateway does not serve the mapping, so nothing was logged\./);
    await sees(gateway(), /not_mapped, said by the gateway/);
    await api("PATCH", `/mappings/${mapping.id}/toggle`, { enabled: true });
    await page.getByLabel("URL").fill(`http://nobody.test:${world.gatewayPort}/`);
    await inspect();
    await says("No mapping takes this URL: only the gateway was asked.");
    await page.getByText("One real request was made.").waitFor();
    await sees(log(), /Only requests to mapped names are logged\./);
    await page.getByLabel("URL").fill(`http://127.0.0.1:${port}/`);
    await inspect();
    await until("the URL is refused", async () => (await page.getByLabel("URL").getAttribute("aria-invalid")) === "true");
  });

  step("writes the public URL of the first mapping, until one is written", async ({ world, page, api, mapping, withoutReload }) => {
    await reload(page);
    const url = (text) => until(`the URL is ${text}`, async () => (await page.getByLabel("URL").inputValue()) === text);
    await withoutReload(async () => {
      await url(`http://app.test:${world.gatewayPort}/`);
      await page.getByText("Nothing inspected yet").waitFor();
      const moved = app(world.target.port, { externalDomain: "moved.test" });
      await api("PUT", `/mappings/${mapping.id}`, moved);
      await url(`http://moved.test:${world.gatewayPort}/`);
    });
    await api("PUT", `/mappings/${mapping.id}`, app(world.target.port));
    await url(`http://app.test:${world.gatewayPort}/`);
  });

  step("names the reason when the target, the gateway or the console is gone", async ({ world, sees, page }) => {
    await world.target.stop();
    await inspect();
    await says("Both sides fail for the same reason: target refused.");
    await sees(agent(), /start the service, or correct host and port .*target_refused/);
    await sees(log(), /502 GET app\.test\/ .*target refused/);
    await world.target.start();
    await world.gateway.stop();
    await inspect();
    await says("The target answers, but not through the gateway.");
    await sees(gateway(), /public_\w+/);
    await sees(log(), /The request did not reach the gateway\./);
    await world.agent.stop();
    await inspect();
    await page.getByText("Nothing was inspected").waitFor();
  });
});
