/** An untouched page on the real server with the embedded models: what a newcomer sees first is what is claimed. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { defaultSettings, fieldsOf } from "../src/describe/settings.js";
import gallery from "../src/gallery/gallery.json" with { type: "json" };
import { chromiumPath, eventually, open } from "./browser.js";
import { isBuilt, root, startedEmbedded } from "./embedded-server.js";

const captions = JSON.parse(readFileSync(`${root}docs/demo/studio-captions.json`, "utf8")) as Record<string, string[]>;

describe.skipIf(chromiumPath === undefined || !isBuilt)("the first click", { timeout: 90_000 }, () => {
  const started = startedEmbedded();

  const answer = (page: Page, kind: string) => page.locator(`[data-truth="${kind}"] .judged`).textContent();
  const verdict = (page: Page, kind: string) => page.locator(`[data-truth="${kind}"] .chip`).textContent();

  test("Run both on an untouched page shows the effect, on the ordinary scene that a rule chose", async () => {
    const { page, errors, close } = await open(started.browser, started.url);
    const bodies: Record<string, unknown>[] = [];
    page.on("request", (request) => {
      if (request.url().endsWith("/v1/chat/completions")) bodies.push(request.postDataJSON());
    });
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByRole("heading", { name: "Against the scene" }).waitFor({ timeout: 60_000 });
    expect(await page.locator('[data-kind="plain"] h3').textContent()).toBe("LLaDA-V's objective");
    expect(await page.locator('[data-kind="revising"] h3').textContent()).toBe("ReDiff, revising");

    // The claim: with as many tokens per step as in the table, the one has an error and the other has none.
    expect(await verdict(page, "plain")).toMatch(/grammar|wrong|not said/);
    expect(await verdict(page, "revising")).toBe("without an error");

    // What the page asked is what its settings say, and what the table's scenes were measured with.
    const settings = defaultSettings();
    expect(settings.tokensPerStep).toBe(gallery.tokensPerStep);
    for (const [model, revise] of [
      ["llada-v-demo", false],
      ["rediff-demo", true],
    ] as const) {
      const { messages: _, stream: __, diffusion_trace: ___, ...fields } = bodies.find((body) => body.model === model)!;
      expect(fields).toEqual({ model, ...JSON.parse(JSON.stringify(fieldsOf(settings, revise))) });
    }
    const number = gallery.scenes[0]!.number;
    expect(await answer(page, "plain")).toBe(captions.baseline?.[number]);
    expect(await answer(page, "revising")).toBe(captions.rediff?.[number]);

    await page.getByText("How often does it come out like this?").click();
    const { table } = gallery;
    await page.getByText(`${table.baseline.exact} of ${table.baseline.pictures}`).waitFor();
    await page.getByText(`${table.rediff.exact} of ${table.rediff.pictures}`).waitFor();
    expect(errors).toEqual([]);
    await close();
  });

  test("the other scenes of the gallery come out as they were counted, also where ReDiff is wrong", async () => {
    const { page, close } = await open(started.browser, started.url);
    for (const index of [1, 2]) {
      await page.getByRole("button", { name: new RegExp(`^Scene ${index + 1}: `) }).click();
      await page.getByRole("button", { name: "Run both" }).click();
      const number = gallery.scenes[index]!.number;
      await eventually(() => answer(page, "revising")).toBe(captions.rediff?.[number]);
      await eventually(() => answer(page, "plain")).toBe(captions.baseline?.[number]);
    }
    await page.getByRole("radio", { name: "itself, not revising" }).check();
    await page.getByRole("button", { name: "Run both" }).click();
    await eventually(() => page.locator('[data-truth="plain"] h4').textContent()).toBe("ReDiff, not revising");
    await close();
  });

  test("a caption with a planted error is repaired, and both texts are judged", async () => {
    const { page, close } = await open(started.browser, `${started.url}/#proofread`);
    const { text, right } = gallery.drafts[0]!;
    await page.getByRole("button", { name: text }).click();
    await page.getByRole("button", { name: "Proofread" }).click();
    await eventually(() => page.getByTestId("result").textContent()).toBe(right);
    expect(await page.getByTestId("judged-draft").locator("mark").count()).toBeGreaterThan(0);
    expect(await page.getByTestId("result").locator("mark").count()).toBe(0);
    await close();
  });

  test("a caption as people type it is repaired in place, and what the model does not know is marked", async () => {
    const { page, errors, close } = await open(started.browser, `${started.url}/#proofread`);
    const { text, right } = gallery.drafts[0]!;
    const typed = (caption: string) => `${caption.replace(". ", ".\n")} Honestly, what a day \u{1f980}! `;
    await page.getByLabel("Description to check").fill(typed(text));
    await page.getByRole("button", { name: "Proofread" }).click();
    await eventually(() => page.getByTestId("result").textContent()).toBe(typed(right));
    expect((await page.locator(".marked-text .unread").allInnerTexts()).join(" ")).toMatch(/Honestly.*\u{1f980}/u);
    await page.getByText("the model cannot read these and has left them as they are").waitFor();
    expect(errors).toEqual([]);
    await close();
  });

  test("the first template is filled with what is there", async () => {
    const { page, close } = await open(started.browser, `${started.url}/#fill`);
    await page.locator(".text-choice").first().click();
    await page.getByRole("button", { name: "Fill the blanks" }).click();
    await page.getByTestId("filled").waitFor();
    await page.getByText("without an error").waitFor();
    await close();
  });

  test("the chat is offered if the model converses, and answers what it offers", async () => {
    const { page, close } = await open(started.browser, `${started.url}/#chat`);
    const offered = page.getByRole("heading", { name: "Talk about the picture" });
    const refused = page.getByRole("heading", { name: "This model does not converse" });
    await offered.or(refused).waitFor();
    if ((await refused.count()) === 0) {
      await page.getByRole("button", { name: "What color is the background?" }).click();
      await page.getByRole("button", { name: "Ask", exact: true }).click();
      const answer = page.getByRole("article", { name: "Model" });
      const { background } = gallery.scenes[0]!.facts;
      await eventually(async () => (await answer.textContent())?.toLowerCase()).toContain(background);
    }
    await close();
  });
});
