/** Refining and filling are seen while they go on; links carry scene and settings, and do no harm. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { defaultSettings } from "../src/describe/settings.js";
import { linkPart } from "../src/link/link.js";
import { chromiumPath, eventually, open, startedStudio } from "./browser.js";
import { openingCell, openingPlaceWith } from "./opening-scene.js";

describe.skipIf(chromiumPath === undefined)("live texts, and links", { timeout: 90_000 }, () => {
  const studio = startedStudio();
  const live = (page: Page) => page.getByTestId("live");

  test("a filling shows its masks, then its words, and ends in its result", async () => {
    studio.server.behave.holdAfter = 1;
    const { page, errors, close } = await open(studio.browser, `${studio.server.url}/#fill`);
    await page.getByLabel("Text with blanks").fill("there is a [[2]] at the [[1]].");
    await page.getByRole("button", { name: "Fill the blanks" }).click();
    await eventually(() => live(page).locator(".token.mask").count()).toBeGreaterThan(0);
    expect(await live(page).textContent()).toMatch(/^there is a +at the/);
    await page.getByText("1 step", { exact: true }).waitFor();
    studio.server.behave.holdAfter = 2;
    await eventually(() => live(page).locator("mark.live-fill").count()).toBeGreaterThan(0);
    studio.server.behave.holdAfter = undefined;
    await page.getByTestId("filled").waitFor();
    expect(await live(page).count()).toBe(0);
    expect(studio.server.requests.at(-1)?.body).toMatchObject({ stream: true, diffusion_trace: true });
    expect(errors).toEqual([]);
    await close();
  });

  test("a proofreading shows its revisions, can be stopped, and says where a sentence is another one", async () => {
    studio.server.behave.holdAfter = 1;
    const { page, errors, close } = await open(studio.browser, `${studio.server.url}/#proofread`);
    await page.getByLabel("Description to check").fill("two red cat. There is a cat on the mat.");
    await page.getByRole("button", { name: "Proofread" }).click();
    await eventually(() => live(page).textContent()).toBe("two red cat. There is a cat on the mat.");
    studio.server.behave.holdAfter = 2;
    await eventually(() => live(page).locator("mark.live-revise").allInnerTexts()).toEqual([
      "three",
      "blue",
      "dog.",
      "dog",
    ]);
    await page.getByRole("button", { name: "Stop" }).click();
    await eventually(() => live(page).count()).toBe(0);
    expect(await page.getByTestId("result").count()).toBe(0);
    studio.server.behave.holdAfter = undefined;
    await page.getByRole("button", { name: "Proofread" }).click();
    await page.getByText("A whole sentence was rewritten").waitFor();
    expect(await page.locator(".rewritten p").allInnerTexts()).toEqual([
      '"two red cat." became "three blue dog.": 3 of 3 words, 93 % sure of the least sure.',
    ]);
    expect(errors).toEqual([]);
    await close();
  });

  test("a copied link brings scene, settings and draft to another browser, and what was there can be had back", async () => {
    const { page, close } = await open(studio.browser, `${studio.server.url}/#proofread`, {
      permissions: ["clipboard-read", "clipboard-write"],
    });
    await page.getByRole("button", { name: openingCell }).click();
    await page.keyboard.press("3");
    await page.getByLabel("Description to check").fill("one crab");
    await page.getByRole("tab", { name: "Describe" }).click();
    await page.getByLabel("Tokens per step").fill("2");
    await page.getByRole("tab", { name: "Proofread" }).click();
    await page.getByRole("button", { name: "Copy a link" }).click();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    await close();

    const other = await open(studio.browser, studio.server.url);
    await other.page.getByLabel("Seed").fill("8");
    await other.page.waitForTimeout(300);
    studio.server.requests.length = 0;
    await other.page.goto(link);
    await other.page.getByRole("button", { name: openingPlaceWith("3 times") }).waitFor();
    expect(await other.page.getByLabel("Description to check").inputValue()).toBe("one crab");
    expect(new URL(other.page.url()).hash).toBe("#proofread");
    await other.page.getByRole("tab", { name: "Describe" }).click();
    expect(await other.page.getByLabel("Tokens per step").inputValue()).toBe("2");
    expect(studio.server.requests).toEqual([]); // nothing runs by itself
    await other.page.getByRole("button", { name: "Back to what was there" }).click();
    await other.page.getByRole("button", { name: openingCell }).waitFor();
    expect(await other.page.getByLabel("Seed").inputValue()).toBe("8");
    expect(other.errors).toEqual([]);
    await other.close();
  });

  test("hostile links change nothing but a note", async () => {
    const { page, errors, close } = await open(studio.browser, studio.server.url);
    await page.getByRole("button", { name: openingCell }).waitFor();
    const group = { name: "zebra", icon: "../../v1/models", count: 1 as const, size: "small" as const };
    const scene = { style: "flat", background: "blue", cells: [group, undefined, undefined, undefined] };
    const markup = `<img src=x onerror="document.title='harmed'">`;
    const settings = { ...defaultSettings(), prompt: markup };
    const links: [string, RegExp][] = [
      ["%00%ff", /This link cannot be used/],
      ["A".repeat(100_000), /longer than 8000 signs/],
      [linkPart({ scene, settings, text: undefined }) ?? "", /of another world/],
      [linkPart({ scene: undefined, settings, text: undefined }) ?? "", /Scene and settings of a link were opened/],
    ];
    for (const [part, said] of links) {
      await page.evaluate((hash) => location.assign(hash), `#describe/with/${part}`);
      await page.locator("main").getByText(said).waitFor();
      expect(await page.getByRole("button", { name: openingCell }).count()).toBe(1);
    }
    expect(await page.getByLabel("Question").inputValue()).toBe(markup);
    expect(await page.title()).toBe("Describe - rediff studio");
    expect(errors).toEqual([]);
    await close();
  });
});
