// The logs of agent and gateway in the console: the lines are caused from outside.
import assert from "node:assert/strict";
import { fact, goTo, reload } from "../harness/browser.mjs";
import { until, visit } from "../harness/processes.mjs";
import { story } from "../harness/story.mjs";

story("the logs of the processes", { name: "process-logs" }, (step, scene) => {
  const row = (name) => scene.page.getByRole("row", { name }).first();
  const open = async (name) => {
    await scene.page.keyboard.press("Escape");
    await goTo(scene.page, name);
    await scene.page.getByRole("grid").waitFor();
  };

  const opened = async (name) => {
    await row(name).click();
    return scene.page.getByRole("dialog", { name: "Log detail" });
  };
  const closed = async () => {
    await scene.page.keyboard.press("Escape");
    await scene.page.getByRole("dialog").waitFor({ state: "hidden" });
  };
  /** Chip, age, message and fields of the line whose particulars are open. */
  const particulars = async (dialog, path, chip, client) => {
    const { page, sees } = scene;
    const id = new RegExp(`/${path}/(\\d+)$`).exec(page.url())?.[1];
    await sees(fact(dialog, "id"), new RegExp(`^${id}$`));
    const [written] = await sees(fact(dialog, "timestamp"), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.ok(Math.abs(Date.now() - Date.parse(written)) < 120_000, written);
    await sees(dialog, new RegExp(`${chip}.* (just now|ago)`));
    await sees(dialog.getByText("Fields").locator("xpath=following-sibling::dl"), new RegExp(client));
  };

  step("shows what the agent writes, as it writes it", async ({ world, page, fits, shot, sees, withoutReload }) => {
    await open("Agent Logs");
    const { version } = JSON.parse((await world.visit("127.0.0.1", "/health")).body);
    await page.getByText(`What the agent of this console writes, v${version}.`).waitFor();
    await row(/INF/).waitFor();
    const foot = page.getByText(/^\d+ lines$/);
    const [before] = await sees(foot, /\d+/);
    assert.equal(await page.getByRole("row", { name: /127\.0\.0\.6/ }).count(), 0);
    await withoutReload(async () => {
      await knock(world, "127.0.0.6");
      await row(/\d\d:\d\d:\d\d.* WRN .*127\.0\.0\.6/).waitFor();
      await sees(foot, /\d+/, ([now]) => Number(now) > Number(before));
    });
    await fits();
    await shot("agent-logs");
  });

  step("shows a line's fields beside the list, at an address of its own", async ({ world, page, shot }) => {
    const dialog = await opened(/WRN .*127\.0\.0\.6/);
    await dialog.getByRole("button", { name: "Copy the line" }).waitFor();
    await particulars(dialog, "logs/agent", "WRN", "127\\.0\\.0\\.6");
    const message = await dialog.locator("pre").innerText();
    await shot("agent-log-detail");
    await reload(page);
    await dialog.getByText(message, { exact: true }).waitFor();
    await closed();
    await knock(world, "127.0.0.7");
    await particulars(await opened(/WRN .*127\.0\.0\.7/), "logs/agent", "WRN", "127\\.0\\.0\\.7");
    await closed();
  });

  step("asks the server for a level and a text", async ({ world, page }) => {
    await page.getByLabel("Level").selectOption({ label: "Warnings and errors" });
    await until("only warnings are left", async () => (await page.getByRole("row", { name: /INF/ }).count()) === 0);
    await row(/WRN/).waitFor();
    await page.getByLabel("Search the log").fill("127.0.0.7");
    await until("one is left", async () => (await page.getByRole("row").count()) === 1);
    await row(/WRN .*127\.0\.0\.7/).waitFor();
    // What comes is sorted out by the same rules.
    await knock(world, "127.0.0.6");
    await knock(world, "127.0.0.7");
    await until("a second one is there", async () => (await page.getByRole("row").count()) === 2);
    assert.equal(await page.getByRole("row", { name: /127\.0\.0\.6/ }).count(), 0);
    await page.getByLabel("Search the log").fill("nobody ever wrote this");
    await page.getByText("No line matches").waitFor();
    await page.getByRole("button", { name: "Clear filters" }).first().click();
    await row(/INF/).waitFor();
  });

  step("counts what comes while the reader does not follow", async ({ world, page, sees }) => {
    const follow = page.getByRole("button", { name: "Follow", exact: true });
    await follow.click();
    await page.getByRole("button", { name: "Jump to newest" }).waitFor();
    // Somebody takes the settings along.
    const download = () => page.request.get(`${world.url}/api/v1/import-export/sqlite`);
    await download();
    const news = page.getByRole("button", { name: "new, jump to newest" });
    const [, first] = await sees(news, /^(\d+) new/);
    await download();
    await sees(news, /^(\d+) new/, ([, count]) => Number(count) > Number(first));
    await news.click();
    await row(/INF .*backup of the database/).waitFor();
    assert.equal(await page.getByRole("button", { name: /jump to newest/i }).count(), 0);
  });

  step("shows what the gateway writes, from beyond the tunnel", async ({ world, page, fits, shot, sees, withoutReload }) => {
    await open("Gateway Logs");
    await row(/INF/).waitFor();
    assert.equal(await page.getByRole("row", { name: /WRN .*127\.0\.0\.6/ }).count(), 0);
    await withoutReload(async () => {
      await knockAtTheGateway(world, "127.0.0.3", undefined);
      await knockAtTheGateway(world, "127.0.0.6", "not-the-key-of-this-gateway");
      await row(/WRN .*127\.0\.0\.6/).waitFor();
      // Who has no key at all is not worth a line at this level.
      assert.equal(await page.getByRole("row", { name: / DBG |127\.0\.0\.3/ }).count(), 0);
      // How long it runs is counted on.
      const about = page.getByText(/^What the gateway writes/);
      const [, before] = await sees(about, /, v\d+\.\d+\.\d+, up (.+)\.$/);
      await sees(about, /up (.+)\.$/, ([, now]) => now !== before);
    });
    await fits();
    await shot("gateway-logs");
    await particulars(await opened(/WRN .*127\.0\.0\.6/), "gateway/logs", "WRN", "127\\.0\\.0\\.6");
    await shot("gateway-log-detail");
    await closed();
  });

  step("keeps what it has while the gateway is away, and goes on when it is back", async ({ world, page, shot, sees, withoutReload }) => {
    const about = page.getByText(/^What the gateway writes/);
    // Longer than what it has run for after the restart.
    const seconds = ([, minutes, rest]) => Number(minutes ?? 0) * 60 + Number(rest ?? 0);
    const UP = /up (?:(\d+) min)?(?: ?(\d+) s)?\.$/;
    const before = seconds(await sees(about, UP, (match) => seconds(match) >= 10));
    const rows = await page.getByRole("row").count();
    await withoutReload(async () => {
      await world.gateway.stop("SIGKILL");
      await page.getByText("The gateway is away").waitFor();
      assert.equal(await page.getByRole("row").count(), rows);
      await sees(about, /^What the gateway writes\.$/);
      await shot("gateway-logs-away");
      world.gateway.settings.Logging__LogLevel = "debug";
      world.gateway.start();
      await page.getByText("The gateway is away").waitFor({ state: "hidden" });
      await knockAtTheGateway(world, "127.0.0.3", undefined);
      await row(/DBG .*127\.0\.0\.3/).waitFor();
      await sees(about, UP, (match) => seconds(match) < before);
    });
    await world.gateway.stop();
    await page.reload();
    await page.getByText("Its log comes through the tunnel").waitFor();
  });

  step("shows each level of what the agent writes", async ({ world, page }) => {
    await open("Agent Logs");
    assert.equal(await page.getByRole("row", { name: / ERR | DBG / }).count(), 0);
    const { Gateway__ApiKey } = world.gateway.settings;
    world.gateway.settings.Gateway__ApiKey = "another-key-than-the-one-of-the-agent";
    world.gateway.start();
    await row(/ ERR .*[kK]ey/).waitFor();
    await world.gateway.stop();
    Object.assign(world.gateway.settings, { Gateway__ApiKey });
    world.gateway.start();
    await world.agent.stop();
    world.agent.settings.Logging__LogLevel = "debug";
    world.agent.start();
    await row(/ DBG .*sync/).waitFor();
  });
});

/** Somebody tries a password at the console, from an address. */
async function knock(world, from) {
  const answer = await visit(world.consolePort, "localhost", "/api/v1/auth/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ password: "wrong password" }),
    from,
  });
  assert.equal(answer.status, 401);
}

/** An agent with a wrong key, or none, from an address. */
async function knockAtTheGateway(world, from, key) {
  const headers = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    ...(key && { authorization: `Bearer ${key}` }),
  };
  const answer = await world.visit("127.0.0.1", "/tunnel", { headers, from });
  assert.ok(answer.status >= 400, String(answer.status));
}
