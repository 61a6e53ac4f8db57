/** A newcomer's first minutes on the real server with the embedded model, in one go: the first click, a photo of one's own,
 *  a caption of one's own, a template. */
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import gallery from "../src/gallery/gallery.json" with { type: "json" };
import { bring, chromiumPath, eventually, open } from "./browser.js";
import { isBuilt, startedEmbedded } from "./embedded-server.js";

describe.skipIf(chromiumPath === undefined || !isBuilt)("a newcomer", { timeout: 60_000 }, () => {
  const started = startedEmbedded();

  test("runs both, drops a photo that lies on its side, has a caption repaired and a template filled", async () => {
    const { page, errors, close } = await open(started.browser, started.url);
    const bodies: string[] = [];
    page.on("request", (request) => {
      if (request.method() === "POST") bodies.push(request.postData() ?? "");
    });

    // Nothing is touched but the button.
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByRole("heading", { name: "Against the scene" }).waitFor({ timeout: 30_000 });
    expect(await page.locator('[data-truth="revising"] .chip').textContent()).toBe("without an error");
    expect(await page.getByText("The model cannot read").count()).toBe(0);

    // The same scene as a phone would have taken it: stored turned, and EXIF says how it is to be held.
    const scene = pictureIn(bodies.at(-1));
    const photo = await phonePhoto(scene);
    await bring(page, "drop", "body", { name: "IMG_0001.JPG", type: "image/jpeg", bytes: photo });
    await page.getByText("800 x 800 pixels, sent as 288 x 288").waitFor();
    await page.getByText("for another picture than the one that is chosen now").waitFor();

    await page.getByRole("tab", { name: "Proofread" }).click();
    const { text, right } = gallery.drafts[0]!;
    const typed = (caption: string) => `${caption.replace(". ", ".\n")} Hi frends!`;
    await page.getByLabel("Description to check").fill(typed(text));
    await page.getByRole("button", { name: "Proofread" }).click();
    await eventually(() => page.getByTestId("result").textContent()).toBe(typed(right));
    expect((await page.locator(".marked-text .unread").allInnerTexts()).join(" ")).toContain("frends");

    // What was sent is what is shown, and it is upright.
    const sent = pictureIn(bodies.at(-1));
    expect(pictureIn((await page.getByAltText(/^The chosen file/).getAttribute("src")) ?? "").equals(sent)).toBe(true);
    expect(await distance(sent, scene)).toBeLessThan(8);
    expect(await distance(sent, await sharp(scene).rotate(270).toBuffer())).toBeGreaterThan(16);

    await page.getByRole("tab", { name: "Fill" }).click();
    // Behind a sentence: of one alone it knows less well what it is about.
    const [known = ""] = right.match(/^[^.]*\./) ?? [];
    await page.getByLabel("Text with blanks").fill(`${known} The background is [[1]].`);
    await page.getByRole("button", { name: "Fill the blanks" }).click();
    const { background } = gallery.scenes[0]!.facts;
    await eventually(() => page.getByTestId("filled").textContent()).toBe(`${known} The background is ${background}.`);
    expect(await page.getByRole("alert").count()).toBe(0);
    expect(errors).toEqual([]);
    await close();
  });
});

/** The picture of a request. */
function pictureIn(body = ""): Buffer {
  const [, base64 = ""] = /data:image\/[a-z]+;base64,([A-Za-z0-9+/=]+)/.exec(body) ?? [];
  return Buffer.from(base64, "base64");
}

/** Orientation 6: to be turned clockwise, which undoes how it is stored. */
async function phonePhoto(scene: Buffer): Promise<Buffer> {
  const large = await sharp(scene).resize(800, 800).removeAlpha().rotate(270).png().toBuffer();
  return await sharp(large).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer();
}

/** Between two pictures, in levels on average. */
async function distance(one: Buffer, other: Buffer): Promise<number> {
  const levels = (picture: Buffer) => sharp(picture).resize(96, 96).removeAlpha().raw().toBuffer();
  const [a, b] = await Promise.all([levels(one), levels(other)]);
  return a.reduce((sum, level, i) => sum + Math.abs(level - (b[i] ?? 0)), 0) / a.length;
}
