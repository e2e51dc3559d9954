// Settings go out as files and come in again, by the page alone, against a real agent.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
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

  step("exports definitions, which change a mapping when they are changed", async ({ page, fits, shot, api }) => {
    const name = "<img src=x onerror=alert(1)>";
    const target = { internalHost: "127.0.0.1", internalPort: 3000 };
    const { id } = await api("POST", "/mappings", { name, externalDomain: "a.localhost", ...target });
    await goTo(page, "Import/Export");
    await page.getByText("1 mapping and the default landing page.").waitFor();
    const path = await saved("Export JSON");
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
    await fits();
    await shot("import-preview");
    assert.equal((await api("GET", `/mappings/${id}`)).internalPort, 3000);
    await page.getByRole("button", { name: "Apply import" }).click();
    await page.getByText("Stored: 1 created, 1 updated").waitFor();
    assert.equal((await api("GET", `/mappings/${id}`)).internalPort, 9090);
    await page.getByText("2 mappings and the default landing page.").waitFor();
  });

  step("says what is wrong with a file", async ({ world, page, size, fits }) => {
    const path = join(world.folder, `${size}-wrong.json`);
    await writeFile(path, JSON.stringify({ schemaVersion: "2", mappings: [] }));
    await choose(path);
    await page.getByText("update this agent to the release that wrote the file").waitFor();
    await writeFile(path, JSON.stringify({ schemaVersion: "1", mappings: [{ externalDomain: "c.localhost" }] }));
    await choose(path);
    await page.getByText("mappings[0].internalPort").waitFor();
    assert.equal(await page.getByRole("button", { name: "Apply import" }).isDisabled(), true);
    await fits();
    await page.getByRole("button", { name: "Cancel" }).click();
  });

  step("takes a backup, and puts its settings back after asking", async ({ page, fits, shot, api }) => {
    const path = await saved("Download SQLite backup");
    assert.match(path, /octoporty-agent-backup-\d{8}T\d{6}Z\.db$/);
    assert.equal((await readFile(path)).subarray(0, 15).toString(), "SQLite format 3");
    const [first] = await api("GET", "/mappings");
    await api("DELETE", `/mappings/${first.id}`);
    await api("POST", "/mappings", { externalDomain: "later.localhost", internalHost: "h", internalPort: 1 });
    await choose(path);
    await page.getByRole("button", { name: "Restore…" }).click();
    const dialog = page.getByRole("alertdialog", { name: "Restore this backup?" });
    await dialog.getByText("1 mapping goes, and its visitors get 404: later.localhost").waitFor();
    await fits();
    await shot("restore");
    await dialog.getByRole("button", { name: "Restore", exact: true }).click();
    await page.getByText("Stored: 1 created, 1 deleted, 1 skipped").waitFor();
    const after = await api("GET", "/mappings");
    assert.deepEqual(after.map((mapping) => mapping.externalDomain).sort(), ["a.localhost", "b.localhost"]);
    assert.ok(after.some((mapping) => mapping.id === first.id));
    await until("the page is at rest", async () => (await page.getByRole("button", { name: "Choose file" }).count()) === 1);
  });
});
