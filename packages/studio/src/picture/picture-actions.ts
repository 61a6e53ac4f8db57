/** Taking a picture from a file, the clipboard or the board, and handing it to requests. */

import type { Facts } from "../../../rediff/src/scenes/world/facts.js";
import { type App, announce, begin, giveUp, noteProblem, patch } from "../app/app.js";
import { answering } from "../models/answering.js";
import { sceneToPng } from "../scene/draw.js";
import { isEmpty, type Scene } from "../scene/scene.js";
import { factsOfScene } from "../scene/scene-facts.js";
import { type AskServer, fitting, nameOf } from "./fit-picture.js";
import type { PictureFile, PictureState } from "./picture-state.js";

/** A later choice, or a scene, gives up an earlier one that is still being read. */
export async function chooseFile(app: App, file: File): Promise<void> {
  const signal = begin(app, "picture");
  patch(app, "picture", { waiting: undefined, problem: undefined, failed: undefined });
  const askServer: AskServer = (sent, maxSide) => {
    if (!signal.aborted) patch(app, "picture", { waiting: nameOf(sent) });
    return app.api.redraw(sent, maxSide, signal);
  };
  try {
    const { models } = app.store.get();
    const read = await fitting(file, Math.max(0, ...models.map(({ rediff }) => rediff.largest_view)), askServer);
    if (signal.aborted) return;
    patch(app, "picture", { source: "file", file: read, waiting: undefined });
    announce(app, `Picture ${read.name} loaded.`);
  } catch (thrown) {
    if (!signal.aborted) patch(app, "picture", { waiting: undefined, problem: noteProblem(app, thrown), failed: file });
  }
}

export function stopReading(app: App): void {
  giveUp(app, "picture");
  patch(app, "picture", { waiting: undefined });
}

export function changeScene(app: App, change: (scene: Scene) => Scene): void {
  const { scene } = app.store.get().picture;
  if (scene !== undefined) patch(app, "picture", { scene: change(scene), problem: undefined });
}

/** Another scene on the board, which is shown. */
export function showScene(app: App, scene: Scene): void {
  stopReading(app);
  patch(app, "picture", { source: "scene", scene, cell: 0, problem: undefined });
}

export function hasPicture({ store }: App): boolean {
  const { source, file, scene } = store.get().picture;
  return source === "file" ? file !== undefined : scene !== undefined && !isEmpty(scene);
}

/** The picture as requests carry it; a scene is drawn at the model's size. */
export async function currentPicture({ store, sprites }: App): Promise<Pick<PictureFile, "name" | "url"> | undefined> {
  const { picture, catalog } = store.get();
  if (picture.source === "file") return picture.file && { name: picture.file.name, url: picture.file.url };
  if (picture.scene === undefined || catalog === undefined || isEmpty(picture.scene)) return undefined;
  const size = answering(store.get())?.rediff.image_size || 96; // one that sees nothing has none
  return {
    name: "scene.png",
    url: await sceneToPng(picture.scene, catalog, sprites, size),
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
