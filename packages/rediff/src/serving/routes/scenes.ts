/** Artwork for composing scenes, where the model is one of the scene world: what its training pictures were made of. */
import type { Hono } from "hono";
import { compress } from "hono/compress";
import { readIconSet } from "../../scenes/picture/artwork.js";
import { stickerCatalog } from "../../scenes/world/catalog.js";
import { styles } from "../../scenes/world/world.js";
import type { AppEnv } from "../http/api-keys.js";
import type { Serving } from "../route-context.js";

export function sceneRoutes(app: Hono<AppEnv>, { served }: Serving): void {
  const knowsScenes = () => served.some(({ engine }) => engine.facts?.sceneWorld);
  app.get("/v1/scenes/stickers", (c) => {
    if (!knowsScenes()) return c.notFound();
    return c.json(stickerCatalog());
  });

  // All drawings of one artwork in one answer: a page needs dozens.
  app.get("/v1/scenes/stickers/:file{[a-z-]+\\.json}", compress(), async (c) => {
    const style = styles.find((name) => `${name}.json` === c.req.param("file"));
    if (!knowsScenes() || style === undefined) return c.notFound();
    return c.json(Object.fromEntries(await readIconSet(style)), 200, { "cache-control": "public, max-age=86400" });
  });

  app.get("/v1/scenes/stickers/:style/:file{[a-z-]+\\.svg}", async (c) => {
    const style = styles.find((name) => name === c.req.param("style"));
    if (!knowsScenes() || style === undefined) return c.notFound();
    const svg = (await readIconSet(style)).get(c.req.param("file").replace(/\.svg$/, ""));
    if (svg === undefined) return c.notFound();
    return c.body(svg, 200, {
      "content-type": "image/svg+xml",
      "cache-control": "public, max-age=86400",
      // Opened on its own, a drawing is a document: it may do nothing.
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    });
  });
}
