// Chromium, and what a person does on the console's pages.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { axe } from "./axe.mjs";
import { chromiumPath } from "./chromium.mjs";
import { DEADLINE, PASSWORD } from "./processes.mjs";

const FLAGS = [
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

const RESULTS = fileURLToPath(new URL("../../results/", import.meta.url));

export const SIZES = {
  desk: { width: 1440, height: 900 },
  phone: { width: 390, height: 844 },
};

export function launch() {
  return chromium.launch({ executablePath: chromiumPath(), args: FLAGS });
}

/** A fresh browser profile at a size; `complaints` are errors that the page itself reported. */
export async function openPage(browser, size, colorScheme = "dark") {
  const context = await browser.newContext({ viewport: SIZES[size], hasTouch: size === "phone", colorScheme });
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // What Content-Security-Policy refuses, and what React complains about. Failed requests are told apart below.
    if (message.type() === "error" && !/Failed to load resource|net::ERR/.test(message.text())) {
      complaints.push(message.text());
    }
  });
  return { context, page, complaints };
}

/** Keeps pictures of the page as it is, in both themes, and fails on what whoever cannot see or point would stumble over. */
export async function picture(page, name) {
  await pictureOnly(page, name, (colorScheme) => axe(page, `${name}, ${colorScheme}`));
}

/** Keeps pictures of a page that may be in any state, as after a failure. */
export async function pictureOnly(page, name, look = () => {}) {
  mkdirSync(RESULTS, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.evaluate(async () => {
      await document.fonts.ready;
      // The new theme is drawn, and what fades from one to the other has done so.
      for (let frame = 0; frame < 2; frame += 1) await new Promise((drawn) => requestAnimationFrame(drawn));
      await Promise.allSettled(document.getAnimations().map((animation) => animation.finished));
    });
    await page.screenshot({ path: `${RESULTS}${name}-${colorScheme}.png` });
    await look(colorScheme);
  }
  await page.emulateMedia({ reducedMotion: "no-preference" });
}

export async function logIn(page, url) {
  await page.goto(url);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { level: 1, name: "Dashboard" }).waitFor();
}

/** Goes to a page by the rail, or by the drawer on a phone. */
export async function goTo(page, name) {
  const menu = page.getByRole("button", { name: "Open navigation" });
  if (await menu.isVisible()) await menu.click();
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name, exact: true }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
}

/** Loads the page anew, and waits until news come again: what happens before is not told to it. */
export async function reload(page) {
  const news = page.waitForResponse(/\/api\/v1\/events/);
  await page.reload();
  await news;
}

/** What stands beside a name in a list of particulars. */
export const fact = (part, name) => part.locator(`xpath=.//dt[normalize-space()="${name}"]/following-sibling::dd[1]`);

/** Milliseconds of a figure as the pages write them: `0.25 ms`, `38 ms`, `1.2 s`. */
export const milliseconds = (figure, unit) => Number(figure.replaceAll(",", "")) * (unit === "s" ? 1_000 : 1);

/** The status word of the dashboard. */
export const statusWord = (page) => page.getByTestId("connection");

/** How far the page is wider than its window; a page that scrolls sideways is broken. */
export function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}
