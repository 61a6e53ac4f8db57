/** Features moved by tensors against features moved by hand, one number at a time. */
import { Generator, memory, randn, type Tensor, tensor } from "@rediff/torch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AspectRatio, anyresGrid, parseAspectRatio } from "../../vision/tiles/anyres.js";
import { parseMergeType, pictureLayout, type VisionGeometry, videoLayout } from "../../vision/tiles/token-layout.js";
import { pictureTokens, videoTokens } from "./visual-tokens.js";

const D = 2;
const newline = tensor([100, -100], { dtype: "float64" });

/** One channel of a picture: [height][width] */
type Plane = number[][];

function features(tiles: number, n: number): Tensor {
  using generator = new Generator(tiles * 100 + n);
  return randn([tiles, n * n, D], generator, { dtype: "float64" });
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const plane = (height: number, width: number, at: (y: number, x: number) => number): Plane =>
  range(height).map((y) => range(width).map((x) => at(y, x)));

/** Bilinear, pixel centres at halves, edges repeated, no antialiasing. */
function bilinear(source: Plane, height: number, width: number): Plane {
  const axis = (to: number, from: number, i: number) => {
    const at = Math.max(0, ((i + 0.5) * from) / to - 0.5);
    const low = Math.min(Math.floor(at), from - 1);
    return { low, high: Math.min(low + 1, from - 1), share: at - low };
  };
  return plane(height, width, (y, x) => {
    const v = axis(height, source.length, y);
    const h = axis(width, source[0]?.length ?? 0, x);
    const row = (line: number) =>
      (source[line]?.[h.low] as number) * (1 - h.share) + (source[line]?.[h.high] as number) * h.share;
    return row(v.low) * (1 - v.share) + row(v.high) * v.share;
  });
}

/** Whole 2x2 squares; what is left over at the edge is dropped. */
function pooled(source: Plane, of: (values: number[]) => number): Plane {
  return plane(Math.floor(source.length / 2), Math.floor((source[0]?.length ?? 0) / 2), (y, x) =>
    of([0, 1].flatMap((dy) => [0, 1].map((dx) => source[2 * y + dy]?.[2 * x + dx] as number))),
  );
}

const rowsOf = (channels: Plane[], endWithNewline: boolean): number[][] =>
  range(channels[0]?.length ?? 0).flatMap((y) => [
    ...range(channels[0]?.[y]?.length ?? 0).map((x) => channels.map((c) => c[y]?.[x] as number)),
    ...(endWithNewline ? [newline.toNumbers()] : []),
  ]);

function expectRows(got: Tensor, wanted: number[][]): void {
  expect(got.shape).toEqual([wanted.length, D]);
  const flat = wanted.flat();
  for (const [i, value] of got.toNumbers().entries()) expect(Math.abs(value - (flat[i] as number))).toBeLessThan(1e-9);
}

const geometry = (merge: string, aspect: string, n: number, tileSize = 28): VisionGeometry => ({
  tileSize,
  patchesPerSide: n,
  aspectRatio: parseAspectRatio(aspect),
  pinpoints: [1, 2, 3].flatMap((columns) =>
    [1, 2, 3].map((rows) => ({ width: columns * tileSize, height: rows * tileSize })),
  ),
  mergeType: parseMergeType(merge),
  newlinePosition: "grid",
  poolMode: "bilinear",
});

describe("pictures", () => {
  const merges = [
    "flat",
    "spatial",
    "spatial_unpad",
    "spatial_nobase",
    "spatial_unpad_nobase",
    "spatial_maxpool2x2",
    "spatial_unpad_maxpool2x2",
    "spatial_maxpool2x2_nobase",
  ];
  const setup = fc.record({
    merge: fc.constantFrom(...merges),
    aspect: fc.constantFrom("anyres", "anyres_max_1", "anyres_max_2", "anyres_max_9"),
    n: fc.integer({ min: 2, max: 5 }),
    image: fc.record({ width: fc.integer({ min: 1, max: 200 }), height: fc.integer({ min: 1, max: 200 }) }),
  });

  test("in every merge type, tile by tile, row by row", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(setup, ({ merge, aspect, n, image }) => {
        const g = geometry(merge, aspect, n);
        const { columns, rows } = anyresGrid(image, g.pinpoints, g.tileSize);
        let layout: ReturnType<typeof pictureLayout>;
        try {
          layout = pictureLayout(image, g);
        } catch {
          return; // too long and thin for anyres_max
        }
        const views = features(1 + columns * rows, n);
        const got = pictureTokens(views, layout, newline);
        expect(got.size(0)).toBe(layout.tokens);
        const values = views.unbind(0).map((tile) => tile.unbind(0).map((patch) => patch.toNumbers()));
        if (layout.kind === "views") {
          seen.add("views");
          expectRows(got, values.flat());
          return;
        }
        const { window, size } = layout;
        const channels = range(D).map((d) => {
          const whole = plane(rows * n, columns * n, (y, x) => {
            const tile = 1 + Math.floor(y / n) * columns + Math.floor(x / n);
            return values[tile]?.[(y % n) * n + (x % n)]?.[d] as number;
          });
          const cut = whole
            .slice(window.top, window.top + window.height)
            .map((line) => line.slice(window.left, window.left + window.width));
          if (layout.resize === "max_pool") return pooled(cut, (v) => Math.max(...v));
          return layout.resize === "bilinear" ? bilinear(cut, size.height, size.width) : cut;
        });
        seen.add(`${layout.resize} ${layout.newline} ${layout.base}`);
        expectRows(got, [...(layout.base ? (values[0] as number[][]) : []), ...rowsOf(channels, layout.newline)]);
      }),
      { numRuns: 300, seed: 5 },
    );
    expect([...seen].sort()).toEqual([
      "bilinear true false",
      "bilinear true true",
      "max_pool false false",
      "max_pool false true",
      "none false false",
      "none false true",
      "none true false",
      "none true true",
      "views",
    ]);
  });

  test("a picture thinner than a patch keeps its newlines alone", () => {
    const g = geometry("spatial_unpad", "anyres", 2);
    const layout = pictureLayout({ width: 1, height: 1000 }, g);
    const got = pictureTokens(features(4, 2), layout, newline);
    expect(got.size(0)).toBe(layout.tokens);
    expect(got.narrow(0, 4, got.size(0) - 4).toNumbers()).toEqual(range(got.size(0) - 4).flatMap(() => [100, -100]));
  });

  test("a single view: its rows, and one newline where the merge type unpads", () => {
    const view = features(1, 3);
    const rows = view
      .select(0, 0)
      .unbind(0)
      .map((row) => row.toNumbers());
    const of = (merge: string) =>
      pictureTokens(view, pictureLayout({ width: 9, height: 5 }, geometry(merge, "pad", 3)), newline);
    expectRows(of("spatial_unpad"), [...rows, [100, -100]]);
    expectRows(of("spatial"), rows);
    expectRows(of("flat"), rows);
  });
});

