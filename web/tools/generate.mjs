// Writes src/api/schema.d.ts from openapi.json; with --check only tells whether it is up to date.
//
// The generator lives in tools/, with a TypeScript of its own: it needs the JavaScript API of TypeScript 5.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const source = new URL("../openapi.json", import.meta.url);
const target = new URL("../src/api/schema.d.ts", import.meta.url);

if (!existsSync(new URL("node_modules/openapi-typescript", import.meta.url))) {
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: here, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

const { default: openapi, astToString } = await import("openapi-typescript");
const document = JSON.parse(readFileSync(source, "utf8"));
const head =
  "// Generated from openapi.json by `npm run generate`; `npm run check:api` tells when it is out of date.\n\n";
const text = head + astToString(await openapi(document));

if (process.argv.includes("--check")) {
  const current = existsSync(target) ? readFileSync(target, "utf8") : "";
  if (current !== text) {
    console.error(
      "src/api/schema.d.ts does not match openapi.json: run `npm run generate` and commit the result.",
    );
    process.exit(1);
  }
  console.log("src/api/schema.d.ts matches openapi.json.");
} else {
  writeFileSync(target, text);
  console.log("src/api/schema.d.ts written.");
}
