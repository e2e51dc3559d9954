// Settings go out as files and come in again, by the page alone, against a real agent.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { goTo, launch, logIn, openPage, overflow, picture } from "../harness/browser.mjs";
import { startWorld, until } from "../harness/processes.mjs";

for (const size of ["desk", "phone"]) {
  describe(`import and export (${size})`, { timeout: 120_000 }, () => {
    let world;
    let browser;
    let page;
    let complaints;

    before(async () => {
      world = await startWorld();
      browser = await launch();
      ({ page, complaints } = await openPage(browser, size));
      await logIn(page, world.url);
    });

    after(async () => {
      await browser?.close();
      await world?.stop();
    });

    /** The API as the page's own session has it. */
    const ask = (method, path, body) =>
      page.evaluate(
        async ([method, path, body]) => {
          const headers = { "content-type": "application/json" };
          const answer = await fetch(path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
          return answer.status === 204 ? null : answer.json();
        },
        [method, path, body],
      );
    const saved = async (button) => {
      const coming = page.waitForEvent("download");
      await page.getByRole("button", { name: button }).click();
      const download = await coming;
      const path = join(world.folder, `${size}-${download.suggestedFilename()}`);
      await download.saveAs(path);
      return path;
    };
    const choose = async (path) => {
      const coming = page.waitForEvent("filechooser");
      await page.getByRole("button", { name: "Choose file" }).click();
      await (await coming).setFiles(path);
    };
    const fits = async () => assert.ok((await overflow(page)) <= 0, "the page is wider than its window");

    it("exports definitions, which change a mapping when they are changed", async () => {
      const name = "<img src=x onerror=alert(1)>";
      const target = { internalHost: "127.0.0.1", internalPort: 3000 };
      const { id } = await ask("POST", "/api/v1/mappings", { name, externalDomain: "a.localhost", ...target });
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
      await picture(page, `${size}-import-preview`);
      assert.equal((await ask("GET", `/api/v1/mappings/${id}`)).internalPort, 3000);
      await page.getByRole("button", { name: "Apply import" }).click();
      await page.getByText("Stored: 1 created, 1 updated").waitFor();
      assert.equal((await ask("GET", `/api/v1/mappings/${id}`)).internalPort, 9090);
      await page.getByText("2 mappings and the default landing page.").waitFor();
    });

    it("says what is wrong with a file", async () => {
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

    it("takes a backup, and puts its settings back after asking", async () => {
      const path = await saved("Download SQLite backup");
      assert.match(path, /octoporty-agent-backup-\d{8}T\d{6}Z\.db$/);
      assert.equal((await readFile(path)).subarray(0, 15).toString(), "SQLite format 3");
      const [first] = await ask("GET", "/api/v1/mappings");
      await ask("DELETE", `/api/v1/mappings/${first.id}`);
      await ask("POST", "/api/v1/mappings", { externalDomain: "later.localhost", internalHost: "h", internalPort: 1 });
      await choose(path);
      await page.getByRole("button", { name: "Restore…" }).click();
      const dialog = page.getByRole("alertdialog", { name: "Restore this backup?" });
      await dialog.getByText("1 mapping goes, and its visitors get 404: later.localhost").waitFor();
      await fits();
      await picture(page, `${size}-restore`);
      await dialog.getByRole("button", { name: "Restore", exact: true }).click();
      await page.getByText("Stored: 1 created, 1 deleted, 1 skipped").waitFor();
      const after = await ask("GET", "/api/v1/mappings");
      assert.deepEqual(after.map((mapping) => mapping.externalDomain).sort(), ["a.localhost", "b.localhost"]);
      assert.ok(after.some((mapping) => mapping.id === first.id));
      await until("the page is at rest", async () => (await page.getByRole("button", { name: "Choose file" }).count()) === 1);
      assert.deepEqual(complaints, []);
    });
  });
}
