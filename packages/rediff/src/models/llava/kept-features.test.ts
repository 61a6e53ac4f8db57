import { memory, noGrad, Scope, scope, zeros } from "@rediff/torch";
import fc from "fast-check";
import { describe, expect } from "vitest";
import { loadModel } from "../../inference/vision-language-model.js";
import { test } from "../../testing/fixtures.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import { allPieces } from "../chain.js";
import { KeptFeatures, visualKey } from "./kept-features.js";
import { encodeVisuals, visualPieces } from "./vision-encoder.js";

const nameOf = (visual: Visual): string => {
  const naming = visualKey(visual);
  let piece = naming.next();
  while (!piece.done) piece = naming.next();
  return piece.value;
};

const visual = (level: number, changes: Partial<Visual> = {}): Visual => ({
  kind: "picture",
  tiles: 1,
  tileSize: 2,
  imageSize: { width: 2, height: 2 },
  pixels: new Uint8Array(12).fill(level),
  ...changes,
});

describe("the store", () => {
  /** [rows, 2] of float32: 8 bytes a row */
  const keep = (kept: KeptFeatures, key: string, rows: number) => scope(() => kept.keep(key, zeros([rows, 2])));
  const has = (kept: KeptFeatures, key: string) => scope(() => kept.find(key) !== undefined);

  test("what was not used for longest goes first", () => {
    expectNoLeaks();
    using kept = new KeptFeatures(24);
    for (const key of ["a", "b", "c"]) keep(kept, key, 1);
    expect(has(kept, "a")).toBe(true);
    keep(kept, "d", 1);
    expect(["a", "b", "c", "d"].map((key) => has(kept, key))).toEqual([true, false, true, true]);
    expect(kept.use).toEqual({ pictures: 3, bytes: 24, found: 4, encoded: 4 });
  });

  test("what is larger than all of it is not kept, and takes nobody's place", () => {
    expectNoLeaks();
    using kept = new KeptFeatures(16);
    keep(kept, "a", 1);
    keep(kept, "large", 3);
    expect(has(kept, "a")).toBe(true);
    expect(has(kept, "large")).toBe(false);
  });

  test("never holds more than its limit, nor counts wrong, whatever is kept and found", () => {
    expectNoLeaks();
    const work = fc.array(fc.tuple(fc.boolean(), fc.nat(6), fc.integer({ min: 1, max: 5 })));
    fc.assert(
      fc.property(work, fc.nat(80), (turns, limit) => {
        const before = memory().bytes;
        using kept = new KeptFeatures(limit);
        for (const [finds, key, rows] of turns) {
          if (finds) has(kept, String(key));
          else keep(kept, String(key), rows);
          expect(kept.use.bytes).toBeLessThanOrEqual(limit);
          expect(memory().bytes - before).toBe(kept.use.bytes);
        }
      }),
    );
  });

  test("rows that are in use outlive their place", () => {
    expectNoLeaks();
    using kept = new KeptFeatures(8);
    keep(kept, "a", 1);
    using owned = new Scope();
    const rows = owned.run(() => kept.find("a"));
    keep(kept, "b", 1);
    expect(has(kept, "a")).toBe(false);
    expect(rows?.toNumbers()).toEqual([0, 0]);
  });
});

describe("a visual's name", () => {
  test("is the same for what is equal, and another one for anything else", () => {
    const others = [
      visual(1),
      visual(0, { kind: "video" }),
      visual(0, { imageSize: { width: 3, height: 2 } }),
      visual(0, { imageSize: { width: 2, height: 3 } }),
      visual(0, { tiles: 3, tileSize: 1, pixels: new Uint8Array(9) }),
      visual(0, { tiles: 4, tileSize: 1 }),
    ];
    expect(nameOf(visual(0))).toBe(nameOf(visual(0)));
    expect(new Set([visual(0), ...others].map(nameOf)).size).toBe(others.length + 1);
  });

  test("large pixels are hashed in pieces, to the last byte", () => {
    const pixels = new Uint8Array(9 << 20);
    const one = visualKey(visual(0, { pixels }));
    expect([one.next().done, one.next().done, one.next().done]).toEqual([false, false, true]);
    const changed = pixels.slice();
    changed[changed.length - 1] = 1;
    expect(nameOf(visual(0, { pixels: changed }))).not.toBe(nameOf(visual(0, { pixels })));
  });
});

describe("encoding with it", () => {
  test("gives the rows of encoding anew, in their order, and encodes what is new alone", async ({ model: loaded }) => {
    const { model } = loaded;
    expectNoLeaks();
    const visuals = await Promise.all(["color.jpg", "grey.jpg"].map((name) => loaded.load(fixturePath(name))));
    const [one, two] = visuals as [Visual, Visual];
    using kept = new KeptFeatures();
    const withIt = (list: Visual[]) =>
      noGrad(() => scope(() => allPieces(visualPieces(model, list, undefined, kept)).map((rows) => rows.toNumbers())));
    const anew = (list: Visual[]) =>
      noGrad(() => scope(() => encodeVisuals(model, list).map((rows) => rows.toNumbers())));
    expect(withIt([two])).toEqual(anew([two]));
    expect(withIt([one, two])).toEqual(anew([one, two]));
    expect(withIt([two, one, two])).toEqual(anew([two, one, two]));
    expect(kept.use).toMatchObject({ pictures: 2, found: 4, encoded: 2 });
  });

  test("of a model: answers are equal with and without, one picture is encoded once, and closing frees it", async ({
    folder,
  }) => {
    writeTinyModel(folder);
    expectNoLeaks();
    const tokens = [];
    for (const keepPictures of [0, 1 << 20]) {
      using model = await loadModel(folder, { keepPictures });
      const ask = async (prompt: string) =>
        (await model.describe(fixturePath("color.jpg"), { prompt, genLength: 8 })).tokenIds;
      const before = memory().tensors;
      tokens.push([await ask("What?"), await ask("Where?"), await ask("What?")]);
      expect(memory().tensors - before).toBe(keepPictures === 0 ? 0 : 1);
    }
    expect(tokens[1]).toEqual(tokens[0]);
  });
});
