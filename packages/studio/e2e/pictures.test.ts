/** Pictures of all kinds: what the page shows is what it sends, upright and no larger than the model makes use of. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { bring, chromiumPath, eventually, open, startedStudio } from "./browser.js";

describe.skipIf(chromiumPath === undefined)("pictures", { timeout: 90_000 }, () => {
  const studio = startedStudio(); // the model sees 144 pixels

  async function choose(page: Page, name: string, buffer: Buffer) {
    await page.getByRole("radio", { name: "File" }).check();
    await page.getByLabel("Picture file").setInputFiles({ name, mimeType: "application/octet-stream", buffer });
  }

  /** The picture of the last request, as its bytes. */
  async function sent(page: Page) {
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByRole("heading", { name: "Word for word" }).waitFor();
    const body = JSON.stringify(studio.server.requests.at(-1)?.body);
    const [url = "", type = "", base64 = ""] = /data:image\/([a-z]+);base64,([A-Za-z0-9+/=]+)/.exec(body) ?? [];
    expect(await page.getByAltText(/^The chosen file/).getAttribute("src")).toBe(url);
    return { type, bytes: Buffer.from(base64, "base64") };
  }

  /** Left half red, right half blue, as it is stored. */
  const halves = async (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: "blue" } }).composite([
      {
        input: await sharp({ create: { width: width / 2, height, channels: 3, background: "red" } })
          .png()
          .toBuffer(),
        left: 0,
        top: 0,
      },
    ]);

  test("a small picture goes as it is, whatever its name says", async () => {
    const { page, errors, close } = await open(studio.browser, studio.server.url);
    const jpeg = await (await halves(120, 60)).jpeg().toBuffer();
    await choose(page, "photo.png", jpeg);
    await page.getByText("120 x 60 pixels").waitFor();
    const { type, bytes } = await sent(page);
    expect(type).toBe("jpeg");
    expect(bytes.equals(jpeg)).toBe(true);
    expect(errors).toEqual([]);
    await close();
  });

  test("a photo of 14 MB is made smaller, and the page says to what", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    const noise = {
      create: {
        width: 2400,
        height: 2000,
        channels: 3 as const,
        background: "gray",
        noise: { type: "gaussian" as const, mean: 128, sigma: 60 },
      },
    };
    const png = await sharp(noise).png({ compressionLevel: 1 }).toBuffer();
    expect(png.length).toBeGreaterThan(12_000_000);
    await choose(page, "large.png", png);
    await page.getByText("2400 x 2000 pixels, sent as 288 x 240").waitFor();
    const { bytes } = await sent(page);
    expect(await sharp(bytes).metadata()).toMatchObject({ format: "png", width: 288, height: 240 });
    await close();
  });

  test("a phone's photo that lies on its side is shown and sent upright", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    // Orientation 6: to be turned clockwise, so that the stored left is the top.
    await choose(page, "phone.jpg", await (await halves(800, 400)).withMetadata({ orientation: 6 }).jpeg().toBuffer());
    await page.getByText("400 x 800 pixels, sent as 144 x 288").waitFor();
    const { bytes } = await sent(page);
    const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([144, 288]);
    const pixel = (x: number, y: number) => [...data.subarray((y * 144 + x) * 3, (y * 144 + x) * 3 + 3)];
    expect(pixel(72, 10)[0]).toBeGreaterThan(200);
    expect(pixel(72, 270)[2]).toBeGreaterThan(200);
    await close();
  });

  test("what the browser can read and servers cannot is sent as PNG", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    await choose(page, "old.bmp", bitmap());
    await page.getByText("2 x 1 pixels").waitFor();
    const { type, bytes } = await sent(page);
    expect(type).toBe("png");
    const pixels = await sharp(bytes).removeAlpha().raw().toBuffer();
    expect([...pixels]).toEqual([255, 0, 0, 0, 0, 255]);
    await choose(page, "new.png", await (await halves(60, 60)).avif().toBuffer());
    await page.getByText("60 x 60 pixels").waitFor();
    await eventually(async () => (await sent(page)).type).toBe("png");
    await close();
  });

  /** iPhones' format, and scanners'. */
  const fixture = (name: string) => readFileSync(new URL(`../../rediff/src/vision/fixtures/${name}`, import.meta.url));

  test.each([
    ["turned.heic", 36, 48],
    ["upright6.tif", 24, 32],
  ])(
    "%s, which the browser cannot read, is read by the server: shown and sent upright",
    async (name, width, height) => {
      const { page, errors, close } = await open(studio.browser, studio.server.url);
      const bytes = fixture(name);
      await choose(page, name, bytes);
      await page.getByText(`${width} x ${height} pixels`).waitFor();
      expect(studio.server.requests.at(-1)).toEqual({ path: "/v1/pictures", body: { bytes: bytes.length } });
      const picture = await sent(page);
      expect(picture.type).toBe("png");
      const shown = await sharp(picture.bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
      expect([shown.info.width, shown.info.height]).toEqual([width, height]);
      const image = page.getByAltText(/^The chosen file/);
      expect(
        await image.evaluate((element: HTMLImageElement) => [element.naturalWidth, element.naturalHeight]),
      ).toEqual([width, height]);
      expect(errors).toEqual([]);
      await close();
    },
  );

  test("a large scan is made smaller by the server, and the page says to what", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    await choose(page, "scan.tif", await (await halves(1200, 600)).tiff({ compression: "lzw" }).toBuffer());
    await page.getByText("1200 x 600 pixels, sent as 288 x 144").waitFor();
    const { bytes } = await sent(page);
    const pixels = await sharp(bytes).removeAlpha().raw().toBuffer();
    expect([pixels[0]! > 200, pixels.at(-1)! > 200]).toEqual([true, true]); // red at the left, blue at the right
    await close();
  });

  test("while the server reads, the page says so; it can be given up, and a later choice takes its place", async () => {
    const { page, errors, close } = await open(studio.browser, studio.server.url);
    studio.server.behave.holdPictures = true;
    const reading = page.getByText("The server is reading IMG 1.heic");
    // Dropped while a scene is being composed: the scene stays until there is a picture.
    await bring(page, "drop", "body", { name: "IMG 1.heic", type: "", bytes: fixture("color.heic") });
    await reading.waitFor();
    expect(await page.locator(".board").count()).toBe(1);
    await page.getByRole("button", { name: "Cancel" }).click();
    await reading.waitFor({ state: "hidden" });
    await choose(page, "IMG 1.heic", fixture("color.heic"));
    await reading.waitFor();
    await choose(page, "later.png", await (await halves(60, 60)).png().toBuffer());
    await page.getByText("60 x 60 pixels").waitFor();
    await reading.waitFor({ state: "hidden" });
    studio.server.behave.holdPictures = false;
    await page.waitForTimeout(200);
    await page.getByAltText("The chosen file later.png").waitFor();
    expect(errors).toEqual([]);
    await close();
  });

  test("what is wrong with a file that the server was to read is said in its words, of the file by its name", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    await choose(page, "IMG 2.heic", fixture("color.heic").subarray(0, 300));
    await page.getByText("IMG 2.heic: the HEIC file is truncated or damaged").waitFor();
    await choose(page, "half.jpg", Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 1, 2, 3]));
    await page.getByText("half.jpg: the JPEG file is truncated or damaged").waitFor();
    const { length } = studio.server.requests;
    await choose(page, "letter.heic", Buffer.from("Dear all"));
    await page.getByText("letter.heic is not a picture that can be read.").waitFor();
    expect(studio.server.requests).toHaveLength(length);
    studio.server.behave.fail = { status: 413, message: "the body is larger than 100 bytes" };
    await choose(page, "large.heic", fixture("color.heic"));
    await page.getByText("Too large for this server").waitFor();
    studio.server.behave.fail = { status: 429, message: "16 pictures wait", retryAfter: 1 };
    await choose(page, "waits.heic", fixture("color.heic"));
    await page.getByText("The server is busy").waitFor();
    studio.server.behave.fail = undefined;
    await page.getByRole("button", { name: "Retry", exact: true }).click();
    await page.getByAltText("The chosen file waits.heic").waitFor();
    await close();
  });
});

/** A red and a blue pixel. */
function bitmap(): Buffer {
  const header = Buffer.alloc(54);
  header.write("BM", 0);
  header.writeUInt32LE(62, 2);
  header.writeUInt32LE(54, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(2, 18);
  header.writeInt32LE(1, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(24, 28);
  header.writeUInt32LE(8, 34);
  return Buffer.concat([header, Buffer.from([0, 0, 255, 255, 0, 0, 0, 0])]);
}
