// One person's way through the console, at a desk and on a phone, against a real gateway and agent.
import assert from "node:assert/strict";
import { goTo, statusWord } from "../harness/browser.mjs";
import { DEADLINE, GATEWAY_NAME, until } from "../harness/processes.mjs";
import { story } from "../harness/story.mjs";

const DOMAIN = "hello.localhost";

story("the console", { name: "console", login: false }, (step) => {
  step("asks for the password, refuses a wrong one and leads back to where one wanted to be", async ({ world, page, fits, shot }) => {
    await page.goto(`${world.url}/settings`);
    await page.getByLabel("Password").fill("not this one");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("Wrong password.").waitFor();
    await fits();
    // The pointer still stands on the button, which waits for a password now: it is to be seen nevertheless.
    const behind = await page.getByRole("button", { name: "Log in" }).evaluate(async (button) => {
      await Promise.all(button.getAnimations().map((animation) => animation.finished));
      return getComputedStyle(button).backgroundColor;
    });
    assert.notEqual(behind, "rgba(0, 0, 0, 0)", "the button has no ground");
    await shot("login");
    await page.getByLabel("Password").fill("correct horse battery staple");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Settings" }).waitFor();
  });

  step("shows the tunnel as it is", async ({ page, fits, shot }) => {
    await goTo(page, "Dashboard");
    await statusWord(page).getByText("ONLINE").waitFor();
    const path = page.getByRole("list", { name: "Path of a request" });
    await path.getByText(/websocket · \d+ links?/).waitFor();
    await path.getByText(/^v\d+\.\d+\.\d+/).first().waitFor();
    await page.getByText("No mapping yet").waitFor();
    await fits();
    await shot("dashboard-empty");
  });

  step("says at the field what the server refuses", async ({ page, fits, shot }) => {
    await page.getByRole("link", { name: "Create Mapping" }).click();
    await page.getByPlaceholder("e.g., My Web App").fill("Hello");
    await page.getByPlaceholder("app.example.com").fill("invalid!domain");
    await page.getByRole("button", { name: "Save" }).click();
    const domain = page.getByLabel("Domain");
    await until("the domain is marked", async () => (await domain.getAttribute("aria-invalid")) === "true");
    const described = await domain.evaluate((field) =>
      (field.getAttribute("aria-describedby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent),
    );
    assert.match(described.join(" "), /invalid!domain/);
    await fits();
    await shot("mapping-new-refused");
  });

  step("tells what the agent sees of a target", async ({ world, page }) => {
    await page.getByPlaceholder("localhost").fill("127.0.0.1");
    await page.getByLabel("Port").fill("1");
    await page.getByRole("button", { name: "Test target" }).click();
    const answer = page.getByRole("status").filter({ hasText: "refused" });
    await answer.waitFor();
    await page.getByLabel("Port").fill(String(world.target.port));
    await page.getByRole("button", { name: "Test target" }).click();
    await page.getByText("HTTP 200", { exact: false }).waitFor();
    assert.equal(world.target.seen.at(-1)?.method, "HEAD");
  });

  step("makes a mapping that visitors can use", async ({ world, page, fits, shot }) => {
    await page.getByPlaceholder("app.example.com").fill(DOMAIN);
    await page.getByText(`http://${DOMAIN}:${world.gatewayPort}/`).waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Mapping created: Hello").waitFor();
    await page.getByRole("link", { name: "Hello", exact: true }).waitFor();
    const answer = await until("the gateway serves it", async () => {
      const reply = await world.visit(DOMAIN, "/first");
      return reply.status === 200 && reply;
    });
    assert.equal(answer.body, "target saw GET /first\n");
    await page.getByText("OK", { exact: true }).waitFor();
    await fits();
    await shot("mappings");
  });

  step("refuses a second mapping of the same name and names the first", async ({ page }) => {
    await page.getByRole("link", { name: "New Mapping" }).click();
    await page.getByPlaceholder("e.g., My Web App").fill("Second");
    await page.getByPlaceholder("app.example.com").fill(DOMAIN.toUpperCase());
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText(/Hello/).first().waitFor();
    assert.match(page.url(), /\/mappings\/new$/);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("heading", { level: 1, name: "Mappings" }).waitFor();
  });

  step("shows requests as they end, without a reload", async ({ world, page, fits, shot, withoutReload }) => {
    await page.getByRole("link", { name: "Hello", exact: true }).click();
    const table = page.getByRole("table", { name: "Last requests" });
    await table.getByText("GET /first").first().waitFor();
    await withoutReload(async () => {
      await world.visit(DOMAIN, "/arrives-live", { method: "POST", body: "x".repeat(2_000) });
      await table.getByText("POST /arrives-live").waitFor();
    });
    await fits();
    await shot("mapping");
  });

  step("keeps a change, and is not disturbed by it while somebody visits", async ({ world, page }) => {
    await page.getByLabel("Name", { exact: true }).fill("Hello again");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Mapping updated: Hello again").waitFor();
    assert.equal((await world.visit(DOMAIN, "/")).status, 200);
  });

  step("counts the traffic on the dashboard", async ({ world, page, fits, shot }) => {
    await goTo(page, "Dashboard");
    await Promise.all(Array.from({ length: 20 }, (_, index) => world.visit(DOMAIN, `/n/${index}`)));
    const visitors = page.getByRole("listitem").filter({ hasText: "Visitors" });
    await until("the requests are counted", async () => {
      const count = Number(/([\d,]+) requests/.exec(await visitors.innerText())?.[1]?.replace(",", ""));
      return count >= 20;
    });
    await page.getByRole("region", { name: "Active mappings" }).getByText("Hello again").waitFor();
    await fits();
    await shot("dashboard");
  });

  step("names a failure with its cause", async ({ world, page, fits, shot }) => {
    await goTo(page, "Mappings");
    await page.getByRole("link", { name: "New Mapping" }).click();
    await page.getByPlaceholder("e.g., My Web App").fill("Broken");
    await page.getByPlaceholder("app.example.com").fill("broken.localhost");
    await page.getByPlaceholder("localhost").fill("127.0.0.1");
    await page.getByLabel("Port").fill("1");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Mapping created: Broken").waitFor();
    await until("visitors get 502", async () => (await world.visit("broken.localhost", "/x")).status === 502);
    await page.getByText("Target down").waitFor();
    await goTo(page, "Dashboard");
    const failures = page.getByRole("region", { name: "Newest failures" });
    await failures.getByText(/target refused/).first().waitFor();
    await fits();
    await shot("dashboard-target-down");
  });

  step("draws what was recorded over a day, and compares it with what it should be", async ({ page, fits, shot }) => {
    await goTo(page, "Dashboard");
    const figures = page.getByRole("region", { name: "Figures" });
    await figures.getByRole("button", { name: "24 h" }).click();
    const chart = figures.getByRole("slider", { name: "Requests/s, the last 24 hours" });
    await chart.waitFor();
    const drawn = () =>
      chart.locator("canvas").evaluate((canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((value, index) => index % 4 === 3 && value > 0).length;
      });
    await until("axes and labels are drawn", async () => (await drawn()) > 300);
    await chart.focus();
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowRight");
    const told = await chart.getAttribute("aria-valuetext");
    assert.match(told ?? "", /\d{4}, \d\d:\d\d: all [\d.,]+, failed [\d.,]+$/);
    await figures.getByText(/^\d+ of \d+ failed$|goal 99\.5 % · \d+ of \d+ failed/).waitFor();
    await figures.getByText(/goal 99\.9 % · of .* recorded/).waitFor();
    await fits();
    await shot("dashboard-24h");
    await figures.getByRole("button", { name: "15 min" }).click();
  });

  step("switches a mapping off and on", async ({ world, page }) => {
    await goTo(page, "Mappings");
    const toggle = page.getByRole("switch", { name: "Hello again enabled" });
    await toggle.click();
    await page.getByText("Hello again disabled").waitFor();
    await until("visitors get 404", async () => (await world.visit(DOMAIN, "/")).status === 404);
    await page.getByRole("button", { name: /^Disabled/ }).click();
    await page.getByRole("link", { name: "Hello again", exact: true }).waitFor();
    await page.getByRole("button", { name: /^All/ }).click();
    await toggle.click();
    await until("visitors get 200", async () => (await world.visit(DOMAIN, "/")).status === 200);
  });

  step("remembers the view and finds by words", async ({ page, shot }) => {
    await page.getByRole("button", { name: "Grid view" }).click();
    await page.reload();
    await page.getByRole("button", { name: "Grid view", pressed: true }).waitFor();
    await shot("mappings-grid");
    await page.getByPlaceholder(/Search/).fill("broken");
    await page.getByRole("link", { name: "Broken", exact: true }).waitFor();
    assert.equal(await page.getByRole("link", { name: "Hello again", exact: true }).count(), 0);
    await page.getByRole("button", { name: "Table view" }).click();
    await page.getByPlaceholder(/Search/).fill("");
  });

  step("changes the landing page that strangers see, and takes it back", async ({ world, page, fits, shot }) => {
    await goTo(page, "Settings");
    const save = page.getByRole("button", { name: "Save Changes" });
    assert.equal(await save.isDisabled(), true);
    assert.equal(await page.getByRole("button", { name: "Reset to Default" }).isDisabled(), true);
    assert.match(await page.getByLabel("HTML Editor").inputValue(), /Octoporty Gateway/);
    // A picture of another server is seen as visitors see it; what is refused is among the page's complaints.
    await page.route("https://pictures.example/**", (route) =>
      route.fulfill({ contentType: "image/svg+xml", body: '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>' }),
    );
    const mine = '<h1>Nothing to see here</h1><img alt="Ours" src="https://pictures.example/ours.svg">';
    await page.getByLabel("HTML Editor").fill(`<!doctype html><title>Mine</title>${mine}`);
    const preview = page.frameLocator('iframe[title="Live Preview"]').frameLocator("iframe");
    await preview.getByText("Nothing to see here").waitFor();
    await until("the picture is shown", () => preview.getByAltText("Ours").evaluate((picture) => picture.naturalWidth === 7));
    await page.getByText("Unsaved changes").waitFor();
    await fits();
    await shot("settings");
    await save.click();
    await page.getByText("Saved", { exact: true }).waitFor();
    await until("the gateway shows it", async () =>
      (await world.visit(GATEWAY_NAME, "/", { headers: { accept: "text/html" } })).body.includes("Nothing to see here"),
    );
    await page.getByRole("button", { name: "Reset to Default" }).click();
    const dialog = page.getByRole("alertdialog", { name: "Reset to Default?" });
    await dialog.getByRole("button", { name: "Reset", exact: true }).click();
    // The gateway may be told before the page is: what is typed next must not meet the page's own change.
    await dialog.waitFor({ state: "hidden" });
    await until("the gateway shows its own page again", async () =>
      (await world.visit(GATEWAY_NAME, "/", { headers: { accept: "text/html" } })).body.includes("Octoporty Gateway"),
    );
  });

  step("asks before unsaved changes are left", async ({ page }) => {
    await page.getByLabel("HTML Editor").fill("<p>half done");
    const menu = page.getByRole("button", { name: "Open navigation" });
    if (await menu.isVisible()) await menu.click();
    await page.getByRole("link", { name: "Dashboard" }).first().click();
    const dialog = page.getByRole("alertdialog", { name: "Leave without saving?" });
    await dialog.getByRole("button", { name: "Cancel" }).click();
    assert.equal(await page.getByLabel("HTML Editor").inputValue(), "<p>half done");
    if (await menu.isVisible()) await menu.click();
    await page.getByRole("link", { name: "Dashboard" }).first().click();
    await dialog.getByRole("button", { name: "Leave" }).click();
    await page.getByRole("heading", { level: 1, name: "Dashboard" }).waitFor();
  });

  step("renews a session whose access token is gone, unseen", async ({ context, page }) => {
    await context.clearCookies({ name: "octoporty_access" });
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "Dashboard" }).waitFor();
    await statusWord(page).getByText("ONLINE").waitFor();
    const names = (await context.cookies()).map((cookie) => cookie.name);
    assert.ok(names.includes("octoporty_access"));
  });

  step("reconnects on demand, and the state follows", async ({ world, page }) => {
    // A reconnect may be over before the page shows another word: what must follow is the age of the session.
    const young = () => page.evaluate(() => /ONLINE.* for \d s/.test(document.querySelector("main").textContent));
    await until("the session is ten seconds old", async () => !(await young()));
    const since = await lastConnected(page);
    await page.getByRole("button", { name: "Force Reconnect" }).click();
    await until("a new session stands", async () => (await lastConnected(page)) > since);
    await until("the page was told so", young);
    assert.equal((await world.visit(DOMAIN, "/after-reconnect")).status, 200);
  });

  step("shows that the gateway is gone, why, and that it is back, without a reload", async ({ world, page, fits, shot }) => {
    await world.gateway.stop("SIGKILL");
    await statusWord(page).getByText(/^(RECONNECTING|OFFLINE)$/).waitFor();
    await page.getByText("tunnel broken").waitFor();
    await page.getByRole("region", { name: "Active mappings" }).getByText("Agent away").first().waitFor();
    await fits();
    await shot("dashboard-gateway-gone");
    world.gateway.start();
    await statusWord(page).getByText("ONLINE").waitFor();
    await until("visitors are served again", async () => (await world.visit(DOMAIN, "/back")).status === 200);
  });

  step("says that it lost its console, and goes on when that is back", async ({ world, page, shot }) => {
    await world.agent.stop();
    await page.getByText("Lost the connection to this console.").waitFor();
    await shot("dashboard-console-gone");
    world.agent.start();
    await page.getByText("Lost the connection to this console.").waitFor({ state: "hidden" });
    await statusWord(page).getByText("ONLINE").waitFor();
    await until("visitors are served again", async () => (await world.visit(DOMAIN, "/back")).status === 200);
  });

  step("finds everything by Ctrl-K", async ({ page, shot }) => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("hello");
    await shot("palette");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Hello again" }).waitFor();
  });

  step("deletes a mapping after asking", async ({ world, page, shot }) => {
    await page.getByRole("button", { name: "Delete" }).click();
    const dialog = page.getByRole("alertdialog", { name: "Delete Hello again?" });
    await dialog.getByText("Are you sure", { exact: false }).waitFor();
    await shot("mapping-delete");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    assert.equal((await world.visit(DOMAIN, "/still")).status, 200);
    await page.getByRole("button", { name: "Delete" }).click();
    await dialog.getByRole("button", { name: "Delete" }).click();
    await page.getByText("Hello again deleted").waitFor();
    await until("visitors get 404", async () => (await world.visit(DOMAIN, "/")).status === 404);
  });

  step("logs out for good", async ({ world, context, page }) => {
    const cookies = await context.cookies();
    const menu = page.getByRole("button", { name: "Open navigation" });
    if (await menu.isVisible()) await menu.click();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByLabel("Password").waitFor();
    await page.goto(`${world.url}/mappings`);
    await page.getByLabel("Password").waitFor();
    // The refresh token of the ended session is of no use any more.
    await context.addCookies(cookies.filter((cookie) => cookie.name === "octoporty_refresh"));
    await page.goto(`${world.url}/mappings`);
    await page.getByLabel("Password").waitFor();
  });
});

/** When the session that stands was made, as the API says. */
async function lastConnected(page) {
  const answer = await page.request.get(new URL("/api/v1/status", page.url()).href, { timeout: DEADLINE });
  return Date.parse((await answer.json()).lastConnected);
}
