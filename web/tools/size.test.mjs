// @vitest-environment node
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUDGET, firstLoads } from "./size.mjs";

let folder;
let loads;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "octoporty-size-"));
  // The tests' own mode would bring the development build of React.
  const before = process.env.NODE_ENV;
  process.env.NODE_ENV = "production";
  await build({ mode: "production", logLevel: "error", build: { outDir: folder } });
  process.env.NODE_ENV = before;
  loads = firstLoads(JSON.parse(readFileSync(join(folder, ".vite/manifest.json"), "utf8")), folder);
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the first load", () => {
  it("is within its budget on every page", () => {
    const pages = Object.entries(loads.pages);
    expect(pages.length).toBeGreaterThan(8);
    expect(pages.filter(([, bytes]) => bytes > BUDGET)).toEqual([]);
  });

  it("brings a page's own code only with the page", () => {
    expect(loads.pages["src/routes/requests.tsx"]).toBeGreaterThan(loads.entry + 10_000);
    expect(loads.entry).toBeLessThan(BUDGET * 0.75);
  });
});
