// Adds up what test runners print: cargo test, vitest, node:test and Playwright.
//
//   node scripts/tally.mjs LOG…            prints "N passed, N failed, N skipped"; fails if a skip is not in tests/skips.toml
//   node scripts/tally.mjs --failed LOG    succeeds if the log counts at least one failure
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PATTERNS = [
  // cargo: test result: ok. 12 passed; 0 failed; 1 ignored; …
  [/^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm, ([, passed, failed, skipped]) => ({ passed, failed, skipped })],
  // vitest: "      Tests  1 failed | 11 passed | 2 skipped (14)"
  [/^\s+Tests\s+(.+)\(\d+\)/gm, ([, counts]) => words(counts)],
  // node:test: "# pass 3" or "ℹ pass 3"
  [/^[#ℹ] (pass|fail|cancelled|skipped|todo) (\d+)$/gm, ([, word, count]) => node(word, count)],
  // Playwright: "  12 passed (3.4s)"
  [/^\s+(\d+ (?:passed|failed|skipped|flaky))(?: \([\d.]+m?s\))?$/gm, ([, counts]) => words(counts)],
];

function words(text) {
  const count = (word) => text.match(new RegExp(`(\\d+) ${word}`))?.[1] ?? 0;
  return { passed: count("passed"), failed: count("failed"), skipped: Number(count("skipped")) + Number(count("todo")) };
}

function node(word, count) {
  const kind = { pass: "passed", fail: "failed", cancelled: "failed", skipped: "skipped", todo: "skipped" }[word];
  return { [kind]: count };
}

export function tally(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the colours of terminals
  const plain = text.replace(/\u001b\[[0-9;]*m/g, "");
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const [pattern, read] of PATTERNS) {
    for (const match of plain.matchAll(pattern)) {
      for (const [kind, count] of Object.entries(read(match))) sum[kind] += Number(count);
    }
  }
  return sum;
}

function allowed() {
  const text = readFileSync(new URL("../tests/skips.toml", import.meta.url), "utf8");
  return (text.match(/^\[\[skip\]\]/gm) ?? []).length;
}

function main(args) {
  const onlyFailed = args[0] === "--failed";
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const file of onlyFailed ? args.slice(1) : args) {
    for (const [kind, count] of Object.entries(tally(readFileSync(file, "utf8")))) sum[kind] += count;
  }
  console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
  if (onlyFailed) return sum.failed > 0 ? 0 : 1;
  if (sum.skipped > allowed()) {
    console.error(`${sum.skipped} tests were skipped, tests/skips.toml allows ${allowed()}`);
    return 1;
  }
  return sum.failed > 0 || sum.passed === 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));
