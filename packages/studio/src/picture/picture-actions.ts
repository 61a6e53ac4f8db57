/** Taking a picture from a file, the clipboard or the board, and handing it to requests. */
import type { Facts } from "../../../rediff/src/scenes/world/facts.js";
import { type App, announce, patch } from "../app/app.js";
import { sceneToPng } from "../scene/draw.js";
import { isEmpty, type Scene } from "../scene/scene.js";
import { factsOfScene } from "../scene/scene-facts.js";
import { problemOf } from "../server/problem.js";
import { fitting } from "./fit-picture.js";
import type { PictureFile, PictureState } from "./picture-state.js";

export async function chooseFile(app: App, file: File): Promise<void> {
  try {
    const { models } = app.store.get();
    const read = await fitting(file, Math.max(0, ...models.map(({ rediff }) => rediff.largest_view)));
    patch(app, "picture", { source: "file", file: read, problem: undefined });
    announce(app, `Picture ${read.name} loaded.`);
  } catch (thrown) {
    patch(app, "picture", { problem: problemOf(thrown) });
  }
}

export function changeScene(app: App, change: (scene: Scene) => Scene): void {
  const { scene } = app.store.get().picture;
  if (scene !== undefined) patch(app, "picture", { scene: change(scene), problem: undefined });
}

/** Another scene on the board, which is shown. */
export function showScene(app: App, scene: Scene): void {
  patch(app, "picture", { source: "scene", scene, cell: 0, problem: undefined });
}

export function hasPicture({ store }: App): boolean {
  const { source, file, scene } = store.get().picture;
  return source === "file" ? file !== undefined : scene !== undefined && !isEmpty(scene);
}

/** The picture as requests carry it; a scene is drawn at the model's size. */
export async function currentPicture({ store, sprites }: App): Promise<Pick<PictureFile, "name" | "url"> | undefined> {
  const { picture, catalog, model } = store.get();
  if (picture.source === "file") return picture.file && { name: picture.file.name, url: picture.file.url };
  if (picture.scene === undefined || catalog === undefined || isEmpty(picture.scene)) return undefined;
  return {
    name: "scene.png",
    url: await sceneToPng(picture.scene, catalog, sprites, model?.rediff.image_size ?? 96),
  };
}

/** The same for the same picture, as long as the page is open. */
export function pictureKey({ source, file, scene }: PictureState): string {
  return source === "file" ? (file?.url ?? "") : JSON.stringify(scene ?? "");
}

/** What is true of the picture, where that is known: of a composed scene. */
export function truthOf({ store }: App): Facts | undefined {
  const { picture, catalog } = store.get();
  if (picture.source === "file" || picture.scene === undefined || catalog === undefined) return undefined;
  return isEmpty(picture.scene) ? undefined : factsOfScene(picture.scene, catalog);
}
