/** Composing a scene by mouse and by keys, and what the model gets of it. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { allPositions } from "../../rediff/src/scenes/world/facts.js";
import { chromiumPath, eventually, open, startedStudio } from "./browser.js";
import { openingCell } from "./opening-scene.js";

describe.skipIf(chromiumPath === undefined)("Compose", { timeout: 90_000 }, () => {
  const studio = startedStudio();

  const cells = (page: Page) =>
    page.locator("[data-cell]").evaluateAll((all) => all.map((cell) => cell.getAttribute("aria-label")));

  test("there is a scene to begin with; stickers are put, dragged and moved", async () => {
    const { page, errors, close } = await open(studio.browser, studio.server.url);
    await page.getByRole("button", { name: openingCell }).waitFor();
    await page.getByRole("button", { name: "Empty the whole scene" }).click();
    expect(await cells(page)).toEqual(allPositions.map((position) => `${position}: empty`));
    await page.locator('[data-cell="0"]').click();
    await page.getByRole("button", { name: "penguin", exact: true }).click();
    await page.getByRole("button", { name: "rocket", exact: true }).dragTo(page.locator('[data-cell="8"]'));
    await page.locator('[data-cell="8"]').dragTo(page.locator('[data-cell="6"]'));
    expect((await cells(page)).filter((cell) => !cell?.endsWith("empty"))).toEqual([
      "top left: one large penguin",
      "bottom left: one large rocket",
    ]);
    expect(errors).toEqual([]);
    await close();
  });

  test("there is room for as many kinds as the world has in a picture, and the page says so", async () => {
    const { page, errors, close } = await open(studio.browser, studio.server.url);
    await page.getByRole("button", { name: openingCell }).waitFor();
    await page.getByRole("button", { name: "Empty the whole scene" }).click();
    const full = async () => (await cells(page)).filter((cell) => !cell?.endsWith("empty"));
    const stickers = ["penguin", "rocket", "crab", "airplane", "cactus"];
    for (const name of stickers) await page.getByRole("button", { name, exact: true }).click();
    await page.getByText("5 kinds are the most").waitFor();
    expect(await full()).toHaveLength(5);
    const free = page.locator(".cell.empty").first();
    await free.click();
    await page.getByRole("button", { name: "guitar", exact: true }).click();
    expect(await full()).toHaveLength(5);
    // In the place of another there may be one, and what is there may be moved.
    await page.getByRole("button", { name: /: one large rocket$/ }).click();
    await page.getByRole("button", { name: "guitar", exact: true }).click();
    await free.click();
    await page.getByRole("button", { name: "penguin", exact: true }).click();
    const names = (await full()).map((cell) => cell?.replace(/^.*: one large /, ""));
    expect(names.sort()).toEqual(["airplane", "cactus", "crab", "guitar", "penguin"]);
    expect(errors).toEqual([]);
    await close();
  });

  test("everything on the board works by keys", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    await page.getByRole("button", { name: openingCell }).waitFor();
    await page.getByRole("button", { name: "Empty the whole scene" }).click();
    await page.locator('[data-cell="0"]').click();
    await page.getByRole("button", { name: "crab", exact: true }).click();
    await page.locator('[data-cell="0"]').focus();
    await page.keyboard.press("s");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowRight");
    await page.getByRole("button", { name: "airplane", exact: true }).click();
    await page.locator('[data-cell="4"]').focus();
    await page.keyboard.press("4");
    await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("Shift+ArrowDown");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Delete");
    const full = async () => (await cells(page)).filter((cell) => !cell?.endsWith("empty"));
    await eventually(full).toEqual(["top left: one small crab", "bottom right: 4 times airplane"]);
    await page.getByRole("button", { name: "red apple", exact: true }).focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await eventually(() => cells(page)).toContain("middle right: one large green apple");
    await close();
  });

  test("the model gets a picture of its own size, on the chosen background", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    await page.getByRole("button", { name: openingCell }).waitFor();
    await page.getByRole("button", { name: "Empty the whole scene" }).click();
    await page.locator('[data-cell="0"]').click();
    await page.getByRole("button", { name: "cactus", exact: true }).click();
    await page.getByRole("radio", { name: "orange" }).check();
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByRole("heading", { name: "Word for word" }).waitFor();
    const sent = JSON.stringify(studio.server.requests.at(-1)?.body);
    const url = /data:image\/png;base64,[A-Za-z0-9+/=]+/.exec(sent)?.[0] ?? "";
    const seen = await page.evaluate(async (source) => {
      const image = new Image();
      image.src = source;
      await image.decode();
      const canvas = document.createElement("canvas");
      canvas.width = image.width;
      canvas.height = image.height;
      const context = canvas.getContext("2d");
      context?.drawImage(image, 0, 0);
      const pixel = (x: number, y: number) => [...(context?.getImageData(x, y, 1, 1).data ?? [])];
      return { width: image.width, height: image.height, corner: pixel(143, 143), plant: pixel(24, 30) };
    }, url);
    expect(seen).toMatchObject({ width: 144, height: 144, corner: [246, 172, 96, 255] });
    expect(seen.plant).not.toEqual(seen.corner);
    await close();
  });

  test("a saved comparison knows what is true of its scene", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByRole("heading", { name: "Against the scene" }).waitFor();
    const verdicts = () => page.locator("[data-truth] .chip").allInnerTexts();
    const before = await verdicts();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save trace" }).click(),
    ]);
    await page.reload();
    await page.getByLabel("Trace file").setInputFiles(await download.path());
    await eventually(verdicts).toEqual(before);
    await close();
  });

  test("a scene-world model is said to be one as soon as a file is wanted", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    await page.getByRole("radio", { name: "File" }).check();
    await page.getByText("This small model knows the sticker world only").waitFor();
    await page.getByText("npm start -- --model FOLDER").waitFor();
    await close();
  });
});
