// The checkpoints of true 8B shapes: random weights in bfloat16 (17 GB), and int8 and int4 that `rediff convert` makes of
// them. Each is made once. Making takes the memory of the largest tensor (1 GB) and no more; what is interrupted goes on
// with the file that it was at.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { empty, Generator, randn, saveSafetensors, scope } from "../../packages/torch/dist/index.js";
import { writeText } from "../checkpoint.mjs";
import { configOfEight, drawOf, TEXT } from "./shape.mjs";

const PROGRAM = join(import.meta.dirname, "../../packages/rediff/bin/rediff.mjs");
const INDEX = "model.safetensors.index.json";

/** As many as fit are in a file: small, so that little is lost when making is stopped. */
const FILE_BYTES = 2e9;

/** Rows of a tensor that are drawn at a time: float32 numbers, on their way to bfloat16. */
const DRAWN_NUMBERS = 2 ** 25;

export const FORMATS = /** @type {const} */ (["bfloat16", "int8", "int4"]);

/** @typedef {(typeof FORMATS)[number]} Format */

/** @param {string} parent @param {number} layers @param {Format} format */
export const folderOf = (parent, layers, format) => join(parent, `llada-v-8b-${layers}-layers-${format}`);

/** Bytes of all files. @param {string} folder */
export const bytesOfFolder = (folder) =>
  readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);

/**
 * The folders of the formats that are asked for, which are made unless they are there.
 *
 * @param {{ parent: string, layers: number, formats: readonly Format[], log: (line: string) => void }} options
 * @returns {Promise<Record<string, string>>}
 */
export async function checkpoints({ parent, layers, formats, log }) {
  mkdirSync(parent, { recursive: true });
  const bfloat16 = await randomWeights(parent, layers, log);
  /** @type {Record<string, string>} */
  const folders = { bfloat16 };
  for (const format of formats) {
    if (format === "bfloat16") continue;
    const folder = folderOf(parent, layers, format);
    if (!existsSync(folder)) {
      log(`${format}: rounding ${bfloat16} to ${folder}`);
      await rediff(["convert", "--quantize", format, bfloat16, folder]);
    }
    folders[format] = folder;
  }
  return folders;
}

/** Runs the command line, and passes on what it says. @param {string[]} args */
function rediff(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      if (code === 0) resolve(undefined);
      else reject(new Error(`rediff ${args[0]} ended with ${signal ?? `status ${code}`}`));
    });
  });
}

/** @param {string} parent @param {number} layers @param {(line: string) => void} log */
async function randomWeights(parent, layers, log) {
  const folder = folderOf(parent, layers, "bfloat16");
  if (existsSync(join(folder, INDEX))) return folder;
  const [{ parseConfig }, { modelShapes }] = await Promise.all([
    import("../../packages/rediff/dist/checkpoint/config.js"),
    import("../../packages/rediff/dist/checkpoint/tensor-names.js"),
  ]);
  const raw = configOfEight(layers);
  const tensors = [...modelShapes(parseConfig(raw, undefined, "config.json"))].map(([name, shape]) => ({
    name,
    shape,
    bytes: shape.reduce((product, size) => product * size, 2),
  }));
  const files = intoFiles(tensors);
  const total = tensors.reduce((sum, { bytes }) => sum + bytes, 0);
  const partial = `${folder}.partial`;
  mkdirSync(partial, { recursive: true });
  const there = bytesOfFolder(partial);
  const { bavail, bsize } = await statfs(partial);
  if (bavail * bsize < total - there)
    throw new Error(
      `${partial} has room for ${gb(bavail * bsize)} GB, and the checkpoint takes ${gb(total - there)} more`,
    );
  log(`bfloat16: ${gb(total)} GB of random weights in ${folder}`);
  await writeText(partial, TEXT, raw);
  /** @type {Record<string, string>} */
  const map = {};
  for (const [i, file] of files.entries()) {
    const name = `model-${five(i + 1)}-of-${five(files.length)}.safetensors`;
    for (const tensor of file) map[tensor.name] = name;
    if (existsSync(join(partial, name))) continue; // whole: it gets its name when it is
    const began = performance.now();
    saveSafetensors(
      join(partial, name),
      file.map((tensor) => ({
        name: tensor.name,
        shape: tensor.shape,
        dtype: "bfloat16",
        tensor: () => drawn(tensor),
      })),
      { metadata: { format: "pt" } },
    );
    log(`  ${i + 1} of ${files.length} files, ${((performance.now() - began) / 1000).toFixed(0)} s`);
  }
  writeFileSync(join(partial, INDEX), JSON.stringify({ metadata: { total_size: total }, weight_map: map }));
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
  return folder;
}

const gb = (/** @type {number} */ bytes) => (bytes / 1e9).toFixed(1);
const five = (/** @type {number} */ n) => String(n).padStart(5, "0");

/** @param {{ name: string, shape: number[], bytes: number }[]} tensors */
function intoFiles(tensors) {
  /** @type {(typeof tensors)[]} */
  const files = [[]];
  let bytes = 0;
  for (const tensor of tensors) {
    if (bytes > 0 && bytes + tensor.bytes > FILE_BYTES) {
      files.push([]);
      bytes = 0;
    }
    files.at(-1)?.push(tensor);
    bytes += tensor.bytes;
  }
  return files;
}

/** A tensor in bfloat16, a part of it drawn at a time. Its seed is its name's: it is the same whoever is made before.
 *  @param {{ name: string, shape: number[] }} tensor */
function drawn({ name, shape }) {
  const { mean, std } = drawOf(name, shape);
  const [rows = 1, ...others] = shape;
  const perRow = others.reduce((product, size) => product * size, 1);
  const most = Math.max(1, Math.floor(DRAWN_NUMBERS / perRow));
  const whole = empty(shape, { dtype: "bfloat16" });
  const generator = new Generator(seedOf(name));
  try {
    for (let at = 0; at < rows; at += most)
      scope(() => {
        const part = Math.min(most, rows - at);
        whole.narrow(0, at, part).copy_(
          randn([part, ...others], generator)
            .mul_(std)
            .add_(mean),
        );
      });
  } finally {
    generator[Symbol.dispose]();
  }
  return whole;
}

/** FNV-1a, 32 bits. @param {string} name */
function seedOf(name) {
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}
