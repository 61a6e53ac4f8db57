// @ts-check
/** Takes out of wheels what a C++ program needs: the rules are those of wheels.py. */
import { createWriteStream, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { openPromise } from "yauzl";
import { describe } from "../paths.mjs";
import { WheelFailure } from "./failure.mjs";
import { assertSpace } from "./wheel-download.mjs";

const NEVER = /\/lib(torch_python|shm)\.|\/include\/pybind11\/|\/lib\/libshm/;
const CUDA_ONLY = /\/lib(torch_cuda|c10_cuda|torch_nvshmem|caffe2_nvrtc)[^/]*$|\/include\/.*\/(nccl|nvshmem)[^/]*$/;
const PROGRESS_BYTES = 16 << 20;
const MAX_METADATA_BYTES = 4 << 20;

/**
 * @param {string} name a member of a wheel
 * @param {boolean} cuda
 */
export function isNeeded(name, cuda) {
  if (name.endsWith("/")) return false;
  if (name.startsWith("torch/")) {
    if (NEVER.test(name) || (!cuda && CUDA_ONLY.test(name))) return false;
    return name === "torch/version.py" || /^torch\/(include|lib|\.dylibs)\//.test(name);
  }
  if (name.startsWith("nvidia/"))
    return cuda ? !/\.(a|py|pyc)$/.test(name) : /\/lib(cudart|cupti)\.so[^/]*$/.test(name);
  return /\.dist-info\/(METADATA|LICENSE|NOTICE|licenses\/)/.test(name);
}

/**
 * @param {string[]} wheels paths
 * @param {string} into
 * @param {boolean} cuda
 * @param {import("../wheel-report.mjs").Listener} say
 * @throws {WheelFailure} for a full disk, and for wheels that are damaged or point outside
 */
export async function unpackWheels(wheels, into, cuda, say) {
  let total = 0;
  for (const wheel of wheels)
    await eachEntry(wheel, ({ fileName, uncompressedSize }) => {
      if (isNeeded(fileName, cuda)) total += uncompressedSize;
    });
  assertSpace(into, total, "unpacking libtorch");
  let done = 0;
  let shown = Number.NEGATIVE_INFINITY;
  for (const wheel of wheels)
    await eachEntry(wheel, async (entry, zip) => {
      if (!isNeeded(entry.fileName, cuda)) return;
      const target = join(into, entry.fileName); // yauzl refuses names that lead elsewhere
      mkdirSync(dirname(target), { recursive: true });
      await pipeline(checked(entry, zip), createWriteStream(target));
      done += entry.uncompressedSize;
      if (done - shown < PROGRESS_BYTES) return;
      shown = done;
      say({ event: "unpack", done, total });
    });
  say({ event: "unpack", done: total, total });
}

/**
 * The lines that say which other wheels this one requires.
 * @param {string} wheel path
 */
export async function requirementsOf(wheel) {
  let text = "";
  await eachEntry(wheel, async (entry, zip) => {
    if (!/^[^/]+\.dist-info\/METADATA$/.test(entry.fileName)) return;
    if (entry.uncompressedSize > MAX_METADATA_BYTES) throw new Error(`${entry.fileName} is too long`);
    const parts = [];
    for await (const part of checked(entry, zip)) parts.push(part);
    text = Buffer.concat(parts).toString("utf8");
  });
  const [header = ""] = text.split(/\r?\n\r?\n/);
  return [...header.matchAll(/^Requires-Dist: (.+?)\r?$/gm)].map(([, line = ""]) => line);
}

/**
 * @param {string} wheel
 * @param {(entry: import("yauzl").Entry, zip: import("yauzl").ZipFile) => void | Promise<void>} use
 */
async function eachEntry(wheel, use) {
  try {
    const zip = await openPromise(wheel, { lazyEntries: true, autoClose: false, strictFileNames: true });
    try {
      for await (const entry of zip.eachEntry()) await use(entry, zip);
    } finally {
      zip.close();
    }
  } catch (error) {
    if (error instanceof Error && "syscall" in error)
      throw new WheelFailure("disk", describe(error), { folder: dirname(wheel) });
    throw error instanceof WheelFailure ? error : new WheelFailure("hash", `${wheel} is damaged: ${describe(error)}`);
  }
}

/**
 * @param {import("yauzl").Entry} entry
 * @param {import("yauzl").ZipFile} zip
 * @returns {AsyncGenerator<Buffer>}
 */
async function* checked(entry, zip) {
  let sum = 0;
  for await (const chunk of await zip.openReadStreamPromise(entry)) {
    sum = crc32(chunk, sum);
    yield chunk;
  }
  if (sum !== entry.crc32) throw new Error(`the checksum of ${entry.fileName} is wrong`);
}
