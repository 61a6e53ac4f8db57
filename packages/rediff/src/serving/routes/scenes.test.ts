/** Artwork over HTTP, where the model knows the world that it is of. */
import { Hono } from "hono";
import { expect, test } from "vitest";
import { stickerCatalog } from "../../scenes/world/catalog.js";
import { styles } from "../../scenes/world/world.js";
import type { AppEnv } from "../http/api-keys.js";
import type { Serving } from "../route-context.js";
import { sceneRoutes } from "./scenes.js";

function routes(sceneWorld: boolean) {
  const app = new Hono<AppEnv>();
  sceneRoutes(app, { served: [{ engine: { facts: { sceneWorld } } }] } as unknown as Serving);
  return app;
}

test("an artwork comes in one answer, compressed, with the drawings that come one by one", async () => {
  const app = routes(true);
  for (const style of styles) {
    const whole = await app.request(`/v1/scenes/stickers/${style}.json`, { headers: { "accept-encoding": "gzip" } });
    expect([style, whole.status, whole.headers.get("content-encoding")]).toEqual([style, 200, "gzip"]);
    const plain = await app.request(`/v1/scenes/stickers/${style}.json`);
    expect(plain.headers.get("content-encoding")).toBeNull();
    const drawings = (await plain.json()) as Record<string, string>;
    for (const { icon } of stickerCatalog().names) {
      const one = await app.request(`/v1/scenes/stickers/${style}/${icon}.svg`);
      expect([icon, await one.text()]).toEqual([icon, drawings[icon]]);
    }
  }
});

test("none of another name, and none where the model knows no scenes", async () => {
  expect((await routes(true).request("/v1/scenes/stickers/abacus.json")).status).toBe(404);
  expect((await routes(false).request(`/v1/scenes/stickers/${styles[0]}.json`)).status).toBe(404);
});