describe("videos", () => {
  test.each(["bilinear", "average", "max"] as const)("%s pooling, with every place of newlines", (poolMode) => {
    for (const n of [2, 3, 4, 7])
      for (const newlinePosition of ["grid", "frame", "one_token", "no_token"] as const)
        for (const merge of ["spatial_unpad", "spatial", "flat"]) {
          const g = { ...geometry(merge, "anyres", n), poolMode, newlinePosition };
          const frames = features(3, n);
          const layout = videoLayout(3, g);
          const got = videoTokens(frames, layout, newline);
          expect(got.size(0)).toBe(layout.tokens);
          const small = frames.unbind(0).map((frame) => {
            const values = frame.unbind(0).map((patch) => patch.toNumbers());
            return range(D).map((d) => {
              const whole = plane(n, n, (y, x) => values[y * n + x]?.[d] as number);
              if (poolMode === "bilinear") return bilinear(whole, Math.ceil(n / 2), Math.ceil(n / 2));
              return pooled(whole, poolMode === "max" ? (v) => Math.max(...v) : (v) => v.reduce((a, b) => a + b) / 4);
            });
          });
          const end = [newline.toNumbers()];
          const wanted = {
            grid: small.flatMap((channels) => rowsOf(channels, true)),
            frame: small.flatMap((channels) => [...rowsOf(channels, false), ...end]),
            one_token: [...small.flatMap((channels) => rowsOf(channels, false)), ...end],
            no_token: small.flatMap((channels) => rowsOf(channels, false)),
          }[layout.newline];
          expectRows(got, wanted);
          if (merge === "spatial_unpad") expect(layout.newline).toBe(newlinePosition);
        }
  });
});

test("a missing newline vector is named", () => {
  const layout = pictureLayout({ width: 9, height: 5 }, geometry("spatial_unpad", "anyres", 2));
  expect(() => pictureTokens(features(5, 2), layout, undefined)).toThrow("needs image_newline");
});

test("arguments stay as they are", () => {
  const aspect: AspectRatio = { kind: "anyres", maxTiles: 1 };
  const g = { ...geometry("spatial_unpad", "anyres", 3), aspectRatio: aspect };
  const views = features(1 + 9, 3);
  const before = views.toNumbers();
  const layout = pictureLayout({ width: 84, height: 84 }, g);
  expect(layout).toMatchObject({ resize: "bilinear" });
  pictureTokens(views, layout, newline);
  videoTokens(views, videoLayout(10, g), newline);
  expect(views.toNumbers()).toEqual(before);
  expect(memory().forgotten).toBe(0);
});
