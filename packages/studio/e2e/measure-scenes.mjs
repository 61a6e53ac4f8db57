// @ts-check
/** node packages/studio/e2e/measure-scenes.mjs URL: describes the table's held-out scenes, drawn as the page draws them, as
 *  the page asks, by the running server's two models; writes docs/demo/studio-captions.json and, of it, the page's gallery.
 *  Start the server by `npm start`. Minutes. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { build } from "vite";
import { HELD_OUT, heldOutScene } from "../../rediff/dist/demo/studio-gallery.js";
import { chromiumFlags, chromiumPath } from "./chromium.mjs";

const studio = dirname(dirname(fileURLToPath(import.meta.url)));
const root = dirname(dirname(studio));
const [url] = process.argv.slice(2);
if (url === undefined || chromiumPath === undefined) throw new Error("usage: measure-scenes.mjs URL; needs Chromium");

/** @param {string} entry */
async function bundled(entry) {
  const result = await build({
    configFile: false,
    root: studio,
    logLevel: "warn",
    build: { lib: { entry: join(studio, entry), formats: ["iife"], name: "studio" }, write: false },
  });
  const [output] = Array.isArray(result) ? result : [result];
  if (output === undefined || !("output" in output)) throw new Error("vite gave no output");
  return output.output[0].code;
}

async function pictures() {
  const browser = await chromium.launch({ executablePath: chromiumPath ?? "", args: chromiumFlags });
  try {
    const context = await browser.newContext({ bypassCSP: true });
    const page = await context.newPage();
    await page.goto(url ?? "");
    await page.addScriptTag({ content: `${await bundled("e2e/draw-scenes.ts")};globalThis.studio = studio;` });
    const scenes = Array.from({ length: HELD_OUT }, (_, number) => heldOutScene(number));
    return await page.evaluate(async (all) => {
      const { studio } = /** @type {{ studio: typeof import("./draw-scenes.js") }} */ (
        /** @type {unknown} */ (globalThis)
      );
      return await studio.drawScenes(all, 144);
    }, scenes);
  } finally {
    await browser.close();
  }
}

/** As the page asks with its first settings: src/describe/settings.ts.
 * @param {string} picture
 * @param {string} model
 * @param {boolean} revise */
async function describe(picture, model, revise) {
  const content = [
    { type: "image_url", image_url: { url: picture } },
    { type: "text", text: "Please describe the image in detail." },
  ];
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, revise, tokens_per_step: 4, messages: [{ role: "user", content }] }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(JSON.stringify(answer));
  return /** @type {string} */ (answer.choices[0].message.content);
}

/**
 * @param {readonly string[]} all
 * @param {string} model
 * @param {boolean} revise
 */
async function captionsOf(all, model, revise) {
  /** @type {string[]} */
  const captions = [];
  const waiting = [...all.entries()];
  const take = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      captions[next[0]] = await describe(next[1], model, revise);
  };
  await Promise.all(Array.from({ length: 16 }, take));
  return captions;
}

const drawn = await pictures();
const captions = {
  baseline: await captionsOf(drawn, "llada-v-demo", false),
  rediff: await captionsOf(drawn, "rediff-demo", true),
};
const file = join(root, "docs", "demo", "studio-captions.json");
writeFileSync(file, `${JSON.stringify(captions, null, 1)}\n`);
const gallery = join(studio, "src", "gallery", "gallery.json");
const main = join(root, "packages", "rediff", "dist", "demo", "studio-gallery-main.js");
execFileSync(process.execPath, [main, file, join(root, "docs", "demo", "table.json"), gallery], { stdio: "inherit" });
process.stdout.write(`${file}\n${gallery}\n`);
