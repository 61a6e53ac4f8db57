/** Taking a picture from a file, the clipboard or the board, and handing it to requests. */
import { type App, announce, patch } from "../app/app.js";
import { sceneToPng } from "../scene/draw.js";
import { isEmpty, type Scene } from "../scene/scene.js";
import { Problem, problemOf } from "../server/problem.js";
import type { PictureFile } from "./picture-state.js";

const MEGABYTE = 1_000_000;
/** The server takes requests of 16 MiB by default, in which a file is a third larger. */
const MAX_BYTES = 12 * MEGABYTE;

export async function chooseFile(app: App, file: File): Promise<void> {
  try {
    const read = await readPicture(file);
    patch(app, "picture", { source: "file", file: read, problem: undefined });
    announce(app, `Picture ${read.name} loaded.`);
  } catch (thrown) {
    patch(app, "picture", { problem: problemOf(thrown) });
  }
}

/** @throws Problem that says what is wrong with the file */
export async function readPicture(file: File): Promise<PictureFile> {
  const name = file.name === "" ? "pasted picture" : file.name;
  if (file.size > MAX_BYTES) {
    const size = (file.size / MEGABYTE).toFixed(1);
    throw new Problem(
      "bad-file",
      `${name} has ${size} MB, the limit is ${MAX_BYTES / MEGABYTE} MB. Choose a smaller one.`,
    );
  }
  const url = await dataUrl(file);
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    const advice = "Choose a PNG, JPEG, WebP, GIF or AVIF file.";
    throw new Problem("bad-file", `${name} is not a picture that can be read. ${advice}`);
  }
  return { name, url, width: image.naturalWidth, height: image.naturalHeight };
}

function dataUrl(file: File): Promise<string> {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(typeof reader.result === "string" ? reader.result : "");
    reader.onerror = () => fail(new Problem("bad-file", `${file.name} cannot be read. Is it still there?`));
    reader.readAsDataURL(file);
  });
}

export function changeScene(app: App, change: (scene: Scene) => Scene): void {
  const { scene } = app.store.get().picture;
  if (scene !== undefined) patch(app, "picture", { scene: change(scene), problem: undefined });
}

export function hasPicture({ store }: App): boolean {
  const { source, file, scene } = store.get().picture;
  return source === "file" ? file !== undefined : scene !== undefined && !isEmpty(scene);
}

/** The picture as requests carry it; a scene is drawn at the model's size. */
export async function currentPicture({ store, sprites }: App): Promise<{ name: string; url: string } | undefined> {
  const { picture, catalog, model } = store.get();
  if (picture.source === "file") return picture.file && { name: picture.file.name, url: picture.file.url };
  if (picture.scene === undefined || catalog === undefined || isEmpty(picture.scene)) return undefined;
  return {
    name: "scene.png",
    url: await sceneToPng(picture.scene, catalog, sprites, model?.rediff.image_size ?? 96),
  };
}
