// docs/TESTING.md names tests; each must be there.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { it } from "node:test";
import { fileURLToPath } from "node:url";

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const section = readFileSync(path("docs/TESTING.md"), "utf8").split("## The original's acceptance cases")[1] ?? "";
const rows = section.split("\n## ")[0].split("\n").filter((line) => /^\| [A-Z]\w+_|^\| planned/.test(line));

// `file` `test`, `test`; `file` "words of a test"
const named = rows.flatMap((row) => {
  let file;
  const tests = [];
  for (const [, code, words] of row.split("|")[2].matchAll(/`([^`]+)`|"([^"]+)"/g)) {
    if (code?.includes("/")) file = code;
    else tests.push({ row, file, test: code ?? words });
  }
  return tests;
});

it("every acceptance case of the original has a test", () => {
  assert.ok(rows.length > 40, `only ${rows.length} rows`);
  for (const row of rows) assert.ok(named.some((one) => one.row === row), row);
});

it("every test that the list names is in its file", () => {
  for (const { row, file, test } of named) {
    assert.ok(file && existsSync(path(file)), row);
    const source = readFileSync(path(file), "utf8");
    const found = /^[a-z_0-9]+$/.test(test) ? source.includes(`fn ${test}(`) : source.includes(`"${test}"`);
    assert.ok(found, `${file} has no ${test}`);
  }
});
