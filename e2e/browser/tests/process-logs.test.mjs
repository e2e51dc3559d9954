// The logs of agent and gateway in the console: the lines are caused from outside.
import assert from "node:assert/strict";
import { goTo } from "../harness/browser.mjs";
import { until } from "../harness/processes.mjs";
import { story } from "../harness/story.mjs";

story("the logs of the processes", { name: "process-logs" }, (step, scene) => {
  const row = (name) => scene.page.getByRole("row", { name }).first();
  const open = async (name) => {
    await scene.page.keyboard.press("Escape");
    await goTo(scene.page, name);
    await scene.page.getByRole("grid").waitFor();
  };

  step("shows what the agent writes, as it writes it", async ({ world, fits, shot }) => {
    await open("Agent Logs");
    await row(/INF/).waitFor();
    await knock(world, "wrong password");
    await row(/WRN.*127\.0\.0\.1/).waitFor();
    await fits();
    await shot("agent-logs");
  });

  step("shows a line's fields beside the list, at an address of its own", async ({ page, shot }) => {
    await row(/WRN/).click();
    const dialog = page.getByRole("dialog", { name: "Log detail" });
    await dialog.getByRole("button", { name: "Copy the line" }).waitFor();
    const message = await dialog.locator("pre").innerText();
    assert.match(page.url(), /\/logs\/agent\/\d+$/);
    await shot("agent-log-detail");
    await page.reload();
    await dialog.getByText(message, { exact: true }).waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
  });

  step("asks the server for a level and a text", async ({ page }) => {
    await page.getByLabel("Level").selectOption({ label: "Warnings and errors" });
    await until("only warnings are left", async () => (await page.getByRole("row", { name: /INF/ }).count()) === 0);
    await row(/WRN/).waitFor();
    await page.getByLabel("Search the log").fill("nobody ever wrote this");
    await page.getByText("No line matches").waitFor();
    await page.getByRole("button", { name: "Clear filters" }).first().click();
    await row(/INF/).waitFor();
  });

  step("shows what the gateway writes, from beyond the tunnel", async ({ world, fits, shot }) => {
    await open("Gateway Logs");
    await row(/INF/).waitFor();
    await knockAtTheGateway(world);
    await row(/WRN/).waitFor();
    await fits();
    await shot("gateway-logs");
  });

  step("keeps what it has while the gateway is away, and goes on when it is back", async ({ world, page, shot }) => {
    const before = await page.getByRole("row").count();
    await world.gateway.stop("SIGKILL");
    await page.getByText("The gateway is away").waitFor();
    assert.equal(await page.getByRole("row").count(), before);
    await shot("gateway-logs-away");
    world.gateway.start();
    await page.getByText("The gateway is away").waitFor({ state: "hidden" });
    await row(/INF/).waitFor();
  });
});

/** Somebody tries a password at the console. */
async function knock(world, password) {
  const answer = await fetch(`${world.url}/api/v1/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ password }),
  });
  assert.equal(answer.status, 401);
}

/** An agent with a wrong key. */
async function knockAtTheGateway(world) {
  const headers = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    authorization: "Bearer not-the-key-of-this-gateway",
  };
  const answer = await world.visit("127.0.0.1", "/tunnel", { headers });
  assert.ok(answer.status >= 400, String(answer.status));
}
