/** The page's own drawing of held-out scenes, for measure-scenes.mjs, which runs this inside the page. */
import type { Facts } from "../../rediff/src/scenes/world/facts.js";
import { sceneToPng } from "../src/scene/draw.js";
import { sceneOfFacts } from "../src/scene/scene-facts.js";
import { createSprites } from "../src/scene/sprites.js";
import { createApi } from "../src/server/api.js";

export async function drawScenes(scenes: readonly { facts: Facts; style: string }[], side: number): Promise<string[]> {
  const api = createApi({ fetch: (input, init) => fetch(input, init), key: () => "" });
  const sprites = createSprites(api);
  const catalog = await api.stickers();
  if (catalog === undefined) throw new Error("the server has no stickers");
  const pictures: string[] = [];
  for (const { facts, style } of scenes) {
    pictures.push(await sceneToPng(sceneOfFacts(facts, style, catalog), catalog, sprites, side));
  }
  return pictures;
}
