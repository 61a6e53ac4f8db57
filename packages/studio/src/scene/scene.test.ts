import fc from "fast-check";
import { expect, test } from "vitest";
import { stickerCatalog } from "../../../rediff/src/scenes/world/catalog.js";
import { sceneSchema } from "./saved-scene.js";
import {
  clear,
  counts,
  emptyScene,
  isEmpty,
  kindsIn,
  move,
  place,
  placements,
  randomScene,
  type Scene,
  setCount,
  setSize,
} from "./scene.js";
import { visibleBox } from "./sprites.js";

const catalog = stickerCatalog();
const [apple, green] = [catalog.names[0]!, catalog.names[1]!];

const actions = fc.array(
  fc.oneof(
    fc.tuple(fc.nat(8), fc.nat(9)).map(
      ([cell, name]) =>
        (scene: Scene) =>
          place(scene, cell, catalog.names[name]!, catalog),
    ),
    fc.tuple(fc.nat(4), fc.nat(4)).map(
      ([from, to]) =>
        (scene: Scene) =>
          move(scene, from, to),
    ),
    fc.nat(3).map((cell) => (scene: Scene) => clear(scene, cell)),
    fc.tuple(fc.nat(3), fc.constantFrom(...counts)).map(
      ([cell, count]) =>
        (scene: Scene) =>
          setCount(scene, cell, count),
    ),
    fc.nat(3).map((cell) => (scene: Scene) => setSize(scene, cell, "small")),
  ),
  { maxLength: 20 },
);

test("a sticker goes into its cell; a second one of its kind moves it", () => {
  const one = place(emptyScene(catalog), 0, apple, catalog);
  expect(one.cells[0]).toMatchObject({ name: "red apple", count: 1, size: "large" });
  const moved = place(one, 3, apple, catalog);
  expect(moved.cells.map((group) => group?.name).indexOf("red apple")).toBe(3);
  expect(moved.cells.filter((group) => group !== undefined)).toHaveLength(1);
  expect(place(moved, 3, green, catalog).cells[3]?.name).toBe("green apple");
});

test("there are no more kinds than the world has in a picture; in the place of one there may be another", () => {
  const five = [0, 1, 2, 3, 4].reduce((scene, i) => place(scene, i, catalog.names[i]!, catalog), emptyScene(catalog));
  expect(kindsIn(five)).toBe(catalog.most_kinds);
  expect(place(five, 8, catalog.names[5]!, catalog)).toBe(five);
  expect(place(five, 0, catalog.names[5]!, catalog).cells[0]?.name).toBe(catalog.names[5]!.name);
  expect(place(five, 8, catalog.names[0]!, catalog).cells[8]?.name).toBe(catalog.names[0]!.name);
});

test("whatever is done, no kind comes twice and all objects are inside the picture", () => {
  fc.assert(
    fc.property(actions, (all) => {
      let scene = emptyScene(catalog);
      for (const act of all) scene = act(scene);
      expect(scene.cells).toHaveLength(catalog.positions.length);
      const icons = scene.cells.flatMap((group) => (group === undefined ? [] : [group.icon]));
      expect(new Set(icons).size).toBe(icons.length);
      expect(icons.length).toBeLessThanOrEqual(catalog.most_kinds);
      for (const { x, y, side } of placements(scene)) {
        expect(Math.min(x, y) - side / 2).toBeGreaterThanOrEqual(0);
        expect(Math.max(x, y) + side / 2).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test("a random scene has something on it, of different kinds, not on its own colour", () => {
  for (let i = 0; i < 200; i++) {
    const scene = randomScene(catalog);
    const names = scene.cells.flatMap((group) => (group === undefined ? [] : [group.name]));
    expect(isEmpty(scene)).toBe(false);
    expect(new Set(names).size).toBe(names.length);
    expect(names.map((name) => name.split(" ")[0])).not.toContain(scene.background);
  }
});

test("the box around what is visible", () => {
  const data = new Uint8Array(4 * 4 * 4);
  for (const [x, y] of [
    [1, 2],
    [3, 3],
  ] as const) {
    data[(y * 4 + x) * 4 + 3] = 255;
  }
  expect(visibleBox({ width: 4, height: 4, data })).toEqual({ left: 1, top: 2, width: 3, height: 2 });
});

test("whatever is composed is the same when it was kept, or sent in a link", () => {
  fc.assert(
    fc.property(actions, (steps) => {
      const scene = steps.reduce((state, step) => step(state), emptyScene(catalog));
      expect(sceneSchema.parse(JSON.parse(JSON.stringify(scene)))).toEqual(scene);
    }),
  );
  for (const count of counts) {
    const scene = setCount(place(emptyScene(catalog), 0, apple, catalog), 0, count);
    expect(sceneSchema.parse(JSON.parse(JSON.stringify(scene)))).toEqual(scene);
  }
});
