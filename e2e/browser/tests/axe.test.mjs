// The accessibility check itself: a check that finds nothing anywhere would be green for ever.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { axe, findings } from "../harness/axe.mjs";
import { launch } from "../harness/browser.mjs";

describe("the accessibility check", { timeout: 60_000 }, () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());

  it("sees faint text, nameless buttons and lists that no key reaches", async () => {
    const page = await browser.newPage();
    await page.setContent(`<!doctype html><html lang="en"><title>x</title><main>
      <p style="color:#bbb;background:#fff">faint</p><button></button>
      <div role="grid"><p>no row</p></div>`);
    const found = (await findings(page)).map((line) => line.split(" ")[0]);
    assert.ok(found.includes("color-contrast"), found.join());
    assert.ok(found.includes("button-name"), found.join());
    assert.ok(found.includes("aria-required-children"), found.join());
    await assert.rejects(axe(page, "a bad page"), /color-contrast/);
    await page.close();
  });

  it("leaves a good page alone", async () => {
    const page = await browser.newPage();
    await page.setContent('<!doctype html><html lang="en"><title>x</title><main><h1>Good</h1><button>Do</button></main>');
    await axe(page, "a good page");
    await page.close();
  });
});
