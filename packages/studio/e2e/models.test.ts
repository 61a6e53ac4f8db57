/** Several models: which one answers is chosen, kept, linked, named in requests; and further ones are added. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { afterEach, describe, expect, test } from "vitest";
import { chromiumPath, eventually, open, startedStudio } from "./browser.js";
import { openingCell } from "./opening-scene.js";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Axe {
  run(context: Document): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>;
}

async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeSource);
  const results = await page.evaluate(async () => await (window as never as { axe: Axe }).axe.run(document));
  return results.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

describe.skipIf(chromiumPath === undefined)("models", { timeout: 90_000 }, () => {
  const studio = startedStudio();
  const pill = (page: Page, name: string) => page.getByRole("button", { name: `Model: ${name}`, exact: true });
  const entry = (page: Page, name: RegExp) => page.getByRole("menuitemradio", { name });
  const lastBody = () => studio.server.requests.at(-1)?.body;
  afterEach(() => {
    Object.assign(studio.server.behave, { others: [], standing: {}, pull: false, embedded: true });
    Object.assign(studio.server.behave, { holdAfter: undefined, converses: undefined });
    studio.server.pulls.length = 0;
  });

  test("one is chosen by keys; all tabs ask it; a reload keeps it; runs tell theirs; one that is gone is told", async () => {
    const { behave } = studio.server;
    Object.assign(behave, { others: ["small"], converses: true });
    behave.standing = { small: { status: "idle", problem: "a tensor is missing" }, "llada-v-demo": { status: "idle" } };
    const { page, errors, close } = await open(studio.browser, `${studio.server.url}/#proofread`);
    await page.getByRole("button", { name: openingCell }).waitFor();
    await page.getByLabel("Description to check").fill("a cat");
    await page.getByRole("button", { name: "Proofread" }).click();
    await page.getByTestId("result").waitFor();
    expect(lastBody()).toMatchObject({ model: "rediff-demo" });

    await pill(page, "rediff-demo").focus();
    await page.keyboard.press("ArrowDown");
    await eventually(() => page.evaluate(() => document.activeElement?.textContent)).toMatch(/^ReDiff.*loaded$/);
    await entry(page, /^LLaDA-V's objective.*float32.*loaded when asked$/).waitFor();
    await entry(page, /^small.*failed: a tensor is missing$/).waitFor();
    expect(await page.getByRole("menuitem").count()).toBe(0); // this server adds none
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await eventually(() => pill(page, "rediff-demo").evaluate((one) => one === document.activeElement)).toBe(true);
    await page.keyboard.press("Enter");
    await eventually(() => page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("menuitemradio");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await pill(page, "llada-v-demo").waitFor();
    await page.getByText("This model was not trained to revise").waitFor();

    await page.getByRole("button", { name: "Proofread" }).click();
    await eventually(lastBody).toMatchObject({ model: "llada-v-demo", draft: "a cat" });
    await page.getByTestId("result").waitFor();
    await page.getByRole("tab", { name: "Chat" }).click();
    await page.getByLabel("Your question").fill("Where is it?");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.getByRole("article", { name: "Model" }).getByText("llada-v-demo").waitFor();
    expect(lastBody()).toMatchObject({ model: "llada-v-demo", revise: false });
    await page.getByRole("tab", { name: "Fill" }).click();
    await page.getByLabel("Text with blanks").fill("a [[1]]");
    await page.getByRole("button", { name: "Fill the blanks" }).click();
    await eventually(lastBody).toMatchObject({ model: "llada-v-demo", template: "a [[1]]" });
    await page.getByTestId("filled").waitFor();
    await page.getByRole("tab", { name: "Describe" }).click();
    await page.getByText("LLaDA-V's objective, revising, compared with").waitFor();

    await page.getByRole("tab", { name: "Runs" }).click();
    await eventually(() => page.locator(".run-item").count()).toBe(3);
    for (const [i, box] of (await page.getByRole("checkbox").all()).entries()) if (i > 0) await box.check();
    await page.getByRole("button", { name: "Compare the two chosen" }).click();
    const differing = page.locator(".kept-facts .differs").filter({ hasText: "model" });
    await eventually(() => differing.allInnerTexts()).toEqual([
      expect.stringContaining("llada-v-demo"),
      expect.stringContaining("rediff-demo"),
    ]);

    await page.reload();
    await pill(page, "llada-v-demo").waitFor();
    behave.embedded = false;
    await page.reload();
    await page.getByText("llada-v-demo, which was chosen, is not served here. rediff-8b answers").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Go on with rediff-8b" }).click();
    await eventually(() => page.getByText("is not served here").count()).toBe(0);
    expect(errors).toEqual([]);
    await close();
  });

  test("a link carries it; while it is loaded the page says so", async () => {
    const { behave } = studio.server;
    const opened = await open(studio.browser, studio.server.url, {
      permissions: ["clipboard-read", "clipboard-write"],
    });
    await pill(opened.page, "rediff-demo").click();
    await entry(opened.page, /^LLaDA-V/).click();
    await opened.page.getByRole("button", { name: "Copy a link" }).click();
    const link = await opened.page.evaluate(() => navigator.clipboard.readText());
    await opened.close();
    const { page, errors, close } = await open(studio.browser, link);
    await pill(page, "llada-v-demo").waitFor();
    behave.standing = { "llada-v-demo": { status: "loading", loading_seconds: 12 } };
    behave.holdAfter = 0;
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByText(/LLaDA-V's objective is being loaded, and answers after that. 12 s/).waitFor();
    behave.standing = {};
    behave.holdAfter = undefined;
    await page.getByRole("heading", { name: "Word for word" }).waitFor();
    await eventually(() => page.getByText("being loaded").count()).toBe(0);
    expect(errors).toEqual([]);
    await close();
  });

  test("one is added by its name: progress, a reload, a cancel, a failure, and then it can be asked", async () => {
    const { behave, pulls } = studio.server;
    Object.assign(behave, { pull: true, embedded: false });
    const { page, errors, close } = await open(studio.browser, studio.server.url, {
      viewport: { width: 360, height: 740 },
    });
    const dialog = page.getByRole("dialog", { name: "Add a model" });
    const reopen = async () => {
      await pill(page, "rediff-8b").click();
      await page.getByRole("menuitem").click();
    };
    await reopen();
    await dialog.getByLabel("Model on the hub").fill("../etc");
    await dialog.getByRole("button", { name: "Pull", exact: true }).click();
    await dialog.getByText('"../etc" is not a model id').waitFor();
    await dialog.getByLabel("Model on the hub").fill("org/new");
    await page.keyboard.press("Enter");
    await dialog.getByText("Asking the hub what there is").waitFor();
    Object.assign(pulls[0]!, { bytes: 4e9, total_bytes: 16e9, note: "connection closed early" });
    await dialog.getByText("4.0 GB of 16.0 GB, 25").waitFor();
    await dialog.getByText("connection closed early").waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);

    await page.reload();
    await pill(page, "rediff-8b").click();
    await page.getByRole("menuitem", { name: /Adding org\/new 25/ }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("menuitem").click();
    await dialog.getByRole("button", { name: "Cancel the pull" }).click();
    await dialog.getByText("The pull of org/new was cancelled").waitFor();

    await dialog.getByLabel("Model on the hub").fill("org/new");
    await dialog.getByRole("button", { name: "Pull", exact: true }).click();
    await eventually(() => pulls.length).toBe(2);
    Object.assign(pulls[0]!, { status: "failed", error: { message: "not enough room" } });
    await dialog.getByText("org/new was not added: not enough room").waitFor();
    await dialog.getByRole("button", { name: "Pull", exact: true }).click();
    await eventually(() => pulls.length).toBe(3);
    Object.assign(pulls[0]!, { status: "done", bytes: 16e9, total_bytes: 16e9 });
    Object.assign(behave, { others: ["org/new"] });
    await dialog.getByText("org/new was added.").waitFor();
    await dialog.getByRole("button", { name: "Ask org/new" }).click();
    await pill(page, "org/new").waitFor();
    expect(errors).toEqual([]);
    await close();
  });
});
