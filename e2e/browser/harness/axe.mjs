// Accessibility as axe-core sees it: contrast, names, roles, keys.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core calls serious or critical on the page as it is: one line for each rule and element. */
export async function findings(page) {
  // Not a <script>: the page's Content-Security-Policy forbids those.
  if (!(await page.evaluate("typeof window.axe === 'object'"))) await page.evaluate(source);
  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, help, nodes }) =>
        nodes.map(({ target, failureSummary }) => {
          const why = (failureSummary ?? "").split("\n").slice(1).join(" ").trim();
          return `${id} (${help}): ${target.join(" ")}: ${why}`;
        }),
      );
  });
}

/** Fails on any of them. */
export async function axe(page, where = page.url()) {
  const found = await findings(page);
  assert.deepEqual(found, [], `accessibility of ${where}`);
}
