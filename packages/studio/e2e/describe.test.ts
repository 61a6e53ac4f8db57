/** The Describe tab: a picture in, two runs out, scrubbing, traces as files. */
import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type MockServer, startMockServer } from "../src/testing/mock-server.js";
import { bring, chromiumPath, eventually, launch, open, PIXEL } from "./browser.js";

describe.skipIf(chromiumPath === undefined)("Describe", { timeout: 90_000 }, () => {
  let browser: Browser;
  let server: MockServer;
  beforeAll(async () => {
    [browser, server] = await Promise.all([launch(), startMockServer({ sceneWorld: false, embedded: false })]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  const plain = (page: Page) => page.locator('[data-kind="plain"]');
  const revising = (page: Page) => page.locator('[data-kind="revising"]');
  const tokens = (page: Page, of: string) => revising(page).locator(`.canvas .token${of}`);

  async function runWithPicture(page: Page) {
    await page.getByLabel("Picture file").setInputFiles({ name: "dog.png", mimeType: "image/png", buffer: PIXEL });
    await page.getByAltText("The chosen file dog.png").waitFor();
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByRole("heading", { name: "Word for word" }).waitFor();
  }

  test("a file is sent as it is, once with and once without revising", async () => {
    const { page, errors, close } = await open(browser, server.url);
    await page.getByRole("heading", { name: "Watch a description take shape" }).waitFor();
    server.requests.length = 0;
    await runWithPicture(page);
    expect(server.requests.map(({ body }) => body.revise).sort()).toEqual([false, true]);
    expect(server.requests[0]?.body).toMatchObject({
      tokens_per_step: 4,
      messages: [
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL.toString("base64")}` } },
            { type: "text", text: "Please describe the image in detail." },
          ],
        },
      ],
    });
    await eventually(() => plain(page).locator(".canvas").textContent()).toContain("cat");
    expect(await tokens(page, ".revise").allInnerTexts()).toEqual(["three", "balls", "dog", "background", "blue"]);
    expect(await plain(page).locator(".canvas .token.revise").count()).toBe(0);
    expect(await page.locator("mark.right").allInnerTexts()).toEqual(["three", "balls", "dog", "background", "blue"]);
    expect(await revising(page).locator(".figure").allInnerTexts()).toEqual([
      "steps\n9",
      "seconds\n0.19",
      "tokens/s\n169",
      "edits\n5",
    ]);
    expect(errors).toEqual([]);
    await close();
  });

  test("settings say what holds where nothing is said, and shares are shares", async () => {
    const { page, close } = await open(browser, server.url);
    await page.getByText("More settings").click();
    const placeholder = (label: string) => page.getByLabel(label, { exact: true }).getAttribute("placeholder");
    expect(await Promise.all(["Answer length", "Block length", "Seed"].map(placeholder))).toEqual(["32", "32", "42"]);
    await page.getByLabel("Answer length").fill("16");
    await eventually(() => placeholder("Block length")).toBe("16");
    await page.getByLabel("Answer length").fill("");
    await page.getByLabel("Share of the words revised").fill("0.5");
    await page.getByLabel("Share of the steps that revise").fill("0.3");
    await page.getByText("50 %", { exact: true }).waitFor();
    await page.getByText("30 %", { exact: true }).waitFor();
    server.requests.length = 0;
    await runWithPicture(page);
    const sent = server.requests.map(({ body: { revise, revise_topk, revise_start } }) => [
      revise,
      revise_topk,
      revise_start,
    ]);
    expect(sent.sort()).toEqual([
      [false, undefined, undefined],
      [true, 0.5, 0.3],
    ]);
    await close();
  });

  test("scrubbing back shows masks, a token tells its history, playing comes to the end", async () => {
    const { page, close } = await open(browser, server.url);
    await runWithPicture(page);
    const step = page.getByRole("slider", { name: "Step", exact: true });
    await step.focus();
    await page.keyboard.press("Home");
    await eventually(() => tokens(page, ".mask").count()).toBe(32);
    await page.keyboard.press("ArrowRight");
    await eventually(() => tokens(page, ".mask").count()).toBe(28);
    await page.keyboard.press("End");
    await eventually(() => tokens(page, ".mask").count()).toBe(0);
    await tokens(page, "").nth(12).hover();
    const history = revising(page).locator(".history");
    await eventually(() => history.textContent()).toMatch(/Token 13.*step \d+\s*cat\s*\d+ %.*step \d+\s*dog\s*9\d %/s);
    await tokens(page, "").nth(0).focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await eventually(() => history.textContent()).toContain("Token 3");
    await page.getByLabel("Speed").selectOption("32");
    await page.getByRole("button", { name: "Play" }).click();
    await eventually(() => step.inputValue()).toBe("9");
    await page.getByRole("button", { name: "Play" }).waitFor();
    await page.getByRole("button", { name: "One step back" }).click();
    expect(await step.inputValue()).toBe("8");
    await close();
  });

  test("tokens appear while the stream comes; pausing holds it, stopping ends it", async () => {
    server.behave.holdAfter = 3;
    server.aborted = 0;
    const { page, close } = await open(browser, server.url);
    await page.getByLabel("Picture file").setInputFiles({ name: "dog.png", mimeType: "image/png", buffer: PIXEL });
    await page.getByRole("button", { name: "Run both" }).click();
    await eventually(() => tokens(page, ".fill").count()).toBe(12);
    expect(await tokens(page, ".mask").count()).toBe(20);
    await page.getByRole("button", { name: "Pause" }).click();
    server.behave.holdAfter = 4;
    await page.getByText("3 / 4").waitFor();
    expect(await tokens(page, ".mask").count()).toBe(20);
    await page.getByRole("button", { name: "Play" }).click();
    await eventually(() => tokens(page, ".mask").count()).toBe(16);
    await page.getByRole("button", { name: "Stop" }).click();
    await eventually(() => revising(page).locator(".chip").textContent()).toBe("Stopped");
    await eventually(() => server.aborted).toBe(2);
    server.behave.holdAfter = undefined;
    await close();
  });

  test("a trace is saved, and opened again without a server", async () => {
    const other = await startMockServer({ sceneWorld: false });
    const { page, close } = await open(browser, other.url);
    await runWithPicture(page);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save trace" }).click(),
    ]);
    const text = readFileSync(await download.path(), "utf8");
    expect(JSON.parse(text)).toMatchObject({
      format: "rediff-comparison",
      version: 1,
      settings: { tokens_per_step: 4 },
    });
    await other.close();
    const file = { name: "kept.json", mimeType: "application/json", buffer: Buffer.from(text) };
    await page.getByLabel("Trace file").setInputFiles(file);
    await page.getByText("kept.json", { exact: true }).waitFor();
    expect(await tokens(page, ".revise").count()).toBe(5);
    await page
      .getByLabel("Trace file")
      .setInputFiles({ ...file, buffer: Buffer.from(text.replace('"fill"', '"jump"')) });
    await page
      .getByText(/not a trace of the studio: unexpected value at runs\.plain\.steps\.0\.changes\.0\.kind/)
      .waitFor();
    await close();
  });

  test("pictures are dropped and pasted; a file that is none is refused, and the old one stays", async () => {
    const { page, close } = await open(browser, server.url);
    await bring(page, "drop", "header", { name: "dropped.png", type: "image/png" });
    await page.getByAltText("The chosen file dropped.png").waitFor();
    await bring(page, "paste", "body", { name: "pasted.png", type: "image/png" });
    await page.getByAltText("The chosen file pasted.png").waitFor();
    const bad = { name: "notes.png", mimeType: "image/png", buffer: Buffer.from("no picture") };
    await page.getByLabel("Picture file").setInputFiles(bad);
    await page.getByText("notes.png is not a picture that can be read. Choose a picture: JPEG, PNG").waitFor();
    await page.getByAltText("The chosen file pasted.png").waitFor();
    await page.getByRole("button", { name: "Remove the picture" }).click();
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByText("Choose a picture or compose a scene first.").waitFor();
    await close();
  });
});
