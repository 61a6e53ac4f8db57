import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfFile } from "../../testing/folders.js";
import { compiledWorkerUrl } from "../../threads/worker-url.js";
import { blackPng, emptyRunsBmp, jpegOfScans } from "../fixtures/hostile-pictures.js";
import { fixturePath } from "../fixtures/pillow.js";
import { loadPicture, type PictureOptions } from "../picture/load-picture.js";
import { type DecodingLimits, deathError, decodingLimits } from "./decoding-limits.js";
import { VisionPool } from "./vision-pool.js";

const built = existsSync(fileURLToPath(compiledWorkerUrl("./vision-worker.js", import.meta.url)));
const { at } = folderOfFile();
const options: PictureOptions = { tileSize: 28, aspectRatio: { kind: "square" }, name: "it" };
const good = fixturePath("color.jpg");

/** Processes that this one has started and that are not over. */
const processes = (): number[] =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && statOf(pid)?.parent === process.pid);

function statOf(pid: number): { parent: number } | undefined {
  try {
    const [state, parent] = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return state === "Z" ? undefined : { parent: Number(parent) };
  } catch {
    return undefined;
  }
}

const onlyDecoder = (): number => {
  const [pid, ...others] = processes();
  expect(others).toEqual([]);
  return pid ?? 0;
};

async function lineOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  return error instanceof UserError ? error.line : "";
}

const isolated = (limits: Partial<DecodingLimits> = {}) =>
  new VisionPool({ workers: 1, isolation: { ...decodingLimits({}), ...limits } });

describe.skipIf(!built || process.platform !== "linux")(
  `pictures in a process${built ? "" : " (SKIPPED: run npx tsc -b first)"}`,
  () => {
    test("are what they are in this thread, lie alone in their memory, and fail in the same words", async () => {
      await using pool = isolated();
      const here = await loadPicture(good, options);
      for (const source of [good, new Uint8Array(readFileSync(good))]) {
        const there = await pool.picture(source, options);
        expect(there).toEqual(here);
        expect(there.pixels.buffer.byteLength).toBe(there.pixels.length);
      }
      const drawn = await pool.redraw(good, { maxSide: 10 });
      expect((await sharp(drawn.bytes).metadata()).width).toBe(drawn.width);
      expect(await pool.size(good, options)).toEqual(here.imageSize);
      for (const bad of [at("none.jpg"), Buffer.from("text"), readFileSync(good).subarray(0, 300)])
        expect(await lineOf(pool.picture(bad, options))).toBe(await lineOf(loadPicture(bad, options)));
    });

    test("a size is told without decoding, and judged as decoding would", async () => {
      await using pool = isolated();
      expect(await pool.size(fixturePath("color.heic"), options)).toEqual(
        (await loadPicture(fixturePath("color.heic"), options)).imageSize,
      );
      expect(await lineOf(pool.size(blackPng(2000, 2000), { ...options, maxPixels: 100 }))).toMatch(
        /2000 x 2000 pixels; at most 100/,
      );
      expect(await lineOf(pool.size(blackPng(1, 500_000), { ...options, tileSize: 384 }))).toMatch(/too long and thin/);
    });

    test("one that takes too long is refused, and the next is decoded by another process", async () => {
      await using pool = isolated({ seconds: 1 });
      await pool.picture(good, options);
      const first = onlyDecoder();
      const slow = pool.picture(jpegOfScans(12_000, 14_000, 99), options);
      const next = pool.picture(good, options);
      expect(await lineOf(slow)).toBe(
        "it: decoding it took longer than 1 seconds. Shrink the picture, or save it in a simpler format: JPEG or PNG",
      );
      expect((await next).tiles).toBe(1);
      expect(onlyDecoder()).not.toBe(first);
    });

    test.each([
      [
        "by its decoder",
        async () =>
          sharp({ create: { width: 6000, height: 6000, channels: 3, background: "teal" } })
            .png({ progressive: true })
            .toBuffer(),
      ],
      ["by code of ours", async () => emptyRunsBmp(12_000, 14_000)],
    ])("memory beyond the limit that is asked for %s is refused in one line", async (_, file) => {
      await using pool = isolated({ memory: 200e6 });
      expect((await pool.picture(good, options)).tiles).toBe(1);
      expect(await lineOf(pool.picture(await file(), options))).toMatch(
        /^it: decoding it needs more than 200.0 MB of memory. Shrink the picture/,
      );
      expect((await pool.picture(good, options)).tiles).toBe(1);
    });

    test("a process that is killed in the middle of a picture costs nobody anything", async () => {
      await using pool = isolated();
      await pool.picture(good, options);
      const pid = onlyDecoder();
      const slow = pool.picture(blackPng(3000, 3000), options);
      const next = pool.picture(good, options);
      process.kill(pid, "SIGKILL");
      expect((await slow).imageSize).toEqual({ width: 3000, height: 3000 });
      expect((await next).tiles).toBe(1);
    });

    test("one whose client leaves ends with its process", async () => {
      await using pool = isolated();
      await pool.picture(good, options);
      const pid = onlyDecoder();
      const leaving = new AbortController();
      const slow = pool.picture(emptyRunsBmp(12_000, 14_000), options, leaving.signal);
      setTimeout(() => leaving.abort(new Error("gone")), 100);
      await expect(slow).rejects.toThrow("gone");
      expect((await pool.picture(good, options)).tiles).toBe(1);
      expect(onlyDecoder()).not.toBe(pid);
    });

    test("frames in a folder are decoded there, too", async () => {
      mkdirSync(at("frames"));
      for (const i of [1, 2, 3]) writeFileSync(join(at("frames"), `${i}.png`), blackPng(30, 20));
      await using pool = isolated();
      const video = await pool.video(at("frames"), { tileSize: 28, sampling: { kind: "uniform", frames: 2 } });
      expect(video).toMatchObject({ tiles: 2, totalFrames: 3 });
    });

    test("what a decoder died of is told in one line", () => {
      const limits = { memory: 1e9, seconds: 30 };
      const line = (signal: NodeJS.Signals | undefined, said = "") => {
        const error = deathError("a.png", limits, { what: "ended with status 1", signal, said });
        return error instanceof UserError ? error.line : error.message;
      };
      expect(line("SIGSEGV")).toMatch(/^a.png: decoding it crashed the decoder \(SIGSEGV\)\. Save it again/);
      expect(line("SIGTRAP", "GLib-ERROR **: failed to allocate 40 bytes")).toMatch(/more than 1.0 GB of memory/);
      expect(line("SIGABRT", "FATAL ERROR: JavaScript heap out of memory")).toMatch(/more than 1.0 GB of memory/);
      expect(line("SIGXCPU")).toMatch(/longer than 30 seconds/);
      expect(line("SIGKILL")).toMatch(/was killed, twice/);
      expect(line(undefined, "file:1\n  await x\n\nError: no such module\n    at a (b:1:2)\n\nNode.js v20")).toBe(
        "a.png: the process that was to decode it ended with status 1 (Error: no such module)",
      );
    });
  },
);
