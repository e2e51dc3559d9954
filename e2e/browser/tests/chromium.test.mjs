// What `make setup` takes for a Chromium is what the tests start.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { chromiumPath, NAMES } from "../harness/chromium.mjs";

let folder;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "octoporty-chromium-"));
});

after(() => rmSync(folder, { recursive: true }));

it("a machine with another of the names runs the browser tests as well", () => {
  assert.throws(() => chromiumPath({ PATH: folder }), /make setup/);
  writeFileSync(join(folder, "google-chrome"), "", { mode: 0o755 });
  assert.equal(chromiumPath({ PATH: `/nowhere:${folder}` }), join(folder, "google-chrome"));
  assert.equal(chromiumPath({ PATH: folder, CHROMIUM: "/opt/mine" }), "/opt/mine");
});

it("the names are those of scripts/setup.sh", () => {
  const setup = readFileSync(new URL("../../../scripts/setup.sh", import.meta.url), "utf8");
  const line = setup.split("\n").find((text) => text.includes("missing+=(chromium)"));
  assert.deepEqual([...line.matchAll(/command -v ([\w-]+)/g)].map(([, name]) => name).sort(), [...NAMES].sort());
});
