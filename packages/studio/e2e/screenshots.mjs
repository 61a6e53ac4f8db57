// @ts-check
/** node packages/studio/e2e/screenshots.mjs URL: the pictures of docs/studio.md, of a server that `npm start` runs.
 *
 *  Nothing is set: they show what a first click shows. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { chromiumFlags, chromiumPath } from "./chromium.mjs";

const docs = join(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))), "docs");
const [url] = process.argv.slice(2);
if (url === undefined || chromiumPath === undefined) throw new Error("usage: screenshots.mjs URL; needs Chromium");

const browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumFlags });
try {
  await describeTab("light", "studio-describe.png", { width: 1280, height: 1000 });
  await describeTab("dark", "studio-dark.png", { width: 1280, height: 1000 });
  await proofreadTab("studio-proofread.png");
} finally {
  await browser.close();
}

/**
 * @param {"light" | "dark"} colorScheme
 * @param {string} name
 * @param {{ width: number, height: number }} viewport
 */
async function describeTab(colorScheme, name, viewport) {
  const page = await open(colorScheme, viewport, "#describe");
  await page.getByRole("button", { name: "Run both" }).click();
  await page.getByRole("heading", { name: "Against the scene" }).waitFor();
  const revised = page.locator('[data-kind="revising"] .canvas .token.revise');
  if ((await revised.count()) > 0) await revised.first().hover();
  await save(page, name);
}

/** @param {string} name */
async function proofreadTab(name) {
  const page = await open("light", { width: 1280, height: 900 }, "#proofread");
  await page.locator(".text-choice").first().click();
  await page.getByRole("button", { name: "Proofread" }).click();
  await page.getByTestId("result").waitFor();
  await save(page, name);
}

/**
 * @param {"light" | "dark"} colorScheme
 * @param {{ width: number, height: number }} viewport
 * @param {string} hash
 */
async function open(colorScheme, viewport, hash) {
  const page = await browser.newPage({ colorScheme, viewport, reducedMotion: "reduce" });
  await page.goto(`${url}/${hash}`);
  await page.locator(".board").waitFor();
  await page.waitForLoadState("networkidle");
  return page;
}

/**
 * @param {import("playwright-core").Page} page
 * @param {string} name
 */
async function save(page, name) {
  const picture = await page.screenshot({ fullPage: true });
  await sharp(picture).png({ palette: true, quality: 92, compressionLevel: 9, effort: 10 }).toFile(join(docs, name));
  process.stdout.write(`docs/${name}\n`);
}
