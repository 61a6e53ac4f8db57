/** scenes.jsonl goes from hand to hand: what a line lacks is told with its scene. */
import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { layoutOf, readScenes } from "./scene-records.js";

const { at } = folderOfEachTest();

const world = { names: 8, grid: 3, maxObjects: 2, maxCount: 2, sizes: true, colors: 4, textures: true };
const dog = { name: "dog", count: 1, position: "top left", boxes: [[0, 0, 10, 10]] };
const record = (scene: object) => ({
  id: "scene-7",
  image: "7.png",
  sha256: "0".repeat(64),
  conversations: [],
  scene: {
    style: "noto",
    background: { color: "blue" },
    objects: [dog],
    world: { ...world, wording: "plain" },
    ...scene,
  },
});

async function layouts(scene: object): Promise<unknown[]> {
  writeFileSync(at("scenes.jsonl"), JSON.stringify(record(scene)));
  const found: unknown[] = [];
  for await (const { record } of readScenes(at("scenes.jsonl"))) found.push(layoutOf(record));
  return found;
}

test.each([
  ["a box of five sides", { objects: [{ ...dog, boxes: [[0, 0, 1, 1, 1]] }] }, /scene "scene-7": objects.0.boxes.0: /],
  ["no boxes", { objects: [{ ...dog, boxes: undefined }] }, /scene "scene-7": objects.0.boxes: /],
  ["a picture of no size", { size: 0 }, /scene "scene-7": size: /],
  ["an object that there is none of", { objects: [{ ...dog, name: "zebra" }] }, /scenes.jsonl:1: .*objects.0.name/],
])("%s", async (_, scene, message) => {
  const refused = layouts(scene);
  await expect(refused).rejects.toThrow(UserError);
  await expect(refused).rejects.toThrow(message);
});

test("where the objects stand, in a picture of 96 pixels where nothing is said", async () => {
  expect(await layouts({})).toEqual([{ size: 96, boxes: [[[0, 0, 10, 10]]] }]);
});
