/** For everyone: axe on every tab in every dress, a phone's width, keys, the switch of colours, little motion. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { BrowserContextOptions, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { chromiumPath, eventually, open, startedStudio } from "./browser.js";
import { openingCell } from "./opening-scene.js";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface AxeResults {
  violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[];
}

/** @param rules all of axe's without */
async function violations(page: Page, rules?: string[]): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeSource);
  const results = await page.evaluate(
    async (values) =>
      await (window as never as { axe: Axe }).axe.run(
        document,
        values === undefined ? {} : { runOnly: { type: "rule", values } },
      ),
    rules,
  );
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

interface Axe {
  run(context: Document, options: object): Promise<AxeResults>;
}

describe.skipIf(chromiumPath === undefined)("look", { timeout: 90_000 }, () => {
  const studio = startedStudio();

  const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
  /** What does not depend on colours and width is looked at once. */
  const dresses: [string, BrowserContextOptions, string[] | undefined][] = [
    ["light", { colorScheme: "light" }, undefined],
    ["dark", { colorScheme: "dark" }, ["color-contrast"]],
    ["a phone", phone, ["target-size", "scrollable-region-focusable", "meta-viewport"]],
  ];

  test.each(dresses)("every tab in %s passes axe and fits its width", async (_name, options, rules) => {
    const { page, errors, close } = await open(studio.browser, studio.server.url, options);
    const check = async () => {
      expect(await violations(page, rules)).toEqual([]);
      // Not innerWidth: on a phone that grows with what is too wide.
      const width = page.viewportSize()?.width ?? 0;
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    };
    await page.getByRole("button", { name: openingCell }).waitFor();
    await check();
    await page.getByText("More settings").click();
    await page.getByText("How often does it come out like this?").click();
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByRole("heading", { name: "Word for word" }).waitFor();
    await check();
    await page.getByRole("tab", { name: "Proofread" }).click();
    await page.getByRole("heading", { name: "Captions to start from" }).waitFor();
    await check();
    studio.server.behave.unknownWords = ["balls"];
    await page.getByLabel("Description to check").fill("a cat and three balls");
    await page.getByRole("button", { name: "Proofread" }).click();
    await page.getByRole("button", { name: /^Reject "cat"/ }).click();
    await check();
    await page
      .getByLabel("Description to check")
      .fill("A cat sits, as I see it, at the bottom left. I like it. There are two umbrellas at the top right.");
    await page.getByRole("button", { name: "Proofread" }).click();
    await page
      .getByText(/wrong words?, \d+ sentences? outside the captions' grammar, \d+ facts? not said/)
      .first()
      .waitFor();
    await check();
    await page.getByRole("tab", { name: "Fill" }).click();
    await page
      .getByRole("button", { name: /\[\[1\]\]/ })
      .first()
      .click();
    await page.getByRole("button", { name: "Fill the blanks" }).click();
    await page.getByTestId("filled").waitFor();
    await check();
    await page.getByRole("tab", { name: "Chat" }).click();
    await page.getByRole("heading", { name: "This model does not converse" }).waitFor();
    await check();
    studio.server.behave.converses = true;
    await page.reload();
    await page.getByLabel("Your question").fill("Where are the balls?");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.getByText('The model cannot read "balls".').waitFor();
    await page.getByRole("article", { name: "Model" }).getByText("blue.").waitFor();
    await check();
    await page.getByRole("tab", { name: "Runs" }).click();
    await eventually(() => page.locator(".run-item").count()).toBe(4);
    await check();
    for (const box of (await page.getByRole("checkbox").all()).slice(0, 2)) await box.check();
    await page.getByRole("button", { name: "Compare the two chosen" }).click();
    await page.locator(".kept-run").nth(1).waitFor();
    await check();
    expect(errors).toEqual([]);
    Object.assign(studio.server.behave, { converses: undefined, unknownWords: [] });
    await close();
  });

  test("problems pass axe too", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    await page.getByRole("radio", { name: "File" }).check();
    await page
      .getByLabel("Picture file")
      .setInputFiles({ name: "a.png", mimeType: "image/png", buffer: Buffer.from("no") });
    await page.getByText("This file cannot be used").waitFor();
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByText("Choose a picture or compose a scene first.").waitFor();
    expect(await violations(page)).toEqual([]);
    studio.server.behave.holdPictures = true;
    const heic = Buffer.concat([Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic"), Buffer.alloc(64)]);
    await page
      .getByLabel("Picture file")
      .setInputFiles({ name: `${"IMG_".repeat(20)}.heic`, mimeType: "image/heic", buffer: heic });
    await page.getByText("The server is reading IMG_").waitFor();
    expect(await violations(page)).toEqual([]);
    const right = (selector: string) =>
      page.locator(selector).evaluate((element) => Math.round(element.getBoundingClientRect().right));
    expect(await right(".reading")).toBeLessThan(await right(".picture-panel"));
    studio.server.behave.holdPictures = false;
    await close();
  });

  test("tabs are one stop of the tab key, and arrows change them", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    await page.getByRole("tab", { name: "Describe" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("tabpanel", { name: "Proofread" }).waitFor();
    await page.keyboard.press("End");
    await page.getByRole("tabpanel", { name: "Runs" }).waitFor();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("tabpanel", { name: "Describe" }).waitFor();
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("role"))).not.toBe("tab");
    await close();
  });

  test("colours follow the system until the switch says otherwise, and that is kept", async () => {
    const { page, close } = await open(studio.browser, studio.server.url, { colorScheme: "dark" });
    const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const dark = await background();
    await page.getByRole("button", { name: "Colours: system. Change to light" }).click();
    await eventually(background).not.toBe(dark);
    await page.reload();
    await page.getByRole("button", { name: "Colours: light. Change to dark" }).waitFor();
    expect(await background()).not.toBe(dark);
    await page.getByRole("button", { name: "Colours: light. Change to dark" }).click();
    await eventually(background).toBe(dark);
    await close();
  });

  test.each([
    ["a desk", { width: 1350, height: 940 }],
    ["a phone", { width: 412, height: 823 }],
  ])("what is there stays where it is while the page begins, on %s", async (_, viewport) => {
    const context = await studio.browser.newContext({ viewport });
    const page = await context.newPage();
    // What browsers measure as the cumulative layout shift, of which 0.1 is called good.
    await page.addInitScript(() => {
      const seen = { shift: 0 };
      Object.assign(window, { seen });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) seen.shift += (entry as PerformanceEntry & { value: number }).value;
      }).observe({ type: "layout-shift", buffered: true });
    });
    await page.goto(studio.server.url);
    await page.getByRole("button", { name: openingCell }).waitFor();
    await page.waitForLoadState("networkidle");
    expect(await page.evaluate(() => (window as unknown as { seen: { shift: number } }).seen.shift)).toBeLessThan(0.1);
    await context.close();
  });

  test("nothing moves for those who want little motion", async () => {
    studio.server.behave.holdAfter = 3;
    const { page, close } = await open(studio.browser, studio.server.url);
    await page.getByRole("button", { name: "Run both" }).click();
    await page.locator(".token.new").first().waitFor();
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
    studio.server.behave.holdAfter = undefined;
    await close();
  });

  test("everything comes from the server itself", async () => {
    const { page, close } = await open(studio.browser, "about:blank");
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(studio.server.url);
    await page.getByRole("button", { name: openingCell }).waitFor();
    const elsewhere = asked.filter((url) => !url.startsWith(studio.server.url) && !/^(data|blob):/.test(url));
    expect(elsewhere).toEqual([]);
    await close();
  });
});
