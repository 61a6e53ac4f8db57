import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { UserError } from "../../errors.js";
import { compiledWorkerUrl, existingWorkerUrl } from "../../threads/worker-url.js";
import { fixturePath } from "../fixtures/pillow.js";
import { loadPicture, type PictureOptions } from "../picture/load-picture.js";
import type { VisionJob } from "./vision-jobs.js";
import { VisionPool } from "./vision-pool.js";

const built = existsSync(fileURLToPath(compiledWorkerUrl("./vision-worker.js", import.meta.url)));
const options: PictureOptions = { tileSize: 28, aspectRatio: { kind: "square" } };
const picture = (name: string): VisionJob => ({ kind: "picture", source: fixturePath(name), options });

describe.skipIf(!built)(`VisionPool${built ? "" : " (SKIPPED: run npx tsc -b first)"}`, () => {
  const pool = built ? new VisionPool({ workers: 2 }) : undefined;
  afterAll(() => pool?.close());

  it("gives what the same function gives in this thread, from a path and from bytes", async () => {
    for (const name of ["color.jpg", "cmyk.jpg", "palette.png"]) {
      const here = await loadPicture(fixturePath(name), options);
      expect(await pool!.picture(fixturePath(name), options)).toEqual(here);
      const bytes = new Uint8Array(readFileSync(fixturePath(name)));
      expect((await pool!.picture(bytes, options)).pixels).toEqual(here.pixels);
      expect(bytes.length).toBeGreaterThan(0);
    }
  });

  it("keeps order and errors, one for each picture", async () => {
    const names = ["color.jpg", "none.jpg", "rgba.png", "pillow.json", "grey.jpg"];
    const seen: string[] = [];
    for await (const result of pool!.map(names.map(picture))) {
      expect(result.job.source).toBe(fixturePath(names[result.index]!));
      seen.push(result.ok ? "ok" : result.error instanceof UserError ? result.error.line : "bug");
    }
    expect(seen).toHaveLength(5);
    expect(seen.filter((line) => line === "ok")).toHaveLength(3);
    expect(seen[1]).toMatch(/none.jpg: no such file or folder. Check the path/);
    expect(seen[3]).toMatch(/looks like text/);
  });

  it("takes no more from its input than it may have under way", async () => {
    let taken = 0;
    function* endless() {
      for (;;) {
        taken++;
        yield picture("color.jpg");
      }
    }
    let delivered = 0;
    for await (const result of pool!.map(endless(), { ahead: 3 })) {
      expect(result.ok).toBe(true);
      delivered++;
      expect(taken - delivered).toBeLessThanOrEqual(3);
      if (delivered === 10) break;
    }
    const atTheEnd = taken;
    await pool!.picture(fixturePath("color.jpg"), options);
    expect(taken).toBe(atTheEnd);
  });

  it("does not wait for more input before it delivers", async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* slow() {
      yield picture("color.jpg");
      await gate;
    }
    for await (const result of pool!.map(slow())) {
      expect(result.index).toBe(0);
      release();
    }
  });

  it("rejects with the reason when aborted, and goes on working", async () => {
    const controller = new AbortController();
    const many = Array.from({ length: 20 }, () => pool!.picture(fixturePath("color.jpg"), options, controller.signal));
    const settled = Promise.allSettled(many);
    controller.abort(new Error("enough"));
    const reasons = (await settled).map((result) => (result.status === "rejected" ? result.reason.message : "done"));
    expect(new Set(reasons)).toEqual(new Set(["enough"]));
    const mapping = (async () => {
      for await (const result of pool!.map([picture("color.jpg")], { signal: controller.signal }))
        expect(result.ok).toBe(true);
    })();
    await expect(mapping).rejects.toThrow("enough");
    await expect(pool!.picture(fixturePath("color.jpg"), options)).resolves.toMatchObject({ tiles: 1 });
  });

  it("rejects what is left when it is closed", async () => {
    const own = new VisionPool({ workers: 1 });
    const waiting = Promise.allSettled([1, 2, 3].map(() => own.picture(fixturePath("color.jpg"), options)));
    await own.close();
    for (const result of await waiting) expect(result.status).toBe("rejected");
    await expect(own.picture(fixturePath("color.jpg"), options)).rejects.toThrow(/closed/);
  });
});

describe("worker urls", () => {
  it("lead from the sources to what was compiled", () => {
    const source = "file:///a/src/b/packages/rediff/src/vision/workers/vision-pool.ts";
    expect(compiledWorkerUrl("./vision-worker.js", source).href).toBe(
      "file:///a/src/b/packages/rediff/dist/vision/workers/vision-worker.js",
    );
    const compiled = "file:///a/src/node_modules/rediff/dist/vision/workers/vision-pool.js";
    expect(compiledWorkerUrl("./vision-worker.js", compiled).href).toBe(
      "file:///a/src/node_modules/rediff/dist/vision/workers/vision-worker.js",
    );
  });

  it("say what to run when nothing was compiled", () => {
    expect(() => existingWorkerUrl("./nothing.js", import.meta.url)).toThrow(/have not been compiled/);
  });
});
