/** Comparisons as files: a page that plays offline, a GIF, and traces in both directions with the command line. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { jsonLines, rediffHere } from "../../rediff/src/testing/command-line.js";
import { chromiumPath, eventually, open, startedStudio } from "./browser.js";
import { root } from "./embedded-server.js";

describe.skipIf(chromiumPath === undefined)("export", { timeout: 90_000 }, () => {
  const studio = startedStudio();
  const folder = mkdtempSync(join(tmpdir(), "rediff-export-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function saved(page: Page, button: string): Promise<string> {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: button }).click(),
    ]);
    const path = join(folder, download.suggestedFilename());
    await download.saveAs(path);
    return path;
  }
  const runBoth = async (page: Page) => {
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByRole("heading", { name: "Word for word" }).waitFor();
  };
  const rediff = async (...args: string[]) => {
    const { stdout, stderr, status } = await rediffHere(...args);
    expect([status, status === 0 ? "" : stderr]).toEqual([0, ""]);
    return stdout;
  };

  test("the saved page plays from a disk with the network off, with nothing but itself", async () => {
    const { page, errors, close } = await open(studio.browser, studio.server.url);
    await page.getByLabel("Question").fill('What <b>is</b> "there"?</script>');
    await runBoth(page);
    const path = await saved(page, "Save as a page");
    expect(readFileSync(path).length).toBeLessThan(200_000);
    expect(errors).toEqual([]);
    await close();

    const away = await open(studio.browser, "about:blank", { offline: true, reducedMotion: "no-preference" });
    const asked: string[] = [];
    away.page.on("request", (request) => asked.push(request.url()));
    await away.page.goto(pathToFileURL(path).href);
    await away.page.getByRole("heading", { name: 'What <b>is</b> "there"?</script>' }).waitFor();
    expect(await away.page.getByAltText("scene.png").evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(
      144,
    );
    await eventually(() => away.page.locator("#at").textContent()).toBe("9 / 9");
    await eventually(() => away.page.getByRole("button", { name: "Play" }).count()).toBe(1);
    expect(await away.page.locator("#canvas-1 .token.revise").allInnerTexts()).toEqual([
      ...["three", "balls", "dog", "background", "blue"],
    ]);
    expect(await away.page.locator("#figures-1").textContent()).toMatch(/^9 steps, .* 5 edits$/);
    await away.page.getByRole("slider", { name: "Step" }).fill("0");
    await eventually(() => away.page.locator("#canvas-0 .token.mask").count()).toBe(32);
    expect(asked.filter((url) => !/^(file|data):/.test(url))).toEqual([]);
    expect(away.errors).toEqual([]);
    await away.page.screenshot({ path: join(folder, "page.png") });
    await away.close();
  });

  test("the GIF has a frame for every step, and the end stays", async () => {
    const { page, errors, close } = await open(studio.browser, studio.server.url);
    await runBoth(page);
    const path = await saved(page, "Save as GIF");
    const { pages, delay, width, loop } = await sharp(path).metadata();
    expect([pages, delay?.[0], delay?.at(-1), loop]).toEqual([10, 130, 3000, 0]);
    expect(width).toBeGreaterThan(900);
    const frame = async (at: number) => (await sharp(path, { page: at }).raw().toBuffer()).toString("base64");
    expect(await frame(0)).not.toBe(await frame(9));
    expect(errors).toEqual([]);
    await close();
  });

  test("the command line shows the studio's trace, and the studio the command line's", async () => {
    const { page, errors, close } = await open(studio.browser, studio.server.url);
    await runBoth(page);
    const shown = await rediff("trace", await saved(page, "Save trace"), "--json");
    expect(jsonLines(shown)).toMatchObject([
      { image: "scene.png", who: "LLaDA-V's objective", edits: 0, tokens: 32, complete: true },
      {
        image: "scene.png",
        who: "ReDiff, revising",
        edits: 5,
        text: expect.stringMatching(/^there are three .* blue\.$/),
      },
    ]);

    const lines = join(folder, "steps.jsonl");
    const picture = `${root}examples/cat.jpg`;
    const asked = ["--gen-length", "12", "--tokens-per-step", "4", "--revise", "--trace", lines, "--json"];
    const { text } = jsonLines(await rediff("caption", picture, ...asked))[0] as { text: string };
    await page.getByLabel("Trace file").setInputFiles(lines);
    await page.getByText("steps.jsonl", { exact: true }).waitFor();
    const runs = page.locator(".run");
    expect([await runs.count(), await runs.first().getAttribute("data-kind")]).toEqual([1, "revising"]);
    expect(await runs.locator("p.visually-hidden").textContent()).toBe(text.trim());
    expect((await rediff("trace", lines)).trim()).toBe(text.trim());
    expect(errors).toEqual([]);
    await close();
  });
});
