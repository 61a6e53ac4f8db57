// @ts-check
/** A source of the page, which is bundled for browsers, as a module of this process. */
import { fileURLToPath } from "node:url";
import { build } from "vite";

/** @param {string} path below the page's sources @returns {Promise<Record<string, (...args: never[]) => any>>} */
export async function studioModule(path) {
  const entry = fileURLToPath(new URL(`../../packages/studio/src/${path}`, import.meta.url));
  const built = await build({
    configFile: false,
    logLevel: "silent",
    build: { write: false, minify: false, lib: { entry, formats: ["es"], fileName: "module" } },
  });
  const [bundle] = Array.isArray(built) ? built : [built];
  const chunk = bundle !== undefined && "output" in bundle ? bundle.output[0] : undefined;
  if (chunk === undefined) throw new Error(`${path} cannot be bundled`);
  return import(`data:text/javascript;base64,${Buffer.from(chunk.code).toString("base64")}`);
}
