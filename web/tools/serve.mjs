// A small static server that treats the built page as the console does: unknown paths get index.html, whose <base>
// leads back to the root. For pictures and tests of the built page.
import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** Serves a folder under a prefix ("/" or "/sub/") on a free port; resolves to the server. */
export function serve(folder, prefix = "/") {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://x").pathname);
    if (!path.startsWith(prefix)) {
      response.writeHead(404).end();
      return;
    }
    const inside = path.slice(prefix.length);
    const file = join(folder, normalize(`/${inside}`));
    if (inside && statSync(file, { throwIfNoEntry: false })?.isFile()) {
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
      response.end(readFileSync(file));
      return;
    }
    const depth = inside.split("/").length - 1;
    const base = depth === 0 ? "./" : "../".repeat(depth);
    response.writeHead(200, { "content-type": TYPES[".html"] });
    response.end(
      readFileSync(join(folder, "index.html"), "utf8").replace(
        '<base href="./" />',
        `<base href="${base}" />`,
      ),
    );
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}
