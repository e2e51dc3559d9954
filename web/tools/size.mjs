// After `npm run build`. Fails when the first load is over its budget: the JavaScript that the heaviest page needs, compressed.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

export const BUDGET = 200 * 1024;

/** The files that a chunk needs before it runs. */
function needed(manifest, name, files = new Set()) {
  const chunk = manifest[name];
  files.add(chunk.file);
  for (const other of chunk.imports ?? []) needed(manifest, other, files);
  return files;
}

/** Compressed bytes of JavaScript by page, and of what each of them needs (`entry`). */
export function firstLoads(manifest, folder) {
  const size = (file) => gzipSync(readFileSync(join(folder, file)), { level: 9 }).length;
  const total = (files) =>
    [...files].filter((file) => file.endsWith(".js")).reduce((sum, file) => sum + size(file), 0);
  const entry = needed(manifest, "index.html");
  const pages = manifest["index.html"].dynamicImports ?? [];
  return {
    entry: total(entry),
    pages: Object.fromEntries(
      pages.map((page) => [page, total(new Set([...entry, ...needed(manifest, page)]))]),
    ),
  };
}

const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const manifest = JSON.parse(readFileSync("node_modules/.cache/manifest.json", "utf8"));
  const { entry, pages } = firstLoads(manifest, "dist");
  console.log(`entry ${kib(entry)}`);
  for (const [page, bytes] of Object.entries(pages)) {
    console.log(`${page} ${kib(bytes)}${bytes > BUDGET ? " over the budget" : ""}`);
  }
  console.log(`budget ${kib(BUDGET)}, gzip`);
  process.exit(Object.values(pages).some((bytes) => bytes > BUDGET) ? 1 : 0);
}
