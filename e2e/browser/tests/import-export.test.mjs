// Settings go out as files and come in again, by the page alone, against a real agent.
import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { goTo } from "../harness/browser.mjs";
import { until } from "../harness/processes.mjs";
import { story } from "../harness/story.mjs";

story("import and export", { name: "import-export" }, (step, scene) => {
  const saved = async (button) => {
    const coming = scene.page.waitForEvent("download");
    await scene.page.getByRole("button", { name: button }).click();
    const download = await coming;
    const path = join(scene.world.folder, `${scene.size}-${download.suggestedFilename()}`);
    await download.saveAs(path);
    return path;
  };
  const choose = async (path) => {
    const coming = scene.page.waitForEvent("filechooser");
    await scene.page.getByRole("button", { name: "Choose file" }).click();
    await (await coming).setFiles(path);
  };

  /** What stands at the head of the preview: the file, and what would come of it. */
  const previewed = async (path, kind, outcome) => {
    const { page, sees } = scene;
    const preview = page.getByRole("region", { name: "Preview" });
    const { size } = await stat(path);
    const bytes = size < 1_024 ? `${size} B` : "[\\d.]+ KiB";
    await sees(preview, new RegExp(`^${basename(path)} ?${kind}, ${bytes} Nothing is stored yet\\. What would happen: ${outcome}\\.`));
    return preview;
  };

  step("exports definitions, which change a mapping when they are changed", async ({ page, fits, shot, api, sees, withoutReload }) => {
    const name = "<img src=x onerror=alert(1)>";
    const target = { internalHost: "127.0.0.1", internalPort: 3000 };
    await goTo(page, "Import/Export");
    await page.getByText("There is nothing to export yet: no mapping, no page of your own.").waitFor();
    let id;
    await withoutReload(async () => {
      ({ id } = await api("POST", "/mappings", { name, externalDomain: "a.localhost", ...target }));
      await page.getByText("1 mapping and the default landing page.").waitFor();
      const html = { html: "<h1>Mine</h1>" };
      await api("PUT", "/settings/landing-page", html);
      await page.getByText("1 mapping and your landing page.").waitFor();
      await api("DELETE", "/settings/landing-page");
      await page.getByText("1 mapping and the default landing page.").waitFor();
    });
    const path = await saved("Export JSON");
    const small = (await stat(path)).size;
    await page.getByText(new RegExp(`agent-definitions-\\d{8}T\\d{6}Z\\.json, ${small < 1_024 ? `${small} B` : "[\\d.]+ KiB"}$`)).waitFor();
    assert.match(path, /octoporty-agent-definitions-\d{8}T\d{6}Z\.json$/);
    const file = JSON.parse(await readFile(path, "utf8"));
    file.mappings[0].internalPort = 9090;
    file.mappings.push({ externalDomain: "b.localhost", ...target });
    await writeFile(path, JSON.stringify(file));
    await choose(path);
    const preview = page.getByRole("region", { name: "Preview" });
    await preview.getByRole("list", { name: "Created" }).getByText("b.localhost", { exact: true }).waitFor();
    const updated = preview.getByRole("list", { name: "Updated" });
    await updated.getByText(name).waitFor();
    assert.match(await updated.innerText(), /internalPort 3000 → 9090/);
    await previewed(path, "definitions", "1 created, 1 updated");
    await sees(preview, /Created 1 ?new here .*b\.localhost.* → .*127\.0\.0\.1:3000 .*Updated 1 ?what differs is changed/);
    await fits();
    await shot("import-preview");
    assert.equal((await api("GET", `/mappings/${id}`)).internalPort, 3000);
    await page.getByRole("button", { name: "Apply import" }).click();
    await page.getByText("Stored: 1 created, 1 updated").waitFor();
    assert.equal((await api("GET", `/mappings/${id}`)).internalPort, 9090);
    await page.getByText("2 mappings and the default landing page.").waitFor();
  });

  step("tells what becomes of the landing page, and of what is stored already", async ({ page, api, sees }) => {
    await api("PUT", "/settings/landing-page", { html: "<h1>Mine</h1>" });
    const path = await saved("Export JSON");
    await api("DELETE", "/settings/landing-page");
    await choose(path);
    const preview = await previewed(path, "definitions", "2 skipped, landing page replaced");
    await sees(preview, /Landing page replaced by the file's .*Skipped 2 ?stored like this already/);
    await page.getByRole("button", { name: "Apply import" }).click();
    await page.getByText("Stored: 2 skipped, landing page replaced").waitFor();
    await page.getByText("2 mappings and your landing page.").waitFor();
    await choose(path);
    await previewed(path, "definitions", "2 skipped");
    assert.equal(await page.getByRole("button", { name: "Apply import" }).isDisabled(), true);
    await page.getByRole("button", { name: "Cancel" }).click();
  });

  step("stores nothing when the settings were changed since the preview", async ({ page, api }) => {
    const path = await saved("Export JSON");
    const file = JSON.parse(await readFile(path, "utf8"));
    file.mappings[0].internalPort = 9191;
    await writeFile(path, JSON.stringify(file));
    await choose(path);
    const preview = await previewed(path, "definitions", "1 updated, 1 skipped");
    await api("PUT", "/settings/landing-page", { html: "<h1>Another's</h1>" });
    await page.getByRole("button", { name: "Apply import" }).click();
    await preview.getByText("Nothing was stored").waitFor();
    await preview.getByText("The settings were changed since this preview.").waitFor();
    await page.getByRole("button", { name: "Preview again" }).click();
    await previewed(path, "definitions", "1 updated, 1 skipped, landing page replaced");
    await page.getByRole("button", { name: "Cancel" }).click();
    await api("DELETE", "/settings/landing-page");
  });

  step("says what is wrong with a file", async ({ world, page, size, fits, sees }) => {
    const path = join(world.folder, `${size}-wrong.json`);
    await writeFile(path, JSON.stringify({ schemaVersion: "2", mappings: [] }));
    await choose(path);
    await page.getByText("update this agent to the release that wrote the file").waitFor();
    await writeFile(path, JSON.stringify({ schemaVersion: "1", mappings: [{ externalDomain: "c.localhost" }] }));
    await choose(path);
    const mistakes = page.getByRole("list", { name: "Errors" }).getByRole("listitem");
    await sees(mistakes.first(), /^mappings\[0\]\.internalHost .+|^mappings\[0\]\.internalPort .+/);
    await page.getByText("mappings[0].internalPort").waitFor();
    await page.getByText("Correct the file and choose it again.").waitFor();
    assert.equal(await page.getByRole("button", { name: "Apply import" }).isDisabled(), true);
    await fits();
    await page.getByRole("button", { name: "Cancel" }).click();
    const broken = join(world.folder, `${size}-broken.db`);
    await writeFile(broken, "no database at all");
    await choose(broken);
    await page.getByText(`${basename(broken)} cannot be imported`).waitFor();
  });

  step("takes a backup, and puts its settings back after asking", async ({ page, fits, shot, api, sees }) => {
    const path = await saved("Download SQLite backup");
    await page.getByText(/agent-backup-\d{8}T\d{6}Z\.db, [\d.]+ (KiB|MiB)$/).waitFor();
    assert.match(path, /octoporty-agent-backup-\d{8}T\d{6}Z\.db$/);
    assert.equal((await readFile(path)).subarray(0, 15).toString(), "SQLite format 3");
    const [first, second] = await api("GET", "/mappings");
    await api("PUT", `/mappings/${second.id}`, { ...target(second), internalPort: 4_000 });
    await api("PUT", "/settings/landing-page", { html: "<h1>Of later</h1>" });
    await api("DELETE", `/mappings/${first.id}`);
    await api("POST", "/mappings", { externalDomain: "later.localhost", internalHost: "h", internalPort: 1 });
    await choose(path);
    const preview = await previewed(path, "backup", "1 created, 1 updated, 1 deleted, landing page reset to the default");
    await sees(preview, /Landing page the product's own again .*Created 1 ?new here .*Updated 1 ?what differs .*Deleted 1 ?not in the backup later\.localhost/);
    await page.getByRole("button", { name: "Restore…" }).click();
    const dialog = page.getByRole("alertdialog", { name: "Restore this backup?" });
    for (const cost of ["1 mapping comes back", "1 mapping changes", "the landing page is another one", basename(path)]) {
      await dialog.getByText(cost, { exact: cost !== basename(path) }).waitFor();
    }
    await dialog.getByText("1 mapping goes, and its visitors get 404: later.localhost").waitFor();
    await fits();
    await shot("restore");
    await dialog.getByRole("button", { name: "Restore", exact: true }).click();
    await page.getByText("Stored: 1 created, 1 updated, 1 deleted, landing page reset to the default").waitFor();
    const after = await api("GET", "/mappings");
    assert.deepEqual(after.map((mapping) => mapping.externalDomain).sort(), ["a.localhost", "b.localhost"]);
    assert.ok(after.some((mapping) => mapping.id === first.id));
    await until("the page is at rest", async () => (await page.getByRole("button", { name: "Choose file" }).count()) === 1);
  });
});

const target = ({ name, externalDomain, internalHost, internalProtocol }) => ({
  name,
  externalDomain,
  internalHost,
  internalProtocol,
});
