/** A scene onto a canvas of any size: the board's on the screen, and the picture that the model gets. */
import type { Catalog, Scene } from "./scene.js";
import { placements } from "./scene.js";
import { blank, type Sprite, type Sprites } from "./sprites.js";

/** Drawings of every sticker in the scene. */
export async function spritesOf(scene: Scene, sprites: Sprites): Promise<Map<string, Sprite>> {
  const icons = [...new Set(scene.cells.flatMap((group) => (group === undefined ? [] : [group.icon])))];
  const loaded = await Promise.all(icons.map((icon) => sprites.sprite(scene.style, icon)));
  return new Map(icons.flatMap((icon, i) => (loaded[i] === undefined ? [] : [[icon, loaded[i]]])));
}

export function drawScene(
  context: CanvasRenderingContext2D,
  side: number,
  scene: Scene,
  catalog: Catalog,
  sprites: ReadonlyMap<string, Sprite>,
): void {
  context.fillStyle = catalog.backgrounds.find(({ name }) => name === scene.background)?.color ?? "#fff";
  context.fillRect(0, 0, side, side);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  for (const { icon, x, y, side: longer } of placements(scene)) {
    const sprite = sprites.get(icon);
    if (sprite === undefined) continue;
    const factor = (longer * side) / Math.max(sprite.width, sprite.height);
    const width = Math.max(1, Math.round(sprite.width * factor));
    const height = Math.max(1, Math.round(sprite.height * factor));
    context.drawImage(sprite.image, Math.round(x * side - width / 2), Math.round(y * side - height / 2), width, height);
  }
}

/** data: URL of a PNG with `side` pixels along a side. */
export async function sceneToPng(scene: Scene, catalog: Catalog, sprites: Sprites, side: number): Promise<string> {
  const drawings = await spritesOf(scene, sprites);
  const { canvas, context } = blank(side, side);
  drawScene(context, side, scene, catalog, drawings);
  return canvas.toDataURL("image/png");
}
