/** The picture that all tabs are about: a file, or the scene on the board. */
import type { Scene } from "../scene/scene.js";
import type { Problem } from "../server/problem.js";

export interface PictureFile {
  name: string;
  /** data: URL of what is shown and sent. */
  url: string;
  /** Pixels of it, upright. */
  width: number;
  height: number;
  /** Of the file. */
  original: { width: number; height: number };
}

export interface PictureState {
  source: "file" | "scene";
  file: PictureFile | undefined;
  scene: Scene | undefined;
  /** Cell of the scene that the keys act on. */
  cell: number;
  /** Name of the file that the server is reading, because this browser cannot. */
  waiting: string | undefined;
  problem: Problem | undefined;
  /** What the problem is about, where trying again may help. */
  failed: File | undefined;
}
