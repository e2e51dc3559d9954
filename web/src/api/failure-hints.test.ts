import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FAILURE_HINTS } from "./failure-hints";

describe("the hints", () => {
  it("are those that the gateway gives", () => {
    const source = readFileSync("../crates/octoporty-proto/src/model/failure.rs", "utf8");
    const rows = source.matchAll(/^\s+\w+ = "(\w+)", \d+, (\w+), "(?:[^"\\]|\\.)*", "((?:[^"\\]|\\.)*)";/gm);
    const table = Object.fromEntries(
      [...rows].map(([, code, hop, hint]) => [code, { hop: hop?.toLowerCase(), hint }]),
    );
    expect(Object.keys(table).length).toBeGreaterThan(20);
    expect(FAILURE_HINTS).toEqual(table);
  });
});
