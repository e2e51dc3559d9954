// A story: steps that build on each other, told at each size in a world of its own.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, logIn, openPage, overflow, picture, pictureOnly } from "./browser.mjs";
import { lastWords, startWorld, until } from "./processes.mjs";

/**
 * Starts gateway, agent, target and browser once for each size, logs in unless `login` is false, and runs the steps that
 * `tell(step, scene)` names. Each step gets the scene: `world`, `browser`, `context`, `page`, `complaints` and what is
 * below. `name` is in the picture that a failure leaves; `world` gives the options of `startWorld`; `prepare` and `end`
 * start and end what the story needs beside it.
 */
export function story(title, options, tell) {
  const { name, sizes = ["desk", "phone"], world, login = true, prepare, end, timeout = 240_000 } = options;
  for (const size of sizes) {
    describe(`${title} (${size})`, { timeout }, () => {
      const scene = { size };
      Object.assign(scene, means(scene));

      before(async () => {
        scene.world = await startWorld(await world?.(scene));
        scene.browser = await launch();
        Object.assign(scene, await openPage(scene.browser, size));
        if (login) await logIn(scene.page, scene.world.url);
        await prepare?.(scene);
      });

      after(async () => {
        await end?.(scene);
        await scene.browser?.close();
        await scene.world?.stop();
      });

      // After one step failed, the others would only wait for what cannot come.
      let failed;
      const step = (what, act) =>
        it(what, async () => {
          assert.equal(failed, undefined, `not tried, since this failed: ${failed}`);
          try {
            await act(scene);
          } catch (error) {
            failed = what;
            await pictureOnly(scene.page, `${size}-${name}-failed`);
            error.message += `\n${lastWords(scene.world.agent)}\n${lastWords(scene.world.gateway)}`;
            throw error;
          }
        });

      tell(step, scene);
      it("complained about nothing meanwhile", () => assert.deepEqual(scene.complaints, []));
    });
  }
}

function means(scene) {
  return {
    /** The page is not wider than its window. */
    fits: async () => assert.ok((await overflow(scene.page)) <= 0, "the page is wider than its window"),

    /** Keeps a picture of the page at this size. */
    shot: (name) => picture(scene.page, `${scene.size}-${name}`),

    /** Waits until a part's text, with single spaces, is as `pattern` says and `holds`, and gives the match. */
    async sees(part, pattern, holds = () => true) {
      return until(`${pattern} is to be read`, async () => {
        const text = (await part.innerText()).replace(/\s+/g, " ").trim();
        const match = pattern.exec(text);
        if (match && holds(match)) return match;
        throw new Error(text);
      });
    },

    /** Asks the console's API in the page's session, as another page would; gives the answer's JSON. */
    async api(method, path, data) {
      const { page, world } = scene;
      const answer = await page.request.fetch(`${world.url}/api/v1${path}`, { method, data, headers: { origin: world.url } });
      assert.ok(answer.ok(), `${method} ${path}: ${answer.status()} ${await answer.text()}`);
      return answer.status() === 204 ? null : answer.json();
    },

    /** What happens in `act` is seen by the document that is there now. */
    async withoutReload(act) {
      const { page } = scene;
      await page.evaluate(() => {
        window.sameDocument = true;
      });
      await act();
      assert.equal(await page.evaluate(() => window.sameDocument), true, "the page was loaded anew");
    },
  };
}
