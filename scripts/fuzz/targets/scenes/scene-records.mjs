// @ts-check
import { layoutOf, readScenes } from "../../../../packages/rediff/dist/scenes/records/scene-records.js";
import { json } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const world = {
  names: 8,
  grid: 3,
  maxObjects: 2,
  maxCount: 2,
  sizes: true,
  colors: 4,
  textures: true,
  wording: "plain",
};
const record = {
  id: "1",
  image: "pictures/1.png",
  sha256: "0".repeat(64),
  conversations: [{ from: "human", value: "<image>\nWhat is there?" }],
  scene: {
    style: "noto",
    background: { color: "blue", texture: "plain" },
    size: 96,
    objects: [{ name: "dog", count: 1, position: "top left", size: "small", boxes: [[0, 0, 10, 10]] }],
    world,
  },
};

/** Scenes, which are a data set that goes from hand to hand. */
export default defineTarget({
  covers: ["scenes/records/scene-records.js", "scenes/records/scene-schema.js"],
  file: "scenes.jsonl",
  seeds: [json(record), new Uint8Array(Buffer.from(`${JSON.stringify(record)}\n\n${JSON.stringify(record)}\n`))],
  dictionary: [
    '"objects":',
    '"boxes":',
    '"count":',
    '"size":',
    "[]",
    "null",
    "1e400",
    "\n",
    "\xff",
    '"dog"',
    '"top left"',
  ],
  async run(_input, { file }) {
    for await (const { record, facts } of readScenes(file)) {
      layoutOf(record);
      facts.objects.length;
    }
  },
});
