// Files of a few kilobytes that are tens of millions of pixels, or say so.

import { claimingJpeg, gif, growingVideo, png, tiff } from "../files.mjs";
import { askAbout, CHAT } from "../questions.mjs";
import { exchange, post, requestOf } from "../wire.mjs";

/** Made when they are first sent. @type {[string, () => Promise<Buffer | undefined> | Buffer | undefined][]} */
const FILES = [
  ["a PNG of 1 x 39,000,000", () => png(1, 39_000_000)],
  ["a PNG of 39,000,000 x 1", () => png(39_000_000, 1)],
  ["a PNG of 30 megapixels, of one colour", () => png(6000, 5000)],
  ["a PNG that claims 30 megapixels and has a row", () => png(6000, 5000, 1)],
  ["a PNG of 50,000 x 50,000", () => png(50_000, 50_000, 1)],
  ["a PNG of 0 x 5", () => png(0, 5, 5)],
  ["a JPEG that claims 30 megapixels", () => claimingJpeg(6000, 5000)],
  ["a JPEG that claims 65,000 x 65,000", () => claimingJpeg(65_000, 65_000)],
  ["a GIF of 3,000 frames", () => gif(Array(3000).fill([64, 64]))],
  [
    "a GIF whose second frame is larger",
    () =>
      gif([
        [8, 8],
        [30_000, 30_000],
      ]),
  ],
  ["a TIFF of 5,000 pages", () => tiff(Array(5000).fill([8, 8]))],
  [
    "a TIFF whose second page is larger",
    () =>
      tiff([
        [8, 8],
        [60_000, 60_000],
      ]),
  ],
  ["a TIFF that claims 30 megapixels", () => tiff([[6000, 5000]])],
];

/** @type {[string, () => Buffer | undefined]} */
const VIDEO = ["a video whose later frames are larger", growingVideo];

/** @type {Map<string, Buffer | undefined>} */
const made = new Map();

/** @type {import("../kinds.mjs").Kind} */
export const largePictures = {
  name: "large-pictures",
  title: "pictures and videos that are larger than their files",
  async attack({ target, random, tally }) {
    const [what, make] = random.pick([...FILES, VIDEO]);
    if (!made.has(what)) made.set(what, await make());
    const bytes = made.get(what);
    if (bytes === undefined) return; // no ffmpeg here
    if (make !== VIDEO[1] && random.share() < 0.4) {
      const request = requestOf("POST", "/v1/pictures?max_side=512", {
        body: bytes,
        headers: { "content-type": "image/png" },
      });
      tally.judge(`${what}, drawn anew`, await exchange(target, request), [200, 400]);
      return;
    }
    const kind = make === VIDEO[1] ? "video" : "image";
    const part = { type: `${kind}_url`, [`${kind}_url`]: { url: `data:${kind}/x;base64,${bytes.toString("base64")}` } };
    const body = {
      ...askAbout(""),
      messages: [{ role: "user", content: [part, { type: "text", text: "What is here?" }] }],
    };
    tally.judge(what, await post(target, CHAT, body), [200, 400]);
  },
};
