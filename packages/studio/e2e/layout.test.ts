/** A phone, a laptop and a wide screen, light and dark: nothing is cut off, everything is large enough to be hit; and the API page. */
import type { BrowserContextOptions, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { chromiumPath, open, startedStudio } from "./browser.js";
import { openingCell } from "./opening-scene.js";

describe.skipIf(chromiumPath === undefined)("layout", { timeout: 90_000 }, () => {
  const studio = startedStudio();

  /** What can be hit and is smaller than 24 pixels either way. */
  const tooSmall = (page: Page) =>
    page.locator("button, a, input, select, textarea, summary, [role=tab]").evaluateAll((all) =>
      all.flatMap((element) => {
        // A radio button's target is its label, and what is out of sight is no target.
        const target = element.closest("label") ?? element;
        const { width, height } = target.getBoundingClientRect();
        if (element.matches(".skip")) return []; // a key's, out of sight
        const isThere = target.checkVisibility() && width > 1 && height > 1;
        return isThere && (width < 23.9 || height < 23.9)
          ? [`${width.toFixed(1)} x ${height.toFixed(1)}: ${target.outerHTML.slice(0, 120)}`]
          : [];
      }),
    );

  const screens: [number, number][] = [
    [360, 740],
    [1280, 900],
    [1920, 1080],
  ];
  const dresses = screens.flatMap(([width, height]): [number, BrowserContextOptions][] => [
    [width, { viewport: { width, height }, colorScheme: width === 1280 ? "dark" : "light" }],
  ]);

  test.each(dresses)("at %i pixels every page fits, and its targets are large enough", async (width, options) => {
    const { page, errors, close } = await open(studio.browser, studio.server.url, options);
    const check = async () => {
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      expect(await tooSmall(page)).toEqual([]);
    };
    await page.getByRole("button", { name: openingCell }).waitFor();
    await page.getByText("More settings").click();
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByRole("heading", { name: "Word for word" }).waitFor();
    await check();
    await page.getByRole("tab", { name: "Proofread" }).click();
    await page.getByLabel("Description to check").fill("a cat and three balls");
    await page.getByRole("button", { name: "Proofread" }).click();
    await page.getByTestId("result").waitFor();
    await check();
    await page.getByRole("tab", { name: "Fill" }).click();
    await page.getByRole("heading", { name: "Templates to start from" }).waitFor();
    await check();
    await page.getByRole("tab", { name: "Runs" }).click();
    await page.locator(".run-item").nth(1).waitFor();
    await check();
    await page.getByRole("link", { name: "API", exact: true }).click();
    await page.getByRole("heading", { name: /^API / }).waitFor();
    for (const route of await page.locator(".route summary").all()) await route.click();
    await check();
    // The picture is beside what is made of it where there is room, and above it where there is none.
    await page.getByRole("tab", { name: "Describe" }).click();
    const edge = (selector: string, side: "left" | "top") =>
      page
        .locator(selector)
        .first()
        .evaluate((element, of) => element.getBoundingClientRect()[of], side);
    const isBeside = (await edge("#panel-describe", "left")) > (await edge(".picture-panel", "left"));
    expect(isBeside).toBe(width > 960);
    expect(errors).toEqual([]);
    await close();
  });

  test("the API page has every route with its fields, from the server alone", async () => {
    const { page, errors, close } = await open(studio.browser, `${studio.server.url}/#api`);
    const route = page.getByRole("group", { name: "POST /v1/refine" });
    await route.locator("summary").click();
    await route.getByRole("row", { name: /draft needed string the text to repair/ }).waitFor();
    await route.getByRole("row", { name: /rounds integer from 1 to 100 or null of correction/ }).waitFor();
    await route.getByRole("row", { name: /edits needed list of object/ }).waitFor();
    await route.getByText(`curl ${studio.server.url}/v1/refine -H 'content-type: application/json'`).waitFor();
    expect(await page.locator(".route").count()).toBeGreaterThanOrEqual(8);
    expect(errors).toEqual([]);
    await close();
  });
});
