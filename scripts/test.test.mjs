import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const scripts = dirname(fileURLToPath(import.meta.url));

/** A repository in which only the script is real; `cargo` fails as it does when one test of the first file fails. */
function repository() {
  const root = mkdtempSync(join(tmpdir(), "octoporty-scripts-"));
  for (const folder of ["scripts", "tests", "bin", "web"]) mkdirSync(join(root, folder));
  for (const file of ["test.sh", "tally.mjs", "tally.test.mjs"]) cpSync(join(scripts, file), join(root, "scripts", file));
  writeFileSync(join(root, "tests/skips.toml"), "skip = []\n");
  writeFileSync(join(root, "web/package.json"), "{}");
  const result = (word, passed, failed) => `echo "test result: ${word}. ${passed} passed; ${failed} failed; 0 ignored"`;
  const cargo = [
    "#!/bin/sh",
    result("FAILED", 3, 1),
    `case " $* " in *" --no-fail-fast "*) ${result("ok", 5, 0)} ;; esac`,
    "exit 101",
  ];
  writeFileSync(join(root, "bin/cargo"), `${cargo.join("\n")}\n`, { mode: 0o755 });
  writeFileSync(join(root, "bin/npm"), '#!/bin/sh\necho "      Tests  7 passed (7)"\n', { mode: 0o755 });
  return root;
}

test("a failed test keeps no other from running, and the run has failed", () => {
  const root = repository();
  try {
    const env = { ...process.env, PATH: `${join(root, "bin")}:${process.env.PATH}` };
    // The runner of this test must not be taken for the one inside.
    delete env.NODE_TEST_CONTEXT;
    const { status } = spawnSync(join(root, "scripts/test.sh"), { env, encoding: "utf8" });
    const summary = readFileSync(join(root, "target/test-logs/summary.txt"), "utf8");
    const own = (readFileSync(join(scripts, "tally.test.mjs"), "utf8").match(/^test\(/gm) ?? []).length;
    assert.equal(summary, `${own + 2 * (3 + 5) + 7} passed, 2 failed, 0 skipped\n`);
    assert.equal(status, 1);
  } finally {
    rmSync(root, { recursive: true });
  }
});
