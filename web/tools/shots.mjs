// Pictures of every page from the mock console, at desk and phone width, dark and light, into dist-shots/.
// Needs `npm run build:mock` before and a Chromium (CHROMIUM, or the one on the path). Arguments choose pages by name.
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { chromiumPath } from "../../e2e/browser/harness/chromium.mjs";
import { serve } from "./serve.mjs";

const FLAGS = [
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

const WIDTHS = [1440, 390];
const THEMES = ["dark", "light"];

const click = (role, name) => async (page) => {
  await page.getByRole(role, { name }).first().click();
};

/** Name, path, and what is done before the picture. */
const SHOTS = [
  ["login", "/login?mock=busy&login"],
  [
    "login-wrong",
    "/login?mock=busy&login",
    async (page) => {
      await page.getByLabel("Password").fill("no");
      await page.keyboard.press("Enter");
      await page.getByText("Wrong password").waitFor();
    },
  ],
  [
    "login-locked",
    "/login?mock=busy&login",
    async (page) => {
      await page.evaluate(() => {
        window.octoportyMock.failedLogins = 5;
      });
      await page.getByLabel("Password").fill("no");
      await page.keyboard.press("Enter");
      await page.getByText("Try again in").waitFor();
    },
  ],
  ["dashboard", "/?mock=busy&still"],
  ["dashboard-offline", "/?mock=offline&still"],
  ["dashboard-syncing", "/?mock=syncing&still"],
  ["dashboard-empty", "/?mock=empty&still"],
  ["opening", "/?mock=busy&slower", (page) => page.getByText("Asking the console").waitFor()],
  ["dashboard-loading", "/?mock=busy&slow"],
  ["dashboard-away", "/?mock=busy&away", (page) => page.getByText("Lost the connection").waitFor()],
  ["mappings", "/mappings?mock=busy&still"],
  ["mappings-grid", "/mappings?mock=busy&still", click("button", "Grid view")],
  ["mappings-empty", "/mappings?mock=empty&still"],
  ["mappings-loading", "/mappings?mock=busy&slow"],
  [
    "mappings-delete",
    "/mappings?mock=busy&still",
    async (page) => {
      const wide = page.getByRole("button", { name: "Delete Photos" });
      if (await wide.isVisible()) await wide.click();
      else {
        await page.getByRole("button", { name: "Actions for Photos" }).click();
        await page.getByRole("menuitem", { name: "Delete" }).click();
      }
    },
  ],
  [
    "mapping-new",
    "/mappings/new?mock=busy&still",
    async (page) => {
      await page.getByLabel("Name", { exact: true }).fill("Music");
      await page.getByLabel("Domain").fill("invalid!domain");
      await page.getByLabel("Path prefix").fill("/music");
      await page.getByLabel("Protocol").selectOption("Https");
      await page.getByRole("button", { name: "Test target" }).click();
      await page.getByText("The target answered").waitFor();
      await page.getByText("Advanced").click();
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("not a legal part").waitFor();
    },
  ],
  [
    "mapping-edit",
    "/mappings?mock=busy&still",
    async (page) => {
      await page.getByRole("link", { name: "Photos", exact: true }).click();
      await page.getByText("Last requests").waitFor();
      await page.getByText("GET /login").first().waitFor();
    },
  ],
  ["settings", "/settings?mock=busy&still", (page) => page.getByText("Hash:").waitFor()],
  [
    "settings-dirty",
    "/settings?mock=busy&still",
    async (page) => {
      await page.getByLabel("HTML Editor").fill('<!doctype html>\n<h1 class="x">Hello</h1>\n<p>There.</p>\n');
      await page.getByRole("button", { name: "Reset to Default" }).click();
    },
  ],
  ["update-banner", "/mappings?mock=outdated&still"],
  ["update-question", "/?mock=outdated&still", click("button", "Update Gateway")],
  [
    "update-pending",
    "/?mock=outdated&still",
    async (page) => {
      await page.getByRole("button", { name: "Update Gateway" }).click();
      await page.getByRole("alertdialog").getByRole("button", { name: "Update Gateway" }).click();
      await page.getByText("Gateway Update Pending").waitFor();
    },
  ],
  ["caddy", "/gateway/caddy-config?mock=busy&still"],
  ["caddy-text", "/gateway/caddy-config?mock=busy&still", click("button", "Text")],
  ["caddy-loading", "/gateway/caddy-config?mock=busy&slow"],
  [
    "palette",
    "/mappings?mock=busy&still",
    async (page) => {
      await page.keyboard.press("Control+k");
      await page.getByRole("combobox").waitFor();
    },
  ],
  ["drawer", "/?mock=busy&still", click("button", "Open navigation"), 390],
  ["not-found", "/nowhere?mock=busy&still"],
];

const chosen = process.argv.slice(2);
mkdirSync("dist-shots", { recursive: true });
const server = await serve("dist-mock");
const { port } = server.address();
const browser = await chromium.launch({
  executablePath: chromiumPath(),
  args: FLAGS,
});
const complaints = [];
for (const [name, path, act, only] of SHOTS) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  for (const width of WIDTHS.filter((each) => !only || each === only)) {
    for (const theme of THEMES) {
      const context = await browser.newContext({
        viewport: { width, height: width === 390 ? 844 : 900 },
        colorScheme: theme,
        hasTouch: width === 390,
        reducedMotion: "reduce",
      });
      const page = await context.newPage();
      page.on("pageerror", (error) => complaints.push(`${name} ${width} ${theme}: ${error.message}`));
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(`${name} ${width} ${theme}: ${message.text()}`);
      });
      await page.goto(`http://127.0.0.1:${port}${path}`);
      await page.waitForLoadState("networkidle");
      try {
        await act?.(page);
      } catch (error) {
        complaints.push(`${name} ${width} ${theme}: ${error.message.split("\n")[0]}`);
      }
      await page.evaluate(() => document.fonts.ready);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (wide > 0) complaints.push(`${name} ${width} ${theme}: ${wide} px too wide`);
      await page.screenshot({
        path: `dist-shots/${name}-${width}-${theme}.png`,
        fullPage: !act || width === 390,
      });
      await context.close();
    }
  }
}
await browser.close();
server.close();
for (const complaint of complaints) console.error(complaint);
process.exit(complaints.length > 0 ? 1 : 0);
