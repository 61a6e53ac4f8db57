/** One page, one style sheet, one font, and scripts that are fetched when they are needed; nothing inlined, so that a strict
 *  content security policy holds. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build, defineConfig, type Plugin } from "vite";

/** Where `vite` (npm run dev) finds a running `rediff serve`. */
const server = process.env.REDIFF_SERVER ?? "http://127.0.0.1:8080";

const source = (path: string) => fileURLToPath(new URL(`src/${path}`, import.meta.url));

/** `virtual:player`: script and style sheet of exported pages as texts, which the page writes into them. */
function exportedPlayer(): Plugin {
  const id = "\0virtual:player";
  const sha256 = (text: string) => createHash("sha256").update(text).digest("base64");
  return {
    name: "exported-player",
    resolveId: (name) => (name === "virtual:player" ? id : undefined),
    async load(name) {
      if (name !== id) return undefined;
      const built = await build({
        configFile: false,
        logLevel: "silent",
        build: {
          write: false,
          target: "es2022",
          lib: { entry: source("export/exported-player.ts"), formats: ["iife"], name: "player", fileName: "player" },
        },
      });
      const [bundle] = Array.isArray(built) ? built : [built];
      const chunk = bundle !== undefined && "output" in bundle ? bundle.output[0] : undefined;
      if (chunk === undefined) throw new Error("the script of exported pages cannot be bundled");
      // An end tag in a string would end the element.
      const script = chunk.code.replaceAll("</script", "<\\/script");
      const style = readFileSync(source("export/player.css"), "utf8");
      const parts = { script, scriptHash: sha256(script), style, styleHash: sha256(style) };
      return `export const player = ${JSON.stringify(parts)};`;
    },
  };
}

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  plugins: [exportedPlayer()],
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
