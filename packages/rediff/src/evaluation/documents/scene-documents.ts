/** Scenes that are made on the spot, from a seed that training has not: the embedded model can be tried without a download. */
import { UserError } from "../../errors.js";
import { loadArtwork } from "../../scenes/picture/artwork.js";
import { makeScene, type SceneOptions } from "../../scenes/records/generate-scenes.js";
import { makeWorld } from "../../scenes/world/world.js";
import { version } from "../../version.js";
import type { DocumentSource } from "./document-source.js";

/** Of the embedded model's published table. */
const SEED = 9001;
/** Where nobody says how many. */
const COUNT = 500;

/** What is as in training but for the scenes themselves, or unlike it. */
export const sceneKinds = {
  train: { style: "train", split: "train" },
  style: { style: "held-out", split: "train" },
  combinations: { style: "train", split: "held-out" },
} as const satisfies Record<string, Pick<SceneOptions, "style" | "split">>;
export type SceneKind = keyof typeof sceneKinds;

/** @param size pixels along a side, of a tile of the model that is asked
 *  @param count how many; default 500 */
export function sceneDocuments(kind: SceneKind, size: number, count: number = COUNT): DocumentSource {
  if (size % 8 !== 0 || size < 32 || size > 512)
    throw new UserError(
      `scenes have 32 to 512 pixels along a side, and the model sees ${size}`,
      "Give a folder of `rediff scenes generate` with --data.",
    );
  const options: SceneOptions = { ...sceneKinds[kind], world: makeWorld("demo"), seed: SEED, size };
  return {
    name: `scenes of seed ${SEED}`,
    fingerprint: `scenes:${version()}:${SEED}:${kind}:${size}`,
    count,
    folders: [],
    async *documents() {
      const artwork = loadArtwork();
      for (let index = 0; index < count; index++) {
        const { record, png } = await makeScene(index, options, artwork);
        yield { index, document: { ...record, image: png }, where: async () => `scene ${index}` };
      }
    },
  };
}
