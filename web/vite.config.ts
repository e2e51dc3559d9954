import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** The development server serves every route from the root: the page's base is `/` there (see index.html). */
function rootBase(): Plugin {
  return {
    name: "octoporty:root-base",
    apply: "serve",
    transformIndexHtml: (html) => html.replace('<base href="./" />', '<base href="/" />'),
  };
}

export default defineConfig({
  // Relative, so that one build works at the root and under any sub-path.
  base: "./",
  plugins: [react(), tailwindcss(), rootBase()],
  build: {
    target: "es2023",
    // Fonts and icons stay files: a page under `default-src 'self'` may not load data: URLs.
    assetsInlineLimit: 0,
    // For `npm run size`.
    manifest: true,
    chunkSizeWarningLimit: 300,
  },
  server: {
    proxy: {
      "/api": { target: process.env["OCTOPORTY_CONSOLE"] ?? "http://127.0.0.1:17201" },
    },
  },
});
