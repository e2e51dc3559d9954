// After `npm run build`. Fails when the first load is over its budget: the JavaScript that the heaviest page needs, compressed.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET = 200 * 1024;
const manifest = JSON.parse(readFileSync("node_modules/.cache/manifest.json", "utf8"));
const size = (file) => gzipSync(readFileSync(`dist/${file}`), { level: 9 }).length;

/** The files that a chunk needs before it runs. */
function needed(name, files = new Set()) {
  const chunk = manifest[name];
  files.add(chunk.file);
  for (const other of chunk.imports ?? []) needed(other, files);
  return files;
}

const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
const total = (files) =>
  [...files].filter((file) => file.endsWith(".js")).reduce((sum, file) => sum + size(file), 0);
const entry = needed("index.html");
console.log(`entry ${kib(total(entry))}`);
let failed = false;
for (const page of manifest["index.html"].dynamicImports ?? []) {
  const bytes = total(new Set([...entry, ...needed(page)]));
  const over = bytes > BUDGET;
  failed ||= over;
  console.log(`${page} ${kib(bytes)}${over ? " over the budget" : ""}`);
}
console.log(`budget ${kib(BUDGET)}, gzip`);
process.exit(failed ? 1 : 0);
