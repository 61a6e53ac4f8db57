/** Pictures of all kinds: what the page shows is what it sends, upright and no larger than the model makes use of. */
import type { Page } from "playwright-core";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { chromiumPath, eventually, open, startedStudio } from "./browser.js";

describe.skipIf(chromiumPath === undefined)("pictures", { timeout: 90_000 }, () => {
  const studio = startedStudio(); // the model sees 96 pixels

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
    await page.getByText("2400 x 2000 pixels, sent as 192 x 160").waitFor();
    const { bytes } = await sent(page);
    expect(await sharp(bytes).metadata()).toMatchObject({ format: "png", width: 192, height: 160 });
    await close();
  });

  test("a phone's photo that lies on its side is shown and sent upright", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    // Orientation 6: to be turned clockwise, so that the stored left is the top.
    await choose(page, "phone.jpg", await (await halves(800, 400)).withMetadata({ orientation: 6 }).jpeg().toBuffer());
    await page.getByText("400 x 800 pixels, sent as 96 x 192").waitFor();
    const { bytes } = await sent(page);
    const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([96, 192]);
    const pixel = (x: number, y: number) => [...data.subarray((y * 96 + x) * 3, (y * 96 + x) * 3 + 3)];
    expect(pixel(48, 10)[0]).toBeGreaterThan(200);
    expect(pixel(48, 180)[2]).toBeGreaterThan(200);
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

  test("what the browser cannot read is told with a way to convert it", async () => {
    const { page, close } = await open(studio.browser, studio.server.url);
    const heic = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from("ftypheic\0\0\0\0mif1heic"), Buffer.alloc(64)]);
    await choose(page, "IMG 1.jpg", heic);
    await page.getByText("IMG 1.jpg is a HEIC picture, which this browser cannot read.").waitFor();
    await page.getByText("magick 'IMG 1.jpg' picture.jpg").waitFor();
    await choose(page, "scan.tif", await (await halves(8, 8)).tiff().toBuffer());
    await page.getByText("scan.tif is a TIFF picture, which this browser cannot read.").waitFor();
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
