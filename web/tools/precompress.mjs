// Puts a .br and a .gz beside every text file of the build, so that no server compresses at run time, and takes the
// bundler's manifest out of it, which only `npm run size` reads.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const folder = process.argv[2] ?? "dist";
const TEXT = /\.(html|js|css|svg|json|txt|map)$/;
/** Smaller files gain nothing that a packet would notice. */
const LEAST = 512;

mkdirSync("node_modules/.cache", { recursive: true });
renameSync(join(folder, ".vite/manifest.json"), "node_modules/.cache/manifest.json");
rmSync(join(folder, ".vite"), { recursive: true });

for (const entry of readdirSync(folder, { recursive: true })) {
  const path = join(folder, entry);
  if (!TEXT.test(path) || statSync(path).size < LEAST) continue;
  const source = readFileSync(path);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: source.length };
  writeFileSync(`${path}.br`, brotliCompressSync(source, { params }));
  writeFileSync(`${path}.gz`, gzipSync(source, { level: 9 }));
}
