// @ts-check
/** Downloads a wheel, going on where an earlier try or run stopped, and checks it against the index's hash. Parts are
 *  named as wheels.py names them: either way goes on with those of the other. */
import { createHash } from "node:crypto";
import { createReadStream, existsSync, renameSync, rmSync, statfsSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { shownUrl, WheelFailure } from "./failure.mjs";
import { reason } from "./package-index.mjs";

const TRIES = 6; // in a row without a single new byte
const PROGRESS_MS = 100;
/** What is taken out of a wheel, in units of its own size: a guess, made before the download so that a full disk is known
 *  early. */
const UNPACKED = { cpu: 1, cuda: 2 };

/**
 * @param {import("./pip-session.mjs").PipSession} session
 * @param {import("./package-index.mjs").IndexFile} file
 * @param {string} folder
 * @param {boolean} cuda
 * @param {import("../wheel-report.mjs").Listener} say
 * @returns {Promise<string>} its path, when its hash is right
 * @throws {WheelFailure}
 */
export async function downloadWheel(session, file, folder, cuda, say) {
  const { name, sha256 } = file;
  const path = join(folder, name);
  if (sha256 === undefined)
    throw new WheelFailure("hash", `the package index gives no sha256 for ${name} (${shownUrl(file.url)})`);
  if (existsSync(path) && (await digest(path)) === sha256) return path;
  const part = `${path}.${sha256.slice(0, 16)}.incomplete`;
  if (sizeOf(part) > 0) say({ event: "resume", file: name, done: sizeOf(part) });
  await receive(session, file, part, UNPACKED[cuda ? "cuda" : "cpu"], say);
  if ((await digest(part)) !== sha256) {
    rmSync(part);
    throw new WheelFailure("hash", `${name} of ${shownUrl(file.url)} came with the wrong sha256 and was thrown away`);
  }
  renameSync(part, path);
  return path;
}

/**
 * @param {import("./pip-session.mjs").PipSession} session
 * @param {import("./package-index.mjs").IndexFile} file
 * @param {string} part
 * @param {number} unpacked
 * @param {import("../wheel-report.mjs").Listener} say
 */
async function receive(session, file, part, unpacked, say) {
  for (let failed = 0; ; ) {
    const before = sizeOf(part);
    let problem = "the connection ended early";
    try {
      if (await transfer(session, file, part, unpacked, say)) return;
    } catch (error) {
      if (error instanceof WheelFailure) throw error;
      if (error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT"))
        throw new WheelFailure("disk", error.message, { folder: dirname(part) });
      problem = reason(error);
    }
    failed = sizeOf(part) > before ? 1 : failed + 1;
    if (failed >= TRIES) throw new WheelFailure("network", `${shownUrl(file.url)}: ${problem}`);
    say({ event: "retry", file: file.name, reason: problem });
    if (failed > 1) await new Promise((resume) => setTimeout(resume, Math.min(1000 * 2 ** (failed - 2), 15_000)));
  }
}

/**
 * One request for what is missing.
 * @param {import("./pip-session.mjs").PipSession} session
 * @param {import("./package-index.mjs").IndexFile} file
 * @param {string} part
 * @param {number} unpacked
 * @param {import("../wheel-report.mjs").Listener} say
 * @returns {Promise<boolean>} whether the file is whole
 */
async function transfer(session, { name, url }, part, unpacked, say) {
  let have = sizeOf(part);
  const range = have > 0 ? { range: `bytes=${have}-` } : undefined;
  const { status, body, header } = await session.get(url, { "accept-encoding": "identity", ...range });
  try {
    if (status === 416) return true; // nothing is left to send; the hash will tell whether that is so
    if (status >= 500) throw new Error(`the server answered with status ${status}`);
    if (status !== 200 && status !== 206)
      throw new WheelFailure(
        status === 404 ? "notfound" : "network",
        `${shownUrl(url)} answered with status ${status}`,
      );
    const start = /^bytes (\d+)-/.exec(header("content-range") ?? "")?.[1];
    if (status === 200 || Number(start) !== have) have = 0;
    const length = header("content-length");
    const total = length === undefined ? null : have + Number(length);
    if (total !== null)
      assertSpace(dirname(part), total - have + total * unpacked, `downloading and unpacking ${name}`);
    const out = await open(part, have > 0 ? "a" : "w");
    try {
      let shown = 0;
      for await (const chunk of body) {
        await out.writeFile(chunk);
        have += chunk.length;
        if (performance.now() - shown < PROGRESS_MS) continue;
        shown = performance.now();
        say({ event: "progress", file: name, done: have, total });
      }
    } finally {
      await out.close();
    }
    say({ event: "progress", file: name, done: have, total });
    return total === null || have >= total;
  } finally {
    body.destroy().on("error", () => {});
  }
}

/** @param {string} path */
async function digest(path) {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest("hex");
}

/** @param {string} path */
function sizeOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * @param {string} folder
 * @param {number} needed bytes
 * @param {string} what
 */
export function assertSpace(folder, needed, what) {
  const { bavail, bsize } = statfsSync(folder);
  const available = bavail * bsize;
  if (available < needed)
    throw new WheelFailure("disk", `not enough disk space for ${what}`, { needed, available, folder });
}
