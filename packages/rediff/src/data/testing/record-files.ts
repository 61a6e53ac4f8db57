/** What tests of the data share: records, tar archives, settings of samples. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pictureFolder } from "../../testing/fixtures.js";
import { makeFolder, removeFolder } from "../../testing/folders.js";
import type { VisionGeometry } from "../../vision/tiles/token-layout.js";
import type { SampleSettings } from "../samples/build-sample.js";
import type { MediaSettings } from "../samples/sample-media.js";
import { ourSamples } from "../samples/sample-rules.js";

/** A folder that its caller removes. */
export function scratch(): { path: (name: string) => string; remove: () => void } {
  const folder = makeFolder();
  return { path: (name) => join(folder, name), remove: () => removeFolder(folder) };
}

/** Tiles of 28 pixels, 2 x 2 patches, at most 2 x 2 tiles. */
export const geometry: VisionGeometry = {
  tileSize: 28,
  patchesPerSide: 2,
  aspectRatio: { kind: "anyres", maxTiles: 4 },
  pinpoints: [28, 56].flatMap((width) => [28, 56].map((height) => ({ width, height }))),
  mergeType: { kind: "spatial", unpad: true, base: true, maxPool: false },
  newlinePosition: "grid",
  poolMode: "bilinear",
};

export function mediaSettings(changes: Partial<MediaSettings> = {}): MediaSettings {
  return { imageFolder: pictureFolder, geometry, ...changes };
}

export function sampleSettings(changes: Partial<SampleSettings> = {}): SampleSettings {
  return { template: "llava_llada", maxLength: 4096, rules: ourSamples, media: mediaSettings(), ...changes };
}

/** A record as a data file has it. */
export function record(answer: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const hasPicture = "image" in more || "video" in more;
  return {
    conversations: [
      { from: "human", value: `${hasPicture ? "<image>\n" : ""}What is there?` },
      { from: "gpt", value: answer },
    ],
    ...more,
  };
}

export function writeLines(path: string, records: readonly unknown[]): string {
  writeFileSync(path, records.map((one) => `${typeof one === "string" ? one : JSON.stringify(one)}\n`).join(""));
  return path;
}

export interface TarEntry {
  name: string;
  content: string | Uint8Array;
  /** Default "0", a file. */
  type?: string;
}

/** A ustar archive; names longer than 100 bytes get a GNU header of their own. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const blocks: Buffer[] = [];
  for (const { name, content, type = "0" } of entries) {
    if (name.length > 100) blocks.push(...tarBlocks("././@LongLink", Buffer.from(`${name}\0`), "L"));
    blocks.push(...tarBlocks(name.slice(0, 100), Buffer.from(content), type));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function tarBlocks(name: string, content: Buffer, type: string): Buffer[] {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0", 100);
  header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write(" ".repeat(8), 148);
  header.write(type, 156);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
}
