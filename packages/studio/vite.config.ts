/** One page, one script, one style sheet, one font; nothing inlined, so that a strict content security policy holds. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/** Where `vite` (npm run dev) finds a running `rediff serve`. */
const server = process.env.REDIFF_SERVER ?? "http://127.0.0.1:8080";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "dist",
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "/v1": server, "/ready": server, "/health": server } },
});
