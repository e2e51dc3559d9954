import assert from "node:assert/strict";
import { test } from "node:test";

import { tally } from "./tally.mjs";

test("cargo", () => {
  const text = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s\n";
  assert.deepEqual(tally(text + text), { passed: 24, failed: 0, skipped: 2 });
  assert.deepEqual(tally("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured"), { passed: 3, failed: 2, skipped: 0 });
});

test("vitest, with colours", () => {
  const text = "\u001b[2m      Tests \u001b[22m \u001b[1m\u001b[31m1 failed\u001b[39m | \u001b[32m11 passed\u001b[39m | 2 skipped\u001b[90m (14)\u001b[39m\n";
  assert.deepEqual(tally(text), { passed: 11, failed: 1, skipped: 2 });
  assert.deepEqual(tally(" Test Files  3 passed (3)\n      Tests  7 passed (7)\n"), { passed: 7, failed: 0, skipped: 0 });
});

test("node:test", () => {
  assert.deepEqual(tally("ℹ tests 4\nℹ pass 2\nℹ fail 1\nℹ cancelled 0\nℹ skipped 1\nℹ todo 0\n"), { passed: 2, failed: 1, skipped: 1 });
  assert.deepEqual(tally("# pass 2\n# fail 0\n"), { passed: 2, failed: 0, skipped: 0 });
});

test("Playwright", () => {
  assert.deepEqual(tally("  1 failed\n  2 skipped\n  12 passed (3.4s)\n"), { passed: 12, failed: 1, skipped: 2 });
});

test("a log without counts", () => {
  assert.deepEqual(tally("error: could not compile"), { passed: 0, failed: 0, skipped: 0 });
});
