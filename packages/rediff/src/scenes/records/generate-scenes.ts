/** Scenes in numbers: pictures, and scenes.jsonl with the truth about each.
 *
 *  Scene number i depends on the seed, the options and i, on nothing else: neither on how many are made at a time nor
 *  on where a run was cut off. The facts do not depend on the style, so the same seed in two styles shows the same
 *  scenes in two hands. A line is written after its picture and in order, so what a killed run left behind is a
 *  beginning of the file; the next run cuts off a torn line and goes on. */

import { createHash } from "node:crypto";
import { open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.js";
import { makeFolders } from "../../files/whole-folder.js";
import { DEFAULT_QUESTION } from "../../text/default-question.js";
import { writeCaption } from "../language/caption-plan.js";
import { type Artwork, loadArtwork } from "../picture/artwork.js";
import { licensesText } from "../picture/licenses.js";
import { encodePicture, renderScene } from "../picture/render.js";
import { type Split, splitOf } from "../world/held-out-scenes.js";
import { findName } from "../world/object-names.js";
import { rng } from "../world/purpose-random.js";
import { sampleFacts } from "../world/random-facts.js";
import { heldOutStyle, type Style, styles, trainingStyles, type World } from "../world/world.js";
import type { SceneRecord } from "./scene-records.js";

export interface SceneOptions {
  world: World;
  seed: number;
  /** Combinations that training has, those that it never has, or all. */
  split: Split | "any";
  /** A style, the styles of training, the one held out, or all of them mixed. */
  style: Style | "train" | "held-out" | "all";
  /** Pixels along a side: a multiple of 8 from 32 to 512. */
  size: number;
}

export interface GenerateOptions extends SceneOptions {
  count: number;
  /** Number of the first scene. Default 0. */
  first?: number;
  /** Made where it is missing. */
  folder: string;
  /** Scenes there so far, those of earlier runs included. */
  onProgress?: (done: number) => void;
  signal?: AbortSignal;
}

/** Pictures drawn, encoded and written at a time: enough for all of sharp's threads. */
const together = 64;

/** Makes what is missing of `count` scenes. Returns how many were there already. */
export async function generateScenes(options: GenerateOptions): Promise<{ there: number }> {
  checkOptions(options);
  const { count, first = 0, folder } = options;
  const file = join(folder, "scenes.jsonl");
  makeFolders(join(folder, "pictures"));
  const there = await takeUp(file, options);
  await writeFile(join(folder, "LICENSES"), licensesText(stylesOf(options.style)));
  const artwork = loadArtwork();
  const output = await open(file, "a");
  try {
    options.onProgress?.(there);
    for (let start = there; start < count; start += together) {
      options.signal?.throwIfAborted();
      const indices = Array.from({ length: Math.min(together, count - start) }, (_, i) => first + start + i);
      const lines = await Promise.all(
        indices.map(async (index) => {
          const { record, png } = await makeScene(index, options, artwork);
          await writeFile(join(folder, record.image), png);
          return `${JSON.stringify(record)}\n`;
        }),
      );
      await output.appendFile(lines.join(""));
      options.onProgress?.(start + indices.length);
    }
    await output.sync();
  } finally {
    await output.close();
  }
  return { there };
}

/** Scene number `index`, for those who want no files. */
export async function makeScene(
  index: number,
  options: SceneOptions,
  artwork: Artwork,
): Promise<{ record: SceneRecord; png: Buffer }> {
  const { world, seed, split, size } = options;
  const facts = sampleFacts(world, rng(seed, "facts", index), split);
  const style = rng(seed, "style", index).pick(stylesOf(options.style));
  const random = rng(seed, "pixels", index);
  const picture = await renderScene(facts, { world, style, size, artwork, random });
  const { png, sha256 } = await encodePicture(picture);
  const id = sceneId(index, options);
  const caption = writeCaption(facts, world.wording, rng(seed, "caption", index));
  const record: SceneRecord = {
    id,
    image: `pictures/${id}.png`,
    sha256,
    conversations: [
      { from: "human", value: `<image>\n${DEFAULT_QUESTION}` },
      { from: "gpt", value: caption },
    ],
    scene: {
      style,
      size: options.size,
      split: splitOf(facts.objects, world.grid),
      background: { color: facts.background as SceneRecord["scene"]["background"]["color"], texture: picture.texture },
      objects: facts.objects.map((group, i) => {
        const color = findName(group.name)?.color;
        return { ...group, ...(color !== undefined && { color }), boxes: picture.boxes[i] ?? [] };
      }),
      world,
    },
  };
  return { record, png };
}

function stylesOf(style: SceneOptions["style"]): readonly Style[] {
  if (style === "train") return trainingStyles;
  if (style === "held-out") return [heldOutStyle];
  return style === "all" ? styles : [style];
}

/** Names say what made them, so that scores never mix pictures of different runs that have the same number. */
function sceneId(index: number, { world, seed, split, style, size }: SceneOptions): string {
  const text = JSON.stringify([Object.entries(world).sort(), seed, split, style, size]);
  const run = createHash("sha256").update(text).digest("hex").slice(0, 8);
  return `${run}-${String(index).padStart(7, "0")}`;
}

function checkOptions({ count, first = 0, seed, size }: GenerateOptions): void {
  if (!Number.isInteger(count) || count < 1) throw new UserError(`${count} scenes: expected a whole number from 1`);
  if (!Number.isInteger(first) || first < 0)
    throw new UserError(`first scene ${first}: expected a whole number from 0`);
  if (!Number.isSafeInteger(seed)) throw new UserError(`seed ${seed}: expected a whole number`);
  if (!Number.isInteger(size) || size % 8 !== 0 || size < 32 || size > 512) {
    throw new UserError(`pictures of ${size} pixels: expected a multiple of 8 from 32 to 512`);
  }
}

/** Scenes that an earlier run left in the file, in order and without a gap; a line that was torn is cut off. */
async function takeUp(file: string, options: GenerateOptions): Promise<number> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return Buffer.alloc(0);
    throw new UserError(`${file}: ${error.message}`);
  });
  const whole = bytes.lastIndexOf(10) + 1;
  if (whole < bytes.length) {
    const torn = await open(file, "r+");
    await torn.truncate(whole);
    await torn.close();
  }
  let lines = 0;
  for (let start = 0; start < whole; ) {
    const end = bytes.indexOf(10, start);
    const id = sceneId((options.first ?? 0) + lines, options);
    if (!bytes.subarray(start, end).toString().startsWith(`{"id":"${id}",`)) {
      throw new UserError(
        `${file}:${lines + 1} is not the scene that this command makes there`,
        "Give the options of the earlier run, or another --output",
      );
    }
    lines++;
    start = end + 1;
  }
  return lines;
}
