// Pictures of every page from the mock console, at desk and phone width, dark and light, into dist-shots/.
// Needs `npm run build:mock` before and a Chromium (CHROMIUM, or the one on the path). Arguments choose pages by name.
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { findings } from "../../e2e/browser/harness/axe.mjs";
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

const inspect = (mapping, verdict) => async (page) => {
  await page.getByLabel("Mapping").selectOption({ label: mapping });
  await page.getByRole("button", { name: "Inspect" }).click();
  await page.getByText(verdict).waitFor();
};

/** Chooses a file of what the mock has, changed; by its name it is definitions or a backup. */
async function choose(page, name, change) {
  const text = await page.evaluate(() =>
    fetch(`${location.origin}/api/v1/import-export/export`).then((answer) => answer.text()),
  );
  const file = JSON.parse(text);
  change(file);
  const magic = name.endsWith(".db") ? "SQLite format 3\0" : "";
  const buffer = Buffer.from(magic + JSON.stringify(file));
  await page
    .getByLabel("File to import")
    .setInputFiles({ name, mimeType: "application/octet-stream", buffer });
}

const range = (name) => async (page) => {
  await click("button", name)(page);
  await page.getByRole("slider").last().waitFor();
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
  ["dashboard-24h", "/?mock=busy&still", range("24 h")],
  ["dashboard-30d", "/?mock=busy&still", range("30 d")],
  [
    "dashboard-cursor",
    "/?mock=busy&still",
    async (page) => {
      await range("7 d")(page);
      await page.getByRole("slider", { name: /^Bytes/ }).hover();
    },
  ],
  ["dashboard-history-empty", "/?mock=empty&still", click("button", "7 d")],
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
  [
    "inspector",
    "/gateway/inspector?mock=busy&still",
    inspect("Photos · photos.example.com", "2 differences"),
  ],
  [
    "inspector-down",
    "/gateway/inspector?mock=busy&still",
    inspect("Grafana · grafana.example.com", "Both sides fail"),
  ],
  ["inspector-idle", "/gateway/inspector?mock=busy&still"],
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
    "import-export",
    "/import-export?mock=busy&still",
    (page) => page.getByText("and the default landing page").waitFor(),
  ],
  ["import-export-loading", "/import-export?mock=busy&slow"],
  [
    "import-preview",
    "/import-export?mock=busy&still",
    async (page) => {
      const entry = { internalHost: "192.168.1.31", internalPort: 8096, description: "Music" };
      await choose(page, "mine.json", (file) => {
        file.mappings[0].internalPort = 9090;
        file.mappings[0].description = "Photos of the family, of every year since 1998, scanned and sorted";
        file.mappings.push({ externalDomain: "music.example.com", ...entry });
        file.landingPageIsDefault = false;
        file.landingPageHtml = "<h1>Hello</h1>";
      });
      await page.getByRole("list", { name: "Created" }).waitFor();
      await page.getByRole("button", { name: "Export JSON" }).click();
      await page.getByText("definitions-20260301T100000Z.json").waitFor();
    },
  ],
  [
    "import-errors",
    "/import-export?mock=busy&still",
    async (page) => {
      await choose(page, "mine.json", (file) => {
        file.mappings[0].internalPort = 0;
        file.mappings[2].internalPort = 70000;
      });
      await page.getByText("mappings[2].internalPort").waitFor();
    },
  ],
  [
    "import-done",
    "/import-export?mock=busy&still",
    async (page) => {
      await choose(page, "mine.json", (file) => {
        file.mappings[0].internalPort = 9090;
      });
      await page.getByRole("button", { name: "Apply import" }).click();
      await page.getByText("Stored:").waitFor();
    },
  ],
  [
    "restore",
    "/import-export?mock=busy&still",
    async (page) => {
      await choose(page, "octoporty-agent-backup-20260301T100000Z.db", (file) => {
        file.mappings.splice(1, 2);
      });
      await page.getByRole("button", { name: "Restore…" }).click();
      await page.getByRole("alertdialog").waitFor();
    },
  ],
  [
    "palette",
    "/mappings?mock=busy&still",
    async (page) => {
      await page.keyboard.press("Control+k");
      await page.getByRole("combobox").waitFor();
    },
  ],
  ["drawer", "/?mock=busy&still", click("button", "Open navigation"), 390],
  ["requests", "/logs/requests?mock=busy&still"],
  ["requests-filtered", "/logs/requests?mock=busy&still&status=5xx&range=custom&path=%2Fapi"],
  ["requests-empty", "/logs/requests?mock=empty&still"],
  ["requests-loading", "/logs/requests?mock=busy&slow"],
  ["requests-nothing", "/logs/requests?mock=busy&still&q=nowhere"],
  [
    "requests-paused",
    "/logs/requests?mock=busy&still",
    async (page) => {
      await page.getByRole("button", { name: "Pause" }).click();
      await page.evaluate(() => {
        const api = window.octoportyMock;
        for (let count = 0; count < 12; count += 1) api.visit(api.mappings[0]);
      });
      await page.getByRole("button", { name: "12 new requests" }).waitFor();
    },
  ],
  [
    "requests-detail",
    "/logs/requests?mock=busy&still",
    async (page) => {
      await page.getByRole("row").nth(4).click();
      await page.getByRole("dialog").getByText("Timing").waitFor();
    },
  ],
  [
    "requests-failed",
    "/logs/requests?mock=busy&still&status=5xx",
    async (page) => {
      await page
        .getByRole("row", { name: /target refused/ })
        .first()
        .click();
      await page.getByRole("dialog").getByText("Timing").waitFor();
    },
  ],
  ["connections", "/logs/connections?mock=busy&still"],
  ["connections-empty", "/logs/connections?mock=empty&still"],
  ["connections-loading", "/logs/connections?mock=busy&slow"],
  [
    "connections-detail",
    "/logs/connections?mock=busy&still",
    async (page) => {
      await page
        .getByRole("row", { name: /silent/ })
        .first()
        .click();
      await page.getByRole("dialog").getByText("Transport").waitFor();
    },
  ],
  ["gateway-logs", "/gateway?mock=busy&still", (page) => page.getByRole("row").first().waitFor()],
  ["gateway-logs-away", "/gateway/logs?mock=offline&still"],
  ["gateway-logs-empty", "/gateway/logs?mock=empty&still"],
  ["agent-logs", "/logs/agent?mock=busy&still"],
  ["agent-logs-loading", "/logs/agent?mock=busy&slow"],
  [
    "agent-logs-wrapped",
    "/logs/agent?mock=busy&still",
    async (page) => {
      const wrap = page.getByRole("button", { name: "Wrap" });
      if ((await wrap.getAttribute("aria-pressed")) === "false") await wrap.click();
      await page.getByRole("grid").press("PageUp");
    },
  ],
  ["agent-logs-warnings", "/logs/agent?mock=busy&still&level=warn"],
  [
    "agent-log-detail",
    "/logs/agent/1201?mock=busy&still",
    (page) => page.getByText("more characters").last().waitFor(),
  ],
  [
    "gateway-log-detail",
    "/gateway/logs/1197?mock=busy&still",
    (page) => page.getByRole("dialog").getByText("timestamp").waitFor(),
  ],
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
      for (const found of await findings(page)) complaints.push(`${name} ${width} ${theme}: ${found}`);
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
